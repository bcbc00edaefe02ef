"""Compiled loops over users: the best prices at one number k of offloaders, and the best k.

Notation and rows of `table` as in `_kernels`; `scalars` are deadline, total bandwidth, weights of
delay and energy, and the largest power. `fixed` holds 1 for users that must offload, -1 for those
that must not; it is empty where nobody is fixed.

At a price s^2 the k users of largest gain offload. The dual is concave in s^2 (not in s, where a
deadline binds), its slope there X / s - B, X the sum of their s b: so it is nowhere above the point
where the tangents of two prices meet, and loses about (X / B s - 1)^2 of B s^2.
"""

# mypy: ignore-errors

from math import exp, inf, log, sqrt

import numpy as np

from toolkit.compiled import compiled, inlined

from ._dual_kernels import ends, minorant

HUGE = 1.7e308
FEW = 512  # users: among so few all are ranked, among more a sample says where the cut is
CLOSE = 4096  # users: of so many X is B s to 1e-11, of more to 1e-7, which costs 1e-14
LEVEL = 1e-14  # of B s^2: what is left of the dual where two sets tie
ROUNDS = 80


@inlined
def _bound_to(table, fixed, i):
    """1: user i must offload, -1: it must not, 0: it may choose."""
    if table[0, i] == inf:
        return 1
    return fixed[i] if fixed.shape[0] > 0 else 0


@compiled
def _gain(s, k, table, fixed, i, scalars):
    """Local less remote cost: inf of who must offload, -inf of who cannot."""
    deadline, _, delay, energy, p_max = scalars
    bound = _bound_to(table, fixed, i)
    if bound != 0:
        return inf if bound == 1 else -inf
    return table[0, i] - minorant(s, k, table, i, deadline, delay, energy, p_max)[0]


