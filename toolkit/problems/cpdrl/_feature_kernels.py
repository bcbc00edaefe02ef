"""Compiled loops over users: what a policy sees of each, around a set that is nearly optimal.

Notation as in `_kernels`; s is the square root of the bandwidth price, m the mean local cost.
"""

from math import inf, log

import numpy as np

from toolkit.compiled import compiled, inlined

from ._dual_kernels import minorant
from ._kernels import clearing_price

FEATURES = 16
ROUNDS = 2  # of ranking users by their margin at the last set's price
WINDOW = 32  # sizes below and above the best one that are tried once a deadline binds
FAR = 3.0  # in units of m: a margin that leaves no doubt
DEAR = 4.0  # times the slack price: that of a set without a feasible allocation


@compiled
def describe(tables, deadline, total, delay, energy, p_max):
    """Features of every user of every instance, (instances, n, FEATURES)."""
    out = np.empty((tables.shape[0], tables.shape[2], FEATURES), np.float32)
    for m in range(tables.shape[0]):
        scalars = (deadline[m], total[m], delay[m], energy[m], p_max[m])
        chosen = _first_guess(tables[m], total[m], delay[m])
        for _ in range(ROUNDS):
            _best_prefix(_margins(chosen, tables[m], scalars), tables[m], scalars, chosen)
        _describe(chosen, tables[m], scalars, out[m])
    return out


@compiled
def _describe(chosen, table, scalars, out):
    """The rows of `out`: what every user is beside the set."""
    deadline, total, delay = scalars[0], scalars[1], scalars[2]
    n, k, scale = table.shape[1], max(np.sum(chosen), 1.0), _mean_local(table, total, delay)
    size = int(np.sum(chosen))
    margin = np.minimum(np.maximum(_margins(chosen, table, scalars) / scale, -FAR), FAR)
    margin -= delay * np.sum(chosen * table[5]) / scale  # what one more costs those of the set
    s = _price(chosen, table, scalars)
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


@compiled
def _first_guess(table, total, delay):
    """The largest set of k users that each gain twice their cost at bandwidth B/k (or must)."""
    worth = table[0] / (2.0 * (table[2] ** 2 / total + delay * table[5]))
    chosen = np.zeros(table.shape[1])
    for rank, i in enumerate(np.argsort(-worth)):
        if worth[i] < rank + 1.0:
            break
        chosen[i] = 1.0
    return chosen


@compiled
def _price(chosen, table, scalars):
    """The s of a set; above that of slack deadlines where the set has no feasible allocation."""
    deadline, total, energy = scalars[0], scalars[1], scalars[3]
    s = clearing_price(chosen, np.sum(chosen), table, deadline, total, energy)
    if s == inf:
        return DEAR * np.sum(chosen * table[2]) / total
    return s if s > 0.0 else np.min(table[2]) / total


@compiled
def _margins(chosen, table, scalars):
    """Local less remote cost at the price and the number of a set; inf: must offload."""
    deadline, delay, energy, p_max = scalars[0], scalars[2], scalars[3], scalars[4]
    s, k = _price(chosen, table, scalars), max(np.sum(chosen), 1.0)
    margin = np.empty(table.shape[1])
    for i in range(table.shape[1]):
        cost = minorant(s, k, table, i, deadline, delay, energy, p_max)[0]
        margin[i] = inf if table[0, i] == inf else table[0, i] - cost
    return margin


@compiled
def _best_prefix(margin, table, scalars, chosen):
    """Marks the users of largest margin, as many as are cheapest."""
    order = np.argsort(-margin)
    size = _slack_size(order, table, scalars[1], scalars[2])
    _mark(order, size, chosen)
    slack = np.sum(chosen * table[2]) / scalars[1]
    if clearing_price(chosen, float(size), table, scalars[0], scalars[1], scalars[3]) > slack:
        _mark(order, _tight_size(order, size, table, scalars, chosen), chosen)


@compiled
def _mark(order, size, chosen):
    for rank, i in enumerate(order):
        chosen[i] = 1.0 if rank < size else 0.0


@compiled
def _slack_size(order, table, total, delay):
    """The cheapest number of users in this order while no deadline binds:
    (sum of q)^2 / B + lambda_1 k (sum of w) less their local costs."""
    q, w, local = 0.0, 0.0, 0.0
    best, size = 0.0, 0
    for rank, i in enumerate(order):
        q += table[2, i]
        w += delay * table[5, i]
        must = table[0, i] == inf
        local += 0.0 if must else table[0, i]
        cost = q * q / total + (rank + 1.0) * w - local
        if must or cost < best:
            best, size = cost, rank + 1
    return size


@compiled
def _tight_size(order, size, table, scalars, chosen):
    """The cheapest number near `size` by the dual at its own price; the least if none fits."""
    deadline, total, delay, energy, p_max = scalars
    forced = int(np.sum(table[0] == inf))
    best, found = inf, forced
    for k in range(max(forced, size - WINDOW), min(size + WINDOW, len(order)) + 1):
        _mark(order, k, chosen)
        s = clearing_price(chosen, float(k), table, deadline, total, energy)
        if s == inf:
            continue
        cost = -s * s * total
        for i in order[:k]:
            local = 0.0 if table[0, i] == inf else table[0, i]
            cost += minorant(s, float(k), table, i, deadline, delay, energy, p_max)[0] - local
        if cost < best:
            best, found = cost, k
    return found
