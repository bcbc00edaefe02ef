"""Compiled: the best prices at one vector of counts.

At given bandwidth prices, who goes where is a transportation problem: k[m] users to server m, the
rest local. It has servers + 1 sinks, so shortest paths among these few move users and price the
counts. The bandwidth prices maximise a concave function of few variables: a bundle of assignments,
each with its quadratic model (exact while deadlines are slack), the best mixture of which is found.
Notation as in `_price_kernels`.
"""

# mypy: ignore-errors

from math import inf

import numpy as np

from toolkit.compiled import compiled

from ._price_kernels import cheapest, costs_at, need

COLUMNS = 24  # assignments that a bundle remembers
STEPS = 60
MIXED = 400  # steps of the mixture
ABSURD = 1e6  # times what users cost at the first prices and with deadlines slack


@compiled
def transport(cost, want, x, theta):
    """Least cost assignment with want[o] users at option o, from prices theta (options,) alone.

    Fills x (users,); True where there is one. The start is optimal for its own counts; shortest
    paths keep it so.
    """
    users, options = cost.shape
    count = np.zeros(options, np.int64)
    for i in range(users):
        best, least = -1, inf
        for o in range(options):
            if cost[i, o] < inf and (best < 0 or cost[i, o] - theta[o] < least):
                best, least = o, cost[i, o] - theta[o]
        if best < 0:
            return False
        x[i] = best
        count[best] += 1
    step, mover = np.empty((options, options)), np.empty((options, options), np.int64)
    far, back = np.empty(options), np.empty(options, np.int64)
    while True:
        source = -1
        for o in range(options):
            if count[o] > want[o]:
                source = o
        if source < 0:
            return True
        edges(cost, x, step, mover)
        far[:] = inf
        back[:] = -1
        far[source] = 0.0
        for _ in range(options):
            for a in range(options):
                for b in range(options):
                    if far[a] + step[a, b] < far[b] and b != source:
                        far[b] = far[a] + step[a, b]
                        back[b] = a
        goal = -1
        for o in range(options):
            if count[o] < want[o] and far[o] < inf and (goal < 0 or far[o] < far[goal]):
                goal = o
        if goal < 0:
            return False
        count[goal] += 1
        count[source] -= 1
        b = goal
        for _ in range(options):
            if b == source:
                break
            x[mover[back[b], b]] = b
            b = back[b]


@compiled
def edges(cost, x, step, mover):
    """The least that a user of option a adds by going to b, and who it is."""
    users, options = cost.shape
    step[:] = inf
    for i in range(users):
        a = x[i]
        for b in range(options):
            if b != a and cost[i, b] < inf:
                extra = cost[i, b] - cost[i, a]
                if extra < step[a, b]:
                    step[a, b] = extra
                    mover[a, b] = i


@compiled
def count_prices(cost, x, goal, theta):
    """Prices of counts (options,) at which x is everybody's best, as near to `goal` as they may be.

    They are those with theta[b] - theta[a] <= the least extra from a to b.
    """
    options = cost.shape[1]
    step, mover = np.empty((options, options)), np.empty((options, options), np.int64)
    edges(cost, x, step, mover)
    for o in range(options):
        step[o, o] = 0.0
    for via in range(options):
        for a in range(options):
            for b in range(options):
                step[a, b] = min(step[a, b], step[a, via] + step[via, b])
    for b in range(options):
        most, least = inf, -inf
        for a in range(options):
            most = min(most, goal[a] + step[a, b])
            least = max(least, goal[a] - step[b, a])
        theta[b] = 0.5 * (most + least)
    theta -= theta[0]


@compiled
def _mixture(value, slope, bend, share):
    """Minimises share . value + sum (share . slope)^2 / (2 bend) over shares that sum to one."""
    many, servers = slope.shape
    mean = np.zeros(servers)
    for j in range(many):
        mean += share[j] * slope[j]
    gain = np.empty(many)
    for _ in range(MIXED):
        best, worst = 0, -1
        for j in range(many):
            gain[j] = value[j]
            for m in range(servers):
                gain[j] += mean[m] * slope[j, m] / bend[m]
            if gain[j] < gain[best]:
                best = j
            if share[j] > 0.0 and (worst < 0 or gain[j] > gain[worst]):
                worst = j
        fall, curve = gain[worst] - gain[best], 0.0
        for m in range(servers):
            curve += (slope[worst, m] - slope[best, m]) ** 2 / bend[m]
        if fall <= 1e-16 * abs(value[best]):
            break
        move = share[worst] if fall >= curve * share[worst] else fall / curve
        share[worst] -= move
        share[best] += move
        if move == 0.0:
            break
        mean += move * (slope[best] - slope[worst])
    return mean


