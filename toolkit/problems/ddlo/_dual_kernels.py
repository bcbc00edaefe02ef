"""Compiled loops over a user's offloadable sizes, and over users at a price of the uplink.

A user's **sums** are the distinct totals U of some of its tasks, ascending; those of all users lie
in one array, user i's at first[i] to first[i + 1]. `scalars` holds (C, T_L, T_C, E_L, E_C, p).
"""

# mypy: ignore-errors

from math import inf, sqrt

import numpy as np

from toolkit.compiled import compiled, inlined

MOST_SUMS = 1 << 16  # of one user
ROUNDS = 200  # of the search for a price
STRIDE = 1.02  # from a first price to the next; squared from step to step
FEW = 12  # sums: so many are gone through one by one


@compiled
def subset_sums(size):
    """(first, sums, masks, user): `masks` has the tasks of each sum as bits.

    `user` is -1, or the first user who has more than MOST_SUMS of them; sums are then of no use.
    """
    n, tasks = size.shape
    first = np.zeros(n + 1, np.int64)
    room = 64 * n + 2
    sums, masks = np.empty(room), np.empty(room, np.int64)
    old, new = np.empty(2 * MOST_SUMS), np.empty(2 * MOST_SUMS)
    old_mask, new_mask = np.empty(2 * MOST_SUMS, np.int64), np.empty(2 * MOST_SUMS, np.int64)
    for i in range(n):
        old[0], old_mask[0], count = 0.0, 0, 1
        for j in range(tasks):
            count = _merge(old, old_mask, count, size[i, j], np.int64(1) << j, new, new_mask)
            old, new, old_mask, new_mask = new, old, new_mask, old_mask
            if count > MOST_SUMS:
                return first, sums, masks, i
        start = first[i]
        while start + count > room:
            room *= 2
            sums = np.concatenate((sums, np.empty(room - len(sums))))
            masks = np.concatenate((masks, np.empty(room - len(masks), np.int64)))
        sums[start : start + count] = old[:count]
        masks[start : start + count] = old_mask[:count]
        first[i + 1] = start + count
    return first, sums[: first[n]].copy(), masks[: first[n]].copy(), -1


@compiled
def _merge(old, old_mask, count, size, bit, new, new_mask):
    """Ascending `old` and the same plus `size`, without repetitions, into `new`; how many."""
    a, b, made = 0, 0, 0
    while b < count:
        shifted = old[b] + size
        if a < count and old[a] <= shifted:
            b += old[a] == shifted
            new[made], new_mask[made] = old[a], old_mask[a]
            a += 1
        else:
            new[made], new_mask[made] = shifted, old_mask[b] | bit
            b += 1
        made += 1
    return made


@inlined
def priced(nu, remote, total, scalars):
    """(least cost, rate) of a user that offloads `remote` of `total` bits at price nu a bit/s.

    With t the time, the rate U / (t - T_C U) costs least at t = T_C U + sqrt(nu U / p), or at
    T_L (S - U) where the device takes longer.
    """
    local = total - remote
    energy = scalars[3] * local + scalars[4] * remote
    device, edge = scalars[1] * local, scalars[2] * remote
    if remote == 0.0:
        return energy + scalars[5] * device, 0.0
    transmission = sqrt(nu * remote / scalars[5])
    if device > edge + transmission:
        rate = remote / (device - edge)
        return energy + scalars[5] * device + nu * rate, rate
    if transmission == 0.0:
        return energy + scalars[5] * edge, inf
    return energy + scalars[5] * (edge + 2.0 * transmission), remote / transmission


