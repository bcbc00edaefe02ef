"""e2ehco_migration: a loop for `python -m benchmarks.kernels`.

Its state machine is a compiled loop already, and the only statement of the published order of
events; so the loop here calls it too, and what is compared is all that goes around it.
"""

import numpy as np

from toolkit import problems
from toolkit.arrays import Decision
from toolkit.instances import rng_for
from toolkit.problems.e2ehco_migration import _kernels, machine

from .cases import Loops, Worth, case, loop


@case
def e2ehco_migration(n: int) -> Loops:
    problem = problems.load("e2ehco_migration", "hardened", n_users=n)
    data = problem.instance(0).data
    rate, upload = machine.counted(data)
    first, sizes = machine.first_servers(data), machine.sizes_of(data, upload)

    def choices(rows: int) -> Decision:
        drawn = problem.space(data).sample(rng_for("kernels"), (rows,))
        return {**drawn, "cpu": drawn["cpu"] / 4, "target": np.rint(drawn["target"])}

    def judge(decision: Decision) -> Worth:
        asked = (decision[k] for k in ("cpu", "bandwidth", "target"))
        return migration_judge(*asked, rate, first, sizes)

    return Loops(problem, choices, judge)


@loop
def migration_judge(cpu, bandwidth, target, rate, first, sizes):
    out = np.zeros((3, len(cpu)))
    whole = np.empty(target.shape[1:], np.int64)
    for r in range(len(cpu)):
        for t in range(len(whole)):
            for i in range(whole.shape[1]):
                whole[t, i] = int(target[r, t, i]) - 1
        done = _kernels.completions(rate, first, sizes, cpu[r], bandwidth[r], whole)
        out[0, r], out[2, r] = done.sum(), done.min()
    return out
