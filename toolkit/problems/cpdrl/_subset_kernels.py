"""Compiled loops over all offload masks of a few users, many instances at a time.

Without its deadlines a set of k offloaders costs (sum of q)^2 / B + lambda1 k (sum of w) and the
others' local costs (notation as in `_kernels`): that bounds its cost from below, and a Gray code
brings the sums from set to set in four additions. Only sets below the best so far are allocated.
"""

# mypy: ignore-errors

from math import inf

import numpy as np

from toolkit.compiled import compiled

from ._set_kernels import cost_of

HAIR = 1e-12  # relative: what the sums may have drifted in as many steps as there are in a block
BLOCK = 16  # users whose sets are gone through before the sums are made anew


@compiled
def cheapest(tables, scalars, fixed, below, masks):
    """Writes the cheapest mask of every instance, (rows, n), and its cost into `below`.

    `tables` (rows, 9, n) and `scalars` (rows, 5) are the instances'; `fixed` (n,) holds 0 or 1
    where a user's bit is given, else -1. Where no set costs less than `below` (rows,), above
    all-local where that is possible, neither changes.
    """
    free = np.flatnonzero(fixed < 0)
    low = free[: min(len(free), BLOCK)]
    mask, best = np.zeros(fixed.shape[0], np.int8), np.zeros(fixed.shape[0], np.int8)
    for row in range(tables.shape[0]):
        table = tables[row]
        bounds = (scalars[row, 0], scalars[row, 1], scalars[row, 2], scalars[row, 3])
        every = (*bounds, scalars[row, 4])
        for start in range(1 << (len(free) - len(low))):
            for i in range(fixed.shape[0]):
                mask[i] = fixed[i] == 1
            for bit in range(len(low), len(free)):
                mask[free[bit]] = (start >> (bit - len(low))) & 1
            cost = _walk(mask, low, table, every, below[row], best)
            if cost < below[row]:
                below[row] = cost
                masks[row] = best


@compiled
def _walk(mask, low, table, scalars, below, best):
    """The least cost of the sets that differ from `mask` in the users `low`, and `best` its mask;
    `below` where none is less."""
    for i in range(mask.shape[0]):
        if table[0, i] == inf and mask[i] == 0 and not np.any(low == i):
            return below
    flips = np.array([i for i in low if table[0, i] < inf])
    k, q, w, saved = 0.0, 0.0, 0.0, 0.0
    for i in range(mask.shape[0]):
        if table[0, i] == inf:
            mask[i] = 1
        if mask[i] == 1:
            k, q, w = k + 1.0, q + table[2, i], w + table[5, i]
            saved += table[0, i] if table[0, i] < inf else 0.0
    total, delay = scalars[1], scalars[2]
    share = 1.0 / total
    for step in range(1, (1 << len(flips)) + 1):
        least = q * q * share + delay * k * w - saved
        if least < below + HAIR * (abs(below) + saved):
            cost = cost_of(mask, table, scalars)
            if cost < below:
                below = cost
                best[:] = mask
        bit, rest = 0, step
        while rest & 1 == 0:
            bit, rest = bit + 1, rest >> 1
        if bit == len(flips):
            break
        i = flips[bit]
        sign = 1.0 - 2.0 * mask[i]
        mask[i] = 1 - mask[i]
        k, q, w = k + sign, q + sign * table[2, i], w + sign * table[5, i]
        saved += sign * table[0, i]
    return below
