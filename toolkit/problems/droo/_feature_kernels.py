"""Compiled loops over users: what a policy sees of each around the dual's solution.

Notation as in `_kernels`. A user's margin at a charge a and a price v is ln(g a / (l a^(1/3))): it
offloads where that is positive.
"""

# mypy: ignore-errors

from math import log, sqrt

import numpy as np

from toolkit.compiled import compiled, inlined

from ._dual_kernels import best_price, first_price
from ._kernels import classes, clearing_price, exponent, first_exponent, mode_sums

FEATURES = 16
CLOSED = 1e-9  # relative: a dual without a gap


@compiled
def describe(local, snr, rate):
    """Features of every user of every instance, (instances, n, FEATURES)."""
    instances, n = local.shape
    out = np.empty((instances, n, FEATURES), np.float32)
    for m in range(instances):
        _describe(local[m], snr[m], rate[m], out[m])
    return out


@compiled
def _describe(local, snr, rate, out):
    """The rows of one instance: margins at the dual's two solutions and at its best mode."""
    n = local.shape[0]
    member, values = classes(rate)
    start = first_price(local, snr, values, member)
    bound, v, xs, sets, worth, mode = best_price(
        start, 0.0, 1.0, np.zeros(n, np.int8), 0.0, local, snr, member, values
    )
    sums = np.empty_like(values)
    rest = mode_sums(mode, local, snr, member, sums)
    own, charge, _ = clearing_price(rest, sums, values, 0.0)
    at = log(charge) * 2.0 / 3.0
    if bound <= worth * (1.0 + CLOSED):  # where the search for the price ended says nothing
        v = own
        xs[:] = charge ** (2.0 / 3.0)
        for side in range(2):
            sets[side] = mode
    share, gap = np.mean(mode), log(1.0 + 1e3 * (bound / worth - 1.0))
    fixed = sqrt(charge * sqrt(charge))
    for i in range(n):
        there = _ratio(v, local, snr, rate, i)
        here = _ratio(own, local, snr, rate, i)
        row = out[i]
        row[0] = 2.0 * mode[i] - 1.0
        row[1] = 2.0 * sets[0, i] - 1.0
        row[2] = 2.0 * sets[1, i] - 1.0
        row[3] = _squashed(at - here)
        row[4] = _magnified(at - here)
        row[5] = _magnified(log(max(xs[0], 1e-30)) - there)
        row[6] = _magnified(log(max(xs[1], 1e-30)) - there)
        row[7] = _magnified(local[i] * fixed / worth * (np.exp(at - here) - 1.0))
        row[8] = _squashed(log(n * local[i] / worth))
        row[9] = _squashed(log(snr[i]))
        row[10] = _squashed(log(own / rate[i]))
        row[11] = charge
        row[12] = share
        row[13] = gap
        row[14] = log(n) / 5.0
        row[15] = log(1.0 + np.sum(mode)) / 3.0


@inlined
def _ratio(v, local, snr, rate, i):
    """ln(l / g): the ln of a^(2/3) from which on user i offloads."""
    u = v / rate[i]
    y = exponent(u, first_exponent(u))[0]
    return log(local[i] / (rate[i] * snr[i])) + y


@inlined
def _squashed(value):
    """Within [-4, 4]."""
    return min(max(value, -12.0), 12.0) / 3.0


@inlined
def _magnified(value):
    """sign(x) log(1 + 50 |x|) within [-6, 6]: what happens near zero is seen."""
    size = min(log(1.0 + 50.0 * abs(value)), 6.0)
    return size if value > 0.0 else -size
