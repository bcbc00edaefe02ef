"""A policy of the problem's own that does not learn."""

from dataclasses import dataclass
from typing import ClassVar

from toolkit.instances import Instance
from toolkit.problems import HasRules, Problem

from ._base import Claim, Solver
from ._probe import Probe


@dataclass(frozen=True, kw_only=True)
class Rule(Solver):
    """A policy of the problem's own that does not learn: rule[rule=NAME].

    Without a name it is the first that the problem lists. Some see more than a policy could:
    the problem says which.
    """

    backends: ClassVar[tuple[str, ...]] = ("numba",)

    rule: str = ""

    def refuses(self, problem: Problem, instance: Instance) -> str | None:
        if not isinstance(problem, HasRules):
            return "the problem has no rules"
        if self.rule and self.rule not in problem.rules:
            return f"the problem has no rule {self.rule!r}; it has {', '.join(problem.rules)}"
        return None

    def solve(self, problem: Problem, instance: Instance, probe: Probe) -> Claim:
        assert isinstance(problem, HasRules)
        name = self.rule or next(iter(problem.rules))
        probe.offer(problem.follow(instance.data, name, probe.rng))
        return Claim()
