"""What solvers share whose relaxations stand on the rungs of an integer (`Pieces`).

Few rungs are relaxed: the prices of two serve all rungs between them, and where that bound is too
weak the middle one is relaxed too. Every bound is recomputed by the problem's own proof from the
prices alone; what a solver printed is not looked at.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from toolkit.instances import Instance
from toolkit.problems import Certificate, HasCompletion, HasProof, Problem
from toolkit.problems._knowledge import Pieces
from toolkit.problems._proof import Prices, Region

from ._probe import Probe

Tree = Mapping[str, Any]  # {"leaf": prices}, or {"split": how, "children": [trees]}


@dataclass(frozen=True)
class Step:
    """Neighbouring rungs low..high with the bound proved for them; `open`: not yet relaxed."""

    low: int
    high: int
    loss: float
    tree: Tree
    open: bool = False


class Ladder:
    """The rungs of one instance and the bounds proved for them."""

    def __init__(
        self, problem: Problem, instance: Instance, pieces: Pieces[Any], probe: Probe, gap: float
    ) -> None:
        assert isinstance(problem, HasProof)
        assert isinstance(problem, HasCompletion)
        self.proof = problem.proof(instance.data)
        self.steps: list[Step] = []
        self._problem, self._complete, self._data = problem, problem.complete, instance.data
        self._pieces, self._probe, self._gap = pieces, probe, gap
        self._priced: dict[int, Prices] = {}
        self._reported = -math.inf

    @property
    def cutoff(self) -> float:
        """What is bounded by at least this is closed."""
        loss = self._probe.loss
        return loss - self._gap * abs(loss) if math.isfinite(loss) else math.inf

    @property
    def loss(self) -> float:
        """The bound of the whole space."""
        return min(step.loss for step in self.steps)

    @property
    def closed(self) -> bool:
        return bool(self.steps) and self.loss >= self.cutoff

    def offer(self, discrete: Any) -> None:
        """Has discrete choices completed and judged."""
        self._probe.offer(self._complete(self._data, discrete))

    def climb(self, relax: Callable[[int], Prices]) -> None:
        """Relaxes the outermost rungs, then the middle of the weakest stretch until all close."""
        first, last = self._pieces.inside
        for rung in sorted({first, last}) if first <= last else ():
            self._priced[rung] = relax(rung)
        self.steps = self._first_steps()
        self.report()
        while not self._probe.expired:
            weakest = min((s for s in self.steps if s.open), key=lambda s: s.loss, default=None)
            if weakest is None or weakest.loss >= self.cutoff:
                break
            self._relax_middle(weakest, relax)
            self.report()

    def replace(self, old: Step, *new: Step) -> None:
        at = self.steps.index(old)
        self.steps[at : at + 1] = new

    def region(self, low: int, high: int) -> Region:
        """The proof's region of the rungs low..high."""
        region = self.proof.root()
        if low > self._pieces.whole[0]:
            region = self.proof.split(region, self._pieces.cut(low - 1))[1]
        if high < self._pieces.whole[1]:
            region = self.proof.split(region, self._pieces.cut(high))[0]
        return region

    def priced(self, region: Region, prices: Prices) -> tuple[float, Tree]:
        """The bound that prices prove, or that the region is empty where that can be proved."""
        loss = self.proof.bound(region, prices)
        if loss < self.cutoff and self.proof.bound(region, self._pieces.empty) == math.inf:
            return math.inf, {"leaf": self._pieces.empty}
        return loss, {"leaf": prices}

    def report(self) -> None:
        """Tells the probe the bound of the whole space, when it has improved."""
        if self.loss > self._reported:
            self._reported = self.loss
            nodes: list[Mapping[str, Any]] = []
            _number(self._joined(self.steps), nodes)
            certificate = Certificate("tree", {"nodes": nodes})
            self._probe.bound(self._problem.sign * self._reported, certificate)

    def _first_steps(self) -> list[Step]:
        (low, high), (first, last) = self._pieces.whole, self._pieces.inside
        if first > last:
            return [self._step(low, high, self._pieces.empty)]
        steps = [self._step(low, first - 1, self._pieces.empty)] if low < first else []
        steps.append(self._step(first, first, self._priced[first]))
        steps += self._between(first, last)
        if first < last:
            steps.append(self._step(last, last, self._priced[last]))
        return [*steps, self._step(last + 1, high, self._pieces.empty)] if last < high else steps

    def _relax_middle(self, step: Step, relax: Callable[[int], Prices]) -> None:
        rung = (step.low + step.high) // 2
        self._priced[rung] = relax(rung)
        below, above = self._between(step.low - 1, rung), self._between(rung, step.high + 1)
        self.replace(step, *below, self._step(rung, rung, self._priced[rung]), *above)

    def _between(self, low: int, high: int) -> list[Step]:
        """The step strictly between two relaxed rungs, if there is a rung between."""
        if high - low < 2:
            return []
        ends = (low, self._priced[low]), (high, self._priced[high])
        return [self._step(low + 1, high - 1, self._pieces.between(*ends), True)]

    def _step(self, low: int, high: int, prices: Prices, open: bool = False) -> Step:
        loss, tree = self.priced(self.region(low, high), prices)
        return Step(low, high, loss, tree, open)

    def _joined(self, steps: list[Step]) -> Tree:
        """One tree of neighbouring steps, cut in the middle again and again."""
        if len(steps) == 1:
            return steps[0].tree
        half = len(steps) // 2
        children = [self._joined(steps[:half]), self._joined(steps[half:])]
        return {"split": self._pieces.cut(steps[half].low - 1), "children": children}


def _number(tree: Tree, nodes: list[Mapping[str, Any]]) -> int:
    """Appends a tree to the list of nodes; returns the number of its root."""
    number = len(nodes)
    nodes.append(tree)
    if "split" in tree:
        children = [_number(child, nodes) for child in tree["children"]]
        nodes[number] = {"split": tree["split"], "children": children}
    return number
