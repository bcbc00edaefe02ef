"""Relaxation and rounding: the papers' baseline LR."""

import math
import warnings
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from toolkit.instances import Instance
from toolkit.problems import HasCompletion, HasConic, Problem

from ._base import Claim, Solver
from ._probe import Probe


@dataclass(frozen=True, kw_only=True)
class RelaxRound(Solver):
    """The bits of a convex relaxation, rounded, then completed and judged: no search, no bound.

    Linear relaxation of Huang, Bi and Zhang (2020), with the problem's own relaxations and its
    rounding. Where these stand on rungs (of a charging time, of a number of offloaders) so many
    of them are solved, spread evenly. Where none has a solution all bits are 0.
    """

    backends: ClassVar[tuple[str, ...]] = ("cvxpy", "clarabel")

    pieces: int = 8  # relaxations at most
    most: int = 2000  # discrete variables, for want of memory

    def __post_init__(self) -> None:
        if self.pieces < 1 or self.most < 1:
            raise ValueError("pieces and most must be at least 1.")

    def refuses(self, problem: Problem, instance: Instance) -> str | None:
        if not (isinstance(problem, HasConic) and isinstance(problem, HasCompletion)):
            return "the problem has no convex relaxation, or no completion"
        size = sum(var.size for var in problem.space(instance.data).discrete)
        return f"it takes {self.most} discrete variables, not {size}" if size > self.most else None

    def solve(self, problem: Problem, instance: Instance, probe: Probe) -> Claim:
        import cvxpy as cp

        assert isinstance(problem, HasConic)
        assert isinstance(problem, HasCompletion)
        pieces = problem.conic(instance)
        for rung in _spread(*pieces.inside, self.pieces):
            if probe.expired:
                break
            piece = pieces.piece(rung)
            limit = {"time_limit": probe.remaining} if math.isfinite(probe.remaining) else {}
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # an inaccurate relaxation rounds as well as any
                try:
                    piece.model.solve(solver="CLARABEL", max_threads=1, **limit)
                except (cp.SolverError, ValueError, ArithmeticError):
                    continue
            if (candidates := piece.candidates()) is not None:
                probe.offer(problem.complete(instance.data, candidates))
        if not probe.evaluations:  # every relaxation is infeasible, or none was solved in time
            lowest = problem.space(instance.data).choices(0, 1)
            probe.offer(problem.complete(instance.data, lowest))
        return Claim(stop=probe.stop)


def _spread(first: int, last: int, most: int) -> list[int]:
    """At most so many whole numbers from first to last, evenly spread; one: the middle."""
    if most == 1 and first < last:
        return [(first + last) // 2]
    count = min(most, last - first + 1)
    return sorted({int(rung) for rung in np.rint(np.linspace(first, last, max(0, count)))})
