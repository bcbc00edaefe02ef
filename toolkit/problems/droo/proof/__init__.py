"""Rigorous bounds over charging times: what re-proves the certificates of this problem.

A region is an interval a1..a2 of the charging time a, with some users forced to offload (`inside`)
or to stay local (`outside`). The price is v > 0, bit/s for the whole frame. For ANY v, and for any
z > 0 of each user with c (ln(1 + z) - z / (1 + z)) <= v, no decision with charging time a has a
larger rate than

    v (1 - a) + sum_i max(l a^(1/3), g a),   g = c G / (1 + z),

(l, c, G: local, rate and snr of `problem.coefficients`): weak duality for the frame, and ln(1 + s)
<= ln(1 + z) + (s - z) / (1 + z) at the signal-to-noise ratio s = G a / tau. A forced user counts
with its own term instead of the max. With t = a^(1/3), and any break point t_i > 0 of user i,

    max(l t, g t^3) <= l' t up to t_i, g' t^3 from t_i on,
    with l' = max(l, g t_i^2) and g' = max(g, l / t_i^2),

so that between two break points the bound is v + A t - (v - S) t^3, sums A of l' and S of g':
convex or concave in t, hence largest at an end, or below any of its tangents. Break points, z and
tangents are guessed here: they need not be stored, for any are valid.

All this is rigorous in two ways: NumPy with a proved error bound (`floats`) and python-flint's
balls (`balls`, the reference, also where data are too extreme for the former). Nothing is shared
with the solvers. What is proved is the instance as its doubles are stored.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Protocol

import numpy as np

from toolkit.arrays import Data, Decision
from toolkit.problems._proof import Arithmetic, How, Prices


@dataclass(frozen=True)
class Region:
    """All decisions with a1 <= a <= a2 in which `inside` offload and `outside` do not."""

    a1: float
    a2: float
    inside: frozenset[int] = frozenset()
    outside: frozenset[int] = frozenset()


class Users(Protocol):
    """Rigorous sums over the users of one instance."""

    def most(self, v: float, t1: float, t2: float, state: np.ndarray) -> float: ...

    def each(self, masks: np.ndarray) -> np.ndarray: ...


class ChargeProof:
    """The `Proof` of one instance of droo."""

    def __init__(self, data: Data, arithmetic: Arithmetic = "float") -> None:
        self._n = int(np.shape(data["gain"])[-1])
        self._users = _users(data, arithmetic)

    def root(self) -> Region:
        """Every decision: any charging time, nobody forced."""
        return Region(0.0, 1.0)

    def split(self, region: Region, how: How) -> Sequence[Region]:
        """{"a": m}: a1..m, m..a2; {"user": i}: in, out."""
        if not isinstance(how, Mapping) or len(how) != 1:
            raise ValueError(f"A split is one of a and user, not {how!r}.")
        ((word, value),) = how.items()
        if word == "a":
            m = _number("cut", value)
            if not region.a1 < m < region.a2:
                raise ValueError(f"The cut {m!r} is not between {region.a1!r} and {region.a2!r}.")
            return [replace(region, a2=m), replace(region, a1=m)]
        if word == "user":
            return _split_user(region, value, self._n)
        raise ValueError(f"A split is one of a and user, not {word!r}.")

    def bound(self, region: Region, prices: Prices) -> float:
        """Lower bound of the loss, i.e. minus an upper bound of the rate, from {"v": price}."""
        if not isinstance(prices, Mapping):
            raise ValueError(f"Prices are a mapping, not {prices!r}.")
        v = _number("price v", prices.get("v"))
        if v <= 0:
            raise ValueError(f"The price v is {v!r}; it must be above 0.")
        state = np.zeros(self._n, np.int8)
        state[list(region.inside)] = 1
        state[list(region.outside)] = -1
        t1, t2 = root_down(region.a1), root_up(region.a2)
        with np.errstate(over="ignore", invalid="ignore"):
            most = self._users.most(v, t1, t2, state)
        return -most if math.isfinite(most) else -math.inf

    def bound_each(self, discrete: Decision) -> np.ndarray:
        """Lower bound of the loss for each mode (rows, n), at the mode's own price."""
        masks = np.asarray(discrete["offload"], float)
        if masks.ndim != 2 or masks.shape[1] != self._n or not np.isin(masks, (0, 1)).all():
            raise ValueError(f"offload must be rows of {self._n} zeros and ones.")
        with np.errstate(over="ignore", invalid="ignore"):
            most = self._users.each(masks)
        return np.where(np.isfinite(most), -most, -np.inf)


def root_down(a: float) -> float:
    """A double t >= 0 with t^3 <= a, next to the cube root."""
    t = math.cbrt(a)
    while Fraction(t) ** 3 > Fraction(a):
        t = math.nextafter(t, 0.0)
    return t


def root_up(a: float) -> float:
    """A double t with t^3 >= a, next to the cube root."""
    t = math.cbrt(a)
    while Fraction(t) ** 3 < Fraction(a):
        t = math.nextafter(t, math.inf)
    return t


def _users(data: Data, arithmetic: Arithmetic) -> Users:
    """The sums in the arithmetic asked for; in balls where the float analysis does not hold."""
    from .floats import FloatUsers, in_range

    if arithmetic == "float" and in_range(data):
        return FloatUsers(data)
    from .balls import ArbUsers

    return ArbUsers(data)


def _number(what: str, value: Any) -> float:
    """A finite number; ValueError where it is none."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise ValueError(f"The {what} is {value!r}; it must be a number.")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"The {what} is {value!r}; it must be finite.")
    return number


def _split_user(region: Region, user: Any, n: int) -> list[Region]:
    whole = isinstance(user, int | np.integer) and not isinstance(user, bool)
    if not whole or not 0 <= user < n:
        raise ValueError(f"{user!r} is not a whole number from 0 to {n - 1}.")
    if user in region.inside or user in region.outside:
        raise ValueError(f"User {user} is already forced.")
    one = {int(user)}
    return [
        replace(region, inside=region.inside | one),
        replace(region, outside=region.outside | one),
    ]
