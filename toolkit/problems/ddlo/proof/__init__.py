"""Rigorous bounds over ranges of offloaded size: what re-proves the certificates of this problem.

A region holds the choices in which some users' offloaded sizes U, and their total T, lie in ranges.
Where the shares of the uplink are decided, prices are nu >= 0, in cost per bit/s, and theta, in
cost per bit; for ANY such numbers

    f(nu, theta) = sum_i min over U of [phi_i(U; nu) + theta U] - nu C - max over T of theta T,
    phi(U; nu) = E_L L + E_C U + min over t >= T_L L of p t + nu U / (t - T_C U),  L = S - U,

is a lower bound of the loss of every decision of the region (weak duality for the uplink and the
total: a user that is done after t needs the rate U / (t - T_C U)). The min over t is
p T_C U + 2 sqrt(p nu U), or p T_L L + nu U / (T_L L - T_C U) where the device takes longer than
T_C U + sqrt(nu U / p). The min over U goes over all of the user's subset sums in its range, rebuilt
here (`sums`); T is a multiple of the unit that all sizes have in common. Where the shares are given
no price is needed: the cost of each sum is known, and the sum of minima exact.

Two arithmetics for the sums over users: NumPy, every operation rounded outward (`floats`: only
+ - * / and square roots occur, which IEEE 754 rounds correctly), and python-flint's balls (`balls`:
the reference, also where sums of sizes are not doubles). The rest is exact fractions. Nothing is
shared with the solvers.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from toolkit.arrays import Data, Decision
from toolkit.problems._proof import Arithmetic, How, Prices

from .sums import Range, SubsetSums

EVERYTHING: Range = (-math.inf, math.inf)


@dataclass(frozen=True)
class Region:
    """All choices with low < U <= high for these users' (low, high), and for the total; in bits."""

    users: Mapping[int, Range] = field(default_factory=dict)
    total: Range = EVERYTHING


class Users(Protocol):
    """Rigorous sums over the users of one instance; None where numbers are too large for one."""

    def least(
        self, sums: SubsetSums, inside: list[slice], nu: float | None, theta: float
    ) -> Fraction | None: ...

    def each(self, choices: np.ndarray, nu: np.ndarray | None) -> np.ndarray: ...


class UplinkProof:
    """The `Proof` of one instance of ddlo."""

    def __init__(self, data: Data, arithmetic: Arithmetic = "float") -> None:
        self._data = data
        self._shape = np.shape(data["size"])
        self._decided = not np.any(data["share"])
        self._users = _users(data, arithmetic)

    @cached_property
    def _sums(self) -> SubsetSums:
        return SubsetSums(self._data["size"])

    def root(self) -> Region:
        """Every choice."""
        return Region()

    def split(self, region: Region, how: How) -> Sequence[Region]:
        """{"user": i, "most": u}: user i offloads at most u bits, or more; {"total": t}: all do."""
        if isinstance(how, Mapping) and set(how) == {"total"}:
            below, above = _halves(region.total, _number(how["total"]))
            return [replace(region, total=below), replace(region, total=above)]
        if not isinstance(how, Mapping) or set(how) != {"user", "most"}:
            raise ValueError(f"A split has a total, or a user and a size, most; not {how!r}.")
        user = how["user"]
        if isinstance(user, bool) or not isinstance(user, int) or not 0 <= user < self._shape[0]:
            raise ValueError(f"{user!r} is not a user; a split has one.")
        parts = _halves(region.users.get(user, EVERYTHING), _number(how["most"]))
        return [replace(region, users={**region.users, user: part}) for part in parts]

    def bound(self, region: Region, prices: Prices) -> float:
        """Lower bound of the loss; +inf where no choice lies in the region's ranges.

        prices: {"nu": of the uplink, "theta": of the total, 0 if absent}; {}: shares are given.
        """
        nu, theta = self._priced(prices)
        inside = [
            self._sums.inside(user, region.users.get(user, EVERYTHING))
            for user in range(self._shape[0])
        ]
        ends = self._sums.totals(inside, region.total)
        if ends is None:
            return math.inf
        least = self._users.least(self._sums, inside, nu, theta)
        if least is None:
            return -math.inf
        if nu is not None:
            least -= Fraction(nu) * Fraction(float(self._data["capacity"]))
            least -= max(Fraction(theta) * end for end in ends)
        return _rounded_down(least)

    def bound_each(self, discrete: Decision) -> np.ndarray:
        """Lower bound of the loss for each choice (rows, users, tasks): f at a price of its own."""
        choices = np.asarray(discrete["offload"], float)
        if choices.shape[1:] != self._shape or not np.isin(choices, (0, 1)).all():
            raise ValueError(f"offload must be rows of {self._shape} zeros and ones.")
        nu = _guessed_prices(self._data, choices) if self._decided else None
        return self._users.each(choices, nu)

    def _priced(self, prices: Prices) -> tuple[float | None, float]:
        """(nu, theta); (None, 0) where no price is needed."""
        if not isinstance(prices, Mapping):
            raise ValueError(f"A price is part of a mapping, not of {prices!r}.")
        if not self._decided:
            return None, 0.0
        nu, theta = _number(prices.get("nu")), _number(prices.get("theta", 0.0))
        if not (0 <= nu < math.inf and math.isfinite(theta)):
            raise ValueError(f"A price of {prices!r} is not finite, or nu is negative.")
        return nu, theta


def _halves(whole: Range, cut: float) -> tuple[Range, Range]:
    """Up to `cut` and above; cut outside of itself a range leaves one part whole, one empty."""
    low, high = whole
    return (low, min(cut, high)), (max(cut, low), high)


def _rounded_down(value: Fraction) -> float:
    """A double that is not above `value`."""
    try:
        near = float(value)
    except OverflowError:
        return math.nextafter(math.inf, 0.0) if value > 0 else -math.inf
    return near if Fraction(near) <= value else math.nextafter(near, -math.inf)


def _users(data: Data, arithmetic: Arithmetic) -> Users:
    """The sums in the arithmetic asked for; in balls where sums of sizes are not doubles."""
    from .floats import FloatUsers, in_range

    if arithmetic == "float" and in_range(data):
        return FloatUsers(data)
    from .balls import BallUsers

    return BallUsers(data)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
        raise ValueError(f"{value!r} is not a number.")
    return float(value)


def _guessed_prices(data: Data, choices: np.ndarray) -> np.ndarray:
    """For every choice the price at which the rates that it pays for sum to C, about; (rows,).

    Bisection of ln nu; 0 where the uplink is not short. Any price would be valid.
    """
    size, p, capacity = data["size"], float(data["weight_delay"]), float(data["capacity"])
    remote, local = (size * choices).sum(-1), (size * (1 - choices)).sum(-1)
    room = float(data["local_time"]) * local - float(data["edge_time"]) * remote
    need = np.divide(remote, room, out=np.full(room.shape, np.inf), where=room > 0)
    need = np.where(remote > 0, need, 0.0)
    # all rates are at most sqrt(p U / nu); where they sum to C, nu is at most this
    high = np.log(np.maximum(p * np.sqrt(remote).sum(-1) ** 2 / capacity**2, 1e-200))
    low = high - 80.0
    for _ in range(100):
        middle = (low + high) / 2
        rate = np.minimum(need, np.sqrt(p * remote * np.exp(-middle)[:, None]))
        dear = rate.sum(-1) > capacity
        low, high = np.where(dear, middle, low), np.where(dear, high, middle)
    return np.where(need.sum(-1) <= capacity, 0.0, np.exp(high))
