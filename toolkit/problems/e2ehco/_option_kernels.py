"""Compiled loops: options of users who have not chosen, beside users who have."""

# mypy: ignore-errors

from math import exp, inf, log, sqrt

import numpy as np

from toolkit.compiled import compiled, inlined

SEEN = 14  # features of an option
ROUNDS, SHARP = 8, 20.0  # of the crowd's guess: replies, and how firmly users prefer the cheaper


@compiled
def describe_open(which, chosen, users, cost, weight):
    """Features (rows, u, options, SEEN); users who have chosen count by their load alone."""
    rows, some = users.shape
    options = cost.shape[2]
    out = np.empty((rows, some, options, SEEN), np.float32)
    price, load = np.empty((some, options)), np.empty(options)
    own, crowd = np.zeros((some, options)), np.empty((some, options))
    for r in range(rows):
        k = which[r]
        load[:] = 0.0
        for i in range(chosen.shape[1]):
            if chosen[r, i] > 0:
                load[chosen[r, i]] += weight[k, i, chosen[r, i] - 1]
        mean = 0.0
        for j in range(some):
            mean += cost[k, users[r, j], 0] / some
        for j in range(some):
            i = users[r, j]
            price[j, 0] = cost[k, i, 0] / mean
            for m in range(1, options):
                own[j, m] = weight[k, i, m - 1] / sqrt(mean)
                price[j, m] = cost[k, i, m] / mean + 2.0 * own[j, m] * load[m] / sqrt(mean)
        expected = _crowd(price, own, crowd)
        _describe(price, own, crowd, expected, out[r])
    return out


@compiled
def _crowd(price, own, crowd):
    """Fills `crowd` with the chances that users take options; returns the expected loads.

    Users reply to the mean of the loads so far, as in fictitious play.
    """
    some, options = price.shape
    expected = np.zeros(options)
    for t in range(ROUNDS):
        fresh = np.zeros(options)
        for j in range(some):
            least, total = inf, 0.0
            for m in range(options):
                w = own[j, m]
                others = expected[m] - (w * crowd[j, m] if t > 0 else 0.0)
                crowd[j, m] = price[j, m] + w * (w + 2.0 * max(others, 0.0))
                least = min(least, crowd[j, m])
            for m in range(options):
                crowd[j, m] = exp(SHARP * (least - crowd[j, m]))
                total += crowd[j, m]
            for m in range(options):
                crowd[j, m] /= total
                fresh[m] += own[j, m] * crowd[j, m]
        for m in range(options):
            expected[m] += (fresh[m] - expected[m]) / (1.0 + 0.5 * t)
    return expected


@compiled
def _describe(price, own, crowd, expected, out):
    """The rows of one partial choice; costs are in units of the mean local cost."""
    some, options = price.shape
    spread = log(some / max(options - 1, 1))
    for j in range(some):
        local, least, least_beside = price[j, 0], inf, inf
        for m in range(options):
            alone, beside = _prices(j, m, price, own, crowd, expected)
            least, least_beside = min(least, alone), min(least_beside, beside)
        for m in range(options):
            alone, beside = _prices(j, m, price, own, crowd, expected)
            row = out[j, m]
            row[0] = 1.0 if m == 0 else 0.0
            row[1] = local
            row[2] = log(local)
            row[3] = _squashed(price[j, m])
            row[4] = _squashed(alone - local)
            row[5] = _squashed(alone - least)
            row[6] = _squashed(8.0 * (alone - least))
            row[7] = _squashed(beside - local)
            row[8] = _squashed(beside - least_beside)
            row[9] = _squashed(8.0 * (beside - least_beside))
            row[10] = own[j, m]
            row[11] = crowd[j, m]
            row[12] = spread
            row[13] = 1.0 / some


@inlined
def _prices(j, m, price, own, crowd, expected):
    """What an option costs with those who have chosen, and with what the others are expected to."""
    w = own[j, m]
    others = max(expected[m] - w * crowd[j, m], 0.0)
    return price[j, m] + w * w, price[j, m] + w * (w + 2.0 * others)


@inlined
def _squashed(value):
    """3 x / (1/2 + |x|), within [-3, 3]: differences near zero are seen, large ones are not."""
    return 3.0 * value / (0.5 + abs(value))
