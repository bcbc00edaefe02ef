"""Our own DDPG beside Stable-Baselines3's: the same process, networks and batch size."""

import pytest
from conftest import solve

from toolkit import problems, solvers

pytest.importorskip("stable_baselines3")
SAME = "view=paper,width=[128,128],batch=64"
LEARNERS = {
    "ours": "ddpg",
    "ddpg": f"sb3[algorithm=ddpg,{SAME}]",
    "td3": f"sb3[algorithm=td3,{SAME}]",
    "ddpg_default_networks": "sb3[algorithm=ddpg,view=paper]",
    "ppo_reduced": "sb3[algorithm=ppo]",
    "dqn_reduced": "sb3[algorithm=dqn]",
}


@pytest.mark.parametrize("name", LEARNERS)
def test_learning_on_an_instance(benchmark, name):
    """600 evaluations under the probe; steps a second and the gap stand in extra_info."""
    problem = problems.load("cpdrl", "paper")
    instance = problem.instance(0, seed=1)
    solver = solvers.registry.build("learn", learner=LEARNERS[name], evaluations=600)
    result = benchmark.pedantic(solve, (solver, problem, instance), rounds=1, warmup_rounds=0)
    optimum = solve(solvers.registry.build("exact"), problem, instance).objective
    assert result.evaluations == 600
    benchmark.extra_info["steps_per_second"] = 600 / result.seconds
    benchmark.extra_info["gap"] = result.objective / optimum - 1
