"""Speed figures, by `pytest benchmarks --benchmark-enable`; gaps and counters in `extra_info`.

`workload` there: processor seconds of the bench's reference workload, timed just before.
"""

import time

import pytest

from toolkit import problems
from toolkit.bench._engine import _yardstick
from toolkit.instances import Instance, rng_for
from toolkit.problems import Problem
from toolkit.solvers import Budget, Probe, Result, Solver, registry


def solve(solver: Solver, problem: Problem, instance: Instance) -> Result:
    """One run under a probe, as the bench does it."""
    probe = Probe(problem, instance, Budget(seconds=120), rng_for(0))
    return probe.certify(solver.solve(problem, instance, probe))


@pytest.fixture(autouse=True)
def _workload(request):
    """How fast this host was just before."""
    if "benchmark" in request.fixturenames and request.getfixturevalue("benchmark").enabled:
        taken = _yardstick.measured(time.process_time)
        request.getfixturevalue("benchmark").extra_info["workload"] = taken


@pytest.fixture
def solved(benchmark):
    """Times a solver on an instance, first call off the clock; notes gap and decisions judged."""

    def timed(name: str, problem: Problem, instance: Instance, **params) -> Result:
        solver = registry.build(name, **params)
        result = benchmark.pedantic(solve, (solver, problem, instance), rounds=5, warmup_rounds=1)
        benchmark.extra_info.update(
            gap=result.gap, evaluations=result.evaluations, solver_seconds=result.seconds
        )
        return result

    return timed


@pytest.fixture(params=[1, 64, 4096], ids=lambda n: f"batch{n}")
def batch(request):
    """(problem, instance, decisions): random masks with their best allocation."""
    problem = problems.load("cpdrl", "paper")
    instance = problem.instance(0)
    masks = rng_for("benchmark").integers(0, 2, (request.param, 8)).astype(float)
    return problem, instance, problem.complete(instance.data, {"offload": masks})
