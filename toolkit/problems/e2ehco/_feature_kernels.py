"""Compiled loops over users and options: what a policy sees around a good choice of servers."""

from math import inf, log

import numpy as np

from toolkit.compiled import compiled, inlined

from ._ranking_kernels import greedy, polish

OPTION = 11  # features of an option


@compiled
def describe(cost, weight):
    """Features of every option, (instances, users, options, OPTION)."""
    instances, users, options = cost.shape
    out = np.empty((instances, users, options, OPTION), np.float32)
    choice = np.zeros(users, np.int64)
    for k in range(instances):
        heavy = np.argsort(-np.sum(weight[k], axis=1), kind="mergesort")
        greedy(heavy, cost[k], weight[k], choice)
        polish(choice, cost[k], weight[k], False)
        _describe(choice, cost[k], weight[k], out[k])
    return out


@compiled
def _describe(choice, cost, weight, out):
    """The rows of one instance: best responses to greedy choices are the good choice."""
    users, options = cost.shape
    load, mean, at_home = np.zeros(options), 0.0, 0
    for i in range(users):
        mean += cost[i, 0] / users
        if choice[i] == 0:
            at_home += 1
        else:
            load[choice[i]] += weight[i, choice[i] - 1]
    crowd, home = log(users / max(options - 1, 1)), at_home / users
    for i in range(users):
        local, least, least_alone = cost[i, 0], inf, inf
        for m in range(options):
            alone, beside, _, _ = _prices(i, m, choice, cost, weight, load)
            least, least_alone = min(least, beside), min(least_alone, alone)
        for m in range(options):
            alone, beside, own, others = _prices(i, m, choice, cost, weight, load)
            row = out[i, m]
            row[0] = 1.0 if m == 0 else 0.0
            row[1] = 1.0 if m == choice[i] else 0.0
            row[2] = log(local / mean) if m == 0 else _squashed(cost[i, m] / local - 1.0)
            row[3] = _squashed(alone / local - 1.0)
            row[4] = _squashed(beside / local - 1.0)
            row[5] = _squashed((beside - least) / local)
            row[6] = _squashed((alone - least_alone) / local)
            row[7] = _squashed(own * own / local)
            row[8] = _squashed(own * others / local)
            row[9] = crowd
            row[10] = home


@inlined
def _prices(i, m, choice, cost, weight, load):
    """An option's cost by itself, beside the others; the user's own weight, and the others'."""
    own, others = 0.0, 0.0
    if m > 0:
        own = weight[i, m - 1]
        others = max(load[m] - (own if choice[i] == m else 0.0), 0.0)
    return cost[i, m] + own * own, cost[i, m] + own * (own + 2.0 * others), own, others


@inlined
def _squashed(value):
    """3 x / (1/2 + |x|), within [-3, 3]: differences near zero are seen, large ones are not."""
    return 3.0 * value / (0.5 + abs(value))
