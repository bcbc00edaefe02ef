"""Compiled loops over users: the best charging time and slots for a mode.

Notation: A = sum of `local` over local users, G = `snr`, c = `rate`; v is the price of time (bit/s
for all of the frame), y = ln(1 + SNR) of an offloader: it solves y + exp(-y) - 1 = v / c, so that
users of equal weight share it. With e = exp(-y) and p = 1 - e the slot is G a e / p, and
a = 1 / (1 + sum G e / p).
"""

# mypy: ignore-errors

from math import exp, expm1, inf, log, sqrt

import numpy as np

from toolkit.compiled import compiled, inlined


@inlined
def idle(y):
    """(exp(-y), 1 - exp(-y)), both to full precision, with one call of either function."""
    if y > 0.5:
        e = exp(-y)
        return e, 1.0 - e
    p = -expm1(-y)
    return 1.0 - p, p


@inlined
def lack(y, p):
    """y - p for p = 1 - exp(-y), without cancellation: the u of an exponent y."""
    if y > 0.2:
        return y - p
    series = 1.0 - y / 11.0
    for k in range(10, 2, -1):
        series = 1.0 - y / k * series
    return 0.5 * y * y * series


@inlined
def first_exponent(u):
    """A start for `exponent`: the root's expansion at 0 or at infinity."""
    if u < 1.5:
        s = sqrt(2.0 * u)
        return s + s * s / 6.0 + s * s * s / 36.0
    return u + 1.0 - exp(-u - 1.0)


@compiled
def exponent(u, y):
    """(y, exp(-y), 1 - exp(-y)) of the root y of y + exp(-y) - 1 = u > 0, by Newton from y > 0.

    The function is convex and grows: after one step all others come from above.
    """
    e, p = idle(y)
    for _ in range(60):
        step = (lack(y, p) - u) / p
        y = max(y - step, 0.1 * y)
        e, p = idle(y)
        if abs(step) <= 1e-8 * y:  # quadratic: the next would be below the last bit
            break
    return y, e, p


@compiled
def classes(rate):
    """(class of every user, the different values of `rate`): users of a class share y."""
    n = rate.shape[0]
    order = np.argsort(rate)
    member, values = np.empty(n, np.int64), np.empty(n)
    count = -1
    for i in order:
        if count < 0 or rate[i] != values[count]:
            count += 1
            values[count] = rate[i]
        member[i] = count
    return member, values[: count + 1].copy()


@compiled
def clearing_price(local, snr, rate, v):
    """The price v of time at which a mode's charge and slots fill the frame: (v, a, bit/s).

    `local` is the sum over local users, snr (m,) sums over the offloaders of each class, rate (m,).
    v = N(v) := local/3 a(v)^(-2/3) + sum c G e, where N falls: Newton on ln N - ln v in ln v, whose
    slope is at most -1, from v or, if that is 0, from a start of its own. On return snr holds the
    slots per unit of G instead of the sums.
    """
    total, mean = 0.0, 0.0
    for m in range(snr.shape[0]):
        total += snr[m]
        mean += snr[m] * rate[m]
    if total <= 0.0:
        return local / 3.0, 1.0, local
    if v <= 0.0:
        y = log(1.0 + 1.5 * total)
        v = local / 3.0 + mean / total * lack(y, idle(y)[1])
    low, high = 0.0, inf
    ys = np.empty_like(snr)
    for m in range(snr.shape[0]):
        ys[m] = first_exponent(v / rate[m])
    for _ in range(100):
        s, ds, worth, slope = 1.0, 0.0, 0.0, 0.0
        for m in range(snr.shape[0]):
            if snr[m] > 0.0:
                ys[m], e, p = exponent(v / rate[m], ys[m])
                share = snr[m] * e / p
                s += share
                ds -= share / (rate[m] * p * p)
                worth += rate[m] * snr[m] * e
                slope -= share
        charge = local / 3.0 * s ** (2.0 / 3.0)
        value = worth + charge
        slope += charge * ds / (1.5 * s)
        miss = log(value / v)
        step = miss / (1.0 - v * slope / value)
        if abs(step) <= 1e-12:
            break
        if miss > 0.0:
            low = v
        else:
            high = v
        v *= exp(step)
        if not (low < v < high):
            v = sqrt(low * high)
    a, worth = 1.0 / s, 0.0
    for m in range(snr.shape[0]):
        if snr[m] > 0.0:
            e, p = idle(ys[m])
            slots = a * e / p
            worth += rate[m] * snr[m] * slots * ys[m]
            snr[m] = slots
    return v, a, local * a ** (1.0 / 3.0) + worth


@compiled
def mode_sums(mask, local, snr, member, sums):
    """The sum of `local` over local users; fills `sums` with snr per class of offloaders."""
    total = 0.0
    sums[:] = 0.0
    for i in range(mask.shape[0]):
        if mask[i] > 0.5:
            sums[member[i]] += snr[i]
        else:
            total += local[i]
    return total


@compiled
def allocate(masks, which, local, snr, rate, charge, slot):
    """Fills the best charge (rows,) and slots (rows, n) of every mask; `which` names instances."""
    before = -1
    member, values = classes(rate[0])
    sums = np.empty_like(values)
    for r in range(masks.shape[0]):
        m = which[r]
        if m != before:
            member, values = classes(rate[m])
            sums, before = np.empty_like(values), m
        rest = mode_sums(masks[r], local[m], snr[m], member, sums)
        charge[r] = clearing_price(rest, sums, values, 0.0)[1]
        for i in range(masks.shape[1]):
            slot[r, i] = snr[m, i] * sums[member[i]] if masks[r, i] > 0.5 else 0.0
