"""Targets of slots by the best change again and again, and by the polish of all congestion.

python benchmarks/dgl_targets.py

Mean QoE of 200 slots (5 of `large`) and milliseconds of the processor a slot, from nobody
offloading. As in `toolkit/problems/dgl/inner.py` pairs are left out in `large`.
"""

import time
from collections.abc import Callable

import numpy as np

from toolkit import problems
from toolkit.problems.dgl.inner import SWAPS, improved
from toolkit.problems.dgl_slot.tables import tables

SLOTS = {"as-published": 200, "paper": 200, "part": 200, "clean": 200, "large": 5}


def main() -> None:
    print("| | best change: QoE, ms | polish: QoE, ms |\n|---|---|---|")
    for preset, count in SLOTS.items():
        problem = problems.load("dgl_slot", preset)
        data = problem.sample(np.random.default_rng(0), (count,))
        nobody = {"target": np.zeros(np.shape(data["service"]))}
        pairs = problem.users(data) <= SWAPS

        def worth(find: Callable[[], np.ndarray], problem=problem, data=data, count=count) -> str:
            find()  # compiles
            begun = time.process_time()
            target = find()
            spent = 1e3 * (time.process_time() - begun) / count
            found = problem.evaluate(data, problem.complete(data, {"target": target}))
            return f"{found.objective.mean():.4f}, {spent:.3f}"

        here = worth(lambda data=data: improved(tables(data), data["cell"]))
        there = worth(lambda p=problem, d=data, n=nobody, b=pairs: p.polish(d, n, b)["target"])
        print(f"| `{preset}` | {here} | {there} |", flush=True)


if __name__ == "__main__":
    main()
