"""The proof's look at packings of a union: another way than `_unions_kernels`, user by user.

Any whole loads u of servers and any tolls l of cells bound a slot, since n^2 >= (2 u + 1) n -
u (u + 1) for whole n, and s^2 >= 2 l s - l^2.
"""

# mypy: ignore-errors

import numpy as np

from toolkit.compiled import compiled

HAIR = 1e-9  # of QoE: an improvement below it ends the search for loads


@compiled
def most_packed(root, cell, service, worth, level, packings, most):
    """The QoE that slots (slots, users) do not exceed with any of the packings (packings, servers);
    most (slots,) is a bound whatever the packing."""
    best = -np.inf
    order = np.empty(root.shape, np.int64)
    for s in range(root.shape[0]):
        order[s] = np.argsort(root[s])
    for caches in packings:
        for close in (False, True):  # nearer where the first bound does not settle it
            total = 0.0
            for s in range(root.shape[0]):
                slot = (root[s], cell, worth[s], level[s])
                served = _served(service[s], caches)
                total += min(most[s], _bounded(slot, order[s], served, close))
            if total <= best:
                break
        best = max(best, total)
    return best


@compiled
def _served(service, caches):
    """Whether servers have what users ask for, (users, servers)."""
    out = np.empty((service.size, caches.size), np.bool_)
    for i in range(service.size):
        out[i] = (caches >> service[i]) & 1 > 0
    return out


@compiled
def _bounded(slot, order, served, close):
    """A slot's bound: loads by a greedy choice, then by steps of one while they help."""
    loads = _begun(slot, order, served)
    best = _dual(slot, served, loads)
    helps = close
    while helps:
        helps = False
        for m in range(loads.size):
            for step in (-1, 1):
                trial = loads.copy()
                trial[m] += step
                if trial[m] >= 0:
                    value = _dual(slot, served, trial)
                    if value < best - HAIR:
                        best, loads, helps = value, trial, True
    return best


@compiled
def _begun(slot, order, served):
    """Loads where the smallest roots come first and join the first least loaded server."""
    root, cell, worth, level = slot
    loads, band = np.zeros(served.shape[1], np.int64), np.zeros(served.shape[1])
    for i in order:
        if not served[i].any():
            continue
        to = np.argmin(np.where(served[i], loads, root.size + 1))
        lost = (band[cell[i]] + root[i]) ** 2 - band[cell[i]] ** 2
        if worth - lost > level * (2 * loads[to] + 1):
            band[cell[i]] += root[i]
            loads[to] += 1
    return loads


@compiled
def _dual(slot, served, loads):
    """The bound of whole loads, with the best toll of every cell."""
    root, cell, worth, level = slot
    out = level * np.sum(loads * (loads + 1))
    gain = np.full(root.size, -1.0)
    for i in range(root.size):
        for m in range(loads.size):
            if served[i, m]:
                gain[i] = max(gain[i], worth - level * (2 * loads[m] + 1))
    ahead = np.argsort(-gain / root)
    for g in range(loads.size):
        toll = _toll(root, cell, gain, ahead, g)
        out += toll * toll
        for i in range(root.size):
            if cell[i] == g:
                out += max(0.0, gain[i] - 2.0 * toll * root[i])
    return out


@compiled
def _toll(root, cell, gain, ahead, g):
    """Where the load of those who gain, users in order of gain over root, meets the toll."""
    load = 0.0
    for i in ahead:
        if cell[i] != g or gain[i] <= 0.0:
            continue
        most = gain[i] / (2.0 * root[i])
        if most <= load:
            break
        load += root[i]
        if load >= most:
            return most
    return load
