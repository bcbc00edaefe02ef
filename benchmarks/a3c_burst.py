"""How long a burst of wrong decisions in `a3c` is felt by a greedy policy.

python benchmarks/a3c_burst.py [--density 0.7] [--count 200] [--burst 10 13]

Prints the mean cost of an episode without and with it, and for each slot how much more work (s)
all queues hold, just before the slot's last task is decided.
"""

import argparse

import numpy as np

from toolkit import problems
from toolkit.arrays import Data
from toolkit.problems import Problem

SEED = 7


def played(problem: Problem, data: Data, burst: tuple[int, int] | None) -> tuple[np.ndarray, float]:
    """(mean work in s of each slot, mean cost)."""
    play = problem.dynamics(data, burst=burst)
    rows, slots = np.arange(len(data["has"])), data["has"].shape[1]
    work = np.full((len(rows), slots + 1), np.nan)  # the last one: nothing is left to decide
    while play.at < play.steps:
        seen = play.observe("slot", "work", "local_work", "marginal")
        now = seen["work"].sum((-2, -1)) + seen["local_work"].sum(-1)
        work[rows, seen["slot"].astype(int)] = now
        play.step({"mode": seen["marginal"].argmin(-1)})
    cost = problem.evaluate(data, play.decision()).objective.mean()
    return np.nanmean(work[:, :slots], axis=0), float(cost)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--density", type=float, default=0.7)
    parser.add_argument("--count", type=int, default=200, help="episodes")
    parser.add_argument("--burst", type=int, nargs=2, default=(10, 13), help="slots, from and to")
    args = parser.parse_args()
    problem = problems.load("a3c", "clean", density=args.density)
    data = problem.sample(np.random.default_rng(SEED), (args.count,))
    calm, cost = played(problem, data, None)
    hurt, more = played(problem, data, tuple(args.burst))
    print(f"cost {cost:.1f} without, {more:.1f} with\n| slot | more work, s |\n|---|---|")
    for slot in range(args.burst[0], len(calm)):
        print(f"| {slot} | {hurt[slot] - calm[slot]:.1f} |")


if __name__ == "__main__":
    main()
