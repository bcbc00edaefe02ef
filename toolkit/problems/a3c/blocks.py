"""Queues one by one, each task at a price: relaxations whose sum is a bound of an episode.

A task is taken once, by its device or by one server. With that dropped and charged at a price for
each task, queues are apart: the sum of the prices and of the least costs of all queues, less the
prices of what they take, is a lower bound for any prices. Two servers whose tasks arrive in one
order are taken together (`joint`); servers that serve their own region first are bounded by
`plane`: the time when a server is free, and the time when it were free of own tasks if these could
interrupt others; what an own task wins by overtaking is bounded by what others' work is there.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from . import _value_kernels as values
from . import _walk_kernels as walks
from .clock import Clock, LateError
from .tasks import Tasks

MOST = 20_000_000  # numbers in all tables of a kind
PIECE = 400_000  # numbers of a table that are computed in one go
FINE = 0.01  # step of a line's grid, in mean sizes


@dataclass(frozen=True, eq=False)
class Line:
    """A queue, first come, first served."""

    tasks: np.ndarray  # numbers of those that may come, in order
    base: np.ndarray
    size: np.ndarray
    at: np.ndarray
    slope: float
    top: float  # backlog above which the value stays as it is

    def value(self, price: np.ndarray, step: float, clock: Clock) -> np.ndarray:
        """(tasks + 1, points)."""
        out = np.empty((len(self.tasks) + 1, points(self.top, step)))
        own, out[-1] = price[self.tasks], 0.0
        for first, last in pieces(out, clock):
            parts = (self.base, self.slope, self.size, own, self.at, step, True)
            values.line(*parts, first, last, out)
        return out

    def takes(self, price: np.ndarray, step: float, value: np.ndarray) -> np.ndarray:
        """1 for the tasks that the best way takes."""
        out, own = np.zeros(len(self.tasks), np.int64), price[self.tasks]
        walks.walk_line(self.base, self.slope, self.size, own, self.at, step, value, out)
        return out


@dataclass(frozen=True, eq=False)
class Plane:
    """Two times that tasks move: of two servers, or of a server and of its own region's part."""

    tasks: np.ndarray
    modes: np.ndarray  # (tasks, modes, 6), the first: not taken
    most: np.ndarray  # (tasks,): the longest task of others so far
    at: np.ndarray
    top: float

    def value(self, price: np.ndarray, step: float, clock: Clock) -> np.ndarray:
        """(tasks + 1, points, points)."""
        some = points(self.top, step)
        out = np.empty((len(self.tasks) + 1, some, some))
        modes, out[-1] = self._priced(price), 0.0
        for first, last in pieces(out, clock):
            values.plane(modes, self.most, self.at, step, True, first, last, out)
        return out

    def takes(self, price: np.ndarray, step: float, value: np.ndarray) -> np.ndarray:
        out = np.zeros(len(self.tasks), np.int64)
        walks.walk_plane(self._priced(price), self.most, self.at, step, value, out)
        return np.minimum(out, 1)

    def _priced(self, price: np.ndarray) -> np.ndarray:
        modes = self.modes.copy()
        modes[:, 1:, values.BASE] -= price[self.tasks, None]
        return modes


Block = Line | Plane


def points(top: float, step: float) -> int:
    """Of a grid up to `top`."""
    return max(2, int(np.ceil(top / step)) + 1)


