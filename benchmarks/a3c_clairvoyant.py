"""How well the clairvoyant optimum of `a3c` is known: gaps, and processor seconds.

    python benchmarks/a3c_clairvoyant.py 4 discipline=fcfs density=0.9
    python benchmarks/a3c_clairvoyant.py 4 discipline=own-first density=0.9 slots=8 verify=true

The first number is how many episodes; then fields of the problem, `preset=NAME` (clean),
`verify=true`, `first=K` (the number of the first episode), and `seconds=X`, the wall-clock budget
of an episode. A small episode is solved first, so that kernels are compiled.
"""

import sys
import time

import numpy as np

import toolkit
from toolkit import problems, solvers
from toolkit.component import parse_value
from toolkit.problems import Problem
from toolkit.solvers import Budget, Probe, Result


def solved(problem: Problem, index: int, seconds: float) -> tuple[Result, float]:
    """The result of `exact`, and its processor seconds."""
    instance, begun = problem.instance(index), time.process_time()
    probe = Probe(problem, instance, Budget(seconds=seconds), np.random.default_rng(0))
    claim = solvers.registry.build("exact").solve(problem, instance, probe)
    return probe.certify(claim), time.process_time() - begun


def main() -> None:
    fields = {k: parse_value(v) for k, v in (word.split("=", 1) for word in sys.argv[2:])}
    preset, seconds = str(fields.pop("preset", "clean")), float(fields.pop("seconds", np.inf))
    check, first = bool(fields.pop("verify", False)), int(fields.pop("first", 0))
    problem = problems.load("a3c", preset, **fields)
    solved(problems.load("a3c", preset, **{**fields, "slots": 2}), 0, 5.0)
    rows = []
    for index in range(first, first + int(sys.argv[1])):
        found, took = solved(problem, index, seconds)
        begun, said = time.process_time(), "-"
        if check:
            said = toolkit.verify(problem, problem.instance(index), found).verdict
        again = time.process_time() - begun
        tasks = int(problem.instance(index).data["has"].sum())
        rows.append((tasks, found.objective, found.gap, took, again))
        cost, gap = float(found.objective or 0), float(found.gap or 0)
        print(
            f"{index} n {tasks} cost {cost:.5f} gap {gap:.2e} {took:.2f} s "
            f"(wall clock {found.wall:.2f}), {said} {again:.2f} s"
        )
    gaps = np.array([row[2] for row in rows], float)
    mean = np.array([(row[3], row[4]) for row in rows]).mean(0)
    print(
        f"{fields}: gap mean {gaps.mean():.2e} worst {gaps.max():.2e}, seconds {mean[0]:.2f} "
        f"(worst {max(row[3] for row in rows):.2f}), verify {mean[1]:.2f}"
    )


if __name__ == "__main__":
    main()
