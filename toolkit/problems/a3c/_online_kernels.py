"""Queues of tasks that are decided one after the other: what is pending, and what a choice costs.

A server's pending tasks stand in two chains, its own region's and those sent by other servers, in
the order of arrival; first come, first served, they all stand in the first. A task leaves its
chain once its start is past: no later decision can move it. So every sum over a chain is exact.
"""

# mypy: ignore-errors

from typing import NamedTuple

import numpy as np

from toolkit.compiled import compiled, inlined


class Tasks(NamedTuple):
    """Every row's tasks in the order of decision, (rows, most), and the rows' constants."""

    release: np.ndarray  # s
    device: np.ndarray
    region: np.ndarray
    upload: np.ndarray  # s
    here: np.ndarray  # s of work for the device itself
    cycles: np.ndarray
    local_energy: np.ndarray  # J
    send_energy: np.ndarray  # J
    server_cpu: np.ndarray  # (rows, servers)
    forward_delay: np.ndarray  # (rows,), so are the others
    own_first: np.ndarray
    weight_delay: np.ndarray
    weight_energy: np.ndarray


class Queues(NamedTuple):
    """What changes as tasks are decided."""

    arrive: np.ndarray  # (rows, most) s, at its server
    work: np.ndarray  # (rows, most) s
    after: np.ndarray  # (rows, most), the next in the chain; -1: none
    head: np.ndarray  # (rows, servers, 2), of the chains; -1: empty
    free: np.ndarray  # (rows, servers) s, when the task in service ends
    total: np.ndarray  # (rows, servers) s, sum of completions of the pending tasks
    load: np.ndarray  # (rows, servers, 3) s: rest in service, pending own, pending foreign
    idle: np.ndarray  # (rows, devices) s, when the device's own queue ends
    now: np.ndarray  # (rows,) s


@inlined
def first(own, foreign, free, arrive):
    """Which of the heads of two chains a server serves next, and when it begins."""
    if foreign < 0 or (own >= 0 and arrive[own] <= max(free, arrive[foreign])):
        return own, max(free, arrive[own])
    return foreign, max(free, arrive[foreign])


@compiled
def drain(own, foreign, free, arrive, work, after, marked):
    """(sum of completions, completion of the task `marked`) if nothing else ever arrives."""
    total, found = 0.0, 0.0
    while own >= 0 or foreign >= 0:
        k, start = first(own, foreign, free, arrive)
        free = start + work[k]
        total += free
        if k == marked:
            found = free
        if k == own:
            own = after[k]
        else:
            foreign = after[k]
    return total, found


@inlined
def link(head, chain, arrive, after, k):
    """Puts task k behind all that arrive no later; returns the one before it, -1: it is first."""
    before, then = -1, head[chain]
    while then >= 0 and arrive[then] <= arrive[k]:
        before, then = then, after[then]
    after[k] = then
    if before < 0:
        head[chain] = k
    else:
        after[before] = k
    return before


@inlined
def unlink(head, chain, after, k, before):
    """Takes task k out again."""
    if before < 0:
        head[chain] = after[k]
    else:
        after[before] = after[k]


@inlined
def place(tasks, queues, b, k, s):
    """Task k is on its way to server s, in no chain yet; returns the chain it belongs to."""
    foreign = tasks.region[b, k] != s
    there = tasks.release[b, k] + tasks.upload[b, k]
    queues.arrive[b, k] = there + tasks.forward_delay[b] if foreign else there
    queues.work[b, k] = tasks.cycles[b, k] / tasks.server_cpu[b, s]
    return 1 if foreign and tasks.own_first[b] > 0 else 0


