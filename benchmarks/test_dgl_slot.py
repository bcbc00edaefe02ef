"""DGL's slot: what it costs an environment and the exact method; and the formulation's table."""

import time

import numpy as np
import pytest

from toolkit import problems, solvers
from toolkit.instances import Instance
from toolkit.problems.dgl_slot import _count_kernels
from toolkit.problems.dgl_slot.tables import tables
from toolkit.solvers import Budget, Probe

SLOTS = 4096


@pytest.mark.parametrize("what", ["tables", "complete", "judge", "polish"])
@pytest.mark.parametrize("noise", ["fixed", "band"])
def test_environment(benchmark, noise, what):
    """User-slots a second of 4,096 slots of `clean` at once."""
    problem = problems.load("dgl_slot", noise=noise)
    data = problem.sample(np.random.default_rng(0), (SLOTS,))
    choice = {"target": np.random.default_rng(1).integers(0, 3, (SLOTS, 20)).astype(float)}
    decision = problem.complete(data, choice)
    calls = {
        "tables": lambda: tables(data),
        "complete": lambda: problem.complete(data, choice),
        "judge": lambda: problem.judge(data, decision),
        "polish": lambda: problem.polish(data, choice),
    }
    benchmark.pedantic(calls[what], rounds=10, warmup_rounds=2)
    benchmark.extra_info["user_slots_per_second"] = SLOTS * 20 / benchmark.stats["median"]


@pytest.mark.parametrize(
    ("preset", "users", "servers"),
    [
        ("clean", 20, 2),
        ("clean", 50, 2),
        ("clean", 200, 5),
        ("large", 500, 10),
        ("part", 20, 2),
        ("part", 50, 2),
        ("part", 200, 5),
        ("part", 500, 10),
    ],
)
def test_exact(benchmark, preset, users, servers):
    """Seconds to a proven gap of 1e-6, one slot after the other: median, most; nodes, gap: most."""
    problem = problems.load("dgl_slot", preset, n_users=users, n_servers=servers)
    runs = benchmark.pedantic(
        lambda: [exact(problem, i) for i in range(12)], rounds=1, warmup_rounds=1
    )
    seconds, nodes, gaps = ([run[k] for run in runs] for k in (1, 2, 4))
    benchmark.extra_info.update(
        median=float(np.median(seconds)), most=max(seconds), nodes=max(nodes), gap=max(gaps)
    )


@pytest.mark.parametrize("users", [20, 50])
def test_counters(benchmark, users):
    """Seconds of one slot of `clean` by six counters, and how far `exact` is from them."""
    problem = problems.load("dgl_slot", n_users=users)
    data = problem.sample(np.random.default_rng(0), (500,))
    table = tables(data)
    kind = (table.reach @ [1, 2]).astype(np.int64)
    gain, target = np.empty(500), np.empty(kind.shape, np.int64)
    call = (table.root, data["cell"].astype(np.int64), kind, table.local[:, 0], table.level)
    benchmark.pedantic(
        lambda: _count_kernels.best_slots(*call, gain, target), rounds=5, warmup_rounds=1
    )
    choice = {"target": target.astype(float)}
    found = problem.evaluate(data, problem.complete(data, choice)).objective
    proven = [proved(problem, {k: v[i] for k, v in data.items()})[0] for i in range(20)]
    benchmark.extra_info.update(
        microseconds=1e6 * benchmark.stats["median"] / 500,
        furthest=float(np.abs(found[:20] / proven - 1).max()),
    )


@pytest.mark.parametrize("users", [20, 30, 40, 50])
def test_published_table(benchmark, users):
    """Section 2.9 of the formulation: means over 60 slots of `as-published`, and their errors."""
    problem = problems.load("dgl_slot", "as-published", n_users=users)

    def means():
        rows = []
        for index in range(60):
            data = problem.instance(index).data
            local = {key: np.zeros(users) for key in ("target", "bandwidth", "cpu")}
            best, decision = proved(problem, data)[0:4:3]
            offloaders = float((decision["target"] > 0).sum())
            rows.append((float(problem.evaluate(data, local).objective), best, offloaders))
        return np.array(rows)

    rows = benchmark.pedantic(means, rounds=1)
    for name, column in zip(("local", "optimum", "offloaders"), rows.T, strict=True):
        error = column.std(ddof=1) / len(column) ** 0.5
        benchmark.extra_info[name] = f"{column.mean():.2f} ± {error:.2f}"


def exact(problem, index):
    """(optimum, seconds, nodes, decision, gap) of one slot, proved to 1e-6."""
    return proved(problem, problem.instance(index).data)


def proved(problem, data):
    instance = Instance(problem.name, problem.version, data, problem.params, "case")
    probe = Probe(problem, instance, Budget(seconds=60), np.random.default_rng(0))
    begun = time.perf_counter()
    result = probe.certify(
        solvers.registry.build("exact", gap=1e-6).solve(problem, instance, probe)
    )
    seconds = time.perf_counter() - begun
    assert result.gap <= 1e-6
    nodes = len(result.certificate.body["nodes"])
    return result.objective, seconds, nodes, result.decision, result.gap
