"""Compiled loops over users and servers: what prices say of them, at one vector of counts or many.

Rows of `tables` (servers, 9, users) as in `cpdrl`: cost and frequency of local execution, q, p*,
upload time per unit of s while the deadline is slack, w, D ln 2, h, ln(1 + h Pmax). Option 0 is
local, option m > 0 server m - 1. `scalars` are (deadline, lambda1, lambda2, Pmax), `total` the
bandwidths. s (servers,) are roots of bandwidth prices, theta (servers,) prices of counts k.
"""

# mypy: ignore-errors

from math import exp, inf, sqrt

import numpy as np

from toolkit.compiled import compiled, inlined
from toolkit.problems.cpdrl._kernels import best_exponent, lambert


@inlined
def cheapest(s, k, table, i, scalars):
    """Least cost of an offloader at price s^2 among k: (cost, s b, d(s b) / ds, mu)."""
    deadline, delay, energy, p_max = scalars
    work = table[5, i] * k
    room = deadline - work
    if room <= 0.0:
        return inf, 0.0, 0.0, 0.0
    if s * table[4, i] <= room:
        return 2.0 * s * table[2, i] + delay * work, table[2, i], 0.0, 0.0
    h, y_max = table[7, i], table[8, i]
    y = 2.0 * lambert(0.5 * s * sqrt(table[6, i] * h / energy) / room)
    if y < y_max:
        b = table[6, i] / (y * room)
        bend = b * y / (2.0 + y)
        mu = energy * (exp(y) * (y - 1.0) + 1.0) / h - delay
    else:
        b = table[6, i] / (y_max * room)
        bend = b
        mu = s * s * b / room - delay - energy * p_max
    mu = max(mu, 0.0)
    return 2.0 * s * s * b + delay * work - mu * room, s * b, bend, mu


@inlined
def root_cost(mu, table, i, scalars):
    """sqrt(c_i(mu)): the cost of 1/b when a second of delay costs lambda1 + mu."""
    if mu == 0.0:
        return table[2, i]
    _, delay, energy, p_max = scalars
    h, y_max = table[7, i], table[8, i]
    y = min(best_exponent((delay + mu) * h / energy), y_max)
    p = (exp(y) - 1.0) / h if y < y_max else p_max
    return sqrt((delay + mu + energy * p) * table[6, i] / y)


@compiled
def costs_at(s, k, allowed, tables, scalars, cost):
    """Fills cost (users, options) of what is allowed at one vector of counts, else +inf."""
    users, options = cost.shape
    for i in range(users):
        cost[i, 0] = tables[0, 0, i] if allowed[i, 0] else inf
        for m in range(options - 1):
            cost[i, m + 1] = inf
            if allowed[i, m + 1]:
                cost[i, m + 1] = cheapest(s[m], k[m], tables[m], i, scalars)[0]


@inlined
def _ends_at_one_multiplier(s1, theta1, k1, s2, theta2, k2, cap, table, i, scalars):
    """Terms of user i at both ends of its server's counts, with the best of a few multipliers."""
    deadline, delay = scalars[0], scalars[1]
    a, _, _, mu1 = cheapest(s1, k1, table, i, scalars)
    if k1 == k2:
        return a - theta1, a - theta1
    b, _, _, mu2 = cheapest(s2, k2, table, i, scalars)
    if mu1 == 0.0 and mu2 == 0.0 and a < inf and b < inf:
        return a - theta1, b - theta2
    work = table[5, i]
    room1, room2 = deadline - work * k1, deadline - work * k2
    best_a, best_b, best = -inf, -inf, -inf
    for guess in range(4):
        if guess == 0:
            mu = 0.0
        elif guess == 1:
            mu = 0.5 * (mu1 + mu2) if room2 > 0.0 else mu1
        elif guess == 2:
            mu = mu1
        else:
            mu = mu2
        root = 2.0 * root_cost(mu, table, i, scalars)
        a = s1 * root + delay * work * k1 - mu * room1 - theta1
        b = s2 * root + delay * work * k2 - mu * room2 - theta2
        both = min(a, cap) + min(b, cap)
        if both > best:
            best_a, best_b, best = a, b, both
    return best_a, best_b


@compiled
def corners(k, s, theta, allowed, tables, total, scalars):
    """The dual at every corner of a box, (2^servers,): bit m of the index says which end.

    k, s and theta are (2, servers): both ends. Multipliers are the same at all corners, so that
    they bound all between. Less an allowance for rounding: sums of n terms err by about sqrt(n)
    units in the last place.
    """
    servers, users = k.shape[1], allowed.shape[0]
    count = 1 << servers
    value, size = np.zeros(count), np.zeros(count)
    for v in range(count):
        for m in range(servers):
            e = v >> m & 1
            value[v] += theta[e, m] * k[e, m] - total[m] * s[e, m] ** 2
            size[v] += abs(theta[e, m]) * k[e, m] + total[m] * s[e, m] ** 2
    low, high = np.empty(servers), np.empty(servers)
    for i in range(users):
        local = tables[0, 0, i] if allowed[i, 0] else inf
        for m in range(servers):
            low[m] = high[m] = inf
            if allowed[i, m + 1]:
                low[m], high[m] = _ends_at_one_multiplier(
                    s[0, m],
                    theta[0, m],
                    k[0, m],
                    s[1, m],
                    theta[1, m],
                    k[1, m],
                    local,
                    tables[m],
                    i,
                    scalars,
                )
        for v in range(count):
            least = local
            for m in range(servers):
                term = high[m] if v >> m & 1 else low[m]
                if term < least:
                    least = term
            value[v] += least
            size[v] += abs(least)
    return value - 2.2e-16 * sqrt(users) * size


