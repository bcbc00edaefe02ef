"""The paper's learners of caches: what they see, remember and decide, and what is left frozen."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from toolkit import problems
from toolkit.learners import Training, fit
from toolkit.learners import _cache_ddpg as ddpg
from toolkit.learners import _cache_ddpg_twin as twin
from toolkit.learners._cache_ddpg_nets import Episodes, Recurrent, Shelves
from toolkit.learners._cache_ddpg_settings import PRESETS, deviation
from toolkit.learners._cache_ddpg_views import Counts, Statistics, turned
from toolkit.learners.ddpg_cache import DdpgCache
from toolkit.learners.lstm_ddpg import LstmDdpg
from toolkit.learners.twin_ddpg import TwinDdpg
from toolkit.problems.dgl.slots import SLOT, slots_of

TINY = problems.load("dgl", "tiny", steps=6)
CLEAN = problems.load("dgl", "clean", n_users=8)
SMALL = {"width": 16, "lanes": 4, "batch": 16, "start": 2, "episodes": 50}


def data_of(problem, rows: int, seed: int = 0):
    return problem.sample(np.random.default_rng(seed), (rows,))


def trained(learner, problem=TINY, steps: int = 4):
    run = Training(problem=problem, max_steps=steps, seed=1)
    return fit(learner, run), run


# --- networks


@pytest.mark.parametrize("memory", [True, False])
def test_one_other_step_is_what_a_whole_pass_with_it_says(memory):
    torch.manual_seed(0)
    net, seen = Recurrent(3, 2, 8, memory, gains=False), torch.randn(5, 4, 3)
    other = torch.randn(5, 4, 3)
    got = net.last(seen, other)
    for at in range(4):
        mixed = torch.cat([seen[:, :at], other[:, at : at + 1]], 1)
        assert got[:, at].detach() == pytest.approx(net(mixed)[:, -1].detach(), abs=1e-6)


def test_only_an_lstm_hears_of_earlier_steps():
    torch.manual_seed(0)
    one = torch.randn(1, 5, 3)
    two = torch.cat([one[:, :1] + 1, one[:, 1:]], 1)
    for memory in (True, False):
        net = Recurrent(3, 2, 8, memory, gains=False)
        differs = (net(one)[:, -1] - net(two)[:, -1]).abs().max().item() > 1e-6
        assert differs == memory


def test_a_policy_sees_as_many_steps_as_its_memory():
    settings, data = replace(PRESETS["clean"], memory=3), data_of(CLEAN, 6)
    net = ddpg.CacheNet(CLEAN, settings, True)
    stage, last = ddpg.Stage(CLEAN, data, settings, np.random.default_rng(0)), None
    while not stage.over:
        seen = stage.look()
        assert seen.shape == (6, min(3, stage.dynamics.at + 1), net.seen)
        if last is not None:
            assert torch.equal(seen[:, :-1], last[:, -(seen.shape[1] - 1) :])
        last = seen
        stage.step(net, np.zeros((6, net.shelves.bits)))


# --- caches


@pytest.mark.parametrize("density", [True, False])
def test_caches_fit_and_hold_only_what_is_wanted(density):
    data = problems.load("dgl", "clean").instance().data
    shelves = Shelves(data["size"], data["limit"], density)
    scores = np.random.default_rng(0).uniform(-1, 1, (200, shelves.bits))
    bits = shelves.caches(scores)
    held = bits.reshape(-1, *shelves.shape)
    assert (held @ data["size"] <= data["limit"]).all()
    assert (scores[bits == 1] > 0).all()
    left = data["limit"] - held @ data["size"]  # nothing that is wanted would still fit
    could = (scores.reshape(held.shape) > 0) & (held == 0) & (data["size"] <= left[..., None])
    assert not could.any()


def test_density_prefers_the_smaller_of_equal_scores_and_score_the_first():
    size, limit = np.array([3.0, 2.0, 1.0]), np.array([3.0])
    scores = np.array([[0.9, 0.8, 0.7]])
    assert Shelves(size, limit, density=True).caches(scores).tolist() == [[0, 1, 1]]
    assert Shelves(size, limit, density=False).caches(scores).tolist() == [[1, 0, 0]]


def test_where_all_fits_caches_are_the_published_rule():
    data = problems.load("dgl", "as-published").instance().data
    shelves = Shelves(data["size"], data["limit"], density=False)
    scores = np.random.default_rng(0).uniform(-1, 1, (50, shelves.bits))
    assert (shelves.caches(scores) == (scores > 0)).all()


def test_the_critic_sees_bits_and_slopes_reach_the_scores():
    shelves = Shelves(np.ones(3), np.ones(1), density=False)
    scores = torch.tensor([[0.2, 0.5, -0.1]], requires_grad=True)
    seen = shelves.judged(scores, bits=True)
    assert seen.detach().tolist() == [[0.0, 1.0, 0.0]]
    torch.autograd.backward(seen.sum())
    assert scores.grad.tolist() == [[1.0, 1.0, 1.0]]


# --- what is seen


def test_counts_are_those_of_the_step_before_and_caches_can_be_hidden():
    data = data_of(CLEAN, 3)
    play = CLEAN.dynamics(data)
    play.step({"cache": np.zeros((3, 2, 10))})
    asked = (data["service"][:, 0, ..., None] == np.arange(10)).sum((1, 2))
    for own in (True, False):
        view = Counts(data, own)
        seen = view.see(play)
        assert seen.shape == (3, view.width)
        assert seen[:, :10] == pytest.approx(asked * 10 / (5 * 8))
        assert view.width == 12 + 20 * own


def test_published_popularity_counts_the_served_and_turns_them_round():
    data = data_of(CLEAN, 2)
    play, view = CLEAN.dynamics(data), Statistics(data, own_cache=True)
    first = view.see(play)
    assert first.shape == (2, 50)
    assert not first.any()
    cache = np.zeros((2, 2, 10))
    cache[:, 0, 2] = cache[:, 1, 5] = 1
    play.step({"cache": cache})
    seen = view.see(play)
    whole = play.decision()
    served = np.zeros((2, 2, 10))
    for m, k in ((0, 2), (1, 5)):
        hit = (data["service"][:, 0] == k) & (whole["target"][:, 0] == m + 1)
        served[:, m, k] = hit.sum((1, 2))
    assert seen[:, :20] == pytest.approx(cache.reshape(2, -1))
    assert seen[:, 30:] == pytest.approx(turned(served.reshape(2, -1)))


def test_turned_round_the_largest_is_nought():
    assert turned(np.array([[4.0, 1.0, 2.0]])).tolist() == [[0.0, 1.0, pytest.approx(2 / 3)]]
    assert not turned(np.zeros((1, 3))).any()
    assert not turned(np.full((1, 3), 0.1)).any()


# --- learning


def test_windows_are_stretches_of_one_episode_and_know_its_end():
    torch.manual_seed(0)
    memory = Episodes(10, 5, 2, 1)
    number, step = np.meshgrid(np.arange(4.0), np.arange(5.0), indexing="ij")
    memory.extend(np.stack([number, step], -1), step[..., None], 10 * step[..., None])
    (seen, done, paid), later, over = memory.windows(200, 3)
    assert (seen[..., 0] == seen[:, :1, 0]).all()
    assert (seen[:, 1:, 1] == seen[:, :-1, 1] + 1).all()
    assert (done[..., 0] == seen[..., 1]).all()
    assert (paid == 10 * done).all()
    assert ((seen[..., 1] == 4) == (over[..., 0] == 1)).all()
    inside = over[..., 0] == 0
    assert (later[0][..., 1] == seen[..., 1] + 1)[inside].all()
    assert set(seen[:, 0, 1].tolist()) == {0.0, 1.0, 2.0}


@pytest.mark.parametrize("kind", [LstmDdpg, DdpgCache, TwinDdpg])
def test_all_networks_learn_and_the_published_critic_does_not(kind):
    for frozen in (False, True):
        learner = kind(**SMALL, frozen=frozen)
        net, _ = trained(learner)
        with torch.random.fork_rng():
            torch.manual_seed(int(Training(problem=TINY, seed=1).rng("torch").integers(2**62)))
            before = learner.build(TINY)
        changed = {}
        for (name, new), old in zip(net.named_parameters(), before.parameters(), strict=True):
            part = "critic" if "critic" in name or name.startswith("slow.2") else "actor"
            changed[part] = changed.get(part, False) or not torch.equal(new, old)
        assert changed == {"actor": True, "critic": not frozen}


def test_noise_falls_to_its_last_or_by_a_factor_from_step_to_step():
    ours, theirs = PRESETS["clean"], PRESETS["as-published"]
    assert deviation(ours, 500, 0.0) == ours.noise
    assert deviation(ours, 500, 1.0) == pytest.approx(ours.last_noise)
    assert deviation(theirs, 200, 0.0) == pytest.approx(0.093, abs=1e-3)
    assert deviation(theirs, theirs.start, 0.0) < 1e-5  # over before learning begins


def test_as_published_learns_from_the_thousandth_step_every_fifth(monkeypatch):
    """Here from the fortieth, of episodes of twenty; the rest is as it is."""
    assert PRESETS["as-published"].start == 1000
    calls = []
    monkeypatch.setattr(ddpg, "_learn", lambda *rest: calls.append(1) or 0.0)
    problem = problems.load("dgl", "as-published", n_users=2, slots=1)
    learner = LstmDdpg(preset="as-published", width=4, start=40)
    for episodes, rounds in ((2, 0), (3, 20 / 5)):
        trained(learner, problem, episodes)
        assert len(calls) == 10 * rounds


def test_ddpg_caches_what_is_always_asked_for():
    """All users want one service: both learners load it once, for good, at a server at least."""
    problem = problems.load(
        "dgl", "tiny", steps=4, slots=2, n_users=6, states=1, dwell=1, zipf=30.0, load_price=0.001
    )
    data = data_of(problem, 8)
    best = problem.evaluate(data, problem.follow(data, "static", np.random.default_rng(0)))
    small = {"width": 32, "lanes": 8, "batch": 64, "start": 2}
    for learner in (DdpgCache(**small), LstmDdpg(memory=2, **small)):
        net, _ = trained(learner, problem, 30)
        found = learner.act(net, problem, data)
        worth = problem.evaluate(data, {key: block[:, 0] for key, block in found.items()})
        assert worth.feasible().all()
        assert np.mean(worth.objective) > 0.9 * np.mean(best.objective)


# --- the twin


def test_shares_over_signed_sums_may_be_negative_and_masked_ones_fill_servers():
    data = data_of(CLEAN, 4)
    for published in (True, False):
        torch.manual_seed(0)
        net = twin.TwinNet(CLEAN, PRESETS["clean"], published)
        whole = twin.act(net, CLEAN, data, PRESETS["clean"])
        slots = slots_of(data, whole["cache"])
        judged = SLOT.judge(slots, whole)
        off = whole["target"] > 0
        if published:
            assert (whole["bandwidth"] < 0).any()
        else:
            assert max(float(np.max(v)) for v in judged.violations.values()) <= 1e-9
            assert (whole["bandwidth"][off] > 0).all()
            assert off.any()


def test_who_is_sent_where_its_service_is():
    cache = np.array([[[1.0, 0.0], [0.0, 1.0]]])
    service, target = np.array([[0.0, 1.0, 1.0]]), np.array([[1.0, 1.0, 2.0]])
    known = twin.cached(service, cache)
    assert known.tolist() == [[[1, 0, 0], [0, 1, 1]]]
    assert twin.at_target(known, target).tolist() == [[1, 0, 1]]
    assert twin.at_target(known, 0 * target).tolist() == [[0, 0, 0]]


def test_signed_sums_are_of_a_group():
    value, group = np.array([[1.0, -0.5, 0.25, 3.0]]), np.array([[0.0, 0.0, 1.0, -1.0]])
    assert twin.signed(value, group).tolist() == [[2.0, -1.0, 1.0, 0.0]]


# --- parameters


@pytest.mark.parametrize(
    "given", [{"preset": "best"}, {"inner": "ga"}, {"width": 0}, {"gamma": 1.5}, {"first": "last"}]
)
def test_settings_without_sense_are_refused(given):
    with pytest.raises(ValueError, match=next(iter(given))):
        LstmDdpg(**given)


def test_the_inner_solver_changes_slots_only():
    problem = problems.load("dgl", "clean", n_users=6, steps=2)
    data, net = data_of(problem, 3), LstmDdpg(own_cache=False).build(problem)
    exact, other = (
        LstmDdpg(own_cache=False, inner=inner).act(net, problem, data)
        for inner in ("exact", "ga_improved")
    )
    assert (exact["cache"] == other["cache"]).all()
    ours, theirs = (
        problem.evaluate(data, {k: v[:, 0] for k, v in found.items()}).objective
        for found in (exact, other)
    )
    assert (ours >= theirs - 1e-9).all()
    assert (ours > theirs).any()
