"""Values of backlogs: lower bounds of the cost to come, interpolated between points of a grid.

A queue is known by when it is free. Time has a grid; the value before task k is known when the
queue is free at the task's arrival or before (point 0), at the grid's next points, and linear
(bilinear) between them; after the last point it stays what it is there. It is a lower bound at
*every* time, not only on the grid: a task that is taken moves the grid by its size, no multiple of
the step, so within a cell the new value is linear but for one break; where the interpolation is
above the new value at a break, the ends of the cell are lowered by the excess. (The difference of
two bilinear functions is least at a corner of the rectangle.) That costs the square of the step
only, where rounding times down costs the step itself, at each task.
"""

# mypy: ignore-errors

import numpy as np

from toolkit.compiled import compiled, inlined

BASE, FIRST, SECOND, ADD_FIRST, ADD_SECOND, SIZE = range(6)  # of the numbers of a mode


@compiled
def gain(above, size, most, slack):
    """What a task of some size wins at most, by overtaking tasks of together `above` seconds, none
    longer than `most`: `slack` more near the points where it stops growing.

    n of them are worth at most n (most - size), and all of it less n sizes.
    """
    if above <= 0 or size >= most:
        return 0.0
    whole = np.floor(above / most)
    best = max(whole * (most - size), above - (whole + 1) * size)
    bend = max(np.rint(above / most), 1.0) * most
    return max(best, 0.0) + (slack if abs(above - bend) <= 4 * slack else 0.0)


@inlined
def _offset(time, step):
    """How far a time is after the last point of the grid, in points: 0 to 1."""
    return time / step - np.floor(time / step)


@compiled
def _unfold(after, at, next_at, step, exact, out):
    """out (times, …): values (points, …) of the task at `next_at` on the grid of the one at `at`;
    no larger anywhere: the bend at `next_at` lies within a cell, whose ends are lowered."""
    last = len(after) - 1
    far = np.floor(next_at / step) - np.floor(at / step)
    moved = int(min(far, len(out) + 0.0))
    for m in range(len(out)):
        out[m] = after[min(max(m - moved, 0), last)]
    if exact and moved + 1 < len(out):
        beyond = _offset(next_at, step)
        for j in range(out.shape[1]):
            less = beyond * max(out[moved + 1, j] - out[moved, j], 0.0)
            out[moved, j] -= less
            out[moved + 1, j] -= less


@compiled
def line(base, slope, size, price, at, step, exact, first, last, value):
    """value (tasks + 1, points): of a queue that may take tasks in turn, or leave them.

    Taking a task costs base + slope * backlog - price, and adds its size; leaving it costs 0.
    `at` (tasks,): arrivals. Without `exact` breaks are not looked at: no bound. Only rows from
    `first` on are filled, from row `last` back, which is known (0 after the last task).
    """
    tasks, points = len(base), value.shape[1]
    most = size.max() if tasks else 0.0
    low, inner = np.empty(points), np.zeros((points + int(most / step) + 3, 1))
    for k in range(last - 1, first - 1, -1):
        if k + 1 < tasks:
            _unfold(value[k + 1].reshape(-1, 1), at[k], at[k + 1], step, exact, inner)
        after, cost, alpha = inner[:, 0], base[k] - price[k], _offset(at[k], step)
        _take_or_leave(after, cost, slope, size[k], alpha, step, value[k])
        if exact:
            _breaks(after, cost, slope, size[k], alpha, step, value[k], low)
            for i in range(points - 2, -1, -1):
                value[k, i] = min(value[k, i], value[k, i + 1])


@compiled
def _take_or_leave(after, cost, slope, size, alpha, step, here):
    """The better of both at the points of `line`."""
    whole = int(size / step)
    part = size / step - whole
    to = int(alpha + size / step)
    t = alpha + size / step - to
    take = cost + (1 - t) * after[to] + t * after[to + 1]
    here[0] = min((1 - alpha) * after[0] + alpha * after[1], take)
    for i in range(1, len(here)):
        take = (1 - part) * after[i + whole] + part * after[i + whole + 1]
        here[i] = min(after[i], take + cost + slope * (i - alpha) * step)


