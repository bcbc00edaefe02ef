"""An episode's bounds as the branch-and-bound engine takes them: one region, more effort."""

from typing import Any

import numpy as np

from toolkit.arrays import Data
from toolkit.problems._knowledge import Bounded
from toolkit.problems._proof import How, Prices

from .clairvoyant import Clairvoyant


class KnownEpisode:
    """The `Relaxation` of one episode: a node is how hard was tried on all of it."""

    def __init__(self, data: Data) -> None:
        self._whole = Clairvoyant(data)
        self._prices: dict[int, Prices] = {}
        self._best = -np.inf

    def root(self) -> int:
        return 0

    def bound(self, node: int, cutoff: float) -> Bounded:
        """The bound with so much effort, and the best decision by then."""
        found, parts = self._whole.effort(node)
        self._prices[node] = {"parts": parts}
        if found < self._best:  # never worse than with less effort
            found, self._prices[node] = self._best, self._prices[node - 1]
        self._best = found
        return Bounded(found, {"target": self._whole.tasks.target(self._whole.modes)[None]})

    def branch(self, node: int, cutoff: float) -> tuple[How, list[Any]]:
        """The same region again, with more effort."""
        more = node + 1 < self._whole.efforts and not self._whole.closed
        return {"again": node + 1}, [node + 1] if more else []

    def prices(self, node: int) -> Prices:
        return self._prices[node]
