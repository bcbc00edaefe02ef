"""The algebraic and convex models say what `judge` says, point by point."""

import math

import numpy as np
import pytest
from pyomo.environ import Constraint, Objective, Var, value
from scipy.sparse import vstack

from toolkit import problems
from toolkit.errors import UserError
from toolkit.instances import rng_for
from toolkit.problems import HasConic, HasCvxpy, HasMasters, HasPyomo, Problem

SLACK = 1e-9  # of a constraint, relative to its terms: what doubles lose


def cases():
    """Problems that are loose, tight, mostly infeasible, and with users that must offload."""
    yield problems.load("cpdrl", "tiny")
    yield problems.load("cpdrl", "tight", n_users=5)
    yield problems.load("cpdrl", "paper", n_users=5, deadline=0.2, bandwidth=0.5e6)
    yield problems.load("cpdrl", "paper-kbyte", n_users=3)
    yield problems.load("cpdrl", "paper", n_users=1)


CASES = list(cases())


def worst_violation(model) -> float:
    """How far the model's point is from satisfying it, relative to the size of the terms."""
    worst = 0.0
    for con in model.component_data_objects(Constraint, active=True):
        body = value(con.body)
        for end, sign in ((con.lower, -1), (con.upper, 1)):
            if end is not None:
                excess = sign * (body - value(end))
                worst = max(worst, excess / max(1.0, abs(value(end))))
    for var in model.component_data_objects(Var):
        for end, sign in ((var.lb, -1), (var.ub, 1)):
            if end is not None:
                worst = max(worst, sign * (var.value - end) / max(1.0, abs(end)))
    return worst


def objective(model) -> float:
    return value(next(model.component_data_objects(Objective, active=True)))


def wrongly_fixed(model, decision) -> bool:
    """Whether the model has fixed a user to another choice: it then rules the decision out."""
    return any(v.fixed and v.value != decision["offload"][i] for i, v in model.offload.items())


def agree(problem, instance, algebraic, decision) -> bool:
    """Compares model and judge at a point; returns whether it is feasible."""
    judged = problem.evaluate(instance.data, decision)
    if wrongly_fixed(algebraic.model, decision):
        assert judged.violation > 1e-9
        return False
    algebraic.put(decision)
    assert objective(algebraic.model) == pytest.approx(float(judged.objective), rel=1e-6)
    feasible = bool(judged.feasible(1e-9))
    assert (worst_violation(algebraic.model) <= SLACK) == feasible, judged.violations
    return feasible


@pytest.mark.parametrize("problem", CASES, ids=str)
@pytest.mark.parametrize("formulation", ["lifted", "paper"])
def test_models_agree_with_judge_on_every_mask(problem, formulation):
    assert isinstance(problem, HasPyomo)
    instance = problem.instance(0)
    algebraic = problem.pyomo(instance, formulation)
    choices = problem.space(instance.data).choices(0, 2**problem.n_users)["offload"]
    for mask in choices:
        agree(problem, instance, algebraic, problem.complete(instance.data, {"offload": mask}))


def test_masks_of_both_kinds_are_among_those_compared():
    kinds = set()
    for problem in CASES:
        instance = problem.instance(0)
        choices = problem.space(instance.data).choices(0, 2**problem.n_users)
        done = problem.evaluate(instance.data, problem.complete(instance.data, choices))
        kinds |= {bool(f) for f in done.feasible()}
    assert kinds == {True, False}


@pytest.mark.parametrize("problem", CASES, ids=str)
def test_paper_form_agrees_with_judge_on_random_points(problem):
    """Not at optimal allocations only: any consistent decision, over the budget or not."""
    instance, rng = problem.instance(1), rng_for("points", str(problem))
    algebraic = problem.pyomo(instance, "paper")
    space = problem.space(instance.data)
    for share in np.repeat([0.5, 1.0, 1.5], 20):
        decision = problem.repair(instance.data, space.sample(rng))
        decision = {**decision, "bandwidth": decision["bandwidth"] * share}
        agree(problem, instance, algebraic, decision)


@pytest.mark.parametrize("formulation", ["lifted", "paper"])
def test_models_read_back_what_was_put(formulation):
    """A solver's answer is read in the units and names of the decision space."""
    problem = CASES[0]
    instance = problem.instance(0)
    algebraic = problem.pyomo(instance, formulation)
    done = problem.complete(instance.data, {"offload": np.array([1.0, 0.0, 1.0, 0.0])})
    algebraic.put(done)
    back = algebraic.read()
    for var in problem.space(instance.data).vars:
        assert back[var.name] == pytest.approx(done[var.name], rel=1e-12)


def test_unknown_formulation_is_a_sentence():
    with pytest.raises(UserError, match="did you mean 'lifted'"):
        CASES[0].pyomo(CASES[0].instance(0), "lift")


def test_model_size_grows_linearly():
    """Products with the number of offloaders must not make rows of n terms for each user."""

    def terms(n: int) -> int:
        problem = problems.load("cpdrl", "paper", n_users=n)
        model = problem.pyomo(problem.instance(0), "lifted").model
        bodies = (c.body for c in model.component_data_objects(Constraint))
        return sum(len(str(body)) for body in bodies)

    assert terms(80) < 2.5 * terms(40)


