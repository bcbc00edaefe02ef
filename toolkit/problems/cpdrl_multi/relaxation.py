"""The dual by counts: nodes are boxes of the servers' numbers of offloaders, then tied users.

With a bandwidth price s_m^2 and a price theta_m on the count of every server the users separate;
with prices linear in the counts the corners of a box bound all of it (see docs/cpdrl_multi.md).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf

import numpy as np

from toolkit.arrays import Data
from toolkit.problems import Bounded
from toolkit.problems._proof import How, Prices

from . import _price_kernels, _transport_kernels
from .allocation import tables
from .emptiness import empty_prices
from .ranking import ranked_choices, scalars_of

NEAR = 8  # steps to the least of the dual in a box
EXACT, NEARLY = 1e-14, 1e-7  # relative: of the dual at one vector of counts; of prices for a box
SUGGESTED = 4  # assignments of a bundle


@dataclass(frozen=True, eq=False)
class _Best:
    """The best prices at one vector of counts, and who goes where."""

    value: float
    s: np.ndarray  # (servers,)
    theta: np.ndarray  # (servers,)
    slope: np.ndarray  # of the dual in the counts, (servers,)
    choices: np.ndarray  # (columns, users): the assignments of the best mixture, and their shares
    shares: np.ndarray
    in_time: bool  # whether the best can meet all deadlines
    slack: bool  # whether none of them binds


@dataclass(eq=False)
class Node:
    """Choices with k1 <= k <= k2 users at the servers and each user at an option `allowed`."""

    k1: np.ndarray
    k2: np.ndarray
    allowed: np.ndarray  # (users, servers + 1)
    parent: "Node | None" = None
    whole: bool = True  # no user was branched on
    at: np.ndarray | None = None  # the counts whose best prices these are
    best: _Best | None = None
    s: np.ndarray | None = None  # prices at k1 and at k2, (2, servers)
    theta: np.ndarray | None = None
    fall: np.ndarray | None = None  # what the bound loses along each server's counts
    empty: Prices | None = None  # what proves that there is nothing

    @property
    def single(self) -> bool:
        return bool((self.k1 == self.k2).all())


class Boxes:
    """The nodes of one instance (`toolkit.problems._knowledge.Relaxation`)."""

    def __init__(self, data: Data) -> None:
        self._data, self.tables = data, tables(data)
        self.total = np.asarray(data["bandwidth"], float)
        self._scalars = scalars_of(data)
        self._first = self.tables[:, 2].mean(axis=1) / self.total  # s of one average user
        self._known: dict[tuple[bytes, float], _Best | None] = {}
        self._tried: set[bytes] = set()

    def root(self) -> Node:
        servers, users = len(self.total), self.tables.shape[2]
        allowed = np.ones((users, servers + 1), bool)
        allowed[:, 0] = np.isfinite(self.tables[0, 0])
        return Node(np.zeros(servers, np.int64), np.full(servers, users, np.int64), allowed)

    def bound(self, node: Node, cutoff: float) -> Bounded:
        limits = (self.tables, self.total, self._scalars[0])
        if not _price_kernels.tighten(node.k1, node.k2, node.allowed, *limits):
            node.empty = {"infeasible": True}
            return Bounded(inf)
        choices = ranked_choices(self._data) if node.parent is None else None
        self._price(node, choices)
        loss = self._least(node)
        assert node.best is not None
        if loss < cutoff and not node.best.in_time:
            node.empty = empty_prices(node.k1, node.k2, node.allowed, self.tables, self._data)
            loss = inf if node.empty is not None else loss
        mixed = node.best.choices[:SUGGESTED]
        return Bounded(loss, self._untried(mixed if choices is None else [*choices, *mixed]))

    def branch(self, node: Node, cutoff: float) -> tuple[How, Sequence[Node]]:
        if node.empty is not None:
            return {}, []
        return self._split_user(node) if node.single else self._split_count(node)

    def prices(self, node: Node) -> Prices:
        if node.empty is not None:
            return node.empty
        assert node.s is not None
        assert node.theta is not None
        (s1, s2), (theta1, theta2) = node.s.tolist(), node.theta.tolist()
        return {"s1": s1, "theta1": theta1, "s2": s2, "theta2": theta2}

    # --- prices

    def _price(self, node: Node, choices: np.ndarray | None) -> None:
        """The best prices at counts near the least of the dual in the node; else the parent's."""
        start = node.parent.best if node.parent is not None else None
        for k in self._starts(node, choices):
            same = node.parent is not None and (k == node.parent.at).all()
            if same and not node.single:
                node.at, node.best = k, start
                return
            best = self._solved(k, node)
            if best is not None and (node.best is None or best.value < node.best.value):
                node.at, node.best = k, best
        if node.best is None:
            node.at, node.best = _near(node.k1, node), start or self._none()
        elif choices is not None:
            self._descend(node)

    def _starts(self, node: Node, choices: np.ndarray | None) -> Iterator[np.ndarray]:
        """Counts to start from: those of good choices at the root, then those of the parent."""
        if node.parent is not None:
            assert node.parent.at is not None
            yield _near(node.parent.at, node)
            return
        assert choices is not None
        servers = np.arange(1, len(self.total) + 1)
        counts = (choices[:, :, None] == servers).sum(1)
        for k in np.unique(counts, axis=0):
            yield _near(k, node)

    def _solved(self, k: np.ndarray, node: Node) -> _Best | None:
        """The best prices at k within the node's options; None where nobody can have these k."""
        tolerance = EXACT if node.single else NEARLY
        key = (k.tobytes(), tolerance)
        if node.whole and key in self._known:
            return self._known[key]
        s, theta = self._guess(k, node)
        found, value, s, theta, *rest = _transport_kernels.best_prices(
            k, s, theta, tolerance, node.allowed, self.tables, self.total, self._scalars
        )
        best = _Best(value, s, theta[1:], *rest) if found else None
        if node.whole:
            self._known[key] = best
        return best

    def _guess(self, k: np.ndarray, node: Node) -> tuple[np.ndarray, np.ndarray]:
        """Prices (s, theta of options) to start from: on the parent's line, else its own."""
        theta, parent = np.zeros(len(k) + 1), node.parent
        if parent is None or parent.s is None or parent.theta is None or parent.best is None:
            if node.best is None:  # nobody gains by another's coming or going
                theta[1:] = -self._scalars[1] * k * self.tables[:, 5].mean(axis=1)
                return k * self._first, theta
            theta[1:] = node.best.theta
            return np.where((node.best.s == 0) & (k > 0), self._first, node.best.s), theta
        part = (k - parent.k1) / np.maximum(parent.k2 - parent.k1, 1)
        s = np.maximum((1 - part) * parent.s[0] + part * parent.s[1], 0.0)
        theta[1:] = (1 - part) * parent.theta[0] + part * parent.theta[1]
        return np.where((s == 0) & (k > 0), self._first, s), theta

    def _none(self) -> _Best:
        """No prices at all: everything is free."""
        nothing, users = np.zeros(len(self.total)), self.tables.shape[2]
        nobody = np.zeros((0, users), np.int64)
        return _Best(-inf, nothing, nothing, nothing, nobody, np.zeros(0), False, False)

    def _descend(self, node: Node) -> None:
        """Moves to neighbouring counts in the box as long as the dual falls."""
        assert node.at is not None
        assert node.best is not None
        for _ in range(NEAR * len(self.total)):
            found = False
            for m in np.argsort(-np.abs(node.best.slope)):
                k = node.at.copy()
                k[m] += 1 if node.best.slope[m] < 0 else -1
                if (k == _near(k, node)).all():
                    best = self._solved(k, node)
                    if best is not None and best.value < node.best.value:
                        node.at, node.best, found = k, best, True
                        break
            if not found:
                return

    # --- bounds

    def _least(self, node: Node) -> float:
        """The least of the dual in the box, by its values at the corners."""
        self._price_ends(node)
        k = np.stack([node.k1, node.k2])
        limits = (node.allowed, self.tables, self.total, self._scalars)
        value = _price_kernels.corners(k, node.s, node.theta, *limits)
        loss, node.fall, _ = _price_kernels.least_in_box(value, k, node.s, node.theta, self.total)
        return float(loss)

    def _price_ends(self, node: Node) -> None:
        """At the near end the best prices there; at others those with one server's count there."""
        assert node.at is not None
        assert node.best is not None
        node.s, node.theta = (np.stack([p, p]) for p in (node.best.s, node.best.theta))
        for m in np.flatnonzero(node.k1 < node.k2):
            for row, end in enumerate((int(node.k1[m]), int(node.k2[m]))):
                if end != node.at[m]:
                    node.s[row, m], node.theta[row, m] = self._end(node, int(m), end)

    def _end(self, node: Node, m: int, end: int) -> tuple[float, float]:
        """Prices (s, theta) of server m with `end` users; extrapolated where deadlines would bind,
        which do not near by: there they rise too steeply for a straight line."""
        assert node.at is not None
        assert node.best is not None
        far = end - int(node.at[m])
        for step in (far, int(far / 2), int(far / 8), 1 if far > 0 else -1):
            k = node.at.copy()
            k[m] += step
            if step == 0 or (k != _near(k, node)).any():
                continue
            best = self._solved(k, node)
            if best is not None and best.in_time and best.slack >= node.best.slack:
                s, theta = (
                    near + (there - near) * far / step
                    for near, there in (
                        (node.best.s[m], best.s[m]),
                        (node.best.theta[m], best.theta[m]),
                    )
                )
                return max(float(s), 0.0), float(theta)
        return float(node.best.s[m]), float(node.best.theta[m])

    def _untried(self, choices: Sequence[np.ndarray] | np.ndarray) -> dict[str, np.ndarray] | None:
        """Those rows that were not suggested before."""
        fresh = []
        for row in choices:
            key = np.asarray(row, np.uint8).tobytes()
            if key not in self._tried:
                self._tried.add(key)
                fresh.append(np.asarray(row, float))
        return {"server": np.stack(fresh)} if fresh else None

    # --- splits

    def _split_count(self, node: Node) -> tuple[How, Sequence[Node]]:
        """The server along whose count the bound loses most, at the best counts or halfway."""
        assert node.at is not None
        assert node.fall is not None
        width = node.k2 - node.k1
        m = int(np.lexsort((width, np.where(width > 0, node.fall, -1.0)))[-1])
        k1, here, k2 = (int(k[m]) for k in (node.k1, node.at, node.k2))
        halfway = (k1 + k2 - (here != k1)) // 2
        most = here if k1 < here < k2 else halfway
        low, high = (
            Node(node.k1.copy(), node.k2.copy(), node.allowed.copy(), node, node.whole)
            for _ in range(2)
        )
        low.k2[m], high.k1[m] = most, most + 1
        return {"server": m, "most": most}, [low, high]

    def _split_user(self, node: Node) -> tuple[How, Sequence[Node]]:
        """The user whom the mixture divides most; where it divides nobody, any who has a choice."""
        assert node.best is not None
        free = node.allowed.sum(1) > 1
        if not free.any():
            return {}, []
        part = np.zeros(node.allowed.shape)
        for row, share in zip(node.best.choices, node.best.shares, strict=True):
            part[np.arange(len(row)), row] += share
        part = np.where(node.allowed, part, -1.0)
        torn = np.where(free, 1.0 - part.max(1), -1.0)
        worth = self.tables[:, 2].max(0)
        user = int(np.lexsort((worth, np.round(torn, 6)))[-1])
        option = int(part[user].argmax())
        chosen, other = node.allowed.copy(), node.allowed.copy()
        chosen[user] = np.arange(chosen.shape[1]) == option
        other[user, option] = False
        children = [
            Node(node.k1.copy(), node.k2.copy(), allowed, node, whole=False)
            for allowed in (chosen, other)
        ]
        return {"user": user, "options": [option]}, children


def _near(k: np.ndarray, node: Node) -> np.ndarray:
    """The counts of the box nearest to k whose sum as many users as may or must can have."""
    k = np.clip(k, node.k1, node.k2)
    must = int((~node.allowed[:, 0]).sum())
    may = int(node.allowed[:, 1:].any(1).sum())
    while k.sum() > may:
        k[np.argmax(k - node.k1)] -= 1
    while k.sum() < must:
        k[np.argmax(node.k2 - k)] += 1
    return k
