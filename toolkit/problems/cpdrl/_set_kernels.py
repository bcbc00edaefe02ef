"""Compiled loops over users: a set of offloaders that is nearly optimal, and the price at it.

Notation as in `_kernels`; s is the square root of the bandwidth price. `scalars` are deadline,
total bandwidth, weights of delay and energy, and the largest power.
"""

# mypy: ignore-errors

from math import inf

import numpy as np

from toolkit.compiled import compiled, inlined

from ._dual_kernels import minorant
from ._kernels import clearing_price

ROUNDS = 4  # of ranking users by their margin at the last set's price; fewer once it stays
WINDOW = 32  # sizes below and above the best one that are tried once a deadline binds
NEAR = 6  # members and outsiders at the set's edge that are exchanged, each with each
MOVES = 6  # of such exchanges one after the other
NOBODY = (-1, -1)
DEAR = 4.0  # times the slack price: that of a set without a feasible allocation


@compiled
def good_set(table, scalars):
    """The cheapest prefix of a ranking by margin, (n,), bettered by exchanges at its edge."""
    chosen = _first_guess(table, scalars[1], scalars[2])
    for _ in range(ROUNDS):
        before = chosen.copy()
        _best_prefix(margins(chosen, table, scalars), table, scalars, chosen)
        if np.all(chosen == before):
            break
    _polish(chosen, table, scalars)
    return chosen


@compiled
def _first_guess(table, total, delay):
    """The largest set of k users that each gain twice their cost at bandwidth B/k (or must)."""
    many = worth(table, total, delay)
    chosen = np.zeros(table.shape[1])
    for rank, i in enumerate(np.argsort(-many)):
        if many[i] < rank + 1.0:
            break
        chosen[i] = 1.0
    return chosen


@compiled
def worth(table, total, delay):
    """Among how many, sharing B equally, a user's remote cost is half its local cost."""
    return table[0] / (2.0 * (table[2] ** 2 / total + delay * table[5]))


@compiled
def price(chosen, table, scalars):
    """The s of a set; above that of slack deadlines where the set has no feasible allocation."""
    deadline, total, energy = scalars[0], scalars[1], scalars[3]
    s = clearing_price(chosen, np.sum(chosen), table, deadline, total, energy)
    if s == inf:
        return DEAR * np.sum(chosen * table[2]) / total
    return s if s > 0.0 else np.min(table[2]) / total


@compiled
def margins(chosen, table, scalars):
    """Local less remote cost at the price and the number of a set; inf: must offload."""
    deadline, delay, energy, p_max = scalars[0], scalars[2], scalars[3], scalars[4]
    s, k = price(chosen, table, scalars), max(np.sum(chosen), 1.0)
    margin = np.empty(table.shape[1])
    for i in range(table.shape[1]):
        cost = minorant(s, k, table, i, deadline, delay, energy, p_max)[0]
        margin[i] = inf if table[0, i] == inf else table[0, i] - cost
    return margin


@compiled
def _best_prefix(margin, table, scalars, chosen):
    """Marks the users of largest margin, as many as are cheapest."""
    order = np.argsort(-margin)
    size = _slack_size(order, table, scalars[1], scalars[2])
    _mark(order, size, chosen)
    slack = np.sum(chosen * table[2]) / scalars[1]
    if clearing_price(chosen, float(size), table, scalars[0], scalars[1], scalars[3]) > slack:
        _mark(order, _tight_size(order, size, table, scalars, chosen), chosen)


@compiled
def _mark(order, size, chosen):
    for rank, i in enumerate(order):
        chosen[i] = 1.0 if rank < size else 0.0


@compiled
def _slack_size(order, table, total, delay):
    """The cheapest number of users in this order while no deadline binds:
    (sum of q)^2 / B + lambda_1 k (sum of w) less their local costs."""
    q, w, local = 0.0, 0.0, 0.0
    best, size = 0.0, 0
    for rank, i in enumerate(order):
        q += table[2, i]
        w += delay * table[5, i]
        must = table[0, i] == inf
        local += 0.0 if must else table[0, i]
        cost = q * q / total + (rank + 1.0) * w - local
        if must or cost < best:
            best, size = cost, rank + 1
    return size


@compiled
def _tight_size(order, size, table, scalars, chosen):
    """The cheapest number near `size` by the dual at its own price; the least if none fits."""
    forced = int(np.sum(table[0] == inf))
    best, found = inf, forced
    for k in range(max(forced, size - WINDOW), min(size + WINDOW, len(order)) + 1):
        _mark(order, k, chosen)
        cost = cost_of(chosen, table, scalars)
        if cost < best:
            best, found = cost, k
    return found


