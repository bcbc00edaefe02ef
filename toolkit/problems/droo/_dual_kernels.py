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

from ._kernels import (
    clearing_price,
    exponent,
    first_exponent,
    idle,
    lack,
    mode_sums,
)

SMALL = 24  # break points: up to here an insertion sort is the fastest whatever the order
LEAST = 1e-13  # relative: a price that low bounds as well as none


@compiled
def dual(v, x1, x2, fixed, local, snr, member, values, mask, space):
    """(D(v), its subgradient, the best x); fills `mask` with who offloads there.

    `space` is what `workspace` made. It remembers exponents and the order of the break points: both
    change little from one price to the next.
    """
    ys, worth, time, gain, keys, order, _, _ = space
    for m in range(values.shape[0]):
        u = v / values[m]
        known = lack(ys[m], idle(ys[m])[1]) if ys[m] > 0.0 else inf
        start = ys[m] if 0.5 * u < known < 2.0 * u else first_exponent(u)
        ys[m], e, p = exponent(u, start)
        worth[m], time[m] = values[m] * e, e / p
    for i in range(len(gain)):
        gain[i] = snr[i] * worth[member[i]]
        keys[i] = local[i] / gain[i]
    _sort(keys, order)
    most, x = _peak(v, x1, x2, fixed, local, mask, space)
    used = 1.0
    for i in range(len(gain)):
        if mask[i] > 0.5:
            used += snr[i] * time[member[i]]
    return most, 1.0 - x * sqrt(x) * used, x


@compiled
def workspace(n, classes_):
    """For `dual`: exponents, worth and slot of every class; gains, break points and their order of
    every user; and, for its scan, who changes sides and the local rate that is left."""
    room = (np.empty(n), np.empty(n), np.arange(n), np.empty(n, np.int64), np.empty(n + 1))
    return (np.zeros(classes_), np.empty(classes_), np.empty(classes_), *room)


@compiled
def _sort(keys, order):
    """Makes `order` that of ascending keys: by insertion, unless it has become too different."""
    n = len(order)
    moves = 8 * n if n > SMALL else n * n
    for i in range(1, n):
        user = order[i]
        key, j = keys[user], i
        while j > 0 and keys[order[j - 1]] > key:
            order[j] = order[j - 1]
            j -= 1
        order[j] = user
        moves -= i - j
        if moves < 0:
            order[:] = np.argsort(keys)
            return


@compiled
def _peak(v, x1, x2, fixed, local, mask, space):
    """(D(v), the best x), x from x1 to x2, by a scan of the break points in between."""
    _, _, _, gain, keys, order, users, still = space
    gains, rest, count = 0.0, 0.0, 0
    for i in order:
        if fixed[i] == 1 or (fixed[i] == 0 and keys[i] <= x1):
            mask[i] = 1.0
            gains += gain[i]
            continue
        mask[i] = 0.0
        if fixed[i] == 0 and keys[i] < x2:
            users[count] = i
            count += 1
        else:
            rest += local[i]
    still[count] = rest  # local rate of all that are local after the k-th break point
    for k in range(count - 1, -1, -1):
        still[k] = still[k + 1] + local[users[k]]
    best, best_x, passed, left = -inf, x1, 0, x1
    for k in range(count + 1):
        right = keys[users[k]] if k < count else x2
        x, slope = right, v - gains
        if slope > 0.0:
            x = min(max(still[k] / (3.0 * slope), left), right)
        value = v + sqrt(x) * (still[k] - slope * x)
        if value > best:
            best, best_x, passed = value, x, k
        left = right
        if k < count:
            gains += gain[users[k]]
    for k in range(passed):
        mask[users[k]] = 1.0
    return best, best_x


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
    return max(np.sum(local) / 3.0, clearing_price(0.0, sums, values, 0.0)[0])


@compiled
def best_price(v, x1, x2, fixed, target, local, snr, member, values):
    """Minimises D over the price of time for one node.

    Ends once D <= target, or D is within rounding of its least value; a node that no price can
    close ends when D is near enough to tell. Returns (D, v, x on either side, sets on either side
    (2, n), best bit/s of a mode seen, that mode (n,)).
    """
    n = local.shape[0]
    sets, xs = np.zeros((2, n)), np.array([x1, x2])
    mask, found, sums = np.empty(n), np.zeros(n), np.empty_like(values)
    ends, duals, slopes = np.array([0.0, inf]), np.zeros(2), np.zeros(2)
    owns, space = np.zeros(2), workspace(n, len(values))
    best, best_v, worth, step, floor = inf, v, 0.0, 2.0, v * LEAST
    for iteration in range(200):
        d, slope, x = dual(v, x1, x2, fixed, local, snr, member, values, mask, space)
        if d < best:
            best, best_v = d, v
        own = _known(mask, sets, owns)
        if own == 0.0:
            rest = mode_sums(mask, local, snr, member, sums)
            own, _, rated = clearing_price(rest, sums, values, v)
            if rated > worth:
                worth = rated
                found[:] = mask
        for side in range(2):
            if slope == 0.0 or (slope > 0.0) == (side == 1):
                ends[side], duals[side], slopes[side], xs[side] = v, d, slope, x
                sets[side], owns[side] = mask, own
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


@compiled
def _known(mask, sets, owns):
    """The own price of a mode that is one of two; 0 where it is neither, or that is not known."""
    for side in range(2):
        if owns[side] > 0.0 and np.all(mask == sets[side]):
            return owns[side]
    return 0.0


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
