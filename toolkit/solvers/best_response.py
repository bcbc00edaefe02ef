"""Random choices, each polished by what the problem knows of cheap improvements."""

from dataclasses import dataclass

from toolkit.instances import Instance
from toolkit.problems import HasPolish, Problem

from ._base import Claim, Solver
from ._probe import Probe
from ._search import Choices, blocks, needs_choices


@dataclass(frozen=True, kw_only=True)
class BestResponse(Solver):
    """Random choices, taken to best responses and then to moves of pairs, until neither gains.

    A response is best in the whole objective, not for the user alone: every move gains. The best
    of `starts` counts. best_response[pairs=false] stops at single responses.
    """

    starts: int = 16
    pairs: bool = True

    def __post_init__(self) -> None:
        if self.starts < 1:
            raise ValueError(f"starts is {self.starts}; it must be at least 1.")

    def refuses(self, problem: Problem, instance: Instance) -> str | None:
        if not isinstance(problem, HasPolish):
            return "the problem has no cheap improvements of choices"
        return needs_choices(problem, instance)

    def solve(self, problem: Problem, instance: Instance, probe: Probe) -> Claim:
        assert isinstance(problem, HasPolish)
        choices = Choices(problem, instance, probe)
        for rows in blocks(probe, self.starts, choices.size):
            drawn = choices.space.unflatten(choices.sample(rows.stop - rows.start))
            found = problem.polish(instance.data, drawn, self.pairs)
            choices.price(choices.space.flatten(found))
        return Claim(stop=probe.stop)
