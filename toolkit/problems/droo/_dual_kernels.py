"""Compiled loops over users: the dual by charging time, and its best price over one node.

Notation as in `_kernels`. At a price v of time an offloader is worth g a, g = c G exp(-y), a local
user l a^(1/3), so that for all charges a of an interval

    D(v) = max over a of v (1 - a) + sum of max(l a^(1/3), g a)

bounds the rate from above; a user that a node has fixed counts with its own term. With x = a^(2/3)
a user offloads from x = l/g on, and between two such points the best x is A / (3 (v - sum g)): no
root but one square root a segment. D is convex with subgradient 1 - a (1 + sum G e / p).
"""

# mypy: ignore-errors

from math import inf, sqrt

import numpy as np

from toolkit.compiled import compiled, inlined

from ._kernels import clearing_price, exponent, first_exponent, mode_sums

SMALL = 24  # break points: up to here an insertion sort is the fastest
LEAST = 1e-13  # relative: a price that low bounds as well as none


@compiled
def _sorted(keys, count, order):
    """Fills order[:count] with the ascending order of keys[:count]."""
    if count > SMALL:
        order[:count] = np.argsort(keys[:count])
        return
    for i in range(count):
        j = i
        while j > 0 and keys[order[j - 1]] > keys[i]:
            order[j] = order[j - 1]
            j -= 1
        order[j] = i


@compiled
def dual(v, x1, x2, fixed, local, snr, rate, member, values, mask):
    """(D(v), its subgradient, the best x); fills `mask` with who offloads there."""
    worth, time = np.empty_like(values), np.empty_like(values)  # g and slot per unit of snr
    for m in range(values.shape[0]):
        u = v / values[m]
        _, e, p = exponent(u, first_exponent(u))
        worth[m], time[m] = values[m] * e, e / p
    gain, slot = snr * worth[member], snr * time[member]
    users, keys = _sides(gain, x1, x2, fixed, local, mask)
    order = np.empty(len(keys), np.int64)
    _sorted(keys, len(keys), order)
    most, x, count = _peak(v, x1, x2, gain, local, mask, users, keys, order)
    used = 1.0
    for k in range(count):
        mask[users[order[k]]] = 1.0
    for i in range(mask.shape[0]):
        used += mask[i] * slot[i]
    return most, 1.0 - x * sqrt(x) * used, x


@compiled
def _sides(gain, x1, x2, fixed, local, mask):
    """Marks who offloads at all x from x1 to x2; returns the users who change and where."""
    keys, users = np.empty(len(gain)), np.empty(len(gain), np.int64)
    count = 0
    for i in range(len(gain)):
        mask[i] = 0.0
        if fixed[i] == 1 or (fixed[i] == 0 and local[i] <= gain[i] * x1):
            mask[i] = 1.0
        elif fixed[i] == 0 and local[i] < gain[i] * x2:
            keys[count], users[count] = local[i] / gain[i], i
            count += 1
    return users[:count], keys[:count]


@compiled
def _peak(v, x1, x2, gain, local, mask, users, keys, order):
    """(D(v), the best x, how many of the ordered users have passed their break point there)."""
    gains, rest = 0.0, 0.0
    for i in range(len(mask)):
        gains += mask[i] * gain[i]
        rest += (1.0 - mask[i]) * local[i]
    count = len(order)
    for k in range(count):
        rest -= local[users[order[k]]]
    still = np.empty(count + 1)  # local rate of all that are local after the k-th break point
    still[count] = max(rest, 0.0)
    for k in range(count - 1, -1, -1):
        still[k] = still[k + 1] + local[users[order[k]]]
    best, best_x, passed, left = -inf, x1, 0, x1
    for k in range(count + 1):
        right = keys[order[k]] if k < count else x2
        x, slope = right, v - gains
        if slope > 0.0:
            x = min(max(still[k] / (3.0 * slope), left), right)
        value = v + sqrt(x) * (still[k] - slope * x)
        if value > best:
            best, best_x, passed = value, x, k
        left = right
        if k < count:
            gains += gain[users[order[k]]]
    return best, best_x, passed


