"""Double offloading as a mixed-integer linear program: point by point, and its optimum."""

import numpy as np
import pytest
from pyomo.contrib.solver.common.factory import SolverFactory
from pyomo.environ import Constraint, Objective, Var, value

import toolkit
from toolkit import problems
from toolkit.bench._cases._case import make_cases
from toolkit.bench._cases._plan import Plan
from toolkit.bench._engine import _worker
from toolkit.errors import UserError
from toolkit.instances import rng_for
from toolkit.problems import HasPyomo
from toolkit.problems.a3c import A3c

KINDS = ("double", "bits", "single")
DISCIPLINES = ("fcfs", "own-first")
FORMS = ("backlog", "lindley")


def busy(**params):
    """Servers at which tasks wait, and pass each other."""
    given = {"regions": (3, 2), "slots": 6, "density": 0.8, "server_cpu": 1.2e9, **params}
    return A3c(**given)


def excess(model) -> float:
    """How far the model's point is from satisfying its limits."""
    worst = 0.0
    for part in model.component_data_objects((Constraint, Var), active=True):
        body = value(part.body if part.ctype is Constraint else part)
        low, high = (None if end is None else value(end) for end in (part.lower, part.upper))
        worst = max(worst, -np.inf if low is None else low - body)
        worst = max(worst, -np.inf if high is None else body - high)
    return worst


def cost(model) -> float:
    return value(next(model.component_data_objects(Objective, active=True)))


def highs(algebraic, gap=1e-9):
    """The model's optimum by HiGHS, its bound, and the decision."""
    options = {"threads": 1, "mip_feasibility_tolerance": 1e-9, "mip_abs_gap": 0.0}
    solver = SolverFactory("highs")
    found = solver.solve(algebraic.model, rel_gap=gap, solver_options=options)
    return found.incumbent_objective, found.objective_bound, algebraic.read()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("discipline", DISCIPLINES)
@pytest.mark.parametrize("delay", [0.0, 0.3])
@pytest.mark.parametrize("regions", [(3, 2), (2, 1, 1)])
def test_models_say_what_judge_says(form, discipline, delay, regions):
    """At random decisions, late ones and crowded ones too; what it reads is what was put."""
    problem = busy(discipline=discipline, forward_delay=delay, regions=regions)
    assert isinstance(problem, HasPyomo)
    instance = problem.instance(1)
    model = problem.pyomo(instance, form)
    decisions = problem.space(instance.data).sample(rng_for("points"), (25,))["target"]
    to_one = np.minimum(decisions, 1)
    for target in (*decisions, *to_one[:5]):
        model.put({"target": target})
        judged = problem.evaluate(instance.data, {"target": target})
        assert cost(model.model) == pytest.approx(float(judged.objective), abs=1e-9)
        assert excess(model.model) < 1e-9
        np.testing.assert_array_equal(model.read()["target"], target)


@pytest.mark.parametrize("kind", ["bits", "single"])
def test_models_know_the_limits_of_forwarding(kind):
    """A decision satisfies the model where judge finds it feasible, and nowhere else."""
    problem = busy(forwarding=kind, slots=2)
    instance = problem.instance(0)
    model = problem.pyomo(instance, "backlog")
    kinds = set()
    for target in problem.space(instance.data).sample(rng_for("limits"), (300,))["target"]:
        model.put({"target": target})
        judged = problem.evaluate(instance.data, {"target": target})
        feasible = bool(judged.feasible())
        assert (excess(model.model) < 1e-9) == feasible
        kinds.add(feasible)
    assert kinds == {True, False}


@pytest.mark.parametrize("form", FORMS)
def test_times_of_a_lattice_are_ties_and_no_trouble(form):
    """Everything happens at the same time: the order of service is still the judge's."""
    for discipline in DISCIPLINES:
        problem = problems.load("a3c", "lattice", slots=8, density=0.9, discipline=discipline)
        instance = problem.instance(0)
        model = problem.pyomo(instance, form)
        for target in problem.space(instance.data).sample(rng_for("ties"), (20,))["target"]:
            model.put({"target": target})
            judged = problem.evaluate(instance.data, {"target": target})
            assert cost(model.model) == pytest.approx(float(judged.objective), abs=1e-9)
            assert excess(model.model) < 1e-9


