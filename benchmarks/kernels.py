"""`judge` and `complete` beside hand-written loops: what the package's batches cost more.

python benchmarks/kernels.py [--problem droo ddlo …] [--batch 1 64 4096] [--n 10 100] [--rounds 9]

A row: microseconds a decision of the package, of a plain numba loop over the batch that does the
same arithmetic for one instance, and their ratio (processor time, the least of some rounds). Both
must agree to 1e-9 before anything is timed. Another problem is one more function, decorated with
`case`: from a number of users it makes the problem, a batch of discrete choices for its instance 0,
and for each of the two a loop that takes and returns what the package's does.
"""

import argparse
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit

from toolkit import problems
from toolkit.arrays import Data, Decision
from toolkit.instances import rng_for
from toolkit.problems import Problem

LEAST_SECONDS = 0.02  # of processor time in a round
AGREE = 1e-9

loop = njit(error_model="numpy")


@dataclass(frozen=True)
class Loops:
    """A problem, its instance's data, how a batch of choices is drawn, and the two loops."""

    problem: Problem
    choices: Callable[[int], Decision]  # a number of rows -> discrete choices
    judge: Callable[[Decision], np.ndarray]  # objectives (rows,)
    complete: Callable[[Decision], Decision]

    @property
    def data(self) -> Data:
        return self.problem.instance(0).data


CASES: dict[str, Callable[[int], Loops]] = {}


def case(make: Callable[[int], Loops]) -> Callable[[int], Loops]:
    """Enters a function of the number of users under its own name."""
    CASES[make.__name__] = make
    return make


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

    def judge(decision: Decision) -> np.ndarray:
        return droo_judge(*(decision[k] for k in ("offload", "charge", "slot")), local, snr, rate)

    def complete(decision: Decision) -> Decision:
        found = droo_complete(decision["offload"], local, snr, values, member)
        return {**decision, "charge": found[0], "slot": found[1]}

    return Loops(problem, choices, judge, complete)


@loop
def droo_judge(offload, charge, slot, local, snr, rate):
    out, excess = np.empty(len(charge)), np.empty(len(charge))
    for r in range(len(charge)):
        a, value, used = charge[r], 0.0, charge[r]
        root = a ** (1 / 3)
        for i in range(len(local)):
            tau = slot[r, i]
            if tau > 0 and a > 0:
                value += offload[r, i] * rate[i] * tau * math.log1p(snr[i] * a / tau)
            value += (1 - offload[r, i]) * local[i] * root
            used += offload[r, i] * tau
        out[r], excess[r] = value, max(used - 1, 0.0)
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


@case
def ddlo(n: int) -> Loops:
    problem = problems.load("ddlo", "shared", n_users=n, n_tasks=5)
    data = problem.instance(0).data
    names = ("capacity", "local_time", "edge_time", "local_energy", "transmit_energy")
    one = np.array([float(data[k]) for k in (*names, "edge_energy", "weight_delay")])

    def choices(rows: int) -> Decision:
        return {"offload": rng_for("kernels").integers(0, 2, (rows, n, 5)).astype(float)}

    def judge(decision: Decision) -> np.ndarray:
        return ddlo_judge(decision["offload"], decision["uplink"], data["size"], one)

    def complete(decision: Decision) -> Decision:
        return {**decision, "uplink": ddlo_complete(decision["offload"], data["size"], one)}

    return Loops(problem, choices, judge, complete)


@loop
def ddlo_judge(offload, uplink, size, one):
    out, excess = np.empty(len(offload)), np.empty(len(offload))
    for r in range(len(offload)):
        value, used = 0.0, 0.0
        for i in range(len(size)):
            remote, local = 0.0, 0.0
            for j in range(size.shape[1]):
                remote += offload[r, i, j] * size[i, j]
                local += (1 - offload[r, i, j]) * size[i, j]
            rate = uplink[r, i] if uplink[r, i] > 0 else 1e-12 * one[0]
            delay = max(one[1] * local, remote / rate + one[2] * remote)
            value += one[3] * local + (one[4] + one[5]) * remote + one[6] * delay
            used += uplink[r, i]
        out[r], excess[r] = value, max(used - one[0], 0.0) / one[0]
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


def seconds(call: Callable[[], Any], rounds: int) -> float:
    """Of processor time that a call takes, the least of some rounds; the first one compiles."""
    call()
    repeats, spent = 1, 0.0
    while True:
        begun = time.process_time()
        for _ in range(repeats):
            call()
        spent = time.process_time() - begun
        if spent >= LEAST_SECONDS:
            break
        repeats *= 4
    best = spent / repeats
    for _ in range(rounds - 1):
        begun = time.process_time()
        for _ in range(repeats):
            call()
        best = min(best, (time.process_time() - begun) / repeats)
    return best


def lines(name: str, n: int, batch: int, rounds: int) -> list[str]:
    """One of either kernel, as rows of the table."""
    loops = CASES[name](n)
    problem, data, choice = loops.problem, loops.data, loops.choices(batch)
    whole, plain = problem.complete(data, choice), loops.complete(choice)
    for key in whole:
        scale = np.abs(whole[key]).max()
        np.testing.assert_allclose(plain[key], whole[key], rtol=AGREE, atol=AGREE * scale)
    np.testing.assert_allclose(loops.judge(whole), problem.judge(data, whole).objective, rtol=AGREE)
    calls = {
        "judge": (lambda: problem.judge(data, whole), lambda: loops.judge(whole)),
        "complete": (lambda: problem.complete(data, choice), lambda: loops.complete(choice)),
    }
    out = []
    for kernel, (ours, hand) in calls.items():
        mine, theirs = (1e6 * seconds(call, rounds) / batch for call in (ours, hand))
        cells = (name, kernel, f"{batch:,}", n, f"{mine:.3g}", f"{theirs:.3g}")
        out.append("| " + " | ".join(map(str, cells)) + f" | {mine / theirs:.1f} |")
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--problem", nargs="*", choices=sorted(CASES), default=sorted(CASES))
    parser.add_argument("--batch", type=int, nargs="*", default=[1, 64, 4096])
    parser.add_argument("--n", type=int, nargs="*", default=[10, 100])
    parser.add_argument("--rounds", type=int, default=9)
    args = parser.parse_args()
    print("| problem | kernel | batch | n | package, us a row | loop, us a row | ratio |")
    print("|---|---|---|---|---|---|---|")
    for name in args.problem:
        for n in args.n:
            for batch in args.batch:
                print(*lines(name, n, batch, args.rounds), sep="\n", flush=True)


if __name__ == "__main__":
    main()
