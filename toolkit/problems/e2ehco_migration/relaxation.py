"""Bounds of an episode for branch and bound: a node says where users are at some seconds."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from toolkit.arrays import Data, Decision
from toolkit.problems._knowledge import Bounded
from toolkit.problems._proof import How
from toolkit.problems._proof import Prices as Told

from . import policies
from .paths import Network
from .planning import planned, scaled
from .pricing import Columns, Masks, Prices, costs, free

SHARES = (1.0, 0.5, 0.0)  # of the prices, at which the root's plans are made
REPLANS = 6  # rounds over all users, of the root's plans; other nodes have one
UNIT = 2.0**-20  # to which the proof rounds prices


@dataclass(eq=False)
class Node:
    """A region, with the prices that it inherits and then its own."""

    masks: Masks = field(default_factory=Masks)
    prices: Prices | None = None
    fractions: np.ndarray | None = None  # (users, seconds, servers), of its mixed paths


class PricedEpisode:
    """The `Relaxation` of one episode."""

    def __init__(self, data: Data) -> None:
        self._data, self._ceiling = data, policies.ceiling(data)
        self._nodes = 0

    @cached_property
    def _network(self) -> Network:
        return Network(self._data)

    @cached_property
    def _simple(self) -> bool:
        """Whether the ceiling alone says all, or all that is known."""
        from .machine import completed

        if policies.migrating_completes(self._data):
            return True
        stay = policies.stay(self._data)
        asked = (stay[key][None] for key in ("cpu", "bandwidth", "target"))
        return float(completed(self._data, *asked).sum()) >= self._ceiling

    def root(self) -> Node:
        return Node()

    def bound(self, node: Node, cutoff: float) -> Bounded:
        """The best prices found, and decisions planned at them."""
        if self._simple:
            both = [policies.stay(self._data), policies.toggle(self._data)]
            return Bounded(-self._ceiling, _stacked(both))
        self._nodes += 1
        columns = Columns(self._network, node.masks, node.prices or free(self._network))
        columns.improve(-cutoff + 1 - 2 * self._margin if np.isfinite(cutoff) else -np.inf)
        node.prices, node.fractions = columns.prices, columns.fractions()
        most = min(np.floor(columns.value + self._margin), self._ceiling)
        return Bounded(-float(most), self._planned(node.prices))

    def branch(self, node: Node, cutoff: float) -> tuple[How, Sequence[Node]]:
        """The user, second and server that the mixed paths are least sure of."""
        if node.fractions is None:
            return {}, []
        unsure = np.minimum(node.fractions, 1 - node.fractions)
        at = tuple(int(k) for k in np.unravel_index(unsure.argmax(), unsure.shape))
        if unsure[at] < 1e-6:
            return {}, []
        known = [Masks((*node.masks.known, (*at, there))) for there in (True, False)]  # type: ignore[arg-type]
        how = dict(zip(("user", "second", "server"), at, strict=True))
        return how, [Node(masks, node.prices) for masks in known]

    def prices(self, node: Node) -> Told:
        if node.prices is None:
            return {}
        told: dict[str, Any] = {"every": node.prices.every}
        for name in ("place", "cpu", "road"):
            part = getattr(node.prices, name)
            if part.any():
                told[name] = part.tolist()
        return told

    @property
    def _margin(self) -> float:
        """What the proof's rounding of prices and costs can add."""
        net = self._network
        return float(UNIT * net.seconds * (net.servers * (2 + net.servers) + 2 * net.users))

    def _planned(self, prices: Prices) -> Decision:
        """Decisions planned at prices, and at parts of them: (rows, seconds, users)."""
        net, root = self._network, self._nodes == 1
        price = costs(net, prices)
        shares = SHARES if root else (SHARES[self._nodes % len(SHARES)],)
        rounds = REPLANS if root else 1
        plans = [planned(net, scaled(price, s), rounds, self._nodes) for s in shares]
        return _stacked([plan.decision() for plan in plans])


def _stacked(decisions: list[Decision]) -> Decision:
    return {key: np.stack([d[key] for d in decisions]) for key in decisions[0]}
