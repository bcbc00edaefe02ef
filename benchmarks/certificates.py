"""Certificates: how large they are, and how long it takes to re-prove them.

    python benchmarks/certificates.py            # a minute
    python benchmarks/certificates.py --full     # cpdrl up to 100,000 users, too

Prints a Markdown table: bytes of the certificate as JSON, its nodes, and processor seconds in both
arithmetics, from the record's values to the re-proved bound (the second of two runs: the first one
compiles or loads what is compiled). The solver is `exact` with a relative gap of 1e-6.
"""

import argparse
import json
import time
from collections.abc import Callable
from typing import Any

from toolkit import problems
from toolkit.bench._reprove import least_loss
from toolkit.instances import rng_for
from toolkit.solvers import Budget, Probe, registry

CASES: list[tuple[str, str, dict[str, Any]]] = [
    ("cpdrl", "paper", {}),
    ("cpdrl", "tight", {}),
    ("cpdrl", "large", {"n_users": 1_000}),
    ("cpdrl", "large", {"n_users": 10_000}),
    ("droo", "paper", {}),
    ("droo", "scaled", {}),
    ("droo", "scaled", {"n_users": 1_000}),
    ("ddlo", "clean", {}),
    ("ddlo", "large", {}),
    ("e2ehco", "clean", {}),
    ("e2ehco", "dense", {}),
    ("dgl_slot", "clean", {}),
    ("dgl_slot", "large", {}),
    ("dgl", "tiny", {}),
    ("dgl", "clean", {}),
    ("a3c", "tiny", {}),
    ("a3c", "clean", {}),
    ("e2ehco_migration", "hardened-tiny", {}),
]
FULL: list[tuple[str, str, dict[str, Any]]] = [("cpdrl", "large", {"n_users": 100_000})]
SECONDS = 60.0  # of a solver


def timed(call: Callable[[], Any]) -> tuple[Any, float]:
    start = time.process_time()
    found = call()
    return found, time.process_time() - start


def row(name: str, preset: str, changes: dict[str, Any]) -> str:
    problem = problems.load(name, preset, **changes)
    instance = problem.instance(0)
    probe = Probe(problem, instance, Budget(seconds=SECONDS), rng_for(0))
    result = probe.certify(registry.build("exact", gap=1e-6).solve(problem, instance, probe))
    if result.certificate is None:
        return f"| {name} | {preset} | {problem.n_users:,} | none | | | | |"
    text = json.dumps(result.certificate.as_json())
    seconds = []
    for arithmetic in ("float", "arb"):
        for _ in range(2):
            prove = lambda: least_loss(problem, instance, result.certificate, arithmetic)  # noqa: B023, E731
            loss, taken = timed(prove)
        seconds.append(f"{taken:.2g}")
    gap = (result.sign * result.objective - loss) / abs(loss) if result.objective else 0.0
    nodes = len(result.certificate.body.get("nodes", []))
    return (
        f"| {name} | {preset} | {problem.n_users:,} | {len(text):,} | {nodes} | "
        f"{max(gap, 0.0):.1g} | {' | '.join(seconds)} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="the largest sizes, too")
    parser.add_argument("--only", default="", help="problems, separated by commas")
    asked = parser.parse_args()
    print("| problem | preset | users | bytes | nodes | re-proved gap | float, s | arb, s |")
    print("|---|---|---|---|---|---|---|---|")
    for name, preset, changes in [*CASES, *(FULL if asked.full else [])]:
        if not asked.only or name in asked.only.split(","):
            print(row(name, preset, changes), flush=True)


if __name__ == "__main__":
    main()
