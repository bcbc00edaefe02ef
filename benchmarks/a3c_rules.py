"""Mean cost of a task under each rule of `a3c`, at several densities, in Markdown.

python benchmarks/a3c_rules.py [--preset clean …] [--rules greedy …] [--densities 0.3 …]

± is the standard error over episodes; in brackets the share of tasks that are late. Rules that use
chance draw it from a seed of their own, and `drift` was tuned on other episodes.
"""

import argparse

import numpy as np
from threadpoolctl import threadpool_limits

from toolkit import problems
from toolkit.arrays import Data
from toolkit.instances import rng_for
from toolkit.problems import Problem

SEED = 20261122  # nothing was tuned on it


def cell(problem: Problem, data: Data, rule: str) -> str:
    found = problem.evaluate(data, problem.follow(data, rule, rng_for("rules", rule)))
    assert found.feasible().all()
    tasks = data["has"].sum((-2, -1))
    mean = found.objective.sum() / tasks.sum()
    error = (found.objective - mean * tasks).std(ddof=1) / tasks.mean() / np.sqrt(len(tasks))
    late = found.terms["late"].sum() / tasks.sum()
    return f"{mean:.4f} ± {error:.4f}" + (f" [{late:.2f}]" if late >= 0.005 else "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", nargs="+", default=["clean"])
    parser.add_argument("--rules", nargs="+", help="some of them only")
    parser.add_argument("--count", type=int, default=60, help="episodes a density")
    parser.add_argument("--densities", type=float, nargs="*", default=[0.3, 0.5, 0.7, 0.9])
    parser.add_argument("--topology", type=int, help="seed of places, other than the preset's")
    args = parser.parse_args()
    given = {} if args.topology is None else {"topology": args.topology}
    threadpool_limits(1)
    print("| preset | rule | " + " | ".join(f"{rho:g}" for rho in args.densities) + " |")
    print("|---" * (2 + len(args.densities)) + "|")
    for preset in args.preset:
        loaded = [problems.load("a3c", preset, density=rho, **given) for rho in args.densities]
        drawn = [p.sample(np.random.default_rng(SEED), (args.count,)) for p in loaded]
        for rule in args.rules or loaded[0].rules:
            cells = [cell(p, data, rule) for p, data in zip(loaded, drawn, strict=True)]
            print(f"| `{preset}` | `{rule}` | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
