"""cpdrl: loops for `python -m benchmarks.kernels`."""

import math

import numpy as np

from toolkit import problems
from toolkit.arrays import Decision
from toolkit.instances import rng_for

from .cases import Loops, Worth, case, loop


@case
def cpdrl(n: int) -> Loops:
    problem = problems.load("cpdrl", "large", n_users=n)
    data = problem.instance(0).data
    names = ("deadline", "f_server", "bandwidth", "p_max", "kappa", "weight_delay", "weight_energy")
    one = np.array([float(data[k]) for k in names])
    users = np.stack(
        [
            data["size"] * math.log(2),
            data["size"] * data["cycles"],
            data["f_max"],
            data["gain"] / data["noise"],
        ]
    )

    def choices(rows: int) -> Decision:
        rng = rng_for("kernels")
        offload = rng.integers(0, 2, (rows, n)).astype(float)
        return problem.complete(data, {"offload": offload})

    def judge(decision: Decision) -> Worth:
        asked = (decision[k] for k in ("offload", "bandwidth", "power", "frequency"))
        return cpdrl_judge(*asked, users, one)

    return Loops(problem, choices, judge)


@loop
def cpdrl_judge(offload, bandwidth, power, frequency, users, one):
    rows, n = offload.shape
    out = np.zeros((4, rows))
    for r in range(rows):
        count = 0.0
        for i in range(n):
            count += offload[r, i]
        delay, energy, late, used, apart = 0.0, 0.0, 0.0, 0.0, 0.0
        for i in range(n):
            x, b, p, f = offload[r, i], bandwidth[r, i], power[r, i], frequency[r, i]
            here = abs(b) / one[2] + abs(p) / one[3] + (0.0 if f > 0 else 1.0)
            away = abs(f) / users[2, i] + (0.0 if b > 0 else 1.0) + (0.0 if p > 0 else 1.0)
            apart = max(apart, (1 - x) * here + x * away)
            used += b
            b = b if b > 0 else 1e-12 * one[2]
            p = p if p > 0 else 1e-12 * one[3]
            f = f if f > 0 else 1e-12 * users[2, i]
            took, spent = 0.0, 0.0
            if x < 1:
                took += (1 - x) * users[1, i] / f
                spent += (1 - x) * one[4] * users[1, i] * f * f
            if x > 0:
                upload = users[0, i] / (b * math.log1p(p * users[3, i]))
                took += x * (upload + users[1, i] * count / one[1])
                spent += x * p * upload
            late = max(late, (took - one[0]) / one[0])
            delay += took
            energy += spent
        over = max(late, (used - one[2]) / one[2], apart, 0.0)
        out[0, r], out[1, r] = one[5] * delay + one[6] * energy, over
        out[2, r], out[3, r] = delay, energy
    return out
