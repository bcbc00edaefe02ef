"""The checker's sums in NumPy doubles, every operation rounded outward.

+ - * / and square roots are correctly rounded (IEEE 754), so the exact result of an operation lies
between the doubles next to the computed one: `_down` and `_up`. Values that are known not to be
negative stay so. Sums of sizes are exact: `in_range` sees to it that all of them are doubles.
"""

import math
from fractions import Fraction
from typing import Any

import numpy as np

from toolkit.arrays import Data

from .sums import SubsetSums

HUGE = 1e300  # sums of less cannot overflow
CELLS = 1 << 18  # entries of a batch of choices that are worked on at a time


def in_range(data: Data) -> bool:
    """Whether every sum of a user's sizes is a double: its total is below 2^53 of a unit."""
    mantissa, exponent = np.frexp(np.asarray(data["size"], float))
    whole = np.ldexp(mantissa, 53).astype(np.int64)
    lowest = np.frexp((whole & -whole).astype(float))[1] - 1  # zeros at the mantissa's end
    unit = np.min(lowest + exponent - 53, axis=-1)
    total = np.sum(np.asarray(data["size"], float), axis=-1)
    return bool(np.all(np.ldexp(total, -unit) < 2.0**53))


def _down(value: Any) -> Any:
    """Below the exact value of an operation that gave `value` and is not negative."""
    return np.maximum(np.nextafter(value, -np.inf), 0.0)


def _up(value: Any) -> Any:
    return np.nextafter(value, np.inf)


class FloatUsers:
    """Rigorous sums over one instance's users."""

    def __init__(self, data: Data) -> None:
        self._size = np.asarray(data["size"], float)
        self._total = self._size.sum(-1)
        self._rate = _up(np.asarray(data["share"], float) * float(data["capacity"]))
        names = ("capacity", "local_time", "edge_time", "local_energy", "weight_delay")
        self._capacity, self._device, self._edge, self._local, self._p = (
            float(data[key]) for key in names
        )
        self._remote = _down(float(data["edge_energy"]) + float(data["transmit_energy"]))

    def least(
        self, sums: SubsetSums, inside: list[slice], nu: float | None, theta: float
    ) -> Fraction | None:
        """Sum of the users' least costs over their sums `inside`, theta U added; rounded once."""
        parts = [
            np.asarray(count[part]).astype(float) * float(unit)  # exact
            for unit, count, part in zip(sums.unit, sums.count, inside, strict=True)
        ]
        lengths = [len(part) for part in parts]
        remote = np.concatenate(parts)
        total, rate = np.repeat(self._total, lengths), np.repeat(self._rate, lengths)
        cost = self._costs(remote, total, rate, nu)
        if theta:
            with np.errstate(over="ignore"):
                cost = np.nextafter(cost + np.nextafter(theta * remote, -np.inf), -np.inf)
        least = np.minimum.reduceat(cost, np.cumsum([0, *lengths[:-1]])).tolist()
        if not sum(map(abs, least)) < HUGE:
            return None
        return Fraction(math.nextafter(math.fsum(least), -math.inf))  # fsum rounds correctly

    def each(self, choices: np.ndarray, nu: np.ndarray | None) -> np.ndarray:
        """f(nu) of every choice (rows, users, tasks) at a price of its own."""
        out, step = np.empty(len(choices)), max(1, CELLS // self._size.size)
        for start in range(0, len(choices), step):
            rows = slice(start, start + step)
            remote = np.sum(self._size * choices[rows], axis=-1)
            price = None if nu is None else nu[rows, None]
            cost = self._costs(remote, self._total, self._rate, price)
            value = cost[:, 0]
            for column in cost.T[1:]:
                value = _down(value + column)
            if nu is not None:
                value = np.nextafter(value - _up(nu[rows] * self._capacity), -np.inf)
            out[rows] = value
        return out

    def _costs(self, remote: Any, total: Any, rate: Any, nu: Any) -> np.ndarray:
        """Lower bounds of phi(U; nu), or of the cost at a given rate."""
        local = total - remote  # exact
        energy = _down(_down(self._local * local) + _down(self._remote * remote))
        device, edge = _down(self._device * local), _down(self._edge * remote)
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            if nu is None:
                delay = np.maximum(device, _down(_down(remote / rate) + edge))
                return np.asarray(_down(energy + _down(self._p * delay)))
            priced = self._priced(remote, _up(self._device * local), device, edge, nu)
            return np.asarray(_down(energy + priced))

    def _priced(self, remote: Any, device_up: Any, device: Any, edge: Any, nu: Any) -> Any:
        """Lower bounds of the priced time; the device's only where it surely takes longer."""
        root = np.sqrt(_down(self._p * _down(nu * remote)))
        slack = _down(_down(self._p * edge) + 2.0 * _down(root))
        transmission = _up(np.sqrt(_up(_up(nu * remote) / self._p)))
        longer = device >= _up(_up(self._edge * remote) + transmission)
        rate = _down(remote / _up(device_up - edge))
        tight = _down(_down(self._p * device) + _down(nu * rate))
        return np.where(longer, np.maximum(slack, tight), slack)
