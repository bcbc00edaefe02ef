"""A bound for several servers: a programme over unions of caches, slots looked at where it matters.

What the servers have cached together costs at least one loading of each service that is new. A
union is worth, in a slot, no more than if servers were even; and no more than the best of the ways
to pack it into the servers, for each of which prices of servers (n^2 >= (2 u + 1) n - u (u + 1) for
whole n and u) and of cells (s^2 >= 2 l s - l^2) give a bound. A root may be infinite: such a user
never offloads.
"""

# mypy: ignore-errors

import numpy as np

from toolkit.compiled import compiled, inlined

HAIR = 1e-9  # of QoE: an improvement below it ends the search


@compiled
def even(root, cell, service, worth, level, servers, out):
    """out[u]: what offloading adds to a slot's QoE at most where union u (a mask) is cached."""
    users = root.size
    order, band, gain = np.argsort(root), np.zeros(servers), np.empty(users)
    for u in range(out.size):
        band[:], some = 0.0, 0
        for i in order:
            if u >> service[i] & 1:
                g, a = cell[i], root[i]
                gain[some] = worth - (2.0 * band[g] + a) * a
                band[g] += a
                some += 1
        best, out[u] = np.sort(gain[:some]), 0.0
        for n in range(some):
            more = best[some - 1 - n] - level * (2 * (n // servers) + 1)
            if more <= 0.0:
                break
            out[u] += more


@compiled
def best_unions(table, fits, price):
    """(value, path (steps,)): the best path of unions that fit, table (steps, unions)."""
    steps, count = table.shape
    ahead = np.zeros((steps + 1, count))
    for t in range(steps - 1, -1, -1):
        best = ahead[t]
        best[:] = np.where(fits, table[t] + ahead[t + 1], -np.inf)
        for k in range(price.size):
            for u in range(count):
                if not u >> k & 1:
                    best[u] = max(best[u], best[u | 1 << k] - price[k])
        for k in range(price.size):
            for u in range(count):
                if u >> k & 1:
                    best[u] = max(best[u], best[u ^ 1 << k])
    path, now = np.zeros(steps, np.int64), 0
    for t in range(steps):
        to, most = 0, -np.inf
        for u in range(count):
            value = table[t, u] + ahead[t + 1, u] if fits[u] else -np.inf
            for k in range(price.size):
                if (u & ~now) >> k & 1:
                    value -= price[k]
            if value > most:
                to, most = u, value
        path[t], now = to, to
    return ahead[0, 0], path


@compiled
def packed(root, cell, service, worth, level, packings, most):
    """What slots (slots, users) add to QoE at most with the best of packings (packings, servers) of
    a union; most (slots,): a bound whatever the packing.

    Bounds from first loads, all packings; then the packing whose bound is the largest is improved,
    until it is one that was.
    """
    some, slots = packings.shape[0], root.shape[0]
    total, sure = np.zeros(some), np.zeros(some, np.bool_)
    for p in range(some):
        for s in range(slots):
            here = _slot(root[s], cell, service[s], worth[s], level[s], packings[p], False)
            total[p] += min(most[s], here)
    while True:
        p = np.argmax(total)
        if sure[p]:
            return total[p]
        sure[p], total[p] = True, 0.0
        for s in range(slots):
            here = _slot(root[s], cell, service[s], worth[s], level[s], packings[p], True)
            total[p] += min(most[s], here)


@compiled
def _slot(root, cell, service, worth, level, caches, improve):
    """A bound of one slot: servers' prices from loads; with `improve` these go up and down."""
    servers, users = caches.size, root.size
    reach = np.zeros(users, np.int64)
    for i in range(users):
        for m in range(servers):
            reach[i] |= (caches[m] >> service[i] & 1) << m
    load = _loads(root, cell, reach, worth, level, servers)
    best, better = _priced(root, cell, reach, worth, level, load), improve
    while better:
        better = False
        for m in range(servers):
            for step in (-1, 1):
                if load[m] + step < 0:
                    continue
                load[m] += step
                value = _priced(root, cell, reach, worth, level, load)
                if value < best - HAIR:
                    best, better = value, True
                else:
                    load[m] -= step
    return best


@compiled
def _loads(root, cell, reach, worth, level, servers):
    """Loads of servers where users, the smallest roots first, join the least loaded if it pays."""
    load, band = np.zeros(servers, np.int64), np.zeros(servers)
    for i in np.argsort(root):
        to = -1
        for m in range(servers):
            if reach[i] >> m & 1 and (to < 0 or load[m] < load[to]):
                to = m
        if to < 0:
            continue
        g, a = cell[i], root[i]
        if worth > (2.0 * band[g] + a) * a + level * (2 * load[to] + 1):
            band[g] += a
            load[to] += 1
    return load


@compiled
def _priced(root, cell, reach, worth, level, load):
    """The bound of prices level (2 load + 1) of servers, those of cells the best."""
    servers, users, total = load.size, root.size, 0.0
    gain, ratio = np.empty(users), np.empty(users)
    for m in range(servers):
        total += level * load[m] * (load[m] + 1)
    for i in range(users):
        gain[i] = -1.0
        for m in range(servers):
            if reach[i] >> m & 1:
                gain[i] = max(gain[i], worth - level * (2 * load[m] + 1))
        ratio[i] = gain[i] / (2.0 * root[i])
    for g in range(servers):
        toll = _toll(root, cell, ratio, g)
        total += toll * toll
        for i in range(users):
            if cell[i] == g and ratio[i] > toll:
                total += gain[i] - 2.0 * toll * root[i]
    return total


@inlined
def _toll(root, cell, ratio, g):
    """Half the price of a cell's load at which who pays it loads it so."""
    load, before = 0.0, np.inf
    while True:
        who, most = -1, 0.0
        for i in range(root.size):
            if cell[i] == g and most < ratio[i] < before:
                who, most = i, ratio[i]
        if who < 0 or most <= load:
            return load
        if load + root[who] >= most:
            return most
        load, before = load + root[who], most
