"""Prices of loads and counts: nodes are ranges of counts, and what options users have left.

For prices the users and the resources separate (`_climb_kernels`). A resource has a price of its
load and one of its number of users: since that number is whole, only an exchange of users of
unequal weights is left open. A node is split at a count, then by users. Options and counts that
can be in no better decision are struck out by their reduced costs; the split says with which
prices, so that a checker strikes out the same. Where few counts are left and the gap is large,
every count of a resource gets prices of its own (copies).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import inf, isfinite
from typing import Any

import numpy as np

from toolkit.arrays import Decision
from toolkit.instances import rng_for
from toolkit.problems import Bounded
from toolkit.problems._proof import How, Prices

from . import _climb_kernels, _set_kernels
from .assignment import assigned
from .splits import Cut, Splits
from .tables import Congestion

HOT, WARM, COLD = 0.05, 5e-3, 1e-9  # temperatures: the root's first, other nodes' first; the last
FIRST = 1e-4  # and that at which the root gets a first choice
EXACT = 1e-9  # relative: the bound need not come closer to the best choice known
WIDE = 1e-3  # relative: with such a gap, copies pay
FEW = 3.0  # states for each resource: with more, copies do not pay
MARGIN = 1e-10  # relative: by how much a struck option must be too dear, for rounding's sake
CANDIDATES = 600
NEAR = (0.05, 0.02)  # typical costs: options that much dearer are candidates (root; elsewhere)
DRAWS = 30  # from the fractional choice, at most
WAITS = (4, 256)  # nodes: a search that found nothing better lets so many pass, and twice as many


@dataclass(eq=False)
class Node:
    """Options left (users, options), and least and largest count of every resource.

    floor: what the struck options and counts cost at least. prices (2, resources, columns): of
    load and count, in one column or (copies) one for each count from `base` on.
    """

    allowed: np.ndarray
    low: np.ndarray
    high: np.ndarray
    prices: np.ndarray
    base: np.ndarray
    heat: float
    floor: float = inf
    loss: float = inf  # the bound, in scaled units; what follows belongs to it
    found: Any = None  # first, number, likely, excess, over, mean of `bound_node`
    cut: tuple[Cut, int, float] | None = None  # what made it, which side, and the parent's loss

    @property
    def copies(self) -> bool:
        return bool(self.prices.shape[2] > 1)


@dataclass
class Kept:
    """What the reduced costs of a node leave of it."""

    allowed: np.ndarray
    low: np.ndarray
    high: np.ndarray
    struck: bool
    how: dict[str, Any] = field(default_factory=dict)


class PricedCongestion:
    """The nodes of one instance (`toolkit.problems._knowledge.Relaxation`).

    `decision` says what options (rows, users) are in the problem's own discrete blocks; `start`
    are options (users,) that are known to be good.
    """

    def __init__(
        self,
        given: Congestion,
        decision: Callable[[np.ndarray], Decision],
        start: np.ndarray | None = None,
    ) -> None:
        self._given, self._decision, self._start = given, decision, start
        self._scale = _typical_cost(given)
        resource = np.ascontiguousarray(given.resource, np.int64)
        weight = np.ascontiguousarray(given.weight / np.sqrt(self._scale), float)
        self._cost = np.ascontiguousarray(given.cost / self._scale, float)
        top = np.where(given.touched, weight, 0.0).max(0)
        self._level = np.where(given.equal, top, 0.0)  # weights on resources of equal ones
        order = np.argsort(weight, axis=0, kind="stable")
        self._tables = (self._cost, resource, weight)
        self._arrays = (*self._tables, order, given.equal)
        self._splits = Splits(given, weight)
        self._best, self._count = inf, 0
        self._next, self._wait = 0, WAITS[0]  # the node that is searched next
        self._dice = rng_for("congestion").random((DRAWS, len(weight)))

    def root(self) -> Node:
        users, resources = self._given.weight.shape
        none = np.zeros(resources, np.int64)
        prices = np.zeros((2, resources, 1))
        allowed, full = np.isfinite(self._cost), np.full(resources, users)
        marginal = 2.0 * _set_kernels.settled_loads(allowed, *self._tables)
        prices[0, :, 0] = np.where(self._given.equal, 0.0, marginal)
        prices[1, :, 0] = marginal * self._level
        return Node(allowed, none, full, prices, none, HOT)

    def bound(self, node: Node, cutoff: float) -> Bounded:
        limit, choice = self._scaled(cutoff), None
        node.prices = node.prices.copy()
        if self._count == 0:  # a first choice, so that the bound knows when to stop
            choice = self._first(node)
        target = min(limit, self._best - EXACT * abs(self._best))
        self._climb(node, COLD, target)
        if node.cut is not None:
            cut, side, before = node.cut
            self._splits.learn(cut, side, max(0.0, min(node.loss, target) - before))
        loss = min(node.loss * self._scale + self._given.offset, node.floor)
        if node.loss < min(limit, self._best):
            choice = self._rounded(node, self._count >= self._next) or choice
        self._count += 1
        return Bounded(loss, choice)

    def branch(self, node: Node, cutoff: float) -> tuple[How, Sequence[Node]]:
        """Strikes out what is too dear, then splits at a count, else by a user."""
        if not len(node.found[1]):
            return {}, []  # it is empty
        limit = self._scaled(cutoff)
        kept = self._kept(node, limit, cutoff)
        wide = isfinite(limit) and limit - node.loss > WIDE * abs(limit)
        if wide and self._few_counts(node, kept):
            kept.struck = True  # the split that brings copies is a strike, of whatever there is
            return {"strike": kept.how}, [self._with_copies(node, kept)]
        if (cut := self._at_a_count(node, kept)) is None:
            cut = self._at_a_user(node, kept)
        how, children = cut
        if kept.struck:
            how = {"strike": kept.how, **how}
        node.found = None
        return how, children

    def prices(self, node: Node) -> Prices:
        return self._priced(node)

    def _scaled(self, loss: float) -> float:
        return (loss - self._given.offset) / self._scale

    def _priced(self, node: Node) -> dict[str, Any]:
        """{"load": …, "count": …}: of every resource a price, or one for each count."""
        load = node.prices[0] * np.sqrt(self._scale)
        count = node.prices[1] * self._scale
        if not node.copies:
            return {"load": load[:, 0].tolist(), "count": count[:, 0].tolist()}
        return {"load": load.tolist(), "count": count.tolist(), "from": node.base.tolist()}

    def _climb(self, node: Node, cold: float, target: float) -> None:
        heats = (node.heat, cold)
        limits = (node.allowed, node.low, node.high)
        node.loss, *node.found = _climb_kernels.bound_node(
            *limits, node.prices, node.base, heats, target, *self._arrays
        )

    # --- choices

    def _first(self, node: Node) -> Decision | None:
        """What is known to be good, else a choice that a rough dual suggests."""
        if self._start is None:
            self._climb(node, FIRST, inf)
            return self._rounded(node)
        options = np.asarray(self._start, np.int64)
        self._best = float(_set_kernels.loss_of(options, *self._tables))
        return self._decision(options[None])

    def _rounded(self, node: Node, search: bool = True) -> Decision | None:
        """The dual's likeliest choice, on request polished, if it is better than all before."""
        _, _, likely, excess, _, _ = node.found
        start = np.argmax(likely, axis=1)
        if self._best == inf and (exact := assigned(self._given)) is not None:
            start = exact
        near = np.flatnonzero(excess <= (NEAR[self._count > 0] if search else -1.0))
        near = near[np.argsort(excess.ravel()[near], kind="stable")[:CANDIDATES]]
        who, what = np.divmod(near, excess.shape[1])
        draws = DRAWS if search else 0
        enough = node.loss + EXACT * abs(node.loss)
        choice, worth = _set_kernels.good_choice(
            start,
            likely,
            self._dice[:draws],
            node.loss,
            enough,
            *self._tables,
            self._level,
            who,
            what,
            excess.ravel()[near],
        )
        if search:
            self._wait = WAITS[0] if worth < self._best else min(2 * self._wait, WAITS[1])
            self._next = self._count + self._wait
        if worth >= self._best:
            return None
        self._best = worth
        return self._decision(choice[None])

    # --- splits

    def _kept(self, node: Node, limit: float, below: float) -> Kept:
        """The options and counts of decisions below `limit`, which is `below` as a loss."""
        first, number, _, excess, over, _ = node.found
        room = limit - node.loss + MARGIN * (abs(limit) + abs(node.loss))
        if not isfinite(limit):
            return Kept(node.allowed, node.low, node.high, False)
        allowed = node.allowed & (excess < room)
        low, high = number[first[:-1]], number[first[1:] - 1]
        struck = bool((allowed != node.allowed).any())
        for r in range(len(low)):
            part = slice(first[r], first[r + 1])
            inside = number[part][over[part] < room]
            ends = (inside[0], inside[-1]) if len(inside) else (1, 0)
            struck = struck or ends != (low[r], high[r])
            low[r], high[r] = ends
        return Kept(allowed, low, high, struck, {"below": below, "prices": self._priced(node)})

    def _child(self, node: Node, kept: Kept, **changes: Any) -> Node:
        floor = min(node.floor, kept.how["below"]) if kept.struck else node.floor
        parts: dict[str, Any] = {"allowed": kept.allowed, "low": kept.low, "high": kept.high}
        parts |= {"prices": node.prices, "base": node.base, "heat": WARM}
        return Node(floor=floor, **(parts | changes))

    def _few_counts(self, node: Node, kept: Kept) -> bool:
        """Whether copies are possible and pay: each option touches one resource at most."""
        span = kept.high - kept.low + 1
        most = np.minimum(span, 1 + self._given.touched.sum(0))
        single = self._given.resource.shape[2] == 1
        return single and not node.copies and most.sum() <= FEW * len(most)

    def _with_copies(self, node: Node, kept: Kept) -> Node:
        columns = max(2, int((kept.high - kept.low + 1).max()))
        prices = np.repeat(node.prices, columns, axis=2)
        return self._child(node, kept, prices=prices, base=kept.low.copy())

    def _at_a_count(self, node: Node, kept: Kept) -> tuple[dict[str, Any], list[Node]] | None:
        if (cut := self._splits.count(node.found[5], kept.low, kept.high)) is None:
            return None
        high, low = kept.high.copy(), kept.low.copy()
        high[cut.resource], low[cut.resource] = cut.most, cut.most + 1
        sides = ({"high": high}, {"low": low})
        children = [
            self._child(node, kept, cut=(cut, side, node.loss), **ends)
            for side, ends in enumerate(sides)
        ]
        return {"resource": cut.resource, "most": cut.most}, children

    def _at_a_user(self, node: Node, kept: Kept) -> tuple[dict[str, Any], list[Node]]:
        if (cut := self._splits.user(kept.allowed, node.found[2])) is None:
            return ({}, [self._child(node, kept)]) if kept.struck else ({}, [])
        user, inside = cut
        into, out = kept.allowed.copy(), kept.allowed.copy()
        into[user] &= inside
        out[user] &= ~inside
        children = [self._child(node, kept, allowed=part) for part in (into, out)]
        return {"user": user, "options": np.flatnonzero(inside).tolist()}, children


def _typical_cost(given: Congestion) -> float:
    """The mean over users of their cheapest option, alone."""
    users = np.arange(len(given.cost))[:, None, None]
    load = np.where(given.resource >= 0, given.weight[users, given.resource] ** 2, 0.0)
    typical = float((given.cost + load.sum(-1)).min(1).mean())
    return typical if 0 < typical < inf else 1.0
