"""What generic solvers share that are reached through Pyomo: model in, judged answer out."""

import math
from collections.abc import Callable, Mapping
from typing import Any

from toolkit.arrays import Decision
from toolkit.errors import unknown
from toolkit.instances import Instance
from toolkit.problems import Certificate, HasCompletion, HasPyomo, HasSmallModels, Problem
from toolkit.problems._knowledge import AlgebraicModel

from ._base import Claim, Stop
from ._probe import Probe
from ._watch import Watch

STOPS = {"maxTimeLimit": Stop.TIME, "interrupted": Stop.KILLED, "error": Stop.CRASHED}
VERDICTS = {
    "convergenceCriteriaSatisfied": "optimal",
    "provenInfeasible": "infeasible",
    "infeasibleOrUnbounded": "infeasible or unbounded",
    "unbounded": "unbounded",
}


def build(problem: Problem, instance: Instance, formulation: str) -> AlgebraicModel:
    """The model in the formulation asked for, or in the problem's first."""
    assert isinstance(problem, HasPyomo)
    if formulation and formulation not in problem.formulations:
        raise unknown(f"formulation of problem {problem.name!r}", formulation, problem.formulations)
    return problem.pyomo(instance, formulation or next(iter(problem.formulations)))


def run(
    problem: Problem,
    instance: Instance,
    probe: Probe,
    algebraic: AlgebraicModel,
    *,
    route: Callable[[Watch], Any],
    by: str,
    gap: float,
    options: Mapping[str, Any],
) -> Claim:
    """Solves the model by one of Pyomo's interfaces; `by` is the solver's name and version.

    Its bounds are passed on as its word. Its objectives are not: the discrete part of each of its
    answers, also of those on the way, is completed exactly where the problem can, and judged.
    """

    def bound(value: float) -> None:
        probe.bound(value, Certificate("claim", {"by": by}))

    def offer() -> None:
        probe.offer(_judgeable(problem, instance, algebraic.read()))

    def offer_early() -> None:
        if probe.room > 1:  # the last evaluation is the answer's
            offer()

    watch = Watch(offer_early, bound)
    result = _solve(route(watch), algebraic.model, gap, probe.remaining, options)
    watch.close()
    if watch.error is not None:
        raise watch.error
    if result.objective_bound is not None and math.isfinite(result.objective_bound):
        bound(result.objective_bound)
    if result.incumbent_objective is not None:
        result.solution_loader.load_vars()
        offer()
    return _claim(result, by)


def _solve(solver: Any, model: Any, gap: float, seconds: float, options: Mapping[str, Any]) -> Any:
    return solver.solve(
        model,
        time_limit=seconds if math.isfinite(seconds) else None,
        rel_gap=gap,
        load_solutions=False,
        raise_exception_on_nonoptimal_result=False,
        solver_options=dict(options),
    )


def _judgeable(problem: Problem, instance: Instance, read: Decision) -> Decision:
    """The answer itself, its continuous part replaced by the exact one where that is known."""
    decision = problem.space(instance.data).snap(read)
    if not isinstance(problem, HasCompletion):
        return decision
    discrete = {var.name: decision[var.name] for var in problem.space(instance.data).discrete}
    return problem.complete(instance.data, discrete)


def _claim(result: Any, by: str) -> Claim:
    """The solver's own words: its verdict, and its objective before it was judged."""
    condition = result.termination_condition.name
    own = result.incumbent_objective
    said = f"{by}'s own objective {own:.9g}" if own is not None else f"{by} found no solution"
    return Claim(
        stop=STOPS.get(condition, Stop.FINISHED),
        verdict=VERDICTS.get(condition, ""),
        message=said if condition in VERDICTS else f"{said}; it stopped by {condition}",
    )


def refuses(problem: Problem) -> str | None:
    """Why no algebraic solver takes the problem, or None."""
    return None if isinstance(problem, HasPyomo) else "the problem has no algebraic model"


def abstains(problem: Problem, instance: Instance) -> str | None:
    """What the problem says of instances that are too large for its models, or None."""
    return problem.too_large(instance) if isinstance(problem, HasSmallModels) else None


def check_gap(gap: float) -> None:
    if not 0 <= gap < 1:
        raise ValueError(f"gap is {gap:g}; it must be at least 0 and below 1.")


def count_variables(model: Any) -> int:
    """Variables that are not fixed."""
    from pyomo.environ import Var

    return sum(1 for v in model.component_data_objects(Var, active=True) if not v.fixed)


def count_nonlinear(model: Any) -> int:
    """Constraints that are not polynomial."""
    from pyomo.environ import Constraint

    every = model.component_data_objects(Constraint, active=True)
    return sum(1 for c in every if c.body.polynomial_degree() is None)
