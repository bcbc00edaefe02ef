"""E2EHCO: what a step costs an environment, a heuristic and the exact method."""

import time

import numpy as np
import pytest

from toolkit import problems, solvers
from toolkit.instances import Instance
from toolkit.problems.e2ehco.ranking import polished
from toolkit.problems.e2ehco.tables import tables
from toolkit.solvers import Budget, Probe

EPISODES = 256


@pytest.fixture(scope="module")
def steps():
    """(problem, a step of 256 episodes, random servers)."""
    problem = problems.load("e2ehco")
    data = problem.sample(np.random.default_rng(0), (EPISODES,))
    server = np.random.default_rng(1).integers(0, 6, (EPISODES, 10)).astype(float)
    return problem, data, server


@pytest.mark.parametrize("what", ["tables", "complete", "complete+judge", "step", "episode"])
def test_environment(benchmark, steps, what):
    """User-steps a second of 256 episodes at once; a step: complete, judge and features."""
    problem, data, server = steps

    def complete():
        return problem.complete(data, {"server": server})

    def step():
        return problem.evaluate(data, complete()), problem.features(data)

    calls = {
        "tables": lambda: tables(data),
        "complete": complete,
        "complete+judge": lambda: problem.evaluate(data, complete()),
        "step": step,
        "episode": lambda: problem.episode(np.random.default_rng(0), 3000),
    }
    benchmark.pedantic(calls[what], rounds=30, warmup_rounds=2)
    users = 30_000 if what == "episode" else server.size
    benchmark.extra_info["user_steps_per_second"] = users / benchmark.stats["median"]


@pytest.mark.parametrize("preset", ["clean", "hard"])
@pytest.mark.parametrize("starts", [1, 4, 16])
def test_polish(benchmark, preset, starts):
    """Best responses and pairs of moves from so many random choices: mean gap, share optimal."""
    problem = problems.load("e2ehco", preset)
    data = problem.sample(np.random.default_rng(0), (200,))
    start = np.random.default_rng(1).integers(0, 6, (200, starts, 10)).astype(float)
    spread = {key: value[:, None] for key, value in data.items()}
    benchmark.pedantic(polished, (spread, start), rounds=5, warmup_rounds=1)
    found = problem.complete(spread, {"server": polished(spread, start)})
    ours = problem.evaluate(spread, found).objective.min(-1)
    best = np.array([exact(problem, data, i)[0] for i in range(200)])
    benchmark.extra_info.update(
        microseconds=1e6 * benchmark.stats["median"] / 200,
        gap=float(np.mean(ours / best - 1)),
        optimal=float(np.mean(ours <= best * (1 + 1e-9))),
    )


@pytest.mark.parametrize("preset", ["clean", "hard", "letter", "dense"])
def test_exact(benchmark, preset):
    """Seconds to a proven gap of 1e-6, one step after the other: median, most, most nodes.

    And the median beside a workload that ran just before each step: a busy machine slows both.
    """
    problem = problems.load("e2ehco", preset)
    data = problem.sample(np.random.default_rng(0), (20,))
    runs = benchmark.pedantic(
        lambda: [(sorting(), *exact(problem, data, i)) for i in range(20)],
        rounds=1,
        warmup_rounds=1,
    )
    beside, seconds, nodes, gaps = ([run[k] for run in runs] for k in (0, 2, 3, 4))
    benchmark.extra_info.update(
        median=float(np.median(seconds)),
        most=max(seconds),
        nodes=max(nodes),
        gap=max(gaps),
        sorting=float(np.median(beside)),
        beside_sorting=float(np.median(np.divide(seconds, beside))),
    )


def test_clairvoyant_episode(benchmark):
    """3,000 steps of the published length, positions held for 30, tasks drawn once."""
    problem = problems.load("e2ehco", tasks="episode", held=30)
    data = problem.episode(np.random.default_rng(0), 3000)

    def optimum():
        return float(np.mean([exact(problem, data, i)[0] for i in range(0, 3000, 30)]))

    benchmark.pedantic(optimum, rounds=1, warmup_rounds=1)
    benchmark.extra_info["seconds"] = benchmark.stats["median"]


def sorting():
    """Seconds to sort 10^5 numbers with NumPy."""
    numbers = np.random.default_rng(0).random(100_000)
    begun = time.perf_counter()
    np.sort(numbers)
    return time.perf_counter() - begun


def exact(problem, data, index):
    """(optimum, seconds, nodes, gap) of one step, proved to 1e-6."""
    row = {key: value[index] for key, value in data.items()}
    instance = Instance(problem.name, problem.version, row, problem.params, "case")
    probe, begun = (
        Probe(problem, instance, Budget(seconds=60), np.random.default_rng(0)),
        time.perf_counter(),
    )
    result = probe.certify(
        solvers.registry.build("exact", gap=1e-6).solve(problem, instance, probe)
    )
    seconds = time.perf_counter() - begun
    assert result.gap <= 1e-6
    return result.objective, seconds, len(result.certificate.body["nodes"]), result.gap
