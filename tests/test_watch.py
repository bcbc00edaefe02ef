"""Generic solvers tell what they have found while they still run."""

import contextlib
import importlib.util
import itertools
import os
import signal
import time

import numpy as np
import pytest

import toolkit
from toolkit import problems, solvers
from toolkit.bench._cases._case import make_cases, plan_problem
from toolkit.bench._cases._plan import make_plan
from toolkit.bench._engine import _local
from toolkit.bench._engine._server import Server
from toolkit.bench._engine._worker import child
from toolkit.instances import rng_for
from toolkit.solvers import Budget, Point, Probe, Stop
from toolkit.solvers._highs import Linear
from toolkit.solvers._watch import Watch

GUROBI = pytest.mark.skipif(
    importlib.util.find_spec("gurobipy") is None, reason="gurobipy is an optional extra"
)
CASES = [
    ("scip", "cpdrl", {"preset": "paper", "n_users": 10}),
    pytest.param("gurobi", "cpdrl", {"preset": "paper", "n_users": 10}, marks=GUROBI),
    ("highs", "a3c", {"preset": "tiny"}),
]


def probe_of(name, fields, **budget):
    problem = problems.load(name, **fields)
    instance = problem.instance(0)
    told: list[Point] = []
    budget = Budget(**{"seconds": 60.0, **budget})
    return problem, instance, Probe(problem, instance, budget, rng_for(0), told.append), told


@pytest.mark.parametrize(("solver", "name", "fields"), CASES)
def test_incumbents_and_bounds_are_told_on_the_way(solver, name, fields):
    problem, instance, probe, told = probe_of(name, fields)
    built = solvers.registry.build(solver)
    result = probe.certify(built.solve(problem, instance, probe))
    optimum = toolkit.solve(problem, instance, "exact").objective
    assert result.objective == pytest.approx(optimum, rel=1e-6)
    found = [point.objective for point in told if point.objective is not None]
    bounds = [point.bound for point in told if point.bound is not None]
    assert len(set(found)) >= 2
    assert len(set(bounds)) >= 2
    assert all(after <= before for before, after in itertools.pairwise(found))
    assert max(bounds) <= optimum * (1 + 1e-6)
    assert told[0].seconds < told[-1].seconds
    assert result.evaluations >= len(set(found))


@pytest.mark.parametrize(("solver", "name", "fields"), CASES)
def test_what_goes_wrong_in_a_callback_is_not_lost(solver, name, fields, monkeypatch):
    problem, instance, probe, _ = probe_of(name, fields)

    def fail(*_):
        raise ZeroDivisionError("in the middle of a search")

    monkeypatch.setattr(probe, "offer", fail)
    with pytest.raises(ZeroDivisionError, match="in the middle"):
        solvers.registry.build(solver).solve(problem, instance, probe)


@pytest.mark.parametrize(("solver", "name", "fields"), CASES)
def test_the_last_evaluation_is_the_answers(solver, name, fields):
    problem, instance, probe, _ = probe_of(name, fields, evaluations=1)
    result = probe.certify(solvers.registry.build(solver).solve(problem, instance, probe))
    best = toolkit.solve(problem, instance, "exact").objective
    assert result.evaluations == 1
    assert result.objective == pytest.approx(best, rel=1e-6)


def test_a_solver_that_is_taken_down_tells_nothing_more():
    """SCIP calls the incumbent its bound while its tree is freed."""
    heard: list[float] = []
    watch = Watch(lambda: None, heard.append)
    watch.bounded(1.0)
    watch.close()
    time.sleep(0.11)
    watch.bounded(2.0)
    assert heard == [1.0]


def test_a_time_limit_leaves_scips_own_bound():
    problem, instance, probe, told = probe_of(
        "cpdrl", {"preset": "paper", "n_users": 40}, seconds=2.0
    )
    result = probe.certify(solvers.registry.build("scip").solve(problem, instance, probe))
    best = toolkit.solve(problem, instance, "exact").objective
    assert result.stop is Stop.TIME
    assert 0 < result.bound < 0.99 * best
    assert max(point.bound for point in told if point.bound is not None) == result.bound


def test_a_run_of_scip_that_is_killed_keeps_decision_and_trace(monkeypatch):
    plan = make_plan(
        {"problem": "cpdrl", "n_users": 60, "solvers": ["scip"], "instances": 1, "seconds": 60.0}
    )
    cases = make_cases(plan, *plan_problem(plan))

    start, started = Server.start, []

    def noted(self, target, *args):
        process = start(self, target, *args)
        if target is child:
            started.append(process)
        return process

    def kill(news):
        if any("best" in words for words in news):
            with contextlib.suppress(ProcessLookupError):  # it is told for as long as the row waits
                os.kill(started[0].pid, signal.SIGKILL)

    monkeypatch.setattr(Server, "start", noted)

    (record,) = _local.run_cases(cases, tick=kill)
    assert (record.status, record.stop, record.failed) == ("feasible", "crashed", True)
    assert record.signal == "SIGKILL"
    assert record.decision is not None
    assert record.objective == pytest.approx(min(row[2] for row in record.trace if row[2]))
    assert record.evaluations >= 1


def test_integer_masters_tell_their_incumbents():
    problem = problems.load("cpdrl", "paper", n_users=12, deadline=0.3)
    instance = problem.instance(0)
    pieces = problem.masters(instance)
    master = pieces.piece(6)
    heard: list[np.ndarray] = []
    linear = Linear(master)
    linear.hear(heard.append)
    linear.integral(True)
    x = linear.solve(20.0)
    assert heard
    for point in heard:
        chosen = point[master.integer]
        assert np.abs(chosen - np.round(chosen)).max() < 1e-6
    assert np.allclose(heard[-1], x)

    def fail(_):
        raise ZeroDivisionError

    linear = Linear(master)
    linear.hear(fail)
    linear.integral(True)
    with pytest.raises(ZeroDivisionError):
        linear.solve(20.0)
