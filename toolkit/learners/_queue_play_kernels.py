"""The compiled twin of `_queue_views.View` of single tasks, and of the actor that decides them."""

# mypy: ignore-errors

from typing import NamedTuple

import numpy as np

from toolkit.compiled import compiled, inlined
from toolkit.problems.a3c._online_kernels import Queues, Tasks, advance, decide, look, order

MODES = 3
SERVERS = MODES - 1  # that are looked at


class Episodes(NamedTuple):
    """What does not change, of rows of episodes."""

    tasks: np.ndarray  # (rows,): how many
    place: np.ndarray  # (rows, most) of tasks on the grid: slot * devices + device
    home: np.ndarray  # (rows, devices): the region's server
    members: np.ndarray  # (rows, servers): how many devices a region has, at least 1
    demand: np.ndarray  # (rows, servers): work that comes to a region, in slots a slot
    density: np.ndarray  # (rows,), so are the others
    unit: np.ndarray  # s
    single: np.ndarray  # bool: only the own server is allowed
    slots: int
    top: int  # the highest mode


class Found(NamedTuple):
    """What is seen and done, steps first; of each row's last step only what is seen."""

    x: np.ndarray  # (steps + 1, rows, features) float32
    marginal: np.ndarray  # (steps + 1, rows, MODES)
    allowed: np.ndarray  # (steps + 1, rows, MODES)
    active: np.ndarray  # (steps + 1, rows)
    slot: np.ndarray  # (steps + 1, rows)
    server: np.ndarray  # (steps + 1, rows, SERVERS)
    mode: np.ndarray  # (steps, rows)
    reward: np.ndarray  # (steps, rows)


@inlined
def row_tasks(t, b):
    """Row b alone, as a batch of one."""
    return Tasks(
        t.release[b : b + 1],
        t.device[b : b + 1],
        t.region[b : b + 1],
        t.upload[b : b + 1],
        t.here[b : b + 1],
        t.cycles[b : b + 1],
        t.local_energy[b : b + 1],
        t.send_energy[b : b + 1],
        t.server_cpu[b : b + 1],
        t.forward_delay[b : b + 1],
        t.own_first[b : b + 1],
        t.weight_delay[b : b + 1],
        t.weight_energy[b : b + 1],
    )


@inlined
def row_queues(q, b):
    return Queues(
        q.arrive[b : b + 1],
        q.work[b : b + 1],
        q.after[b : b + 1],
        q.head[b : b + 1],
        q.free[b : b + 1],
        q.total[b : b + 1],
        q.load[b : b + 1],
        q.idle[b : b + 1],
        q.now[b : b + 1],
    )


@inlined
def signed_log(value):
    return np.log1p(value) if value >= 0 else -np.log1p(-value)


@compiled
def layer(weights, bias, seen, out, positive):
    """weights (inputs, outputs); a positive layer is a ReLU."""
    out[:] = bias
    for i in range(len(seen)):
        if seen[i] != 0:
            for j in range(len(out)):
                out[j] += seen[i] * weights[i, j]
    if positive:
        for j in range(len(out)):
            out[j] = out[j] if out[j] > 0 else np.float32(0)


