"""Environments: Gymnasium's contract, and rewards that are the problem's own evaluation."""

import itertools
import subprocess
import sys
import types
import warnings
from dataclasses import dataclass
from math import inf

import gymnasium
import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import SyncVectorEnv
from gymnasium.wrappers.vector import DictInfoToList

import toolkit.envs
from toolkit import problems
from toolkit.envs import ProblemEnv, ProblemVectorEnv
from toolkit.envs._play import usual
from toolkit.errors import UserError
from toolkit.instances import rng_for
from toolkit.problems import Evaluation, Field, HasCompletion, HasOutcome, Problem, Space, Var
from toolkit.problems._check.base import cases, points, row, same

VIEWS = ("full", "reduced")
NAMES = problems.registry.names()
PLAYED = [  # every problem in every view that it has
    (name, view)
    for name in NAMES
    for view in VIEWS
    if view == "full" or isinstance(problems.load(name, "tiny"), HasCompletion)
]


@dataclass(frozen=True, kw_only=True)
class Levels(Problem):
    """Maximise weight * level * (1 - waste), nothing known beyond the formula."""

    title = "Levels"
    paper = "none"
    sense = "max"
    presets = {"tiny": {"n_users": 3}, "paper": {"n_users": 3}}  # noqa: RUF012
    fields = {  # noqa: RUF012
        "weight": Field("weight", "1", ("users",)),
        "most": Field("largest sum of levels"),
    }
    n_users: int = 3
    wasteful: bool = True

    def sample(self, rng, batch=()):
        weight = rng.uniform(50.0, 60.0, (*batch, self.n_users))
        return {"weight": weight, "most": np.full(batch, 5.0)}

    def space(self, data):
        levels = Var("level", (self.n_users,), "integer", lower=1.0, upper=3.0)
        return Space((levels, Var("waste")) if self.wasteful else (levels,))

    def judge(self, data, decision):
        value = (data["weight"] * decision["level"]).sum(-1)
        value = value * (1 - decision["waste"]) if self.wasteful else value
        over = np.maximum(decision["level"].sum(-1) / data["most"] - 1, 0)
        return Evaluation(value, {"most": over}, {"value": value})


def rollout(env, seed, steps=12):
    """Everything that an environment returns to the same random actions."""
    env.action_space.seed(seed)
    out = [env.reset(seed=seed)]
    for _ in range(steps):
        out.append(env.step(env.action_space.sample()))
        if out[-1][3] is True:
            out.append(env.reset())
    return out


def agree(ours, theirs, rtol):
    """Fails unless two nests of dictionaries, tuples and arrays are equal."""
    assert type(ours) is type(theirs)
    if isinstance(ours, dict):
        assert ours.keys() == theirs.keys()
        ours, theirs = list(ours.values()), [theirs[key] for key in ours]
    if isinstance(ours, tuple | list):
        for a, b in zip(ours, theirs, strict=True):
            agree(a, b, rtol)
    else:
        np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=0)
        assert np.asarray(ours).dtype == np.asarray(theirs).dtype


# --- the contract


@pytest.mark.parametrize(("name", "view"), PLAYED)
def test_gymnasium_accepts_every_problem(name, view):
    env = gymnasium.make(toolkit.envs.env_id(name), preset="tiny", view=view)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(env.unwrapped)


@pytest.mark.parametrize(("name", "view"), PLAYED)
def test_stable_baselines_accepts_every_problem(name, view):
    checker = pytest.importorskip(
        "stable_baselines3.common.env_checker", reason="the extra 'sb3' is not installed"
    )
    env = gymnasium.make(toolkit.envs.env_id(name), preset="tiny", view=view)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        checker.check_env(env.unwrapped)


def test_a_problem_without_knowledge_is_accepted_too():
    for env in (ProblemEnv(Levels()), ProblemEnv(Levels(wasteful=False), view="reduced")):
        check_env(env, skip_render_check=True)


