"""The checker's terms in NumPy doubles, every operation rounded outward.

+ - * are correctly rounded (IEEE 754), so the exact result of an operation lies between the doubles
next to the computed one: `_down` and `_up`. A sum of k numbers, in whatever order, errs by at most
k U times the sum of their magnitudes, U = 2^-53, to first order: 2 (k + 2) U of it are taken off or
added. math.fsum rounds correctly. Nothing overflows: prices, costs and weights are at most 1e100.
"""

import math
from fractions import Fraction
from typing import Any

import numpy as np

from . import Enclosure, Region, Terms
from .picks import Picks, picks

U = 2.0**-53


def _down(value: Any) -> Any:
    return np.nextafter(value, -np.inf)


def _up(value: Any) -> Any:
    return np.nextafter(value, np.inf)


def _slack(count: Any) -> Any:
    return 2.0 * (count + 2.0) * U


class FloatSums:
    """The terms of one instance's bounds."""

    def __init__(self, known: Enclosure) -> None:
        self._known = known

    def terms(self, region: Region, load: np.ndarray, count: np.ndarray) -> Terms | None:
        """None where some resource can have no count in its range."""
        resources = self._known.weight.shape[2]
        who = picks(region.allowed, self._known.resource, resources)
        toll = np.zeros((len(region.allowed), resources + 1))
        counts, paid = [], []
        for r in range(resources):
            inside = who.counts(r, int(region.low[r]), int(region.high[r]))
            if not len(inside):
                return None
            prices = [row[r, inside] if row.shape[1] > 1 else row[r] for row in (load, count)]
            toll[:, r] = self._toll(r, *prices)
            counts.append(inside)
            paid.append(self._paid(r, who, inside, *prices))
        options = self._options(region, toll)
        least = [*options.min(1), *(part.min() for part in paid), self._known.offset]
        return Terms(options, counts, paid, Fraction(float(_down(math.fsum(least)))))

    def _toll(self, r: int, load: np.ndarray, count: np.ndarray) -> np.ndarray:
        """The least that each user pays for touching r: lambda a + nu, over the counts' prices."""
        low, high = self._known.weight[:, :, r, None]
        paid = _down(_down(np.minimum(load * low, load * high)) + count)
        return np.asarray(paid.min(1))

    def _options(self, region: Region, toll: np.ndarray) -> np.ndarray:
        """Every option's cost and toll; who has one option left pays none."""
        users = np.arange(len(toll))[:, None]
        free = (region.allowed.sum(1) > 1)[:, None]
        value = np.where(region.allowed, self._known.cost, np.inf)
        for w in range(self._known.resource.shape[2]):
            value = np.where(free, _down(value + toll[users, self._known.resource[:, :, w]]), value)
        return value

    def _paid(
        self, r: int, who: Picks, counts: np.ndarray, load: np.ndarray, count: np.ndarray
    ) -> np.ndarray:
        """The term of every count: min over y of y^2 - lambda (y - y0) - nu (n - n0)."""
        low, high = self._known.weight[:, :, r]
        fixed, must, may = (part[:, r] for part in (who.fixed, who.must, who.may))
        known, others = int(fixed.sum()), counts - fixed.sum() - must.sum()
        sure = low[fixed].sum() * (1 - _slack(known))
        size = _slack(len(low))
        shortest = (low[must].sum() + _sums(np.sort(low[may]))[others]) * (1 - size)
        longest = (high[must].sum() + _sums(np.sort(high[may])[::-1])[others]) * (1 + size)
        t = np.clip(load / 2, sure + shortest, sure + longest)
        slope = _down(2 * t - load)
        linear = _down(np.minimum(slope * shortest, slope * longest))
        tangent = _down(_down(2 * t * sure) - _up(t * t))
        return np.asarray(_down(_down(tangent + linear) - _up(count * (counts - known))))

    def each(self, choice: np.ndarray) -> np.ndarray:
        """Costs and squares of loads of every choice (rows, users)."""
        users = np.arange(choice.shape[1])
        cost, touched = self._known.cost[users, choice], self._known.resource[users, choice]
        slack = _slack(choice.shape[1])
        real = np.where(np.isfinite(cost), cost, 0.0)
        total = _down(real.sum(-1) - _up(slack * np.abs(real).sum(-1)) * (1 + slack))
        total = _down(total + self._known.offset)
        for r in range(self._known.weight.shape[2]):
            load = ((touched == r).any(-1) * self._known.weight[0, :, r]).sum(-1) * (1 - slack)
            total = _down(total + np.maximum(_down(load * load), 0.0))
        return np.where(np.isfinite(cost).all(-1), total, np.inf)


def _sums(ordered: np.ndarray) -> np.ndarray:
    """Sums of none, the first, the first two, …"""
    return np.concatenate([[0.0], np.cumsum(ordered)])
