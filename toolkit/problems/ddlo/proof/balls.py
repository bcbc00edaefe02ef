"""The checker's sums in python-flint's ball arithmetic: slow, and the reference.

The same bounds as in `floats`; here the library encloses every rounding.
"""

import math
from fractions import Fraction
from typing import Any

import numpy as np
from flint import arb

from toolkit.arrays import Data
from toolkit.problems._balls import precision

from .sums import SubsetSums


class BallUsers:
    """Rigorous sums over one instance's users."""

    def __init__(self, data: Data) -> None:
        self._size = [[Fraction(s) for s in row] for row in np.asarray(data["size"]).tolist()]
        with precision():
            one = {key: arb(float(v)) for key, v in data.items() if np.ndim(v) == 0}
            self._capacity, self._p = one["capacity"], one["weight_delay"]
            self._device, self._edge = one["local_time"], one["edge_time"]
            self._local = one["local_energy"]
            self._remote = one["edge_energy"] + one["transmit_energy"]
            self._rate = [arb(s) * self._capacity for s in np.asarray(data["share"]).tolist()]

    def least(
        self, sums: SubsetSums, inside: list[slice], nu: float | None, theta: float
    ) -> Fraction | None:
        """Sum of the users' least costs over their sums `inside`, theta U added."""
        with precision():
            price, value = None if nu is None else arb(nu), arb(0)
            for user, part in enumerate(inside):
                value += self._least_of(user, sums, part, price, arb(theta))
            return _lower(value)

    def each(self, choices: np.ndarray, nu: np.ndarray | None) -> np.ndarray:
        """f(nu) of every choice (rows, users, tasks) at a price of its own."""
        prices = [None] * len(choices) if nu is None else nu.tolist()
        return np.array([self._one(c, p) for c, p in zip(choices, prices, strict=True)])

    def _one(self, choice: np.ndarray, nu: float | None) -> float:
        with precision():
            price, value = None if nu is None else arb(nu), arb(0)
            for user, (sizes, taken) in enumerate(zip(self._size, choice > 0, strict=True)):
                remote = sum((s for s, t in zip(sizes, taken, strict=True) if t), Fraction(0))
                value += self._cost(user, _ball(remote), _ball(sum(sizes) - remote), price)
            low = _lower(value if price is None else value - price * self._capacity)
        near = -math.inf if low is None else float(low)
        return math.nextafter(near, -math.inf)

    def _least_of(self, user: int, sums: SubsetSums, part: slice, price: Any, theta: Any) -> Any:
        """The least cost of a user's sums in a range."""
        count, unit = sums.count[user], _ball(sums.unit[user])
        total, least = int(count[-1]), None
        for number in map(int, count[part]):
            remote = unit * number
            cost = self._cost(user, remote, unit * (total - number), price) + theta * remote
            least = cost if least is None else least.min(cost)
        return least

    def _cost(self, user: int, remote: Any, local: Any, price: Any) -> Any:
        """phi(U; nu), or the cost at the given rate, as a ball."""
        energy = self._local * local + self._remote * remote
        device, edge = self._device * local, self._edge * remote
        if price is None:
            return energy + self._p * device.max(remote / self._rate[user] + edge)
        paid = price * remote
        if device > edge + (paid / self._p).sqrt():  # surely; else the bound below is as good
            return energy + self._p * device + paid / (device - edge)
        return energy + self._p * edge + 2 * (self._p * paid).sqrt()


def _ball(value: Any) -> Any:
    """The ball around a fraction."""
    return arb(Fraction(value).numerator) / arb(Fraction(value).denominator)


def _lower(value: Any) -> Fraction | None:
    """The lower end of a ball; None where it is not finite."""
    low = value.lower()
    if not low.is_finite():
        return None
    mantissa, exponent = low.man_exp()
    return Fraction(int(mantissa)) * Fraction(2) ** int(exponent)