@compiled
def sight(e, b, k, tasks, queues, server, delta, delay, kept, idle, coming, allowed, x):
    """The numbers x of task k of row b; tasks and queues are that row's."""
    place, devices = e.place[b, k], e.home.shape[1]
    slot, u, unit = place // devices, place % devices, e.unit[b]
    kept[:], idle[:], coming[:] = 0.0, 0.0, 0.0
    for v in range(devices):
        work = max(0.0, queues.idle[0, v] - queues.now[0]) / unit
        kept[e.home[b, v]] += work
        idle[e.home[b, v]] += work < 0.5
    later = k + 1
    while later < e.tasks[b] and e.place[b, later] // devices == slot:
        s = tasks.region[0, later]
        coming[s] += tasks.cycles[0, later] / tasks.server_cpu[0, s] / unit
        later += 1
    x[:] = 0.0
    x[0], x[1] = (e.slots - slot) / e.slots, e.density[b]
    some = min(SERVERS, server.shape[1])
    for j in range(some):
        s = server[0, j]
        x[2 + j] = np.log1p(kept[s] / e.members[b, s])
        x[4 + j] = idle[s] / e.members[b, s]
        x[6 + j] = e.demand[b, s]
        for kind in range(3):
            x[8 + 3 * j + kind] = np.log1p(queues.load[0, s, kind] / unit)
        x[17 + j] = np.log1p(tasks.cycles[0, k] / tasks.server_cpu[0, s] / unit)
        x[31 + j] = np.log1p(coming[s])
    x[14] = np.log1p(max(0.0, queues.idle[0, u] - queues.now[0]) / unit)
    x[15] = np.log1p(tasks.upload[0, k] / unit)
    x[16] = np.log1p(tasks.here[0, k] / unit)
    x[19], x[20] = tasks.local_energy[0, k], tasks.send_energy[0, k]
    modes = min(MODES, delta.shape[1])
    least = np.inf
    for m in range(modes):
        least = min(least, delta[0, m]) if allowed[m] else least
    for m in range(MODES):
        cost = delta[0, m] if m < modes else 0.0
        x[21 + m] = signed_log(cost)
        x[24 + m] = signed_log(cost - least)
        x[27 + m] = signed_log(delay[0, m] / unit) if m < modes else 0.0
    x[30] = 1.0


@compiled
def play(e, tasks, queues, begin, noise, residual, first, second, last, found):
    """Steps from `begin` on, as many as `noise` (steps, rows, MODES) has: each row's modes are
    those whose score and noise are the highest.

    `first`, `second` and `last` are (weights (inputs, outputs), bias) of the actor's layers.
    """
    steps, rows = noise.shape[:2]
    servers, devices = e.members.shape[1], e.home.shape[1]
    h1, h2 = np.empty(len(first[1]), np.float32), np.empty(len(second[1]), np.float32)
    score = np.empty(MODES, np.float32)
    kept, idle, coming = np.empty(servers), np.empty(servers), np.empty(servers)
    delta, delay = np.empty((1, 1 + e.top)), np.empty((1, 1 + e.top))
    server, paid = np.empty((1, servers), np.int64), np.empty(1)
    task, target, now, own = (
        np.empty(1, np.int64),
        np.empty(1, np.int64),
        np.empty(1),
        np.empty(1, np.int64),
    )
    for b in range(rows):
        t, q = row_tasks(tasks, b), row_queues(queues, b)
        for step in range(steps + 1):
            k = begin + step
            if k >= e.tasks[b]:
                break
            task[0], now[0], own[0] = k, t.release[0, k], t.region[0, k]
            advance(t, q, now)
            order(q.load, own, server)
            look(t, q, task, server[:, : e.top], delta, delay)
            x, allowed = found.x[step, b], found.allowed[step, b]
            for m in range(MODES):
                there = m <= e.top and not (e.single[b] and m > 1)
                allowed[m] = there
                found.marginal[step, b, m] = delta[0, m] if m <= e.top else 0.0
            sight(e, b, k, t, q, server, delta, delay, kept, idle, coming, allowed, x)
            found.active[step, b], found.slot[step, b] = True, e.place[b, k] // devices
            for j in range(min(SERVERS, servers)):
                found.server[step, b, j] = server[0, j]
            if step == steps:
                break
            layer(first[0], first[1], x, h1, True)
            layer(second[0], second[1], h1, h2, True)
            layer(last[0], last[1], h2, score, False)
            best, mode = -np.inf, 0
            for m in range(MODES):
                worth = score[m] - residual * found.marginal[step, b, m] + noise[step, b, m]
                if allowed[m] and worth > best:
                    best, mode = worth, m
            target[0] = server[0, mode - 1] + 1 if mode > 0 else 0
            decide(t, q, task, target, paid)
            found.mode[step, b], found.reward[step, b] = mode, -paid[0]
