"""What a step of the paper's methods costs, alone and with replicas side by side."""

import numpy as np
import pytest
import torch
from conftest import solve

from toolkit import learners, problems, solvers
from toolkit.learners import Training
from toolkit.learners._ddpg import Walk


@pytest.mark.parametrize("replicas", [1, 12])
@pytest.mark.parametrize("preset", ["paper", "tuned"])
@pytest.mark.parametrize("name", ["ddpg", "cpdrl"])
def test_steps(benchmark, name, preset, replicas):
    """A hundred steps, each a decision and an update; `ms_per_step` in extra_info."""
    torch.set_num_threads(1)
    problem = problems.load("cpdrl", "paper")
    learner = learners.registry.build(name, preset=preset)
    one = problem.instance(0).data
    data = {key: np.stack([value] * replicas) for key, value in one.items()}
    walk = Walk(learner, learner.build(problem, replicas), Training(problem=problem), data)
    for step in range(learner.settings.batch):  # before that there is no update
        walk.step(step)

    def hundred():
        for step in range(100):
            walk.step(step)
            walk.update()

    benchmark.pedantic(hundred, rounds=5, warmup_rounds=1)
    assert len(walk.losses) >= 100
    if benchmark.stats:
        benchmark.extra_info["ms_per_step"] = 10 * benchmark.stats.stats.median


@pytest.mark.parametrize("name", ["ddpg", "ste_ddpg", "aste_ddpg", "cpdrl"])
def test_learning_on_an_instance(benchmark, name):
    """300 evaluations under the probe; the gap to the optimum stands in extra_info."""
    problem = problems.load("cpdrl", "paper")
    instance = problem.instance(0)
    solver = solvers.registry.build("learn", learner=name, evaluations=300)
    result = benchmark.pedantic(solve, (solver, problem, instance), rounds=1, warmup_rounds=0)
    optimum = solve(solvers.registry.build("exact"), problem, instance).objective
    assert result.evaluations == 300
    benchmark.extra_info["gap"] = result.objective / optimum - 1
