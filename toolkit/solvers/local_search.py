"""Steepest descent over changes of one variable and exchanges of two, restarted."""

from dataclasses import dataclass

import numpy as np

from toolkit.instances import Instance
from toolkit.problems import Problem

from ._base import Claim, Solver
from ._probe import Probe
from ._search import Choices, needs_choices


@dataclass(frozen=True, kw_only=True)
class LocalSearch(Solver):
    """Steepest descent by flips and swaps from the best ranked choice, then from random ones.

    A neighbourhood is completed and judged as one batch. Where it has more than `neighbours`
    members so many of them are drawn, and the end point need not be a local optimum. The papers'
    coordinate descent is local_search[restarts=0,swaps=false,ranked=false]: from a random choice,
    the best flip as long as one helps.
    """

    restarts: int = 10
    neighbours: int = 4096
    swaps: bool = True
    ranked: bool = True  # start from the problem's ranking, not from a random choice

    def __post_init__(self) -> None:
        if self.restarts < 0 or self.neighbours < 1:
            raise ValueError("restarts must be at least 0 and neighbours at least 1.")

    def refuses(self, problem: Problem, instance: Instance) -> str | None:
        return needs_choices(problem, instance)

    def solve(self, problem: Problem, instance: Instance, probe: Probe) -> Claim:
        choices = Choices(problem, instance, probe)
        start = _best_ranked(choices) if self.ranked else choices.sample(1)[0]
        for _ in range(self.restarts):
            choices.descend(start, self.neighbours, self.swaps)
            if probe.expired:
                break
            start = choices.sample(1)[0]
        choices.descend(start, self.neighbours, self.swaps)
        return Claim(stop=probe.stop)


def _best_ranked(choices: Choices) -> np.ndarray:
    suggested = choices.suggested()
    best: np.ndarray = suggested[int(np.argmin(choices.price(suggested)))]
    return best
