"""What a peer hands over, and what it is worth: the problem's own `judge` says, never the peer."""

import importlib.util
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np

from toolkit.arrays import Decision
from toolkit.instances import Instance
from toolkit.problems import HasCompletion, Problem
from toolkit.problems._knowledge import AlgebraicModel
from toolkit.solvers._probe import losses


@dataclass
class Found:
    """A peer's answer: a decision (or a batch of them), its bound, and its own word for both."""

    decision: Decision | None = None
    bound: float | None = None
    said: str = ""  # optimal, infeasible, time, heuristic, or its own word
    certified: bool = False  # the bound comes with a certificate that is re-proved here


class Peer(ABC):
    """One solver, reached by one route."""

    name: str
    needs: tuple[str, ...] = ()  # modules
    install: str = ""  # what pip is asked for

    def missing(self) -> str | None:
        """What must be installed first, or None."""
        absent = [name for name in self.needs if importlib.util.find_spec(name) is None]
        return f"not installed (pip install {self.install})" if absent else None

    def refuses(self, problem: Problem, instance: Instance) -> str | None:
        """Why it does not take the instance, in a few words, or None."""
        return None

    @abstractmethod
    def solve(self, problem: Problem, instance: Instance, gap: float, seconds: float) -> Found:
        """From the instance's data to an answer, models built on the way."""


def judged(problem: Problem, instance: Instance, found: Found) -> dict[str, Any]:
    """The fields of a row: the best feasible objective of what was handed over, or None."""
    row = {"said": found.said, "bound": found.bound, "certified": found.certified}
    row["objective"] = None
    if found.decision is not None:
        loss = np.atleast_1d(losses(problem, problem.evaluate(instance.data, found.decision)))
        if np.isfinite(loss).any():
            row["objective"] = problem.sign * float(loss.min())
    return row


def completed(problem: Problem, instance: Instance, read: Decision) -> Decision:
    """A generic solver's answer with the exact continuous part of its discrete one.

    Its own continuous part is right to its tolerances only, which would be held against it.
    """
    space = problem.space(instance.data)
    decision = space.snap(read)
    if not isinstance(problem, HasCompletion):
        return decision
    return problem.complete(instance.data, {var.name: decision[var.name] for var in space.discrete})


def all_local(problem: Problem, instance: Instance) -> Decision:
    """The decision whose discrete part is zero."""
    assert isinstance(problem, HasCompletion)
    discrete = problem.space(instance.data).discrete
    return problem.complete(instance.data, {var.name: np.zeros(var.shape) for var in discrete})


def make_finite(problem: Problem, instance: Instance, algebraic: AlgebraicModel) -> None:
    """Upper bounds for variables that have none, for solvers that must have a box.

    In a linear objective no variable can cost more than all-local does over the least that all
    others cost together; the bounds of the rest follow from the constraints.
    """
    from pyomo.contrib.fbbt.fbbt import fbbt
    from pyomo.environ import Objective, Var, minimize, value
    from pyomo.repn import generate_standard_repn

    model = algebraic.model
    every = list(model.component_data_objects(Var, active=True))
    if all(v.has_lb() and v.has_ub() for v in every):
        return
    algebraic.put(all_local(problem, instance))
    goal = next(model.component_data_objects(Objective, active=True))
    sign = 1 if goal.sense == minimize else -1
    terms = generate_standard_repn(goal.expr)
    priced = [(sign * c, v) for c, v in zip(terms.linear_coefs, terms.linear_vars, strict=True)]
    least = sign * value(terms.constant)
    for cost, v in priced:
        least += min(cost * v.lb, cost * v.ub) if v.has_ub() else cost * v.lb
    room = sign * value(goal.expr) - least
    for cost, v in priced:
        if not v.has_ub() and cost > 0:
            v.setub(v.lb + room / cost * (1 + 1e-9))
    if any(not v.has_ub() for v in every):
        fbbt(model)