def test_the_id_alone_suffices_and_needs_no_torch():
    script = (
        "import sys, gymnasium; sys.modules['torch'] = None\n"
        "for view in ('full', 'reduced'):\n"
        "    env = gymnasium.make('toolkit.envs:toolkit/cpdrl-v0', preset='tiny', view=view)\n"
        "    env.reset(seed=0); env.step(env.action_space.sample())\n"
        "print(env.unwrapped.problem)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "cpdrl[n_users=4]\n"), done.stderr


def test_a_plugin_is_registered_when_asked_for(monkeypatch):
    monkeypatch.setattr(problems.registry, "_extra", {})
    monkeypatch.setattr(gymnasium.envs.registration, "registry", registry := {})
    monkeypatch.setattr(gymnasium, "registry", registry)
    module = types.ModuleType(__name__)
    module.Levels = Levels
    problems.registry.add(module)
    toolkit.envs.register()
    unfolding = [name for name in NAMES if hasattr(problems.registry.find(name), "dynamics")]
    every = {toolkit.envs.env_id(name) for name in [*NAMES, Levels().name]}
    assert set(registry) == every | {toolkit.envs.rollout_id(name) for name in unfolding}
    made = gymnasium.make(toolkit.envs.env_id(Levels().name), n_users=2)
    assert made.unwrapped.problem == Levels(n_users=2)


@pytest.mark.parametrize("view", VIEWS)
def test_same_seed_same_episode(view):
    def play(seed):
        usual.cache_clear()  # units of observations are measured again
        return rollout(gymnasium.make("toolkit/cpdrl-v0", view=view, horizon=5), seed)

    agree(play(3), play(3), 0)
    assert not np.array_equal(play(3)[0][0], play(4)[0][0])


@pytest.mark.parametrize("view", VIEWS)
def test_a_new_instance_each_episode_unless_one_is_given(view):
    problem = problems.load("cpdrl", "tiny")
    env = ProblemEnv(problem, view=view)
    drawn = [env.reset(seed=1) and env.instance.digest, env.reset() and env.instance.digest]
    assert drawn[0] != drawn[1]
    given = problem.instance(5)
    env.reset(options={"instance": given})
    assert env.instance.digest == given.digest
    fixed = ProblemEnv("cpdrl", view=view, instance=given)
    assert fixed.problem == problem  # its parameters come with it
    for _ in range(2):
        fixed.reset()
        assert fixed.instance.digest == given.digest


def test_an_episode_has_its_length_and_no_more():
    env = ProblemEnv("cpdrl", "tiny", horizon=3)
    action = env.action_space.sample()
    with pytest.raises(ResetNeeded):
        env.step(action)
    env.reset(seed=0)
    ends = [env.step(action)[2:4] for _ in range(3)]
    assert ends == [(False, False), (False, False), (False, True)]
    with pytest.raises(ResetNeeded):
        env.step(action)


# --- the vector environment


@pytest.mark.parametrize("state", ["both", "features", "outcome"])
@pytest.mark.parametrize("view", VIEWS)
def test_the_vector_environment_is_a_loop_over_single_ones(view, state):
    """On the same instances, over the ends of episodes, with every entry of info."""
    problem = problems.load("cpdrl", "tiny")
    instances = [problem.instance(i) for i in range(5)]
    rules = {"preset": "tiny", "view": view, "state": state, "horizon": 3}
    many = gymnasium.make_vec("toolkit/cpdrl-v0", 5, instance=instances, **rules)
    assert isinstance(many, ProblemVectorEnv)
    loop = SyncVectorEnv(
        [
            lambda i=i: gymnasium.make("toolkit/cpdrl-v0", instance=instances[i], **rules)
            for i in range(5)
        ]
    )
    assert many.observation_space == loop.observation_space
    assert many.action_space == loop.action_space
    assert many.metadata["autoreset_mode"] is loop.metadata["autoreset_mode"]
    agree(many.reset(seed=0), loop.reset(seed=0), 0)
    many.action_space.seed(0)
    for _ in range(9):
        actions = many.action_space.sample()
        agree(many.step(actions), loop.step(actions), 1e-9)


@pytest.mark.parametrize("view", VIEWS)
def test_one_of_many_is_the_single_environment(view):
    rules = {"preset": "tiny", "view": view, "horizon": 4}
    one = gymnasium.make_vec("toolkit/cpdrl-v0", 1, **rules)
    single = gymnasium.make_vec("toolkit/cpdrl-v0", 1, vectorization_mode="sync", **rules)
    assert isinstance(single, SyncVectorEnv)
    agree(rollout(one, 7), rollout(single, 7), 1e-9)


def test_many_episodes_have_instances_of_their_own():
    many = gymnasium.make_vec("toolkit/cpdrl-v0", 6, preset="tiny", horizon=1)
    many.reset(seed=0)
    before = many.unwrapped.data["gain"]
    assert len(np.unique(before)) == before.size == 24
    for _ in range(2):  # the end of the first episode, the begin of the next
        many.step(many.action_space.sample())
    assert not np.intersect1d(before, many.unwrapped.data["gain"]).size


def test_wrappers_take_the_infos_apart():
    many = DictInfoToList(gymnasium.make_vec("toolkit/cpdrl-v0", 3, preset="tiny"))
    many.reset(seed=0)
    *_, infos = many.step(many.action_space.sample())
    assert [info["decision"]["power"].shape for info in infos] == [(4,)] * 3


# --- rewards


@pytest.mark.parametrize("rules", [{}, {"penalty": 2.0, "scale": 0.5}, {"clip": 3.0}])
@pytest.mark.parametrize("view", VIEWS)
def test_the_reward_is_the_problems_own_evaluation(view, rules):
    """By name, from the decision that info carries."""
    penalty, scale, clip = {"penalty": 10.0, "scale": 1.0, "clip": inf, **rules}.values()
    env = ProblemEnv("cpdrl", view=view, **rules)
    env.reset(seed=2)
    env.action_space.seed(2)
    for _ in range(20):
        _, reward, _, _, info = env.step(env.action_space.sample())
        found = env.problem.evaluate(env.instance.data, info["decision"])
        assert info["objective"] == found.objective
        assert info["violation"] == found.violation
        assert info["feasible"] == found.feasible()
        assert info["terms"] == found.terms
        assert info["violations"] == found.violations
        full = -scale * (found.objective + penalty * found.violation)
        assert reward == pytest.approx(max(full, -clip), rel=1e-12)


def test_a_maximised_objective_is_a_gain():
    env = ProblemEnv(Levels(), penalty=100.0, state="features")
    env.reset(seed=0)
    _, reward, _, _, info = env.step(np.array([-1, -1, 1, -1], np.float32))
    weight = env.instance.data["weight"]
    assert info["objective"] == pytest.approx(weight @ [1, 1, 3], rel=1e-5)  # waste: LEAST
    assert reward == pytest.approx(info["objective"])
    _, reward, _, _, info = env.step(np.array([0, 0, 0, -1], np.float32))
    assert info["violations"]["most"] == pytest.approx(0.2)
    assert reward == pytest.approx(info["objective"] - 20.0)


def test_the_sum_of_rewards_is_the_mean_gap():
    """docs/envs.md: -return / (scale * horizon * optimum) - 1, for feasible decisions."""
    problem = problems.load("cpdrl", "tiny")
    instance, horizon, scale = problem.instance(0), 6, 0.25
    masks = problem.space(instance.data).choices(0, 16)["offload"]
    losses = problem.evaluate(instance.data, problem.complete(instance.data, {"offload": masks}))
    order = np.argsort(losses.objective)
    assert losses.feasible().all()
    env = ProblemEnv("cpdrl", view="reduced", instance=instance, horizon=horizon, scale=scale)

    def episode(picked):
        env.reset(seed=0)
        return sum(env.step(masks[k].astype(np.int8))[1] for k in picked)

    optimum = losses.objective[order[0]]
    assert episode([order[0]] * horizon) == pytest.approx(-scale * horizon * optimum)
    gaps = losses.objective[order[:horizon]] / optimum - 1
    assert gaps.mean() > 0.01
    measured = -episode(order[:horizon]) / (scale * horizon * optimum) - 1
    assert measured == pytest.approx(gaps.mean())


# --- actions


def test_masks_make_the_consistency_hold_for_every_action():
    """(11), on a grid over the whole box of two users that has its corners and thresholds."""
    grid = np.array(list(itertools.product((-1.0, 0.0, 1.0), repeat=8)), np.float32)
    broken = {}
    for repair in (True, False):
        many = gymnasium.make_vec("toolkit/cpdrl-v0", len(grid), n_users=2, repair=repair)
        many.reset(seed=0)
        *_, info = many.step(grid)
        broken[repair] = info["violations"]["consistency"]
        for var in many.unwrapped.problem.space(many.unwrapped.data).vars:
            assert info["violations"][f"{var.name}:domain"].max() < 1e-12
        masks = info["decision"]["offload"]
        assert np.array_equal(masks, grid[:, :2] >= 0)
    assert not broken[True].any()
    assert broken[False].all()  # nobody's f, b and p are all as (11) wants by themselves


def test_completed_choices_are_consistent():
    many = gymnasium.make_vec("toolkit/cpdrl-v0", 256, preset="paper", view="reduced")
    many.reset(seed=0)
    every = problems.load("cpdrl").space(many.unwrapped.data).discrete
    masks = Space(every).sample(rng_for("masks"), (256,))["offload"]
    masks[0], masks[1] = 0, 1
    *_, info = many.step(masks.astype(np.int8))
    assert np.array_equal(info["decision"]["offload"], masks)
    assert not info["violations"]["consistency"].any()
    assert info["feasible"].mean() > 0.5


def test_integers_get_equal_parts_of_an_action():
    env = ProblemEnv(Levels())
    env.reset(seed=0)
    for share, level in ((-1, 1), (-0.34, 1), (-0.32, 2), (0.32, 2), (0.34, 3), (1, 3), (9, 3)):
        *_, info = env.step(np.full(4, share, np.float32))
        assert info["decision"]["level"].tolist() == [level] * 3
        assert 0 < info["decision"]["waste"] <= 1


def test_reduced_integers_count_from_their_lower_bound():
    env = ProblemEnv(Levels(wasteful=False), view="reduced")
    assert env.action_space.nvec.tolist() == [3, 3, 3]
    env.reset(seed=0)
    *_, info = env.step(np.array([0, 1, 2]))
    assert info["decision"]["level"].tolist() == [1, 2, 3]


# --- observations


def test_the_outcome_is_what_the_evaluation_adds_up():
    import torch

    for name in NAMES:
        problem = problems.load(name, "tiny")
        for case in cases(problem) if isinstance(problem, HasOutcome) else ():
            batch = points(case, rng_for("outcome"), 20)
            found = problem.outcome(case.data, batch)
            terms = problem.evaluate(case.data, batch).terms
            if "delay" in terms:  # else the evaluation adds up what these are worth to users
                same(found.sum(-2)[:, 0], terms["delay"], 1e-12, "the delay of all users")
                same(found.sum(-2)[:, 1], terms["energy"], 1e-12, "the energy of all users")
            same(problem.outcome(case.data, row(batch, 0)), found[0], 1e-12, "one decision")
            tensors = [{k: torch.tensor(v) for k, v in d.items()} for d in (case.data, batch)]
            same(problem.outcome(*tensors).numpy(), found, 1e-9, "torch's outcome")


def test_the_observation_shows_what_the_last_decision_brought():
    env = ProblemEnv("cpdrl", "tiny", state="outcome", view="reduced")
    before, _ = env.reset(seed=0)
    assert before.shape == (8,)
    assert not before.any()
    seen, _, _, _, info = env.step(np.array([0, 1, 0, 1], np.int8))
    brought = env.problem.outcome(env.instance.data, info["decision"]) / env.play.usual.outcome
    assert (brought < 2).all()
    assert seen == pytest.approx(brought.ravel(), rel=1e-6)
    full = ProblemEnv("cpdrl", "tiny", state="outcome", instance=env.instance)
    full.reset()
    worst, *_ = full.step(-np.ones(16, np.float32))  # all local at a millionth of the speed
    assert worst.reshape(4, 2)[:, 0].tolist() == [2.0] * 4


def test_features_come_first_and_stay_during_an_episode():
    both = ProblemEnv("cpdrl", "tiny")
    features = ProblemEnv("cpdrl", "tiny", state="features")
    begun, _ = both.reset(seed=0)
    alone, _ = features.reset(seed=0)
    assert np.array_equal(begun, np.r_[alone, np.zeros(8)])
    seen, *_ = both.step(both.action_space.sample())
    assert np.array_equal(seen[:-8], alone)
    assert not np.array_equal(seen[-8:], np.zeros(8))


def test_without_features_the_data_are_standardised():
    many = ProblemVectorEnv(Levels(), num_envs=4000)
    seen, _ = many.reset(seed=0)
    assert seen.shape == (4000, 4)  # weights of three users, and `most`, always the same
    assert abs(seen[:, :3].mean()) < 0.1
    assert abs(seen[:, :3].std() - 1) < 0.1
    assert not seen[:, 3].any()


# --- mistakes


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"view": "ful"}, "did you mean 'full'"),
        ({"state": "all"}, "known: both, features, outcome"),
        ({"horizon": 0}, "at least 1"),
        ({"penalty": -1.0}, "at least 0"),
        ({"scale": 0.0}, "above 0"),
        ({"n_user": 3}, "did you mean 'n_users'"),
        ({"preset": "papr"}, "did you mean 'paper"),
    ],
)
def test_mistakes_are_named(params, text):
    with pytest.raises(UserError, match=text):
        gymnasium.make("toolkit/cpdrl-v0", **params)


