"""`td3_hybrid`: its parts, its presets, and the solver that trains before its clock starts."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import toolkit
import toolkit.envs
from toolkit import learners, problems, solvers
from toolkit.bench.__main__ import main
from toolkit.component import parse_spec
from toolkit.errors import UserError
from toolkit.learners import Training, _check, fit
from toolkit.learners import _td3 as td3
from toolkit.learners import _td3_flat as flat
from toolkit.learners import _td3_sets as sets
from toolkit.learners._td3_settings import PRESETS
from toolkit.learners.td3_hybrid import Td3Hybrid
from toolkit.solvers import Budget, trained

TINY = problems.load("e2ehco", "tiny")
FLAT = ("hybrid", "paper")


def small(preset: str, **more: object) -> Td3Hybrid:
    return Td3Hybrid(preset=preset, **{"batch": 32, "memory": 500, "horizon": 4, **more})


def data_of(problem, rows: int, seed: int = 0):
    return problem.sample(np.random.default_rng(seed), (rows,))


# --- parts


def test_slopes_pass_straight_through_a_draw():
    torch.manual_seed(0)
    logits = torch.zeros(4000, 3, requires_grad=True)
    drawn = td3.straight_through(logits + torch.tensor([2.0, 0.0, 0.0]), 0.5)
    assert set(drawn.detach().round(decimals=5).unique().tolist()) == {0.0, 1.0}
    assert drawn.sum(-1).detach() == pytest.approx(1.0)
    expected = float(np.exp(2) / (np.exp(2) + 2))
    assert float(drawn[:, 0].detach().mean()) == pytest.approx(expected, abs=0.03)
    torch.autograd.backward(drawn[:, 0].sum())
    assert (logits.grad[:, 0] >= 0).all()  # 0 where the softmax is saturated
    assert (logits.grad[:, 0] > 0).float().mean() > 0.9
    assert logits.grad.sum(-1) == pytest.approx(0.0, abs=1e-6)


def test_the_critic_of_sets_can_be_the_cost_itself():
    """In units of the mean local cost: sum of prices, and of squared loads on servers."""
    features, users, options = 3, 4, 3
    seen = torch.rand(2, users, options, features)
    critic = sets.Critic(features, features)
    with torch.no_grad():
        for layer in (critic.enter[0], critic.enter[2]):
            layer.weight.copy_(torch.eye(features))
            layer.bias.zero_()
        for value in (*critic.alone.parameters(), *critic.load.parameters()):
            value.zero_()
        for value in (*critic.crowd.parameters(), *critic.direct.parameters()):
            value.zero_()
        critic.alone.weight[0, 0] = 1.0
        critic.load.weight[0, 1] = 1.0
        critic.direct.weight[0, sets.LOADS] = 1.0
        action = torch.eye(options)[torch.tensor([[[0, 1, 1, 2]], [[2, 2, 2, 0]]])]
        got = critic(seen, action)[:, 0]
    for row, choice in enumerate(([0, 1, 1, 2], [2, 2, 2, 0])):
        alone = sum(seen[row, i, m, 0] for i, m in enumerate(choice)) / users
        loads = [sum(seen[row, i, m, 1] for i in range(users) if choice[i] == m) for m in range(3)]
        assert float(got[row]) == pytest.approx(
            float(alone) + sum(float(x) ** 2 for x in loads) / users, rel=1e-5
        )


def test_a_memory_of_rows_brings_instances_back():
    data = data_of(TINY, 5)
    rows = sets.Rows(data)
    back = rows.data(rows.table(data).astype(np.float32))
    assert back.keys() == data.keys()
    for key, value in data.items():
        np.testing.assert_allclose(back[key], value, rtol=1e-6)


def test_losses_are_in_units_of_all_local():
    data = data_of(TINY, 6)
    local = TINY.complete(data, {"server": np.zeros((6, 4))})
    assert sets._relative(TINY, data, local) == pytest.approx(1.0)


def test_the_published_noise_is_one_number_and_reverts():
    net = flat.FlatNet(TINY, PRESETS["paper"])
    walk = flat.Walk(Training(problem=TINY), net, replace(PRESETS["paper"], frames=3))
    torch.manual_seed(0)
    swings = np.stack([walk.swing() for _ in range(20000)])
    assert swings.shape == (20000, 3, 1)
    assert abs(swings.mean()) < 0.1
    # the stationary deviation is sigma / sqrt(2 theta)
    assert 0.1 < swings.std() < 0.3
    assert np.abs(np.diff(swings[:, 0, 0])).mean() == pytest.approx(
        0.1 * np.sqrt(0.01) * np.sqrt(2 / np.pi), rel=0.05
    )


def test_frames_follow_walks_and_lanes_are_apart():
    s = replace(PRESETS["hybrid"], frames=2, horizon=5)
    walk = flat.Walk(Training(problem=TINY), flat.FlatNet(TINY, s), s)
    place = np.stack([walk.frames(step)["position"] for step in range(5)])
    assert place.shape == (5, 2, 4, 2)
    assert np.median(np.abs(np.diff(place, axis=0))) < 60 < np.abs(place[:, 0] - place[:, 1]).max()
    assert not np.array_equal(walk.frames(5)["position"], place[0])
    rows = Training(problem=TINY, frames=data_of(TINY, 3))
    given = flat.Walk(rows, flat.FlatNet(TINY, s), s)
    assert np.array_equal(given.frames(1)["bits"], rows.frames["bits"][[2, 0]])


# --- learning


@pytest.mark.parametrize("preset", FLAT)
def test_flat_presets_conform(preset):
    trial = _check.Trial(small(preset, frames=4), TINY)
    _check.two_runs_are_equal(trial)
    _check.an_interrupted_run_goes_on_as_if_nothing_had_been(trial)
    quick = _check.Trial(small(preset, frames=4), TINY)
    object.__setattr__(quick, "trained", (fit(quick.learner, quick.run(5)), quick.run(5)))
    _check.decisions_have_the_shape_of_the_batch_and_stay_in_the_space(quick)
    _check.a_batch_is_decided_as_its_instances_are(quick)


@pytest.mark.parametrize("preset", PRESETS)
def test_the_actor_is_trained_at_every_second_step(preset):
    """The published one never is; the critics learn at every step."""
    learner, moved = small(preset, frames=4), []
    run = Training(problem=TINY, max_steps=4)
    net = learner.build(TINY)
    last: dict[str, torch.Tensor] = {}

    def look(net, run):
        moved.append({k: bool((v != last[k]).any()) for k, v in net.state_dict().items()})
        last.update({k: v.clone() for k, v in net.state_dict().items()})

    last.update({k: v.clone() for k, v in net.state_dict().items()})
    run.checkpoint, run.save_every = look, -1.0
    learner.train(net, run)
    actors = [any(v for k, v in one.items() if k.startswith("actor")) for one in moved]
    critics = [any(v for k, v in one.items() if k.startswith("critics")) for one in moved]
    assert actors == [False, True, False, True]
    assert critics == [True] * 4


def test_hybrid_decides_powers_and_shares():
    net = flat.FlatNet(TINY, PRESETS["hybrid"])
    data = data_of(TINY, 3)
    action = np.zeros((3, net.size))
    action[:, [1, 4, 6, 11]] = 1.0  # users to options 1, 1, 0 and 2
    action[:, 12:16] = 1.0  # full power
    action[:, 16:20] = [0.0, -0.5, 1.0, -1.0]
    found = flat.decided(net, TINY, data, action, PRESETS["hybrid"])
    assert found["server"].tolist() == [[1, 1, 0, 2]] * 3
    assert found["power"][0].tolist() == pytest.approx([0.5, 0.5, 0.1, 0.5])
    assert found["share"][0] == pytest.approx([2 / 3, 1 / 3, 0, 1])
    assert TINY.evaluate(data, found).feasible().all()


def test_it_says_what_it_cannot_learn():
    cpdrl = problems.load("cpdrl", "tiny")
    assert "set preset=hybrid" in str(Td3Hybrid().refuses(cpdrl))
    assert Td3Hybrid(preset="hybrid").refuses(cpdrl) is None
    assert "no field 'position'" in str(Td3Hybrid(preset="paper").refuses(cpdrl))
    assert Td3Hybrid(preset="paper").refuses(problems.load("e2ehco", "as-published-drl")) is None


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"preset": "best"}, "structured or hybrid or paper"),
        ({"gamma": 0.5}, "takes gamma=0"),
        ({"preset": "hybrid", "gamma": 1.0}, "must be below"),
        ({"preset": "paper", "decide": "all"}, "servers only"),
        ({"delay": 0}, "whole number"),
        ({"rate": 0.0}, "above 0"),
    ],
)
def test_settings_without_sense_are_refused(params, said):
    with pytest.raises(UserError, match=said):
        learners.registry.build("td3_hybrid", **params)


def test_a_structured_policy_takes_any_size():
    net = fit(small("structured", frames=8), Training(problem=TINY, max_steps=2))
    for users, servers in ((3, 2), (6, 4)):
        problem = problems.load("e2ehco", "tiny", n_users=users, n_servers=servers)
        found = Td3Hybrid().act(net, problem, data_of(problem, 2), 3)
        assert found["server"].shape == (2, 3, users)
        assert (
            problem.evaluate({k: v[:, None] for k, v in data_of(problem, 2).items()}, found)
            .feasible()
            .all()
        )
    assert not Td3Hybrid().one_size
    assert Td3Hybrid(preset="paper").one_size


# --- solvers


def test_online_decides_an_episode_while_it_learns():
    problem = problems.load("e2ehco", "tiny", frames=20)
    instance = problem.instance()
    for preset in PRESETS:
        spec = f"td3_hybrid[preset={preset},frames=3,batch=16,memory=100]"
        found = toolkit.solve(problem, instance, "online", learner=spec, seconds=60)
        assert found.status == "feasible"
        assert found.message == ""
        assert found.details["tenths"]["candidates"] == [1.0] * 10


def test_trained_trains_once_off_the_clock(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    spec = "trained[learner=td3_hybrid[frames=32,batch=32],steps=5,on=bits_low=3e6]"
    argv = ["--problem", "e2ehco", "--preset", "tiny", "--instances", "2", "--json"]
    argv += ["--solvers", spec]
    assert main(argv) == 0
    said = capsys.readouterr()
    assert said.err.count("training td3_hybrid[frames=32,batch=32] on e2ehco[") == 1
    assert "bits_low=3000000.0" in said.err
    assert said.out.count('"training_steps":5') == 2
    (file,) = Path("results/policies").iterdir()
    before = file.stat().st_mtime_ns
    assert main([*argv, "--frames", "3"]) == 0  # the same policy decides frames
    assert "training " not in capsys.readouterr().err
    assert file.stat().st_mtime_ns == before
    monkeypatch.setattr(trained, "_source", lambda: "another")
    built = solvers.registry.build("trained", **parse_spec(spec)[1])
    told: list[str] = []
    built.prepare(TINY, told.append)
    built.prepare(TINY, told.append)
    assert len(told) == 1  # the source has changed, once
    assert list(Path("results/policies").iterdir()) == [file]


def test_runs_of_trained_take_turns_among_its_seeds(tmp_path):
    spec = {"learner": "td3_hybrid[preset=hybrid,batch=32]", "steps": 1, "folder": str(tmp_path)}
    told: list[str] = []
    problem = problems.load("e2ehco", "tiny", frames=40)
    instance = problem.instance()

    def worth(run: int, **params):
        built = solvers.registry.build("trained", **spec, **params)
        built.prepare(problem, told.append)
        probe = solvers.open_probe(problem, instance, Budget(seed=run), np.random.default_rng(0))
        return probe.certify(built.solve(problem, instance, probe)).objective

    several = [worth(run, seed=3, seeds=2) for run in range(4)]
    assert [text.rsplit(", ", 1)[1] for text in told] == ["1 of 2", "2 of 2"]
    assert several == [worth(0, seed=3), worth(0, seed=4)] * 2
    assert several[0] != several[1]
    assert len(told) == 2  # a single training is one of the several


def test_trained_refuses_what_it_cannot_train(tmp_path):
    instance = TINY.instance()

    def why(**params):
        return solvers.registry.build("trained", folder=str(tmp_path), **params).refuses(
            TINY, instance
        )

    assert "no learner is named" in why()
    assert "prepare it first" in why(learner="td3_hybrid")
    assert "needs a teacher" in why(learner="imitate")
    assert why(learner="droo") is not None
    with pytest.raises(UserError, match="above 0"):
        why(learner="droo", seconds=0)
    with pytest.raises(UserError, match="write field=value"):
        why(learner="td3_hybrid", on="part")


# --- what the baselines decide on


def test_turns_pay_what_the_whole_choice_saves():
    turns = pytest.importorskip("toolkit.learners._turns", reason="the extra 'sb3' is missing")
    stage = turns.TurnStage(TINY)
    assert stage.action_space.n == 3
    data, dice = data_of(TINY, 5), np.random.default_rng(1)
    stage.begin(data)
    choice = dice.integers(0, 3, (4, 5))
    paid, seen = [], []
    for action in choice:
        shown, reward, decision = stage.step(action)
        paid.append(reward)
        seen.append(shown)
    assert np.array_equal(decision["server"], choice.T)
    local = TINY.complete(data, {"server": np.zeros((5, 4))})
    before, after = (TINY.evaluate(data, d).objective for d in (local, decision))
    assert np.sum(paid, axis=0) == pytest.approx(4 * (before - after) / before)
    assert not np.array_equal(seen[0], seen[1])


def test_scores_decide_by_the_largest():
    sb3 = pytest.importorskip("toolkit.learners._sb3", reason="the extra 'sb3' is missing")
    rules = toolkit.envs.Rules(view="reduced", state="features")
    stage = sb3.PlayStage(TINY, rules, True, False, scored=True)
    assert stage.action_space.shape == (12,)
    stage.begin(data_of(TINY, 1))
    scores = np.array([[0, 0.2, 0.1, 1, 0, 0, 0.5, 0.5, 0.6, 0, 0, 0]], np.float32)
    *_, decision = stage.step(scores)
    assert decision["server"].tolist() == [[1, 0, 2, 0]]
    with pytest.raises(UserError, match="view=reduced"):
        sb3._options(TINY, stage._play.observation_space)


def test_algorithms_know_their_views():
    pytest.importorskip("stable_baselines3", reason="the extra 'sb3' is missing")
    big = problems.load("e2ehco")

    def why(**params):
        return learners.registry.build("sb3", **params).refuses(big)

    assert "6.05e+07 discrete choices" in why(algorithm="dqn")
    assert "view=turns" in why(algorithm="dqn")
    assert why(algorithm="dqn", view="turns") is None
    assert "no categorical action" in why(algorithm="sac", view="turns")
    assert why(algorithm="sac", view="scores") is None
    assert why(algorithm="ppo", view="turns") is None


def test_dqn_learns_in_turns():
    pytest.importorskip("stable_baselines3", reason="the extra 'sb3' is missing")
    learner = learners.registry.build(
        "sb3", algorithm="dqn", view="turns", gamma=0.9, rollout=20, envs=2, width=[16], batch=16
    )
    trial = _check.Trial(learner, TINY)
    _check.an_interrupted_run_goes_on_as_if_nothing_had_been(trial)
