"""Backward recursion over queues that hold whole quanta of work, and play by what it found.

A state is a number: devices' digits times their strides, plus servers' digits; the tables hold
next digits with the stride in them. A choice is a pair: which devices keep their tasks (a set,
number `keep`), and how many tasks each server gets (number `share`).
"""

# mypy: ignore-errors

import numpy as np

from toolkit.compiled import compiled, inlined


@inlined
def digits(number, sizes, out):
    """The digits of a number, the last one fastest."""
    for d in range(len(sizes) - 1, -1, -1):
        out[d] = number % sizes[d]
        number //= sizes[d]


@compiled
def priced(digit, picks, step, cost, to, price):
    """For every row of picks (rows, dims): where it leads (-1: too full) and what it costs.

    step, cost (dims, picks, digits): of one dimension."""
    for r in range(len(picks)):
        to[r], price[r] = 0, 0.0
        for d in range(len(digit)):
            go = step[d, picks[r, d], digit[d]]
            if go < 0:
                to[r] = -1
                break
            to[r] += go
            price[r] += cost[d, picks[r, d], digit[d]]


@inlined
def best(first, last, keep, share, devices, servers, later):
    """(cost from here on, number) of the best of the choices first to last - 1; -1: none fits.

    devices, servers: (where to, price) of what devices keep and of what servers get."""
    found, which = np.inf, -1
    for e in range(first, last):
        a, v = keep[e], share[e]
        if devices[0][a] >= 0 and servers[0][v] >= 0:
            cost = devices[1][a] + servers[1][v] + later[devices[0][a] + servers[0][v]]
            if cost < found:
                found, which = cost, e
    return found, which


@compiled
def backward(law, first, keep, share, sets, shares, device, server, value):
    """Fills value (slots + 1, states), whose last row is given: expected costs from slot t on.

    law (slots, patterns): the probability that these devices have tasks; choices first[m] to
    first[m + 1] - 1 serve pattern m; sets, shares: what they pick in each dimension; device,
    server: (sizes, steps, costs) of the dimensions.
    """
    devices = (np.empty(len(sets), np.int64), np.empty(len(sets)))
    servers = (np.empty(len(shares), np.int64), np.empty(len(shares)))
    above, below = np.empty(len(device[0]), np.int64), np.empty(len(server[0]), np.int64)
    inner = np.prod(server[0])
    for t in range(len(law) - 1, -1, -1):
        for i in range(np.prod(device[0])):
            digits(i, device[0], above)
            priced(above, sets, device[1], device[2], devices[0], devices[1])
            for j in range(inner):
                digits(j, server[0], below)
                priced(below, shares, server[1], server[2], servers[0], servers[1])
                total = 0.0
                for m in range(law.shape[1]):
                    if law[t, m] > 0:
                        cost, _ = best(
                            first[m], first[m + 1], keep, share, devices, servers, value[t + 1]
                        )
                        total += law[t, m] * cost
                value[t, i * inner + j] = total


@compiled
def play(pattern, first, keep, share, sets, shares, device, server, value, choice):
    """Fills choice (rows, slots) for patterns (rows, slots) of tasks, from empty queues on; -1 from
    where no choice keeps within the state space."""
    devices = (np.empty(len(sets), np.int64), np.empty(len(sets)))
    servers = (np.empty(len(shares), np.int64), np.empty(len(shares)))
    above, below = np.empty(len(device[0]), np.int64), np.empty(len(server[0]), np.int64)
    inner = np.prod(server[0])
    for r in range(len(pattern)):
        state = 0
        choice[r] = -1
        for t in range(pattern.shape[1]):
            digits(state // inner, device[0], above)
            digits(state % inner, server[0], below)
            priced(above, sets, device[1], device[2], devices[0], devices[1])
            priced(below, shares, server[1], server[2], servers[0], servers[1])
            m = pattern[r, t]
            _, e = best(first[m], first[m + 1], keep, share, devices, servers, value[t + 1])
            if e < 0:
                break
            choice[r, t] = e
            state = devices[0][keep[e]] + servers[0][share[e]]
