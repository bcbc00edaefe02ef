"""Compiled loops over users: the best transmit powers, and shares of the servers.

Notation: g = signal-to-noise ratio per watt, y = 1 + g p = exp(s), q = w1 g / w2. Upload time and
energy cost (w1 + w2 p) / ln(1 + g p) per nat and hertz; its derivative vanishes where
y (ln y - 1) + 1 = q, that is ln(s - 1 + exp(-s)) + s = ln q: increasing and concave in s.
"""

# mypy: ignore-errors

from math import exp, expm1, log, log1p, nan, sqrt

import numpy as np

from toolkit.compiled import compiled, inlined


@inlined
def _lack(s, idle):
    """s - 1 + exp(-s) without cancellation; `idle` is exp(-s)."""
    if s > 0.2:
        return s - 1.0 + idle
    series = 1.0 - s / 11.0
    for k in range(10, 2, -1):
        series = 1.0 - s / k * series
    return 0.5 * s * s * series


@inlined
def _falls(power, g, q):
    """Whether the cost still falls at a power: y (ln y - 1) + 1 < q."""
    y = 1.0 + g * power
    return y * _lack(log1p(g * power), 1.0 / y) < q


@compiled
def best_power(g, ratio, low, high):
    """The power in [low, high] (W) that transmits most cheaply; `ratio` is w1 / w2.

    The cost is quasi-convex: at a bound it is told by the slope there, else by Newton's method.
    """
    q = ratio * g
    if low >= high or not _falls(low, g, q):
        return low
    if _falls(high, g, q):
        return high
    s = log(q)
    if s > 3.0:  # 1 + W(q / e) for large q
        s -= log(s - 1.0) * (1.0 - 1.0 / (s - 1.0))
    else:
        s = sqrt(2.0 * q) / (1.0 + 0.3 * sqrt(q))
    for _ in range(60):
        idle = exp(-s)
        lack = _lack(s, idle)
        step = (log(q / lack) - s) / (1.0 + (1.0 - idle) / lack)
        s = max(s + step, 0.1 * s)
        if abs(step) <= 1e-7 * s:  # quadratic: the next would be below the last bit
            break
    grown = exp(s) - 1.0 if s > 0.5 else expm1(s)  # the latter is slow
    return min(max(grown / g, low), high)


@compiled
def best_powers(g, ratio, low, high):
    """`best_power` of every entry of g (instances, entries); the rest (instances,)."""
    out = np.empty_like(g)
    for m in range(g.shape[0]):
        for k in range(g.shape[1]):
            out[m, k] = best_power(g[m, k], ratio[m], low[m], high[m])
    return out


@compiled
def allocate(server, which, g, root, ratio, low, high, servers, power, share):
    """Fills the best powers and shares (rows, users) of choices; `which` names their instances.

    `g` is (instances, users, servers), or (instances, users, 1) of the only choice of each
    instance; `root` (instances, users) are the square roots of what a
    user's cycles cost: shares of a server are in proportion to them. Powers are found once.
    """
    rows, users = server.shape
    columns, before = g.shape[2], -1
    total, known = np.empty(servers + 1), np.empty((users, columns))
    for r in range(rows):
        k = which[r]
        if k != before:
            known[:], before = nan, k
        total[:] = 0.0
        for i in range(users):
            total[server[r, i]] += root[k, i]
        for i in range(users):
            m = server[r, i]
            power[r, i], share[r, i] = low[k], 0.0
            if m > 0:
                c = min(m, columns) - 1
                if np.isnan(known[i, c]):
                    known[i, c] = best_power(g[k, i, c], ratio[k], low[k], high[k])
                power[r, i], share[r, i] = known[i, c], root[k, i] / total[m]
