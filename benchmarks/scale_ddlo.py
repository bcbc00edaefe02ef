"""How long `ddlo` takes to be proved where shares are decided: whole calls of `exact`.

python benchmarks/scale_ddlo.py [--instances 50] [--gap 1e-6 1e-9] [--seconds 20] [--only 20x12 …]

Milliseconds of processor time of one thread (compilation off the clock, judging included), nodes,
and how many stay open. `starved`: 100 users with 10 tasks on the published uplink for three.
"""

import argparse
import time
from typing import Any

import numpy as np

import toolkit

CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "3x3": ("shared", {}),
    "10x5": ("shared", {"n_users": 10, "n_tasks": 5}),
    "clean 10x5": ("clean", {"n_users": 10, "n_tasks": 5}),
    "20x12": ("shared", {"n_users": 20, "n_tasks": 12}),
    "clean 20x12": ("clean", {"n_users": 20, "n_tasks": 12}),
    "100x10": ("large", {}),
    "100x12": ("large", {"n_tasks": 12}),
    "1000x10": ("large", {"n_users": 1000}),
    "starved": ("shared", {"n_users": 100, "n_tasks": 10}),
}


def line(name: str, gap: float, instances: int, seconds: float) -> str:
    preset, params = CASES[name]
    problem = toolkit.make("ddlo", preset, **params)
    spent, nodes, left = [], [], []
    for index in range(instances + 1):
        instance, begun = problem.instance(index), time.process_time()
        result = toolkit.solve(problem, instance, "exact", gap=gap, seconds=seconds)
        spent.append(1e3 * (time.process_time() - begun))
        assert result.certificate is not None
        assert result.gap is not None
        nodes.append(len(result.certificate.body["nodes"]))
        left.append(result.gap)
    middle, high, most = np.quantile(spent[1:], (0.5, 0.95, 1.0))
    times = f"{middle:.3g} / {high:.3g} / {most:.3g}"
    unproved = sum(found > gap for found in left)
    counts = f"{np.median(nodes):.0f} / {max(nodes)}"
    return (
        f"| {name} | {gap:g} | {times} | {counts} | {unproved} of {len(left)} | {max(left):.1e} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--instances", type=int, default=50)
    parser.add_argument("--gap", type=float, nargs="*", default=[1e-6, 1e-9])
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--only", nargs="*", choices=sorted(CASES), default=list(CASES))
    args = parser.parse_args()
    print("| users x tasks | asked | ms median / p95 / most | nodes median / most | open | gap ≤ |")
    print("|---|---|---|---|---|---|")
    for name in args.only:
        for gap in args.gap:
            print(line(name, gap, args.instances, args.seconds), flush=True)


if __name__ == "__main__":
    main()
