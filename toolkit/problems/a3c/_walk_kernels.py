"""Values of `_value_kernels` between the points of their grids, and the best ways they show."""

# mypy: ignore-errors

import numpy as np

from toolkit.compiled import compiled, inlined

from ._value_kernels import ADD_FIRST, ADD_SECOND, BASE, FIRST, SECOND, SIZE, gain


@inlined
def _spot(free, at, step, last):
    """The cell of a time and where in it; `at` is the arrival to which the values belong."""
    x = min(free / step - np.floor(at / step), last * 1.0)
    i = min(int(x), last - 1)
    alpha = at / step - np.floor(at / step)
    t = x - i if i > 0 else (x - alpha) / (1 - alpha)
    return (0, 0.0) if free <= at else (i, t)


@compiled
def at_point(row, free, at, step):
    """The value where the queue is free at a time."""
    i, t = _spot(free, at, step, len(row) - 1)
    return (1 - t) * row[i] + t * row[i + 1]


@compiled
def at_pair(table, free, other, at, step):
    """The value where two queues are free at two times."""
    i, s = _spot(free, at, step, len(table) - 1)
    j, t = _spot(other, at, step, len(table) - 1)
    a = (1 - t) * table[i, j] + t * table[i, j + 1]
    b = (1 - t) * table[i + 1, j] + t * table[i + 1, j + 1]
    return (1 - s) * a + s * b


@compiled
def walk_line(base, slope, size, price, at, step, value, taken):
    """The best way through `line`: taken (tasks,) is 1 for a task that is taken."""
    free, tasks = -1.0, len(base)
    for k in range(tasks):
        later = at[min(k + 1, tasks - 1)]
        free = max(free, at[k])
        stay = at_point(value[k + 1], free, later, step)
        take = base[k] - price[k] + slope * (free - at[k])
        take += at_point(value[k + 1], free + size[k], later, step)
        taken[k] = 1 if take < stay else 0
        free += taken[k] * size[k]


@compiled
def walk_plane(modes, most, at, step, value, chosen):
    """The best way through `plane`: chosen (tasks,) is the number of the mode."""
    x = y = -1.0
    tasks = len(modes)
    for k in range(tasks):
        later = at[min(k + 1, tasks - 1)]
        x, y, best = max(x, at[k]), max(y, at[k]), np.inf
        for m in range(modes.shape[1]):
            mode = modes[k, m]
            cost = mode[BASE] + mode[FIRST] * (x - at[k]) + mode[SECOND] * (y - at[k])
            if mode[SIZE] > 0:
                cost -= mode[FIRST] * gain(x - y, mode[SIZE], most[k], 0.0)
            to = (x + mode[ADD_FIRST], y + mode[ADD_SECOND])
            cost += at_pair(value[k + 1], to[0], to[1], later, step)
            if cost < best:
                best, chosen[k] = cost, m
        x += modes[k, chosen[k], ADD_FIRST]
        y += modes[k, chosen[k], ADD_SECOND]
