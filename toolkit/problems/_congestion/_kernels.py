"""Compiled loops over users and resources: what a node leaves open, and its list of alternatives.

A resource's *states* are the numbers of users that it may have, each with the least and the largest
load of so many. The *alternatives* are those from which somebody picks one: every free user one of
its options (with copies: an option and a state of its resource), every resource one of its states.
An alternative costs base + sum over w of coef[w] theta[dim[w]]: theta are the prices, dim -1 none.
"""

# mypy: ignore-errors

from math import inf

import numpy as np

from toolkit.compiled import compiled


@compiled
def least_of(value, begin, end):
    """The least of value[begin:end]."""
    best = inf
    for e in range(begin, end):
        best = min(best, value[e])
    return best


@compiled
def picks(allowed, resource, resources):
    """How many options a user has, the last of them, and how many touch each resource."""
    users, options, width = resource.shape
    many, only = np.zeros(users, np.int64), np.zeros(users, np.int64)
    touch = np.zeros((users, resources), np.int64)
    for i in range(users):
        for j in range(options):
            if allowed[i, j]:
                many[i] += 1
                only[i] = j
                for w in range(width):
                    if resource[i, j, w] >= 0:
                        touch[i, resource[i, j, w]] += 1
    return many, only, touch


@compiled
def states(many, touch, weight, order, low, high):
    """(first, number, least, most): resource r has the states first[r] to first[r + 1] - 1.

    `order` sorts the users by weight on each resource. No states at all: the node is empty.
    """
    users, resources = weight.shape
    first = np.zeros(resources + 1, np.int64)
    forced, free = np.zeros(resources, np.int64), np.zeros(resources, np.int64)
    load = np.zeros(resources)
    possible = True
    for i in range(users):
        possible = possible and many[i] > 0
        for r in range(resources):
            if touch[i, r] == many[i]:
                forced[r] += 1
                load[r] += weight[i, r]
            elif touch[i, r] > 0:
                free[r] += 1
    for r in range(resources):
        begin, end = max(low[r], forced[r]), min(high[r], forced[r] + free[r])
        if begin > end or not possible:
            first[:] = 0
            break
        first[r + 1] = first[r] + end - begin + 1
    total = first[resources]
    number, least, most = np.zeros(total, np.int64), np.zeros(total), np.zeros(total)
    if total > 0:
        for r in range(resources):
            begin = max(low[r], forced[r])
            for s in range(first[r], first[r + 1]):
                number[s] = begin + s - first[r]
            _sums(r, 1, forced[r], load[r], many, touch, weight, order, first, number, least)
            _sums(r, -1, forced[r], load[r], many, touch, weight, order, first, number, most)
    return first, number, least, most


@compiled
def _sums(r, step, count, load, many, touch, weight, order, first, number, out):
    """Fills the loads of a resource's states, its free users by ascending weight (or falling)."""
    users, state = len(many), first[r]
    for rank in range(-1, users):
        if rank >= 0:
            i = order[rank if step > 0 else users - 1 - rank, r]
            if touch[i, r] == 0 or touch[i, r] == many[i]:
                continue
            count += 1
            load += weight[i, r]
        if state < first[r + 1] and number[state] == count:
            out[state] = load
            state += 1


@compiled
def price_slots(first, number, base, columns, equal):
    """(slot, how many): slot[0 load, 1 count, resource, column] is a price's place in theta.

    One column serves all states (a pair of prices), or each has its own (copies): the count minus
    base[r]. Where all weights are equal the count alone has a price.
    """
    resources = len(base)
    slot = np.full((2, resources, columns), -1, np.int64)
    size = 0
    for r in range(resources):
        for s in range(first[r], first[r + 1]):
            column = number[s] - base[r] if columns > 1 else 0
            for kind in range(2):
                if slot[kind, r, column] < 0 and (kind == 1 or not equal[r]):
                    slot[kind, r, column] = size
                    size += 1
    return slot, size


@compiled
def alternatives(allowed, many, only, first, number, slot, base, cost, resource, weight):
    """(constant, free users, group ends, bases, dims, coefs, origins, loads and counts of fixed).

    Users with one option count as constants. A resource's bases and coefs follow from the prices,
    so they are left to `dual`; the origin of a user's alternative is its place in `cost`.
    """
    users, options, width = resource.shape
    resources, columns = slot.shape[1], slot.shape[2]
    size = len(number)
    for i in range(users):
        if many[i] > 1:
            for j in range(options):
                if allowed[i, j]:
                    r = resource[i, j, 0]
                    size += first[r + 1] - first[r] if columns > 1 and r >= 0 else 1
    ends = np.zeros(users + resources, np.int64)
    start, origin = np.zeros(size), np.zeros(size, np.int64)
    dim, coef = np.full((size, 2 * width), -1, np.int64), np.zeros((size, 2 * width))
    fixed = np.zeros((2, resources))
    constant, free, at = 0.0, 0, 0
    for i in range(users):
        if many[i] == 1:
            constant += cost[i, only[i]]
            for w in range(width):
                r = resource[i, only[i], w]
                if r >= 0:
                    fixed[0, r] += weight[i, r]
                    fixed[1, r] += 1.0
            continue
        for j in range(options):
            if not allowed[i, j]:
                continue
            r = resource[i, j, 0]
            copies = first[r + 1] - first[r] if columns > 1 and r >= 0 else 1
            for k in range(copies):
                start[at], origin[at] = cost[i, j], i * options + j
                for w in range(width):
                    r = resource[i, j, w]
                    if r >= 0:
                        column = number[first[r] + k] - base[r] if columns > 1 else 0
                        dim[at, 2 * w], coef[at, 2 * w] = slot[0, r, column], weight[i, r]
                        dim[at, 2 * w + 1], coef[at, 2 * w + 1] = slot[1, r, column], 1.0
                at += 1
        ends[free] = at
        free += 1
    for r in range(resources):
        for s in range(first[r], first[r + 1]):
            column = number[s] - base[r] if columns > 1 else 0
            dim[at, 0], dim[at, 1] = slot[0, r, column], slot[1, r, column]
            origin[at] = r
            at += 1
        ends[free + r] = at
    return constant, free, ends[: free + resources], start, dim, coef, origin, fixed


@compiled
def node_summary(free, ends, origin, chance, value, first, number, many, only, shape, resource):
    """What the alternatives say of options and counts.

    (chance (users, options), excess over the user's best (users, options), excess of every state,
    expected count of every resource)
    """
    users, options = shape
    likely, excess = np.zeros(shape), np.full(shape, inf)
    over, mean = np.zeros(len(number)), np.zeros(len(first) - 1)
    for i in range(users):
        if many[i] == 1:
            likely[i, only[i]], excess[i, only[i]] = 1.0, 0.0
    begin = 0
    for g in range(len(ends)):
        best = least_of(value, begin, ends[g])
        for e in range(begin, ends[g]):
            if g >= free:
                over[e - (ends[free - 1] if free > 0 else 0)] = value[e] - best
                continue
            i, j = origin[e] // options, origin[e] % options
            likely[i, j] += chance[e]
            excess[i, j] = min(excess[i, j], value[e] - best)
        begin = ends[g]
    for i in range(users):
        for j in range(options):
            for w in range(resource.shape[2]):
                if resource[i, j, w] >= 0:
                    mean[resource[i, j, w]] += likely[i, j]
    return likely, excess, over, mean
