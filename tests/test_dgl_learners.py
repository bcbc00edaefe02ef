"""Learners of caches: the forecaster, the policy gradient, and what they share."""

import copy
import itertools

import numpy as np
import pytest
import torch

from toolkit import learners, problems
from toolkit.errors import UserError
from toolkit.learners import Training, cache_pg, fit
from toolkit.learners import _caching as caching
from toolkit.problems.dgl.rules import forecast as bayes

NAMES = ("forecast", "cache_pg")


def build(name, **params):
    return learners.registry.build(name, **params)


def load(preset="tiny", **fields):
    return problems.load("dgl", preset, **fields)


def batch(problem, count, seed=0):
    return problem.sample(np.random.default_rng(seed), (count,))


def trained(name, problem, steps=4, **params):
    learner = build(name, **params)
    return learner, fit(learner, Training(problem=problem, max_steps=steps, seed=1))


def first(decision):
    return {key: value[:, 0] for key, value in decision.items()}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("memory", [True, False])
def test_a_policy_does_not_see_the_future_nor_what_is_hidden(name, memory):
    """Requests, links and popularities from step 3 on change nothing of the caches up to there."""
    problem = load("clean", steps=5, n_services=5, states=3)
    learner, net = trained(name, problem, memory=memory, batch=4, width=8)
    data, other = batch(problem, 6), batch(problem, 6, seed=1)
    changed = dict(data)
    for key in ("service", "efficiency", "popularity"):
        changed[key] = np.concatenate([data[key][:, :3], other[key][:, 3:]], axis=1)
    changed["popularity"] = other["popularity"]
    one, two = (learner.act(net, problem, some)["cache"][:, 0] for some in (data, changed))
    assert (one[:, :4] == two[:, :4]).all()


@pytest.mark.parametrize("name", NAMES)
def test_without_memory_only_the_last_step_counts(name):
    """…, the caches at hand, and the step's number; with memory the steps before count, too."""
    problem = load("clean", steps=6, n_services=5, states=3)
    differ = []
    for memory in (False, True):
        _, net = trained(name, problem, 15, memory=memory, batch=4, width=16, rate=0.01)
        data, other = batch(problem, 40), batch(problem, 40, seed=1)
        other["service"][:, 4] = data["service"][:, 4]
        counts = [problem.requests(some) for some in (data, other)]
        forecaster = net if name == "forecast" else net.forecaster
        known = [caching.forecasts(forecaster, some)[:, 5] for some in counts]
        differ.append(float((known[0] - known[1]).detach().abs().max()))
    assert differ[0] == 0 < differ[1]


def test_the_forecaster_learns_what_bayes_knows():
    """Nearer to the filter that knows the law than what only knows how popular services are."""
    problem = load("clean", steps=8, n_services=4, states=3, dwell=2, slots=2)
    _, net = trained("forecast", problem, 250, width=24, batch=32, rate=0.01)
    counts = problem.requests(batch(problem, 200, seed=5))
    expected = caching.forecasts(net, counts)[:, :, 0].exp().detach().numpy()
    known = np.stack([bayes(problem, counts[:, :t]) for t in range(8)], axis=1)
    base = np.broadcast_to(problem.law.start @ problem.law.popularity, known.shape)
    off = [np.abs(some - known)[:, 2:].mean() for some in (expected, base)]
    assert off[0] < 0.4 * off[1]


def test_several_coming_steps_are_forecast():
    """Of a cycle without chance that is known after one step: the second step ahead is right."""
    problem = load("clean", steps=6, n_services=4, states=3, dwell=1, succession=1.0, zipf=3.0)
    _, net = trained("cache_pg", problem, 60, width=16, batch=4, rate=0.02, ahead=2)
    data = batch(problem, 50, seed=2)
    found = caching.forecasts(net.forecaster, problem.requests(data)).exp().detach().numpy()
    for h in range(2):
        expected, truth = found[:, 1 : 6 - h, h], data["popularity"][:, 1 + h :]
        assert (expected.argmax(-1) == truth.argmax(-1)).mean() > 0.95


SIZE, LIMIT = np.array([1.0, 2.0]), np.array([2.0, 3.0])


