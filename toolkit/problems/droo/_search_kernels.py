"""Compiled branch and bound over charging times and users: nodes, their splits, and whole searches.

Notation as in `_dual_kernels`. A node is an interval a1..a2 of the charging time with some users
fixed. A large gap means that two different charging times maximise its dual; once a is confined,
only a tied user is left. So a node is split in a, midway between the two, and then by the user
(docs/droo.md).
"""

# mypy: ignore-errors

import numpy as np

from toolkit.compiled import compiled

from ._dual_kernels import best_price, first_price
from ._kernels import classes

NEAR = 1e-4  # relative: two charging times that close are one
MOST_CUTS = 10  # splits of a on one path; then users only, lest the search stall
FEW = 12  # of fewer ties, a is split once, twice … where there are more than 1, 2, 4 …
NOTHING, CUT, USER = 0, 1, 2  # how a node is split
PRICE, FROM, TO, CUTS, BOUND, HOW, WHERE, COLUMNS = range(8)  # a node as a row of numbers
ROOM = 16  # nodes that wait, to begin with
SHY = 0.999  # of the gap asked for is gone for, for rounding


@compiled
def bounded(v, a1, a2, fixed, cuts, target, local, snr, member, values):
    """(bound, price, how to split, where, best bit/s of a mode seen, that mode (n,)) of a node.

    `where` is a charging time or a user; `cuts` says how often a was cut on the way to the node.
    """
    x1, x2 = a1 ** (2.0 / 3.0), a2 ** (2.0 / 3.0)
    bound, v, xs, sets, worth, mode = best_price(
        v, x1, x2, fixed, target, local, snr, member, values
    )
    ties, user, free = 0, -1, -1
    for i in range(len(fixed)):
        if fixed[i] == 0:
            if free < 0 or local[i] > local[free]:
                free = i
            if sets[0, i] != sets[1, i]:
                ties += 1
                if user < 0 or local[i] > local[user]:
                    user = i
    low, high = min(xs[0], xs[1]) ** 1.5, max(xs[0], xs[1]) ** 1.5
    middle = 0.5 * (low + high)
    apart = high - low > NEAR * high and a1 < middle < a2
    if apart and cuts < MOST_CUTS and ties > min(2.0**cuts, FEW):
        return bound, v, CUT, middle, worth, mode
    if user < 0:
        user = free  # without a tie any free user serves
    return bound, v, USER if user >= 0 else NOTHING, float(user), worth, mode


@compiled
def best_mode(local, snr, rate, gap, most, best):
    """Fills `best` with a mode of largest rate, to the relative gap: (bit/s, bound, nodes).

    Depth first, of two children that of the larger bound first. After `most` nodes the rest stays
    open: it counts in the bound.
    """
    member, values = classes(rate)
    users = (local, snr, member, values)
    stack, nodes = np.arange(ROOM), np.empty((ROOM, COLUMNS))
    fixed = np.zeros((ROOM, local.shape[0]), np.int8)
    nodes[0, :CUTS] = first_price(local, snr, values, member), 0.0, 1.0
    nodes[0, CUTS] = 0.0
    worth = _bound(nodes[0], fixed[0], 0.0, 0.0, best, users)
    count, top, closed = 1, 0, 0.0
    while top >= 0:
        here, goal = stack[top], worth * (1.0 + SHY * gap)
        if nodes[here, BOUND] <= goal or nodes[here, HOW] == NOTHING or count >= most:
            closed = max(closed, nodes[here, BOUND])
            top -= 1
            continue
        if top + 2 > len(stack):
            stack = np.concatenate((stack, len(stack) + np.arange(len(stack))))
            nodes = np.concatenate((nodes, np.empty_like(nodes)))
            fixed = np.concatenate((fixed, np.empty_like(fixed)))
        other = stack[top + 1]
        _split(nodes, fixed, here, other)
        worth = _bound(nodes[here], fixed[here], goal, worth, best, users)
        goal = worth * (1.0 + SHY * gap)
        worth = _bound(nodes[other], fixed[other], goal, worth, best, users)
        if nodes[here, BOUND] > nodes[other, BOUND]:
            stack[top], stack[top + 1] = other, here
        count, top = count + 2, top + 1
    return worth, max(closed, worth), count


@compiled
def _bound(node, fixed, goal, worth, best, users):
    """Bounds a node; keeps a mode that is worth more than `worth` in `best`: its worth now."""
    node[BOUND], node[PRICE], node[HOW], node[WHERE], rated, mode = bounded(
        node[PRICE], node[FROM], node[TO], fixed, node[CUTS], goal, *users
    )
    if rated > worth:
        worth = rated
        best[:] = mode
    return worth


@compiled
def _split(nodes, fixed, here, other):
    """Makes the node `here` its first part, and `other` its second."""
    nodes[other], fixed[other] = nodes[here], fixed[here]
    at = nodes[here, WHERE]
    if nodes[here, HOW] == CUT:
        nodes[here, CUTS] += 1.0
        nodes[other, CUTS] += 1.0
        nodes[here, TO], nodes[other, FROM] = at, at
    else:
        fixed[here, int(at)], fixed[other, int(at)] = 1, -1


@compiled
def best_modes(local, snr, rate, gap, most):
    """A best mode of every instance (rows, n): (modes, bit/s, bounds, nodes)."""
    rows = local.shape[0]
    modes, nodes = np.empty(local.shape), np.empty(rows, np.int64)
    worth, bounds = np.empty(rows), np.empty(rows)
    for r in range(rows):
        worth[r], bounds[r], nodes[r] = best_mode(local[r], snr[r], rate[r], gap, most, modes[r])
    return modes, worth, bounds, nodes
