"""Compiled loops over users and options: what a policy sees around a good choice of servers."""

# mypy: ignore-errors

from math import log

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
    alone, beside, crowded = np.empty(options), np.empty(options), np.zeros(options)
    for i in range(users):
        mean += cost[i, 0] / users
        if choice[i] == 0:
            at_home += 1
        else:
            load[choice[i]] += weight[i, choice[i] - 1]
    crowd, home = log(users / max(options - 1, 1)), at_home / users
    for i in range(users):
        local = cost[i, 0]
        unit = 1.0 / local
        alone[0] = beside[0] = least = least_alone = local
        for m in range(1, options):
            own = weight[i, m - 1]
            alone[m] = cost[i, m] + own * own
            crowded[m] = own * _others(i, m, choice, weight, load)
            beside[m] = alone[m] + 2.0 * crowded[m]
            least, least_alone = min(least, beside[m]), min(least_alone, alone[m])
        for m in range(options):
            own = weight[i, m - 1] if m > 0 else 0.0
            row = out[i, m]
            row[0] = 1.0 if m == 0 else 0.0
            row[1] = 1.0 if m == choice[i] else 0.0
            row[2] = log(local / mean) if m == 0 else _squashed((cost[i, m] - local) * unit)
            row[3] = _squashed((alone[m] - local) * unit)
            row[4] = _squashed((beside[m] - local) * unit)
            row[5] = _squashed((beside[m] - least) * unit)
            row[6] = _squashed((alone[m] - least_alone) * unit)
            row[7] = _squashed(own * own * unit)
            row[8] = _squashed(crowded[m] * unit)
            row[9] = crowd
            row[10] = home


@inlined
def _others(i, m, choice, weight, load):
    """The weight of the other users on a server."""
    return max(load[m] - (weight[i, m - 1] if choice[i] == m else 0.0), 0.0)


@inlined
def _squashed(value):
    """3 x / (1/2 + |x|), within [-3, 3]: differences near zero are seen, large ones are not."""
    x = np.float32(value)
    return np.float32(3.0) * x / (np.float32(0.5) + abs(x))
