"""Compiled loops over users: what a policy sees of each, around a set that is nearly optimal.

Notation as in `_kernels`; s is the square root of the bandwidth price, m the mean local cost.
"""

# mypy: ignore-errors

from math import inf, log

import numpy as np

from toolkit.compiled import compiled, inlined

from ._dual_kernels import minorant
from ._set_kernels import good_set, margins, price, worth

FEATURES = 19
PLAIN, RANKED = 7, 10  # columns of a user's own costs; with those of its rank
FAR = 3.0  # in units of m: a margin that leaves no doubt


@compiled
def describe(tables, deadline, total, delay, energy, p_max):
    """Features of every user of every instance, (instances, n, FEATURES)."""
    out = np.empty((tables.shape[0], tables.shape[2], FEATURES), np.float32)
    for m in range(tables.shape[0]):
        scalars = (deadline[m], total[m], delay[m], energy[m], p_max[m])
        _describe(good_set(tables[m], scalars), tables[m], scalars, out[m])
    return out


@compiled
def describe_plainly(tables, deadline, total, delay, energy, p_max):
    """Every user's own costs, and its rank, (instances, n, RANKED)."""
    out = np.empty((tables.shape[0], tables.shape[2], RANKED), np.float32)
    for m in range(tables.shape[0]):
        table, n = tables[m], tables.shape[2]
        scale, many = _mean_local(table, total[m], delay[m]), worth(table, total[m], delay[m])
        order, rank = np.argsort(-many), 0  # users of equal worth have the same rank
        for place, i in enumerate(order):
            if many[i] < many[order[rank]]:
                rank = place
            row = out[m, i]
            row[0] = 1.0 if table[0, i] == inf else 0.0
            row[1] = _log(table[0, i] / scale)
            row[2] = _log(table[2, i] ** 2 / (total[m] * scale))
            row[3] = _log(delay[m] * table[5, i] / scale)
            row[4] = _log(table[5, i] / deadline[m])
            row[5] = _log(_least(i, 1.0, table, deadline[m]) / total[m])
            row[6] = log(n) / 5.0
            row[7] = _log(many[i])
            row[8] = min(rank, 16) / 16.0
            row[9] = _log((rank + 1.0) / many[i])
    return out


@compiled
def _describe(chosen, table, scalars, out):
    """The rows of `out`: what every user is beside the set."""
    deadline, total, delay = scalars[0], scalars[1], scalars[2]
    n, k, scale = table.shape[1], max(np.sum(chosen), 1.0), _mean_local(table, total, delay)
    size, s = int(np.sum(chosen)), price(chosen, table, scalars)
    margin = np.minimum(np.maximum(margins(chosen, table, scalars) / scale, -FAR), FAR)
    crowding = _crowding(chosen, s, k, table, scalars)
    margin -= min(crowding / scale, FAR)
    same = _need(chosen, k, table, deadline) / total
    fewer = _need(chosen, k - 1.0, table, deadline) / total
    more = _need(chosen, k + 1.0, table, deadline) / total
    order = np.argsort(-margin)
    inside, outside = margin[order[max(size - 1, 0)]], margin[order[min(size, n - 1)]]
    rank = 0  # how many are ahead: users of equal margin have the same
    for place, i in enumerate(order):
        if margin[i] < margin[order[rank]]:
            rank = place
        row = out[i]
        own = (table[2, i] ** 2 / total + delay * table[5, i]) / scale
        flip = margin[i] + (own if chosen[i] > 0.5 else -own)
        room = max(deadline - table[5, i] * k, 1e-3 * deadline)
        row[0] = 1.0 if table[0, i] == inf else 0.0
        row[1] = 2.0 * chosen[i] - 1.0
        row[2] = _log(table[0, i] / scale)
        row[3] = _log(table[2, i] ** 2 * k / (total * scale))
        row[4] = _log(delay * table[5, i] * k / scale)
        row[5] = min(max(flip, -2.0), 2.0)
        row[6] = _magnified(flip)
        row[7] = _magnified(margin[i] - inside)
        row[8] = _magnified(margin[i] - outside)
        row[9] = min(max(rank + 0.5 - size, -8.0), 8.0) / 8.0
        row[10] = min(rank, 16) / 16.0
        row[11] = _log(s * table[4, i] / room)
        row[12] = min(table[5, i] * k / deadline, 2.0)
        row[13] = _magnified(own)
        row[14] = log(n) / 5.0
        row[15] = log(k) / 3.0
        row[16] = _log(s * total / np.sum(chosen * table[2])) if size else 0.0
        row[17] = _log(same)
        if chosen[i] > 0.5:
            row[18] = _log(fewer - _least(i, k - 1.0, table, deadline) / total)
        else:
            row[18] = _log(more + _least(i, k + 1.0, table, deadline) / total)


@inlined
def _least(i, k, table, deadline):
    """The least bandwidth that user i meets its deadline with, among k offloaders."""
    room = deadline - table[5, i] * k
    return table[6, i] / (table[8, i] * room) if room > 0.0 else 1e30


@compiled
def _need(chosen, k, table, deadline):
    """The least bandwidth of all of a set, if they were k."""
    need = 0.0
    for i in range(len(chosen)):
        if chosen[i] > 0.5:
            need += _least(i, k, table, deadline)
    return need


@compiled
def _crowding(chosen, s, k, table, scalars):
    """What one more offloader costs those of the set: each has its share of the server later,
    which costs lambda_1 and what the deadline is worth to it."""
    deadline, delay, energy, p_max = scalars[0], scalars[2], scalars[3], scalars[4]
    cost = 0.0
    for i in range(len(chosen)):
        if chosen[i] > 0.5:
            mu = minorant(s, k, table, i, deadline, delay, energy, p_max)[2]
            cost += (delay + mu) * table[5, i]
    return cost


@inlined
def _log(ratio):
    """The logarithm, within [-6, 3]."""
    return min(max(log(ratio), -6.0), 3.0) if ratio > 0.0 else -6.0


@inlined
def _magnified(value):
    """sign(x) log(1 + 50 |x|): what happens near zero is seen."""
    return log(1.0 + 50.0 * value) if value > 0.0 else -log(1.0 - 50.0 * value)


@compiled
def _mean_local(table, total, delay):
    """m: the mean cost of local execution of those that can; alone on the server if none can."""
    local, count = 0.0, 0
    for i in range(table.shape[1]):
        if table[0, i] < inf:
            local += table[0, i]
            count += 1
    return local / count if count else np.mean(table[2] ** 2 / total + delay * table[5])
