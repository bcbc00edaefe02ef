"""Episodes of frames as environments: played step by step, worth what the trajectory is worth."""

import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import SyncVectorEnv

import toolkit.envs
from toolkit import problems
from toolkit.envs import ProblemEnv, ProblemVectorEnv
from toolkit.envs._track import ROWS, Track
from toolkit.errors import UserError

FRAMES = 7
PLAYED = [("e2ehco", "reduced"), ("e2ehco", "full"), ("droo", "reduced"), ("cpdrl", "full")]


def episode(env, seed=0):
    """All that a random player is paid and told in one episode."""
    env.action_space.seed(seed)
    seen, _ = env.reset(seed=seed)
    observed, rewards, infos, over = [seen], [], [], False
    while not over:
        seen, reward, ended, over, info = env.step(env.action_space.sample())
        assert not ended
        observed.append(seen)
        rewards.append(reward)
        infos.append(info)
    return observed, rewards, infos


def trajectory(infos):
    """The decision of the whole episode."""
    blocks = [info["decision"] for info in infos]
    return {name: np.stack([block[name] for block in blocks]) for name in blocks[0]}


@pytest.mark.parametrize("many", [False, True])
@pytest.mark.parametrize(("name", "view"), PLAYED)
def test_gymnasium_and_stable_baselines_accept_episodes(name, view, many):
    env = gymnasium.make(toolkit.envs.env_id(name), preset="tiny", frames=3, view=view).unwrapped
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        if not many:
            check_env(env)
            return
        checker = pytest.importorskip(
            "stable_baselines3.common.env_checker", reason="the extra 'sb3' is not installed"
        )
        checker.check_env(env)


@pytest.mark.parametrize(("name", "view"), PLAYED)
def test_rewards_sum_to_the_trajectorys_evaluation(name, view):
    """The sum is what the rules pay for each frame; where all are feasible, the episode's reward,
    frames times."""
    env = ProblemEnv(name, "tiny", frames=FRAMES, view=view, scale=0.5)
    _, rewards, infos = episode(env)
    assert len(rewards) == FRAMES
    whole = trajectory(infos)
    each = env.problem.each(env.instance.data, whole)
    loss = env.problem.sign * each.objective + 10.0 * each.violation
    assert sum(rewards) == pytest.approx(-0.5 * loss.sum(), rel=1e-12)
    found = env.problem.evaluate(env.instance.data, whole)
    if found.feasible():
        assert sum(rewards) == pytest.approx(
            -0.5 * FRAMES * env.problem.sign * found.objective, rel=1e-9
        )
    else:
        assert (name, view) == ("cpdrl", "full")  # whose deadline random decisions miss


def test_the_steps_of_e2ehco_sum_to_its_evaluation():
    env = ProblemEnv("e2ehco", "tiny", frames=FRAMES, view="reduced")
    assert env.action_space.nvec.tolist() == [3] * 4  # local and two servers
    _, rewards, infos = episode(env)
    worth = env.problem.evaluate(env.instance.data, trajectory(infos))
    assert worth.feasible()
    assert sum(rewards) == pytest.approx(-FRAMES * worth.objective, rel=1e-9)
    assert toolkit.solve(env.problem, env.instance, "exact").objective <= worth.objective


def test_every_step_shows_its_own_frame():
    """Also over the end of a block of features that were found together."""
    env = ProblemEnv("e2ehco", "tiny", frames=FRAMES, view="reduced", state="features")
    observed, _, _ = episode(env)
    features = env.problem.frame.features(env.instance.data).reshape(FRAMES, -1)
    assert np.array_equal(observed[:-1], features.astype(np.float32))
    assert np.array_equal(observed[-1], observed[-2])  # nothing comes after the last
    long = problems.load("droo", "tiny", frames=2 * ROWS + 3)
    asked = []

    def see(data):
        asked.append(len(data["gain"]))
        return data["gain"]

    data = long.instance().data
    track = Track(long, data, see)
    for step in range(long.frames):
        assert np.array_equal(track.at(step)[1], data["gain"][step])
    assert asked == [ROWS, ROWS, 3]


@pytest.mark.parametrize(("name", "view"), PLAYED)
def test_many_episodes_are_a_loop_over_single_ones(name, view):
    problem = problems.load(name, "tiny", frames=3)
    instances = [problem.instance(i) for i in range(4)]
    ours = ProblemVectorEnv(problem, num_envs=4, instance=instances, view=view)
    loop = SyncVectorEnv(
        [lambda one=one: ProblemEnv(problem, instance=one, view=view) for one in instances]
    )
    ours.action_space.seed(1)
    assert np.array_equal(ours.reset()[0], loop.reset()[0])
    for _ in range(9):  # over two ends
        action = ours.action_space.sample()
        for a, b in zip(ours.step(action)[:4], loop.step(action)[:4], strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-6)


def test_one_of_many_is_the_single_environment():
    one = ProblemVectorEnv("e2ehco", "tiny", frames=3, view="reduced")
    single = ProblemEnv("e2ehco", "tiny", frames=3, view="reduced")
    assert np.array_equal(one.reset(seed=5)[0][0], single.reset(seed=5)[0])
    assert one.data["bits"].shape == (1, 3, 4)
    assert np.array_equal(one.data["position"][0], single.instance.data["position"])
    assert not np.array_equal(single.instance.data["bits"][0], single.instance.data["bits"][1])


def test_episodes_drawn_together_are_episodes():
    """Walks go on within an episode, and are different between them."""
    problem = problems.load("e2ehco", frames=20)
    data = problem.sample(np.random.default_rng(0), (3, 2))
    assert data["position"].shape == (3, 2, 20, 10, 2)
    assert data["site"].shape == (3, 2, 20, 5, 2)
    steps = np.hypot(*np.moveaxis(np.diff(data["position"], axis=2), -1, 0))
    apart = np.hypot(*np.moveaxis(data["position"][0] - data["position"][1], -1, 0))
    assert np.median(steps) < 60 < np.median(apart)  # m in 30 s, and between two people
    once = problems.load("e2ehco", "paper", frames=5).sample(np.random.default_rng(0), (3,))
    assert (np.ptp(once["bits"], axis=1) == 0).all()
    assert (np.ptp(once["bits"], axis=0) > 0).all()


def test_the_length_is_that_of_the_frames():
    with pytest.raises(UserError, match="leave out horizon"):
        ProblemEnv("e2ehco", "tiny", frames=3, horizon=4)
    env = ProblemEnv("e2ehco", "tiny", frames=3)
    with pytest.raises(UserError, match="has 4 frames"):
        env.reset(options={"instance": problems.load("e2ehco", "tiny", frames=4).instance()})
    with pytest.raises(UserError, match="was made for"):
        env.reset(options={"instance": problems.load("e2ehco", frames=3).instance()})
