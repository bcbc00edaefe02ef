"""Compiled loops over masks and users: gains, prices and losses from which masks are ranked.

Notation as in `_kernels`; s is the square root of the bandwidth price.
"""

# mypy: ignore-errors

from math import exp, inf

import numpy as np

from toolkit.compiled import compiled

from ._dual_kernels import minorant
from ._kernels import clearing_price


@compiled
def gains(ks, prices, table, deadline, total, delay, energy, p_max):
    """Local less remote cost, (len(ks), n), at the price s where it is positive, else at B/k."""
    rows, n = ks.shape[0], table.shape[1]
    out = np.empty((rows, n))
    for r in range(rows):
        for i in range(n):
            if prices[r] > 0.0:
                cost = minorant(prices[r], ks[r], table, i, deadline, delay, energy, p_max)[0]
            else:
                cost = _remote(total / ks[r], ks[r], table, i, deadline, delay, energy)
            out[r, i] = inf if table[0, i] == inf else table[0, i] - cost
    return out


@compiled
def _remote(b, k, table, i, deadline, delay, energy):
    """Cost of user i with bandwidth b among k offloaders; where it is late, as if B were larger."""
    work = table[5, i] * k
    room = deadline - work
    if table[4, i] * table[2, i] <= b * room:
        return table[2, i] ** 2 / b + delay * work
    if table.shape[0] > 9 and table[10, i] * table[9, i] >= b * room:
        return table[9, i] ** 2 / b + delay * work - table[12, i] * room
    if room <= 0.0:
        return inf
    y = table[6, i] / (b * room)
    scale = max(1.0, y / table[8, i])
    y = min(y, table[8, i])
    return delay * deadline + scale * energy * room * (exp(y) - 1.0) / table[7, i]


@compiled
def prices(masks, ks, table, deadline, total, delay, energy, p_max):
    """For each mask the s at which its users' demand is B; that of slack deadlines if none is."""
    out = np.empty(masks.shape[0])
    for r in range(masks.shape[0]):
        out[r] = clearing_price(masks[r], ks[r], table, deadline, total, energy)
        if out[r] == inf:
            out[r] = np.sum(masks[r] * table[2]) / total
    return out


@compiled
def losses(masks, ks, prices, table, deadline, total, delay, energy, p_max):
    """For each mask and price the dual value less the local costs of all, +inf if infeasible."""
    out = np.empty(masks.shape[0])
    for r in range(masks.shape[0]):
        s, k, need = prices[r], ks[r], 0.0
        out[r] = -s * s * total
        for i in range(masks.shape[1]):
            if masks[r, i] > 0.5:
                local = 0.0 if table[0, i] == inf else table[0, i]
                cost = minorant(s, k, table, i, deadline, delay, energy, p_max)[0]
                out[r] += cost - local
                room = deadline - table[5, i] * k
                need += table[6, i] / (table[8, i] * room) if room > 0.0 else inf
        if need > total and table.shape[0] == 9:
            out[r] = inf
    return out
