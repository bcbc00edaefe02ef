"""Episodes of e2ehco as environments: user-steps per second of 256 episodes side by side.

pytest benchmarks/test_e2ehco_envs.py --benchmark-enable
"""

import gymnasium
import pytest

import toolkit.envs

ID = toolkit.envs.env_id("e2ehco")
EPISODES, FRAMES, USERS = 256, 100, 10


def _per_second(benchmark, frames: int) -> None:
    if benchmark.stats:
        seconds = benchmark.stats.stats.median
        benchmark.extra_info["user_steps_per_second"] = EPISODES * frames * USERS / seconds


@pytest.mark.parametrize("state", ["features", "both", "outcome"])
def test_whole_episodes(benchmark, state):
    """Drawing the walks, observing, deciding and judging, from reset to the last step."""
    rules = {"frames": FRAMES, "view": "reduced", "state": state}
    env = gymnasium.make_vec(ID, EPISODES, **rules)
    env.action_space.seed(0)
    action = env.action_space.sample()

    def episode():
        env.reset(seed=0)
        for _ in range(FRAMES):
            env.step(action)

    benchmark.pedantic(episode, rounds=3, warmup_rounds=1)
    _per_second(benchmark, FRAMES)


@pytest.mark.parametrize("view", ["reduced", "full"])
@pytest.mark.parametrize("state", ["features", "both"])
def test_steps(benchmark, view, state):
    """The steps alone, all observed, without the drawing of walks."""
    env = gymnasium.make_vec(ID, EPISODES, frames=FRAMES, view=view, state=state)
    env.action_space.seed(0)
    action = env.action_space.sample()

    def steps():
        for _ in range(FRAMES - 1):
            env.step(action)

    benchmark.pedantic(steps, setup=lambda: env.reset(seed=0) and None, rounds=3, warmup_rounds=1)
    _per_second(benchmark, FRAMES - 1)
