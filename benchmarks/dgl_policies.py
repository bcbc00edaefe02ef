"""How far rules and trained policies are from the clairvoyant optimum of `dgl`, in Markdown.

python benchmarks/dgl_policies.py [POLICY.zip …] [--preset clean] [--count 64] [--rules bayes …]

A gap is the mean of 1 - reward / optimum over the same unseen episodes, with its 95 % interval:
bootstrap over episodes, and, of policies that differ in their seed alone, over these too.
Seconds are the processor's, of deciding and judging all episodes at once.
"""

import argparse
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from toolkit import learners, problems
from toolkit.arrays import Data, Decision
from toolkit.problems import Problem
from toolkit.problems.dgl.clairvoyant import clairvoyant

SEED, RESAMPLES, LEVEL = 20261122, 2000, 0.95  # nothing was trained or tuned on this seed
LADDER = "nothing random-once popular counts last3 last static bayes-last bayes known oracle"


def optima(data: Data) -> np.ndarray:
    """The reward of each episode if all were known in advance, (rows,)."""
    rows = ({key: value[i] for key, value in data.items()} for i in range(len(data["service"])))
    return np.array([clairvoyant(row).solved[0] for row in rows])


def interval(gap: np.ndarray) -> tuple[float, float]:
    """Of the mean of gap (seeds, episodes): seeds and episodes are drawn, each for itself."""
    rng = np.random.default_rng(SEED)
    seeds, episodes = gap.shape
    means = [
        gap[rng.integers(seeds, size=seeds)][:, rng.integers(episodes, size=episodes)].mean()
        for _ in range(RESAMPLES)
    ]
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def show(name: str, rewards: list[np.ndarray], best: np.ndarray, cells: list[str]) -> None:
    """A row of the table, of rewards (rows,) of each seed."""
    gap = 100 * (1 - np.array(rewards) / best)
    low, high = interval(gap)
    each = " ".join(f"{one:.1f}" for one in gap.mean(1)) if len(gap) > 1 else ""
    row = [name, f"{np.mean(rewards):.2f}", f"{gap.mean():.1f} ({low:.1f}–{high:.1f})", each]
    print("| " + " | ".join(row + cells) + " |", flush=True)


def reward(problem: Problem, data: Data, decide: Callable[[], Decision]) -> tuple[np.ndarray, str]:
    """(rewards (rows,) of a decision that is feasible, the processor's seconds)."""
    begun = time.process_time()
    found = problem.evaluate(data, decide())
    spent = time.process_time() - begun
    assert np.all(found.feasible())
    return np.asarray(found.objective), f"{spent:.1f}"


def policies(files: list[Path], problem: Problem, data: Data, best: np.ndarray) -> None:
    """A row for each kind of policy; files of one kind differ in their seed."""
    kinds: dict[str, list[tuple[np.ndarray, str, dict]]] = defaultdict(list)
    for file in files:
        learner, net, _, head = learners.load(file)
        act = lambda a=learner, b=net: {k: v[:, 0] for k, v in a.act(b, problem, data).items()}  # noqa: E731
        kinds[str(learner)].append((*reward(problem, data, act), head))
    for name, found in kinds.items():
        heads = [head for _, _, head in found]
        cost = [f"{np.mean([head[key] for head in heads]):.0f}" for key in ("steps", "seconds")]
        show(f"`{name}`", [value for value, *_ in found], best, [*cost, found[0][1]])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--preset", default="clean")
    parser.add_argument("--count", type=int, default=64, help="episodes")
    parser.add_argument("--rules", nargs="*", default=LADDER.split())
    args = parser.parse_args()
    threadpool_limits(1)
    problem = problems.load("dgl", args.preset)
    data = problem.sample(np.random.default_rng(SEED), (args.count,))
    best = optima(data)
    print(f"`{args.preset}`, {args.count} episodes, clairvoyant {best.mean():.2f}\n")
    print("| | reward | gap % | by seed | steps | training s | deciding s |")
    print("|---|---|---|---|---|---|---|")
    for rule in args.rules:
        follow = lambda r=rule: problem.follow(data, r, np.random.default_rng(0))  # noqa: E731
        value, spent = reward(problem, data, follow)
        show(rule, [value], best, ["", "", spent])
    policies(args.files, problem, data, best)


if __name__ == "__main__":
    main()
