"""Better paths of caches, one service on one server at a time: when it is there, all else as it is.

For that the reward of each step with the service and without it is needed, and a programme over
two states; so it applies whatever caches, prices and users are, and never makes a path worse but
for targets, which are improved one change at a time.
"""

# mypy: ignore-errors

import numpy as np

from toolkit.compiled import compiled

from ._greedy_kernels import gain_of_targets

HAIR = 1e-9


@compiled
def polished(service, root, worth, level, cell, unit, prices, rooms, cache):
    """Improves cache (steps, servers, services) in place once through; what is gained.

    service, root, worth (steps, slots, users), level (steps, slots) as in `_greedy_kernels`;
    prices: of loading (services,) and of a byte above the capacity; rooms: sizes (services,),
    capacities and limits (servers,).
    """
    load, overflow = prices
    size, capacity, limit = rooms
    steps, servers, services = cache.shape
    now, gained = np.empty(steps), 0.0
    for t in range(steps):
        now[t] = unit * gain_of_targets(service[t], root[t], worth[t], cell, level[t], cache[t])
    value = np.empty((steps, 2))
    for m in range(servers):
        for k in range(services):
            for t in range(steps):
                other = 1 - int(cache[t, m, k])
                value[t, 1 - other] = now[t]
                value[t, other] = now[t]
                if np.any(service[t] == k):
                    cache[t, m, k] = other
                    slots = (service[t], root[t], worth[t], cell, level[t], cache[t])
                    value[t, other] = unit * gain_of_targets(*slots)
                    cache[t, m, k] = 1 - other
            gained += _switched(value, load[k], overflow, size, k, capacity[m], limit[m], m, cache)
            for t in range(steps):
                now[t] = value[t, int(cache[t, m, k])]
    return gained


@compiled
def _switched(value, load, overflow, size, k, capacity, limit, m, cache):
    """The best times for a service on a server, set in place where better; what is gained."""
    steps = value.shape[0]
    ahead, best = np.zeros((steps + 1, 2)), np.empty((steps, 2))
    for t in range(steps):
        stored = np.sum(size * cache[t, m]) - size[k] * cache[t, m, k]
        for b in range(2):
            held = stored + b * size[k]
            best[t, b] = value[t, b] - overflow * max(held - capacity, 0.0)
            if b and held > limit:
                best[t, b] = -np.inf
    for t in range(steps - 1, -1, -1):
        out, there = best[t, 0] + ahead[t + 1, 0], best[t, 1] + ahead[t + 1, 1]
        ahead[t, 0], ahead[t, 1] = max(out, there - load), max(out, there)
    as_is, before = 0.0, 0
    for t in range(steps):
        b = int(cache[t, m, k])
        as_is += best[t, b] - load * (b > before)
        before = b
    if ahead[0, 0] <= as_is + HAIR:
        return 0.0
    before = 0
    for t in range(steps):
        out = best[t, 0] + ahead[t + 1, 0]
        there = best[t, 1] + ahead[t + 1, 1] - load * (before == 0)
        before = int(there > out)
        cache[t, m, k] = before
    return ahead[0, 0] - as_is
