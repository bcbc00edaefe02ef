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
from .planning import Plans, planned, scaled
from .pricing import Columns, Masks, Prices, costs, free

SHARES = (0.0, 0.5, 1.0)  # of the prices, at which the first nodes' plans are made
REPLANS = 1  # rounds over all users at a node; later nodes go on with the best of the plans
STEPS = 4  # rounds of prices at a node; a node that needs more is its own only child
UNIT = 2.0**-20  # to which the proof rounds prices


@dataclass(eq=False)
class Node:
    """A region, with the prices that it inherits and then its own."""

    masks: Masks = field(default_factory=Masks)
    prices: Prices | None = None
    columns: Columns | None = None  # of paths found, while prices may get better
    fractions: np.ndarray | None = None  # (users, seconds, servers), of its mixed paths


class PricedEpisode:
    """The `Relaxation` of one episode."""

    def __init__(self, data: Data) -> None:
        self._data, self._ceiling = data, policies.ceiling(data)
        self._plans: list[Plans] = []
        self._rng = np.random.default_rng(0)

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
        net, old = self._network, node.columns
        columns = old or Columns(net, node.masks, node.prices or free(net))
        enough = -cutoff + 1 - 2 * self._margin if np.isfinite(cutoff) else -np.inf
        settled = columns.improve(enough, STEPS)
        node.prices, node.columns = columns.prices, None if settled else columns
        node.fractions = columns.fractions()
        most = min(np.floor(columns.value + self._margin), self._ceiling)
        return Bounded(-float(most), self._planned(node.prices))

    def branch(self, node: Node, cutoff: float) -> tuple[How, Sequence[Node]]:
        """The user, second and server that the mixed paths are least sure of.

        First the same region again, for as long as its prices get better.
        """
        if node.fractions is None:
            return {}, []
        if node.columns is not None:
            return {"again": True}, [Node(node.masks, node.prices, node.columns)]
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
        """The best plans so far, improved at these prices: (1, seconds, users)."""
        price, many = costs(self._network, prices), len(self._plans)
        if many < len(SHARES):
            self._plans.append(planned(self._network, scaled(price, SHARES[many]), REPLANS, 1))
        best = max(self._plans, key=lambda plan: plan.done)
        best.improve(scaled(price, self._rng.uniform()), REPLANS, self._rng)
        return _stacked([best.decision()])


def _stacked(decisions: list[Decision]) -> Decision:
    return {key: np.stack([d[key] for d in decisions]) for key in decisions[0]}
