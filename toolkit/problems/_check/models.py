"""Checks of a problem's models in Pyomo and CVXPY against its one formula."""

from typing import Any

import numpy as np

from toolkit.arrays import Decision
from toolkit.instances import rng_for
from toolkit.problems._base import Problem
from toolkit.problems._knowledge import (
    AlgebraicModel,
    HasCompletion,
    HasCvxpy,
    HasLinear,
    HasPyomo,
    HasRepair,
)

from .base import Case, Check, cases, need, rows, same, shaken

SOLVED = 100  # choices of a case that CVXPY completes, or a few more
Limit = tuple[Any, float | None, float | None]  # an expression of Pyomo, and its range


def completion_agrees_with_cvxpy(problem: Problem) -> None:
    if not (isinstance(problem, HasCompletion) and isinstance(problem, HasCvxpy)):
        return
    for k, case in enumerate(cases(problem)):
        every = rows(case.choices(rng_for("cvxpy", k), 5000))
        for choice in every[:: max(5 + k, len(every) // SOLVED)]:
            ours = problem.evaluate(case.data, problem.complete(case.data, choice))
            model = problem.cvxpy(case.instance, choice)
            model.problem.solve(solver="CLARABEL")
            solved = model.problem.status in ("optimal", "optimal_inaccurate")
            need(
                solved == bool(ours.feasible()),
                f"CVXPY says {model.problem.status}, completion violates by {ours.violation:.1e}.",
            )
            if solved:
                judged = problem.evaluate(case.data, case.space.snap(model.read()))
                need(bool(judged.feasible(1e-5)), f"CVXPY's point: {judged.violations}.")
                same(judged.objective, ours.objective, 1e-5, "CVXPY's value and completion's")


def pyomo_models_agree_point_by_point(problem: Problem) -> None:
    """Values agree at what the model stands for; it cuts off no completed decision.

    A model may leave out what is never best (a form with closed-form parts), so that a decision
    put into it may be read back improved, never worsened.
    """
    if not isinstance(problem, HasPyomo):
        return
    for form in problem.formulations:
        for k, case in enumerate(cases(problem)[:3]):
            model = problem.pyomo(case.instance, form)
            limits = _limits(model.model)
            if isinstance(problem, HasLinear) and form in problem.linear:
                _linear(model.model, f"form {form!r} of {case.instance.name}")
            for decision in rows(_consistent(case, rng_for("pyomo", k), 12)):
                what = f"form {form!r} of {case.instance.name}"
                _same_in_model(case, model, limits, decision, what)


def _linear(model: Any, what: str) -> None:
    import pyomo.environ as pyo

    objective = next(model.component_data_objects(pyo.Objective, active=True))
    rows = model.component_data_objects(pyo.Constraint, active=True)
    degrees = [
        expression.polynomial_degree() for expression in (objective, *(r.body for r in rows))
    ]
    need(set(degrees) <= {0, 1}, f"{what} is called linear and is not.")


def _same_in_model(
    case: Case, model: AlgebraicModel, limits: list[Limit], decision: Decision, what: str
) -> None:
    import pyomo.environ as pyo

    model.put(decision)
    excess, read = max((_excess(*limit) for limit in limits), default=0.0), model.read()
    ours, back = (case.problem.evaluate(case.data, d) for d in (decision, read))
    if excess <= 1e-9:
        objective = next(model.model.component_data_objects(pyo.Objective, active=True))
        same(pyo.value(objective), back.objective, 1e-6, f"the values in {what} and in judge")
        need(bool(back.feasible(1e-6)), f"{what} admits what judge refuses ({back.violations}).")
    if ours.feasible(1e-9):
        worse = case.problem.sign * float(back.objective - ours.objective)
        need(bool(back.feasible()), f"{what} reads a feasible decision back as an infeasible one.")
        need(worse <= 1e-6 * abs(float(ours.objective)), f"{what} reads a decision back worse.")
        if _is_completed(case, decision):
            need(excess < 1e-6, f"{what} cuts off a completed decision by {excess:.1e}.")


def _consistent(case: Case, rng: np.random.Generator, count: int) -> Decision:
    """Completed choices, the same shaken, and repaired draws: violated or not, but consistent."""
    problem, space = case.problem, case.space
    kinds = []
    if isinstance(problem, HasCompletion):
        choices = case.choices(rng, count)
        kinds.append(problem.complete(case.data, choices))
        kinds.append(shaken(space, kinds[0], rng))
    if isinstance(problem, HasRepair):
        kinds.append(problem.repair(case.data, space.sample(rng, (count,))))
    return {v.name: np.concatenate([kind[v.name] for kind in kinds]) for v in space.vars}


def _is_completed(case: Case, decision: Decision) -> bool:
    if not isinstance(case.problem, HasCompletion):
        return False
    choice = {v.name: decision[v.name] for v in case.space.discrete}
    best = case.problem.complete(case.data, choice)
    return all(np.allclose(best[name], decision[name], rtol=1e-12, atol=0) for name in best)


def _limits(model: Any) -> list[Limit]:
    """The limits of constraints and variables, as long as no decision was put into the model."""
    import pyomo.environ as pyo

    found = []
    for part in model.component_data_objects((pyo.Constraint, pyo.Var), active=True):
        row_ = part.ctype is pyo.Constraint
        ends = (part.value,) * 2 if not row_ and part.fixed else (part.lower, part.upper)
        low, high = (None if end is None else float(pyo.value(end)) for end in ends)
        found.append((part.body if row_ else part, low, high))
    return found


def _excess(body: Any, low: float | None, high: float | None) -> float:
    """By how much a limit is violated, relative where its numbers are large."""
    import pyomo.environ as pyo

    value = float(pyo.value(body))
    below = 0.0 if low is None else (low - value) / max(1.0, abs(low))
    above = 0.0 if high is None else (value - high) / max(1.0, abs(high))
    return max(below, above, 0.0)


CHECKS: list[Check] = [completion_agrees_with_cvxpy, pyomo_models_agree_point_by_point]