def tight_masks():
    rng = rng_for("masks")
    for trial in range(60):
        deadline, bandwidth = rng.choice([0.2, 0.5]), rng.choice([0.3e6, 0.6e6, 1e6, 5e6])
        sizes = {"n_users": int(rng.integers(1, 8))}
        problem = problems.load(
            "cpdrl", "paper", deadline=float(deadline), bandwidth=float(bandwidth), **sizes
        )
        yield problem, trial, (rng.random(problem.n_users) < 0.5).astype(float)


def test_cone_program_equals_completion():
    """An independent solver finds the same optimum, and the same masks infeasible."""
    verdicts = []
    for problem, index, mask in tight_masks():
        assert isinstance(problem, HasCvxpy)
        instance = problem.instance(index)
        done = problem.evaluate(instance.data, problem.complete(instance.data, {"offload": mask}))
        convex = problem.cvxpy(instance, {"offload": mask})
        convex.problem.solve(solver="CLARABEL")
        verdicts.append(convex.problem.status == "optimal")
        assert verdicts[-1] == bool(done.feasible())
        if verdicts[-1]:
            read = problem.evaluate(instance.data, convex.read())
            assert convex.problem.value == pytest.approx(float(done.objective), rel=1e-6)
            assert float(read.objective) == pytest.approx(float(done.objective), rel=1e-6)
            assert read.violation <= 1e-6
    assert 0 < sum(verdicts) < len(verdicts)


def least_by_count(problem: Problem, instance) -> np.ndarray:
    """The least feasible loss for each number of offloaders, by enumeration."""
    n = problem.n_users
    choices = problem.space(instance.data).choices(0, 2**n)
    done = problem.evaluate(instance.data, problem.complete(instance.data, choices))
    loss = np.where(done.feasible(), done.objective, np.inf)
    count = choices["offload"].sum(-1)
    return np.array([loss[count == k].min() for k in range(n + 1)])


@pytest.mark.parametrize("problem", CASES, ids=str)
@pytest.mark.parametrize("index", range(3))
def test_pieces_span_just_the_feasible_counts(problem, index):
    """A count left out as infeasible that is not would hide the optimum."""
    instance = problem.instance(index)
    feasible = np.flatnonzero(np.isfinite(least_by_count(problem, instance)))
    assert isinstance(problem, HasConic)
    assert isinstance(problem, HasMasters)
    for pieces in (problem.conic(instance), problem.masters(instance)):
        first, last = pieces.inside
        assert list(range(first, last + 1)) == list(feasible)
        assert pieces.whole == (0, problem.n_users)


@pytest.mark.parametrize("problem", CASES[:3], ids=str)
def test_cone_relaxations_are_lower_bounds_and_nearly_tight(problem):
    instance = problem.instance(0)
    least, pieces = least_by_count(problem, instance), problem.conic(instance)
    for k in range(pieces.inside[0], pieces.inside[1] + 1):
        piece = pieces.piece(k)
        piece.model.solve(solver="CLARABEL")
        assert piece.model.value <= least[k] * (1 + 1e-4)  # it stands 1e-4 of a user off at ends
        assert piece.model.value >= least[k] * 0.8


def test_master_cuts_hold_at_every_completed_mask():
    """An outer approximation that cuts a decision off proves wrong optima."""
    problem = problems.load("cpdrl", "tight", n_users=5)
    instance = problem.instance(2)
    pieces = problem.masters(instance)
    compared = 0
    for mask in problem.space(instance.data).choices(0, 32)["offload"]:
        done = problem.complete(instance.data, {"offload": mask})
        judged = problem.evaluate(instance.data, done)
        if judged.feasible():
            master = pieces.piece(int(mask.sum()))
            compared += _check_master(master, mask, done, float(judged.objective))
    assert compared >= 5


def _check_master(master, mask, done, loss) -> bool:
    """The decision as a point of the master: feasible, at its true cost, after cuts elsewhere."""
    k, n = max(mask.sum(), 1.0), len(mask)
    share = done["bandwidth"] / max(done["bandwidth"].sum(), 1.0) * k
    rest = loss - master.offset - master.cost[:n] @ mask
    point = np.concatenate([mask, share, np.zeros(n)])
    rows, low = _all_rows(master, point)
    unit = master.cost[-1]
    # the least upload costs that the rows allow: each row has one z, with coefficient 1
    z = np.zeros(n)
    for row, least in zip(rows.toarray(), low, strict=True):
        for user in np.flatnonzero(row[2 * n :]):
            z[user] = max(z[user], least - row[: 2 * n] @ point[: 2 * n])
    assert unit * z.sum() <= rest * (1 + 1e-9) + 1e-12
    return bool(unit * z.sum() >= rest * (1 - 1e-6) - 1e-12)


def _all_rows(master, point):
    """The master's rows and the cuts made at the decision itself."""
    cuts, low = master.cuts(point)
    rows = np.concatenate([master.rows[0], low])
    return vstack([master.matrix, cuts]).tocsr(), rows


def test_branching_prices_leave_fixed_users_out():
    """theta between the wrong two users would weaken the bound of a branch."""
    problem = problems.load("cpdrl", "tiny")
    instance = problem.instance(0)
    master = problem.masters(instance).piece(2)
    low, high = (end.copy() for end in master.box)
    duals = np.zeros(master.matrix.shape[0])
    free = master.prices(np.zeros(12), duals, (low, high))
    low[:2] = high[:2] = 1.0
    fixed = master.prices(np.zeros(12), duals, (low, high))
    assert math.isfinite(fixed["theta1"])
    assert fixed["theta1"] != free["theta1"]