def test_what_a_problem_cannot_do_is_named():
    with pytest.raises(UserError, match="cannot complete"):
        ProblemEnv(Levels(), view="reduced")
    with pytest.raises(UserError, match="no outcome"):
        ProblemEnv(Levels(), state="outcome")
    with pytest.raises(UserError, match="built problem or its name"):
        ProblemEnv(Levels(), n_users=2)


def test_wrong_instances_and_actions_are_named():
    env = ProblemEnv("cpdrl", "tiny")
    with pytest.raises(UserError, match="made for"):
        env.reset(options={"instance": problems.load("cpdrl", n_users=5).instance()})
    env.reset(seed=0)
    with pytest.raises(UserError, match="shape"):
        env.step(np.zeros(15))
    with pytest.raises(UserError, match="finite"):
        env.step(np.full(16, np.nan))
    few = [env.problem.instance(i) for i in range(2)]
    with pytest.raises(UserError, match="2 instances for 3"):
        ProblemVectorEnv("cpdrl", num_envs=3, instance=few).reset()
    with pytest.raises(ResetNeeded):
        ProblemVectorEnv("cpdrl", "tiny").step(np.zeros((1, 16)))


# Problems that unfold in time, one integer a step


def test_one_integer_a_step_may_be_taken_as_a_category():
    """The same episode as by modes; single and vectorised."""
    given = {"slots": 3, "density": 1.0}
    problem = problems.load("a3c", **given)
    instance = problem.instance()
    modes = rng_for("modes").integers(3, size=24)
    play = problem.dynamics({key: value[None] for key, value in instance.data.items()})
    expected = [play.step(play.consistent({"mode": np.array([mode])}))[0] for mode in modes]
    one = gymnasium.make("toolkit/a3c-steps-v0", numbered=True, **given)
    many = gymnasium.make_vec("toolkit/a3c-steps-v0", num_envs=2, numbered=True, **given)
    assert one.action_space == gymnasium.spaces.Discrete(3)
    one.reset(options={"instance": instance})
    many.reset(options={"instance": [instance] * 2})
    for mode, reward in zip(modes, expected, strict=True):
        assert one.step(mode)[1] == pytest.approx(reward, abs=1e-12)
        np.testing.assert_allclose(many.step(np.full(2, mode))[1], reward, atol=1e-12)
    check_env(gymnasium.make("toolkit/a3c-steps-v0", numbered=True, slots=2).unwrapped)


def test_categories_are_refused_where_there_are_none():
    single = gymnasium.make("toolkit/a3c-steps-v0", preset="single", numbered=True).unwrapped
    assert single.action_space == gymnasium.spaces.Discrete(2)
    single.reset(seed=0)
    with pytest.raises(UserError, match="a whole number from 0 to 1"):
        single.step(2)
    with pytest.raises(UserError, match="no single integer; leave out numbered"):
        gymnasium.make("toolkit/dgl-steps-v0", preset="tiny", numbered=True)
    with pytest.raises(UserError, match="no single integer"):
        gymnasium.make("toolkit/a3c-steps-v0", scale="slot", numbered=True)
