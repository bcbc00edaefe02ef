"""Rigorous bounds over cardinalities: what re-proves the certificates of this problem.

A region is an interval k1..k2 of the number k of offloaders, with some users forced to offload
(`inside`) or to stay local (`outside`). Prices are s (the root of the bandwidth price) and theta
(of k) at both ends, linear in between. For ANY s >= 0, theta and multipliers mu_n >= 0 of the
deadlines,

    f(k) = theta k - B s^2 + sum_n min(loc_n, 2 s sqrt(c_n(mu_n)) + (lambda1 + mu_n) w_n k
                                              - theta - mu_n tau)                         (A3)

is a lower bound of the loss of every decision with k offloaders: weak duality for the bandwidth,
the cardinality and the deadlines; c_n(mu) = min_p (lambda1 + mu + lambda2 p) D / log2(1 + p h). A
forced user contributes its own term instead of the min. Between the ends, with mu constant, f is
a concave function plus a parabola, so that two evaluations bound all k between (A4,
`least_between`). The multipliers are guessed here: they need not be stored, for any are valid.
Where lateness has a price (`cpdrl_soft`) those up to it are, and nothing is infeasible.

The sums over users are rigorous in two ways: NumPy with a proved error bound (`floats`) and
python-flint's balls (`balls`, the reference, also where data are too extreme for the former).
Nothing is shared with the solvers. What is proved is the instance as its doubles are stored.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from typing import Any, Protocol

import numpy as np

from toolkit.arrays import Data, Decision
from toolkit.problems._proof import Arithmetic, How, Prices

from .exact import EDGE, least_between, rounded_down
from .guesses import Guesses

Tight = tuple[np.ndarray, np.ndarray, np.ndarray]  # users, their mu > 0, their ln(1 + p h)
End = tuple[int, float, float]  # k, s, theta


@dataclass(frozen=True)
class Region:
    """All decisions with k1 <= k <= k2 offloaders, `inside` among them and `outside` not."""

    k1: int
    k2: int
    inside: frozenset[int] = frozenset()
    outside: frozenset[int] = frozenset()


class Users(Protocol):
    """Rigorous sums over users; `stuck` cannot run locally, `slack` are the lines at mu = 0."""

    stuck: np.ndarray
    slack: Any

    def lines(self, tight: Tight | None) -> Any: ...

    def total(
        self, lines: Any, s: float, k: int, theta: float, inside: np.ndarray, outside: np.ndarray
    ) -> Fraction | None: ...

    def needs(self, k: int, which: np.ndarray) -> np.ndarray: ...

    def exceeds(self, k: int, forced: np.ndarray, free: np.ndarray, count: int) -> bool: ...

    def each(self, masks: np.ndarray) -> np.ndarray: ...


class CardinalityProof:
    """The `Proof` of one instance of cpdrl."""

    def __init__(self, data: Data, arithmetic: Arithmetic = "float") -> None:
        self._data = data
        self._n = int(np.shape(data["size"])[-1])
        self._guesses = Guesses(data)
        self._users = _users(data, self._guesses, arithmetic)

    def root(self) -> Region:
        """Every decision: any number of offloaders, nobody forced."""
        return Region(0, self._n)

    def split(self, region: Region, how: How) -> Sequence[Region]:
        """{"k": m or [m, ...]}: k1..m, m..k2; {"at": m}: k1..m, m+1..k2; {"user": i}: in, out."""
        if not isinstance(how, Mapping) or len(how) != 1:
            raise ValueError(f"A split is one of k, at and user, not {how!r}.")
        ((word, value),) = how.items()
        if word == "k":
            return _split_k(region, value)
        if word == "at":
            m = _whole(value, region.k1, region.k2 - 1)
            return _ranges(region, [(region.k1, m), (m + 1, region.k2)])
        if word == "user":
            return _split_user(region, _whole(value, 0, self._n - 1))
        raise ValueError(f"A split is one of k, at and user, not {word!r}.")

    def bound(self, region: Region, prices: Prices) -> float:
        """Lower bound of the loss; +inf where the region is proved empty.

        prices: {"s1", "theta1"} at k1 and {"s2", "theta2"} at k2 (not needed where k1 = k2), or
        {"infeasible": true}: +inf if no decision of the region meets the deadlines, else -inf.
        """
        ends = None if _claims_empty(prices) else _ends(region, prices)
        with np.errstate(over="ignore", invalid="ignore"):
            forced = self._forced(region)
            if forced is None:
                return math.inf
            if ends is None:
                return math.inf if self._needs_too_much(*forced) else -math.inf
            return self._dual(*forced, ends)

    def bound_each(self, discrete: Decision) -> np.ndarray:
        """Lower bound of the loss for each mask (rows, n): A3 at the mask's own price."""
        masks = np.asarray(discrete["offload"], float)
        if masks.ndim != 2 or masks.shape[1] != self._n or not np.isin(masks, (0, 1)).all():
            raise ValueError(f"offload must be rows of {self._n} zeros and ones.")
        return self._users.each(masks)

    def _forced(self, region: Region) -> tuple[int, int, np.ndarray, np.ndarray] | None:
        """(k1, k2, inside, outside) with all that they imply; None where that is contradictory.

        Users that cannot run locally must offload; users that cannot meet the deadline with k1
        offloaders, even with all of B, must not: the time left for the upload falls with k.
        """
        state = np.zeros((2, self._n), bool)
        state[0, list(region.inside)] = True
        state[1, list(region.outside)] = True
        state[0] |= self._users.stuck
        k1 = max(region.k1, int(state[0].sum()))
        late = np.flatnonzero(self._guesses.late(k1))
        state[1, late] |= self._users.needs(k1, late) > self._guesses.total * EDGE
        k2 = min(region.k2, self._n - int(state[1].sum()))
        if k1 > k2 or bool((state[0] & state[1]).any()):
            return None
        return k1, k2, np.flatnonzero(state[0]), np.flatnonzero(state[1])

    def _needs_too_much(self, k1: int, k2: int, inside: np.ndarray, outside: np.ndarray) -> bool:
        """Whether k1 offloaders need more than B; then k > k1 do too: more of them, less time."""
        free = np.setdiff1d(np.arange(self._n), np.concatenate([inside, outside]))
        return self._users.exceeds(k1, inside, free, k1 - len(inside))

    def _dual(
        self, k1: int, k2: int, inside: np.ndarray, outside: np.ndarray, ends: tuple[End, End]
    ) -> float:
        """A3 at k1 and k2, A4 between, at the best of a few guesses of the multipliers."""
        now = [_on_the_line(ends, k) for k in ([k1, k2] if k1 < k2 else [k1])]
        best = -math.inf
        for tight in self._multipliers(now, inside, outside):
            lines = self._users.lines(tight) if tight is not None else self._users.slack
            values = [self._at(end, lines, inside, outside) for end in now]
            if all(value is not None for value in values):
                best = max(best, rounded_down(self._least(now, values)))
        return best

    def _at(self, end: End, lines: Any, inside: np.ndarray, outside: np.ndarray) -> Any:
        """A3, None where the prices are too large for a bound."""
        k, s, theta = end
        users = self._users.total(lines, s, k, theta, inside, outside)
        if users is None:
            return None
        return users + Fraction(theta) * k - Fraction(self._guesses.total) * Fraction(s) ** 2

    def _least(self, ends: list[End], values: list[Fraction]) -> Fraction:
        """The least value at any k from the first end to the last."""
        if len(ends) == 1:
            return values[0]
        (k1, s1, theta1), (k2, s2, theta2) = ends
        prices = (s1, theta1, s2, theta2)
        return least_between((values[0], values[1]), prices, self._guesses.total, k2 - k1)

    def _multipliers(
        self, ends: list[End], inside: np.ndarray, outside: np.ndarray
    ) -> Iterator[Tight | None]:
        """Guesses: none; where deadlines bind, what serves each user best at both ends."""
        yield None
        g, matters = self._guesses, np.zeros(self._n, bool)
        for k, s, theta in ends:
            here = g.costs(s, k) - theta < g.local  # else its term is loc already
            here[inside], here[outside] = True, False
            matters |= here & g.tight(s, k)
        which = np.flatnonzero(matters)
        if not len(which):
            return
        mus = [g.multiplier(s, k, which)[0] for k, s, _ in ends]
        if not g.soft:
            mus[-1] = np.where(g.room(ends[-1][0], which) > 0, mus[-1], mus[0])
        cap = np.where(np.isin(which, inside), np.inf, g.local[which])
        tried = [(mus[0] + mus[-1]) / 2, *mus, np.zeros(len(which))]
        worth = [g.terms(mu, ends, cap, which) for mu in tried]
        mu = np.choose(np.argmax(worth, axis=0), tried)
        yield which, mu, g.exponent(mu, which)