@compiled
def least_in_box(value, k, s, theta, total):
    """The least that the corners' values leave possible at any counts of the box, and for every
    server what prices that change with its count lose there."""
    servers = k.shape[1]
    count = 1 << servers
    fall, dips = np.zeros(servers), 0.0
    for m in range(servers):
        width = k[1, m] - k[0, m]
        if width > 0:
            rise = (theta[1, m] - theta[0, m]) / width
            alpha = max(0.0, rise - total[m] * ((s[1, m] - s[0, m]) / width) ** 2)
            fall[m] = alpha * (width // 2) * (width - width // 2)
        dips += fall[m]
    best = np.min(value) - dips
    ends = np.empty((servers, 2))  # least and largest rise along an edge
    for m in range(servers):
        ends[m, 0], ends[m, 1] = inf, -inf
        for v in range(count):
            if not v >> m & 1:
                rise = value[v | 1 << m] - value[v]
                ends[m, 0], ends[m, 1] = min(ends[m, 0], rise), max(ends[m, 1], rise)
    for v in range(count):
        least, size = value[v], abs(value[v])
        for m in range(servers):
            slope = -ends[m, 1] if v >> m & 1 else ends[m, 0]
            width = k[1, m] - k[0, m]
            if fall[m] > 0.0:
                alpha = fall[m] / ((width // 2) * (width - width // 2))
                vertex = int(min(max(np.floor(0.5 * (width - slope / width / alpha)), 0), width))
                beside = min(vertex + 1, width)
                at = slope * vertex / width - alpha * vertex * (width - vertex)
                other = slope * beside / width - alpha * beside * (width - beside)
                change = min(at, other)
            else:
                change = min(slope, 0.0)
            least += change
            size += abs(change)
        best = max(best, least - 2.2e-16 * (servers + 2) * size)  # corners may be far apart
    return best, fall, ends


@inlined
def need(table, i, k, deadline):
    """The least bandwidth with which user i meets its deadline among k offloaders."""
    room = deadline - table[5, i] * k
    return table[6, i] / (table[8, i] * room) if room > 0.0 else inf


@compiled
def tighten(k1, k2, allowed, tables, total, deadline):
    """Narrows a region in place to what it implies; False where it is seen to be empty.

    Options whose need exceeds B at k1, options of servers that take nobody, counts beyond those of
    users who must or may go somewhere, and counts of which even the least needy exceed B. Needs
    only grow with counts.
    """
    servers, users = len(k1), allowed.shape[0]
    forced, able = np.empty(servers, np.int64), np.empty(servers, np.int64)
    while True:
        forced[:] = 0
        able[:] = 0
        away, some = 0, 0
        for i in range(users):
            options, last = 0, -1
            for m in range(servers):
                if allowed[i, m + 1]:
                    least = need(tables[m], i, max(k1[m], 1), deadline)
                    if k2[m] == 0 or least > total[m] * (1.0 + 1e-9):
                        allowed[i, m + 1] = False
                        continue
                    able[m] += 1
                    options += 1
                    last = m
            some += options > 0
            if not allowed[i, 0]:
                away += 1
                if options == 0:
                    return False
                if options == 1:
                    forced[last] += 1
        changed = False
        for m in range(servers):
            low = max(k1[m], forced[m], away - (np.sum(k2) - k2[m]))
            high = min(k2[m], able[m], some - (np.sum(k1) - k1[m]))
            if low <= high:
                high = _most_in_time(m, low, high, allowed, tables[m], total[m], deadline)
            changed = changed or low > k1[m] or high < k2[m]
            k1[m], k2[m] = low, high
            if low > high:
                return False
        if not changed:
            return True


@compiled
def _most_in_time(m, low, high, allowed, table, total, deadline):
    """The largest count from `low` to `high` that fits the bandwidth; low - 1 where none does."""
    if _fits(m, high, allowed, table, total, deadline):
        return high
    if not _fits(m, low, allowed, table, total, deadline):
        return low - 1
    while high - low > 1:
        middle = (low + high) // 2
        if _fits(m, middle, allowed, table, total, deadline):
            low = middle
        else:
            high = middle
    return low


@compiled
def _fits(m, k, allowed, table, total, deadline):
    """Whether those who must be at server m, and the least needy others, fit it as k users."""
    users = allowed.shape[0]
    pool, count, forced, used = np.empty(users), 0, 0, 0.0
    for i in range(users):
        if allowed[i, m + 1]:
            least = need(table, i, k, deadline)
            if np.sum(allowed[i]) == 1:
                forced += 1
                used += least
            elif least < inf:
                pool[count] = least
                count += 1
    more = k - forced
    if more > count:
        return False
    if more > 0:
        used += np.sum(np.partition(pool[:count], more - 1)[:more])
    return used <= total * (1.0 + 1e-9)
