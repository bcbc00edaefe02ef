"""dgl_slot, and an episode of such slots, dgl: loops for `python -m benchmarks.kernels`."""

import numpy as np

from toolkit import problems
from toolkit.arrays import Data, Decision
from toolkit.instances import rng_for

from .cases import Loops, Worth, case, loop

SCALARS = ("weight_delay", "weight_energy", "energy_power", "server_cpu")


def of_users(data: Data, bits: np.ndarray, cycles: np.ndarray) -> np.ndarray:
    """What is prepared of users (10, *users): seconds of sending over the whole band, of a server
    and of the cloud, cell, service, cycles' delay and energy at home, and the references."""
    assert data["noise_fixed"] == 1
    late = cycles / data["local_cpu"]
    burnt = data["kappa"] * data["local_cpu"] ** 2 * cycles
    whole = bits / (data["bandwidth"] * data["efficiency"])
    servers = len(data["limit"] if "limit" in data else data["cached"])
    sent = data["energy_power"] * whole * (bits.shape[-1] / servers)
    cloud = bits / data["cloud_rate"] + cycles / data["cloud_cpu"] + data["cloud_delay"]
    edge, cell = cycles / data["server_cpu"], data["cell"] + 0 * bits
    parts = (whole, edge, cloud, cell, data["service"], late, burnt, np.maximum(sent, burnt))
    return np.stack(parts)


@case
def dgl_slot(n: int) -> Loops:
    problem = problems.load("dgl_slot", "clean", n_users=n)
    data = problem.instance(0).data
    users, cached = of_users(data, data["bits"], data["cycles"]), data["cached"].copy()
    one = np.array([float(data[k]) for k in SCALARS])
    root = roots(users, one)

    def choices(rows: int) -> Decision:
        drawn = rng_for("kernels").integers(0, len(cached) + 1, (rows, n))
        return {"target": drawn.astype(float)}

    def judge(decision: Decision) -> Worth:
        asked = (decision[k] for k in ("target", "bandwidth", "cpu"))
        return dgl_slot_judge(*asked, users, cached, one)

    def complete(decision: Decision) -> Decision:
        found = dgl_slot_complete(decision["target"], users, root, cached)
        return {**decision, "bandwidth": found[0], "cpu": found[1]}

    return Loops(problem, choices, judge, complete)


def roots(users: np.ndarray, one: np.ndarray) -> np.ndarray:
    """Square roots of what sending over a whole band loses."""
    return np.sqrt((one[0] / users[5] + one[1] * one[2] / users[7]) * users[0])


@loop
def slot(target, bandwidth, cpu, users, cached, one, band, load):
    """A slot's time and effort, and how far the shares exceed a cell or a server."""
    time = effort = 0.0
    band[:], load[:] = 0.0, 0.0
    for i in range(len(target)):
        late, burnt, most = users[5, i], users[6, i], users[7, i]
        m = int(target[i]) - 1
        effort += (most - burnt) / most
        if m >= 0:
            upload = users[0, i] / max(bandwidth[i], 1e-12)
            took = upload
            if cached[m, int(users[4, i])] > 0:
                took += users[1, i] / max(cpu[i], 1e-12)
            else:
                took += users[2, i]
            time += 1.0 - took / late
            effort += (burnt - one[2] * upload) / most
            band[int(users[3, i])] += max(bandwidth[i], 0.0)
            load[m] += max(cpu[i], 0.0)
    over = 0.0
    for m in range(len(band)):
        over = max(over, band[m] - 1.0, load[m] - 1.0)
    return one[0] * time, one[1] * effort, over


@loop
def dgl_slot_judge(target, bandwidth, cpu, users, cached, one):
    rows, servers = len(target), len(cached)
    out, band, load = np.zeros((4, rows)), np.empty(servers), np.empty(servers)
    for r in range(rows):
        time, effort, over = slot(target[r], bandwidth[r], cpu[r], users, cached, one, band, load)
        out[0, r], out[1, r], out[2, r], out[3, r] = time + effort, over, time, effort
    return out


