"""A policy of the problem's own that does not learn."""

from dataclasses import dataclass, replace
from typing import ClassVar

from toolkit.errors import unknown
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

    def for_problem(self, problem: Problem) -> "Rule":
        if not isinstance(problem, HasRules):
            return self
        if self.rule and self.rule not in problem.rules:
            raise unknown(f"rule of {problem.name!r}", self.rule, problem.rules)
        return replace(self, rule=self.rule or next(iter(problem.rules)))

    def refuses(self, problem: Problem, instance: Instance) -> str | None:
        return None if isinstance(problem, HasRules) else "the problem has no rules"

    def solve(self, problem: Problem, instance: Instance, probe: Probe) -> Claim:
        assert isinstance(problem, HasRules)
        rule = self.for_problem(problem).rule
        probe.offer(problem.follow(instance.data, rule, probe.rng))
        return Claim()
