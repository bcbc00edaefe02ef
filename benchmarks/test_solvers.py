"""How long the exact methods take, and how they compare with a generic global solver."""

import pytest
from conftest import solve

from toolkit import problems
from toolkit.solvers import Status, registry


@pytest.mark.parametrize("n", [8, 10, 12, 14])
def test_enumerate(solved, n):
    problem = problems.load("cpdrl", n_users=n)
    assert solved("enumerate", problem, problem.instance(0)).status is Status.OPTIMAL


@pytest.mark.parametrize("n", [8, 100, 1000, 10_000])
def test_exact(solved, n):
    problem = problems.load("cpdrl", "large", n_users=n)
    assert solved("exact", problem, problem.instance(0), gap=1e-6).gap <= 1e-6


@pytest.mark.parametrize("n", [4, 6, 8])
def test_exact_against_scip(benchmark, solved, n):
    """`ratio` in extra_info: SCIP's seconds on the same instance over ours, in one run."""
    problem = problems.load("cpdrl", n_users=n)
    instance = problem.instance(0)
    ours = solved("exact", problem, instance)
    scip = registry.build("scip")
    solve(scip, problem, instance)  # the first call imports Pyomo and SCIP
    theirs = solve(scip, problem, instance)
    assert theirs.objective == pytest.approx(ours.objective, rel=1e-4)
    benchmark.extra_info["scip_seconds"] = theirs.seconds
    benchmark.extra_info["ratio"] = theirs.seconds / ours.seconds
