"""Genetic algorithms against the proven optimum of slots: python benchmarks/genetic_gaps.py

Prints a Markdown table a preset: the mean shortfall over the mean optimum, in per cent, of the best
individual of the last generation and of all generations, after 20 and after 100 generations.
"""

import argparse

import numpy as np

from toolkit import problems
from toolkit.envs._inner import genetic_slots
from toolkit.instances import rng_for
from toolkit.problems import Problem
from toolkit.solvers import Budget, Probe, registry

KINDS = ("ga_dgl", "ga_improved", "ga_mask")


def optima(problem: Problem, count: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Slots (count, …) and their optima, proven to 1e-6."""
    exact, found = registry.build("exact", gap=1e-6), []
    instances = [problem.instance(index, seed=0) for index in range(count)]
    for instance in instances:
        probe = Probe(problem, instance, Budget(seconds=60), rng_for("exact"))
        result = probe.certify(exact.solve(problem, instance, probe))
        assert result.status == "optimal", (instance.name, result.status)
        found.append(result.objective)
    data = {key: np.stack([i.data[key] for i in instances]) for key in instances[0].data}
    return data, np.array(found)


def gap(
    problem: Problem, slots: dict[str, np.ndarray], best: np.ndarray, seeds: int, *how
) -> float:
    """Mean shortfall over seeds and slots, over the mean optimum, in per cent."""
    solve, found = genetic_slots(problem, *how), []
    for seed in range(seeds):
        judged = problem.evaluate(slots, solve(slots, rng_for("gaps", seed)))
        assert judged.feasible().all()
        found.append(judged.objective)
    return float(100 * (best - np.array(found)).mean() / best.mean())


def row(preset: str, users: int, servers: int, slots: int, seeds: int) -> str:
    problem = problems.load("dgl_slot", preset, n_users=users, n_servers=servers)
    data, best = optima(problem, slots)
    cells = []
    for kind in KINDS:
        for generations in (20, 100):
            ends = (True,) if kind == "ga_mask" else (True, False)
            values = [gap(problem, data, best, seeds, kind, generations, last) for last in ends]
            cells.append(" / ".join(f"{max(0.0, value):.3g}" for value in values))
    return " | ".join([f"| {users}", str(servers), f"{best.mean():.2f}", *cells]) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--presets", nargs="+", default=["clean", "as-published"])
    parser.add_argument("--users", nargs="+", type=int, default=[20, 30, 40, 50])
    parser.add_argument("--servers", nargs="+", type=int, default=[2, 3, 4, 5])
    parser.add_argument("--slots", type=int, default=12)
    parser.add_argument("--seeds", type=int, default=2)
    given = parser.parse_args()
    names = [f"{kind} {g}" for kind in KINDS for g in (20, 100)]
    for preset in given.presets:
        print(f"\n{preset}\n\n| N | S | optimum | {' | '.join(names)} |\n|{'---|' * 9}", flush=True)
        for servers in given.servers:
            for users in given.users:
                print(row(preset, users, servers, given.slots, given.seeds), flush=True)


if __name__ == "__main__":
    main()