@compiled
def best_sums(nu, theta, first, sums, low, high, scalars, pick, rates):
    """The dual at two prices, but for the total's: (value, slope in nu, size, total of U).

    Fills picked indices and rates. User i may pick a sum number low[i] <= s <= high[i] of its own;
    theta is the price of a bit in U.
    """
    value, used, offloaded = 0.0, 0.0, 0.0
    for i in range(len(low)):
        total, a, b = sums[first[i + 1] - 1], first[i] + low[i], first[i] + high[i]
        if b - a < FEW:
            best = inf
            for s in range(a, b + 1):
                cost, rate = priced(nu, sums[s], total, scalars)
                cost += theta * sums[s]
                if cost < best:
                    best, pick[i], rates[i] = cost, s, rate
        else:
            best, pick[i], rates[i] = _cheapest(nu, theta, sums, a, b, total, scalars)
        value += best
        used += rates[i]
        offloaded += sums[pick[i]]
    paid = nu * scalars[0]
    return value - paid, used - scalars[0], abs(value) + paid, offloaded


@compiled
def _cheapest(nu, theta, sums, a, b, total, scalars):
    """(cost, its place, rate) of the cheapest of a user's sums, from a to b, without a scan.

    Where the device takes longer the priced cost is convex in U, beyond it is concave: so the
    cheapest is a neighbour of the convex part's minimum, or of where the parts meet, or an end.
    """
    device, both = scalars[1] * total, scalars[1] + scalars[2]  # seconds: T_L S - both U are left
    half = sqrt(nu / scalars[5])
    root = 2.0 * device / (half + sqrt(half * half + 4.0 * device * both))
    meet = _place(sums, a, b, root * root)
    least, gain = a, scalars[3] - scalars[4] + scalars[5] * scalars[1] - theta
    if gain > 0.0:
        left = sqrt(nu * device / gain)  # seconds that the device has left at the minimum
        least = _place(sums, a, meet, (device - left) / both)
    best, at, best_rate = inf, a, 0.0
    for s in (a, least - 1, least, meet - 1, meet, b):
        if s >= a:
            cost, rate = priced(nu, sums[s], total, scalars)
            cost += theta * sums[s]
            if cost < best:
                best, at, best_rate = cost, s, rate
    return best, at, best_rate


@inlined
def _place(sums, a, b, value):
    """The first of the ascending sums from a to b that is not below a value; b where all are."""
    while a < b:
        middle = (a + b) >> 1
        if sums[middle] < value:
            a = middle + 1
        else:
            b = middle
    return a


@compiled
def best_price(start, theta, first, sums, low, high, cutoff, scalars, picks, rates):
    """Maximises the dual in nu: (nu, value, size, total of U); fills picks and rates.

    Rows 0 and 1 of these belong to either side of the price; the total is that of their mixture
    which uses just C. The dual is concave in the price: the tangents at the two ends of a bracket
    meet above its maximum, which says when to stop, and where to look next. Ends early above
    `cutoff`.
    """
    pick, rate = np.zeros(len(low), np.int64), np.zeros(len(low))
    nu, best_nu, best, size = start, 0.0, -inf, 0.0
    nu1, f1, g1, t1 = 0.0, -inf, inf, 0.0
    nu2, f2, g2, t2 = inf, -inf, -inf, 0.0
    stride = STRIDE
    for round_ in range(ROUNDS):
        f, g, size, total = best_sums(nu, theta, first, sums, low, high, scalars, pick, rate)
        if f > best:
            best, best_nu = f, nu
        side = 0 if g > 0.0 else 1
        picks[side], rates[side] = pick, rate
        if side == 0:
            nu1, f1, g1, t1 = nu, f, g, total
        else:
            nu2, f2, g2, t2 = nu, f, g, total
        if best > cutoff or g == 0.0 or (nu == 0.0 and side == 1):
            break
        if nu2 == inf or f1 == -inf:
            nu = nu * stride if nu2 == inf else (nu / stride if stride < 1e60 else 0.0)
            stride = min(stride * stride, 1e60)
            continue
        if g1 == inf:
            nu = 0.5 * nu2
            continue
        # near an end, or for want of progress, halve instead
        following = (f2 - f1 + g1 * nu1 - g2 * nu2) / (g1 - g2)
        above = f1 + g1 * (following - nu1)
        if above <= best + 4e-16 * size or nu2 - nu1 <= 1e-15 * nu2:
            break
        inside = nu1 < following < nu2
        nu = following if inside and round_ % 4 != 3 else 0.5 * (nu1 + nu2)
    if f1 == -inf or g1 == inf:
        picks[0], rates[0] = picks[1], rates[1]
        return best_nu, best, size, t2
    if nu2 == inf:
        picks[1], rates[1] = picks[0], rates[0]
        return best_nu, best, size, t1
    weight = -g2 / (g1 - g2)
    return best_nu, best, size, weight * t1 + (1.0 - weight) * t2


