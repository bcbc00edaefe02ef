"""Rigorous bounds over boxes of counts: what re-proves the certificates of this problem.

A region is a box k1 <= k <= k2 of the servers' numbers of offloaders and the options (0 local, m
server m - 1) that every user has left. Prices of a leaf are, for every server, s (the root of the
bandwidth price) and theta (of the count) at both ends of its counts, linear in between. For ANY
s >= 0, theta and multipliers mu >= 0 of the deadlines,

    f(k) = sum_m (theta_m k_m - B_m s_m^2) + sum_i min(loc_i, min_m l_im),
    l_im = 2 s_m sqrt(c_im(mu)) + (lambda1 + mu) w_im k_m - theta_m - mu tau

bounds the loss of every decision with counts k: weak duality for bandwidths, counts and deadlines,
as in `cpdrl`, of which the terms of a user are. With mu constant, f is concave in k plus a parabola
for every server, so that the corners of the box bound all of it (`least_in_box`).

The terms of users are `cpdrl`'s, in NumPy with a proved error bound or in balls; nothing is shared
with the solvers. What is proved is the instance as its doubles are stored.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from toolkit.arrays import Data, Decision
from toolkit.problems._proof import Arithmetic, How, Prices
from toolkit.problems.cpdrl.proof.exact import rounded_down

from .boxes import End, least_in_box
from .sums import Sums, Tight, sums

Counts = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Region:
    """All decisions with k1 <= k <= k2 offloaders of the servers, users at options `allowed`."""

    k1: Counts
    k2: Counts
    allowed: np.ndarray  # (users, servers + 1)


class BoxProof:
    """The `Proof` of one instance of cpdrl_multi."""

    def __init__(self, data: Data, arithmetic: Arithmetic = "float") -> None:
        self._n, self._servers = (int(size) for size in np.shape(data["gain"]))
        self._total = [float(b) for b in data["bandwidth"]]
        self._sums: Sums = sums(data, arithmetic)

    def root(self) -> Region:
        """Every decision."""
        m = self._servers
        return Region((0,) * m, (self._n,) * m, np.ones((self._n, m + 1), bool))

    def split(self, region: Region, how: How) -> Sequence[Region]:
        """{"server": m, "most": j}: at most j users there, or more; {"user": i, "options": [o]}:
        one of these, or another."""
        if not isinstance(how, Mapping) or set(how) not in (
            {"server", "most"},
            {"user", "options"},
        ):
            raise ValueError(f"A split is by server and most, or user and options, not {how!r}.")
        if "user" in how:
            return self._split_user(region, how["user"], how["options"])
        m = _whole(how["server"], 0, self._servers - 1)
        most = _whole(how["most"], region.k1[m], region.k2[m] - 1)
        return [
            Region(region.k1, _with(region.k2, m, most), region.allowed),
            Region(_with(region.k1, m, most + 1), region.k2, region.allowed),
        ]

    def _split_user(self, region: Region, user: Any, options: Any) -> list[Region]:
        user = _whole(user, 0, self._n - 1)
        if not isinstance(options, list | tuple):
            raise ValueError(f"Options are a list, not {options!r}.")
        named = np.isin(
            np.arange(self._servers + 1), [_whole(o, 0, self._servers) for o in options]
        )
        parts = []
        for chosen in (named, ~named):
            allowed = region.allowed.copy()
            allowed[user] &= chosen
            parts.append(Region(region.k1, region.k2, allowed))
        return parts

    def bound(self, region: Region, prices: Prices) -> float:
        """Lower bound of the loss; +inf where the region is proved empty.

        prices: {"s1", "theta1"} at k1 and {"s2", "theta2"} at k2, lists over servers, of the box
        once it is narrowed to what it implies; or {"infeasible": true}, with multipliers "eta" of
        bandwidths and "theta" of counts: +inf if these prove it, else -inf.
        """
        if not isinstance(prices, Mapping):
            raise ValueError(f"Prices are a mapping, not {prices!r}.")
        with np.errstate(over="ignore", invalid="ignore"):
            narrow = self._narrowed(region)
            if prices.get("infeasible") is True:
                return math.inf if narrow is None or self._empty(narrow, prices) else -math.inf
            first, second = (
                (self._list(prices, k, True), self._list(prices, t, False))
                for k, t in (("s1", "theta1"), ("s2", "theta2"))
            )
            if narrow is None:
                return math.inf
            ends = [
                [(narrow.k1[m], first[0][m], first[1][m])]
                + [(narrow.k2[m], second[0][m], second[1][m])] * (narrow.k1[m] < narrow.k2[m])
                for m in range(self._servers)
            ]
            return self._dual(narrow.allowed, ends)

    def bound_each(self, discrete: Decision) -> np.ndarray:
        """Lower bound of the loss for each choice (rows, n), at the choice's own prices."""
        server = np.asarray(discrete["server"], float)
        options = np.arange(self._servers + 1)
        if server.ndim != 2 or server.shape[1] != self._n or not np.isin(server, options).all():
            raise ValueError(f"server must be rows of {self._n} numbers from 0 to {options[-1]}.")
        return self._sums.each(server.astype(int))

    def _narrowed(self, region: Region) -> Region | None:
        """What the region implies; None where that is contradictory.

        Who cannot compute in time must offload; an option is out where its need exceeds B even at
        the least count; counts lie between those who must go there and those who may, and are
        such that the least needy of them fit the bandwidth.
        """
        allowed = region.allowed.copy()
        allowed[self._sums.stuck, 0] = False
        k1, k2 = np.array(region.k1), np.array(region.k2)
        while True:
            for m in range(self._servers):
                late = self._sums.late(m, max(int(k1[m]), 1)) if k2[m] else np.ones(self._n, bool)
                allowed[late, m + 1] = False
            able, none = allowed[:, 1:].sum(0), ~allowed.any(1)
            if none.any():
                return None
            only = allowed[:, 1:] & (allowed.sum(1, keepdims=True) == 1)
            forced = only.sum(0)
            must, may = int((~allowed[:, 0]).sum()), int(allowed[:, 1:].any(1).sum())
            low = np.maximum(np.maximum(k1, forced), must - (k2.sum() - k2))
            high = np.minimum(np.minimum(k2, able), may - (k1.sum() - k1))
            if (low > high).any():
                return None
            for m in range(self._servers):
                high[m] = self._most_in_time(m, int(low[m]), int(high[m]), allowed, only)
            if (low > high).any():
                return None
            if (low == k1).all() and (high == k2).all():
                return Region(tuple(map(int, k1)), tuple(map(int, k2)), allowed)
            k1, k2 = low, high

    def _most_in_time(
        self, m: int, low: int, high: int, allowed: np.ndarray, only: np.ndarray
    ) -> int:
        """The largest count from `low` to `high` not proved too large; low - 1 where all are.

        Needs grow with the count, and so does the number of those who have them.
        """
        forced = np.flatnonzero(only[:, m])
        free = np.flatnonzero(allowed[:, m + 1] & ~only[:, m])

        def exceeds(k: int) -> bool:
            return self._sums.exceeds(m, k, forced, free)

        if not exceeds(high):
            return high
        if exceeds(low):
            return low - 1
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if exceeds(middle) else (middle, high)
        return low

    def _empty(self, region: Region, prices: Prices) -> bool:
        """Whether the multipliers prove that bandwidths cannot serve any counts of the box."""
        if "eta" not in prices:
            return False
        eta = [Fraction(v) for v in self._list(prices, "eta", True)]
        theta = [Fraction(v) for v in self._list(prices, "theta", False)]
        least = [None if not local else Fraction(0) for local in region.allowed[:, 0].tolist()]
        for m in range(self._servers):
            which = np.flatnonzero(region.allowed[:, m + 1])
            needs = self._sums.needs(m, max(region.k1[m], 1), which)
            for i, need in zip(which.tolist(), needs.tolist(), strict=True):
                if math.isinf(need):
                    continue  # late: the option is out
                value = eta[m] * Fraction(need) - theta[m]
                had = least[i]
                least[i] = value if had is None else min(had, value)
        if any(value is None for value in least):
            return True  # somebody is late everywhere
        users = sum((value for value in least if value is not None), Fraction(0))
        counts = sum(min(t * a, t * b) for t, a, b in zip(theta, region.k1, region.k2, strict=True))
        return users + counts > sum(e * Fraction(b) for e, b in zip(eta, self._total, strict=True))

    def _dual(self, allowed: np.ndarray, ends: list[list[End]]) -> float:
        """The least of f in a box, with the better of two guesses of the multipliers."""
        best = -math.inf
        for tight in self._multipliers(allowed, ends):
            lines = self._sums.lines(tight)
            values = {}
            for corner in np.ndindex(*(len(each) for each in ends)):
                at = [each[c] for each, c in zip(ends, corner, strict=True)]
                users = self._sums.total(lines, at, allowed)
                if users is None:
                    break
                values[corner] = users + sum(
                    (Fraction(theta) * k - Fraction(b) * Fraction(s) ** 2)
                    for (k, s, theta), b in zip(at, self._total, strict=True)
                )
            else:
                best = max(best, rounded_down(least_in_box(values, ends, self._total)))
        return best

    def _multipliers(
        self, allowed: np.ndarray, ends: list[list[End]]
    ) -> Iterator[list[Tight | None]]:
        """Guesses: none; where deadlines bind, what serves each user best at both ends."""
        yield [None] * self._servers
        found = [self._sums.binding(m, ends[m], allowed) for m in range(self._servers)]
        if any(tight is not None for tight in found):
            yield found

    def _list(self, prices: Prices, key: str, positive: bool) -> list[float]:
        """Prices of all servers; ValueError where they are none."""
        listed = prices.get(key)
        if not isinstance(listed, list | tuple) or len(listed) != self._servers:
            raise ValueError(
                f"The prices {key} are {listed!r}; they must be {self._servers} numbers."
            )
        for value in listed:
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if not number or not abs(value) <= 1e300 or (positive and value < 0):
                raise ValueError(f"The price {value!r} of {key} is not a finite number in range.")
        return [float(value) for value in listed]


def _whole(value: Any, low: int, high: int) -> int:
    """`value` as an integer between `low` and `high`; ValueError where it is none."""
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or not low <= value <= high:
        raise ValueError(f"{value!r} is not a whole number from {low} to {high}.")
    return int(value)


def _with(counts: Counts, m: int, value: int) -> Counts:
    return (*counts[:m], value, *counts[m + 1 :])
