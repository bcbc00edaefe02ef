"""Queues of devices and servers, an episode at a time, event by event.

A cell is a place on the grid of slots and devices, number slot * devices + device; a task has the
number of its cell. Rows are pairs of an episode and a decision for it.
"""

# mypy: ignore-errors

import numpy as np

from toolkit.compiled import compiled

# of the numbers of a cell
START, OWN, FAR, LOCAL, CYCLES, LOCAL_ENERGY, SEND_ENERGY = range(7)
# of the lists of tasks of an episode
TASKS, BY_OWN, BY_FAR = range(3)
# of the numbers of an episode
FORWARD, PRIORITY, LIMIT, TOLERANCE = range(4)
# of a row's results
DELAY, ENERGY, LATE, OFFENCES = range(4)


@compiled
def modes(target, tasks, count, servers, mode):
    """0 for local and s + 1 for server s of each task, from numbers anywhere."""
    for j in range(count):
        c = tasks[j]
        wish = target[c]
        if wish >= servers:
            mode[c] = servers
        elif wish >= 0.5:  # what is not a number is not
            mode[c] = np.int64(wish + 0.5)
        else:
            mode[c] = 0


@compiled
def local_queues(cell, tasks, count, mode, free, done):
    """When local tasks are done: first come, first served at each device."""
    devices = len(free)
    free[:] = 0.0
    first = 0
    for j in range(count):
        c = tasks[j]
        while c >= first + devices:
            first += devices
        if mode[c] == 0:
            u = c - first
            free[u] = max(free[u], cell[START, c]) + cell[LOCAL, c]
            done[c] = free[u]


@compiled
def in_order(cell, order, count, mode, server_cpu, free, done):
    """First come, first served where no detour takes time: one order of arrivals for all."""
    free[:] = 0.0
    for j in range(count):
        c = order[j]
        if mode[c] > 0:
            s = mode[c] - 1
            free[s] = max(free[s], cell[OWN, c]) + cell[CYCLES, c] / server_cpu[s]
            done[c] = free[s]


@compiled
def merged(cell, orders, count, mode, home, server_cpu, free, done):
    """First come, first served: own and forwarded tasks of all servers in one order of time."""
    free[:] = 0.0
    i = j = 0
    while True:
        while i < count and mode[orders[BY_OWN, i]] != home[orders[BY_OWN, i]]:
            i += 1
        while j < count and (
            mode[orders[BY_FAR, j]] == 0 or mode[orders[BY_FAR, j]] == home[orders[BY_FAR, j]]
        ):
            j += 1
        if i >= count and j >= count:
            return
        own = i < count
        if own and j < count:
            a, b = orders[BY_OWN, i], orders[BY_FAR, j]
            own = cell[OWN, a] < cell[FAR, b] or (cell[OWN, a] == cell[FAR, b] and a < b)
        c = orders[BY_OWN, i] if own else orders[BY_FAR, j]
        at = cell[OWN, c] if own else cell[FAR, c]
        s = mode[c] - 1
        free[s] = max(free[s], at) + cell[CYCLES, c] / server_cpu[s]
        done[c] = free[s]
        if own:
            i += 1
        else:
            j += 1


@compiled
def lists(orders, count, mode, home, head, tail, after):
    """Tasks of each server in order of arrival, linked: head[s, 0] its own, head[s, 1] others'."""
    head[:] = -1
    for j in range(count):
        for way in range(2):
            c = orders[BY_OWN + way, j]
            if mode[c] == 0 or (mode[c] == home[c]) != (way == 0):
                continue
            s = mode[c] - 1
            if head[s, way] < 0:
                head[s, way] = c
            else:
                after[tail[s, way]] = c
            tail[s, way] = c
            after[c] = -1


@compiled
def own_first(cell, head, after, server_cpu, done):
    """A free server takes the first own task that is there, else the first of others."""
    for s in range(len(head)):
        i, j, now = head[s, 0], head[s, 1], 0.0
        while i >= 0 or j >= 0:
            own_at = cell[OWN, i] if i >= 0 else np.inf
            far_at = cell[FAR, j] if j >= 0 else np.inf
            now = max(now, min(own_at, far_at))
            if own_at <= now:
                now += cell[CYCLES, i] / server_cpu[s]
                done[i] = now
                i = after[i]
            else:
                now += cell[CYCLES, j] / server_cpu[s]
                done[j] = now
                j = after[j]


@compiled
def offences(tasks, count, mode, home, limit, sent):
    """How many tasks break the limit of forwarding.

    limit 0: all that are forwarded; 1: those that go elsewhere than the first of their slot and
    region that is offloaded; others: none. `sent` (slots, servers) is scratch.
    """
    if limit == 2:
        return 0
    found = 0
    sent[:] = 0
    devices = len(home) // len(sent)
    for j in range(count):
        c = tasks[j]
        if mode[c] == 0:
            continue
        if limit == 0:
            found += mode[c] != home[c]
            continue
        first = sent[c // devices, home[c] - 1]
        if first == 0:
            sent[c // devices, home[c] - 1] = mode[c]
        else:
            found += first != mode[c]
    return found


@compiled
def totals(cell, tasks, count, mode, tolerance, done, out):
    """Delay, energy and number of late tasks of a row whose tasks are done at `done`."""
    delay = energy = 0.0
    late = 0
    for j in range(count):
        c = tasks[j]
        took = done[c] - cell[START, c]
        delay += took
        late += took > tolerance
        energy += cell[LOCAL_ENERGY, c] if mode[c] == 0 else cell[SEND_ENERGY, c]
    out[DELAY], out[ENERGY], out[LATE] = delay, energy, late


@compiled
def episodes(number, target, slots, cells, orders, counts, homes, server_cpus, rules, out, done):
    """Results `out` (rows, 4) of decisions `target` (rows, cells) for episodes `number` (rows,).

    cells (episodes, 7, cells), orders (episodes, 3, cells), counts (episodes,): of tasks, homes
    (episodes, cells): own server's number + 1, server_cpus (episodes, servers), rules (episodes,
    4). `done` (rows or 1, cells): when tasks are done; one row is used again and again.
    """
    servers, size = server_cpus.shape[1], target.shape[1]
    mode, after = np.zeros(size, np.int64), np.empty(size, np.int64)
    free_users, free_servers = np.empty(size // slots), np.empty(servers)
    head, tail = np.empty((servers, 2), np.int64), np.empty((servers, 2), np.int64)
    sent = np.empty((slots, servers), np.int64)
    for r in range(len(number)):
        k = number[r]
        cell, order, n, home, cpu = cells[k], orders[k], counts[k], homes[k], server_cpus[k]
        when = done[r if len(done) > 1 else 0]
        modes(target[r], order[TASKS], n, servers, mode)
        local_queues(cell, order[TASKS], n, mode, free_users, when)
        if rules[k, PRIORITY] == 1:
            lists(order, n, mode, home, head, tail, after)
            own_first(cell, head, after, cpu, when)
        elif rules[k, FORWARD] == 0:
            in_order(cell, order[BY_OWN], n, mode, cpu, free_servers, when)
        else:
            merged(cell, order, n, mode, home, cpu, free_servers, when)
        totals(cell, order[TASKS], n, mode, rules[k, TOLERANCE], when, out[r])
        out[r, OFFENCES] = offences(order[TASKS], n, mode, home, rules[k, LIMIT], sent)