@compiled
def _polish(chosen, table, scalars):
    """Takes the best exchange at the set's edge while one helps: at most two members for at most
    two outsiders. Only those that a lower bound of their cost speaks for are allocated."""
    cost = cost_of(chosen, table, scalars)
    for _ in range(MOVES):
        sums = _sums(chosen, table)
        slack = cost <= _slack_cost(NOBODY, NOBODY, sums, table, scalars) + 1e-12 * abs(cost)
        base, worths = _dual(chosen, slack, table, scalars)
        leaves, enters = _edge(chosen, table, scalars)
        best, out, come = cost, NOBODY, NOBODY
        for i in leaves:
            for j in enters:
                if slack:
                    least = _slack_cost(i, j, sums, table, scalars)
                else:
                    least = _dual_cost(i, j, base, worths)
                if least < best - 1e-12 * abs(best):
                    _exchange(chosen, i, j)
                    moved = cost_of(chosen, table, scalars)
                    _exchange(chosen, j, i)
                    if moved < best:
                        best, out, come = moved, i, j
        if best >= cost:
            break
        cost = best
        _exchange(chosen, out, come)


@compiled
def _dual(chosen, slack, table, scalars):
    """At the set's own price, for two fewer to two more offloaders: the dual of the set (5,), and
    what each user adds to it (5, n). Nothing while no deadline binds: `_slack_cost` is exact."""
    n = 0 if slack else len(chosen)
    deadline, total, delay, energy, p_max = scalars
    s, k = price(chosen, table, scalars), np.sum(chosen)
    base, worths = np.full(5, -s * s * total), np.empty((5, n))
    for step in range(5):
        for i in range(n):
            local = table[0, i] if table[0, i] < inf else 0.0
            cost = minorant(s, k + step - 2.0, table, i, deadline, delay, energy, p_max)[0]
            worths[step, i] = cost - local
            base[step] += worths[step, i] if chosen[i] > 0.5 else 0.0
    return base, worths


@inlined
def _dual_cost(out, come, base, worths):
    """A lower bound of `cost_of` after an exchange, by the dual at the price before it."""
    step = 2
    for i in out:
        step -= 1 if i >= 0 else 0
    for i in come:
        step += 1 if i >= 0 else 0
    cost = base[step]
    for i in out:
        cost -= worths[step, i] if i >= 0 else 0.0
    for i in come:
        cost += worths[step, i] if i >= 0 else 0.0
    return cost


@inlined
def _exchange(chosen, out, come):
    """Those of `out` leave the set, those of `come` enter it."""
    for i in out:
        if i >= 0:
            chosen[i] = 0.0
    for i in come:
        if i >= 0:
            chosen[i] = 1.0


@compiled
def _edge(chosen, table, scalars):
    """Nobody, one or two of the NEAR weakest members, a list of pairs with -1 for nobody; and the
    same of the NEAR strongest outsiders."""
    order = np.argsort(-margins(chosen, table, scalars))
    members, others = np.full(NEAR + 1, -1), np.full(NEAR + 1, -1)
    inside, outside = 0, 0
    for i in order[::-1]:
        if chosen[i] > 0.5 and inside < NEAR and table[0, i] < inf:
            inside += 1
            members[inside] = i
    for i in order:
        if chosen[i] < 0.5 and outside < NEAR:
            outside += 1
            others[outside] = i
    return _pairs(members[: inside + 1]), _pairs(others[: outside + 1])


@compiled
def _pairs(users):
    """(nobody, nobody), (each user, nobody), and every two; users[0] is nobody."""
    pairs = [(users[i], -1) for i in range(len(users))]
    for i in range(1, len(users)):
        for j in range(1, i):
            pairs.append((users[i], users[j]))
    return pairs


@compiled
def _sums(chosen, table):
    """(number, sum of q, of w, of local costs) of a set."""
    k, q, w, local = 0.0, 0.0, 0.0, 0.0
    for i in range(len(chosen)):
        if chosen[i] > 0.5:
            k += 1.0
            q += table[2, i]
            w += table[5, i]
            local += table[0, i] if table[0, i] < inf else 0.0
    return k, q, w, local


@inlined
def _slack_cost(out, come, sums, table, scalars):
    """`cost_of` of the set after an exchange if no deadline bound: never more than it."""
    k, q, w, local = sums
    for i in out:
        if i >= 0:
            k, q, w, local = k - 1.0, q - table[2, i], w - table[5, i], local - table[0, i]
    for i in come:
        if i >= 0:
            k, q, w, local = k + 1.0, q + table[2, i], w + table[5, i], local + table[0, i]
    return q * q / scalars[1] + scalars[2] * k * w - local


@compiled
def cost_of(chosen, table, scalars):
    """What a set costs above all-local where that is possible, by its dual."""
    deadline, total, delay, energy, p_max = scalars
    k = np.sum(chosen)
    s = clearing_price(chosen, k, table, deadline, total, energy)
    cost = -s * s * total
    for i in range(len(chosen)):
        if chosen[i] > 0.5 and s < inf:
            local = table[0, i] if table[0, i] < inf else 0.0
            cost += minorant(s, k, table, i, deadline, delay, energy, p_max)[0] - local
    return cost if s < inf else inf
