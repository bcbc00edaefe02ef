"""An episode's bounds as the branch-and-bound engine takes them: one region, more effort."""

from collections.abc import Callable
from typing import Any

from toolkit.arrays import Data
from toolkit.problems._knowledge import Bounded
from toolkit.problems._proof import How, Prices

from .clairvoyant import Clairvoyant


class KnownEpisode:
    """The `Relaxation` of one episode: a node is how hard was tried on all of it."""

    def __init__(self, data: Data) -> None:
        self._whole = Clairvoyant(data)
        self._prices: dict[int, Prices] = {}

    def watch(self, remaining: Callable[[], float]) -> None:
        """Efforts end when no seconds are left, and give what they have."""
        self._whole.clock.remaining = remaining

    def root(self) -> int:
        return 0

    def bound(self, node: int, cutoff: float) -> Bounded:
        """The best bound with so much effort, and the best decision by then."""
        found, parts = self._whole.effort(node)
        self._prices[node] = {"parts": parts}
        return Bounded(found, {"target": self._whole.tasks.target(self._whole.modes)[None]})

    def branch(self, node: int, cutoff: float) -> tuple[How, list[Any]]:
        """The same region again, with more effort."""
        more = node + 1 < self._whole.efforts and not self._whole.closed
        return {"again": node + 1}, [node + 1] if more else []

    def prices(self, node: int) -> Prices:
        return self._prices[node]
