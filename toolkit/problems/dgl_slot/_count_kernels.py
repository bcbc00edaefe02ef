"""The best slot of two cells and two servers where all users lose the same when they compute.

Then users matter only by their roots a = sqrt(A): QoE = base + gain with

    gain = worth T - (sum of a in cell 0)^2 - (sum of a in cell 1)^2 - level (n_1^2 + n_2^2),

T = n_1 + n_2 offloaders. A user's kind says where its service is cached: 1 at server 1 only, 2 at
server 2 only, 3 at both. Six counters (two cells, three kinds) describe a choice; of a kind the
smallest roots offload, and an infinite one never does. Three observations leave fewer to enumerate:

* Where some of kind 3 are at server 1 and others at server 2, servers are even, and any two users
  of a cell can be exchanged: so the t_0 and t_1 smallest roots offload, whatever their kind.
* Else all of kind 3 are at server 2 (or all at 1): kinds 2 and 3 are one, and four counters stay.
* gain with even servers bounds the choices with t_0 and t_1 offloaders; few pass it.

With t_0 and t_1 fixed, the loss of those four counters is phi(k_0) + phi(k_1) + psi(k_0 + k_1), all
convex: so that both are found by descent, and the result is exact.
"""

# mypy: ignore-errors

import numpy as np

from toolkit.compiled import compiled, inlined


@compiled
def best_slot(root, cell, kind, worth, level, target):
    """The largest gain of one slot; `target` (users,) receives who goes where (0: local).

    root (users,), cell (users,) 0 or 1, kind (users,) 0 to 3.
    """
    order = np.argsort(root)
    sums, kinds = np.zeros((2, 5, root.size + 1)), np.zeros((2, 4, root.size + 1), np.int64)
    size = np.zeros((2, 5), np.int64)
    found = np.zeros(5, np.int64)
    _lists(order, root, cell, kind, sums, kinds, size)
    gain = _search(sums, kinds, size, worth, level, found)
    _assign(order, cell, kind, kinds, found, target)
    return gain


@compiled
def best_slots(root, cell, kind, worth, level, gain, target):
    """`best_slot` of every row: root and kind (rows, users), cell (rows, users), worth and level
    (rows,); fills gain (rows,) and target (rows, users)."""
    n = root.shape[1]
    sums, kinds = np.zeros((2, 5, n + 1)), np.zeros((2, 4, n + 1), np.int64)
    size, found = np.zeros((2, 5), np.int64), np.zeros(5, np.int64)
    for r in range(root.shape[0]):
        order = np.argsort(root[r])
        _lists(order, root[r], cell[r], kind[r], sums, kinds, size)
        gain[r] = _search(sums, kinds, size, worth[r], level[r], found)
        _assign(order, cell[r], kind[r], kinds, found, target[r])


@compiled
def slot_tables(root, cell, service, worth, level, subset, table):
    """Adds to table (subsets, subsets) the largest gain of every slot for every pair of caches.

    root and service (slots, users), cell (users,), worth and level (slots,); subset (subsets,)
    has bit k where service k is cached. Servers are alike: a pair and its mirror image are equal.
    """
    n, some = root.shape[1], subset.size
    sums, kinds = np.zeros((2, 5, n + 1)), np.zeros((2, 4, n + 1), np.int64)
    size, found = np.zeros((2, 5), np.int64), np.zeros(5, np.int64)
    kind = np.empty(n, np.int64)
    for t in range(root.shape[0]):
        order = np.argsort(root[t])
        for a in range(some):
            for b in range(a + 1):
                for i in range(n):
                    k = service[t, i]
                    kind[i] = ((subset[a] >> k) & 1) + 2 * ((subset[b] >> k) & 1)
                _lists(order, root[t], cell, kind, sums, kinds, size)
                gain = _search(sums, kinds, size, worth[t], level[t], found)
                table[a, b] += gain
                if a != b:
                    table[b, a] += gain


@compiled
def gain_of_caches(service, root, worth, cell, order, level, cache):
    """The sum of the largest gains of slots (slots, users) with caches (2, services); order (slots,
    users) sorts the roots, worth and level (slots,)."""
    slots, n = service.shape
    sums, kinds = np.zeros((2, 5, n + 1)), np.zeros((2, 4, n + 1), np.int64)
    size, found = np.zeros((2, 5), np.int64), np.zeros(5, np.int64)
    kind, total = np.empty(n, np.int64), 0.0
    for t in range(slots):
        for i in range(n):
            k = service[t, i]
            kind[i] = (cache[0, k] > 0.5) + 2 * (cache[1, k] > 0.5)
        _lists(order[t], root[t], cell, kind, sums, kinds, size)
        total += _search(sums, kinds, size, worth[t], level[t], found)
    return total


