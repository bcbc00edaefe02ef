"""Compiled loops over users: per-user constants, and the best allocation for a mask.

Notation of the formulation: W = D C, w = W / F, h = g / sigma^2, s = sqrt(bandwidth price),
y = ln(1 + p h); c = (lambda1 + lambda2 p*) D / log2(1 + p* h) is the cost of one unit of 1/b.
"""

# mypy: ignore-errors

from math import exp, expm1, inf, log, log1p, sqrt

import numpy as np

from toolkit.compiled import compiled, inlined

LN2, E = log(2.0), exp(1.0)
EDGE = 1.0 + 2.0**-40  # what exceeds a limit by less keeps it: the limit may be what is needed


@inlined
def lambert(x: float) -> float:
    """W0(x) for x >= 0 to full precision: Fritsch's steps, of fourth order, one logarithm each.

    From a start within a tenth two of them do; for w + ln w = ln x they need no exponential.
    """
    start = log1p(x)
    w = start * (1.0 - log1p(start) / (2.0 + start))
    if w > 0.0:
        for _ in range(2):
            z = log(x / w) - w
            grown = 1.0 + w
            q = 2.0 * grown * (grown + 2.0 / 3.0 * z)
            w *= 1.0 + z / grown * (q - z) / (q - 2.0 * z)
    return w


@compiled
def best_exponent(ratio: float) -> float:
    """The y = ln(1 + p h) of the power that minimises (lambda1 + lambda2 p) / y.

    It solves y exp(y) - (exp(y) - 1) = ratio, with ratio = lambda1 h / lambda2 > 0: y - 1 is a
    value of W0 above 1; below, Newton from the right of the root, where the function is convex.
    """
    if ratio > 1.0:
        return 1.0 + lambert((ratio - 1.0) / E)
    y = sqrt(2.0 * ratio)
    for _ in range(60):
        e = exp(y)
        step = (y * e - expm1(y) - ratio) / (y * e)
        y -= step
        if abs(step) <= 1e-15 * y:
            break
    return y


@compiled
def prepare(
    size, cycles, f_max, gain, deadline, f_server, p_max, noise, kappa, delay, energy, late
):
    """Per-user constants, rows of the result: see `COLUMNS`. All users of one instance.

    late: what a second beyond the deadline costs; inf: none is to be had, and there are 9 rows.
    """
    n, soft = size.shape[0], late < inf
    table = np.empty((13 if soft else 9, n))
    best_f = (delay / (2.0 * energy * kappa)) ** (1.0 / 3.0)
    late_f = ((delay + late) / (2.0 * energy * kappa)) ** (1.0 / 3.0) if soft else inf
    for i in range(n):
        work = size[i] * cycles[i]
        f = min(max(best_f, min(work / deadline, late_f)), f_max[i])
        local = delay * work / f + energy * kappa * work * f * f
        if soft:
            local += late * max(work / f - deadline, 0.0)
        elif work > deadline * f_max[i] * EDGE:
            local = inf
        h = gain[i] / noise
        y_max = log1p(h * p_max)
        nats = size[i] * LN2
        q, p, y = upload(delay, nats, h, y_max, energy, p_max)
        table[0, i] = local
        table[1, i] = f
        table[2, i] = q
        table[3, i] = p
        table[4, i] = nats / (y * q)
        table[5, i] = work / f_server
        table[6, i] = nats
        table[7, i] = h
        table[8, i] = y_max
        if soft:
            q, p, y = upload(delay + late, nats, h, y_max, energy, p_max)
            table[9, i] = q
            table[10, i] = nats / (y * q)
            table[11, i] = p
            table[12, i] = late
    return table


@inlined
def upload(delay, nats, h, y_max, energy, p_max):
    """(sqrt(c), best power, its ln(1 + p h)) where a second of the upload costs `delay`."""
    y = min(best_exponent(delay * h / energy), y_max)
    p = (exp(y) - 1.0) / h if y < y_max else p_max
    return sqrt((delay + energy * p) * nats / y), p, y


@compiled
def prepare_all(
    size, cycles, f_max, gain, deadline, f_server, p_max, noise, kappa, delay, energy, late
):
    """`prepare` for every instance of a batch, (instances, rows, n)."""
    out = np.empty((size.shape[0], 13 if late[0] < inf else 9, size.shape[1]))
    for m in range(size.shape[0]):
        out[m] = prepare(
            size[m],
            cycles[m],
            f_max[m],
            gain[m],
            deadline[m],
            f_server[m],
            p_max[m],
            noise[m],
            kappa[m],
            delay[m],
            energy[m],
            late[m],
        )
    return out


