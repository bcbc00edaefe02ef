"""Compiled: good choices of servers by moves and swaps, deadlines counted by what they need.

A choice costs sum_m (X_m^2 / B_m + lambda1 k_m W_m) + local costs with X the sum of q and W that
of w over a server's users: what it is worth while deadlines are slack, and not less than that.
Notation as in `_price_kernels`.
"""

# mypy: ignore-errors

from math import inf

import numpy as np

from toolkit.compiled import compiled, inlined

from ._price_kernels import need

PAIRS = 200  # most users who are tried in pairs
PASSES = 50


@compiled
def descend(x, pairs, tables, total, scalars):
    """Improves x (users,; 0 local) in place by moves of one user; with `pairs` by exchanges too."""
    servers, users = tables.shape[0], tables.shape[2]
    load = np.zeros((servers, 3))  # X, W, k
    for i in range(users):
        _put(load, tables, x[i], i, 1.0)
    for _ in range(PASSES):
        moved = _moves(x, load, tables, total, scalars)
        if not moved and pairs and users <= PAIRS:
            moved = _exchanges(x, load, tables, total, scalars)
        if not moved:
            break


@inlined
def _put(load, tables, o, i, sign):
    """Adds user i to the sums of option o, or takes it off."""
    if o > 0:
        load[o - 1, 0] += sign * tables[o - 1, 2, i]
        load[o - 1, 1] += sign * tables[o - 1, 5, i]
        load[o - 1, 2] += sign


@inlined
def _extra(load, tables, o, i, total, delay):
    """What user i adds at option o."""
    if o == 0:
        return tables[0, 0, i]
    table, m = tables[o - 1], o - 1
    q, w, k = table[2, i], table[5, i], load[m, 2]
    quadratic = (2.0 * load[m, 0] + q) * q / total[m]
    return quadratic + delay * (load[m, 1] + (k + 1.0) * w)


@compiled
def _fits(x, o, tables, total, deadline):
    """Whether the users of option o can meet their deadlines together."""
    k, used = 0, 0.0
    for i in range(len(x)):
        k += x[i] == o
    for i in range(len(x)):
        if x[i] == o:
            used += need(tables[o - 1], i, k, deadline)
    return used <= total[o - 1]


@compiled
def _moves(x, load, tables, total, scalars):
    """One pass of best moves; whether any was made."""
    servers, moved = tables.shape[0], False
    deadline, delay = scalars[0], scalars[1]
    for i in range(len(x)):
        old = x[i]
        _put(load, tables, old, i, -1.0)
        here = _extra(load, tables, old, i, total, delay)
        best, least = old, here - 1e-12 * abs(here)
        for o in range(servers + 1):
            if o != old:
                there = _extra(load, tables, o, i, total, delay)
                if there < least:
                    x[i] = o
                    if o == 0 or _fits(x, o, tables, total, deadline):
                        best, least = o, there
        x[i] = best
        _put(load, tables, best, i, 1.0)
        moved = moved or best != old
    return moved


@compiled
def _exchanges(x, load, tables, total, scalars):
    """One pass over pairs who exchange their options; whether any did."""
    moved = False
    deadline, delay = scalars[0], scalars[1]
    for i in range(len(x)):
        for j in range(i):
            a, b = x[i], x[j]
            if a == b:
                continue
            _put(load, tables, b, j, -1.0)
            _put(load, tables, a, i, -1.0)
            before = _extra(load, tables, a, i, total, delay)
            before += _extra(load, tables, b, j, total, delay)
            after = _extra(load, tables, b, i, total, delay)
            after += _extra(load, tables, a, j, total, delay)
            if after < before - 1e-12 * abs(before):
                x[i], x[j] = b, a
                fit = a == 0 or _fits(x, a, tables, total, deadline)
                if not (fit and (b == 0 or _fits(x, b, tables, total, deadline))):
                    x[i], x[j] = a, b
            moved = moved or x[i] != a
            _put(load, tables, x[j], j, 1.0)
            _put(load, tables, x[i], i, 1.0)
    return moved


@compiled
def insert(order, most, tables, total, scalars, x):
    """Users in order go where they add least; at most `most` offload who need not. Fills x."""
    servers = tables.shape[0]
    deadline, delay = scalars[0], scalars[1]
    load = np.zeros((servers, 3))
    x[:] = 0
    gone = 0
    for i in order:
        stuck = tables[0, 0, i] == inf
        if not stuck and gone >= most:
            continue
        best, least = 0, tables[0, 0, i]
        for o in range(1, servers + 1):
            there = _extra(load, tables, o, i, total, delay)
            if there < least:
                x[i] = o
                if _fits(x, o, tables, total, deadline):
                    best, least = o, there
        if stuck and best == 0:
            best = 1  # nothing fits: the choice is infeasible, and says so
        x[i] = best
        _put(load, tables, best, i, 1.0)
        gone += best > 0 and not stuck


@compiled
def nearest(limit, tables, x):
    """The server of the cheapest upload that has fewer than `limit` users; local where all have."""
    servers, users = tables.shape[0], tables.shape[2]
    count = np.zeros(servers, np.int64)
    for i in range(users):
        best = -1
        for m in range(servers):
            if count[m] < limit and (best < 0 or tables[m, 2, i] < tables[best, 2, i]):
                best = m
        x[i] = best + 1
        if best >= 0:
            count[best] += 1
