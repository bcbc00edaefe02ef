"""Labels: partial decisions, by what they cost and by when their queues are free."""

# mypy: ignore-errors

import numpy as np

from toolkit.compiled import compiled, inlined

from ._walk_kernels import at_pair, at_point

# of the numbers of a task
LOCAL_COST, LOCAL, START, AT, NEXT_START, NEXT_AT, AHEAD, WEIGHT = range(8)


@compiled
def grow(cost, rest, free, busy, sent, task, base, sizes, who, limit, mine, rows, table, steps,
         cutoff, found, parent, chosen, low, high, count):  # fmt: skip
    """Children of labels low to high for one task, behind the `count` that are there; those whose
    bound is not below the cutoff are left out.

    cost, rest (labels,): paid, and values of all devices; free (labels, servers), busy (labels,
    devices): when queues are free; sent (labels, servers): the slot's choice of a region, 0: none
    yet. who: device and home; mine (2, points): the device's values before and after the task.
    rows (servers, points) or table (1, points, points): values of the servers after it; steps: of
    the grids of devices, of servers. found (3, children): bound, cost, rest. Returns (number of
    children, least bound left out).
    """
    least = np.inf
    u, home = who
    for i in range(low, high):
        other = rest[i] - at_point(mine[0], busy[i, u], task[START], steps[0])
        for mode in range(free.shape[1] + 1):
            if mode > 0 and not _allowed(base, sent[i, home], limit, mode):
                continue
            done, paid = busy[i, u], cost[i]
            if mode == 0:
                paid += task[LOCAL_COST] + task[WEIGHT] * max(done - task[START], 0.0)
                done = max(done, task[START]) + task[LOCAL]
            else:
                paid += base[mode - 1]
                paid += task[WEIGHT] * max(free[i, mode - 1] - task[AT], 0.0)
            left = other + at_point(mine[1], done, task[NEXT_START], steps[0])
            bound = paid + left + task[AHEAD]
            bound += _servers(free[i], mode, sizes, task, rows, table, steps[1])
            if bound >= cutoff:
                least = min(least, bound)
                continue
            found[0, count], found[1, count], found[2, count] = bound, paid, left
            parent[count], chosen[count] = i, mode
            count += 1
    return count, least


@inlined
def _allowed(base, before, limit, mode):
    """Whether a task may go to a server when its slot and region chose `before`."""
    return base[mode - 1] < np.inf and (limit != 1 or before == 0 or before == mode)


@compiled
def _servers(free, mode, sizes, task, rows, table, step):
    """The value of all servers after the task went somewhere."""
    if len(table):
        x = _after(free, 0, mode, task, sizes)
        y = _after(free, 1, mode, task, sizes)
        return at_pair(table[0], x, y, task[NEXT_AT], step)
    total = 0.0
    for s in range(len(free)):
        total += at_point(rows[s], _after(free, s, mode, task, sizes), task[NEXT_AT], step)
    return total


@inlined
def _after(free, s, mode, task, sizes):
    """When a server is free after the task went somewhere."""
    return max(free[s], task[AT]) + sizes[s] if mode == s + 1 else free[s]


@compiled
def settle(order, window, found, parent, chosen, free, busy, sent, task, sizes, who, new_slot,
           until, cost, rest, new_free, new_busy, new_sent, kept, count):  # fmt: skip
    """Children in `order` become labels, unless one of the `window` before them is nowhere worse.

    Times are raised to when they matter next: `until` (devices + 1,), the last for servers.
    `count` are there before; returns how many there are then; kept: their numbers as children.
    """
    servers = free.shape[1]
    u, home = who
    for c in order:
        i, mode = parent[c], chosen[c]
        for s in range(servers):
            new_free[count, s] = max(_after(free[i], s, mode, task, sizes), until[-1])
            new_sent[count, s] = 0 if new_slot else sent[i, s]
        for v in range(len(until) - 1):
            new_busy[count, v] = max(busy[i, v], until[v])
        if mode == 0:
            new_busy[count, u] = max(max(busy[i, u], task[START]) + task[LOCAL], until[u])
        elif not new_slot:
            new_sent[count, home] = mode
        cost[count], rest[count] = found[1, c], found[2, c]
        beaten = False
        for b in range(count - 1, max(count - 1 - window, -1), -1):
            if _beats(b, count, cost, new_free, new_busy, new_sent):
                beaten = True
                break
        if not beaten:
            kept[count] = c
            count += 1
    return count


@compiled
def _beats(b, a, cost, free, busy, sent):
    """Whether label b is nowhere worse than label a."""
    if cost[b] > cost[a]:
        return False
    for s in range(free.shape[1]):
        if free[b, s] > free[a, s] or (sent[b, s] != 0 and sent[b, s] != sent[a, s]):
            return False
    for u in range(busy.shape[1]):  # noqa: SIM110  numba knows no generators
        if busy[b, u] > busy[a, u]:
            return False
    return True
