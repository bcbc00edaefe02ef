"""Every solver keeps to what the house expects of a solver."""

import math
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

import pytest

from toolkit import problems, solvers
from toolkit.problems._check.base import Case
from toolkit.solvers import Result
from toolkit.solvers._check import (
    CHECKS,
    Check,
    Trial,
    says_what_it_needs,
    the_data_are_not_touched,
    the_same_seed_gives_the_same_result,
    trial_of,
)

ANEW = [the_data_are_not_touched, the_same_seed_gives_the_same_result]  # they watch it run
TRIALS: dict[Hashable, "Kept | None"] = {}
SHORTER = {"ga_pymoo": {"generations": 15}, "ga_deap": {"generations": 15}}  # as good here as 60


@dataclass(frozen=True)
class Kept(Trial):
    """A trial that keeps its runs: most checks look at what the same few runs gave."""

    runs: dict[Hashable, Result] = field(default_factory=dict)

    def run(
        self, case: Case, seed: int = 0, seconds: float = 60.0, evaluations: float = math.inf
    ) -> Result:
        key = (id(case), seed, seconds, evaluations)
        if key not in self.runs:
            self.runs[key] = super().run(case, seed, seconds, evaluations)
        return self.runs[key]

    def for_check(self, check: Check) -> Trial:
        anew = Trial(self.solver, self.feasible, self.infeasible)
        return anew if check in ANEW else self


def trial(solver: str, problem: str, **params: Any) -> Kept:
    """The same small instances for all checks, enumerated and solved once."""
    built = solvers.registry.build(solver, **params)
    if built.missing():
        pytest.skip(f"needs the package {built.missing()}")
    key = (built, problem)
    if key not in TRIALS:
        found = trial_of(built, problems.load(problem, "tiny"))
        TRIALS[key] = found and Kept(found.solver, found.feasible, found.infeasible)
    kept = TRIALS[key]
    if kept is None:
        pytest.skip(f"{solver} refuses {problem}")
    return kept


@pytest.mark.parametrize("solver", solvers.registry.names())
def test_solver_says_what_it_needs(solver: str) -> None:
    """Lists show its docstring, and a problem that lacks something is refused with a reason."""
    says_what_it_needs(solvers.registry.build(solver))


@pytest.mark.parametrize("check", CHECKS, ids=lambda fn: fn.__name__)
@pytest.mark.parametrize("problem", problems.registry.names())
@pytest.mark.parametrize("solver", solvers.registry.names())
def test_solver_keeps_to(solver: str, problem: str, check: Check) -> None:
    """A solver that passes can be trusted with budgets, seeds and claims."""
    check(trial(solver, problem, **SHORTER.get(solver, {})).for_check(check))


@pytest.mark.parametrize("solver", ["ga_pymoo", "ga_deap"])
@pytest.mark.parametrize("check", CHECKS, ids=lambda fn: fn.__name__)
def test_the_mixed_encoding_keeps_to(solver: str, check: Check) -> None:
    """The second encoding has code of its own for draws, repair and budgets."""
    check(trial(solver, "cpdrl", encoding="mixed", generations=5).for_check(check))
