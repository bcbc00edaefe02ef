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
    members so many of them are drawn, and the end point need not be a local optimum.
    """

    restarts: int = 10
    neighbours: int = 4096

    def __post_init__(self) -> None:
        if self.restarts < 0 or self.neighbours < 1:
            raise ValueError("restarts must be at least 0 and neighbours at least 1.")

    def refuses(self, problem: Problem, instance: Instance) -> str | None:
        return needs_choices(problem, instance)

    def solve(self, problem: Problem, instance: Instance, probe: Probe) -> Claim:
        choices = Choices(problem, instance, probe)
        suggested = choices.suggested()
        start = suggested[int(np.argmin(choices.price(suggested)))]
        for _ in range(self.restarts):
            choices.descend(start, self.neighbours, swaps=True)
            if probe.expired:
                break
            start = choices.sample(1)[0]
        choices.descend(start, self.neighbours, swaps=True)
        return Claim(stop=probe.stop)
