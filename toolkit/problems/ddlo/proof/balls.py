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
        self._known: list[dict[int, tuple[Any, Any, Any, Any]]] = [{} for _ in self._size]
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
        bits = 1 << np.arange(choices.shape[-1], dtype=np.int64)
        words = (choices > 0) @ bits  # a user's tasks as one number
        with precision():
            if nu is None:
                return self._given(words)
            rows = zip(words.tolist(), nu.tolist(), strict=True)
            return np.array([self._one(row, arb(price)) for row, price in rows])

    def _given(self, words: np.ndarray) -> np.ndarray:
        """The cost of every choice at the given rates: a user's words are few, its cost of each
        is enclosed once. Doubles below these are added, every sum rounded down."""
        value = np.zeros(len(words))
        for user, column in enumerate(words.T):
            each, which = np.unique(column, return_inverse=True)
            costs = [self._cost(user, *self._parts(user, word), None) for word in each.tolist()]
            value = np.nextafter(value + np.array(list(map(_below, costs)))[which], -math.inf)
        return value

    def _one(self, words: list[int], price: Any) -> float:
        """f at a price of a choice."""
        value = -price * self._capacity
        for user, word in enumerate(words):
            value += self._cost(user, *self._parts(user, word), price)
        return _below(value)

    def _parts(self, user: int, word: int) -> tuple[Any, Any, Any, Any]:
        """What a user's choice of tasks costs at any price; reused, as choices are many."""
        known = self._known[user]
        if word not in known:
            remote = sum((s for j, s in enumerate(self._size[user]) if word >> j & 1), Fraction(0))
            known[word] = self._at(_ball(remote), _ball(sum(self._size[user]) - remote))
        return known[word]

    def _least_of(self, user: int, sums: SubsetSums, part: slice, price: Any, theta: Any) -> Any:
        """The least cost of a user's sums in a range."""
        count, unit = sums.count[user], _ball(sums.unit[user])
        total, least = int(count[-1]), None
        for number in map(int, count[part]):
            remote = unit * number
            parts = self._at(remote, unit * (total - number))
            cost = self._cost(user, *parts, price) + theta * remote
            least = cost if least is None else least.min(cost)
        return least

    def _at(self, remote: Any, local: Any) -> tuple[Any, Any, Any, Any]:
        """(U, energy, time of the device, time of the edge) as balls."""
        energy = self._local * local + self._remote * remote
        return remote, energy, self._device * local, self._edge * remote

    def _cost(self, user: int, remote: Any, energy: Any, device: Any, edge: Any, price: Any) -> Any:
        """phi(U; nu), or the cost at the given rate, as a ball."""
        if price is None:
            return energy + self._p * device.max(remote / self._rate[user] + edge)
        paid = price * remote
        if device > edge + (paid / self._p).sqrt():  # surely; else the bound below is as good
            return energy + self._p * device + paid / (device - edge)
        return energy + self._p * edge + 2 * (self._p * paid).sqrt()


def _ball(value: Any) -> Any:
    """The ball around a fraction."""
    return arb(Fraction(value).numerator) / arb(Fraction(value).denominator)


def _below(value: Any) -> float:
    """A double below a ball; -inf where it is not finite."""
    low = value.lower()  # float rounds it to a nearest double
    return math.nextafter(float(low), -math.inf) if low.is_finite() else -math.inf


def _lower(value: Any) -> Fraction | None:
    """The lower end of a ball; None where it is not finite."""
    low = value.lower()
    if not low.is_finite():
        return None
    mantissa, exponent = low.man_exp()
    return Fraction(int(mantissa)) * Fraction(2) ** int(exponent)
