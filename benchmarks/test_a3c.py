"""Speed of queues: tasks simulated a second, in `extra_info`, by discipline and detour."""

import numpy as np
import pytest

from toolkit import problems
from toolkit.instances import rng_for

DECISIONS = 4000
CASES = [(discipline, delay) for discipline in ("fcfs", "own-first") for delay in (0.0, 0.1)]


def judged(benchmark, problem, data, target):
    """Times `judge`: copies and orders of the data, queues, limits."""
    found = benchmark(problem.judge, data, {"target": target})
    tasks = (data["has"].sum((-2, -1)) * np.ones(len(target))).sum()
    benchmark.extra_info["tasks_per_second"] = tasks / benchmark.stats.stats.min
    assert found.feasible().all()


@pytest.mark.parametrize(("discipline", "delay"), CASES)
def test_decisions_of_an_episode(benchmark, discipline, delay):
    """4,000 decisions for one episode of some 216 tasks, two servers."""
    problem = problems.load("a3c", density=0.9, discipline=discipline, forward_delay=delay)
    data = problem.instance(0).data
    target = problem.space(data).sample(rng_for("decisions"), (DECISIONS,))["target"]
    judged(benchmark, problem, data, target)


@pytest.mark.parametrize("discipline", ["fcfs", "own-first"])
def test_many_episodes(benchmark, discipline):
    """4,000 episodes, one decision each: arrivals are put in order first."""
    problem = problems.load("a3c", density=0.9, discipline=discipline)
    data = problem.sample(rng_for("episodes"), (DECISIONS,))
    target = problem.space(data).sample(rng_for("decisions"), (DECISIONS,))["target"]
    judged(benchmark, problem, data, target)


@pytest.mark.parametrize("discipline", ["fcfs", "own-first"])
def test_ten_servers(benchmark, discipline):
    """200 decisions for an episode of a hundred devices, some 2,100 tasks."""
    problem = problems.load("a3c", "wide", discipline=discipline)
    data = problem.instance(0).data
    target = problem.space(data).sample(rng_for("decisions"), (200,))["target"]
    judged(benchmark, problem, data, target)