@inlined
def _lists(order, root, cell, kind, sums, kinds, size):
    """Running sums of the smallest roots of each cell: sums[g, 0] of all, sums[g, 1 and 2] of that
    kind alone, sums[g, 3 and 4] of all but kind 1 and all but kind 2; kinds[g, j, t] of the t
    smallest of all are of kind j."""
    size[:] = 0
    for at in range(order.size):
        i = order[at]
        j, g = kind[i], cell[i]
        if j == 0:
            continue
        t = size[g, 0]
        for other in range(1, 4):
            kinds[g, other, t + 1] = kinds[g, other, t]
        kinds[g, j, t + 1] += 1
        for row in range(5):
            if row == 0 or row == j or (row > 2 and row != j + 2):
                k = size[g, row]
                sums[g, row, k + 1] = sums[g, row, k] + root[i]
                size[g, row] = k + 1


@inlined
def _search(sums, kinds, size, worth, level, found):
    """The largest gain; found = (t_0, t_1, alone, k_0, k_1). alone 0: the smallest of all kinds;
    1 or 2: k of that kind alone at its server, t - k of the others at the other one."""
    best, bound = 0.0, 0.0
    found[:] = 0
    for t0 in range(size[0, 0] + 1):
        before = -np.inf
        for t1 in range(size[1, 0] + 1):
            even = _even(t0, t1, sums, worth, level)
            if even < before and even <= best:  # concave in t1
                break
            before = even
            if even > bound:
                bound = even
            if even > best:
                n1 = kinds[0, 1, t0] + kinds[1, 1, t1]
                split = min(max((t0 + t1) // 2, n1), n1 + kinds[0, 3, t0] + kinds[1, 3, t1])
                gain = even - level * _uneven(split, t0 + t1)
                if gain > best:
                    best = gain
                    found[0], found[1], found[2] = t0, t1, 0
    if bound > best:
        best = _refine(sums, kinds, size, worth, level, found, best)
    return best


@inlined
def _even(t0, t1, sums, worth, level):
    """The gain of the smallest roots if servers were even."""
    total = t0 + t1
    half = total // 2
    servers = half * half + (total - half) * (total - half)
    return worth * total - sums[0, 0, t0] ** 2 - sums[1, 0, t1] ** 2 - level * servers


@inlined
def _uneven(n1, total):
    """By how much n_1^2 + n_2^2 exceeds that of even servers."""
    half = total // 2
    other = total - n1
    return n1 * n1 + other * other - half * half - (total - half) * (total - half)


@compiled
def _refine(sums, kinds, size, worth, level, found, best):
    """Choices of four counters, for the totals whose bound exceeds the best."""
    for t0 in range(size[0, 0] + 1):
        before = -np.inf
        for t1 in range(size[1, 0] + 1):
            even = _even(t0, t1, sums, worth, level)
            if even <= best:
                if even < before:
                    break
                before = even
                continue
            before = even
            for alone in range(1, 3):
                over = kinds[0, alone, t0] + kinds[1, alone, t1]
                if 2 * over > t0 + t1 + 1:
                    best = _exchange(sums, kinds, size, worth, level, found, best, t0, t1, alone)
    return best


@compiled
def _exchange(sums, kinds, size, worth, level, found, best, t0, t1, alone):
    """From the smallest roots, fewer of the kind of which there are too many: descent in k_0, and
    for each in k_1, since both are convex."""
    before = -np.inf
    k1 = kinds[1, alone, t1]
    low0, low1 = max(0, t0 - size[0, alone + 2]), max(0, t1 - size[1, alone + 2])
    for k0 in range(kinds[0, alone, t0], low0 - 1, -1):
        k1 = kinds[1, alone, t1]
        gain = _four(sums, worth, level, t0, t1, alone, k0, k1)
        while k1 > low1:
            less = _four(sums, worth, level, t0, t1, alone, k0, k1 - 1)
            if less <= gain:
                break
            gain, k1 = less, k1 - 1
        if gain > best:
            best = gain
            found[0], found[1], found[2], found[3], found[4] = t0, t1, alone, k0, k1
        if gain < before:
            break
        before = gain
    return best


@inlined
def _four(sums, worth, level, t0, t1, alone, k0, k1):
    """The gain of k of a kind alone at its server, and t - k others at the other one."""
    first = sums[0, alone, k0] + sums[0, alone + 2, t0 - k0]
    second = sums[1, alone, k1] + sums[1, alone + 2, t1 - k1]
    here = k0 + k1
    there = t0 + t1 - here
    load = level * (here * here + there * there)
    return worth * (t0 + t1) - first * first - second * second - load


@inlined
def _assign(order, cell, kind, kinds, found, target):
    """Who goes where, from the counters."""
    t0, t1, alone = found[0], found[1], found[2]
    target[:] = 0
    one = kinds[0, 1, t0] + kinds[1, 1, t1]  # at server 1, of kind 1; then of kind 3 up to half
    half = (t0 + t1) // 2
    left = np.empty(4, np.int64)
    left[0], left[1] = t0, t1
    if alone:
        left[0], left[1], left[2], left[3] = found[3], found[4], t0 - found[3], t1 - found[4]
    for at in range(order.size):
        i = order[at]
        j, g = kind[i], cell[i]
        if j == 0:
            continue
        row = g if alone == 0 or j == alone else g + 2
        if left[row] == 0:
            continue
        left[row] -= 1
        if alone:
            target[i] = alone if j == alone else 3 - alone
        elif j == 3:
            target[i] = 1 if one < half else 2
            one += target[i] == 1
        else:
            target[i] = j