@compiled
def _breaks(after, cost, slope, size, alpha, step, here, low):
    """Lowers the points of `line` where a break lies below the interpolation."""
    whole = int(size / step)
    x = 1 - (size / step - whole)
    low[:] = 0.0
    for i in range(len(here) - 1):
        y = x
        if i == 0:
            y = (x - alpha) / (1 - alpha)
            if y <= 0:
                continue
        found = after[i + whole + 1] + cost + slope * (i + x - alpha) * step
        excess = (1 - y) * here[i] + y * here[i + 1] - found
        low[i] = max(low[i], excess)
        low[i + 1] = max(low[i + 1], excess)
    here -= low


@compiled
def plane(modes, most, at, step, exact, first, last, value):
    """value (tasks + 1, points, points): of two times.

    modes (tasks, modes, 6): a mode costs base + first * backlog 1 + second * backlog 2, less
    first * `gain` of size over (backlog 1 - backlog 2) where its size is above 0; it adds to both.
    Rows as of `line`.
    """
    points, tasks = value.shape[1], len(modes)
    longest = max(modes[:, :, ADD_FIRST].max(), modes[:, :, ADD_SECOND].max()) if tasks else 0.0
    wide = points + int(longest / step) + 3
    half, turned = np.empty((wide, points)), np.empty((wide, wide))
    after, near = np.zeros((wide, wide)), np.empty((wide, points))
    less, won = np.empty((points, points)), np.zeros((points, points))
    slack = step / 2 if exact else 0.0
    for k in range(last - 1, first - 1, -1):
        if k + 1 < tasks:
            _unfold(value[k + 1], at[k], at[k + 1], step, exact, half)
            _unfold(half.T.copy(), at[k], at[k + 1], step, exact, turned)
            after[:] = turned.T
        alpha, here = _offset(at[k], step), value[k]
        here[:] = np.inf
        for mode in modes[k]:
            if mode[BASE] < np.inf:
                _along(after, mode[ADD_SECOND] / step, alpha, near)
                _wins(won, mode, most[k], alpha, 0.0, 0.0, step, slack)
                _corners(near, mode, alpha, step, won, here)
        if not exact:
            continue
        less[:] = 0.0
        for mode in modes[k]:
            if mode[BASE] < np.inf:
                _along(after, mode[ADD_SECOND] / step, alpha, near)
                _check(after, near, mode, most[k], alpha, step, slack, won, here, less)
        here -= less
        _rising(here)


@compiled
def _rising(here):
    """Lowers a table until it never falls along its axes."""
    points = len(here)
    for i in range(points - 1, -1, -1):
        for j in range(points - 2, -1, -1):
            here[i, j] = min(here[i, j], here[i, j + 1])
        if i < points - 1:
            for j in range(points):
                here[i, j] = min(here[i, j], here[i + 1, j])


@compiled
def _along(after, add, alpha, near):
    """near (times, points): values interpolated where the second time moves by `add` points."""
    whole, first = int(add), int(alpha + add)
    part, t = add - whole, alpha + add - first
    for i in range(len(near)):
        row = after[i]
        near[i, 0] = (1 - t) * row[first] + t * row[first + 1]
        for j in range(1, near.shape[1]):
            near[i, j] = (1 - part) * row[j + whole] + part * row[j + whole + 1]


@compiled
def _wins(won, mode, most, alpha, x, y, step, slack):
    """won (points, points): `gain` at every point, moved by (x, y) of a cell."""
    size, points = mode[SIZE], len(won)
    if size <= 0:
        return
    seen = np.empty(2 * points - 1)
    for d in range(2 * points - 1):
        seen[d] = mode[FIRST] * gain((d - points + 1 + x - y) * step, size, most, slack)
    for i in range(points):
        for j in range(points):
            won[i, j] = seen[i - j + points - 1]
    for i in range(points):  # the first points are nearer: at the arrival itself
        for a, b in ((i, 0), (0, i)):
            v, o = max(a + x - alpha, 0.0), max(b + y - alpha, 0.0)
            won[a, b] = mode[FIRST] * gain((v - o) * step, size, most, slack)


