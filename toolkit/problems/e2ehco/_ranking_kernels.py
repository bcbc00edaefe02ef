"""Compiled loops over users and servers: greedy choices, best responses, and pairs of moves.

A choice has options 0 (local) to M (a server each). `load` holds the sums of weights on the
servers, load[0] is not used; what user i pays in all for option m beside the others is
cost[i, m] + w (2 load_m + w).
"""

# mypy: ignore-errors

from math import inf

import numpy as np

from toolkit.compiled import compiled, inlined

NEGLIGIBLE = 1e-12  # of a cost: a gain below this is rounding
FEW = 300  # users up to which pairs are moved


@inlined
def _price(i, m, cost, weight, load):
    """What option m of user i adds to the loss; the user is not in `load`."""
    if m == 0:
        return cost[i, 0]
    w = weight[i, m - 1]
    return cost[i, m] + w * (2.0 * load[m] + w)


@inlined
def _move(i, m, sign, weight, load):
    if m > 0:
        load[m] += sign * weight[i, m - 1]


@compiled
def _best(i, cost, weight, load, limit, count):
    """(option, price) of the least price among options that fewer than `limit` users have."""
    option, least = 0, cost[i, 0]
    for m in range(1, cost.shape[1]):
        price = _price(i, m, cost, weight, load)
        if price < least and count[m] < limit:
            option, least = m, price
    return option, least


@compiled
def greedy(order, cost, weight, choice):
    """User after user takes the option that adds least."""
    load, none = np.zeros(cost.shape[1]), np.zeros(cost.shape[1], np.int64)
    for i in order:
        choice[i] = _best(i, cost, weight, load, 1, none)[0]
        _move(i, choice[i], 1.0, weight, load)


@compiled
def nearest(limit, cost, choice):
    """Every user's server of the cheapest transmission that fewer than `limit` users have."""
    count = np.zeros(cost.shape[1], np.int64)
    for i in range(cost.shape[0]):
        choice[i], least = 0, inf
        for m in range(1, cost.shape[1]):
            if cost[i, m] < least and count[m] < limit:
                choice[i], least = m, cost[i, m]
        count[choice[i]] += 1


@compiled
def nearest_all(limit, cost):
    """`nearest` of every instance, (instances, users)."""
    choices = np.zeros(cost.shape[:2], np.int64)
    for k in range(cost.shape[0]):
        nearest(limit, cost[k], choices[k])
    return choices


@compiled
def _respond(choice, cost, weight, load):
    """Best responses until nobody gains: the loss falls with each."""
    none = np.zeros(cost.shape[1], np.int64)
    gained = True
    while gained:
        gained = False
        for i in range(choice.shape[0]):
            _move(i, choice[i], -1.0, weight, load)
            here = _price(i, choice[i], cost, weight, load)
            option, least = _best(i, cost, weight, load, 1, none)
            if least < here - NEGLIGIBLE * here:
                choice[i], gained = option, True
            _move(i, choice[i], 1.0, weight, load)


@inlined
def _saving(i, j, before, m, own, weight):
    """What user j can gain at most by a move once i moved, since it could gain nothing before."""
    saving = 0.0
    if before > 0:
        saving += 2.0 * weight[i, before - 1] * weight[j, before - 1]
    if m > 0 and own == m:
        saving += 2.0 * weight[i, m - 1] * weight[j, m - 1]
    return saving


@compiled
def _pair(i, choice, cost, weight, load, heaviest):
    """Moves user i and then another one where that gains; says whether it did.

    Alone neither gains, and together they gain at most what they save on the servers they share:
    moves that lose more than that are not tried.
    """
    before = choice[i]
    _move(i, before, -1.0, weight, load)
    here = _price(i, before, cost, weight, load)
    for m in range(cost.shape[1]):
        if m == before:
            continue
        lost = _price(i, m, cost, weight, load) - here
        most = 0.0
        for k in (m, before):
            if k > 0:
                most += 2.0 * weight[i, k - 1] * heaviest[k - 1]
        if lost >= most:
            continue
        _move(i, m, 1.0, weight, load)
        for j in range(choice.shape[0]):
            own, least = choice[j], inf
            if j == i or lost >= _saving(i, j, before, m, own, weight):
                continue
            _move(j, own, -1.0, weight, load)
            for k in range(cost.shape[1]):
                least = min(least, _price(j, k, cost, weight, load))
            now = _price(j, own, cost, weight, load)
            if lost + least - now < -NEGLIGIBLE * (here + now):
                for k in range(cost.shape[1]):
                    if _price(j, k, cost, weight, load) == least:
                        choice[j] = k
                choice[i] = m
                _move(j, choice[j], 1.0, weight, load)
                return True
            _move(j, own, 1.0, weight, load)
        _move(i, m, -1.0, weight, load)
    _move(i, before, 1.0, weight, load)
    return False


@compiled
def polish(choice, cost, weight, pairs):
    """Best responses, and then pairs of moves, until neither gains."""
    load, heaviest = np.zeros(cost.shape[1]), np.zeros(weight.shape[1])
    for i in range(choice.shape[0]):
        _move(i, choice[i], 1.0, weight, load)
        for m in range(weight.shape[1]):
            heaviest[m] = max(heaviest[m], weight[i, m])
    _respond(choice, cost, weight, load)
    gained = pairs and choice.shape[0] <= FEW
    while gained:
        gained = False
        for i in range(choice.shape[0]):
            if _pair(i, choice, cost, weight, load, heaviest):
                gained = True
                _respond(choice, cost, weight, load)


@compiled
def polish_all(choices, which, cost, weight, pairs):
    """`polish` of every row; `which` names its instance."""
    for r in range(choices.shape[0]):
        polish(choices[r], cost[which[r]], weight[which[r]], pairs)


@compiled
def ranked(heavy, limit, cost, weight):
    """Choices (14, users): local; nearest, without and with a limit; greedy by number, by weight.

    Then best responses from each of these, and pairs of moves from those of the last four.
    """
    users = cost.shape[0]
    out = np.zeros((14, users), np.int64)
    nearest(users + 1, cost, out[1])
    nearest(limit, cost, out[2])
    greedy(np.arange(users), cost, weight, out[3])
    greedy(heavy, cost, weight, out[4])
    for k in range(5):
        out[5 + k] = out[k]
        polish(out[5 + k], cost, weight, False)
    for k in range(4):
        out[10 + k] = out[6 + k]
        polish(out[10 + k], cost, weight, True)
    return out
