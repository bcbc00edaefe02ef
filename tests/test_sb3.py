"""Stable-Baselines3 as a learner: its views, its refusals, and what conformance does not reach."""

import importlib.util
import random
import sys
from dataclasses import replace
from pathlib import Path

import gymnasium
import numpy as np
import pytest
import torch

from toolkit import learners, problems, solvers
from toolkit.arrays import Data
from toolkit.bench.__main__ import main
from toolkit.errors import UserError
from toolkit.instances import rng_for
from toolkit.learners import Training, _check, fit
from toolkit.learners._explore import Explorer
from toolkit.learners.sb3 import OFF_POLICY, ON_POLICY, Sb3
from toolkit.problems import Problem
from toolkit.problems.cpdrl.paper_mdp import PaperMdp
from toolkit.solvers import Budget, Probe, Result

ABSENT = [name for name in Sb3.requires if importlib.util.find_spec(name) is None]
needs_sb3 = pytest.mark.skipif(bool(ABSENT), reason=f"needs the package {ABSENT[:1]}")
SMALL = {"width": [16], "batch": 20}  # so that a cycle takes a few hundredths of a second
TINY = problems.load("cpdrl", "tiny")


def learn(problem: Problem, evaluations: int, **params: object) -> Result:
    """A run of the solver `learn` on instance 0."""
    inner = ",".join(f"{k}={str(v).replace(' ', '')}" for k, v in params.items())
    solver = solvers.registry.build("learn", learner=f"sb3[{inner}]", evaluations=evaluations)
    instance = problem.instance()
    assert solver.refuses(problem, instance) is None
    probe = Probe(problem, instance, Budget(seconds=60), rng_for(0))
    return probe.certify(solver.solve(problem, instance, probe))


# Without the packages


def test_without_the_package_one_sentence_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "stable_baselines3", None)
    assert main(["list"]) == 0
    listed = " ".join(capsys.readouterr().out.split())  # lines are wrapped
    assert "(not installed: stable_baselines3)" in listed
    train = [
        "train",
        "--problem",
        "cpdrl",
        "--learner",
        "sb3",
        "--steps",
        "1",
        "--out",
        "/dev/null",
    ]
    assert main(train) == 2
    said = capsys.readouterr().err
    assert "it needs the package 'stable_baselines3': pip install stable_baselines3" in said
    assert said.count("\n") == 1
    assert main(["check", "sb3"]) == 0


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"algorithm": "reinforce"}, "known: ppo, a2c, trpo"),
        ({"view": "half"}, "known: reduced, scores, turns, steps, full, paper"),
        ({"rollout": 30}, "multiple of 20"),
        ({"envs": 0}, "at least 1"),
        ({"width": [0]}, "a list such as"),
        ({"width": 64}, "a list such as"),
        ({"gamma": 1.0}, "gamma below 1"),
    ],
)
def test_settings_without_sense_are_refused(params: dict[str, object], said: str) -> None:
    with pytest.raises(UserError, match=said):
        learners.registry.build("sb3", **params)


@needs_sb3
def test_it_says_what_it_cannot_learn() -> None:
    many = problems.load("cpdrl", n_users=13)
    assert "8.19e+03 discrete choices" in str(Sb3(algorithm="dqn").refuses(many))
    assert Sb3(algorithm="dqn").refuses(problems.load("cpdrl", n_users=12)) is None
    assert "view=reduced" in str(Sb3(algorithm="dqn", view="full").refuses(TINY))
    bare = _check.Bare(n_users=4, inner=TINY)
    assert "use view='full'" in str(Sb3().refuses(bare))
    assert "process is that of cpdrl" in str(Sb3(view="paper").refuses(bare))


# Every algorithm


@needs_sb3
@pytest.mark.parametrize("algorithm", ON_POLICY + OFF_POLICY)
def test_every_algorithm_goes_on_as_if_nothing_had_been(algorithm: str) -> None:
    """It has made updates before the interruption, and makes more after it."""
    view = "full" if algorithm in ("sac", "td3") else "reduced"
    learner = Sb3(algorithm=algorithm, view=view, rollout=20, envs=4, width=(16,), batch=20)
    trial = _check.Trial(learner, TINY)
    _check.an_interrupted_run_goes_on_as_if_nothing_had_been(trial)


