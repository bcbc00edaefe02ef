"""The paper's ROM: one random decision."""

from dataclasses import dataclass
from typing import ClassVar

from toolkit.instances import Instance
from toolkit.problems import Problem, consistent

from ._base import Claim, Solver
from ._probe import Probe


@dataclass(frozen=True, kw_only=True)
class Random(Solver):
    """The paper's ROM: one random decision on offloading and on every resource.

    The paper gives only the name (random offloading method). Read here as: every variable uniform
    in its box, then made consistent by the problem's `repair` (what a user does not need is
    zero, shared budgets are scaled to their totals). It is judged as it falls, feasible or not.
    """

    episodes: ClassVar[bool] = True

    def solve(self, problem: Problem, instance: Instance, probe: Probe) -> Claim:
        decision = problem.space(instance.data).sample(probe.rng)
        probe.offer(consistent(problem, instance.data, decision))
        return Claim()
