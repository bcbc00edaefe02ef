"""Tunes the prices of the rule `drift` of `a3c`, on seeds that serve nothing else.

python benchmarks/a3c_drift.py [--preset clean] [--count 400] [--choose 0.001]

For each density, and double and single offloading, every pair of prices (theta of servers, theta
of devices) of a grid decides the same episodes. Of the pairs whose mean cost a task is not above
the best one's by more than `choose` of it, that with the least sum of prices is chosen.
"""

import argparse
from functools import partial
from itertools import product

import numpy as np
from threadpoolctl import threadpool_limits

from toolkit import problems
from toolkit.arrays import Data
from toolkit.problems.a3c import rules

SEED = 20261007  # of tuning
SERVERS = (0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.4, 2.0, 3.0, 4.0)
DEVICES = (0.0, 0.01, 0.03, 0.1, 0.3)


def cost(problem: problems.Problem, data: Data, single: bool, prices: tuple[float, float]) -> float:
    """Mean cost a task at these prices (servers', devices')."""
    theta = [np.full(len(data["density"]), price) for price in prices]
    decision = rules.played(data, partial(score, theta=theta), single)
    found = problem.evaluate(data, decision)
    return float(found.objective.sum() / data["has"].sum())


def score(play: rules.EachTask, theta: list[np.ndarray]) -> np.ndarray:
    return rules.priced(play, *theta)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", default="clean")
    parser.add_argument("--count", type=int, default=400, help="episodes a density")
    parser.add_argument("--choose", type=float, default=0.0005)
    args = parser.parse_args()
    threadpool_limits(1)
    print(
        "| offloading | density | greedy | best | at | chosen | at |\n|---|---|---|---|---|---|---|"
    )
    for single, density in product((False, True), rules.DENSITIES):
        problem = problems.load("a3c", args.preset, density=density)
        data = problem.sample(np.random.default_rng(SEED), (args.count,))
        found = {p: cost(problem, data, single, p) for p in product(SERVERS, DEVICES)}
        best = min(found, key=lambda p: found[p])
        good = [p for p in found if found[p] <= found[best] * (1 + args.choose)]
        chosen = min(good, key=lambda p: (sum(p), found[p]))
        cells = (f"{found[p]:.4f} | {p}" for p in (best, chosen))
        name = "single" if single else "double"
        print(f"| {name} | {density} | {found[0.0, 0.0]:.4f} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