def _users(data: Data, guesses: Guesses, arithmetic: Arithmetic) -> Users:
    """The sums in the arithmetic asked for; in balls where the float analysis does not hold."""
    from .floats import FloatUsers, in_range

    if arithmetic == "float" and in_range(data):
        return FloatUsers(data, guesses)
    from .balls import ArbUsers

    return ArbUsers(data, guesses)


def _whole(value: Any, low: int, high: int) -> int:
    """`value` as an integer between `low` and `high`; ValueError where it is none."""
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or not low <= value <= high:
        raise ValueError(f"{value!r} is not a whole number from {low} to {high}.")
    return int(value)


def _split_k(region: Region, cuts: Any) -> list[Region]:
    """Intervals that share their ends, so that neighbours can share prices."""
    listed = cuts if isinstance(cuts, list | tuple) else [cuts]
    ends = [region.k1, *(_whole(m, region.k1, region.k2) for m in listed), region.k2]
    if sorted(ends) != ends:
        raise ValueError(f"The cuts {listed!r} do not ascend.")
    return _ranges(region, list(pairwise(ends)))


def _ranges(region: Region, ranges: list[tuple[int, int]]) -> list[Region]:
    return [replace(region, k1=low, k2=high) for low, high in ranges]


def _split_user(region: Region, user: int) -> list[Region]:
    if user in region.inside or user in region.outside:
        raise ValueError(f"User {user} is already forced.")
    one = {user}
    return [
        replace(region, inside=region.inside | one),
        replace(region, outside=region.outside | one),
    ]


