"""Compiled loops over users: the dual by cardinality, its best prices, and what fits at all.

Notation and rows of `table` as in `_kernels`. A2 to A4 are derived in docs/cpdrl.md: a bandwidth
price s^2, a price theta on the number k of offloaders, a multiplier mu of a user's deadline.
"""

# mypy: ignore-errors

from math import exp, inf, log, sqrt

import numpy as np

from toolkit.compiled import compiled, inlined

from ._kernels import best_exponent, lambert, share


@inlined
def minorant(s, k, table, i, deadline, delay, energy, p_max):
    """A2 at its best multiplier: (lower bound of user i's cost when it offloads, s b, mu)."""
    work = table[5, i] * k
    room = deadline - work
    if room <= 0.0:
        return inf, 0.0, 0.0
    if s * table[4, i] <= room:
        return 2.0 * s * table[2, i] + delay * work, table[2, i], 0.0
    h, y_max = table[7, i], table[8, i]
    y = 2.0 * lambert(0.5 * s * sqrt(table[6, i] * h / energy) / room)
    if y < y_max:
        b = table[6, i] / (y * room)
        mu = energy * (exp(y) * (y - 1.0) + 1.0) / h - delay
    else:
        b = table[6, i] / (y_max * room)
        mu = s * s * b / room - delay - energy * p_max
    mu = max(mu, 0.0)
    return 2.0 * s * s * b + delay * work - mu * room, s * b, mu


@inlined
def root_cost(mu, table, i, delay, energy, p_max):
    """sqrt(c_i(mu)): the cost of 1/b when a second of delay costs lambda1 + mu."""
    if mu == 0.0:
        return table[2, i]
    h, y_max = table[7, i], table[8, i]
    y = min(best_exponent((delay + mu) * h / energy), y_max)
    p = (exp(y) - 1.0) / h if y < y_max else p_max
    return sqrt((delay + mu + energy * p) * table[6, i] / y)


@compiled
def _choose(gain, free, need, chosen):
    """Marks the `need` free users of largest gain; returns the gains on either side of the cut."""
    n = gain.shape[0]
    count = 0
    pool = np.empty(n)
    for i in range(n):
        chosen[i] = 0
        if free[i]:
            pool[count] = gain[i]
            count += 1
    if need == 0:
        return inf, np.max(pool[:count]) if count else -inf
    cut = count - need
    part = np.partition(pool[:count], cut)
    last = part[cut]
    following = np.max(part[:cut]) if cut else -inf
    left = need
    for i in range(n):
        if free[i] and gain[i] > last:
            chosen[i] = 1
            left -= 1
    for i in range(n):
        if left and free[i] and gain[i] == last:
            chosen[i] = 1
            left -= 1
    return last, following


@compiled
def best_price(k, s, table, fixed, deadline, total, delay, energy, p_max):
    """Maximises the dual at one k: (s, theta, its slope in k, sets).

    `fixed` holds 1 for users that must offload, -1 for those that must not. The rows of `sets`
    are the offload sets on either side of s: they differ where the dual has a gap. s is inf
    where k offloaders cannot be chosen.
    """
    n = table.shape[1]
    sets = np.zeros((2, n))
    chosen, free = np.zeros(n, np.uint8), np.zeros(n, np.bool_)
    gain = np.empty(n)
    forced, count = 0, 0
    for i in range(n):
        stuck = table[0, i] == inf or fixed[i] == 1
        if stuck:
            forced += 1
        elif fixed[i] == 0 and deadline > table[5, i] * k:
            free[i] = True
            count += 1
    need = k - forced
    if need < 0 or need > count:
        return inf, 0.0, 0.0, sets
    tolerance = min(1e-13 * n, 1e-9)
    low, high = 0.0, inf
    last, following = 0.0, 0.0
    slope_k = 0.0
    for iteration in range(120):
        for i in range(n):
            gain[i] = 0.0
            if free[i]:
                gain[i] = table[0, i] - minorant(s, k, table, i, deadline, delay, energy, p_max)[0]
        last, following = _choose(gain, free, need, chosen)
        used, slope, slope_k = 0.0, 0.0, 0.0
        for i in range(n):
            if not free[i] and (table[0, i] == inf or fixed[i] == 1):
                chosen[i] = 1
            if chosen[i]:
                room = deadline - table[5, i] * k
                b, d, _ = share(
                    s, room, table[2, i], table[4, i], table[6, i], table[7, i], table[8, i], energy
                )
                used += b
                slope += b * d
                mu = minorant(s, k, table, i, deadline, delay, energy, p_max)[2]
                slope_k += (delay + mu) * table[5, i]
        if used >= total:
            low = s
            sets[0] = chosen
        if used <= total:
            high = s
            sets[1] = chosen
        if abs(used - total) <= 1e-14 * total or high - low <= tolerance * s:
            break
        following_s = s * exp(-log(used / total) * used / slope) if slope < 0.0 else inf
        if iteration > 8 or not (low < following_s < high):
            following_s = 2.0 * s if high == inf else 0.5 * (low + high)
        s = following_s
    if low == 0.0:
        sets[0] = sets[1]
    if high == inf:
        sets[1] = sets[0]
    theta = 0.0
    if last < inf and following > -inf:
        # midway, but not as far as a huge gain would take it: the sums would lose their digits
        cost = abs(following) + 2.0 * total * s * s / max(k, 1)
        theta = -(following + 0.5 * min(last - following, cost))
    elif last < inf:
        theta = -last
    elif following > -inf:
        theta = -following
    return s, theta, theta + slope_k, sets