@compiled
def best_prices(k, s, theta, tolerance, allowed, tables, total, scalars):
    """Maximises the dual at counts k from prices s, theta (options,): found, value, s, theta,
    slope in k, assignments (columns, users), their shares in the best mixture, whether the best
    can meet all deadlines, and whether none binds. Not found: no assignment has these counts.
    `tolerance`: how far, relative, the value may be from what the bundle leaves possible."""
    servers, users = len(k), allowed.shape[0]
    options = servers + 1
    want = np.empty(options, np.int64)
    want[0] = users - np.sum(k)
    want[1:] = k
    cost, x = np.empty((users, options)), np.empty(users, np.int64)
    columns = np.zeros((COLUMNS, users), np.int64)
    at, height = np.zeros((COLUMNS, servers)), np.zeros(COLUMNS)
    slope, share = np.zeros((COLUMNS, servers)), np.zeros(COLUMNS)
    many, best, best_s, best_x = 0, -inf, s.copy(), x.copy()
    bend, outward, limit = 2.0 * total, np.zeros(servers), inf
    goal = theta.copy()
    for _ in range(STEPS):
        costs_at(s, k, allowed, tables, scalars, cost)
        if not transport(cost, want, x, goal):
            return False, inf, best_s, goal, outward, columns[:0], share[:0], False, False
        gradient, curve, value, push = _slopes(s, k, x, cost, tables, total, scalars)
        if value < best - tolerance * abs(best) and np.all(x == best_x):
            s = 0.5 * (best_s + s)  # too far: where deadlines bind, the quadratic may be too flat
            continue
        zero = np.zeros(options)
        zero[1:] = -push
        count_prices(cost, x, zero, goal)
        j = _place(columns, x, share, many)
        many = max(many, j + 1)
        columns[j], height[j], slope[j] = x, value, gradient
        at[j] = s
        if value > best:
            best, best_s, best_x, bend = value, s.copy(), x.copy(), curve
            theta = goal.copy()
            outward = push + goal[1:]
        if limit == inf:
            limit = ABSURD * (value + 2.0 * np.sum(total * s * s))
            for m in range(servers):
                limit += ABSURD * (np.mean(tables[m, 2]) * k[m]) ** 2 / total[m]
        if best > limit:
            break  # no bandwidth suffices for these counts: larger prices would only lose digits
        shifted, tilted = np.empty(many), np.empty((many, servers))
        for c in range(many):
            away = best_s - at[c]
            shifted[c] = height[c] + np.sum(slope[c] * away - 0.5 * bend * away * away)
            tilted[c] = slope[c] - bend * away
        if np.sum(share[:many]) == 0.0:
            share[j] = 1.0
        mean = _mixture(shifted, tilted, bend, share[:many])
        model = np.sum(share[:many] * shifted) + np.sum(mean * mean / (2.0 * bend))
        following = best_s + mean / bend
        for m in range(servers):
            most = 3.0 * best_s[m] + 3.0 * np.mean(tables[m, 2]) * max(k[m], 1) / total[m]
            following[m] = min(max(following[m], 0.0), most) if k[m] > 0 else 0.0
        moved = np.max(np.abs(following - best_s) - 1e-15 * best_s)
        if moved <= 0.0 or model - best <= tolerance * abs(best) or np.all(following == s):
            break
        s = following
    order = np.argsort(-share[:many])
    meets = _in_time(best_x, k, tables, total, scalars[0])
    slack = np.all(bend == 2.0 * total)
    return True, best, best_s, theta, outward, columns[order], share[order], meets, slack


@compiled
def _slopes(s, k, x, cost, tables, total, scalars):
    """Of an assignment at s: gradient and (positive) curvature in s, the dual value, and what one
    user more at a server costs those who are there."""
    servers = len(s)
    value = -np.sum(total * s * s)
    gradient, push, curve = -2.0 * total * s, np.zeros(servers), 2.0 * total
    for i in range(len(x)):
        value += cost[i, x[i]]
        if x[i] > 0:
            m = x[i] - 1
            _, sb, rise, mu = cheapest(s[m], k[m], tables[m], i, scalars)
            gradient[m] += 2.0 * sb
            curve[m] -= 2.0 * rise
            push[m] += (scalars[1] + mu) * tables[m, 5, i]
    return gradient, np.maximum(curve, 0.1 * total), value, push


@compiled
def _place(columns, x, share, many):
    """Where an assignment goes: where it is already, else behind, else in place of the least."""
    for j in range(many):
        if np.all(columns[j] == x):
            return j
    if many < len(columns):
        return many
    j = np.argmin(share)
    if share[j] > 0.0:
        share /= np.sum(share) - share[j]
        share[j] = 0.0
    return j


@compiled
def _in_time(x, k, tables, total, deadline):
    """Whether the bandwidths suffice for all deadlines of an assignment."""
    used = np.zeros(len(k))
    for i in range(len(x)):
        if x[i] > 0:
            used[x[i] - 1] += need(tables[x[i] - 1], i, k[x[i] - 1], deadline)
    return np.all(used <= total)
