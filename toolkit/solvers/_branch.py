"""Best-first branch and bound over any problem's relaxation; its tree is the certificate."""

import heapq
import math
from collections.abc import Mapping
from typing import Any

from toolkit.arrays import Data, Decision
from toolkit.problems import Certificate, HasCompletion, Problem
from toolkit.problems._knowledge import Relaxation

from ._probe import Probe

REPORT_EVERY = 1.0  # seconds between bounds reported from an unfinished tree


class Tree:
    """The nodes of one search. The heap holds the leaves, the least bound first."""

    def __init__(self, problem: Problem, data: Data, relaxation: Relaxation, probe: Probe) -> None:
        self._sign, self._data, self._relaxation, self._probe = (
            problem.sign,
            data,
            relaxation,
            probe,
        )
        self._complete = problem.complete if isinstance(problem, HasCompletion) else None
        self._blocks = len(problem.space(data).vars)
        self._splits: dict[int, Mapping[str, Any]] = {}
        self._heap: list[tuple[float, int, Any]] = []
        self._done: list[tuple[float, int, Any]] = []  # leaves that cannot be split
        self._count, self._gap = 0, 0.0
        self._reported = 0.0

    def search(self, gap: float, nodes: float) -> bool:
        """Grows the tree until the gap is closed (True), or a limit is reached (False)."""
        self._gap = gap
        self._add(self._relaxation.root())
        while self._heap and self._heap[0][0] < self._cutoff():
            if self._probe.expired or self._count >= nodes:
                self.report()
                return False
            self._grow()
            if self._probe.seconds - self._reported > REPORT_EVERY:
                self.report()
        self.report()
        return True

    def report(self) -> None:
        """Reports the least bound of all leaves, with the tree as it stands."""
        self._reported = self._probe.seconds
        loss = min(leaf[0] for leaf in (*self._heap[:1], *self._done))
        self._probe.bound(self._sign * loss, self.certificate())

    def certificate(self) -> Certificate:
        """Splits and leaf prices, node 0 first."""
        every = dict(self._splits)
        for _, number, node in (*self._heap, *self._done):
            every[number] = {"leaf": self._relaxation.prices(node)}
        return Certificate("tree", {"nodes": [every[number] for number in range(self._count)]})

    def _cutoff(self) -> float:
        """A leaf whose bound is not below this is closed; the gap less a hair, for rounding."""
        loss = self._probe.loss
        return loss - 0.999 * self._gap * abs(loss) if math.isfinite(loss) else math.inf

    def _grow(self) -> None:
        """Replaces the worst leaf by its children."""
        leaf = heapq.heappop(self._heap)
        how, children = self._relaxation.branch(leaf[2], self._cutoff())
        if not children:
            self._done.append(leaf)
            return
        numbers = [self._add(child) for child in children]
        self._splits[leaf[1]] = {"split": how, "children": numbers}

    def _add(self, node: Any) -> int:
        """Bounds a node, offers what it suggests, and makes it a leaf.

        The parent's bound holds for the child too, but the certificate has the child's own
        prices: so the child keeps its own figure, even where the parent's is the better one.
        """
        number, self._count = self._count, self._count + 1
        said = self._relaxation.bound(node, self._cutoff())
        if said.candidates is not None:
            self._probe.offer(self._whole(said.candidates))
        heapq.heappush(self._heap, (said.loss, number, node))
        return number

    def _whole(self, decision: Decision) -> Decision:
        """Completed, unless it came so."""
        if self._complete is None or len(decision) == self._blocks:
            return decision
        return self._complete(self._data, decision)