@compiled
def advance(tasks, queues, now):
    """Lets the time of every row be now (rows,): forgets tasks that began before."""
    for b in range(now.size):
        if now[b] == queues.now[b]:
            continue
        queues.now[b] = now[b]
        arrive, work, after = queues.arrive[b], queues.work[b], queues.after[b]
        for s in range(queues.free.shape[1]):
            own, foreign, free = queues.head[b, s, 0], queues.head[b, s, 1], queues.free[b, s]
            while own >= 0 or foreign >= 0:
                k, start = first(own, foreign, free, arrive)
                if start >= now[b]:
                    break
                free = start + work[k]
                if k == own:
                    own = after[k]
                else:
                    foreign = after[k]
            queues.head[b, s, 0], queues.head[b, s, 1], queues.free[b, s] = own, foreign, free
            queues.total[b, s], _ = drain(own, foreign, free, arrive, work, after, -1)
            queues.load[b, s, 0] = max(0.0, free - now[b])
            queues.load[b, s, 1:] = 0.0
            for chain in range(2):
                k = queues.head[b, s, chain]
                while k >= 0:
                    queues.load[b, s, 1 + (tasks.region[b, k] != s)] += work[k]
                    k = after[k]


@compiled
def order(load, own, out):
    """The servers (rows, servers): the own one, then the others, the least loaded first."""
    for b in range(own.size):
        out[b, 0] = own[b]
        done = 1
        for s in range(load.shape[1]):
            if s == own[b]:
                continue
            at = done
            while at > 1 and load[b, s].sum() < load[b, out[b, at - 1]].sum():
                out[b, at] = out[b, at - 1]
                at -= 1
            out[b, at] = s
            done += 1


@compiled
def look(tasks, queues, task, server, delta, delay):
    """What each choice would do for task (rows,), -1: none: delta (rows, 1 + servers) to the cost
    of all, delay (rows, 1 + servers) of the task itself. server (rows, servers) says which they
    are; first comes the device itself."""
    for b in range(task.size):
        k = task[b]
        if k < 0:
            delta[b], delay[b] = 0.0, 0.0
            continue
        release, weight, price = tasks.release[b, k], tasks.weight_delay[b], tasks.weight_energy[b]
        wait = max(0.0, queues.idle[b, tasks.device[b, k]] - release)
        delay[b, 0] = wait + tasks.here[b, k]
        delta[b, 0] = weight * delay[b, 0] + price * tasks.local_energy[b, k]
        arrive, work, after = queues.arrive[b], queues.work[b], queues.after[b]
        for j in range(server.shape[1]):
            s = server[b, j]
            head, free = queues.head[b, s], queues.free[b, s]
            chain = place(tasks, queues, b, k, s)
            before = link(head, chain, arrive, after, k)
            total, ends = drain(head[0], head[1], free, arrive, work, after, k)
            unlink(head, chain, after, k, before)
            delay[b, 1 + j] = ends - release
            rise = total - queues.total[b, s] - release
            delta[b, 1 + j] = weight * rise + price * tasks.send_energy[b, k]


@compiled
def decide(tasks, queues, task, target, delta):
    """Sends task (rows,), -1: none, to its target (rows,), 0: the device itself, 1 + s: server s;
    delta (rows,) is what that adds to the cost of all."""
    for b in range(task.size):
        k, s = task[b], target[b] - 1
        if k < 0:
            delta[b] = 0.0
            continue
        release, weight, price = tasks.release[b, k], tasks.weight_delay[b], tasks.weight_energy[b]
        if s < 0:
            u = tasks.device[b, k]
            queues.idle[b, u] = max(release, queues.idle[b, u]) + tasks.here[b, k]
            delta[b] = weight * (queues.idle[b, u] - release) + price * tasks.local_energy[b, k]
            continue
        arrive, work, after = queues.arrive[b], queues.work[b], queues.after[b]
        head, free = queues.head[b, s], queues.free[b, s]
        chain = place(tasks, queues, b, k, s)
        link(head, chain, arrive, after, k)
        total, _ = drain(head[0], head[1], free, arrive, work, after, -1)
        delta[b] = weight * (total - queues.total[b, s] - release) + price * tasks.send_energy[b, k]
        queues.total[b, s] = total
        queues.load[b, s, 1 + (tasks.region[b, k] != s)] += work[k]