def pieces(table: np.ndarray, clock: Clock) -> Iterator[tuple[int, int]]:
    """(first, last) rows of a table that are computed in one go, from its end."""
    tasks, size = len(table) - 1, max(1, PIECE // table[0].size)
    for last in range(tasks, 0, -size):
        clock.check()
        yield max(0, last - size), last


def fitting(step: float, top: float, rows: int, room: float = MOST) -> float:
    """The step, or the least larger one with which tables of planes have room."""
    points = np.sqrt(max(min(room, MOST), 0.0) / (rows + 1))
    return max(step, float(top / max(points - 1, 1.0)))


def fine(mean: float, top: float, rows: int) -> float:
    """The step of a line's grid, for tasks of a mean size."""
    return max(FINE * mean, top * (rows + 1) / MOST)


def devices(tasks: Tasks, top: float) -> list[Block]:
    """One for each device that has tasks."""
    out: list[Block] = []
    for u in np.unique(tasks.device):
        mine = np.flatnonzero(tasks.device == u)
        numbers = (tasks.local_cost[mine], tasks.local[mine], tasks.start[mine])
        out.append(Line(mine, *numbers, tasks.weight, top))
    return out


def joint(tasks: Tasks, top: float) -> Plane:
    """Two servers, first come, first served, in one order."""
    order, w = tasks.order, tasks.weight
    modes = np.zeros((len(order), 3, 6))
    for s, (cost, add) in enumerate(
        ((values.FIRST, values.ADD_FIRST), (values.SECOND, values.ADD_SECOND))
    ):
        modes[:, 1 + s, values.BASE] = tasks.cost[order, s]
        modes[:, 1 + s, cost] = w
        modes[:, 1 + s, add] = tasks.size[order, s]
    return Plane(order, modes, np.zeros(len(order)), tasks.at[order, tasks.home[order]], top)


def apart(tasks: Tasks, top: float, in_order: bool = False) -> list[Block]:
    """One for each server; with `in_order` as if it served first come, first served: no bound
    where it does not."""
    out: list[Block] = []
    for s in range(tasks.servers):
        mine = tasks.orders[s]
        mine = mine[np.isfinite(tasks.cost[mine, s])]
        own = tasks.home[mine] == s
        numbers = tasks.cost[mine, s], tasks.size[mine, s], tasks.at[mine, s]
        if in_order or own.all() or not tasks.own_first:
            out.append(Line(mine, *numbers, tasks.weight, top))
        else:
            out.append(_own_first(mine, own, *numbers, tasks.weight, top))
    return out


def _own_first(
    mine: np.ndarray,
    own: np.ndarray,
    cost: np.ndarray,
    size: np.ndarray,
    at: np.ndarray,
    weight: float,
    top: float,
) -> Plane:
    """A server that takes own tasks first."""
    modes = np.zeros((len(mine), 2, 6))
    modes[:, 1, values.BASE], modes[:, 1, values.FIRST] = cost, weight
    modes[:, 1, values.ADD_FIRST] = size
    modes[:, 1, values.ADD_SECOND] = modes[:, 1, values.SIZE] = np.where(own, size, 0.0)
    most = np.maximum.accumulate(np.where(own, 0.0, size))
    return Plane(mine, modes, most, at, top)


def total(
    blocks: Sequence[Block], price: np.ndarray, steps: Sequence[float], clock: Clock
) -> tuple[float, list[np.ndarray]]:
    """The bound, and the values of all blocks."""
    tables = [b.value(price, step, clock) for b, step in zip(blocks, steps, strict=True)]
    return float(price.sum() + sum(t[0].flat[0] for t in tables)), tables


def ascend(
    blocks: Sequence[Block],
    price: np.ndarray,
    steps: Sequence[float],
    rounds: int,
    room: float,
    clock: Clock,
) -> tuple[float, np.ndarray]:
    """Better prices, by subgradients: towards the best bound so far and `room` more, which
    shrinks where nothing is gained. Returns the best bound and its prices; no bound at all where
    time is over in the first round."""
    best, kept, stalled = -np.inf, price, 0
    move = np.zeros(len(price))
    for _ in range(rounds):
        try:
            found, tables = total(blocks, price, steps, clock)
        except LateError:
            break
        short = np.ones(len(price))
        for block, step, table in zip(blocks, steps, tables, strict=True):
            short[block.tasks] -= block.takes(price, step, table)
        stalled = 0 if found > best + 0.05 * room else stalled + 1
        if found > best:
            best, kept = found, price
        if stalled >= 4:
            room, stalled, price, move = 0.6 * room, 0, kept, 0 * move
        move = 0.5 * move + short
        if not move.any():
            break
        price = price + max(best + room - found, 0.0) / float(move @ move) * move
    return best, kept
