"""The dual by charging time: nodes are intervals of a, then tied users.

For a price v of time the users separate once a is given (`_dual_kernels`). A large gap means that
two different charging times maximise the dual; once a is confined, only a tied user is left. So a
node is first split in a, midway between the two, and then by the user (docs/droo.md).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import isfinite

import numpy as np

from toolkit.arrays import Data
from toolkit.problems import Bounded
from toolkit.problems._proof import How, Prices

from . import _dual_kernels, _kernels
from .allocation import tables

NEAR = 1e-4  # relative: two charging times that close are one
MOST_CUTS = 10  # splits of a on one path; then users only, lest the search stall


@dataclass(eq=False)
class Node:
    """Charging times a1..a2, users fixed to offload (1) or to stay local (-1), and its dual."""

    a1: float
    a2: float
    fixed: np.ndarray  # (n,) int8
    v: float  # the best price known
    cuts: int = 0
    ends: tuple[float, float] = (0.0, 1.0)  # the best a on either side of v
    sets: np.ndarray = field(default_factory=lambda: np.zeros((2, 0)))  # (2, n): who offloads there


class Charges:
    """The nodes of one instance (`toolkit.problems._knowledge.Relaxation`)."""

    def __init__(self, data: Data) -> None:
        self.local, self.snr, self.rate = (part[0] for part in tables(data))
        member, values = _kernels.classes(self.rate)
        self._arrays = (self.local, self.snr, self.rate, member, values)
        self._best = 0.0  # bit/s of the best mode suggested so far
        self._start = float(_dual_kernels.first_price(self.local, self.snr, values, member))

    def root(self) -> Node:
        return Node(0.0, 1.0, np.zeros(len(self.local), np.int8), self._start)

    def bound(self, node: Node, cutoff: float) -> Bounded:
        target = max(-cutoff, self._best) if isfinite(cutoff) else self._best
        value, node.v, xs, sets, worth, mode = _dual_kernels.best_price(
            node.v, node.a1 ** (2 / 3), node.a2 ** (2 / 3), node.fixed, target, *self._arrays
        )
        node.ends, node.sets = (float(xs[0]) ** 1.5, float(xs[1]) ** 1.5), sets
        if worth <= self._best:
            return Bounded(-value)
        self._best = float(worth)
        return Bounded(-value, {"offload": mode[None]})

    def branch(self, node: Node, cutoff: float) -> tuple[How, Sequence[Node]]:
        tied = (node.sets[0] != node.sets[1]) & (node.fixed == 0)
        low, high = sorted(node.ends)
        middle = 0.5 * (low + high)
        apart = high - low > NEAR * high and node.a1 < middle < node.a2
        if apart and tied.sum() > 1 and node.cuts < MOST_CUTS:
            cuts = node.cuts + 1
            return {"a": middle}, [
                replace(node, a2=middle, cuts=cuts),
                replace(node, a1=middle, cuts=cuts),
            ]
        return self._split_user(node, tied)

    def prices(self, node: Node) -> Prices:
        return {"v": float(node.v)}

    def _split_user(self, node: Node, tied: np.ndarray) -> tuple[How, Sequence[Node]]:
        """The tied user of largest local rate; without a tie any free user serves."""
        if not tied.any():
            tied = node.fixed == 0
        if not tied.any():
            return {}, []
        user = int(np.argmax(np.where(tied, self.local, -1.0)))
        children = []
        for side in (1, -1):
            fixed = node.fixed.copy()
            fixed[user] = side
            children.append(replace(node, fixed=fixed))
        return {"user": user}, children
