"""The public functions of `import toolkit`; see docs/command.md."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from toolkit import problems, solvers
from toolkit.arrays import Decision
from toolkit.component import parse_spec
from toolkit.errors import UserError
from toolkit.instances import Instance, rng_for
from toolkit.problems import Evaluation, Problem
from toolkit.solvers import Budget, Result

from ._cases._case import problem_of

if TYPE_CHECKING:
    from .verify import Verdict


def make(name: str, preset: str | None = None, **params: Any) -> Problem:
    """A problem: `make("cpdrl", "paper", n_users=10)`; `.instance(index, seed)` draws from it."""
    return problems.load(name, preset, **params)


def solve(
    problem: Problem,
    instance: Instance,
    solver: str = "exact",
    *,
    seconds: float = 10.0,
    evaluations: float = float("inf"),
    seed: int = 0,
    **params: Any,
) -> Result:
    """The solver's judged answer, found in this process; `params` are the solver's.

    They may stand in its name as well, as on the command line: `exact[gap=1e-6]`.
    """
    name, given = parse_spec(solver)
    if twice := sorted(given.keys() & params.keys()):
        raise UserError(f"{twice[0]} is given in {solver!r} and beside it; give it once.")
    asked = solvers.registry.build(name, **given, **params).for_problem(problem)
    built = solvers.fitted(asked, problem)
    instance = problem.admit(instance)
    if package := built.missing():
        raise UserError(f"{solver} needs the package {package!r}, which is not installed.")
    built.prepare(problem, lambda text: None)
    if reason := built.refuses(problem, instance):
        raise UserError(f"{solver} refuses {instance.name}: {reason}.")
    budget = Budget(seconds=seconds, evaluations=evaluations, seed=seed)
    rng = rng_for("solve", str(built), instance.digest, seed)
    probe = solvers.open_probe(problem, instance, budget, rng)
    return probe.certify(built.solve(problem, instance, probe))


def evaluate(problem: Problem, instance: Instance, decision: Decision) -> Evaluation:
    """What a decision, or a batch of them, is worth."""
    arrays = {name: np.asarray(value, float) for name, value in decision.items()}
    return problem.evaluate(instance.data, arrays)


def verify(problem: Problem, instance: Instance, result: Result) -> "Verdict":
    """Recomputes a result's objective, violation and certificate; shares nothing with solvers."""
    from .verify import examine_result

    return examine_result(problem, instance, result)


def load(path: str | Path) -> tuple[Problem, Instance]:
    """The problem and the instance of an instance file, checked."""
    instance = Instance.read(Path(path))
    problem = problem_of(instance, str(path))
    return problem, problem.admit(instance)


def save(instance: Instance, path: str | Path) -> None:
    """Writes an instance as JSON, or as NPZ where the name ends so."""
    instance.write(Path(path))
