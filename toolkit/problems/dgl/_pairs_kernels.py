"""The proof's close look at slots: another way than `dgl_slot._count_kernels`, user by user."""

import numpy as np

from toolkit.compiled import compiled


@compiled
def closely(root, cell, service, worth, level, most, first, second, out):
    """Adds to out (pairs,) what offloading adds to the QoE of slots, at most.

    root and service (slots, users), worth and level (slots,) as in `_pairs`; most (slots, 2): so
    many of a cell offload at the most; first and second (pairs,) are masks of caches.
    """
    side = most.max() + 1
    sums = np.empty((2, side, side))
    for p in range(first.size):
        for s in range(root.shape[0]):
            for g in range(2):
                _least(root[s], cell, service[s], g, most[s, g], first[p], second[p], sums[g])
            out[p] += _best(sums, most[s], worth[s], level[s])


@compiled
def _least(root, cell, service, g, most, first, second, sums):
    """sums[m1, m2]: the least sum of roots of m1 users of a cell at server 1 and m2 at server 2."""
    sums[:] = np.inf
    sums[0, 0] = 0.0
    seen = 0
    for i in range(root.size):
        one, two = (first >> service[i]) & 1, (second >> service[i]) & 1
        if cell[i] != g or not (one or two):
            continue
        seen = min(seen + 1, most)
        for m1 in range(seen, -1, -1):
            for m2 in range(seen - m1, -1, -1):
                if one and m1 > 0:
                    sums[m1, m2] = min(sums[m1, m2], sums[m1 - 1, m2] + root[i])
                if two and m2 > 0:
                    sums[m1, m2] = min(sums[m1, m2], sums[m1, m2 - 1] + root[i])


@compiled
def _best(sums, most, worth, level):
    """The best over all counts of both cells."""
    alone = 0.0  # the second cell's, if servers were free
    for m1 in range(most[1] + 1):
        for m2 in range(most[1] + 1 - m1):
            alone = max(alone, worth * (m1 + m2) - sums[1, m1, m2] ** 2)
    best = 0.0
    for k1 in range(most[0] + 1):
        for k2 in range(most[0] + 1 - k1):
            here = worth * (k1 + k2) - sums[0, k1, k2] ** 2
            if here + alone - level * (k1 * k1 + k2 * k2) <= best:
                continue
            for m1 in range(most[1] + 1):
                n1 = k1 + m1
                for m2 in range(most[1] + 1 - m1):
                    n2 = k2 + m2
                    there = worth * (m1 + m2) - sums[1, m1, m2] ** 2
                    best = max(best, here + there - level * (n1 * n1 + n2 * n2))
    return best