@inlined
def _pick(mode, won, i, j):
    """What overtaking wins, 0 for a mode that has none."""
    return won[i, j] if mode[SIZE] > 0 else 0.0


@compiled
def _corners(near, mode, alpha, step, won, here):
    """The least of the modes at the points of `plane`."""
    add = mode[ADD_FIRST] / step
    for i in range(len(here)):
        v = max(i - alpha, 0.0)
        to = int(add) if i > 0 else int(alpha + add)
        t = add - to if i > 0 else alpha + add - to
        a, b = near[i + to], near[i + to + 1]
        flat = mode[BASE] + mode[FIRST] * v * step
        for j in range(len(here)):
            found = (1 - t) * a[j] + t * b[j] + flat - _pick(mode, won, i, j)
            here[i, j] = min(here[i, j], found + mode[SECOND] * max(j - alpha, 0.0) * step)


@compiled
def _check(after, near, mode, most, alpha, step, slack, won, here, less):
    """The excess of the interpolation at the breaks of one mode, on either axis and on both."""
    add1, add2 = mode[ADD_FIRST] / step, mode[ADD_SECOND] / step
    x1, x2 = 1 - (add1 - int(add1)), 1 - (add2 - int(add2))
    if x1 < 1:
        _wins(won, mode, most, alpha, x1, 0.0, step, slack)
        for i in range(len(here) - 1):
            y1 = x1 if i > 0 else (x1 - alpha) / (1 - alpha)
            if y1 > 0:
                row = near[i + int(add1) + 1]
                _edge(row, mode, alpha, step, i + x1 - alpha, y1, i, won, here, less)
    if x2 == 1:
        return
    _wins(won, mode, most, alpha, 0.0, x2, step, slack)
    for i in range(len(here)):
        to = int(add1) if i > 0 else int(alpha + add1)
        t = add1 - to if i > 0 else alpha + add1 - to
        a, b, v = after[i + to], after[i + to + 1], max(i - alpha, 0.0)
        _inside(a, b, t, mode, alpha, step, v, x2, 0.0, i, i, won, here, less)
    if x1 == 1:
        return
    _wins(won, mode, most, alpha, x1, x2, step, slack)
    for i in range(len(here) - 1):
        y1 = x1 if i > 0 else (x1 - alpha) / (1 - alpha)
        if y1 > 0:
            row, v = after[i + int(add1) + 1], i + x1 - alpha
            _inside(row, row, 0.0, mode, alpha, step, v, x2, y1, i, i + 1, won, here, less)


@compiled
def _edge(row, mode, alpha, step, v, y, i, won, here, less):
    """Breaks along the first axis, at all points of the second."""
    flat = mode[BASE] + mode[FIRST] * v * step
    for j in range(len(here)):
        found = row[j] + flat - _pick(mode, won, i, j)
        found += mode[SECOND] * max(j - alpha, 0.0) * step
        excess = (1 - y) * here[i, j] + y * here[i + 1, j] - found
        less[i, j] = max(less[i, j], excess)
        less[i + 1, j] = max(less[i + 1, j], excess)


@compiled
def _inside(a, b, t, mode, alpha, step, v, x, y, i, up, won, here, less):
    """Breaks along the second axis, between rows i and `up` of the first."""
    whole = int(mode[ADD_SECOND] / step)
    flat = mode[BASE] + mode[FIRST] * v * step
    for j in range(len(here) - 1):
        z = x if j > 0 else (x - alpha) / (1 - alpha)
        if z <= 0:
            continue
        found = (1 - t) * a[j + whole + 1] + t * b[j + whole + 1] + flat
        found += mode[SECOND] * (j + x - alpha) * step - _pick(mode, won, i, j)
        low = (1 - z) * here[i, j] + z * here[i, j + 1]
        high = (1 - z) * here[up, j] + z * here[up, j + 1]
        excess = (1 - y) * low + y * high - found
        for c in range(j, j + 2):
            less[i, c] = max(less[i, c], excess)
            less[up, c] = max(less[up, c], excess)