# Rows of `prepare`: cost and frequency of local execution (cost inf: it misses the deadline);
# q = sqrt(c); p*; upload time per unit of s while the deadline is slack; w; D ln 2; h;
# ln(1 + h Pmax). Where lateness has a price: q, upload time and p* of those who are late, the
# price.
COLUMNS = ("local", "frequency", "q", "power", "time", "work", "nats", "h", "y_max")
LATE_COLUMNS = (*COLUMNS, "late_q", "late_time", "late_power", "late")


@inlined
def is_late(s, room, table, i):
    """Whether user i would rather pay for lateness than for more bandwidth."""
    return table.shape[0] > 9 and s * table[10, i] >= room


@inlined
def share(s, room, table, i, energy):
    """(bandwidth, slope of its log in log s, y or 0 where the deadline is slack) at price s^2."""
    if s * table[4, i] <= room:
        return table[2, i] / s, -1.0, 0.0
    if is_late(s, room, table, i):
        return table[9, i] / s, -1.0, 1.0
    nats, y_max = table[6, i], table[8, i]
    y = 2.0 * lambert(0.5 * s * sqrt(nats * table[7, i] / energy) / room)
    if y >= y_max:
        return nats / (y_max * room), 0.0, y_max
    return nats / (y * room), -2.0 / (2.0 + y), y


@compiled
def clearing_price(mask, k, table, deadline, total, energy):
    """The s at which the offloaders' shares sum to `total`, or inf where they cannot."""
    n = mask.shape[0]
    x, need, soft = 0.0, 0.0, table.shape[0] > 9
    for i in range(n):
        if mask[i] > 0.5:
            room = deadline - table[5, i] * k
            x += table[2, i]
            if soft:
                continue
            if room <= 0.0:
                return inf
            need += table[6, i] / (table[8, i] * room)
    if need > total * EDGE:
        return inf
    s = x / total
    low, high = s, inf
    for _ in range(200):
        used, slope, tight = 0.0, 0.0, False
        for i in range(n):
            if mask[i] > 0.5:
                room = deadline - table[5, i] * k
                b, d, y = share(s, room, table, i, energy)
                used += b
                slope += b * d
                tight = tight or y > 0.0
        if not tight or abs(used - total) <= 1e-15 * total:
            return s
        if used > total:
            low = s
        else:
            high = s
        step = exp(-log(used / total) * used / slope) if slope < 0.0 else inf
        following = s * step
        if not (low < following < high):
            following = 2.0 * s if high == inf else sqrt(low * high)
        if abs(following - s) <= 1e-16 * s or (high - low) <= 1e-15 * low:
            return following
        s = following
    return s


@compiled
def allocate(masks, which, tables, deadline, total, p_max, energy, bandwidth, power, frequency):
    """Fills the best allocation of every mask; `which` names each mask's instance.

    Where a mask is infeasible: bandwidth in proportion to the least need, full power.
    """
    rows, n = masks.shape
    for r in range(rows):
        m = which[r]
        table, mask = tables[m], masks[r]
        k = 0.0
        for i in range(n):
            if mask[i] > 0.5:
                k += 1.0
        s = clearing_price(mask, k, table, deadline[m], total[m], energy[m])
        used = 0.0
        for i in range(n):
            if mask[i] <= 0.5:
                frequency[r, i] = table[1, i]
                continue
            room = deadline[m] - table[5, i] * k
            if s == inf:
                bandwidth[r, i] = table[6, i] / table[8, i]
            else:
                bandwidth[r, i] = share(s, room, table, i, energy[m])[0]
            used += bandwidth[r, i]
        for i in range(n):
            if mask[i] <= 0.5:
                continue
            bandwidth[r, i] *= total[m] / used
            power[r, i] = table[3, i]
            room = deadline[m] - table[5, i] * k
            if s == inf:
                power[r, i] = p_max[m]
            elif is_late(s, room, table, i):
                power[r, i] = table[11, i]
            elif s * table[4, i] > room:
                y = table[6, i] / (bandwidth[r, i] * room)
                power[r, i] = min(max((exp(y) - 1.0) / table[7, i], 0.0), p_max[m])