@compiled
def common(k1, s1, theta1, mu1, k2, s2, theta2, mu2, cap, table, i, deadline, delay, energy, p_max):
    """A user's terms at both ends of an interval at one multiplier: the best of four guesses.

    Any is valid. None at all does for a user whom even a slack deadline does not tempt; the mean
    of what is best at either end is nearly best at both, unless an end leaves it no time.
    """
    work = table[5, i]
    room1, room2 = deadline - work * k1, deadline - work * k2
    best_a, best_b = -inf, -inf
    for guess in range(4):
        if guess == 0:
            mu = 0.0
        elif guess == 1:
            mu = 0.5 * (mu1 + mu2) if room2 > 0.0 else mu1
        else:
            mu = mu1 if guess == 2 else mu2
        root = root_cost(mu, table, i, delay, energy, p_max)
        a = min(2.0 * s1 * root + delay * work * k1 - mu * room1 - theta1, cap)
        b = min(2.0 * s2 * root + delay * work * k2 - mu * room2 - theta2, cap)
        if a + b > best_a + best_b:
            best_a, best_b = a, b
        if a >= cap and b >= cap:
            break
    return best_a, best_b


@compiled
def ends(k1, s1, theta1, k2, s2, theta2, table, fixed, deadline, total, delay, energy, p_max):
    """A3 at both ends of an interval of k, each user's multiplier the best of a few guesses.

    Less an allowance for rounding: sums of n terms err by about sqrt(n) units in the last place.
    """
    n = table.shape[1]
    f1, f2 = theta1 * k1 - total * s1 * s1, theta2 * k2 - total * s2 * s2
    size1, size2 = abs(theta1) * k1 + total * s1 * s1, abs(theta2) * k2 + total * s2 * s2
    for i in range(n):
        local = table[0, i]
        if fixed[i] == -1:
            f1 += local
            f2 += local
            size1 += local
            size2 += local
            continue
        cap = local if fixed[i] == 0 else inf
        a, _, mu1 = minorant(s1, k1, table, i, deadline, delay, energy, p_max)
        b, _, mu2 = minorant(s2, k2, table, i, deadline, delay, energy, p_max)
        if k1 == k2 or (mu1 == 0.0 and mu2 == 0.0 and a < inf and b < inf):
            a, b = min(a - theta1, cap), min(b - theta2, cap)
        else:
            a, b = common(
                k1,
                s1,
                theta1,
                mu1,
                k2,
                s2,
                theta2,
                mu2,
                cap,
                table,
                i,
                deadline,
                delay,
                energy,
                p_max,
            )
        f1 += a
        f2 += b
        size1 += abs(a)
        size2 += abs(b)
    ulp = 2.2e-16 * sqrt(n)
    return f1 - ulp * size1 if f1 < inf else inf, f2 - ulp * size2 if f2 < inf else inf


@compiled
def needs_fit(k, table, fixed, deadline, total):
    """Whether some k users, all forced ones among them, can meet the deadline together."""
    n = table.shape[1]
    pool = np.empty(n)
    count, forced, used = 0, 0, 0.0
    for i in range(n):
        room = deadline - table[5, i] * k
        stuck = table[0, i] == inf or fixed[i] == 1
        if stuck:
            forced += 1
            if room <= 0.0:
                return False
            used += table[6, i] / (table[8, i] * room)
        elif fixed[i] == 0 and room > 0.0:
            pool[count] = table[6, i] / (table[8, i] * room)
            count += 1
    need = k - forced
    if need < 0 or need > count:
        return False
    if need:
        used += np.sum(np.partition(pool[:count], need - 1)[:need])
    return used <= total
