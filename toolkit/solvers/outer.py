"""Outer approximation: linear masters on HiGHS, the exact continuous part for incumbents."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from toolkit.instances import Instance
from toolkit.problems import HasCompletion, HasMasters, HasProof, Problem
from toolkit.problems._knowledge import Master
from toolkit.problems._proof import Prices, Region

from ._base import Claim, Solver, Stop, impossible
from ._highs import Linear
from ._ladder import Ladder, Step, Tree
from ._probe import Probe

ROUNDS = 100  # of cuts at one master; many more than it takes
INTEGRAL = 1e-7  # as near to integral as HiGHS makes it


@dataclass(frozen=True, kw_only=True)
class Outer(Solver):
    """Outer approximation by mixed-integer linear masters on HiGHS, with a certificate.

    Masters are solved without integrality first: their duals are prices of the problem's proof.
    Where that leaves a gap the mixed-integer master is solved, which finds the best choice, and
    then branching on the linear one proves it.
    """

    backends: ClassVar[tuple[str, ...]] = ("highspy",)

    gap: float = 1e-6  # relative; the search ends when it is proven

    def __post_init__(self) -> None:
        if not 0 < self.gap < 1:
            raise ValueError(f"gap is {self.gap:g}; it must be above 0 and below 1.")

    def refuses(self, problem: Problem, instance: Instance) -> str | None:
        if not isinstance(problem, HasMasters):
            return "the problem has no linear programs that approximate it from outside"
        if not isinstance(problem, HasProof):
            return "the problem has no proof that takes prices"
        if not isinstance(problem, HasCompletion):
            return "the problem has no completion of discrete choices"
        return impossible(lambda: problem.masters(instance))

    def solve(self, problem: Problem, instance: Instance, probe: Probe) -> Claim:
        assert isinstance(problem, HasMasters)
        assert isinstance(problem, HasProof)
        pieces = problem.masters(instance)
        search = _Search(Ladder(problem, instance, pieces, probe, self.gap), probe, self.gap)
        search.ladder.climb(lambda rung: search.relax(rung, pieces.piece(rung)))
        search.close()
        if not search.ladder.closed:
            return Claim(stop=probe.stop if probe.expired else Stop.FINISHED)
        return Claim(verdict="optimal" if math.isfinite(probe.loss) else "infeasible")


class _Search:
    """The masters of one run, with the cuts found for them."""

    def __init__(self, ladder: Ladder, probe: Probe, gap: float) -> None:
        self.ladder, self._probe, self._gap = ladder, probe, gap
        self._linear: dict[int, Linear] = {}

    def relax(self, rung: int, master: Master) -> Prices:
        """Prices of one master without integrality; offers what it suggests."""
        linear = self._linear[rung] = Linear(master)
        linear.hear(lambda x: self.ladder.offer(master.candidates(x)))
        return self._prices(linear, master.box)[0]

    def close(self) -> None:
        """Works on the rungs whose linear relaxation left a gap, the weakest first."""
        while not self._probe.expired and not self.ladder.closed:
            step = min(self.ladder.steps, key=lambda s: s.loss)
            if step.open or step.low not in self._linear:
                return  # nothing more to be done about what is weakest
            linear = self._linear.pop(step.low)
            self._integer(linear)
            region = self.ladder.region(step.low, step.high)
            loss, tree = self._prove(linear, linear.master.box, region)
            self.ladder.replace(step, Step(step.low, step.high, loss, tree))
            self.ladder.report()

    def _prices(self, linear: Linear, box: Any) -> tuple[Prices, np.ndarray | None]:
        """Cuts until the linear relaxation over a box is tight: its prices and its last point."""
        linear.confine(box)
        x = None
        for _ in range(ROUNDS):
            point = linear.solve(self._probe.remaining)
            if point is None:
                break
            x = point
            if not linear.cut(x) or self._probe.expired:
                break
        if x is None:
            return linear.master.guess(), None
        self.ladder.offer(linear.master.candidates(x))
        return linear.master.prices(x, linear.duals, box), x

    def _integer(self, linear: Linear) -> None:
        """Cuts until the mixed-integer master has no better choice than the incumbent."""
        linear.confine(linear.master.box)
        linear.integral(True)
        seen: set[bytes] = set()
        while not self._probe.expired:
            x = linear.solve(self._probe.remaining, gap=self._gap / 10)
            if x is None or linear.bound >= self.ladder.cutoff:
                break
            choice = np.round(x[linear.master.integer]).tobytes()
            if choice in seen:  # its cuts are there already: no other choice can be better
                break
            seen.add(choice)
            self.ladder.offer(linear.master.candidates(x))
            linear.cut(x)
        linear.integral(False)

    def _prove(self, linear: Linear, box: Any, region: Region) -> tuple[float, Tree]:
        """Branches on the linear master until each part's proved bound reaches the cutoff."""
        prices, x = self._prices(linear, box)
        loss, tree = self.ladder.priced(region, prices)
        column = None if x is None else _most_fractional(x, linear.master.integer)
        if loss >= self.ladder.cutoff or column is None or self._probe.expired:
            return loss, tree
        how, values = linear.master.branch(column)
        parts = self.ladder.proof.split(region, how)
        proved = [
            self._prove(linear, _fixed(box, column, value), part)
            for value, part in zip(values, parts, strict=True)
        ]
        children = [tree for _, tree in proved]
        return min(loss for loss, _ in proved), {"split": how, "children": children}


def _most_fractional(x: np.ndarray, integer: np.ndarray) -> int | None:
    """The integer column farthest from integral, None where all are integral."""
    off = np.abs(x[integer] - np.round(x[integer]))
    return int(integer[np.argmax(off)]) if off.max() > INTEGRAL else None


def _fixed(box: Any, column: int, value: float) -> tuple[np.ndarray, np.ndarray]:
    low, high = (end.copy() for end in box)
    low[column] = high[column] = value
    return low, high
