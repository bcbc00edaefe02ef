"""Decisions of the first tasks of an episode: what they cost, and what may still come."""

# mypy: ignore-errors

import numpy as np

from toolkit.compiled import compiled

from ._improve_kernels import server_wait
from ._walk_kernels import at_pair, at_point

DEVICE, SERVER, RANK = range(3)  # kinds of queues: the last takes own tasks first
QUEUE, TASK, MODE, TURN, LIST, KIND = range(6)  # whole numbers of an event
SURE = 1 - 1e-9  # of a time before another one, however sums are rounded
PAID, SIZE, AT, LATER = range(4)  # its times and costs; LATER: when the queue's next task comes


@compiled
def spread(paid, mark, ahead, free, own_free, waited, seal, begun, modes,
           task, options, marks, events, numbers, device_rows, server_rows, planes, steps,
           orders, home, at, size, slot, limit, weight, cutoff, low, high, count, out):  # fmt: skip
    """Children of rows low to high for all modes of one task; those not below the cutoff are left
    out.

    A row is: paid, less prices; mark, a sum of random numbers that tells apart what still matters;
    ahead (queues,) values; free (queues,); and of servers that take own tasks first: own_free, when
    they were free if these interrupted others, and of the time since they were last idle waited,
    seal (its marks), begun (place in their order). out: the same of children, then their bounds and
    parents. events (events, 6), numbers (events, 4): which queues come to which of their tasks.
    Returns (number of children, least bound left out).
    """
    bound, parent, child = out[9], out[10], out[:9]
    parts = (paid, mark, ahead, free, own_free, waited, seal, begun, modes)
    least = np.inf
    for r in range(low, high):
        for mode in range(len(orders) + 1):
            if not options[mode] or not _allowed(modes[r], task, mode, slot, home, limit):
                continue
            _copy(parts, r, child, count)
            child[1][count] += marks[task, mode]
            child[8][count, task] = mode
            for e in range(len(events)):
                _come(child, count, events[e], numbers[e], marks, orders, home, at, size, weight)
                q, s = events[e, QUEUE], max(events[e, MODE] - 1, 0)
                child[2][count, q] = _value(
                    child[3][count, q], child[4][count, s], events[e], numbers[e, LATER],
                    device_rows, server_rows, planes, steps)  # fmt: skip
            found = child[0][count] + child[2][count].sum()
            if found >= cutoff:
                least = min(least, found)
                continue
            bound[count], parent[count] = found, r
            count += 1
    return count, least


@compiled
def _copy(parts, r, child, c):
    """A row becomes a child as it is."""
    child[0][c], child[1][c] = parts[0][r], parts[1][r]
    child[2][c], child[3][c], child[4][c] = parts[2][r], parts[3][r], parts[4][r]
    child[5][c], child[6][c], child[7][c] = parts[5][r], parts[6][r], parts[7][r]
    child[8][c] = parts[8][r]


@compiled
def _come(child, c, event, number, marks, orders, home, at, size, weight):
    """A queue comes to one of its tasks, which is decided: it takes it, or not."""
    paid, mark, _, free, own_free, waited, seal, begun, modes = child
    q, j, m, now, s = event[QUEUE], event[TASK], event[MODE], number[AT], event[MODE] - 1
    if modes[c, j] == m:
        paid[c] += number[PAID]
        if event[KIND] != RANK:
            paid[c] += weight * (max(free[c, q], now) - now)
            mark[c] -= marks[j, m]
        free[c, q] = max(free[c, q], now) + number[SIZE]
        if event[KIND] == RANK:
            if home[j] == s:
                own_free[c, s] = max(own_free[c, s], now) + number[SIZE]
            there = orders[s, begun[c, s] : event[TURN] + 1]
            wait = server_wait(s, there, modes[c], home, at, size, True)
            paid[c] += weight * (wait - waited[c, s])
            waited[c, s] = wait
            seal[c, s] += marks[j, m]
    if event[KIND] != RANK:  # times before its next task are all one
        free[c, q] = max(free[c, q], number[LATER]) if number[LATER] < np.inf else 0.0
    elif free[c, q] < number[LATER] * SURE:  # nothing that came is left
        mark[c] -= seal[c, s]
        seal[c, s], waited[c, s], begun[c, s] = 0, 0.0, event[TURN] + 1


@compiled
def _allowed(modes, task, mode, slot, home, limit):
    """Whether a task may go there, after those of its slot and region that are decided."""
    if limit != 1 or mode == 0:
        return True
    for step in (-1, 1):
        i = task + step
        while 0 <= i < len(modes) and slot[i] == slot[task]:
            if home[i] == home[task] and modes[i] > 0 and modes[i] != mode:
                return False
            i += step
    return True


@compiled
def _value(free, own_free, event, later, device_rows, server_rows, planes, steps):
    """Of a queue after one of its tasks; `later` is infinite after the last."""
    if later == np.inf:
        return 0.0
    if event[KIND] == DEVICE:
        return at_point(device_rows[event[LIST]], free, later, steps[0])
    if event[KIND] == SERVER:
        return at_point(server_rows[event[LIST]], free, later, steps[1])
    return at_pair(planes[event[LIST]], free, own_free, later, steps[1])


@compiled
def undominated(order, window, paid, mark, free, merged, kept):
    """kept (rows,): numbers of the rows that none before them in `order` (by mark, then by what is
    paid) makes useless: one with the same mark that has paid no more, and whose queues first come,
    first served (merged: the others) are free no later. Returns how many."""
    count = 0
    for a in order:
        beaten = False
        for b in range(count - 1, max(count - 1 - window, -1), -1):
            k = kept[b]
            if mark[k] != mark[a]:
                break
            if paid[k] <= paid[a] and _no_later(free[k], free[a], merged):
                beaten = True
                break
        if not beaten:
            kept[count] = a
            count += 1
    return count


@compiled
def _no_later(free, other, merged):
    for q in range(len(free)):  # noqa: SIM110  numba knows no generators
        if not merged[q] and free[q] > other[q]:
            return False
    return True