def brute(scores, less):
    """Probabilities of all sequences of picks, {(items): probability}, by their definition."""
    out = {}

    def go(sequence, chance, room):
        free = [i for i in range(4) if i not in sequence and SIZE[i % 2] <= room[i // 2]]
        twice = [sum(j % 2 == i % 2 for j in sequence) for i in free]
        weight = [np.exp(scores[i] - less[i % 2] * n) for i, n in zip(free, twice, strict=True)]
        total = np.exp(scores[4]) + sum(weight)
        out[(*sequence, 4)] = chance * np.exp(scores[4]) / total
        for i, w in zip(free, weight, strict=True):
            left = [r - SIZE[i % 2] * (m == i // 2) for m, r in enumerate(room)]
            go((*sequence, i), chance * w / total, left)

    go((), 1.0, LIMIT)
    return out


def picks(scores, less, start, rows=1, rng=None):
    data = {"size": SIZE[None], "limit": LIMIT[None]}
    both = (torch.tensor(part, dtype=torch.float64).expand(rows, -1) for part in (scores, less))
    return cache_pg.picks(data, tuple(both), np.repeat(np.array(start)[None], rows, axis=0), rng)


def test_picks_are_drawn_by_plackett_and_luce_among_what_fits():
    """Frequencies and likelihoods against the definition."""
    rng, rows = np.random.default_rng(0), 20_000
    scores, less = rng.normal(size=5), np.array([0.5, 1.5])
    exact = brute(scores, less)
    assert sum(exact.values()) == pytest.approx(1)
    cache, order, free, again = picks(scores, less, np.zeros((2, 2)), rows, rng)
    assert (cache @ SIZE <= LIMIT + 1e-12).all()
    seen = [tuple(i for i in row if i >= 0) for row in order.tolist()]
    for sequence, chance in exact.items():
        assert abs(seen.count(sequence) / rows - chance) < 5 * np.sqrt(chance / rows)

    class Fixed:
        def score(self, known, left, cache):
            lead = known.shape[:-1]
            return tuple(torch.from_numpy(part).expand(*lead, -1) for part in (scores, less))

    some = (part[:9, None] for part in (order, free, again))
    trail = cache_pg.Trail(np.zeros((9, 1, 4)), *some, np.zeros((9, 1)))
    chance, doubt = cache_pg.likelihood(Fixed(), torch.zeros(9, 1, 1), trail)
    assert np.exp(chance[:, 0].numpy()) == pytest.approx([exact[s] for s in seen[:9]])
    assert (doubt > 0).all()


def test_what_is_cached_stays_for_nothing_where_it_fits():
    scores = np.array([0.0, 0.0, 0.0, 5.0, 4.0])  # service 1 on server 1, then stop
    start = [[0.0, 1.0], [1.0, 0.0]]
    cache, order, *_ = picks(scores, np.zeros(2), start)
    assert order.tolist() == [[3, 4, -1, -1, -1]]
    assert cache.tolist() == [[[0.0, 1.0], [1.0, 1.0]]]


def test_what_another_server_has_picked_scores_less():
    scores = np.array([5.0, 1.0, 5.0, 1.0, 0.0])  # service 0 first, wherever it is
    for less, picked in ((0.0, [0, 2, 3, 4]), (4.5, [0, 3, 2, 4]), (9.0, [0, 3, 4])):
        _, order, *_ = picks(scores, np.array([less, 0.0]), np.zeros((2, 2)))
        assert [i for i in order[0] if i >= 0] == picked


def test_returns_are_compared_with_the_other_rollouts():
    """The mean of the others as a baseline, by its definition, but for one common factor."""
    learner = build("cache_pg", rollouts=3, discount=0.5)
    reward = np.random.default_rng(0).normal(size=(6, 4))
    value = [sum(0.5 ** (s - t) * reward[:, s] for s in range(t, 4)) for t in range(4)]
    value = np.stack(value, axis=1).reshape(2, 3, 4)
    others = (value.sum(1, keepdims=True) - value) / 2
    ratio = learner.advantage(reward).reshape(2, 3, 4) / (value - others)
    assert ratio == pytest.approx(ratio.flat[0])
    assert ratio.flat[0] > 0


def test_loading_is_cheap_at_first():
    problem = load()
    learner, data = build("cache_pg", ramp=0.5, batch=2), batch(problem, 2)
    prices = [learner.repeated(data, step / 8)["load_price"][0, 0] for step in range(9)]
    assert prices == pytest.approx(np.minimum(np.arange(9) / 4, 1) * problem.load_price)


def test_policy_gradient_learns_a_choice_that_is_clear():
    """One service fits, all ask for the largest: it is cached, everywhere and at once."""
    problem = load("tiny", states=1, zipf=4.0, load_price=1e-4, n_users=6, steps=3)
    learner, net = trained("cache_pg", problem, 80, width=16, batch=8, rate=0.01)
    favourite = int(problem.law.popularity[0].argmax())
    cache = learner.act(net, problem, batch(problem, 10, seed=3))["cache"][:, 0]
    assert (cache[..., favourite].max(-1) == 1).all()


def test_an_inner_solver_changes_the_slots_alone():
    """The same caches; slots are no better than the exact ones, and the same in any batch."""
    problem = load("clean", steps=2, slots=2, n_services=4, states=2, n_users=6)
    _, net = trained("forecast", problem, batch=4, width=8)
    data, made = batch(problem, 3), {}
    for inner in ("exact", "ga_improved", "ga_dgl", "ga_mask"):
        learner = build("forecast", inner=inner, batch=4, width=8)
        made[inner] = learner.act(net, problem, data)
        alone = learner.act(net, problem, {key: value[1:2] for key, value in data.items()})
        for key, block in alone.items():
            assert np.abs(block[0] - made[inner][key][1]).max() < 1e-9
    worth = {kind: problem.evaluate(data, first(made[kind])).objective for kind in made}
    for kind in made:
        assert (made[kind]["cache"] == made["exact"]["cache"]).all()
        assert (worth[kind] <= worth["exact"] + 1e-9).all()
    assert (worth["ga_improved"] < worth["exact"]).any()


@pytest.mark.parametrize("name", NAMES)
def test_problems_without_caches_are_refused_in_words(name):
    learner = build(name)
    for other in ("cpdrl", "e2ehco", "dgl_slot"):
        assert "cache" in learner.refuses(problems.load(other, "tiny"))
    assert learner.refuses(load()) is None


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        *itertools.product(NAMES, [{"width": 0}, {"rate": 0.0}, {"inner": "best"}]),
        ("forecast", {"horizon": 0.0}),
        ("cache_pg", {"rollouts": 1}),
        ("cache_pg", {"discount": 1.5}),
    ],
)
def test_parameters_without_sense_are_refused(name, wrong):
    with pytest.raises(UserError, match=next(iter(wrong))):
        build(name, **wrong)


def test_acting_leaves_the_network_as_it_was():
    problem = load()
    learner, net = trained("cache_pg", problem, batch=4, width=8)
    kept = copy.deepcopy(net.state_dict())
    learner.act(net, problem, batch(problem, 3))
    assert all(torch.equal(kept[key], value) for key, value in net.state_dict().items())
