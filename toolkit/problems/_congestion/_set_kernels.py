"""Compiled searches for good choices: moves of one user, pairs of moves, and chains of them."""

# mypy: ignore-errors

from math import inf

import numpy as np

from toolkit.compiled import compiled

PATIENCE = 6  # draws
SWEEPS = 3
TINY = 1e-13  # in units of the typical cost: smaller gains are rounding


@compiled
def _shift(i, old, new, load, resource, weight, apply):
    """By how much the squares of the loads grow when user i goes over; on request, it goes."""
    grown, width = 0.0, resource.shape[2]
    for side in range(2):
        here, there = (old, new) if side == 0 else (new, old)
        for w in range(width):
            r = resource[i, here, w]
            shared = r < 0
            for u in range(width):
                shared = shared or resource[i, there, u] == r
            if not shared:
                by = weight[i, r] if side else -weight[i, r]
                grown += by * (2.0 * load[r] + by)
                if apply:
                    load[r] += by
    return grown


@compiled
def _delta(i, new, choice, load, cost, resource, weight):
    """What it costs that user i picks another option."""
    old = choice[i]
    return cost[i, new] - cost[i, old] + _shift(i, old, new, load, resource, weight, False)


@compiled
def _move(i, new, choice, load, resource, weight):
    _shift(i, choice[i], new, load, resource, weight, True)
    choice[i] = new


@compiled
def settled_loads(allowed, cost, resource, weight):
    """The loads once all users, one after the other and SWEEPS times, took what costs least."""
    users, options = cost.shape
    choice, load = np.zeros(users, np.int64), np.zeros(weight.shape[1])
    for sweep in range(SWEEPS):
        for i in range(users):
            if sweep > 0:
                for r in resource[i, choice[i]]:
                    if r >= 0:
                        load[r] -= weight[i, r]
            least = inf
            for j in range(options):
                if allowed[i, j]:
                    worth = cost[i, j]
                    for r in resource[i, j]:
                        if r >= 0:
                            worth += weight[i, r] * (2.0 * load[r] + weight[i, r])
                    if worth < least:
                        least, choice[i] = worth, j
            for r in resource[i, choice[i]]:
                if r >= 0:
                    load[r] += weight[i, r]
    return load


@compiled
def single_moves(choice, load, cost, resource, weight, who, what, excess, room):
    """Moves single users while that helps."""
    again = True
    while again:
        again = False
        for c in range(len(who)):
            i, j = who[c], what[c]
            if excess[c] > room:
                break
            if choice[i] != j and _delta(i, j, choice, load, cost, resource, weight) < -TINY:
                _move(i, j, choice, load, resource, weight)
                again = True


@compiled
def _moves(choice, load, cost, resource, weight, who, what, alone, place, by):
    """What every move costs by itself (+inf: it is no move), and by how much it shifts loads."""
    width = resource.shape[2]
    by[:] = 0.0
    for c in range(len(who)):
        i, new, old = who[c], what[c], choice[who[c]]
        alone[c] = inf
        if old == new:
            continue
        alone[c] = _delta(i, new, choice, load, cost, resource, weight)
        for w in range(width):
            gone, come = resource[i, old, w], resource[i, new, w]
            for u in range(width):
                if resource[i, new, u] == gone:
                    gone = -1
                if resource[i, old, u] == come:
                    come = -1
            if gone >= 0:
                place[c, w], by[c, w] = gone, -weight[i, gone]
            if come >= 0:
                place[c, width + w], by[c, width + w] = come, weight[i, come]


@compiled
def pair_moves(choice, load, cost, resource, weight, who, what, excess, room):
    """For every move, the best move of another user beside it; True if some pair helped."""
    helped, shift, size = False, np.zeros(len(load)), len(who)
    alone, by = np.empty(size), np.empty((size, 2 * resource.shape[2]))
    place = np.zeros((size, 2 * resource.shape[2]), np.int64)
    _moves(choice, load, cost, resource, weight, who, what, alone, place, by)
    for c in range(size):
        if excess[c] > room:
            break
        if alone[c] == inf:
            continue
        best, least = -1, -TINY - alone[c]
        for k in range(by.shape[1]):
            shift[place[c, k]] += 2.0 * by[c, k]
        for d in range(size):
            if excess[c] + excess[d] > room:
                break
            second = alone[d]
            for k in range(by.shape[1]):
                second += shift[place[d, k]] * by[d, k]
            if second < least and who[d] != who[c]:
                best, least = d, second
        for k in range(by.shape[1]):
            shift[place[c, k]] = 0.0
        if best >= 0:
            _move(who[c], what[c], choice, load, resource, weight)
            _move(who[best], what[best], choice, load, resource, weight)
            _moves(choice, load, cost, resource, weight, who, what, alone, place, by)
            helped = True
    return helped


