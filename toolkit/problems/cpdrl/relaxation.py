"""The dual by cardinality: nodes are intervals of k = the number of offloaders, then tied users.

For a bandwidth price s^2 and a price theta on the number of offloaders the users separate. With
both prices linear in k one pair of sums bounds every k of an interval (see docs/cpdrl.md), so
the number of intervals hardly grows with n.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, sqrt

import numpy as np

from toolkit.arrays import Data
from toolkit.problems import Bounded
from toolkit.problems._proof import How, Prices

from . import _dual_kernels
from .allocation import user_table
from .diagnosis import why_infeasible

Price = tuple[float, float]  # (s, theta)


@dataclass(frozen=True, eq=False)
class Node:
    """Offload sets of k1 to k2 users that hold `inside` and avoid `outside`, priced at both ends.

    `price1` is None before the prices are known, and in regions without a feasible decision.
    """

    k1: int
    k2: int
    price1: Price | None = None
    price2: Price | None = None
    inside: tuple[int, ...] = ()
    outside: tuple[int, ...] = ()
    empty: bool = False
    sets: np.ndarray | None = None  # (2, n), once k is a single number: on either side of s


@dataclass(frozen=True, eq=False)
class _Best:
    """The best prices at one k, the slope of the dual in k, and the sets on either side."""

    price: Price
    slope: float
    sets: np.ndarray  # (2, n)


class Cardinalities:
    """The nodes of one instance (`toolkit.problems._knowledge.Relaxation`)."""

    def __init__(self, data: Data) -> None:
        self.table = user_table(data)
        self.n = int(self.table.shape[1])
        names = ("deadline", "bandwidth", "weight_delay", "weight_energy", "p_max")
        self._scalars = tuple(float(data[name]) for name in names)
        self._free = np.zeros(self.n, np.int8)
        self._known: dict[int, _Best] = {}
        self._tried: set[bytes] = set()
        self.least = int(np.sum(np.isinf(self.table[0])))
        self.most = self._largest_feasible()
        self._why = why_infeasible(data) if self.most < self.least else None
        self.best_k = self._minimiser() if self.most >= self.least else -1

    def root(self) -> Node:
        return Node(0, self.n, empty=self.most < self.least)

    def bound(self, node: Node, cutoff: float) -> Bounded:
        if node.empty:
            return Bounded(inf)
        if node.price1 is None or node.price2 is None:
            return Bounded(-inf, self._around_best())
        f1, f2 = self._ends(node)
        loss = _interval_bound(node, f1, f2, self._scalars[1])
        return Bounded(loss, self._untried(node.sets) if node.sets is not None else None)

    def branch(self, node: Node, cutoff: float) -> tuple[How, Sequence[Node]]:
        if node.price1 is None:
            return self._cut_ends(node)
        if node.k1 == node.k2:
            return self._split_user(node)
        if node.k2 - node.k1 == 1:
            return {"at": node.k1}, [self._single(k) for k in (node.k1, node.k2)]
        return self._march(node, cutoff)

    def prices(self, node: Node) -> Prices:
        if node.empty:
            whole = node.k1 == 0 and node.k2 == self.n
            return {"infeasible": True, **({"reason": self._why} if whole else {})}
        (s1, theta1), (s2, theta2) = node.price1 or (0.0, 0.0), node.price2 or (0.0, 0.0)
        return {"s1": s1, "theta1": theta1, "s2": s2, "theta2": theta2}

    # --- one k

    def best(self, k: int) -> _Best:
        """The best prices at k without fixed users, kept once found."""
        if k not in self._known:
            self._known[k] = self._solve(k, self._free, self._start(k))
        return self._known[k]

    def _start(self, k: int) -> float:
        """An s to start from: that of the nearest k known, else of k average users."""
        priced = [known for known in self._known if known > 0]
        if priced:
            return self._known[min(priced, key=lambda known: abs(known - k))].price[0]
        return max(k, 1) * float(np.mean(self.table[2])) / self._scalars[1]

    def _solve(self, k: int, fixed: np.ndarray, start: float) -> _Best:
        if k == 0:
            # bandwidth is free, and theta is low enough that nobody wants to offload
            return _Best((0.0, -float(self.table[0].max())), 0.0, np.zeros((2, self.n)))
        s, theta, slope, sets = _dual_kernels.best_price(
            k, start, self.table, fixed, *self._scalars
        )
        return _Best((s, theta), slope, sets)

    def _largest_feasible(self) -> int:
        """The largest k that some users can meet the deadline with; least - 1 if none can.

        A user's least bandwidth grows with k and so does the number of users, hence bisection.
        """
        if not self._fits(self.least, self._free):
            return self.least - 1
        if self._fits(self.n, self._free):
            return self.n
        low, high = self.least, self.n
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._fits(middle, self._free) else (low, middle)
        return low

    def _fits(self, k: int, fixed: np.ndarray) -> bool:
        return bool(_dual_kernels.needs_fit(k, self.table, fixed, *self._scalars[:2]))

    def _minimiser(self) -> int:
        """The k whose dual is least: the sign change of its slope (regula falsi, then halving)."""
        low, high = self.least, self.most
        while high - low > 1:
            middle = self._guess(low, high)
            low, high = (middle, high) if self.best(middle).slope < 0 else (low, middle)
        return low if high == low or self._at(low) <= self._at(high) else high

    def _guess(self, low: int, high: int) -> int:
        """A k strictly between: where the slope's secant crosses, if both ends are known."""
        if low in self._known and high in self._known:
            a, b = self._known[low].slope, self._known[high].slope
            share = a / (a - b) if a < 0 < b else 0.5
            # off the middle of the remaining interval by some way, lest one end never moves
            guess = low + (high - low) * min(max(share, 0.05), 0.95)
            return min(max(round(guess), low + 1), high - 1)
        return (low + high) // 2

    def _at(self, k: int) -> float:
        price = self.best(k).price
        return self._ends(Node(k, k, price, price))[0]

    # --- bounds

    def _fixed(self, inside: tuple[int, ...], outside: tuple[int, ...]) -> np.ndarray:
        """Per user 1 where it must offload, -1 where it must not, else 0."""
        if not inside and not outside:
            return self._free
        fixed = self._free.copy()
        fixed[list(inside)] = 1
        fixed[list(outside)] = -1
        return fixed

    def _ends(self, node: Node) -> tuple[float, float]:
        price1, price2 = _priced(node)
        fixed = self._fixed(node.inside, node.outside)
        f1, f2 = _dual_kernels.ends(
            node.k1, *price1, node.k2, *price2, self.table, fixed, *self._scalars
        )
        return float(f1), float(f2)

    def _around_best(self) -> dict[str, np.ndarray] | None:
        """The sets at the least k of the dual and at its neighbours."""
        near = (self.best_k, self.best_k - 1, self.best_k + 1)
        ks = [k for k in near if self.least <= k <= self.most]
        return self._untried(np.concatenate([self.best(k).sets for k in ks]))

    def _untried(self, sets: np.ndarray) -> dict[str, np.ndarray] | None:
        """Those rows of `sets` that were not suggested before."""
        fresh = []
        for row in sets:
            key = row.astype(np.uint8).tobytes()
            if key not in self._tried:
                self._tried.add(key)
                fresh.append(row)
        return {"offload": np.stack(fresh)} if fresh else None

    # --- splits

    def _cut_ends(self, node: Node) -> tuple[How, Sequence[Node]]:
        """Cuts off cardinalities without a feasible set, then splits at the least of the dual."""
        if node.k1 < self.least:
            cut = self.least - 1
            return {"at": cut}, [Node(node.k1, cut, empty=True), Node(self.least, node.k2)]
        if node.k2 > self.most:
            rest = Node(node.k1, self.most)
            return {"at": self.most}, [rest, Node(self.most + 1, node.k2, empty=True)]
        k = self.best_k
        if node.k1 == node.k2:
            return {"k": []}, [self._single(k)]
        sides = [(node.k1, -1), (node.k2, +1)]
        return {"k": [k]}, [self._side(end, sign) for end, sign in sides]

    def _side(self, end: int, sign: int) -> Node:
        """From the least of the dual to an end, priced there by extrapolation."""
        k = self.best_k
        if end == k:
            return self._single(k)
        step = k + sign * min(max(1, self.n // 1000), abs(end - k))
        far = _line(k, self.best(k).price, step, self.best(step).price, end)
        near = self.best(k).price
        return Node(k, end, near, far) if sign > 0 else Node(end, k, far, near)

    def _single(self, k: int, inside: tuple[int, ...] = (), outside: tuple[int, ...] = ()) -> Node:
        """One cardinality, priced at its best."""
        if not inside and not outside:
            best = self.best(k)
        else:
            fixed = self._fixed(inside, outside)
            if not self._fits(k, fixed):
                return Node(k, k, inside=inside, outside=outside, empty=True)
            best = self._solve(k, fixed, self.best(k).price[0])
        return Node(k, k, best.price, best.price, inside, outside, sets=best.sets)

    def _march(self, node: Node, cutoff: float) -> tuple[How, Sequence[Node]]:
        """A near part as wide as its bound should bear, and the rest, priced by extrapolation."""
        forward = node.k1 >= self.best_k
        near, far = (node.k1, node.k2) if forward else (node.k2, node.k1)
        half = abs(far - near) // 2
        width = min(max(1, self._bearable(node, near, cutoff)), half)
        k = near + width if forward else near - width
        here, there = self.best(k).price, self.best(near).price
        end = self.best(far).price if width == half else _line(near, there, k, here, far)
        if forward:
            return {"k": [k]}, [Node(near, k, there, here), Node(k, far, here, end)]
        return {"k": [k]}, [Node(far, k, end, here), Node(k, near, here, there)]

    def _bearable(self, node: Node, near: int, cutoff: float) -> int:
        """Twice the distance from the least of the dual, or what the slack at the near end bears.

        The dual grows like (k - k*)^2, and an interval of width d loses about alpha d^2 / 4.
        """
        f1, f2 = self._ends(node)
        slack = (f1 if near == node.k1 else f2) - cutoff
        alpha = _curvature(node, self._scalars[1])
        bears = 2 * sqrt(slack / alpha) if slack > 0 and alpha > 0 else 1.0
        return int(max(2 * abs(near - self.best_k), min(bears, self.n)))

    def _split_user(self, node: Node) -> tuple[How, Sequence[Node]]:
        """The tied user of largest q in, then out; without a tie any free user serves."""
        assert node.sets is not None
        fixed = self._fixed(node.inside, node.outside)
        tied = node.sets[0] != node.sets[1]
        if not tied.any():
            tied = (fixed == 0) & np.isfinite(self.table[0])
        if not tied.any():
            return {}, []
        user = int(np.argmax(np.where(tied, self.table[2], -1.0)))
        return {"user": user}, [
            self._single(node.k1, (*node.inside, user), node.outside),
            self._single(node.k1, node.inside, (*node.outside, user)),
        ]


def _priced(node: Node) -> tuple[Price, Price]:
    assert node.price1 is not None
    assert node.price2 is not None
    return node.price1, node.price2


def _line(k1: int, price1: Price, k2: int, price2: Price, k: int) -> Price:
    """Prices at k on the line through two others (any s >= 0 is a valid price)."""
    t = (k - k1) / (k2 - k1)
    s = price1[0] + t * (price2[0] - price1[0])
    return max(s, 0.0), price1[1] + t * (price2[1] - price1[1])


def _curvature(node: Node, total: float) -> float:
    """alpha of A4: what makes the bound dip between the ends of an interval."""
    (s1, theta1), (s2, theta2) = _priced(node)
    width = node.k2 - node.k1
    return (theta2 - theta1) / width - total * ((s2 - s1) / width) ** 2


def _interval_bound(node: Node, f1: float, f2: float, total: float) -> float:
    """A4: the least of (1 - t) f1 + t f2 - max(0, alpha) d^2 t (1 - t) over 0 <= t <= 1."""
    if node.k1 == node.k2:
        return f1
    dip = max(0.0, _curvature(node, total)) * (node.k2 - node.k1) ** 2
    if dip == 0.0:
        return min(f1, f2)
    t = min(max(0.5 - (f2 - f1) / (2.0 * dip), 0.0), 1.0)
    return (1 - t) * f1 + t * f2 - dip * t * (1 - t)
