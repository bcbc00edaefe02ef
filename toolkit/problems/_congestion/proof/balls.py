"""The checker's terms in python-flint's ball arithmetic: slow, and the reference.

The same bounds as in `floats`; here the library encloses every rounding. Each term is rounded down
to a double, and sums of these are exact fractions.
"""

import math
from collections.abc import Iterable
from fractions import Fraction
from typing import Any

import numpy as np
from flint import arb

from toolkit.problems._balls import precision

from . import Enclosure, Region, Terms, rounded_down
from .picks import Picks, picks


class BallSums:
    """The terms of one instance's bounds."""

    def __init__(self, known: Enclosure) -> None:
        self._known = known
        with precision():
            self._weight = [
                [_hull(low, high) for low, high in zip(*ends, strict=True)]
                for ends in known.weight.transpose(2, 0, 1).tolist()
            ]  # by resource, then user

    def terms(self, region: Region, load: np.ndarray, count: np.ndarray) -> Terms | None:
        """None where some resource can have no count in its range."""
        resources = len(self._weight)
        who = picks(region.allowed, self._known.resource, resources)
        counts = [who.counts(r, int(region.low[r]), int(region.high[r])) for r in range(resources)]
        if not all(map(len, counts)):
            return None
        with precision():
            toll, paid = [], []
            for r, inside in enumerate(counts):
                at = inside if load.shape[1] > 1 else np.zeros(1, int)
                prices = [[arb(p) for p in row[r, at].tolist()] for row in (load, count)]
                toll.append(
                    [
                        _least(a * p + q for p, q in zip(*prices, strict=True))
                        for a in self._weight[r]
                    ]
                )
                paid.append(self._paid(r, who, inside, *prices))
            options = self._options(region, toll)
        least = [*options.min(1), *(part.min() for part in paid), self._known.offset]
        return Terms(options, counts, paid, sum(map(Fraction, map(float, least)), Fraction(0)))

    def _options(self, region: Region, toll: list[list[Any]]) -> np.ndarray:
        """Every option's cost and toll; who has one option left pays none."""
        out = np.full(region.allowed.shape, np.inf)
        free = region.allowed.sum(1) > 1
        for i, j in np.argwhere(region.allowed).tolist():
            value = arb(float(self._known.cost[i, j]))
            for r in self._known.resource[i, j].tolist():
                if r >= 0 and free[i]:
                    value += toll[r][i]
            out[i, j] = _double(value)
        return out

    def _paid(
        self, r: int, who: Picks, counts: np.ndarray, load: list[Any], count: list[Any]
    ) -> np.ndarray:
        """The term of every count: min over y of y^2 - lambda (y - y0) - nu (n - n0)."""
        low, high = self._known.weight[:, :, r]
        fixed, must, may = (part[:, r] for part in (who.fixed, who.must, who.may))
        known, sure = int(fixed.sum()), sum(map(arb, low[fixed].tolist()), arb(0))
        shortest = _running(low[must], np.sort(low[may]))
        longest = _running(high[must], np.sort(high[may])[::-1])
        out = []
        for place, n in enumerate(counts.tolist()):
            price, other = load[place % len(load)], count[place % len(count)]
            z = n - known - int(must.sum())
            ends = [shortest[z], longest[z]]
            t = arb(min(max(float(price) / 2, float(sure + ends[0])), float(sure + ends[1])))
            linear = _least((2 * t - price) * end for end in ends)
            out.append(_double(2 * t * sure - t * t + linear - other * (n - known)))
        return np.array(out)

    def each(self, choice: np.ndarray) -> np.ndarray:
        """Costs and squares of loads of every choice (rows, users)."""
        with precision():
            return np.array([self._one(row) for row in choice.tolist()])

    def _one(self, row: list[int]) -> float:
        load, total = [arb(0)] * len(self._weight), arb(float(self._known.offset))
        for i, j in enumerate(row):
            cost = float(self._known.cost[i, j])
            if cost == math.inf:
                return math.inf
            total += arb(cost)
            for r in self._known.resource[i, j].tolist():
                if r >= 0:
                    load[r] += self._weight[r][i]
        for part in load:
            total += part.lower() ** 2
        return _double(total)


def _hull(low: float, high: float) -> Any:
    return arb(low) if low == high else arb(low).union(arb(high))


def _least(values: Iterable[Any]) -> Any:
    """The least of balls, as a ball."""
    first, *rest = values
    for value in rest:
        first = first.min(value)
    return first


def _running(always: np.ndarray, ordered: np.ndarray) -> list[Any]:
    """Sums of `always`, and the first of the others, and the second, …"""
    out = [sum(map(arb, always.tolist()), arb(0))]
    for value in ordered.tolist():
        out.append(out[-1] + arb(value))
    return out


def _double(value: Any) -> float:
    """A double that is not above a ball."""
    low = value.lower()
    if not low.is_finite():
        return -math.inf
    mantissa, exponent = low.man_exp()
    return rounded_down(Fraction(int(mantissa)) * Fraction(2) ** int(exponent))
