"""How long `ddlo` takes: judging and completing batches, exact proofs, and their checks."""

import pytest

from toolkit import problems
from toolkit.bench._reprove import least_loss
from toolkit.instances import rng_for

SIZES = [
    ("paper", {}),
    ("paper", {"n_users": 1000, "n_tasks": 10}),
    ("shared", {}),
    ("shared", {"n_users": 10, "n_tasks": 5}),
    ("shared", {"n_users": 20, "n_tasks": 12}),
    ("large", {}),
]
NAMES = [f"{preset}-{'x'.join(map(str, params.values())) or 'own'}" for preset, params in SIZES]


@pytest.mark.parametrize("preset", ["paper", "shared"])
@pytest.mark.parametrize("rows", [1, 1024])
def test_complete_and_judge(benchmark, preset, rows):
    problem = problems.load("ddlo", preset)
    data = problem.instance(0).data
    bits = rng_for("benchmark").integers(0, 2, (rows, 3, 3)).astype(float)
    found = benchmark(
        lambda: problem.evaluate(data, problem.complete(data, {"offload": bits})).objective
    )
    assert found.shape == (rows,)


@pytest.mark.parametrize(("preset", "params"), SIZES, ids=NAMES)
def test_exact(solved, preset, params):
    problem = problems.load("ddlo", preset, **params)
    assert solved("exact", problem, problem.instance(0), gap=1e-6).gap <= 1e-6


@pytest.mark.parametrize("arithmetic", ["float", "arb"])
def test_check(benchmark, solved_once, arithmetic):
    """Re-proving the certificate of 100 users with 10 tasks."""
    problem, instance, result = solved_once
    proven = benchmark(least_loss, problem, instance, result.certificate, arithmetic)
    assert proven == pytest.approx(result.bound, rel=1e-9)


@pytest.fixture
def solved_once():
    from conftest import solve

    from toolkit.solvers import registry

    problem = problems.load("ddlo", "large")
    instance = problem.instance(0)
    return problem, instance, solve(registry.build("exact"), problem, instance)
