"""How far policies are from the proven optimum on instances that they have not seen, in Markdown.

python benchmarks/unseen.py POLICY.zip … [--on droo:paper:10 droo:scaled:100] [--count 500]

Beside them `greedy`, and `dual`: the first column of the problem's features, the best mode that
the dual suggests, without any network.
"""

import argparse
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from toolkit import learners, problems, solve
from toolkit.arrays import Data
from toolkit.instances import Instance
from toolkit.problems import Problem

SEED, GUESSES, OPTIMAL = 20261122, (1, 8), 1e-9  # nothing was trained or tuned on this seed


def best(problem: Problem, data: Data, bits: np.ndarray) -> np.ndarray:
    """The objective of the best of several modes (rows, k, n) of each instance."""
    spread = {key: value[:, None] for key, value in data.items()}
    worth = problem.evaluate(spread, problem.complete(spread, {"offload": bits}))
    return problem.sign * (problem.sign * worth.objective).min(-1)


def by_solver(problem: Problem, cases: list[Instance], solver: str) -> np.ndarray:
    """The objectives that a solver finds."""
    return np.array([solve(problem, case, solver).objective for case in cases])


def methods(problem: Problem, cases: list[Instance], data: Data, files: list[Path]) -> dict:
    """The objectives of every method, (rows,)."""
    mode = (problem.features(data)[..., 0] > 0).astype(float)
    out = {
        "greedy": by_solver(problem, cases, "greedy"),
        "dual": best(problem, data, mode[:, None]),
    }
    for file in files:
        learner, net, *_ = learners.load(file)
        for k in GUESSES:
            bits = learner.act(net, problem, data, k)["offload"]
            out[f"{file.stem} k={k}"] = best(problem, data, bits)
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--on", nargs="+", default=["droo:paper:10", "droo:scaled:100"])
    parser.add_argument("--count", type=int, default=500)
    args = parser.parse_args()
    threadpool_limits(1)
    for where in args.on:
        name, preset, n = where.split(":")
        problem = problems.load(name, preset, n_users=int(n))
        cases = [problem.instance(i, seed=SEED) for i in range(args.count)]
        data = {key: np.stack([case.data[key] for case in cases]) for key in cases[0].data}
        optimum = by_solver(problem, cases, "exact")
        print(f"\n{where}, {args.count} instances\n\n| | mean gap | worst | optimal |")
        print("|---|---|---|---|")
        for method, found in methods(problem, cases, data, args.files).items():
            gap = np.maximum(problem.sign * (found - optimum) / np.abs(optimum), 0.0)
            share = np.mean(gap <= OPTIMAL)
            print(f"| {method} | {gap.mean():.1e} | {gap.max():.1e} | {share:.1%} |", flush=True)


if __name__ == "__main__":
    main()
