"""Good caches of several servers: one server's or two servers' paths at a time, others as they are.

The best path of a block is found by a programme over its subsets, from what slots are worth with
each of them: targets improved by one change at a time, from those of the subset with a service
less. So a block's path is as good as these targets, and never worse than the path it had, but for
them.
"""

# mypy: ignore-errors

import numpy as np

from toolkit.compiled import compiled

from ._greedy_kernels import improved, saved
from ._path_kernels import best_of_one, best_path


@compiled
def better_paths(slots, cell, unit, masks, less, more, price, alone, together, path):
    """Improves path (steps, servers), numbers of subsets, in place.

    slots: root and worth of an offloader (steps, slots, users), service alike, level (steps,
    slots); masks (subsets,), less and more (subsets, services) as in `_path_kernels`. Servers in
    turn until none gains, at most `alone` times; then `together` pairs, and servers again.
    """
    servers, left = path.shape[1], together
    _in_turn(slots, cell, unit, masks, less, more, price, alone, path)
    for gap in range(1, servers):
        for b in range(servers - gap):
            if left > 0:
                _pair(slots, cell, unit, masks, less, more, price, b + gap, b, path)
                left -= 1
    if together > 0:
        _in_turn(slots, cell, unit, masks, less, more, price, alone, path)


@compiled
def _in_turn(slots, cell, unit, masks, less, more, price, rounds, path):
    """One server after another, again while that helps."""
    table, before = np.empty((path.shape[0], masks.size, 1)), -np.inf
    for _ in range(rounds):
        now = 0.0
        for m in range(path.shape[1]):
            _table(slots, cell, unit, masks, less, path, m, -1, table)
            now, best = best_of_one(table[:, :, 0], less, more, price)
            now -= _paid_elsewhere(path, m, less, price)
            path[:, m] = best
        if now <= before + 1e-9:
            break
        before = now


@compiled
def _pair(slots, cell, unit, masks, less, more, price, a, b, path):
    """The best paths of two servers."""
    table = np.empty((path.shape[0], masks.size, masks.size))
    _table(slots, cell, unit, masks, less, path, a, b, table)
    _, best = best_path(table, less, more, price)
    path[:, a], path[:, b] = best[:, 0], best[:, 1]


@compiled
def _paid_elsewhere(path, m, less, price):
    """What servers but m pay for loading."""
    paid = 0.0
    for q in range(path.shape[1]):
        before = 0
        for t in range(path.shape[0]):
            for k in range(price.size):
                if q != m and less[path[t, q], k] >= 0 and less[before, k] < 0:
                    paid += price[k]
            before = path[t, q]
    return paid


@compiled
def _table(slots, cell, unit, masks, less, path, m, other, table):
    """table[t, a, b]: reward of a step's slots with subset a on server m and b on server `other`
    (-1: on none; b is 0 then)."""
    root, worth, service, level = slots
    steps, count, users = root.shape
    some, servers = masks.size, path.shape[1]
    cells = np.empty((1, users), np.int64)
    cells[0] = cell
    reach = np.zeros((1, users, servers), np.bool_)
    target = np.zeros((some, table.shape[2], 1, users), np.int64)
    table[:] = 0.0
    for t in range(steps):
        for s in range(count):
            here = (worth[t, s : s + 1], root[t, s : s + 1], cells, reach, level[t, s : s + 1])
            for a in range(some):
                for b in range(min(a + 1, table.shape[2])):
                    for i in range(users):
                        k = service[t, s, i]
                        for q in range(servers):
                            kept = a if q == m else (b if q == other else path[t, q])
                            reach[0, i, q] = masks[kept] >> k & 1
                    _start(target, less, a, b)
                    improved(*here, False, target[a, b])
                    who = target[a, b, 0]
                    value = unit * saved(worth[t, s], root[t, s], cell, level[t, s], who, servers)
                    table[t, a, b] += value
                    if a != b and other >= 0:
                        table[t, b, a] += value


@compiled
def _start(target, less, a, b):
    """Targets of the pair with a service less: whoever is served there is here too."""
    target[a, b] = 0
    for k in range(less.shape[1]):
        if b > 0 and less[b, k] >= 0:
            target[a, b] = target[a, less[b, k]]
            return
        if b == 0 and less[a, k] >= 0:
            target[a, b] = target[less[a, k], b]
            return
