"""Compiled: Newton's steps up the dual while the temperature falls, and so a node's bound."""

# mypy: ignore-errors

from math import inf

import numpy as np

from toolkit.compiled import compiled

from ._dual_kernels import dual, live, slopes, smoothed
from ._kernels import alternatives, node_summary, picks, price_slots, states

SHRINK = 0.25  # of the temperature
STEPS = 60  # of Newton at one temperature
HALVINGS = 40
ENOUGH = 0.3  # of a temperature: so small a gain is left to the next
VAIN = 1e-3  # of a temperature: a step that gains no more is the last
HOPELESS = 0.1  # of the way to the target: that little is left to gain, so the node stays open
ROOM = 64.0  # temperatures: alternatives that much dearer are left out for now


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
def _ascend(theta, heat, task, value, chance):
    """Newton's steps at one temperature, in place."""
    size = len(theta)
    grad, hess, other = np.zeros(size), np.zeros((size, size)), np.zeros(size)
    listed, dims = np.zeros(size, np.int64), np.zeros(8, np.int64)
    scratch = (np.zeros(size), np.zeros(size, np.bool_), listed, dims, np.zeros(8))
    first = np.zeros(len(task[2]), np.int64)
    now, length = smoothed(theta, heat, task, value, chance, first), 1.0
    for _ in range(STEPS):
        slopes(theta, heat, task, chance, first, grad, hess, scratch)
        step = _newton_step(hess, grad)
        before, gain, length = now, 0.0, min(1.0, 4.0 * length)
        for a in range(size):
            gain += grad[a] * step[a]
        for _ in range(HALVINGS):
            for a in range(size):
                other[a] = theta[a] + length * step[a]
            then = smoothed(other, heat, task, value, chance, first)
            lack = now + length * gain - then
            if lack <= 0.9999 * length * gain:
                break
            length *= max(0.1, min(0.5, 0.5 * length * gain / lack))
        if then > now:
            theta[:] = other
            now = then
        if gain < ENOUGH * heat or now - before < VAIN * heat:
            break


@compiled
def _climb(theta, heat, cold, target, task, value, chance):
    """(D, the best prices): temperatures fall, Newton's steps at each, until D reaches target.

    At a smoothed optimum the chances are a fractional choice, of a cost that D does not exceed.
    Alternatives that are far too dear are left out, but for once if that was wrong.
    """
    best, top = theta.copy(), dual(theta, task, value)
    begun, room = theta.copy(), ROOM
    while top < target:
        where, few = live(task, value, room * heat)
        worth, odds = np.zeros(len(where)), np.zeros(len(where))
        _ascend(theta, heat, few, worth, odds)
        exact = dual(theta, task, value)
        if room < inf and dual(theta, few, worth) > exact + heat:  # what was left out matters
            theta[:] = begun
            dual(theta, task, value)
            room = inf
            continue
        chance[:] = 0.0
        fractional = task[0]
        for k in range(len(where)):
            chance[where[k]] = odds[k]
            fractional += odds[k] * value[where[k]]
        if exact > top:
            top = exact
            best[:] = theta
        if heat <= cold or (target < inf and fractional - top < HOPELESS * (target - fractional)):
            break
        begun[:] = theta
        heat, room = max(heat * SHRINK, cold), ROOM
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
