"""How fast `exact` proves `cpdrl`, from 8 users to millions, and of hard families.

    python benchmarks/scale_cpdrl.py --n 8,1e3,1e4,1e5,1e6 --gap 1e-6
    python benchmarks/scale_cpdrl.py --families 300 --gap 1e-9
    python benchmarks/scale_cpdrl.py --best

Processor seconds of one thread, compiled, the judge's included: with and without the preparation
of per-user constants. Each n runs in a process of its own, whose peak memory it is. Families: nine
parameters log-uniform around Table I (`varied`), or a deadline of 0.06 to 0.25 s (`tight`), 1,000
to 3,000 users. `--best`: all masks of 1,000 instances of 8 users in one call, of one of 20, of 24.
"""

import argparse
import multiprocessing
import resource
import time
from statistics import median

import numpy as np

from toolkit import problems
from toolkit.instances import Instance, rng_for
from toolkit.problems import Problem
from toolkit.problems.cpdrl import Cpdrl
from toolkit.problems.cpdrl.allocation import user_table
from toolkit.solvers import Budget, Probe, Result, registry


def solved(problem: Problem, instance: Instance, gap: float) -> tuple[float, Result]:
    """Processor seconds and the result."""
    probe = Probe(problem, instance, Budget(), rng_for(0))
    begun = time.process_time()
    claim = registry.build("exact", gap=gap).solve(problem, instance, probe)
    return time.process_time() - begun, probe.certify(claim)


def warm(gap: float) -> None:
    """Compiles every kernel."""
    for preset, n in (("large", 50), ("tight", 50), ("large", 5000)):
        problem = problems.load("cpdrl", preset, n_users=n)
        solved(problem, problem.instance(0), gap)


def scale(job: tuple[int, float]) -> None:
    """One line of the table: the medians of five instances (of two beyond 1e5 users)."""
    n, gap = job
    warm(gap)
    problem = problems.load("cpdrl", "large", n_users=n)
    whole, bare, last = [], [], None
    for index in range(5 if n <= 10**5 else 2):
        instance = problem.instance(index)
        runs = [solved(problem, instance, gap) for _ in range(5 if n <= 10**4 else 1)]
        begun = time.process_time()
        user_table(instance.data)
        prepared = time.process_time() - begun
        whole.append(min(seconds for seconds, _ in runs))
        bare.append(whole[-1] - prepared)
        last = runs[-1][1]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    assert last is not None
    nodes = last.certificate.body["nodes"]
    leaves = sum("leaf" in node for node in nodes)
    print(
        f"| {n:,} | {median(whole):.4f} | {median(bare):.4f} | {peak:,.0f} | {leaves} "
        f"| {last.gap:.1e} | {last.status} |",
        flush=True,
    )


def drawn(rng: np.random.Generator, n: int, tight: bool) -> Cpdrl:
    if tight:
        return Cpdrl(n_users=n, deadline=float(rng.uniform(0.06, 0.25)), scale_with_users=True)

    def around(value: float, factor: float) -> float:
        return float(value * np.exp(rng.uniform(-np.log(factor), np.log(factor))))

    return Cpdrl(
        n_users=n,
        bits_per_kb=around(1000.0, 3.0),
        deadline=around(0.25, 3.0),
        f_server=around(15e9, 5.0) * n / 8,
        bandwidth=around(1e6, 8.0) * n / 8,
        p_max=around(1.0, 5.0),
        kappa=around(1e-28, 5.0),
        weight_delay=around(0.05, 50.0),
        weight_energy=around(1.0, 5.0),
    )


def families(count: int, gap: float) -> None:
    warm(gap)
    for tight in (False, True):
        rng, seconds, proved, infeasible = np.random.default_rng(5), [], 0, 0
        for index in range(count):
            problem = drawn(rng, int(rng.integers(1000, 3001)), tight)
            took, result = solved(problem, problem.instance(index), gap)
            seconds.append(took)
            infeasible += result.status == "infeasible"
            proved += result.status == "infeasible" or (result.gap or 0.0) <= gap
        print(
            f"{'tight' if tight else 'varied'}: {proved} of {count} proved ({infeasible} of them "
            f"infeasible), median {median(seconds):.4f} s, slowest {max(seconds):.4f} s"
        )


def best() -> None:
    for n, rows in ((8, 1000), (20, 1), (24, 1)):
        problem = problems.load("cpdrl", "large", n_users=n)
        assert isinstance(problem, Cpdrl)
        data, took = problem.sample(np.random.default_rng(0), (rows,)), []
        for _ in range(4):
            begun = time.process_time()
            problem.best(data)
            took.append(time.process_time() - begun)
        print(f"all masks of {rows:,} x {n} users: {min(took):.4f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", default="", help="numbers of users, with commas between")
    parser.add_argument("--gap", type=float, default=1e-6)
    parser.add_argument("--families", type=int, default=0, help="instances of each family")
    parser.add_argument("--best", action="store_true")
    given = parser.parse_args()
    sizes = [int(float(n)) for n in given.n.split(",") if n]
    if sizes:
        print("| n | seconds | without preparation | MB | intervals | gap | status |")
        print("|---|---|---|---|---|---|---|", flush=True)
    fresh = multiprocessing.get_context("spawn")
    for n in sizes:
        process = fresh.Process(target=scale, args=((n, given.gap),))
        process.start()
        process.join()
    if given.families:
        families(given.families, given.gap)
    if given.best:
        best()


if __name__ == "__main__":
    main()
