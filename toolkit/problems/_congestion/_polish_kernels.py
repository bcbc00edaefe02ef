"""Compiled loops over batches of choices: greedy ones, and moves that better them."""

# mypy: ignore-errors

from math import inf

import numpy as np

from toolkit.compiled import compiled

from ._set_kernels import chain, pair_moves, single_moves

CANDIDATES = 600  # options that pairs are made of


@compiled
def _sums(choice, resource, weight):
    """The loads of a choice."""
    load = np.zeros(weight.shape[1])
    for i in range(len(choice)):
        for r in resource[i, choice[i]]:
            if r >= 0:
                load[r] += weight[i, r]
    return load


@compiled
def _added(i, j, load, cost, resource, weight):
    """What user i adds to the loss by option j; it is not in `load`."""
    worth = cost[i, j]
    for r in resource[i, j]:
        if r >= 0:
            worth += weight[i, r] * (2.0 * load[r] + weight[i, r])
    return worth


@compiled
def _candidates(choice, tried, cost, resource, weight):
    """(users, options, how much dearer alone) to try, the least dear first; at most CANDIDATES."""
    load, users, options = _sums(choice, resource, weight), cost.shape[0], cost.shape[1]
    dearer = np.full(users * options, inf)
    for i in range(users):
        for r in resource[i, choice[i]]:
            if r >= 0:
                load[r] -= weight[i, r]
        here = _added(i, choice[i], load, cost, resource, weight)
        for j in range(options):
            if tried[i, j]:
                dearer[i * options + j] = _added(i, j, load, cost, resource, weight) - here
        for r in resource[i, choice[i]]:
            if r >= 0:
                load[r] += weight[i, r]
    order = np.argsort(dearer, kind="mergesort")
    count = min(CANDIDATES, np.sum(tried))
    return order[:count] // options, order[:count] % options


@compiled
def greedy(order, tried, cost, resource, weight, choice):
    """User after user takes the option that adds least to the loss."""
    load = np.zeros(weight.shape[1])
    for i in order:
        least = inf
        for j in range(cost.shape[1]):
            if tried[i, j]:
                worth = _added(i, j, load, cost, resource, weight)
                if worth < least:
                    least, choice[i] = worth, j
        for r in resource[i, choice[i]]:
            if r >= 0:
                load[r] += weight[i, r]


@compiled
def polish(choice, tried, cost, resource, weight, top, pairs):
    """Betters a choice by single moves and chains and, on request, pairs of moves."""
    who, what = np.nonzero(tried)
    load, free = _sums(choice, resource, weight), np.zeros(len(who))
    again = True
    while again:
        single_moves(choice, load, cost, resource, weight, who, what, free, inf)
        again = chain(choice, load, cost, resource, weight, top)
        if pairs and not again:
            near, to = _candidates(choice, tried, cost, resource, weight)
            again = pair_moves(choice, load, cost, resource, weight, near, to, free, inf)


@compiled
def polish_all(choices, which, tried, cost, resource, weight, top, pairs):
    """`polish` of every row; `which` names its instance."""
    for r in range(len(choices)):
        k = which[r]
        polish(choices[r], tried[k], cost[k], resource[k], weight[k], top[k], pairs)
