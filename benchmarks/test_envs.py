"""Steps per second of environments: one alone, and batches in one call."""

import gymnasium
import pytest

import toolkit.envs

ID = toolkit.envs.env_id("cpdrl")


def _per_second(benchmark, steps: int) -> None:
    if benchmark.stats:
        benchmark.extra_info["steps_per_second"] = steps / benchmark.stats.stats.median


@pytest.mark.parametrize("view", ["full", "reduced"])
def test_one(benchmark, view):
    env = gymnasium.make(ID, preset="paper", view=view, horizon=10**9)
    env.reset(seed=0)
    env.action_space.seed(0)
    benchmark(env.step, env.action_space.sample())
    _per_second(benchmark, 1)


@pytest.mark.parametrize("count", [1, 256])
@pytest.mark.parametrize("view", ["full", "reduced"])
def test_vector(benchmark, view, count):
    env = gymnasium.make_vec(ID, count, preset="paper", view=view, horizon=10**9)
    env.reset(seed=0)
    env.action_space.seed(0)
    benchmark(env.step, env.action_space.sample())
    _per_second(benchmark, count)


@pytest.mark.parametrize("view", ["full", "reduced"])
def test_loop(benchmark, view):
    """What Gymnasium's own loop over single environments reaches: the bar for the batch."""
    rules = {"preset": "paper", "view": view, "horizon": 10**9}
    env = gymnasium.make_vec(ID, 256, vectorization_mode="sync", **rules)
    env.reset(seed=0)
    env.action_space.seed(0)
    benchmark(env.step, env.action_space.sample())
    _per_second(benchmark, 256)
