"""The paper's LEM: nobody offloads."""

from dataclasses import dataclass
from typing import ClassVar

from toolkit.instances import Instance
from toolkit.problems import Problem

from ._base import Claim, Solver
from ._probe import Probe
from ._search import Choices, needs_choices


@dataclass(frozen=True, kw_only=True)
class LocalOnly(Solver):
    """The paper's LEM: every discrete variable at its lower bound, the resources exact.

    The paper gives only the name (local execution method); the best allocation for that choice
    is the reading that favours it most.
    """

    episodes: ClassVar[bool] = True

    def refuses(self, problem: Problem, instance: Instance) -> str | None:
        return needs_choices(problem, instance)

    def solve(self, problem: Problem, instance: Instance, probe: Probe) -> Claim:
        choices = Choices(problem, instance, probe)
        choices.price(choices.low[None])
        return Claim()
