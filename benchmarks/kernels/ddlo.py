"""ddlo: loops for `python -m benchmarks.kernels`."""

import math

import numpy as np

from toolkit import problems
from toolkit.arrays import Decision
from toolkit.instances import rng_for

from .cases import Loops, Worth, case, loop


@case
def ddlo(n: int) -> Loops:
    problem = problems.load("ddlo", "shared", n_users=n, n_tasks=5)
    data = problem.instance(0).data
    names = ("capacity", "local_time", "edge_time", "local_energy", "transmit_energy")
    size = data["size"].copy()  # writable, which is quicker to call with
    one = np.array([float(data[k]) for k in (*names, "edge_energy", "weight_delay")])

    def choices(rows: int) -> Decision:
        return {"offload": rng_for("kernels").integers(0, 2, (rows, n, 5)).astype(float)}

    def judge(decision: Decision) -> Worth:
        return ddlo_judge(decision["offload"], decision["uplink"], size, one)

    def complete(decision: Decision) -> Decision:
        return {**decision, "uplink": ddlo_complete(decision["offload"], size, one)}

    return Loops(problem, choices, judge, complete)


@loop
def ddlo_judge(offload, uplink, size, one):
    out = np.zeros((4, len(offload)))
    for r in range(len(offload)):
        late, energy, used = 0.0, 0.0, 0.0
        for i in range(len(size)):
            remote, local = 0.0, 0.0
            for j in range(size.shape[1]):
                remote += offload[r, i, j] * size[i, j]
                local += (1 - offload[r, i, j]) * size[i, j]
            rate = uplink[r, i] if uplink[r, i] > 0 else 1e-12 * one[0]
            late += max(one[1] * local, remote / rate + one[2] * remote)
            energy += one[3] * local + (one[4] + one[5]) * remote
            used += uplink[r, i]
        out[0, r], out[1, r] = energy + one[6] * late, max(used - one[0], 0.0) / one[0]
        out[2, r], out[3, r] = late, energy
    return out


@loop
def ddlo_complete(offload, size, one):
    """Newton's steps to the level with sum of min(need, level sqrt(U)) = C."""
    rows, n = len(offload), len(size)
    uplink, need, root = np.zeros((rows, n)), np.empty(n), np.empty(n)
    for r in range(rows):
        for i in range(n):
            remote, local = 0.0, 0.0
            for j in range(size.shape[1]):
                remote += offload[r, i, j] * size[i, j]
                local += (1 - offload[r, i, j]) * size[i, j]
            room = one[1] * local - one[2] * remote
            need[i] = remote / room if room > 0 else math.inf
            root[i] = math.sqrt(remote)
        level = 0.0
        while True:
            left, slope = one[0], 0.0
            for i in range(n):
                if root[i] == 0.0:
                    continue
                if level * root[i] >= need[i]:
                    left -= need[i]
                else:
                    slope += root[i]
            following = left / slope if slope > 0 else math.inf
            if following <= level or slope == 0.0:
                break
            level = following
        for i in range(n):
            if root[i] > 0.0:
                uplink[r, i] = need[i] if slope == 0.0 else min(need[i], level * root[i])
    return uplink