@compiled
def _band(s, k, table, fixed, scalars):
    """(middle, half width) of where a sample says that the k-th largest gain is."""
    n = table.shape[1]
    if n <= FEW:
        return 0.0, HUGE
    gain = np.sort(
        np.array([_gain(s, k, table, fixed, i, scalars) for i in range(0, n, n // (FEW // 2))])
    )
    m = gain.shape[0]
    at = m - m * k // n
    low, high = gain[max(at - m // 16, 0)], gain[min(at + m // 16, m - 1)]
    if low == -inf or high == inf:
        return 0.0, HUGE
    return 0.5 * (low + high), 0.5 * (high - low)


@compiled
def _tally(s, k, low, high, table, fixed, scalars, band):
    """Sums over who must offload and whose gain is above `high`: (number, s b, cost less what is
    saved, waits); and how many gains lie from `low` to `high`, their users in `band`.

    Who is above is nearly random: sums without branches are several times as fast.
    """
    deadline, _, delay, energy, p_max = scalars
    some = fixed.shape[0] > 0
    count, m, used, value, waits = 0, 0, 0.0, 0.0, 0.0
    for i in range(table.shape[1]):
        remote, root, mu = minorant(s, k, table, i, deadline, delay, energy, p_max)
        wait = (delay + mu) * table[5, i]
        if table[0, i] == inf or (some and fixed[i] != 0):
            if _bound_to(table, fixed, i) == 1:
                count, used, value, waits = count + 1, used + root, value + remote, waits + wait
            continue
        gain = table[0, i] - remote
        over = gain > high
        count += over
        used += root if over else 0.0
        value -= gain if over else 0.0
        waits += wait if over else 0.0
        band[m] = i
        m += (gain >= low) & (gain <= high)
    return count, used, value, waits, m


@compiled
def _take(s, k, middle, width, table, fixed, scalars, band):
    """The k users of largest gain: the least of their gains, the next one (inf, -inf: none), the
    sums of their s b, of cost less what is saved (inf: there are not so many), and of waits.

    Only gains within `width` of `middle` are ranked; where that was not enough, more.
    """
    for tries in range(5):  # the last among all
        width = HUGE if tries == 4 else width * 16.0**tries
        low, high = max(middle - width, -HUGE), min(middle + width, HUGE)
        count, used, value, waits, m = _tally(s, k, low, high, table, fixed, scalars, band)
        left = k - count
        if 0 < left < m or width == HUGE:
            break
    gain = np.array([_gain(s, k, table, fixed, i, scalars) for i in band[:m]])
    if left < 0 or left > m or value == inf:
        return inf, -inf, 0.0, inf, 0.0
    if left == 0:
        return inf, np.max(gain) if m else -inf, used, value, waits
    part = np.partition(gain, m - left)
    last = part[m - left]
    following = np.max(part[: m - left]) if left < m else -inf
    deadline, _, delay, energy, p_max = scalars
    for tied in (False, True):
        for j, i in enumerate(band[:m]):
            if gain[j] == last and left > 0 if tied else gain[j] > last:
                _, root, mu = minorant(s, k, table, i, deadline, delay, energy, p_max)
                used, value = used + root, value - gain[j]
                waits, left = waits + (delay + mu) * table[5, i], left - 1
    return last, following, used, value, waits


@compiled
def best_price(k, s, near, table, fixed, scalars):
    """Maximises the dual at one k from a start s: (s, theta, its slope in k, s low, s high).

    `near` is how far, relatively, X may be from B s; less than `closest` serves nothing. The sets
    at the last two are those on either side of s, which differ where the dual has a gap. s is inf
    where k offloaders cannot be chosen.
    """
    total, n = scalars[1], table.shape[1]
    band = np.empty(n + 1, np.int32)
    low, used_low, value_low = 0.0, 0.0, 0.0
    high, used_high, value_high = inf, 0.0, 0.0
    before, ratio_before, most = 0.0, 0.0, inf  # most: what no s brings more than
    middle, width = _band(s, k, table, fixed, scalars)
    last, following, waits = 0.0, 0.0, 0.0
    for iteration in range(ROUNDS):
        last, following, used, value, waits = _take(
            s, k, middle, width, table, fixed, scalars, band
        )
        if value == inf:
            return inf, 0.0, 0.0, inf, inf
        miss, scale = used - total * s, total * s
        if abs(miss) <= near * scale:
            low, high = s, s
            break
        if value - s * scale >= most - LEVEL * s * scale:
            break  # the sets of low and high are both best here
        if miss > 0.0:
            low, used_low, value_low = s, used, value
        else:
            high, used_high, value_high = s, used, value
        if high - low <= 1e-15 * s:
            break
        ratio = log(used / scale)
        next_s, most = 0.0, inf
        if low > 0.0 and high < inf and iteration % 2 == 1:
            next_s, most = _meeting(low, used_low, value_low, high, used_high, value_high, total)
        if not (low < next_s < high) and iteration:  # secant of log(X / B s) in log s
            next_s, most = s * exp(-ratio * log(s / before) / (ratio - ratio_before)), inf
        if not (low < next_s < high):
            next_s = s * exp(ratio)
        if not (low < next_s < high) or iteration > ROUNDS // 2:
            next_s, most = 2.0 * low if high == inf else 0.5 * (low + high), inf
        if last < inf and n > FEW:
            middle = last
            width = 4.0 * abs(next_s - s) * scale / max(k, 1) + 1e-3 * abs(last)
        before, ratio_before, s = s, ratio, next_s
    low = high if low == 0.0 else low
    high = low if high == inf else high
    theta = _between(last, following, 2.0 * total * s * s / max(k, 1))
    return s, theta, theta + waits, low, high


@inlined
def closest(n):
    """`near` as is worth its while."""
    return 1e-11 if n <= CLOSE else 1e-7


@compiled
def _meeting(low, used_low, value_low, high, used_high, value_high, total):
    """The s whose square is where the dual's tangents of both sides meet, and the dual there."""
    left, right = used_low / low, used_high / high  # shares: what the slopes are, and B less
    nu = (value_high - value_low + used_low * low - used_high * high) / (left - right)
    return sqrt(max(nu, 0.0)), value_low + left * (nu - low * low) - total * nu


@compiled
def _between(last, following, cost):
    """theta midway between the last user taken and the next, but not as far as a huge gain would
    take it: the sums would lose their digits."""
    if last < inf and following > -inf:
        return -(following + 0.5 * min(last - following, abs(following) + cost))
    if last < inf:
        return -last
    return -following if following > -inf else 0.0


@compiled
def members(s, k, table, fixed, scalars):
    """The k users who offload at a price s^2, (n,) of 0 and 1."""
    n = table.shape[1]
    middle, width = _band(s, k, table, fixed, scalars)
    last = _take(s, k, middle, width, table, fixed, scalars, np.empty(n + 1, np.int32))[0]
    deadline, _, delay, energy, p_max = scalars
    some, left, chosen = fixed.shape[0] > 0, k, np.empty(n, np.int8)
    for i in range(n):
        remote, _, _ = minorant(s, k, table, i, deadline, delay, energy, p_max)
        chosen[i] = table[0, i] - remote > last
        if table[0, i] == inf or (some and fixed[i] != 0):
            chosen[i] = _bound_to(table, fixed, i) == 1
        left -= chosen[i]
    for i in range(n):
        if left == 0:
            break
        if chosen[i] == 0 and _gain(s, k, table, fixed, i, scalars) == last:
            chosen[i] = 1
            left -= 1
    return chosen


@compiled
def minimiser(low, high, k, step, s, table, scalars):
    """(The k from low to high whose dual is least, to within 1e-13 of its value; its s).

    The slope's sign change from a start (k, its s) by secants, at first no longer than `step`.
    """
    fixed, near = np.empty(0, np.int8), closest(table.shape[1])
    before, slope_before, bounded = -1, 0.0, 0
    for iteration in range(100):
        if high - low <= 1:
            break
        k = min(max(k, low + 1), high - 1)
        found, _, slope, _, _ = best_price(k, s, near, table, fixed, scalars)
        if found == inf:  # of a sample: all users may yet choose as many
            high = k
            continue
        s = found
        bend = (slope - slope_before) / (k - before) if before >= 0 else 0.0
        if bend > 0.0 and slope * slope <= 2e-13 * bend * scalars[1] * s * s:
            return k, s
        before, slope_before = k, slope
        if slope < 0.0:
            low, bounded = k, bounded | 1
        else:
            high, bounded = k, bounded | 2
        if bounded == 3 and iteration % 3 == 2:
            k = (low + high) // 2
        elif bend > 0.0:
            move = -slope / bend
            k += round(min(max(move, -step), step))
        else:
            k += step if slope < 0.0 else -step
        step = high - low if bounded == 3 else 4 * step
    if high > low and _dual(high, s, table, fixed, scalars) < _dual(low, s, table, fixed, scalars):
        low = high
    return low, s


@compiled
def _dual(k, s, table, fixed, scalars):
    """The dual at one k, its best prices found from a start s."""
    if k == 0:
        return np.sum(table[0])
    s, theta, _, _, _ = best_price(k, s, closest(table.shape[1]), table, fixed, scalars)
    deadline, total, delay, energy, p_max = scalars
    return ends(k, s, theta, k, s, theta, table, fixed, deadline, total, delay, energy, p_max)[0]
