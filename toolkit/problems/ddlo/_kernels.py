"""Compiled loops over batches of choices: a user's bits on either side, and the best rates.

Rows are choices; `which` says whose instance's data a row goes by.
"""

# mypy: ignore-errors

from math import inf, sqrt

import numpy as np

from toolkit.compiled import compiled

LANES = 8  # in which NumPy adds: as many partial sums, so that results are the same to the bit


@compiled
def split_bits(offload, which, size):
    """Bits at the edge and on the device, U and S - U, two arrays (rows, users)."""
    rows, users, tasks = offload.shape
    remote, local = np.empty((rows, users)), np.empty((rows, users))
    lanes = np.empty((2, LANES))
    for r in range(rows):
        m = which[r]
        for i in range(users):
            if tasks >= LANES:
                remote[r, i], local[r, i] = _in_lanes(size[m, i], offload[r, i], lanes)
                continue
            here, there = 0.0, 0.0
            for j in range(tasks):
                there += size[m, i, j] * offload[r, i, j]
                here += size[m, i, j] * (1.0 - offload[r, i, j])
            remote[r, i], local[r, i] = there, here
    return remote, local


@compiled
def _in_lanes(size, chosen, lanes):
    """The same of one user with many tasks."""
    tasks = len(size)
    lanes[:] = 0.0
    whole = tasks - tasks % LANES
    for j in range(0, whole, LANES):
        for k in range(LANES):
            lanes[0, k] += size[j + k] * chosen[j + k]
            lanes[1, k] += size[j + k] * (1.0 - chosen[j + k])
    for m in range(2):
        row = lanes[m]
        row[0] = ((row[0] + row[1]) + (row[2] + row[3])) + ((row[4] + row[5]) + (row[6] + row[7]))
    remote, local = lanes[0, 0], lanes[1, 0]
    for j in range(whole, tasks):
        remote += size[j] * chosen[j]
        local += size[j] * (1.0 - chosen[j])
    return remote, local


@compiled
def best_rates(offload, which, size, capacity, local_time, edge_time):
    """The rates (rows, users), bit/s, that minimise the sum of delays of every choice.

    min(need, level sqrt(U)): the sum of these is concave and piecewise linear in the level, so
    Newton's steps from zero only grow, pass a kink each, and end at the root itself: exact after at
    most as many steps as users. No root: the needs fit into C.
    """
    roots, needs = split_bits(offload, which, size)
    rate = np.empty(roots.shape)
    for r in range(rate.shape[0]):
        m, root, need = which[r], roots[r], needs[r]
        for i in range(rate.shape[1]):
            remote, room = root[i], local_time[m] * need[i] - edge_time[m] * root[i]
            need[i] = 0.0 if remote == 0.0 else (remote / room if room > 0.0 else inf)
            root[i] = sqrt(remote)
        level = _level(need, root, capacity[m])
        for i in range(rate.shape[1]):
            most = level * root[i]  # not a number where nobody is short of uplink: then the need
            rate[r, i] = most if most < need[i] else need[i]
    return rate


@compiled
def _level(need, root, capacity):
    """The level with sum min(need, level root) = C; inf where the needs fit into C."""
    level = 0.0
    for _ in range(len(need) + 1):
        left, slope = capacity, 0.0
        for i in range(len(need)):
            if level * root[i] < need[i]:
                slope += root[i]
            else:
                left -= need[i]
        following = left / slope if slope > 0.0 else inf
        if not following > level:
            break
        level = following
        if level == inf:
            break
    return level
