"""e2ehco: loops for `python -m benchmarks.kernels`."""

import math

import numpy as np

from toolkit import problems
from toolkit.arrays import Decision
from toolkit.instances import rng_for

from .cases import Loops, Worth, case, loop


@case
def e2ehco(n: int) -> Loops:
    problem = problems.load("e2ehco", "paper", n_users=n)
    data = problem.instance(0).data
    assert data["share_budget"] == 1
    away = np.sqrt(((data["position"][:, None] - data["site"]) ** 2).sum(-1))
    far = np.maximum(away + data["loss_offset"], data["loss_nearest"])
    snr = data["loss_gain"] * far ** -data["loss_exponent"] / data["noise"][:, None]
    local = data["cycles"] / data["local_cpu"]
    burnt = data["kappa"] * data["local_cpu"] ** 2 * data["cycles"]
    names = ("weight_delay", "weight_energy", "idle_power", "power_min", "power_max")
    one = np.array([float(data[k]) for k in names])
    users = np.stack([data["bits"] * math.log(2) / data["bandwidth"], data["cycles"], local, burnt])
    cpu = data["server_cpu"].copy()  # writable, which is quicker to call with
    root = np.sqrt(data["cycles"] * (one[0] + one[1] * one[2]))

    def choices(rows: int) -> Decision:
        servers = len(data["site"]) + 1
        return {"server": rng_for("kernels").integers(0, servers, (rows, n)).astype(float)}

    def judge(decision: Decision) -> Worth:
        asked = (decision[k] for k in ("server", "power", "share"))
        return e2ehco_judge(*asked, users, snr, cpu, one)

    def complete(decision: Decision) -> Decision:
        power, share = e2ehco_complete(decision["server"], root, snr, one)
        return {**decision, "power": power, "share": share}

    return Loops(problem, choices, judge, complete)


@loop
def e2ehco_judge(server, power, share, users, snr, cpu, one):
    rows, n = server.shape
    out, used = np.zeros((7, rows)), np.empty(len(cpu))
    for r in range(rows):
        used[:] = 0.0
        upload = sent = remote = local = burnt = 0.0
        for i in range(n):
            m = int(server[r, i]) - 1
            if m < 0:
                local += users[2, i]
                burnt += users[3, i]
                continue
            p = power[r, i] if power[r, i] > 0 else 1e-12 * one[4]
            took = users[0, i] / math.log1p(snr[i, m] * p)
            upload += took
            sent += p * took
            remote += users[1, i] / ((share[r, i] if share[r, i] > 0 else 1e-12) * cpu[m])
            used[m] += max(share[r, i], 0.0)
        waited = one[2] * remote
        out[2, r], out[3, r] = upload + remote + local, sent + waited + burnt
        out[0, r] = one[0] * out[2, r] + one[1] * out[3, r]
        out[1, r] = max(used.max() - 1, 0.0)
        out[4, r] = one[0] * upload + one[1] * sent
        out[5, r] = one[0] * remote + one[1] * waited
        out[6, r] = one[0] * local + one[1] * burnt
    return out


@loop
def e2ehco_complete(server, root, snr, one):
    """The best power of every pair of user and server once, by Newton's steps on s = ln(1 + g p):
    s exp(s) - exp(s) + 1 = w1 g / w2; then shares row by row."""
    rows, n = server.shape
    servers = snr.shape[1]
    power, share = np.empty((rows, n)), np.zeros((rows, n))
    best, total = np.full((n, servers), np.nan), np.empty(servers)
    for r in range(rows):
        total[:] = 0.0
        for i in range(n):
            m = int(server[r, i]) - 1
            if m >= 0:
                total[m] += root[i]
        for i in range(n):
            m = int(server[r, i]) - 1
            power[r, i] = one[3]
            if m < 0:
                continue
            share[r, i] = root[i] / total[m]
            if np.isnan(best[i, m]):
                q = one[0] / one[1] * snr[i, m]
                s = math.log1p(q) + 1.0
                for _ in range(100):
                    e = math.exp(s)
                    step = (e * (s - 1.0) + 1.0 - q) / (s * e)
                    s -= step
                    if abs(step) <= 1e-13 * s:
                        break
                best[i, m] = min(max(math.expm1(s) / snr[i, m], one[3]), one[4])
            power[r, i] = best[i, m]
    return power, share
