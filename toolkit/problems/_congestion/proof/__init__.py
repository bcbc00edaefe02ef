"""Rigorous bounds for assignments with convex congestion: what re-proves their certificates.

The problem gives lower bounds of all costs and both ends of all weights, as doubles (`Enclosure`).
A region holds the choices x in which users keep to what options they have left and the number of
users of each resource r lies in a range. Prices are lambda_r of the load and nu_r of the count; for
ANY such numbers, with y_r the load and n_r the count,

    sum_i min over j of (cost_ij + sum over r touched by j of (lambda_r a_ir + nu_r))
        + sum_r min over n and y of (y^2 - lambda_r y - nu_r n)

is a lower bound of the loss: n over the range, y from the sum of the n least to that of the n
largest weights of the users who may touch r, those included who must (weak duality). y^2 >= 2 t y -
t^2 for any t, so the min over y is at an end of its range. A resource may have prices for each
count n of its own (copies): a user then pays the prices of one count, whichever is the cheapest,
and the resource's own term has those of its count n. That is valid too where every option touches
one resource at most: all who touch r could pick the prices of the true count. There, users with one
option left are not priced, but part of y and n that is known: (y - y0), (n - n0).

A split may strike out what is too dear: where the bound D at given prices, plus what an option
costs above its user's best (a count above its resource's best), is not below a number, nothing
better than that number has the option (the count). The region remembers the number: its bounds are
never above it.

All this in NumPy, every operation rounded outward (`floats`), or python-flint's balls (`balls`: the
reference). Nothing is shared with the solvers.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Protocol

import numpy as np

from toolkit.arrays import Array, Decision
from toolkit.problems._proof import Arithmetic, How, Prices

LARGEST = 1e100  # prices, costs and weights: their products cannot overflow


@dataclass(frozen=True, eq=False)
class Enclosure:
    """What is known of one instance for sure, in doubles.

    cost      (users, options): no option costs less; +inf: the user does not have it
    weight    (2, users, resources): the ends of the weights' ranges, not negative
    resource  (users, options, 1 or 2): what an option touches, different ones; -1: none
    offset    of the loss, exact
    """

    cost: np.ndarray
    weight: np.ndarray
    resource: np.ndarray
    offset: float = 0.0


@dataclass(frozen=True, eq=False)
class Region:
    """Options left (users, options), ranges of counts, and what all that was struck out costs."""

    allowed: np.ndarray
    low: np.ndarray
    high: np.ndarray
    floor: float = math.inf


@dataclass(frozen=True, eq=False)
class Terms:
    """The terms of a bound, rounded down: of options (users, options), of counts by resource.

    `counts[r]` are the counts that resource r may have, `paid[r]` their terms.
    """

    options: np.ndarray
    counts: list[np.ndarray]
    paid: list[np.ndarray]
    total: Fraction  # the bound itself, the offset included


class Sums(Protocol):
    """The bound in one arithmetic."""

    def terms(self, region: Region, load: np.ndarray, count: np.ndarray) -> Terms | None: ...

    def each(self, choice: np.ndarray) -> np.ndarray: ...


class CongestionProof:
    """The `Proof` of one instance; `options` are the options (rows, users) of a decision."""

    def __init__(
        self,
        known: Enclosure,
        options: Callable[[Decision], Array],
        arithmetic: Arithmetic = "float",
    ) -> None:
        finite = known.cost[np.isfinite(known.cost)]
        if np.abs(finite).max(initial=0.0) > LARGEST or known.weight.max(initial=0.0) > LARGEST:
            raise ValueError(f"A cost or a weight exceeds {LARGEST:g}.")
        self._known, self._options = known, options
        self._sums = _sums(known, arithmetic)

    def root(self) -> Region:
        """Every choice."""
        users, resources = self._known.weight.shape[1:]
        none = np.zeros(resources, np.int64)
        return Region(np.isfinite(self._known.cost), none, np.full(resources, users))

    def split(self, region: Region, how: How) -> Sequence[Region]:
        """{"resource": r, "most": m}: at most m users, or more; {"user": i, "options": […]}: one of
        these, or another. Before that, or alone, {"strike": {"below": c, "prices": …}}."""
        if not isinstance(how, Mapping):
            raise ValueError(f"A split is a mapping, not {how!r}.")
        rest = {key: value for key, value in how.items() if key != "strike"}
        if "strike" in how:
            region = self._struck(region, how["strike"])
            if not rest:
                return [region]
        if set(rest) == {"resource", "most"}:
            return _split_count(region, rest["resource"], rest["most"])
        if set(rest) == {"user", "options"}:
            return _split_user(region, rest["user"], rest["options"])
        raise ValueError(f"A split has a resource and most, or a user and options; not {how!r}.")

    def bound(self, region: Region, prices: Prices) -> float:
        """Lower bound of the loss over the region and all that was struck out on the way to it.

        prices: {"load": […], "count": […]}, a number for each resource; with "from": […], a list
        for each resource, of counts from that on.
        """
        terms = self._terms(region, prices)
        return region.floor if terms is None else min(region.floor, rounded_down(terms.total))

    def bound_each(self, discrete: Decision) -> np.ndarray:
        """Lower bound of the loss of every row of choices; no price is needed."""
        choice = np.asarray(self._options(discrete), float)
        users, options = self._known.cost.shape
        inside = np.isin(choice, np.arange(options)).all()
        if choice.ndim != 2 or choice.shape[1] != users or not inside:
            raise ValueError(f"A choice is a row of {users} whole numbers from 0 to {options - 1}.")
        return self._sums.each(choice.astype(np.int64))

    def _terms(self, region: Region, prices: Prices) -> Terms | None:
        """None: the region is empty. ValueError where prices are not such."""
        load, count = self._columns(prices)
        possible = region.allowed.any(1).all() and (region.low <= region.high).all()
        return self._sums.terms(region, load, count) if possible else None

    def _columns(self, prices: Prices) -> tuple[np.ndarray, np.ndarray]:
        """Prices of load and of count, (resources, 1), or (resources, users + 1) for every count.

        A count beyond those of a list has prices 0: any are valid.
        """
        users, resources = self._known.weight.shape[1:]
        if not isinstance(prices, Mapping) or not set(prices) <= {"load", "count", "from"}:
            raise ValueError(f"Prices are of load and count, not {prices!r}.")
        load, count = (np.array(prices[key], float) for key in ("load", "count"))
        shape = (resources, *load.shape[1:2]) if "from" in prices else (resources,)
        if load.shape != shape or count.shape != shape:
            raise ValueError(f"Prices of load and of count must be of shape {shape}.")
        if not (np.abs(load) <= LARGEST).all() or not (np.abs(count) <= LARGEST).all():
            raise ValueError(f"Prices must be numbers of at most {LARGEST:g}.")
        if "from" not in prices:
            return load[:, None], count[:, None]
        if self._known.resource.shape[2] > 1:
            raise ValueError("Where an option touches two resources, counts share their prices.")
        out = np.zeros((2, resources, users + 1))
        for r, first in enumerate(_whole(prices["from"], resources, users)):
            end = min(users + 1, first + shape[1])
            out[:, r, first:end] = load[r, : end - first], count[r, : end - first]
        return out[0], out[1]

    def _struck(self, region: Region, strike: Any) -> Region:
        """The region without the options and counts that are proved to cost at least `below`."""
        if not isinstance(strike, Mapping) or set(strike) != {"below", "prices"}:
            raise ValueError(f"A strike has a number, below, and prices; not {strike!r}.")
        below = _number(strike["below"])
        terms = self._terms(region, strike["prices"])
        floor = min(region.floor, below)
        if terms is None:
            return replace(region, floor=floor)
        room = _rounded_up(Fraction(below) - terms.total)
        least = terms.options.min(1, keepdims=True)
        allowed = region.allowed & (_excess(terms.options, least) < room)
        low, high = region.low.copy(), region.high.copy()
        for r, (counts, paid) in enumerate(zip(terms.counts, terms.paid, strict=True)):
            inside = counts[_excess(paid, paid.min()) < room]
            low[r], high[r] = (inside[0], inside[-1]) if len(inside) else (1, 0)
        return Region(allowed, low, high, floor)


def _excess(value: np.ndarray, least: Any) -> np.ndarray:
    """By how much a value exceeds the least, rounded down."""
    with np.errstate(invalid="ignore"):
        return np.asarray(np.nextafter(value - least, -np.inf))


def _split_count(region: Region, resource: Any, most: Any) -> list[Region]:
    (r,) = _whole([resource], 1, len(region.low) - 1)
    (m,) = _whole([most], 1, len(region.allowed))
    high, low = region.high.copy(), region.low.copy()
    high[r], low[r] = min(high[r], m), max(low[r], m + 1)
    return [replace(region, high=high), replace(region, low=low)]


def _split_user(region: Region, user: Any, options: Any) -> list[Region]:
    users, number = region.allowed.shape
    (i,) = _whole([user], 1, users - 1)
    if not isinstance(options, list | tuple):
        raise ValueError(f"Options are a list, not {options!r}.")
    into, out = region.allowed.copy(), region.allowed.copy()
    named = np.zeros(number, bool)
    named[_whole(options, len(options), number - 1)] = True
    into[i] &= named
    out[i] &= ~named
    return [replace(region, allowed=into), replace(region, allowed=out)]


def _whole(values: Any, length: int, most: int) -> list[int]:
    """A list of so many whole numbers from 0 to `most`."""
    good = isinstance(values, list | tuple) and len(values) == length
    if not good or not all(
        isinstance(v, int | np.integer) and not isinstance(v, bool) and 0 <= v <= most
        for v in values
    ):
        raise ValueError(f"{values!r} is not {length} whole numbers from 0 to {most}.")
    return [int(v) for v in values]


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{value!r} is not a finite number.")
    return float(value)


def rounded_down(value: Fraction) -> float:
    """A double that is not above `value`."""
    try:
        near = float(value)
    except OverflowError:
        return math.nextafter(math.inf, 0.0) if value > 0 else -math.inf
    return near if Fraction(near) <= value else math.nextafter(near, -math.inf)


def _rounded_up(value: Fraction) -> float:
    return -rounded_down(-value)


def _sums(known: Enclosure, arithmetic: Arithmetic) -> Sums:
    if arithmetic == "float":
        from .floats import FloatSums

        return FloatSums(known)
    from .balls import BallSums

    return BallSums(known)
