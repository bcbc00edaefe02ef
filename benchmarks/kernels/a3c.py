"""a3c: a loop for `python -m benchmarks.kernels`."""

import numpy as np

from toolkit import problems
from toolkit.arrays import Decision
from toolkit.instances import rng_for

from .cases import Loops, Worth, case, loop


@case
def a3c(n: int) -> Loops:
    problem = problems.load("a3c", "clean", n_users=n)
    data = problem.instance(0).data
    assert data["own_first"] == 1
    assert data["forwarding"] == 2
    slots = len(data["has"])
    start = np.arange(slots)[:, None] * data["slot"] + 0 * data["bits"]
    sending = data["bits"] / data["rate"]
    where = (start, start + sending, start + sending + data["forward_delay"])
    times = (*where, data["cycles"] / data["cpu"], data["cycles"])
    energy = (data["kappa"] * data["cycles"] * data["cpu"] ** 2, data["send_power"] * sending)
    cells = np.stack([*times, *energy]).reshape(7, -1)
    there = np.flatnonzero(data["has"].ravel() > 0.5)
    orders = np.stack([there[np.argsort(cells[k, there], kind="stable")] for k in (0, 1, 2)])
    cpu = data["server_cpu"].copy()
    home = np.tile(data["region"].astype(int) + 1, slots)
    one = np.array([float(data[k]) for k in ("weight_delay", "weight_energy", "tolerance")])

    def choices(rows: int) -> Decision:
        servers = len(data["server_cpu"])
        drawn = rng_for("kernels").integers(0, servers + 1, (rows, slots, n))
        return {"target": drawn * data["has"]}

    def judge(decision: Decision) -> Worth:
        flat = decision["target"].reshape(len(decision["target"]), -1)
        return a3c_judge(flat, cells, orders, home, cpu, n, one)

    return Loops(problem, choices, judge)


@loop
def a3c_judge(target, cells, orders, home, server_cpu, devices, one):
    """Of every server two lines, of its region's tasks and of others', each in order of arrival."""
    rows, tasks, servers = len(target), orders.shape[1], len(server_cpu)
    out, free = np.zeros((5, rows)), np.empty(devices)
    line, length = np.empty((2, servers, tasks), np.int64), np.empty((2, servers), np.int64)
    for r in range(rows):
        delay = energy = late = 0.0
        free[:] = 0.0
        length[:] = 0
        for j in range(tasks):
            c = orders[0, j]
            if target[r, c] < 0.5:
                u = c % devices
                free[u] = max(free[u], cells[0, c]) + cells[3, c]
                took = free[u] - cells[0, c]
                delay += took
                late += took > one[2]
                energy += cells[5, c]
            else:
                energy += cells[6, c]
            for k in range(2):
                c = orders[1 + k, j]
                m = int(target[r, c])
                if m > 0 and (m != home[c]) == (k == 1):
                    line[k, m - 1, length[k, m - 1]] = c
                    length[k, m - 1] += 1
        for m in range(servers):
            i = j = 0
            now = 0.0
            while i < length[0, m] or j < length[1, m]:
                own = cells[1, line[0, m, i]] if i < length[0, m] else np.inf
                far = cells[2, line[1, m, j]] if j < length[1, m] else np.inf
                now = max(now, min(own, far))
                if own <= now:
                    c = line[0, m, i]
                    i += 1
                else:
                    c = line[1, m, j]
                    j += 1
                now += cells[4, c] / server_cpu[m]
                took = now - cells[0, c]
                delay += took
                late += took > one[2]
        out[0, r] = one[0] * delay + one[1] * energy
        out[2, r], out[3, r], out[4, r] = delay, energy, late
    return out
