"""Every user on the server that is nearest by the radio, without or with a limit."""

from dataclasses import dataclass

from toolkit.instances import Instance
from toolkit.problems import HasNearest, Problem

from ._base import Claim, Solver
from ._probe import Probe
from ._search import Choices, needs_choices


@dataclass(frozen=True, kw_only=True)
class Nearest(Solver):
    """Every user on the server to which transmitting is cheapest, the resources exact.

    With a `limit`, nearest[limit=4], users choose in order and a server that has so many is full:
    the priority rule.
    """

    limit: int = 0  # users on a server; 0: any number

    def __post_init__(self) -> None:
        if self.limit < 0:
            raise ValueError(f"limit is {self.limit}; it must be at least 0.")

    def refuses(self, problem: Problem, instance: Instance) -> str | None:
        if not isinstance(problem, HasNearest):
            return "the problem has no servers to be near to"
        return needs_choices(problem, instance)

    def solve(self, problem: Problem, instance: Instance, probe: Probe) -> Claim:
        assert isinstance(problem, HasNearest)
        choices = Choices(problem, instance, probe)
        found = problem.nearest(instance.data, self.limit)
        choices.price(choices.space.flatten(found)[None])
        return Claim(stop=probe.stop)