@needs_sb3
@pytest.mark.parametrize("algorithm", OFF_POLICY)
def test_an_interruption_is_after_the_first_updates(algorithm: str) -> None:
    """Else the test above would not notice that an optimiser was forgotten."""
    from toolkit.learners._sb3 import Memory

    learner = Sb3(algorithm=algorithm, rollout=20, envs=4, width=(16,), batch=20)
    seen: list[int] = []
    run = Training(problem=TINY, max_steps=_check.FEW // 2)
    run.listener = lambda *_: seen.append(run._parts["sb3"].state_dict()["counters"]["_n_updates"])
    fit(learner, run)
    assert isinstance(run._parts["sb3"], Memory)
    assert seen[0] == 0 < seen[-1]


@needs_sb3
@pytest.mark.parametrize(
    ("algorithm", "view", "gap"),
    [
        ("trpo", "reduced", 1e-9),
        ("a2c", "reduced", 1e-9),
        ("dqn", "reduced", 1e-9),
        ("sac", "reduced", 1e-9),
        ("td3", "full", 0.5),
        ("ddpg", "paper", 0.5),
    ],
)
def test_it_learns_on_an_instance_and_every_decision_is_judged(
    algorithm: str, view: str, gap: float
) -> None:
    """All budgeted decisions and no more, the last one being the final policy's."""
    result = learn(TINY, 330, algorithm=algorithm, view=view, **SMALL)
    assert result.evaluations == 330
    best = learn_exact(TINY)
    assert best - 1e-9 <= result.objective <= best * (1 + gap)


def learn_exact(problem: Problem) -> float:
    instance = problem.instance()
    probe = Probe(problem, instance, Budget(), rng_for(0))
    found = probe.certify(solvers.registry.build("exact").solve(problem, instance, probe))
    assert found.objective is not None
    return found.objective


@needs_sb3
@pytest.mark.parametrize("evaluations", [1, 2, 100, 101, 102])
def test_budgets_are_kept_at_the_edges_of_a_cycle(evaluations: int) -> None:
    if evaluations == 1:  # nothing to learn from: the untrained policy's decision
        assert learn(TINY, 1, **SMALL).evaluations == 1
    else:
        assert learn(TINY, evaluations, algorithm="a2c", **SMALL).evaluations == evaluations


@needs_sb3
def test_it_is_an_explorer_and_leaves_all_global_generators_alone() -> None:
    assert isinstance(Sb3(), Explorer)
    before = (_check._global_state(), random.getstate())
    learn(TINY, 130, algorithm="td3", **SMALL)
    assert (_check._global_state(), random.getstate()) == before


# What it plays


@needs_sb3
@pytest.mark.parametrize("view", ["reduced", "full"])
def test_it_plays_the_environments_of_gymnasium(view: str) -> None:
    """Same observations; rewards are theirs in other units, clipped."""
    import toolkit.envs  # noqa: F401
    from toolkit.learners._sb3 import CLIP, Episodes

    given = [TINY.instance(i) for i in range(6)]
    theirs = gymnasium.make_vec(
        "toolkit/cpdrl-v0", 6, preset="tiny", view=view, state="features", instance=given
    )
    stage = Sb3(view=view)._stage(TINY)
    rows = {k: np.stack([i.data[k] for i in given]) for k in TINY.fields}
    ours = Episodes(stage, 6, 1, rows)
    seen, _ = theirs.reset()
    np.testing.assert_array_equal(ours.reset(), seen)
    theirs.action_space.seed(0)
    actions = np.concatenate([theirs.action_space.sample() for _ in range(40)]).reshape(40, 6, -1)
    pairs = []
    for action in actions:
        _, paid, over, _ = ours.step(action)
        pairs.append((paid, theirs.step(action)[1]))
        assert over.all()
    mine, true = np.ravel([p[0] for p in pairs]), np.ravel([p[1] for p in pairs])
    inside = np.abs(mine) < CLIP - 1e-3
    assert inside.sum() > 100
    slope, middle = np.polyfit(true[inside], mine[inside], 1)
    assert slope > 0
    np.testing.assert_allclose(np.clip(middle + slope * true, -CLIP, CLIP), mine, atol=1e-3 * CLIP)


@needs_sb3
def test_boxes_are_rounded_and_choices_are_numbered() -> None:
    data = {k: v[None] for k, v in TINY.instance().data.items()}
    box, numbers = Sb3(algorithm="td3")._stage(TINY), Sb3(algorithm="dqn")._stage(TINY)
    assert numbers.action_space == gymnasium.spaces.Discrete(16)
    assert box.action_space == gymnasium.spaces.Box(0.0, 1.0, (4,), np.float32)
    box.begin(data)
    numbers.begin(data)
    bits = box.step(np.array([[0.0, 0.49, 0.5, 1.0]]))[2]["offload"]
    np.testing.assert_array_equal(bits, [[0, 0, 1, 1]])
    every = np.concatenate([numbers.step(np.array([i]))[2]["offload"] for i in range(16)])
    np.testing.assert_array_equal(every, TINY.space(TINY.instance().data).choices(0, 16)["offload"])


@needs_sb3
def test_the_papers_process_is_that_of_our_own_ddpg() -> None:
    ours = learners.registry.build("ddpg")
    data = {k: v[None] for k, v in TINY.instance().data.items()}
    mdp = ours.mdp(TINY, data)  # type: ignore[attr-defined]
    stage = Sb3(view="paper")._stage(TINY)
    np.testing.assert_array_equal(stage.begin(data), mdp.start().reshape(1, -1).astype(np.float32))
    theirs = stage._mdp  # type: ignore[attr-defined]
    assert isinstance(theirs, PaperMdp)
    for key in ("clip", "letter", "bonus", "bandwidth"):
        assert getattr(theirs, key) == getattr(mdp, key)
    action = np.random.default_rng(0).uniform(size=(1, 16)).astype(np.float32)
    logits = torch.logit(torch.from_numpy(action.astype(float)))  # as ours says the same action
    shares = torch.stack(ours.action(logits), -2).numpy()  # type: ignore[attr-defined]
    decision = mdp.decision(shares)
    outcome = mdp.outcome(decision)
    seen, reward, done = stage.step(action)
    np.testing.assert_allclose(seen, outcome.reshape(1, -1), rtol=1e-5)
    np.testing.assert_allclose(reward, mdp.reward(shares, decision, outcome), rtol=1e-9)
    for name, block in decision.items():
        np.testing.assert_allclose(done[name], block, rtol=1e-9)


@needs_sb3
def test_a_policy_takes_the_size_it_was_trained_for(tmp_path: object) -> None:
    out = f"{tmp_path}/p"
    train = ["train", "--problem", "cpdrl", "--n-users", "4", "--steps", "1", "--quiet"]
    learner = "sb3[rollout=20,envs=2,width=[16]]"
    assert main([*train, "--learner", learner, "--out", out]) == 0
    policy = solvers.registry.build("policy", checkpoint=out)
    assert policy.refuses(TINY, TINY.instance()) is None
    other = problems.load("cpdrl", n_users=5)
    assert "takes no other size" in str(policy.refuses(other, other.instance()))
    built, net, _, _ = learners.load(policy.inputs()[0])
    data = {k: v[None] for k, v in other.instance().data.items()}
    with pytest.raises(UserError, match="another number of users"):
        built.act(net, other, data)


@needs_sb3
def test_settings_reach_the_package() -> None:
    from toolkit.learners._sb3 import Episodes

    learner = Sb3(algorithm="td3", rate=0.01, batch=7, width=(3, 5), noise=0.25)
    env = Episodes(learner._stage(TINY), 2, 1, TINY)
    run = Training(problem=TINY, max_steps=1)
    model = learner._model(env, None, run)
    assert model.actor.optimizer.param_groups[0]["lr"] == 0.01
    assert model.batch_size == 7
    assert [p.shape[0] for p in model.actor.parameters()] == [3, 3, 5, 5, 4, 4]
    assert model.action_noise._sigma.tolist() == [0.25] * 4
    falls = replace(learner, algorithm="dqn")._model(
        Episodes(replace(learner, algorithm="dqn")._stage(TINY), 1, 1, TINY), None, run
    )
    assert falls.exploration_schedule(0.0) == 1.0  # the run has not begun
    run.step = 1
    assert falls.exploration_schedule(1.0) == pytest.approx(0.05)


# A problem's own steps


QUEUES = problems.load("a3c", "tiny")
STEPS = {"view": "steps", "gamma": 0.99, "rollout": 20, "width": (16,)}


def judged(learner: Sb3, net: object, problem: Problem, data: Data) -> np.ndarray:
    """What episodes cost that a policy plays."""
    played = {name: block[:, 0] for name, block in learner.act(net, problem, data).items()}
    found = problem.evaluate(data, played)
    assert found.feasible().all()
    return np.asarray(found.objective)


@needs_sb3
@pytest.mark.parametrize("algorithm", ["a2c", "dqn"])
def test_it_learns_to_queue_step_by_step(algorithm: str) -> None:
    """Much better than at random on unseen episodes, where servers are fast; and as if never
    interrupted."""
    problem = replace(QUEUES, server_cpu=1e10, slots=4)
    learner = Sb3(algorithm=algorithm, envs=8, rate=3e-3, **STEPS)
    net = fit(learner, Training(problem=problem, max_steps=30, seed=1))
    data = problem.sample(rng_for("unseen"), (200,))
    chance = problem.evaluate(data, problem.follow(data, "random", rng_for(0))).objective.mean()
    assert judged(learner, net, problem, data).mean() < 0.8 * chance
    _check.an_interrupted_run_goes_on_as_if_nothing_had_been(_check.Trial(learner, QUEUES))


@needs_sb3
def test_a_policy_of_steps_sees_in_the_units_of_its_training(tmp_path: Path) -> None:
    """Another density has other units: decisions on the same episodes stay what they were."""
    learner = Sb3(algorithm="a2c", envs=2, **STEPS)
    run = Training(problem=QUEUES, max_steps=2)
    learners.save(tmp_path / "p", learner, fit(learner, run), run)
    _, net, problem, _ = learners.load(tmp_path / "p")
    data = problem.sample(rng_for("units"), (100,))
    thin = replace(problem, density=0.05)
    own, other = (learner._stage(some).units for some in (problem, thin))
    assert not np.array_equal(own, other)
    a, b = (learner.act(net, some, data)["target"] for some in (problem, thin))
    np.testing.assert_array_equal(a, b)
    assert len(np.unique(a)) > 1


@needs_sb3
def test_cycles_of_steps_hold_whole_episodes() -> None:
    """Else it would never see how episodes end; and on-policy updates follow the cycle."""
    from toolkit.learners._sb3 import Episodes

    long = problems.load("a3c", slots=8)
    learner = Sb3(view="steps", rollout=20)
    env = Episodes(learner._stage(long), 2, 0, long)
    least = env.usual_steps
    assert 20 < least <= learner._cycle_of(env) < least + 20
    assert learner._model(env).n_steps == learner._cycle_of(env)
    env.reset()
    over = [env.step(np.ones(2, int))[2].all() for _ in range(learner._cycle_of(env))]
    assert any(over)


@needs_sb3
def test_steps_are_categories_where_they_are_one_integer() -> None:
    box, discrete = gymnasium.spaces.Box, gymnasium.spaces.Discrete
    assert Sb3(view="steps", algorithm="dqn")._stage(QUEUES).action_space == discrete(3)
    single = replace(QUEUES, forwarding="single")
    assert Sb3(view="steps")._stage(single).action_space == discrete(2)
    assert isinstance(Sb3(view="steps", algorithm="sac")._stage(QUEUES).action_space, box)
    caches = problems.load("dgl", "tiny")
    assert isinstance(Sb3(view="steps")._stage(caches).action_space, box)
    assert "no single integer" in str(Sb3(view="steps", algorithm="dqn").refuses(caches))
    assert "does not unfold in time" in str(Sb3(view="steps").refuses(TINY))
