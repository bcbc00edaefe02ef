"""Multipliers for services apart: a subgradient method with momentum (Polyak's steps)."""

# mypy: ignore-errors

import numpy as np

from toolkit.compiled import compiled


@compiled
def multipliers(
    root, worth, level, cell, service, unit, size, load, room, scale, goal, rounds, best
):
    """(bound, caches): the least bound found; `best` (steps, slots + slots + 1, servers) receives
    its multipliers: of cells, of servers, and of room in units of `scale`.

    root and service (steps, slots, users), worth (steps, slots, users) of an offloader, level
    (steps, slots) root of a server's load, room (servers,), goal a reward that is reached.
    """
    steps, slots, _ = root.shape
    servers, services = room.size, size.size
    now = np.zeros_like(best)
    now[:, : 2 * slots] = 0.5
    slope, push = np.zeros_like(best), np.zeros_like(best)
    sets = np.zeros((steps, services), np.int64)
    value = np.zeros((steps, services, 1 << servers))
    low, lucky, stuck, far = np.inf, sets.copy(), 0, 1.0
    for _ in range(rounds):
        _values(root, worth, level, cell, service, unit, now, value)
        bound = _paths(value, now, size / scale, load, sets)
        bound += _slope(
            root, worth, level, cell, service, unit, size, room, scale, now, sets, slope
        )
        stuck += 1
        if bound < low - 1e-7:
            low, stuck = bound, 0
            best[:] = now
            lucky[:] = sets
        if stuck > 30:
            far, stuck = far / 2, 0
            now[:] = best
            push[:] = 0.0
            continue
        if low <= goal or far < 1e-4:
            break
        norm = max(np.sum(slope * slope), 1e-12)
        push = 0.6 * push + slope
        now = np.maximum(now - far * (bound - goal) / norm * push * 0.6, 0.0)
    return low, lucky


@compiled
def _values(root, worth, level, cell, service, unit, now, value):
    """Reward of users of each service with each set of servers, (steps, services, sets)."""
    steps, slots, users = root.shape
    value[:] = 0.0
    servers = now.shape[2]
    least = np.empty(value.shape[2])
    for t in range(steps):
        for s in range(slots):
            for b in range(1, least.size):
                least[b] = np.inf
                for m in range(servers):
                    if b >> m & 1:
                        least[b] = min(least[b], 2.0 * level[t, s] * now[t, slots + s, m])
            for i in range(users):
                gain = worth[t, s, i] - 2.0 * now[t, s, cell[i]] * root[t, s, i]
                if gain > 0.0:
                    k = service[t, s, i]
                    for b in range(1, least.size):
                        if gain > least[b]:
                            value[t, k, b] += unit * (gain - least[b])


@compiled
def _paths(value, now, size, load, sets):
    """The sum of the services' best paths; `sets` (steps, services) receives them."""
    steps, services, count = value.shape
    servers, last = now.shape[2], now.shape[1] - 1
    ahead = np.zeros((steps + 1, count))
    fresh = np.zeros((count, count))
    for a in range(count):
        for b in range(count):
            for m in range(servers):
                fresh[a, b] += (b >> m & 1) and not (a >> m & 1)
    total = 0.0
    for k in range(services):
        for t in range(steps - 1, -1, -1):
            for b in range(count):
                for m in range(servers):
                    if b >> m & 1:
                        value[t, k, b] -= now[t, last, m] * size[k]
            for a in range(count):
                most = -np.inf
                for b in range(count):
                    most = max(most, value[t, k, b] + ahead[t + 1, b] - load[k] * fresh[a, b])
                ahead[t, a] = most
        total += ahead[0, 0]
        a = 0
        for t in range(steps):
            best, most = 0, -np.inf
            for b in range(count):
                here = value[t, k, b] + ahead[t + 1, b] - load[k] * fresh[a, b]
                if here > most:
                    most, best = here, b
            sets[t, k] = best
            a = best
    return total


@compiled
def _slope(root, worth, level, cell, service, unit, size, room, scale, now, sets, slope):
    """The bound's fixed part; `slope` receives its subgradient in scaled multipliers."""
    steps, slots, users = root.shape
    servers, last = now.shape[2], now.shape[1] - 1
    slope[:] = 0.0
    fixed = 0.0
    for t in range(steps):
        for m in range(servers):
            fixed += now[t, last, m] * room[m] / scale
            slope[t, last, m] = room[m] / scale
            for k in range(size.size):
                if sets[t, k] >> m & 1:
                    slope[t, last, m] -= size[k] / scale
            for s in range(slots):
                fixed += unit * (now[t, s, m] ** 2 + now[t, slots + s, m] ** 2)
                slope[t, s, m] += 2.0 * unit * now[t, s, m]
                slope[t, slots + s, m] += 2.0 * unit * now[t, slots + s, m]
        for s in range(slots):
            for i in range(users):
                b = sets[t, service[t, s, i]]
                best, at = np.inf, -1
                for m in range(servers):
                    if (b >> m & 1) and now[t, slots + s, m] < best:
                        best, at = now[t, slots + s, m], m
                if at < 0:
                    continue
                toll = 2.0 * now[t, s, cell[i]] * root[t, s, i] + 2.0 * level[t, s] * best
                if worth[t, s, i] > toll:
                    slope[t, s, cell[i]] -= 2.0 * unit * root[t, s, i]
                    slope[t, slots + s, at] -= 2.0 * unit * level[t, s]
    return fixed
