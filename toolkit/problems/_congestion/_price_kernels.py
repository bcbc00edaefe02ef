"""The loss of many choices, compiled: what `Congestion.loss` says of each."""

# mypy: ignore-errors

import numpy as np

from toolkit.compiled import compiled


@compiled
def price_all(choices, which, cost, resource, weight, out):
    """The loss of every row of options (rows, users), in `out`; `which` names its instance."""
    load = np.empty(weight.shape[2])
    for r in range(len(choices)):
        k, total = which[r], 0.0
        load[:] = 0.0
        for i in range(choices.shape[1]):
            option = choices[r, i]
            total += cost[k, i, option]
            for s in resource[k, i, option]:
                if s >= 0:
                    load[s] += weight[k, i, s]
        for s in range(len(load)):
            total += load[s] * load[s]
        out[r] = total
