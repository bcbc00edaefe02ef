"""The problem's own ranking of choices, or the best single change again and again."""

from dataclasses import dataclass

from toolkit.instances import Instance
from toolkit.problems import HasRanking, Problem

from ._base import Claim, Solver
from ._probe import Probe
from ._search import Choices, needs_choices


@dataclass(frozen=True, kw_only=True)
class Greedy(Solver):
    """The few choices that the problem ranks highest, or one best change after the other.

    With `HasRanking` it judges those choices, completed, and nothing else. Without, it starts
    at the lower bounds (all-local) and takes the best change of one variable while one helps.
    """

    neighbours: int = 4096  # judged a step, drawn at random where there are more

    def refuses(self, problem: Problem, instance: Instance) -> str | None:
        return needs_choices(problem, instance)

    def solve(self, problem: Problem, instance: Instance, probe: Probe) -> Claim:
        choices = Choices(problem, instance, probe)
        suggested = choices.suggested()
        if isinstance(problem, HasRanking):
            choices.price(suggested)
        else:
            choices.descend(suggested[0], self.neighbours, swaps=False)
        return Claim(stop=probe.stop)