CASES = [
    {"discipline": discipline, "forwarding": kind, "forward_delay": delay, "regions": regions}
    for discipline in DISCIPLINES
    for kind, delay, regions in (
        ("double", 0.0, (3, 1)),
        ("double", 0.2, (2, 1, 1)),
        ("bits", 0.0, (3, 1)),
        ("single", 0.0, (3, 1)),
    )
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_optimum_is_that_of_enumeration(case):
    """Two instances of at most eight tasks each; the decision is worth what HiGHS says."""
    problem = busy(slots=2, server_cpu=0.8e9, density=0.85, **case)
    for index in range(2):
        instance = problem.instance(index)
        assert 4 <= instance.data["has"].sum() <= 8
        best = toolkit.solve(problem, instance, "enumerate")
        for form in FORMS:
            own, bound, decision = highs(problem.pyomo(instance, form))
            judged = problem.evaluate(instance.data, decision)
            assert judged.feasible()
            assert own == pytest.approx(best.objective, abs=1e-6)
            assert float(judged.objective) == pytest.approx(best.objective, abs=1e-6)
            assert bound <= best.objective + 1e-6


def test_passing_is_not_for_choice():
    """The order of service is the discipline's: at a given decision, nothing is left to gain."""
    problem = busy(slots=4, server_cpu=0.9e9)
    instance = problem.instance(2)
    algebraic = problem.pyomo(instance, "backlog")
    passed = 0
    for target in problem.space(instance.data).sample(rng_for("passing"), (4,))["target"]:
        algebraic.put({"target": target})
        for (c, way), var in algebraic.model.choose.items():
            var.fix(float(target.flat[c] == way))
        own, _, _ = highs(algebraic)
        blocks = algebraic.model.processor.values()
        passed += sum(v.value > 0.5 for b in blocks for v in b.passes.values())
        judged = problem.evaluate(instance.data, {"target": target})
        assert own == pytest.approx(float(judged.objective), abs=1e-6)
    assert passed > 0


def test_highs_scip_and_the_house_agree():
    """Twelve tasks or more, first come, first served: two solvers, one optimum."""
    problem = busy(slots=3, discipline="fcfs", density=0.9)
    instance = problem.instance(0)
    assert instance.data["has"].sum() >= 12
    own, _, decision = highs(problem.pyomo(instance, "backlog"))
    assert float(problem.evaluate(instance.data, decision).objective) == pytest.approx(own)
    found = toolkit.solve(problem, instance, "scip", seconds=60)
    assert found.claim == "optimal"
    assert found.objective == pytest.approx(own, rel=2e-6)


def test_unknown_forms_and_endless_episodes_are_refused_in_a_sentence():
    problem = problems.load("a3c", "tiny")
    with pytest.raises(UserError, match="did you mean 'backlog'"):
        problem.pyomo(problem.instance(), "backlogs")
    wide = busy(regions=(20, 20), slots=20)
    with pytest.raises(UserError, match="take a shorter episode"):
        wide.pyomo(wide.instance(), "backlog")


def test_an_episode_without_tasks_costs_nothing():
    problem = busy(density=0.0)
    algebraic = problem.pyomo(problem.instance(), "backlog")
    assert cost(algebraic.model) == 0
    assert not algebraic.read()["target"].any()


def test_generic_solvers_take_a_long_episode_only_where_they_are_named():
    clean, small = (problems.load("a3c", preset) for preset in ("clean", "tiny"))
    plan = Plan(problem="a3c", instances=1)
    cases = make_cases(plan, clean, [clean.instance()])
    unnamed = next(case for case in cases if case.solver.name == "scip")
    answer = _worker.run(unnamed.job, None, None)
    assert answer["status"] == "refused"
    assert "cross-check to about 24 tasks, this episode has 166" in answer["message"]
    assert unnamed.solver.refuses(clean, clean.instance()) is None
    assert unnamed.solver.abstains(small, small.instance()) is None


@pytest.mark.slow
def test_twenty_tasks_are_solved_by_highs_and_scip():
    """The design's cross-check: three full slots of the default, first come, first served."""
    problem = problems.load("a3c", "clean", slots=3, density=0.9, discipline="fcfs")
    for index in range(2):
        instance = problem.instance(index)
        assert instance.data["has"].sum() >= 20
        own, _, decision = highs(problem.pyomo(instance, "backlog"), 1e-6)
        judged = problem.evaluate(instance.data, decision)
        assert float(judged.objective) == pytest.approx(own, rel=1e-6)
        found = toolkit.solve(problem, instance, "scip", seconds=120)
        assert found.claim == "optimal"
        assert found.objective == pytest.approx(own, rel=2e-6)
