"""Every solver keeps to what the house expects of a solver."""

import pytest

from toolkit import problems, solvers
from toolkit.solvers._check import CHECKS, Check, Trial, says_what_it_needs, trial_of

TRIALS: dict[tuple[str, str], Trial | None] = {}


def trial(solver: str, problem: str) -> Trial:
    """The same small instances for all checks, enumerated once."""
    built = solvers.registry.build(solver)
    if built.missing():
        pytest.skip(f"needs the package {built.missing()}")
    if (solver, problem) not in TRIALS:
        TRIALS[solver, problem] = trial_of(built, problems.load(problem, "tiny"))
    found = TRIALS[solver, problem]
    if found is None:
        pytest.skip(f"{solver} refuses {problem}")
    return found


@pytest.mark.parametrize("solver", solvers.registry.names())
def test_solver_says_what_it_needs(solver: str) -> None:
    """Lists show its docstring, and a problem that lacks something is refused with a reason."""
    says_what_it_needs(solvers.registry.build(solver))


@pytest.mark.parametrize("check", CHECKS, ids=lambda fn: fn.__name__)
@pytest.mark.parametrize("problem", problems.registry.names())
@pytest.mark.parametrize("solver", solvers.registry.names())
def test_solver_keeps_to(solver: str, problem: str, check: Check) -> None:
    """A solver that passes can be trusted with budgets, seeds and claims."""
    check(trial(solver, problem))


@pytest.mark.parametrize("solver", ["ga_pymoo", "ga_deap"])
@pytest.mark.parametrize("check", CHECKS, ids=lambda fn: fn.__name__)
def test_the_mixed_encoding_keeps_to(solver: str, check: Check) -> None:
    """The second encoding has code of its own for draws, repair and budgets."""
    built = solvers.registry.build(solver, encoding="mixed", generations=5)
    found = trial_of(built, problems.load("cpdrl", "tiny"))
    assert found is not None
    check(found)
