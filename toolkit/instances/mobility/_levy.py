"""A truncated Lévy walk among the places where people are, fitted to traces: it needs no data.

Flights and pauses have truncated power laws (Rhee et al., "On the Levy-walk nature of human
mobility", IEEE/ACM Trans. Networking 2011). A plain Lévy walk spreads evenly over the region, the
traces do not: half of all rows are in a few places. So the length of a flight is drawn first, and
its direction then in proportion to the root of the density of people where it would end.
For short flights that makes the density itself the long-run law (the walk is reversible). And
people who move stay about a point for long: a flight that is no trip is drawn towards its user's
home, where the last trip ended.
"""

import functools
from dataclasses import dataclass

import numpy as np

from . import _fitted as fitted
from ._legs import Leg, Legs, still
from ._region import FASTEST, HIGH, LOW, PERIOD, clipped

CELL = 10.0  # metres: of the table of the density
DIRECTIONS = 16  # among which a flight's is chosen
COMPASS = np.exp(2j * np.pi * np.arange(DIRECTIONS) / DIRECTIONS)
ELSEWHERE = 0.05  # share of the density that is even over the region


@dataclass(frozen=True)
class LevyWalk(Legs):
    """Truncated Lévy walk with flights, pauses and places as in the training traces."""

    trip: float = fitted.TRIP  # metres: a longer flight ends at a new home
    roam: float = fitted.ROAM  # metres: how far from home shorter ones lead

    def begin(self, rng: np.random.Generator, users: int) -> Leg:
        """At a place; resting, with what is left of a pause met at a random time, or not."""
        start = still(self._places(rng, users))
        power, low, high = fitted.PAUSE
        met = truncated(rng.random(users), power + 1, low, high)  # long pauses are met more often
        start.put(np.arange(users), self._flight(rng, start))
        rests = np.flatnonzero(rng.random(users) < fitted.STILL)
        left = np.ceil(rng.random(users) * met)
        start.put(rests, start.take(rests).rest(left[rests]))
        return start

    def next(self, rng: np.random.Generator, ended: Leg) -> Leg:
        """After a pause a flight; after a flight a pause now and then."""
        users = len(ended.left)
        begun = self._flight(rng, ended)
        rows = np.floor(truncated(rng.random(users), *fitted.PAUSE))
        pause = np.flatnonzero(~ended.rests & (rng.random(users) < _pause_after_flight()))
        begun.put(pause, ended.take(pause).rest(rows[pause]))
        return begun

    def _places(self, rng: np.random.Generator, users: int) -> np.ndarray:
        """Points drawn from the density of people, (users, 2)."""
        x, y, spread, share = np.array(fitted.SPOTS).T
        spot = rng.choice(len(x), size=users, p=share / share.sum())
        near = np.column_stack([x, y])[spot] + spread[spot, None] * rng.normal(size=(users, 2))
        even = rng.uniform(LOW, HIGH, (users, 2))
        return clipped(np.where(rng.random((users, 1)) < ELSEWHERE, even, near))

    def _flight(self, rng: np.random.Generator, start: Leg) -> Leg:
        """A flight each: its length, then its direction, then how long it takes."""
        power, soft, most = fitted.FLIGHT
        length = truncated(rng.random(len(start.here)), power, soft, soft + most) - soft
        there = self._ends(rng, start, length)
        gone = np.hypot(*(there - start.here).T)
        scale, exponent = fitted.ROWS
        more = rng.geometric(1 / (1 + (gone / scale) ** exponent)) - 1
        rows = np.maximum(1 + more, np.ceil(gone / (FASTEST * PERIOD)))
        moves = (length > self.trip)[:, None]
        return start.go(there, rows, np.where(moves, there, start.home))

    def _ends(self, rng: np.random.Generator, start: Leg, length: np.ndarray) -> np.ndarray:
        """Where flights of these lengths end, (users, 2): one of 16 directions, by their pull."""
        turn = np.exp(2j * np.pi / DIRECTIONS * rng.random((len(length), 1)))
        ends = start.here @ [1, 1j] + (length * (turn * COMPASS).T)  # complex: x + iy, (16, users)
        away = np.abs(ends - start.home @ [1, 1j]) ** 2
        away = np.where(length > self.trip, 0.0, away - away.min(axis=0))
        weight = np.cumsum(_pull(ends) * np.exp(-away / (2 * self.roam**2)), axis=0)
        chosen = (weight < rng.random(len(length)) * weight[-1]).sum(axis=0)
        end = ends[chosen, np.arange(len(length))]
        return clipped(np.stack([end.real, end.imag], axis=-1))


def truncated(uniform: np.ndarray, power: float, low: float, high: float) -> np.ndarray:
    """Quantiles of the density x^(power - 1) on [low, high]; the power is not zero."""
    return np.asarray((low**power + uniform * (high**power - low**power)) ** (1 / power))


@functools.cache
def _pause_after_flight() -> float:
    """The chance that keeps the share of resting rows at `STILL`."""
    quantiles = (np.arange(100_000) + 0.5) / 100_000
    power, soft, most = fitted.FLIGHT
    length = truncated(quantiles, power, soft, soft + most) - soft
    scale, exponent = fitted.ROWS
    flight = 1 + np.mean((length / scale) ** exponent)
    pause = np.mean(np.floor(truncated(quantiles, *fitted.PAUSE)))
    return float(flight * fitted.STILL / (pause * (1 - fitted.STILL)))


def _pull(points: np.ndarray) -> np.ndarray:
    """The root of the density of people at complex points, up to a factor, from a table."""
    table = _table()
    x = ((points.real - LOW[0]) / CELL + 1).astype(int).clip(0, table.shape[0] - 1)
    y = ((points.imag - LOW[1]) / CELL + 1).astype(int).clip(0, table.shape[1] - 1)
    return np.asarray(table[x, y])


@functools.cache
def _table() -> np.ndarray:
    """The root of the density at the middle of each cell, (x, y), and a rim of next to nothing."""
    x, y = (np.arange(low + CELL / 2, high, CELL) for low, high in zip(LOW, HIGH, strict=True))
    dense = np.full((len(x), len(y)), ELSEWHERE / np.prod(HIGH - LOW))
    total = sum(spot[3] for spot in fitted.SPOTS)
    for at_x, at_y, spread, share in fitted.SPOTS:
        across = np.exp(-((x - at_x) ** 2) / (2 * spread**2))
        along = np.exp(-((y - at_y) ** 2) / (2 * spread**2))
        part = (1 - ELSEWHERE) * share / total
        dense += part * np.outer(across, along) / (2 * np.pi * spread**2)
    return np.pad(np.sqrt(dense), 1, constant_values=1e-12 * np.sqrt(dense.min()))