@loop
def shared(target, users, root, cached, bandwidth, cpu, total, count):
    """A slot's shares: of the band in proportion to roots, of a server equal."""
    total[:], count[:] = 0.0, 0.0
    for i in range(len(target)):
        m = int(target[i]) - 1
        if m >= 0:
            total[int(users[3, i])] += root[i]
            count[m] += cached[m, int(users[4, i])]
    for i in range(len(target)):
        m = int(target[i]) - 1
        if m >= 0:
            bandwidth[i] = root[i] / total[int(users[3, i])]
            if cached[m, int(users[4, i])] > 0:
                cpu[i] = 1.0 / count[m]


@loop
def dgl_slot_complete(target, users, root, cached):
    rows, servers = len(target), len(cached)
    bandwidth, cpu = np.zeros(target.shape), np.zeros(target.shape)
    total, count = np.empty(servers), np.empty(servers)
    for r in range(rows):
        shared(target[r], users, root, cached, bandwidth[r], cpu[r], total, count)
    return bandwidth, cpu


@case
def dgl(n: int) -> Loops:
    problem = problems.load("dgl", "clean", n_users=n)
    data = problem.instance(0).data
    asked = data["service"].astype(int)
    users = of_users(data, data["bits"][asked], data["cycles"][asked])
    users = np.ascontiguousarray(np.moveaxis(users, 0, 2))  # (steps, slots, parts, users)
    one = np.array([float(data[k]) for k in (*SCALARS, "overflow_price", "qoe_weight")])
    root = np.ascontiguousarray(roots(np.moveaxis(users, 2, 0), one))
    per_service = np.stack([data["size"], data["load_price"]])
    per_server = np.stack([data["capacity"], data["limit"]])
    shape = (users.shape[0], len(data["limit"]), len(data["size"]))

    def choices(rows: int) -> Decision:
        rng = rng_for("kernels")
        target = rng.integers(0, shape[1] + 1, (rows, *data["service"].shape)).astype(float)
        return {"cache": rng.integers(0, 2, (rows, *shape)).astype(float), "target": target}

    def judge(decision: Decision) -> Worth:
        parts = (decision[k] for k in ("cache", "target", "bandwidth", "cpu"))
        return dgl_judge(*parts, users, one, per_service, per_server)

    def complete(decision: Decision) -> Decision:
        found = dgl_complete(decision["cache"], decision["target"], users, root)
        return {**decision, "bandwidth": found[0], "cpu": found[1]}

    return Loops(problem, choices, judge, complete)


@loop
def dgl_judge(cache, target, bandwidth, cpu, users, one, per_service, per_server):
    rows, steps, servers, services = cache.shape
    out, band, load = np.zeros((5, rows)), np.empty(servers), np.empty(servers)
    slots = target.shape[2]
    for r in range(rows):
        qoe = loading = overflow = over = 0.0
        for t in range(steps):
            for k in range(slots):
                time, effort, above = slot(
                    *(target[r, t, k], bandwidth[r, t, k], cpu[r, t, k]),
                    *(users[t, k], cache[r, t], one, band, load),
                )
                qoe += (time + effort) / slots
                over = max(over, above)
            for m in range(servers):
                stored = 0.0
                for s in range(services):
                    before = cache[r, t - 1, m, s] if t > 0 else 0.0
                    loading += per_service[1, s] * max(cache[r, t, m, s] - before, 0.0)
                    stored += per_service[0, s] * cache[r, t, m, s]
                overflow += max(stored - per_server[0, m], 0.0)
                over = max(over, (stored - per_server[1, m]) / per_server[1, m])
        out[2, r], out[3, r], out[4, r] = one[5] * qoe, loading, one[4] * overflow
        out[0, r], out[1, r] = out[2, r] - out[3, r] - out[4, r], over
    return out


@loop
def dgl_complete(cache, target, users, root):
    rows, steps, slots, _ = target.shape
    servers = cache.shape[2]
    bandwidth, cpu = np.zeros(target.shape), np.zeros(target.shape)
    total, count = np.empty(servers), np.empty(servers)
    for r in range(rows):
        for t in range(steps):
            for k in range(slots):
                shared(
                    *(target[r, t, k], users[t, k], root[t, k], cache[r, t]),
                    *(bandwidth[r, t, k], cpu[r, t, k], total, count),
                )
    return bandwidth, cpu
