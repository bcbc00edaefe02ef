"""droo: loops for `python -m benchmarks.kernels`."""

import math

import numpy as np

from toolkit import problems
from toolkit.arrays import Decision
from toolkit.instances import rng_for

from .cases import Loops, Worth, case, loop


@case
def droo(n: int) -> Loops:
    problem = problems.load("droo", "scaled", n_users=n)
    data = problem.instance(0).data
    power = float(data["efficiency"] * data["ap_power"])
    local = data["weight"] * (power * data["gain"] / data["kappa"]) ** (1 / 3) / data["cycles"]
    snr = power * data["gain"] ** 2 / data["noise"]
    rate = data["weight"] * data["bandwidth"] / (data["overhead"] * math.log(2))
    values, member = np.unique(rate, return_inverse=True)

    def choices(rows: int) -> Decision:
        return {"offload": rng_for("kernels").integers(0, 2, (rows, n)).astype(float)}

    def judge(decision: Decision) -> Worth:
        return droo_judge(*(decision[k] for k in ("offload", "charge", "slot")), local, snr, rate)

    def complete(decision: Decision) -> Decision:
        found = droo_complete(decision["offload"], local, snr, values, member)
        return {**decision, "charge": found[0], "slot": found[1]}

    return Loops(problem, choices, judge, complete)


@loop
def droo_judge(offload, charge, slot, local, snr, rate):
    out = np.zeros((4, len(charge)))
    for r in range(len(charge)):
        a, used, kept, sent = charge[r], max(charge[r], 0.0), 0.0, 0.0
        root = a ** (1 / 3)
        for i in range(len(local)):
            tau = slot[r, i]
            if tau > 0 and a > 0:
                sent += offload[r, i] * rate[i] * tau * math.log1p(snr[i] * a / tau)
            kept += (1 - offload[r, i]) * local[i] * root
            used += offload[r, i] * max(tau, 0.0)
        out[0, r], out[1, r], out[2, r], out[3, r] = kept + sent, max(used - 1, 0.0), kept, sent
    return out


@loop
def exponent(u):
    """y with y + exp(-y) - 1 = u, by Newton's steps from above."""
    y = u + 1.0 if u > 1.0 else math.sqrt(2 * u) + u
    for _ in range(50):
        e = math.exp(-y)
        step = (y + e - 1 - u) / (1 - e)
        y -= step
        if abs(step) <= 1e-12 * y:
            break
    return y


@loop
def droo_complete(offload, local, snr, values, member):
    """The root of value(v) = v for every mode: Newton's steps on their logarithms."""
    rows, n = offload.shape
    charge, slot = np.empty(rows), np.zeros((rows, n))
    sums, shares = np.empty(len(values)), np.empty(len(values))
    for r in range(rows):
        rest = 0.0
        sums[:] = 0.0
        for i in range(n):
            if offload[r, i] > 0.5:
                sums[member[i]] += snr[i]
            else:
                rest += local[i]
        v = max(rest / 3, 1e-3 * values[0])
        a = 1.0
        for _ in range(60):
            s, ds, value, slope = 1.0, 0.0, 0.0, 0.0
            for m in range(len(values)):
                y = exponent(v / values[m])
                e = math.exp(-y)
                p = 1 - e
                shares[m] = e / p
                s += sums[m] * shares[m]
                ds -= sums[m] * shares[m] / (values[m] * p * p)
                value += values[m] * sums[m] * e
                slope -= sums[m] * shares[m]
            a = 1 / s
            worth = rest / 3 * s ** (2 / 3)
            value += worth
            slope += worth * ds / (1.5 * s)
            step = math.log(value / v) / (1 - v * slope / value)
            v *= math.exp(min(max(step, -3.0), 3.0))
            if abs(step) <= 1e-11:
                break
        charge[r] = a
        for i in range(n):
            if offload[r, i] > 0.5:
                slot[r, i] = a * snr[i] * shares[member[i]]
    return charge, slot