@compiled
def _level_of(i, j, resource, top):
    """The resource of equal weights that an option touches, -1: none; the last of several."""
    found = -1
    for r in resource[i, j]:
        if r >= 0 and top[r] > 0.0:
            found = r
    return found


@compiled
def _same_otherwise(i, old, new, here, there, resource):
    """Whether two options touch the same resources but for these two."""
    for w in range(resource.shape[2]):
        for j, other, gone in ((old, new, here), (new, old, there)):
            r = resource[i, j, w]
            if r >= 0 and r != gone:
                shared = False
                for u in range(resource.shape[2]):
                    shared = shared or resource[i, other, u] == r
                if not shared:
                    return False
    return True


@compiled
def _cheapest_handovers(choice, cost, resource, top, way, user, option):
    """Fills way[a, b]: the least that a user on a asks for going over to b; who, and to what."""
    way[:] = inf
    for i in range(len(choice)):
        a = _level_of(i, choice[i], resource, top)
        if a < 0:
            continue
        for j in range(cost.shape[1]):
            b = _level_of(i, j, resource, top)
            if b >= 0 and b != a and _same_otherwise(i, choice[i], j, a, b, resource):
                asks = cost[i, j] - cost[i, choice[i]]
                if asks < way[a, b]:
                    way[a, b], user[a, b], option[a, b] = asks, i, j


@compiled
def _shortest_ways(way, after):
    """Shortens `way` by detours; after[a, b] is the first stop on the way from a to b."""
    size = len(way)
    for a in range(size):
        for b in range(size):
            after[a, b] = b
    for k in range(size):
        for a in range(size):
            for b in range(size):
                if a != b and way[a, k] + way[k, b] < way[a, b]:
                    way[a, b], after[a, b] = way[a, k] + way[k, b], after[a, k]


@compiled
def chain(choice, load, cost, resource, weight, top):
    """Moves one user each along the way between two resources that gains most; False: none does.

    The other resources keep their loads: so such chains settle the resources of equal weights.
    """
    size = len(load)
    way, after = np.empty((size, size)), np.empty((size, size), np.int64)
    user, option = np.empty((size, size), np.int64), np.empty((size, size), np.int64)
    _cheapest_handovers(choice, cost, resource, top, way, user, option)
    _shortest_ways(way, after)
    least, start, end = -TINY, -1, -1
    for a in range(size):
        for b in range(size):
            if a != b and way[a, b] < inf:
                grown = top[b] * (2.0 * load[b] + top[b]) - top[a] * (2.0 * load[a] - top[a])
                if way[a, b] + grown < least:
                    least, start, end = way[a, b] + grown, a, b
    stops = 0
    while start != end and stops < size:
        b = after[start, end]
        _move(user[start, b], option[start, b], choice, load, resource, weight)
        start, stops = b, stops + 1
    return stops > 0


@compiled
def _polish(choice, cost, resource, weight, top, who, what, excess, room):
    """Betters a choice in place by moves among the candidates; returns its cost.

    Candidates ascend by excess over the dual; a choice with more than `room` of it is no better
    than the best one known.
    """
    load = np.zeros(weight.shape[1])
    for i in range(len(choice)):
        for r in resource[i, choice[i]]:
            if r >= 0:
                load[r] += weight[i, r]
    again, levels = len(who) > 0, False
    for r in range(len(top)):
        levels = levels or top[r] > 0.0
    while again:
        for _ in range(len(choice)):
            if not (levels and chain(choice, load, cost, resource, weight, top)):
                break
        single_moves(choice, load, cost, resource, weight, who, what, excess, room)
        again = pair_moves(choice, load, cost, resource, weight, who, what, excess, room)
    return loss_of(choice, cost, resource, weight)


@compiled
def loss_of(choice, cost, resource, weight):
    """What a choice costs."""
    total, load = 0.0, np.zeros(weight.shape[1])
    for i in range(len(choice)):
        total += cost[i, choice[i]]
        for r in resource[i, choice[i]]:
            if r >= 0:
                load[r] += weight[i, r]
    for r in range(len(load)):
        total += load[r] * load[r]
    return total


@compiled
def good_choice(start, likely, dice, bound, enough, cost, resource, weight, top, who, what, excess):
    """The best of a start and of draws from `likely` (rows of dice), all polished, and its cost.

    `bound` is the dual's; no more is drawn once the cost is at most `enough`, or PATIENCE draws
    in a row were no better.
    """
    best = start.copy()
    least = _polish(best, cost, resource, weight, top, who, what, excess, inf)
    users, options = likely.shape
    vain = 0
    for draw in range(len(dice)):
        if least <= enough or vain == PATIENCE:
            break
        other = start.copy()
        for i in range(users):
            left = dice[draw, i]
            for j in range(options):
                left -= likely[i, j]
                if left < 0.0:
                    other[i] = j
                    break
        room = least - bound
        worth = _polish(other, cost, resource, weight, top, who, what, excess, room)
        vain += 1
        if worth < least:
            best, least, vain = other, worth, 0
    return best, least
