"""The dual by cardinality: nodes are intervals of k = the number of offloaders, then tied users.

For a bandwidth price s^2 and a price theta on the number of offloaders the users separate. With
both prices linear in k one pair of sums bounds every k of an interval (see docs/cpdrl.md), so
the number of intervals hardly grows with n.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, sqrt

import numpy as np

from toolkit.arrays import Data, Decision
from toolkit.problems import Bounded
from toolkit.problems._proof import How, Prices

from . import _dual_kernels, _price_kernels, _set_kernels
from ._nodes import Node as Node
from ._nodes import Price, curvature, interval_bound, line, middle, priced
from .allocation import allocated, user_table
from .diagnosis import why_infeasible

SAMPLE = 1024  # users from whom the best k of many is guessed
MANY = 4 * SAMPLE
NEAREST = 0.0  # as near as the kernel cares for


@dataclass(frozen=True)
class _Best:
    """The best prices at one k, the slope of the dual in k, and s of the sets on either side."""

    price: Price
    slope: float
    sides: tuple[float, float]


class Cardinalities:
    """The nodes of one instance (`toolkit.problems._knowledge.Relaxation`)."""

    def __init__(self, data: Data) -> None:
        self._data = data
        self.table = user_table(data)
        self.n = int(self.table.shape[1])
        names = ("deadline", "bandwidth", "weight_delay", "weight_energy", "p_max")
        self._scalars = tuple(float(data[name]) for name in names)
        self._free = np.empty(0, np.int8)
        self._known: dict[int, _Best] = {}
        self._roughly: dict[int, Price] = {}
        self._values: dict[Node, tuple[float, float]] = {}
        self._tried: set[int] = set()
        self._cheapest = inf
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
            reach = 1 if self.n <= MANY else 0  # of many, neighbours differ by 1 / n^2
            near = range(self.best_k - reach, self.best_k + reach + 1)
            here = [self._single(k) for k in near if self.least <= k <= self.most]
            return Bounded(-inf, self._suggested(here))
        f1, f2 = self._ends(node)
        loss = interval_bound(node, f1, f2, self._scalars[1])
        if node.sides is None or loss >= cutoff:
            return Bounded(loss)
        return Bounded(loss, self._suggested([node]))

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
            self._known[k] = self._solve(k, self._free, self._start(k), NEAREST)
        return self._known[k]

    def _rough(self, k: int) -> Price:
        """Prices for the end of an interval: what they lack is little beside what k's distance
        from the best one costs, for both are squares of what is left out."""
        if k in self._known:
            return self._known[k].price
        if k not in self._roughly:
            near = max(abs(k - self.best_k) / (100 * self.n), NEAREST)
            self._roughly[k] = self._solve(k, self._free, self._start(k), near).price
        return self._roughly[k]

    def _start(self, k: int) -> float:
        """An s to start from: on the line through the two nearest k known."""
        known = {**self._roughly, **{at: best.price for at, best in self._known.items()}}
        near = sorted((at for at in known if at > 0), key=lambda at: abs(at - k))[:2]
        if not near:
            return max(k, 1) * float(np.mean(self.table[2])) / self._scalars[1]
        s = known[near[0]][0]
        if len(near) == 1:
            return s
        there = line(near[0], known[near[0]], near[1], known[near[1]], k)[0]
        return min(max(there, 0.5 * s), 2.0 * s)

    def _solve(self, k: int, fixed: np.ndarray, start: float, near: float) -> _Best:
        if k == 0:
            # bandwidth is free, and theta is low enough that nobody wants to offload
            return _Best((0.0, -float(self.table[0].max())), 0.0, (0.0, 0.0))
        s, theta, slope, *sides = _price_kernels.best_price(
            k, start, max(near, _price_kernels.closest(self.n)), self.table, fixed, self._scalars
        )
        return _Best((s, theta), slope, (sides[0], sides[1]))

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
        """The k whose dual is least; of many users a sample's is the start."""
        low, high, total = self.least, self.most, self._scalars[1]
        k, step = middle(low, high)
        s = self._start(k)
        if self.n > MANY:
            some = np.ascontiguousarray(self.table[:, :: self.n // SAMPLE])
            ratio = self.n / some.shape[1]
            some[5] *= ratio
            scalars = (self._scalars[0], total / ratio, *self._scalars[2:])
            ends = int(low / ratio), int(min(high / ratio, some.shape[1]))
            k, s = _price_kernels.minimiser(*ends, *middle(*ends), s, some, scalars)
            k, step = min(max(round(k * ratio), low), high), max(self.n // 500, 1)
        return int(_price_kernels.minimiser(low, high, k, step, s, self.table, self._scalars)[0])

    # --- bounds

    def _fixed(self, inside: tuple[int, ...], outside: tuple[int, ...]) -> np.ndarray:
        """Per user 1 where it must offload, -1 where it must not, else 0."""
        if not inside and not outside:
            return self._free
        fixed = np.zeros(self.n, np.int8)
        fixed[list(inside)] = 1
        fixed[list(outside)] = -1
        return fixed

    def _ends(self, node: Node) -> tuple[float, float]:
        if node not in self._values:
            price1, price2 = priced(node)
            fixed = self._fixed(node.inside, node.outside)
            self._values[node] = _dual_kernels.ends(
                node.k1, *price1, node.k2, *price2, self.table, fixed, *self._scalars
            )
        return self._values[node]

    def _sets(self, node: Node) -> list[np.ndarray]:
        """The offload sets on either side of the price at one k, (n,) each; one if they are one."""
        assert node.sides is not None
        fixed = self._fixed(node.inside, node.outside)
        return [
            _price_kernels.members(s, node.k1, self.table, fixed, self._scalars)
            for s in sorted(set(node.sides))
        ]

    def _suggested(self, nodes: list[Node]) -> Decision | None:
        """The cheapest of their sets, allocated, if it is cheaper than all before it."""
        best = None
        for mask in (mask for node in nodes for mask in self._sets(node)):
            key = hash(mask.tobytes())
            if key in self._tried:
                continue
            self._tried.add(key)
            cost = _set_kernels.cost_of(mask, self.table, self._scalars)
            if cost < self._cheapest or (best is None and self._cheapest == inf):
                best, self._cheapest = mask, cost
        if best is None:
            return None
        return allocated(
            self._data, best.astype(float)[None], np.zeros(1, np.int64), self.table[None]
        )

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
        far = line(k, self.best(k).price, step, self._rough(step), end)
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
            best = self._solve(k, fixed, self.best(k).price[0], NEAREST)
        return Node(k, k, best.price, best.price, inside, outside, sides=best.sides)

    def _march(self, node: Node, cutoff: float) -> tuple[How, Sequence[Node]]:
        """A near part as wide as its bound should bear, and the rest, priced by extrapolation."""
        forward = node.k1 >= self.best_k
        near, far = (node.k1, node.k2) if forward else (node.k2, node.k1)
        half = abs(far - near) // 2
        width = min(max(1, self._bearable(node, near, cutoff)), half)
        k = near + width if forward else near - width
        here, there = self._rough(k), self._rough(near)
        end = self._rough(far) if width == half else line(near, there, k, here, far)
        if forward:
            return {"k": [k]}, [Node(near, k, there, here), Node(k, far, here, end)]
        return {"k": [k]}, [Node(far, k, end, here), Node(k, near, here, there)]

    def _bearable(self, node: Node, near: int, cutoff: float) -> int:
        """Twice the distance from the least of the dual, or what the slack at the near end bears.

        The dual grows like (k - k*)^2, and an interval of width d loses about alpha d^2 / 4.
        """
        f1, f2 = self._ends(node)
        slack = (f1 if near == node.k1 else f2) - cutoff
        alpha = curvature(node, self._scalars[1])
        bears = 2 * sqrt(slack / alpha) if slack > 0 and alpha > 0 else 1.0
        return int(max(2 * abs(near - self.best_k), min(bears, self.n)))

    def _split_user(self, node: Node) -> tuple[How, Sequence[Node]]:
        """The tied user of largest q in, then out; without a tie any free user serves."""
        sets = self._sets(node)
        tied = sets[0] != sets[-1]
        if not tied.any():
            tied = np.isfinite(self.table[0])
            tied[[*node.inside, *node.outside]] = False
        if not tied.any():
            return {}, []
        user = int(np.argmax(np.where(tied, self.table[2], -1.0)))
        return {"user": user}, [
            self._single(node.k1, (*node.inside, user), node.outside),
            self._single(node.k1, node.inside, (*node.outside, user)),
        ]
