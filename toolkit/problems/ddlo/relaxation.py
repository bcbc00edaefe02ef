"""The dual of the uplink: nodes are ranges of offloaded sizes, each user's and their total.

For a price nu of uplink rate the users separate, and what is left of a user's choice is which of
its subset sums it offloads. What a node leaves open is mostly the total of all sums, a multiple of
the sizes' common unit: so that is split first, and gets a price theta (see docs/ddlo.md). Where
shares are given, no price is needed and the root is exact.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from toolkit.arrays import Data
from toolkit.errors import UserError
from toolkit.problems import Bounded
from toolkit.problems._proof import How, Prices

from . import _dual_kernels as kernels
from .problem import shares_are_decided

MOST_MIXED = 64  # choices between two sides of a price that a node suggests
MOST_TOTALS = 1 << 20  # of all users: with more, the total is as good as continuous
EDGE = 1e-3  # of a unit: a total as near to a multiple of it is one
ROUNDED = 2.0**-51  # twice over, what adding a task rounds a sum by, relative


@dataclass(eq=False)
class Node:
    """User i offloads one of its sums low[i]..high[i], all together `least` to `most` bits.

    The rest belongs to the dual's best prices: `total` is what their mixture offloads, the rows of
    `picks` and `rates` are the users' sums on either side of nu, at a theta too low and too high.
    """

    low: np.ndarray
    high: np.ndarray
    least: float
    most: float
    nu: float
    theta: float = 0.0
    total: float = 0.0
    picks: np.ndarray | None = None
    rates: np.ndarray | None = None


class PricedUplink:
    """The nodes of one instance (`toolkit.problems._knowledge.Relaxation`)."""

    def __init__(self, data: Data) -> None:
        size = np.ascontiguousarray(data["size"], float)
        self.n, self.tasks = size.shape
        self.first, self.sums, self._masks = subset_sums(size)
        names = ("capacity", "local_time", "edge_time", "local_energy")
        remote_energy = float(data["edge_energy"]) + float(data["transmit_energy"])
        scalars = (*(float(data[k]) for k in names), remote_energy, float(data["weight_delay"]))
        self._scalars = np.array(scalars)
        self._share = None if shares_are_decided(data) else np.asarray(data["share"], float)
        self._unit = _common_unit(size)
        # whether a sum and the next are surely apart, rounded as they are: one may cut there
        rounded = ROUNDED * self.tasks * self.sums[1:]
        self._apart = np.append(np.diff(self.sums) > rounded, False)
        self._tried: set[bytes] = set()

    def root(self) -> Node:
        low = np.zeros(self.n, np.int64)
        most = self.sums[self.first[1:] - 1]
        start = self._scalars[5] * float(np.sqrt(most / 2).sum() / self._scalars[0]) ** 2
        return Node(low, np.diff(self.first) - 1, 0.0, float(most.sum()), start)

    def bound(self, node: Node, cutoff: float) -> Bounded:
        if self._share is not None:
            loss, pick = kernels.cheapest_sums(self.first, self.sums, self._share, self._scalars)
            return Bounded(loss, self._untried(pick[None]))
        if self._is_empty(node):
            return Bounded(np.inf)
        limits = (node.low, node.high, node.least, node.most)
        node.nu, node.theta, loss, node.total, node.picks, node.rates = kernels.best_prices(
            node.nu, node.theta, self.first, self.sums, *limits, cutoff, self._scalars
        )
        return Bounded(loss, self._untried(self._mixed(node)) if loss < cutoff else None)

    def branch(self, node: Node, cutoff: float) -> tuple[How, Sequence[Node]]:
        """At the total; where the prices settle it, between two sums of a user."""
        if self._share is not None or node.picks is None:
            return {}, []
        if (cut := self._whole_below(node)) is not None:
            parts = [replace(node, most=cut), replace(node, least=cut + self._unit)]
            return {"total": cut}, parts
        for user in np.argsort(-self._dispute(node), kind="stable").tolist():
            if (last := self._last_of_lower(node, user)) is not None:
                return self._cut(node, user, last)
        return {}, []

    def prices(self, node: Node) -> Prices:
        if self._share is not None:
            return {}
        return {"nu": float(node.nu), "theta": float(node.theta)}

    def _is_empty(self, node: Node) -> bool:
        """Whether the users' ranges do not reach the range of the total."""
        ends = [self.sums[self.first[:-1] + end].sum() for end in (node.low, node.high)]
        return bool(ends[0] > node.most or ends[1] < node.least)

    def _whole_below(self, node: Node) -> float | None:
        """The multiple of the unit below the total; None where it is one, or counts are huge."""
        if self._unit == 0.0 or node.least == node.most:
            return None
        units = node.total / self._unit
        cut = float(np.floor(units)) * self._unit
        between = EDGE < units - np.floor(units) < 1 - EDGE
        return cut if between and node.least <= cut < node.most else None

    def _dispute(self, node: Node) -> np.ndarray:
        """How far apart every user's rates are on the sides of the prices."""
        assert node.rates is not None
        assert node.picks is not None
        return np.where(np.ptp(node.picks, axis=0) > 0, np.ptp(node.rates, axis=0), 0.0)

    def _cut(self, node: Node, user: int, last: int) -> tuple[How, Sequence[Node]]:
        """Between a user's sum number `last` and the next: the exact ones lie on these sides."""
        below, above = node.high.copy(), node.low.copy()
        below[user], above[user] = last, last + 1
        here = self.first[user] + last
        most = self.sums[here] + (self.sums[here + 1] - self.sums[here]) / 2
        parts = [replace(node, high=below), replace(node, low=above)]
        return {"user": user, "most": float(most)}, parts

    def _last_of_lower(self, node: Node, user: int) -> int | None:
        """The last sum of the lower part: halfway between those picked, or in the range; None
        where no two sums of the range are apart."""
        assert node.picks is not None
        picked = node.picks[:, user] - self.first[user]
        low, high = int(node.low[user]), int(node.high[user])
        for a, b in ((int(picked.min()), int(picked.max())), (low, high)):
            places = np.flatnonzero(self._apart[self.first[user] + a : self.first[user] + b])
            if len(places):
                return a + int(places[np.argmin(np.abs(places - (b - a) // 2))])
        return None

    def _mixed(self, node: Node) -> np.ndarray:
        """Two sides' sums, and what lies between when users go over one after the other."""
        assert node.picks is not None
        rows = [node.picks]
        order = np.argsort(-self._dispute(node), kind="stable")
        for a, b in ((0, 1), (2, 3), (0, 3), (1, 2)):
            here, there = node.picks[a], node.picks[b]
            apart = order[here[order] != there[order]][:MOST_MIXED]
            between = np.repeat(here[None], len(apart), axis=0)
            for step, user in enumerate(apart):
                between[step:, user] = there[user]
            rows.append(between)
        return np.concatenate(rows)

    def _untried(self, picks: np.ndarray) -> dict[str, np.ndarray] | None:
        """The choices of those rows that were not suggested before."""
        fresh = []
        for row in picks:
            key = row.tobytes()
            if key not in self._tried:
                self._tried.add(key)
                fresh.append(row)
        if not fresh:
            return None
        return {"offload": kernels.choices_of(np.stack(fresh), self._masks, self.tasks)}


def subset_sums(size: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(first, sums, masks) of `_dual_kernels.subset_sums`; UserError where they are too many."""
    first, sums, masks, culprit = kernels.subset_sums(size)
    if culprit >= 0:
        raise UserError(
            f"User {culprit} can offload more than {kernels.MOST_SUMS:,} different sizes; "
            "give its sizes as multiples of a larger unit."
        )
    return first, sums, masks


def _common_unit(size: np.ndarray) -> float:
    """The largest number of bits of which all sizes are multiples; 0 where that says nothing."""
    if not np.all((size == np.floor(size)) & (size < 2.0**53)):
        return 0.0
    unit = float(np.gcd.reduce(size.astype(np.int64), axis=None))
    return unit if size.sum() <= MOST_TOTALS * unit else 0.0
