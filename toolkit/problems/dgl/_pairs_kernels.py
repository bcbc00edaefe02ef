"""The proof's close look at slots: another way than `dgl_slot._count_kernels`, user by user."""

# mypy: ignore-errors

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
    order = np.empty(root.shape, np.int64)
    for s in range(root.shape[0]):
        order[s] = np.argsort(root[s])
    for p in range(first.size):
        for s in range(root.shape[0]):
            for g in range(2):
                _least(
                    order[s], root[s], cell, service[s], g, most[s, g], first[p], second[p], sums[g]
                )
            out[p] += _best(sums, most[s], worth[s], level[s])


@compiled
def _least(order, root, cell, service, g, most, first, second, sums):
    """sums[m1, m2]: the least sum of roots of m1 users of a cell at server 1 and m2 at server 2.
    Users of one server come first, which are soon done; of a kind the `most` smallest matter."""
    sums[:] = np.inf
    sums[0, 0] = 0.0
    high1, high2 = 0, 0
    for kind in range(1, 4):
        left, one, two = most, kind & 1, kind >> 1
        for i in order:
            has = (first >> service[i] & 1) + 2 * (second >> service[i] & 1)
            if cell[i] != g or has != kind or left == 0:
                continue
            left -= 1
            high1, high2 = min(high1 + one, most), min(high2 + two, most)
            for m1 in range(high1, -1, -1):
                for m2 in range(min(high2, most - m1), -1, -1):
                    if one and m1 > 0:
                        sums[m1, m2] = min(sums[m1, m2], sums[m1 - 1, m2] + root[i])
                    if two and m2 > 0:
                        sums[m1, m2] = min(sums[m1, m2], sums[m1, m2 - 1] + root[i])


@compiled
def _best(sums, most, worth, level):
    """The best over all counts of both cells: (k + m)^2 = k^2 + m^2 + 2 k m, and the last is at
    least twice the lesser of k1 and k2 times m1 + m2; so few k are left, the likeliest first."""
    alone, gain = np.full(most[1] + 1, -np.inf), np.full((most[0] + 1, most[0] + 1), -np.inf)
    for m1 in range(most[1] + 1):
        for m2 in range(most[1] + 1 - m1):
            there = worth * (m1 + m2) - sums[1, m1, m2] ** 2 - level * (m1 * m1 + m2 * m2)
            alone[m1 + m2] = max(alone[m1 + m2], there)
    for k1 in range(most[0] + 1):
        for k2 in range(most[0] + 1 - k1):
            here = worth * (k1 + k2) - sums[0, k1, k2] ** 2 - level * (k1 * k1 + k2 * k2)
            for m in range(alone.size):
                more = alone[m] - 2.0 * level * min(k1, k2) * m
                gain[k1, k2] = max(gain[k1, k2], here + more)
    best, side = 0.0, most[0] + 1
    while True:
        k = np.argmax(gain)
        k1, k2 = k // side, k % side
        if gain[k1, k2] <= best:
            return best
        gain[k1, k2] = -np.inf
        here = worth * (k1 + k2) - sums[0, k1, k2] ** 2
        even = here - level * (k1 * k1 + k2 * k2)
        for m in range(alone.size):
            if even + alone[m] - 2.0 * level * min(k1, k2) * m <= best:
                continue
            for m1 in range(m + 1):
                n1, n2 = k1 + m1, k2 + m - m1
                there = worth * m - sums[1, m1, m - m1] ** 2
                best = max(best, here + there - level * (n1 * n1 + n2 * n2))
