"""Values of backlogs once more, for the proof: whole grids at once, from formulas written anew.

What is shown in `_value_kernels` (why the interpolation is a lower bound everywhere) holds of any
code that lowers the ends of a cell by the excess at its breaks; this is another.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Way:
    """A mode of a task: what it costs, and what it adds to the two times."""

    base: float
    slopes: tuple[float, float] = (0.0, 0.0)
    adds: tuple[float, float] = (0.0, 0.0)
    overtakes: float = 0.0  # size of an own task


@dataclass(frozen=True, eq=False)
class Axis:
    """The points of a grid before one task, in steps after the last whole one."""

    points: int
    step: float
    at: float

    @property
    def whole(self) -> float:
        return float(np.floor(self.at / self.step))

    @property
    def places(self) -> np.ndarray:
        """Point 0 is the arrival itself."""
        out = np.arange(self.points, dtype=float)
        out[0] = self.at / self.step - self.whole
        return out

    def breaks(self, add: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Cells (numbers), breaks within them (places) and their parts of the cell, where what is
        moved by `add` passes a point of the grid."""
        part = 1 - (add / self.step) % 1.0
        if part >= 1:
            return np.zeros(0, int), np.zeros(0), np.zeros(0)
        cells = np.arange(self.points - 1)
        found, places = cells + part, self.places
        parts = (found - places[:-1]) / np.diff(places)
        inside = parts > 0
        return cells[inside], found[inside], parts[inside]


def unfolded(table: np.ndarray, here: Axis, then: Axis, size: int) -> np.ndarray:
    """A table (points, …) of the next task at `size` whole steps after `here`, no larger."""
    moved = int(min(then.whole - here.whole, size))
    out = table[np.clip(np.arange(size) - moved, 0, then.points - 1)]
    if moved + 1 < size:
        rise = np.maximum(out[moved + 1] - out[moved], 0.0) * then.places[0]
        out[moved : moved + 2] -= rise
    return np.asarray(out)


def between(table: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Interpolated along the first axis."""
    low = np.minimum(np.floor(places).astype(int), len(table) - 2)
    part = (places - low).reshape(-1, *[1] * (table.ndim - 1))
    return np.asarray((1 - part) * table[low] + part * table[low + 1])


def tables(
    ways: list[list[Way]], at: np.ndarray, most: np.ndarray, step: float, points: int
) -> list[np.ndarray]:
    """Tables (points, points) before each task and after the last; (points, 1) where no way adds
    to the second time."""
    flat = all(way.adds[1] == 0 and way.slopes[1] == 0 for some in ways for way in some)
    last = np.zeros((points, 1 if flat else points))
    longest = max((max(way.adds) for some in ways for way in some), default=0.0)
    size = points + int(longest / step) + 3
    out, after = [last], None
    for k in reversed(range(len(ways))):
        here = Axis(points, step, at[k])
        if after is None:
            inner = np.zeros((size, 1 if flat else size))
        else:
            inner = unfolded(out[-1], here, after, size)
            if not flat:
                inner = unfolded(inner.T.copy(), here, after, size).T.copy()
        out.append(_before(ways[k], inner, here, most[k], flat))
        after = here
    return out[::-1]


def _before(
    ways: Iterable[Way], inner: np.ndarray, axis: Axis, most: float, flat: bool
) -> np.ndarray:
    """The table before a task, from that after it on whole steps."""
    ways = [way for way in ways if np.isfinite(way.base)]
    places = axis.places
    second = places[:1] if flat else places
    whole = np.min([_worth(way, inner, axis, places, second, most, flat) for way in ways], axis=0)
    less = np.zeros_like(whole)
    for way in ways:
        _lower(way, inner, axis, most, flat, whole, less)
    out = whole - less
    out = np.minimum.accumulate(out[::-1], axis=0)[::-1]
    return np.asarray(np.minimum.accumulate(out[:, ::-1], axis=1)[:, ::-1])


def _worth(
    way: Way,
    inner: np.ndarray,
    axis: Axis,
    first: np.ndarray,
    second: np.ndarray,
    most: float,
    flat: bool,
) -> np.ndarray:
    """What a way costs from places of both axes, (first, second)."""
    found = between(inner, first + way.adds[0] / axis.step)
    if not flat:
        found = between(found.T, second + way.adds[1] / axis.step).T
    v = (first - axis.places[0])[:, None] * axis.step
    o = (second - axis.places[0]) * axis.step
    won = overtaking(v - o, way.overtakes, most, axis.step / 2) if way.overtakes > 0 else 0.0
    return np.asarray(way.base + way.slopes[0] * (v - won) + way.slopes[1] * o + found)


def _lower(
    way: Way,
    inner: np.ndarray,
    axis: Axis,
    most: float,
    flat: bool,
    whole: np.ndarray,
    less: np.ndarray,
) -> None:
    """Raises `less` by what the interpolation of `whole` exceeds a way at its breaks."""
    places = axis.places
    points = (np.arange(axis.points), places, np.zeros(axis.points))
    first = [points, axis.breaks(way.adds[0])]
    second = [(points[0][:1], places[:1], points[2][:1])] if flat else [points]
    if not flat:
        second.append(axis.breaks(way.adds[1]))
    for i, x, s in first:
        for j, y, t in second:
            if not len(i) or not len(j) or (i is points[0] and j is second[0][0]):
                continue
            last = axis.points - 1
            up, right = np.minimum(i + 1, last), j if flat else np.minimum(j + 1, last)
            cells = [whole[np.ix_(a, b)] for a, b in ((i, j), (up, j), (i, right), (up, right))]
            low = (1 - s)[:, None] * cells[0] + s[:, None] * cells[1]
            high = (1 - s)[:, None] * cells[2] + s[:, None] * cells[3]
            above = (1 - t) * low + t * high
            above = above - _worth(way, inner, axis, x, y, most, flat)
            ends, sides = ((i, up) if s.any() else (i,)), ((j, right) if t.any() else (j,))
            for a in ends:
                for b in sides:
                    less[np.ix_(a, b)] = np.maximum(less[np.ix_(a, b)], above)


def overtaking(above: np.ndarray, size: float, most: float, slack: float) -> np.ndarray:
    """What a task of a size wins at most by overtaking work `above` in parts of at most `most`:
    with m tasks overtaken it wins their work less m sizes."""
    if size >= most:
        return np.zeros_like(above)
    full = np.floor(above / most)
    best = np.maximum(full * (most - size), above - (full + 1) * size)
    bend = np.maximum(np.rint(above / most), 1) * most
    near = np.abs(above - bend) <= 4 * slack
    return np.where(above > 0, np.maximum(best, 0.0) + slack * near, 0.0)


def look(table: np.ndarray, axis: Axis, free: np.ndarray, other: np.ndarray | None) -> np.ndarray:
    """The value where queues are free at times (rows,)."""
    i, s = _cell(axis, free)
    if other is None:
        return np.asarray((1 - s) * table[i, 0] + s * table[i + 1, 0])
    j, t = _cell(axis, other)
    low = (1 - s) * table[i, j] + s * table[i + 1, j]
    return np.asarray((1 - t) * low + t * ((1 - s) * table[i, j + 1] + s * table[i + 1, j + 1]))


def _cell(axis: Axis, free: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    place = np.minimum(free / axis.step - axis.whole, axis.points - 1.0)
    place = np.where(free <= axis.at, axis.places[0], np.maximum(place, axis.places[0]))
    cell = np.minimum(place.astype(int), axis.points - 2)
    places = axis.places
    return cell, (place - places[cell]) / (places[cell + 1] - places[cell])
