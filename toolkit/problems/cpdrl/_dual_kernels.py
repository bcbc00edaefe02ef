"""Compiled loops over users: the dual by cardinality at given prices, and what fits at all.

Notation and rows of `table` as in `_kernels`. A2 to A4 are derived in docs/cpdrl.md: a bandwidth
price s^2, a price theta on the number k of offloaders, a multiplier mu of a user's deadline.
"""

# mypy: ignore-errors

from math import exp, inf, sqrt

import numpy as np

from toolkit.compiled import compiled, inlined

from ._kernels import EDGE, best_exponent, is_late, lambert

ENOUGH = 1e-9  # relative: a multiplier that is so nearly best is not bettered


@inlined
def minorant(s, k, table, i, deadline, delay, energy, p_max):
    """A2 at its best multiplier: (lower bound of user i's cost when it offloads, s b, mu).

    The last line is A2 at any mu with root = sqrt(c(mu)), the mu of who is late being the price of
    lateness; without one it is unlimited.
    """
    work = table[5, i] * k
    room = deadline - work
    if s * table[4, i] < room:
        root, mu = table[2, i], 0.0
    elif is_late(s, room, table, i):
        root, mu = table[9, i], table[12, i]
    elif room > 0.0:
        root, mu = tight(s, room, table, i, delay, energy, p_max)
    else:
        return inf, 0.0, 0.0
    return 2.0 * s * root + delay * work - mu * room, root, mu


@inlined
def tight(s, room, table, i, delay, energy, p_max):
    """(s b, mu) where the deadline binds: the upload takes exactly the `room` that is left."""
    h, y_max = table[7, i], table[8, i]
    y = 2.0 * lambert(0.5 * s * sqrt(table[6, i] * h / energy) / room)
    if y < y_max:
        b = table[6, i] / (y * room)
        mu = energy * (exp(y) * (y - 1.0) + 1.0) / h - delay
    else:
        b = table[6, i] / (y_max * room)
        mu = s * s * b / room - delay - energy * p_max
    return s * b, max(mu, 0.0)


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
def common(at1, at2, most, cap, table, i, deadline, delay, energy, p_max):
    """A user's terms at both ends (k, s, theta, mu) of an interval at one multiplier: the best of
    four guesses; none is better than `most`, the sum of what is best at either end.

    Any is valid. None at all does for a user whom even a slack deadline does not tempt; the mean
    of what is best at either end is nearly best at both, unless an end leaves it no time.
    """
    k1, s1, theta1, mu1 = at1
    k2, s2, theta2, mu2 = at2
    work = table[5, i]
    room1, room2 = deadline - work * k1, deadline - work * k2
    best_a, best_b = -inf, -inf
    for guess in range(4):
        if guess == 0:
            mu = 0.0
        elif guess == 1:
            mu = 0.5 * (mu1 + mu2) if room2 > 0.0 or table.shape[0] > 9 else mu1
        else:
            mu = mu1 if guess == 2 else mu2
        root = root_cost(mu, table, i, delay, energy, p_max)
        a = min(2.0 * s1 * root + delay * work * k1 - mu * room1 - theta1, cap)
        b = min(2.0 * s2 * root + delay * work * k2 - mu * room2 - theta2, cap)
        if a + b > best_a + best_b:
            best_a, best_b = a, b
        if best_a + best_b >= most - ENOUGH * abs(most):
            break
    return best_a, best_b


@compiled
def ends(k1, s1, theta1, k2, s2, theta2, table, fixed, deadline, total, delay, energy, p_max):
    """A3 at both ends of an interval of k, each user's multiplier the best of a few guesses.

    `fixed` holds 1 for users that must offload, -1 for those that must not; empty: none. Less an
    allowance for rounding: sums of n terms err by about sqrt(n) units in the last place.
    """
    n = table.shape[1]
    some = fixed.shape[0] > 0
    f1, f2 = theta1 * k1 - total * s1 * s1, theta2 * k2 - total * s2 * s2
    size1, size2 = abs(theta1) * k1 + total * s1 * s1, abs(theta2) * k2 + total * s2 * s2
    for i in range(n):
        local = table[0, i]
        if some and fixed[i] == -1:
            f1 += local
            f2 += local
            size1 += local
            size2 += local
            continue
        cap = inf if some and fixed[i] == 1 else local
        a, _, mu1 = minorant(s1, k1, table, i, deadline, delay, energy, p_max)
        b, mu2 = a, mu1
        if k1 != k2:
            b, _, mu2 = minorant(s2, k2, table, i, deadline, delay, energy, p_max)
        if k1 == k2 or (mu1 == 0.0 and mu2 == 0.0 and a < inf and b < inf):
            a, b = min(a - theta1, cap), min(b - theta2, cap)
        else:
            most = min(a - theta1, cap) + min(b - theta2, cap)
            at1, at2 = (k1, s1, theta1, mu1), (k2, s2, theta2, mu2)
            a, b = common(at1, at2, most, cap, table, i, deadline, delay, energy, p_max)
        f1 += a
        f2 += b
        size1 += abs(a)
        size2 += abs(b)
    ulp = 2.2e-16 * sqrt(n)
    return f1 - ulp * size1 if f1 < inf else inf, f2 - ulp * size2 if f2 < inf else inf


@compiled
def needs_fit(k, table, fixed, deadline, total):
    """Whether some k users, all forced ones among them, can meet the deadline together (where
    lateness has a price: whether there are so many)."""
    n = table.shape[1]
    some, soft = fixed.shape[0] > 0, table.shape[0] > 9
    pool = np.empty(n)
    count, forced, used = 0, 0, 0.0
    for i in range(n):
        room = deadline - table[5, i] * k
        stuck = table[0, i] == inf or (some and fixed[i] == 1)
        if stuck:
            forced += 1
            if room <= 0.0 and not soft:
                return False
            used += table[6, i] / (table[8, i] * max(room, 1e-300))
        elif (room > 0.0 or soft) and not (some and fixed[i] == -1):
            pool[count] = table[6, i] / (table[8, i] * room) if room > 0.0 else 0.0
            count += 1
    need = k - forced
    if soft:
        return 0 <= need <= count
    if need < 0 or need > count:
        return False
    if need == count:
        used += np.sum(pool[:count])
    elif need:
        used += np.sum(np.partition(pool[:count], need - 1)[:need])
    return used <= total * EDGE
