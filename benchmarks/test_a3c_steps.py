"""Speed of double offloading step by step; tasks a second stand in `extra_info`."""

import time

import gymnasium
import numpy as np
import pytest

import toolkit.envs  # noqa: F401  registers the environments
from toolkit import problems
from toolkit.instances import rng_for

EPISODES = 1024


@pytest.fixture(scope="module")
def episodes():
    """(problem, data) at density 0.9: some 216 tasks an episode."""
    problem = problems.load("a3c", "clean", density=0.9)
    return problem, problem.sample(rng_for("steps"), (EPISODES,))


def rate(benchmark, tasks: float, play) -> None:
    """Times `play`; tasks a second of the processor's time, which other work does not lengthen."""
    play()
    begun, rounds = time.process_time(), 3
    benchmark.pedantic(play, rounds=rounds)
    benchmark.extra_info["tasks_per_second"] = rounds * tasks / (time.process_time() - begun)


@pytest.mark.parametrize("rule", ["own", "greedy", "drift", "greedy-single"])
def test_rules(benchmark, episodes, rule):
    problem, data = episodes
    rate(benchmark, data["has"].sum(), lambda: problem.follow(data, rule, rng_for(rule)))


@pytest.mark.parametrize("scale", ["task", "slot"])
@pytest.mark.parametrize("seen", ["marginal", "all"])
def test_observing(benchmark, episodes, scale, seen):
    """Greedy choices by one observation a step, of marginal costs only and of everything."""
    problem, data = episodes
    names = ("marginal",) if seen == "marginal" else ()

    def play():
        steps = problem.dynamics(data, scale)
        while steps.at < steps.steps:
            steps.step({"mode": steps.observe(*names)["marginal"].argmin(-1)})

    rate(benchmark, data["has"].sum(), play)


def test_the_articles_reward(benchmark, episodes):
    problem, data = episodes

    def play():
        steps = problem.dynamics(data, reward="article")
        while steps.at < steps.steps:
            steps.step({"mode": np.ones(EPISODES)})

    rate(benchmark, data["has"].sum(), play)


def test_gymnasium(benchmark):
    """128 episodes of the vectorised environment."""
    env = gymnasium.make_vec("toolkit/a3c-steps-v0", num_envs=128, density=0.9)
    env.action_space.seed(0)
    env.reset(seed=0)
    tasks = env.unwrapped.play.data["has"].sum()

    def play():
        env.reset(seed=0)
        over = np.zeros(1, bool)
        while not over.all():
            over = env.step(env.action_space.sample())[2]

    rate(benchmark, tasks, play)
