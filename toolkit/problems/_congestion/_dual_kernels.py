"""Compiled loops: the dual over the prices, smoothed at a temperature, with its slopes.

With alternatives as in `_kernels`, D(theta) = constant + sum over users and resources of their
cheapest alternative. At temperature T every minimum becomes -T log sum exp(-v / T), which is below
it: concave, smooth, and so a bound itself. A state of n users and load y, of which n0 and y0 belong
to fixed users, costs min over y of y^2 - lambda (y - y0) - nu (n - n0).
"""

# mypy: ignore-errors

from math import exp, log

import numpy as np

from toolkit.compiled import compiled

from ._kernels import least_of

FAR = 36.0  # temperatures: alternatives that much dearer than the best do not count


@compiled
def priced(theta, task, value):
    """Fills the cost of every alternative, and the bases and coefs of the resources'."""
    _, free, ends, start, dim, coef, origin, fixed, number, least, most = task
    users = ends[free - 1] if free > 0 else 0
    for e in range(users, len(start)):
        r, s = origin[e], e - users
        half = 0.5 * theta[dim[e, 0]] if dim[e, 0] >= 0 else 0.0
        load = max(least[s], min(most[s], half))
        start[e] = load * load
        coef[e, 0], coef[e, 1] = fixed[0, r] - load, fixed[1, r] - number[s]
    for e in range(len(start)):
        value[e] = start[e]
        for w in range(dim.shape[1]):
            if dim[e, w] >= 0:
                value[e] += coef[e, w] * theta[dim[e, w]]


@compiled
def dual(theta, task, value):
    """D(theta)."""
    priced(theta, task, value)
    total, begin = task[0], 0
    for end in task[2]:
        total += least_of(value, begin, end)
        begin = end
    return total


@compiled
def live(task, value, room):
    """(where, the same task of the alternatives that are at most `room` dearer than the best)."""
    constant, free, ends, start, dim, coef, origin, fixed, number, least, most = task
    where, until = np.zeros(len(value), np.int64), np.zeros(len(ends), np.int64)
    users = ends[free - 1] if free > 0 else 0
    begin, size, states = 0, 0, 0
    for g in range(len(ends)):
        best = least_of(value, begin, ends[g])
        for e in range(begin, ends[g]):
            if value[e] - best <= room:
                where[size] = e
                size += 1
                states += g >= free
        begin, until[g] = ends[g], size
    where = where[:size]
    state = where[size - states :] - users
    few = start[where], dim[where], coef[where], origin[where]
    return where, (constant, free, until, *few, fixed, number[state], least[state], most[state])


@compiled
def smoothed(theta, heat, task, value, chance, first):
    """D at a temperature; fills costs, chances and every group's cheapest alternative."""
    priced(theta, task, value)
    total, begin = task[0], 0
    for g in range(len(task[2])):
        end = task[2][g]
        best, mass = begin, 0.0
        for e in range(begin + 1, end):
            if value[e] < value[best]:
                best = e
        for e in range(begin, end):
            above = value[e] - value[best]
            chance[e] = exp(-above / heat) if above < FAR * heat else 0.0
            mass += chance[e]
        if mass > 1.0:
            for e in range(begin, end):
                chance[e] /= mass
        first[g] = best
        total += value[best] - heat * log(mass)
        begin = end
    return total


@compiled
def _difference(e, best, dim, coef, dims, values):
    """The prices in which two alternatives differ and by how much; returns how many."""
    size, width = 0, dim.shape[1]
    for w in range(width):
        if dim[e, w] >= 0:
            dims[size], values[size] = dim[e, w], coef[e, w]
            size += 1
    for w in range(width):
        d = dim[best, w]
        if d < 0:
            continue
        for k in range(size):
            if dims[k] == d:
                values[k] -= coef[best, w]
                break
        else:
            dims[size], values[size] = d, -coef[best, w]
            size += 1
    return size


@compiled
def _slopes_of(begin, end, best, heat, dim, coef, chance, grad, hess, scratch):
    """Adds a group's gradient, and its curvature (of -D; the upper half)."""
    mean, seen, listed, dims, values = scratch
    for w in range(dim.shape[1]):
        if dim[best, w] >= 0:
            grad[dim[best, w]] += coef[best, w]
    touched = 0
    for e in range(begin, end):
        if e == best or chance[e] == 0.0:
            continue
        size = _difference(e, best, dim, coef, dims, values)
        for a in range(size):
            part, d = chance[e] * values[a], dims[a]
            grad[d] += part
            if not seen[d]:
                seen[d], listed[touched] = True, d
                touched += 1
            mean[d] += part
            for b in range(size):
                if dims[b] >= d:
                    hess[d, dims[b]] += part * values[b] / heat
    for a in range(touched):
        part = mean[listed[a]] / heat
        for b in range(touched):
            if listed[b] >= listed[a]:
                hess[listed[a], listed[b]] -= part * mean[listed[b]]
    for a in range(touched):
        mean[listed[a]], seen[listed[a]] = 0.0, False


@compiled
def slopes(theta, heat, task, chance, first, grad, hess, scratch):
    """Fills the gradient of D at a temperature and the upper half of the Hessian of -D."""
    _, free, ends, _, dim, coef, _, _, _, least, most = task
    grad[:] = 0.0
    hess[:] = 0.0
    begin = 0
    for g in range(len(ends)):
        _slopes_of(begin, ends[g], first[g], heat, dim, coef, chance, grad, hess, scratch)
        begin = ends[g]
    users = ends[free - 1] if free > 0 else 0
    for e in range(users, len(chance)):
        d, s = dim[e, 0], e - users
        if d >= 0 and least[s] < 0.5 * theta[d] < most[s]:
            hess[d, d] += 0.5 * chance[e]
