"""Compiled loops: the dual over the prices, smoothed at a temperature, and Newton's steps up it.

With alternatives as in `_kernels`, D(theta) = constant + sum over users and resources of their
cheapest alternative. At temperature T every minimum becomes -T log sum exp(-v / T), which is below
it: concave, smooth, and so a bound itself. A state of n users and load y, of which n0 and y0 belong
to fixed users, costs min over y of y^2 - lambda (y - y0) - nu (n - n0).
"""

# mypy: ignore-errors

from math import exp, inf, log

import numpy as np

from toolkit.compiled import compiled

from ._kernels import alternatives, least_of, node_summary, picks, price_slots, states

FAR = 36.0  # temperatures: alternatives that much dearer than the best do not count
SHRINK = 0.25  # of the temperature
STEPS = 60  # of Newton at one temperature
HALVINGS = 40
ENOUGH = 0.3  # of a temperature: so small a gain is left to the next
HOPELESS = 0.1  # of the way to the target: that little is left to gain, so the node stays open


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
def _softened(begin, end, heat, dim, coef, value, chance, grad, hess, scratch):
    """The smoothed minimum of a group; adds its gradient, and its curvature (of -D)."""
    mean, seen, listed, dims, values = scratch
    best, total = begin, 0.0
    for e in range(begin + 1, end):
        if value[e] < value[best]:
            best = e
    for e in range(begin, end):
        above = (value[e] - value[best]) / heat
        chance[e] = exp(-above) if above < FAR else 0.0
        total += chance[e]
    for w in range(dim.shape[1]):
        if dim[best, w] >= 0:
            grad[dim[best, w]] += coef[best, w]
    touched = 0
    for e in range(begin, end):
        chance[e] /= total
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
                hess[d, dims[b]] += part * values[b] / heat
    for a in range(touched):
        for b in range(touched):
            hess[listed[a], listed[b]] -= mean[listed[a]] * mean[listed[b]] / heat
    for a in range(touched):
        mean[listed[a]], seen[listed[a]] = 0.0, False
    return value[best] - heat * log(total)


@compiled
def _priced(theta, task, value):
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
    _priced(theta, task, value)
    total, begin = task[0], 0
    for end in task[2]:
        total += least_of(value, begin, end)
        begin = end
    return total


@compiled
def _smoothed(theta, heat, task, value, chance, grad, hess, scratch):
    """D at a temperature; fills its gradient and the Hessian of -D."""
    constant, free, ends, _, dim, coef, _, _, _, least, most = task
    _priced(theta, task, value)
    grad[:] = 0.0
    hess[:] = 0.0
    total, begin = constant, 0
    for end in ends:
        total += _softened(begin, end, heat, dim, coef, value, chance, grad, hess, scratch)
        begin = end
    users = ends[free - 1] if free > 0 else 0
    for e in range(users, len(value)):
        d, s = dim[e, 0], e - users
        if d >= 0 and least[s] < 0.5 * theta[d] < most[s]:
            hess[d, d] += 0.5 * chance[e]
    return total


@compiled
def _newton_step(hess, grad):
    """Solves hess @ step = grad in place by Cholesky's factors, a little regularised."""
    size, most = len(grad), 0.0
    for a in range(size):
        most = max(most, hess[a, a])
    tiny = 1e-10 * most + 1e-9
    step = grad.copy()
    for a in range(size):
        hess[a, a] += tiny
    for a in range(size):
        pivot = max(hess[a, a], tiny) ** -0.5
        for b in range(a, size):
            hess[a, b] *= pivot
        hess[a, a] = 1.0 / pivot
        step[a] *= pivot
        for b in range(a + 1, size):
            factor = hess[a, b]
            if factor != 0.0:
                for c in range(b, size):
                    hess[b, c] -= factor * hess[a, c]
                step[b] -= factor * step[a]
    for a in range(size - 1, -1, -1):
        for b in range(a + 1, size):
            step[a] -= hess[a, b] * step[b]
        step[a] /= hess[a, a]
    return step


@compiled
def _climb(theta, heat, cold, target, task, value, chance):
    """(D, the best prices): temperatures fall, Newton's steps at each, until D reaches target.

    At a smoothed optimum the chances are a fractional choice, of a cost that D does not exceed.
    """
    size = len(theta)
    grad, hess, other = np.zeros(size), np.zeros((size, size)), np.zeros(size)
    listed, dims = np.zeros(size, np.int64), np.zeros(8, np.int64)
    scratch = (np.zeros(size), np.zeros(size, np.bool_), listed, dims, np.zeros(8))
    best, top = theta.copy(), dual(theta, task, value)
    while top < target:
        now = _smoothed(theta, heat, task, value, chance, grad, hess, scratch)
        for _ in range(STEPS):
            step = _newton_step(hess, grad)
            gain, length = 0.0, 1.0
            for a in range(size):
                gain += grad[a] * step[a]
            for _ in range(HALVINGS):
                for a in range(size):
                    other[a] = theta[a] + length * step[a]
                then = _smoothed(other, heat, task, value, chance, grad, hess, scratch)
                if then >= now + 1e-4 * length * gain:
                    break
                length *= 0.5
            if then > now:
                theta[:] = other
                now = then
            if gain < ENOUGH * heat or length < 1e-9:
                break
        fractional = task[0]
        for e in range(len(value)):
            fractional += chance[e] * value[e]
        exact = dual(theta, task, value)
        if exact > top:
            top = exact
            best[:] = theta
        if heat <= cold or (target < inf and fractional - top < HOPELESS * (target - fractional)):
            break
        heat = max(heat * SHRINK, cold)
    return top, best


@compiled
def _copy_prices(slot, prices, theta, into):
    """Between the table of prices and their list; prices without a place become 0."""
    for kind in range(slot.shape[0]):
        for r in range(slot.shape[1]):
            for column in range(slot.shape[2]):
                d = slot[kind, r, column]
                if into and d >= 0:
                    theta[d] = prices[kind, r, column]
                elif not into:
                    prices[kind, r, column] = theta[d] if d >= 0 else 0.0


@compiled
def bound_node(
    allowed, low, high, prices, base, heats, target, cost, resource, weight, order, equal
):
    """A node's bound (+inf: it is empty), with all that branching and rounding ask of it.

    heats: the first and the last temperature, in units of the typical cost. prices (2, resources,
    columns): a start, overwritten by the best. Returns the bound, first and number of the states,
    and the four of `node_summary`.
    """
    many, only, touch = picks(allowed, resource, len(low))
    first, number, least, most = states(many, touch, weight, order, low, high)
    shape = cost.shape
    if len(number) == 0:
        none = np.zeros(shape)
        return inf, first, number, none, none, least, np.zeros(len(low))
    slot, size = price_slots(first, number, base, prices.shape[2], equal)
    parts = alternatives(allowed, many, only, first, number, slot, base, cost, resource, weight)
    task = (*parts, number, least, most)
    ends, origin = parts[2], parts[6]
    theta, value, chance = np.zeros(size), np.zeros(len(origin)), np.zeros(len(origin))
    _copy_prices(slot, prices, theta, True)
    top, theta = _climb(theta, heats[0], heats[1], target, task, value, chance)
    dual(theta, task, value)
    _copy_prices(slot, prices, theta, False)
    likely, excess, over, mean = node_summary(
        parts[1], ends, origin, chance, value, first, number, many, only, shape, resource
    )
    return top, first, number, likely, excess, over, mean
