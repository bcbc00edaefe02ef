"""The best path of caches of two servers: a dynamic programme over pairs of subsets that fit."""

# mypy: ignore-errors

import numpy as np

from toolkit.compiled import compiled, inlined


@compiled
def best_path(table, less, more, price):
    """(value, path (steps, 2) of subsets): the largest sum of table (steps, subsets, subsets) less
    the price (services,) of what is loaded; caches are empty before the first step.

    less and more (subsets, services) are the numbers of the subset without a service, and with
    it; -1: it is not so. Subset 0 is empty, and what is in a subset that fits fits too: so a change
    drops first and loads then, bit after bit, and never leaves the subsets.
    """
    steps, some = table.shape[0], table.shape[1]
    # ahead[t, a, b]: the best from step t on, when caches were (a, b) a step before
    ahead = np.empty((steps + 1, some, some))
    ahead[steps] = 0.0
    for t in range(steps - 1, -1, -1):
        best = ahead[t]
        best[:] = table[t] + ahead[t + 1]
        _changed(best, more, price)
        _changed(best, less, 0 * price)  # what is dropped costs nothing
    path = np.zeros((steps, 2), np.int64)
    a, b = 0, 0
    for t in range(steps):
        a, b = _next(a, b, table[t], ahead[t + 1], less, more, price)
        path[t, 0], path[t, 1] = a, b
    return ahead[0, 0, 0], path


@compiled
def best_of_one(table, less, more, price):
    """`best_path` of one server: table (steps, subsets), path (steps,)."""
    steps, some = table.shape
    ahead = np.zeros((steps + 1, some))
    for t in range(steps - 1, -1, -1):
        best = ahead[t]
        best[:] = table[t] + ahead[t + 1]
        for k in range(price.size):
            for a in range(some):
                if more[a, k] >= 0:
                    best[a] = max(best[a], best[more[a, k]] - price[k])
        for k in range(price.size):
            for a in range(some):
                if less[a, k] >= 0:
                    best[a] = max(best[a], best[less[a, k]])
    path, a = np.zeros(steps, np.int64), 0
    for t in range(steps):
        a = _next_of_one(a, table[t] + ahead[t + 1], less, price)
        path[t] = a
    return ahead[0, 0], path


@compiled
def _next_of_one(a, value, less, price):
    """The subset to go to from a."""
    to, most = 0, -np.inf
    for b in range(value.size):
        gain = value[b]
        for k in range(price.size):
            if less[b, k] >= 0 and less[a, k] < 0:
                gain -= price[k]
        if gain > most:
            to, most = b, gain
    return to


@inlined
def _changed(best, to, price):
    """The best after changing any services for their prices, on either server; to < 0: cannot."""
    some, services = to.shape
    for k in range(services):
        for a in range(some):
            if to[a, k] < 0:
                continue
            for b in range(some):
                best[a, b] = max(best[a, b], best[to[a, k], b] - price[k])
        for b in range(some):
            if to[b, k] < 0:
                continue
            for a in range(some):
                best[a, b] = max(best[a, b], best[a, to[b, k]] - price[k])


@compiled
def _next_of_one(a, value, less, price):
    """The subset to go to from a."""
    to, most = 0, -np.inf
    for b in range(value.size):
        gain = value[b]
        for k in range(price.size):
            if less[b, k] >= 0 and less[a, k] < 0:
                gain -= price[k]
        if gain > most:
            to, most = b, gain
    return to


@inlined
def _load(best, more, price):
    """The best after loading any services, on either server."""
    some, services = more.shape
    for k in range(services):
        for a in range(some):
            if more[a, k] < 0:
                continue
            for b in range(some):
                best[a, b] = max(best[a, b], best[more[a, k], b] - price[k])
        for b in range(some):
            if more[b, k] < 0:
                continue
            for a in range(some):
                best[a, b] = max(best[a, b], best[a, more[b, k]] - price[k])


@inlined
def _drop(best, less):
    """The best after dropping any services, on either server."""
    some, services = less.shape
    for k in range(services):
        for a in range(some):
            if less[a, k] < 0:
                continue
            for b in range(some):
                best[a, b] = max(best[a, b], best[less[a, k], b])
        for b in range(some):
            if less[b, k] < 0:
                continue
            for a in range(some):
                best[a, b] = max(best[a, b], best[a, less[b, k]])


@compiled
def _next(a, b, table, ahead, less, more, price):
    """The pair to go to from (a, b): the largest of value ahead less the price of loading."""
    best, to_a, to_b = -np.inf, 0, 0
    some, services = more.shape
    pay = np.zeros((2, some))
    for c in range(some):
        for k in range(services):
            if less[c, k] >= 0:  # it has k
                pay[0, c] += price[k] * (less[a, k] < 0)
                pay[1, c] += price[k] * (less[b, k] < 0)
    for c in range(some):
        for d in range(some):
            value = table[c, d] + ahead[c, d] - pay[0, c] - pay[1, d]
            if value > best:
                best, to_a, to_b = value, c, d
    return to_a, to_b