def _claims_empty(prices: Prices) -> bool:
    """Whether the prices are a claim of infeasibility (its other keys are words for readers)."""
    if not isinstance(prices, Mapping):
        raise ValueError(f"Prices are a mapping, not {prices!r}.")
    return prices.get("infeasible") is True


def _ends(region: Region, prices: Prices) -> tuple[End, End]:
    """(k, s, theta) at both ends of the region; ValueError where they are not prices."""
    first = (region.k1, _price(prices, "s1"), _price(prices, "theta1"))
    if region.k1 == region.k2:
        return first, first
    return first, (region.k2, _price(prices, "s2"), _price(prices, "theta2"))


def _price(prices: Prices, key: str) -> float:
    value = prices.get(key)
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise ValueError(f"The price {key} is {value!r}; it must be a number.")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number) or (key[0] == "s" and number < 0):
        raise ValueError(f"The price {key} is {value!r}; it must be finite, and s >= 0.")
    return number


def _on_the_line(ends: tuple[End, End], k: int) -> End:
    """The prices at k, linear between the ends; any rounding of them is a price as good."""
    (k1, s1, theta1), (k2, s2, theta2) = ends
    t = (k - k1) / (k2 - k1) if k2 > k1 else 0.0
    return k, s1 * (1 - t) + s2 * t, theta1 * (1 - t) + theta2 * t
