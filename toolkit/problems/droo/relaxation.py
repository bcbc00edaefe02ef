"""The dual by charging time: nodes are intervals of a, then tied users.

For a price v of time the users separate once a is given. What a node's bound is and how it is split
is compiled (`_search_kernels`); here it becomes a node of the engine's tree, and of a certificate.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

import numpy as np

from toolkit.arrays import Data
from toolkit.problems import Bounded
from toolkit.problems._proof import How, Prices

from . import _dual_kernels, _kernels
from . import _search_kernels as kernels
from .allocation import tables

NOISE = 1e-14  # relative: the same mode again, valued from another start


@dataclass(eq=False, slots=True)
class Node:
    """Charging times a1..a2, users fixed to offload (1) or to stay local (-1), and its dual."""

    a1: float
    a2: float
    fixed: np.ndarray  # (n,) int8
    v: float  # the best price known
    cuts: int = 0  # splits of a on the way
    how: int = kernels.NOTHING  # it is split, and where: a charging time, or a user
    where: float = 0.0


class Charges:
    """The nodes of one instance (`toolkit.problems._knowledge.Relaxation`)."""

    def __init__(self, data: Data) -> None:
        local, snr, rate = (part[0] for part in tables(data))
        member, values = _kernels.classes(rate)
        self._arrays = (local, snr, member, values)
        self._best = 0.0  # bit/s of the best mode suggested so far
        self._start = float(_dual_kernels.first_price(local, snr, values, member))

    def root(self) -> Node:
        return Node(0.0, 1.0, np.zeros(len(self._arrays[0]), np.int8), self._start)

    def bound(self, node: Node, cutoff: float) -> Bounded:
        target = max(-cutoff, self._best) if isfinite(cutoff) else self._best
        value, node.v, node.how, node.where, worth, mode = kernels.bounded(
            node.v, node.a1, node.a2, node.fixed, node.cuts, target, *self._arrays
        )
        if worth <= self._best * (1.0 + NOISE):
            return Bounded(-value)
        self._best = worth
        return Bounded(-value, {"offload": mode[None]})

    def branch(self, node: Node, cutoff: float) -> tuple[How, Sequence[Node]]:
        if node.how == kernels.NOTHING:
            return {}, []
        if node.how == kernels.CUT:
            a, cuts = node.where, node.cuts + 1
            parts = [Node(node.a1, a, node.fixed, node.v, cuts)]
            return {"a": a}, [*parts, Node(a, node.a2, node.fixed, node.v, cuts)]
        user, children = int(node.where), []
        for side in (1, -1):
            fixed = node.fixed.copy()
            fixed[user] = side
            children.append(Node(node.a1, node.a2, fixed, node.v, node.cuts))
        return {"user": user}, children

    def prices(self, node: Node) -> Prices:
        return {"v": node.v}