@compiled
def best_prices(start, hint, first, sums, low, high, least, most, cutoff, scalars):
    """Maximises the dual in nu and theta, from a `start` and a `hint`, for totals of U from `least`
    to `most`: (nu, theta, value, total, picks, rates).

    As `best_price`, one level up: the value at the best nu is concave in theta, its slope the
    total of the mixture less the end of the range that theta pushes to. Rows 0 and 1 of picks and
    rates are the two sides of nu where theta is too low, rows 2 and 3 where it is too high.
    """
    picks, rates = np.zeros((4, len(low)), np.int64), np.zeros((4, len(low)))
    nu, theta, best_nu, best_theta, best, best_total = start, hint, start, hint, -inf, 0.0
    theta1, f1, g1, theta2, f2, g2 = -inf, -inf, inf, inf, -inf, -inf
    step = 0.01 * (abs(theta) if theta != 0.0 else scalars[3] + scalars[1] * scalars[5])
    for round_ in range(ROUNDS):
        end = most if theta > 0.0 else least
        own, own_rates = np.zeros((2, len(low)), np.int64), np.zeros((2, len(low)))
        nu, f, size, total = best_price(
            nu, theta, first, sums, low, high, cutoff + theta * end, scalars, own, own_rates
        )
        if theta == 0.0:
            end = min(max(total, least), most)
        f, g = f - theta * end, total - end
        if f > best:
            best, best_nu, best_theta, best_total = f, nu, theta, total
        if g >= 0.0:
            theta1, f1, g1, picks[:2], rates[:2] = theta, f, g, own, own_rates
        if g <= 0.0:
            theta2, f2, g2, picks[2:], rates[2:] = theta, f, g, own, own_rates
        if best > cutoff or g == 0.0:
            break
        if theta2 == inf or theta1 == -inf:
            following = theta + (step if g > 0.0 else -step)
            theta = 0.0 if theta * following < 0.0 else following  # no step across the kink
            step *= 4.0
            continue
        following = (f2 - f1 + g1 * theta1 - g2 * theta2) / (g1 - g2)
        above = f1 + g1 * (following - theta1)
        if above <= best + 1e-14 * size or theta2 - theta1 <= 1e-13 * (abs(theta1) + abs(theta2)):
            break
        inside = theta1 < following < theta2
        theta = following if inside and round_ % 4 != 3 else 0.5 * (theta1 + theta2)
    if theta1 == -inf:
        picks[:2], rates[:2] = picks[2:], rates[2:]
    if theta2 == inf:
        picks[2:], rates[2:] = picks[:2], rates[:2]
    return best_nu, best_theta, best, best_total, picks, rates


@compiled
def cheapest_sums(first, sums, share, scalars):
    """Every user's best sum at its given share of the uplink: (least total cost, picks)."""
    n = len(share)
    pick, value = np.zeros(n, np.int64), 0.0
    for i in range(n):
        total, best, rate = sums[first[i + 1] - 1], inf, share[i] * scalars[0]
        for s in range(first[i], first[i + 1]):
            remote, local = sums[s], total - sums[s]
            delay = max(scalars[1] * local, remote / rate + scalars[2] * remote)
            cost = scalars[3] * local + scalars[4] * remote + scalars[5] * delay
            if cost < best:
                best, pick[i] = cost, s
        value += best
    return value, pick


@compiled
def choices_of(picks, masks, tasks):
    """The tasks of picked sums as zeros and ones, (rows, n, tasks)."""
    out = np.zeros((*picks.shape, tasks))
    for r in range(picks.shape[0]):
        for i in range(picks.shape[1]):
            for j in range(tasks):
                out[r, i, j] = (masks[picks[r, i]] >> j) & 1
    return out