@inlined
def _meeting(ends, values, slopes):
    """(v, value) where the tangents of D at two prices meet: no price is worth less."""
    v = values[1] - values[0] + slopes[0] * ends[0] - slopes[1] * ends[1]
    v = min(max(v / (slopes[0] - slopes[1]), ends[0]), ends[1])
    return v, values[0] + slopes[0] * (v - ends[0])


@compiled
def first_price(local, snr, values, member):
    """A price to start from: the larger of those of all-local and all-offload."""
    n, sums = local.shape[0], np.empty_like(values)
    mode_sums(np.ones(n), local, snr, member, sums)
    return max(np.sum(local) / 3.0, clearing_price(0.0, sums, values)[0])


@compiled
def best_price(v, x1, x2, fixed, target, local, snr, rate, member, values):
    """Minimises D over the price of time for one node.

    Ends once D <= target, or D is within rounding of its least value; a node that no price can
    close ends when D is near enough to tell. Returns (D, v, x on either side, sets on either side
    (2, n), best bit/s of a mode seen, that mode (n,)).
    """
    n = local.shape[0]
    sets, xs = np.zeros((2, n)), np.array([x1, x2])
    mask, found, sums = np.empty(n), np.zeros(n), np.empty_like(values)
    ends, duals, slopes = np.array([0.0, inf]), np.zeros(2), np.zeros(2)
    best, best_v, worth, step, floor = inf, v, 0.0, 2.0, v * LEAST
    for iteration in range(200):
        d, slope, x = dual(v, x1, x2, fixed, local, snr, rate, member, values, mask)
        if d < best:
            best, best_v = d, v
        rest = mode_sums(mask, local, snr, member, sums)
        own, _, rated = clearing_price(rest, sums, values)
        if rated > worth:
            worth = rated
            found[:] = mask
        for side in range(2):
            if slope == 0.0 or (slope > 0.0) == (side == 1):
                ends[side], duals[side], slopes[side], xs[side] = v, d, slope, x
                sets[side] = mask
        if slope == 0.0 or best <= max(target, worth * (1.0 + 1e-15)) or v < floor:
            break
        if ends[0] == 0.0 or ends[1] == inf:
            v = _outward(v, own, ends, step)
            step *= step
            continue
        middle, least = _meeting(ends, duals, slopes)
        if _told(best, least, max(target, worth)) or ends[1] - ends[0] <= 4e-16 * ends[1]:
            break
        v = _inward(iteration, own, middle, ends, slopes)
    for side in range(2):
        if (ends[0] == 0.0 and side == 0) or (ends[1] == inf and side == 1):
            sets[side], xs[side] = sets[1 - side], xs[1 - side]
    return best, best_v, xs, sets, worth, found


@inlined
def _told(best, least, goal):
    """Whether D is known to rounding, or to be above the goal by nearly as much as it is."""
    return best - least <= 1e-14 * best or (least > goal and best - least <= 0.01 * (best - goal))


@inlined
def _outward(v, own, ends, step):
    """The next price while D's minimum is known on one side only."""
    if ends[0] == 0.0:
        return own if 0.25 * v < own < v else v / step
    return own if v < own < 4.0 * v else v * step


@inlined
def _inward(iteration, own, middle, ends, slopes):
    """The next price within the bracket: in turn the mode's own, the tangents', the secant's.

    Where the mode's own price supports it the dual has no gap; where D has a kink its tangents
    meet there; where it is smooth the secant of its slope is the fastest.
    """
    v = middle
    if iteration % 3 == 0:
        v = own
    elif iteration % 3 == 2:
        v = ends[0] + (ends[1] - ends[0]) * slopes[0] / (slopes[0] - slopes[1])
    return v if ends[0] < v < ends[1] else 0.5 * (ends[0] + ends[1])


@compiled
def exponent_of(u):
    """The root of `exponent`, from its own start."""
    return exponent(u, first_exponent(u))[0]
