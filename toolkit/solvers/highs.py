"""HiGHS, a solver for mixed-integer linear programs, on the problem's Pyomo model."""

from dataclasses import dataclass
from typing import ClassVar

from toolkit.instances import Instance
from toolkit.problems import HasLinear, Problem

from . import _pyomo, _watch
from ._base import Claim, Solver
from ._probe import Probe


@dataclass(frozen=True, kw_only=True)
class Highs(Solver):
    """HiGHS (mixed-integer linear programs) on the problem's Pyomo model, where that is linear."""

    backends: ClassVar[tuple[str, ...]] = ("highspy", "pyomo")

    gap: float = 1e-6  # relative, HiGHS's mip_rel_gap
    formulation: str = ""  # the problem's first linear one

    def __post_init__(self) -> None:
        _pyomo.check_gap(self.gap)

    def refuses(self, problem: Problem, instance: Instance) -> str | None:
        if not isinstance(problem, HasLinear):
            return "the problem has no mixed-integer linear model"
        if self.formulation and self.formulation not in problem.linear:
            return f"{self.formulation!r} is no linear model of it ({', '.join(problem.linear)})"
        return None

    def abstains(self, problem: Problem, instance: Instance) -> str | None:
        return _pyomo.abstains(problem, instance)

    def solve(self, problem: Problem, instance: Instance, probe: Probe) -> Claim:
        import highspy

        assert isinstance(problem, HasLinear)
        return _pyomo.run(
            problem,
            instance,
            probe,
            _pyomo.build(problem, instance, self.formulation or problem.linear[0]),
            route=_watch.highs,
            by=f"HiGHS {highspy.Highs().version()}",
            gap=self.gap,
            options={"threads": 1},
        )
