"""Good targets of slots of any number of servers: the best change again and again.

`_congestion._polish_kernels` betters choices of any resources, by chains and pairs of moves too. Of
slots of 20 to 50 users it reaches the same to 0.01 %, in 3 to 75 times the time (`python
benchmarks/dgl_targets.py`); programmes over caches and environments need targets of many slots.
"""

# mypy: ignore-errors

import numpy as np

from toolkit.compiled import compiled, inlined

HAIR = 1e-12  # an improvement below it is rounding


@compiled
def improved(local, root, cell, reach, level, swaps, target):
    """Improves the targets (rows, users) in place, slot by slot, until no change of one user helps;
    with `swaps` also none of an offloader that computes and another user that offloads.

    local and root (rows, users), cell (rows, users), reach (rows, users, servers), level (rows,):
    the loss is that of `dgl_slot.tables`, offloading to servers in reach alone.
    """
    rows, _, servers = reach.shape
    band, load = np.empty(servers), np.empty(servers)
    for r in range(rows):
        _loads(root[r], cell[r], target[r], band, load)
        while True:
            if _single(r, local, root, cell, reach, level, target, band, load):
                continue
            if not swaps or not _swap(r, local, root, cell, reach, level, target, band, load):
                break


@compiled
def saved(local, root, cell, level, target, servers):
    """What the offloaders of one slot save, all arrays (users,)."""
    band, load, total = np.empty(servers), np.empty(servers), 0.0
    _loads(root, cell, target, band, load)
    for i in range(target.size):
        if target[i] > 0:
            total += local[i]
    return total - np.sum(band * band) - level * np.sum(load * load)


@inlined
def _loads(root, cell, target, band, load):
    """The loads of one slot's cells and servers."""
    band[:], load[:] = 0.0, 0.0
    for i in range(target.size):
        if target[i] > 0:
            band[cell[i]] += root[i]
            load[target[i] - 1] += 1.0


@inlined
def _leave(r, i, local, root, cell, level, target, band, load):
    """What user i loses less by offloading: the change of the loss if it computes instead."""
    g, m = cell[r, i], target[r, i] - 1
    less = band[g] - root[r, i]
    return local[r, i] + less * less - band[g] * band[g] - level[r] * (2.0 * load[m] - 1.0)


@inlined
def _join(a, own, band, load, level):
    """The change of the loss if a user who computes offloads instead."""
    more = band + a
    return more * more - band * band + level * (2.0 * load + 1.0) - own


@compiled
def _single(r, local, root, cell, reach, level, target, band, load):
    """The best change of one user, made; False where none helps."""
    best, who, where = -HAIR, -1, 0
    for i in range(reach.shape[1]):
        g, now = cell[r, i], target[r, i]
        if now > 0:
            change = _leave(r, i, local, root, cell, level, target, band, load)
            if change < best:
                best, who, where = change, i, 0
        for m in range(reach.shape[2]):
            if not reach[r, i, m] or m == now - 1:
                continue
            if now > 0:
                change = 2.0 * level[r] * (load[m] - load[now - 1] + 1.0)
            else:
                change = _join(root[r, i], local[r, i], band[g], load[m], level[r])
            if change < best:
                best, who, where = change, i, m + 1
    if who < 0:
        return False
    _move(r, who, where, root, cell, target, band, load)
    return True


@compiled
def _swap(r, local, root, cell, reach, level, target, band, load):
    """The best exchange of an offloader and another user, made; False where none helps."""
    best, who, other, where = -HAIR, -1, -1, 0
    for i in range(reach.shape[1]):
        if target[r, i] == 0:
            continue
        here, g = target[r, i], cell[r, i]
        gone = _leave(r, i, local, root, cell, level, target, band, load)
        _move(r, i, 0, root, cell, target, band, load)
        for j in range(reach.shape[1]):
            if target[r, j] > 0 or j == i:
                continue
            for m in range(reach.shape[2]):
                if reach[r, j, m]:
                    more = _join(root[r, j], local[r, j], band[cell[r, j]], load[m], level[r])
                    if gone + more < best:
                        best, who, other, where = gone + more, i, j, m + 1
        band[g] += root[r, i]
        load[here - 1] += 1.0
        target[r, i] = here
    if who < 0:
        return False
    _move(r, who, 0, root, cell, target, band, load)
    _move(r, other, where, root, cell, target, band, load)
    return True


@compiled
def _move(r, i, where, root, cell, target, band, load):
    """User i goes to `where`."""
    now, g = target[r, i], cell[r, i]
    if now > 0:
        load[now - 1] -= 1.0
        if where == 0:
            band[g] -= root[r, i]
    elif where > 0:
        band[g] += root[r, i]
    if where > 0:
        load[where - 1] += 1.0
    target[r, i] = where


@compiled
def gain_of_targets(service, root, local, cell, level, cache):
    """What offloading saves in all slots (slots, users) with caches (servers, services); targets
    are improved from nobody offloading, one change at a time."""
    slots, users = service.shape
    servers = cache.shape[0]
    reach = np.zeros((slots, users, servers), np.bool_)
    for t in range(slots):
        for i in range(users):
            for m in range(servers):
                reach[t, i, m] = cache[m, service[t, i]] > 0.5
    target, cells = np.zeros((slots, users), np.int64), np.empty((slots, users), np.int64)
    cells[:] = cell
    improved(local, root, cells, reach, level, False, target)
    total = 0.0
    for t in range(slots):
        total += saved(local[t], root[t], cell, level[t], target[t], servers)
    return total
