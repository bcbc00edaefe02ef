"""The completion network, the constant policy, and heuristics beside which learners stand."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch

from toolkit import learners, problems, solve, solvers
from toolkit.bench.__main__ import main
from toolkit.errors import UserError
from toolkit.learners import Training, fit
from toolkit.learners._completing import block, decode
from toolkit.learners._mix import mixed, spans
from toolkit.learners._option_nets import OptionSets
from toolkit.problems import Space
from toolkit.problems._check.base import verdict
from toolkit.problems._check.choices import CHECKS
from toolkit.problems.e2ehco import E2ehco


def load(preset="clean", **changes):
    return problems.load("e2ehco", preset, **changes)


def batch(problem, count, seed=0):
    return problem.sample(np.random.default_rng(seed), (count,))


def spread(data):
    return {key: value[:, None] for key, value in data.items()}


def row(data, i):
    return {key: value[i] for key, value in data.items()}


def worth(problem, data, server):
    """Costs of choices of servers, completed; (rows, k) of (rows, k, users)."""
    decision = problem.complete(spread(data), {"server": np.asarray(server, float)})
    return problem.evaluate(spread(data), decision).objective


def optima(problem, data):
    """Least costs by enumeration, (rows,)."""
    space = problem.space(row(data, 0))
    every = space.choices(0, space.count)["server"]
    return np.array(
        [
            problem.evaluate(
                row(data, i), problem.complete(row(data, i), {"server": every})
            ).objective.min()
            for i in range(len(data["bits"]))
        ]
    )


@pytest.fixture(scope="module")
def small():
    return load(n_users=5, n_servers=2)


@pytest.fixture(scope="module")
def trained(small):
    """(learner, network) after 120 steps on five users and two servers, and on other sizes."""
    learner = learners.registry.build(
        "completion", batch=32, pool=30, sizes="n_users=3:7,n_servers=2:4"
    )
    return learner, fit(learner, Training(problem=small, max_steps=120))


# The network


def test_compiled_inference_is_what_is_trained():
    torch.manual_seed(0)
    net = OptionSets(9, 16, 3)
    seen = np.random.default_rng(0).normal(size=(4, 5, 3, 9)).astype(np.float32)
    with torch.no_grad():
        expected = net(torch.from_numpy(seen)).numpy()
    np.testing.assert_allclose(net.scores(seen), expected, atol=2e-6)


def test_the_network_follows_permutations_of_users_and_of_options():
    torch.manual_seed(1)
    net = OptionSets(6, 8, 3)
    seen = np.random.default_rng(1).normal(size=(2, 4, 5, 6)).astype(np.float32)
    users, options = [2, 0, 3, 1], [4, 1, 0, 3, 2]
    turned = net.scores(seen[:, users][:, :, options])
    np.testing.assert_allclose(turned, net.scores(seen)[:, users][:, :, options], atol=1e-6)


# What options show


def test_the_last_user_sees_which_option_is_best(small):
    """Of a single user without a choice the cheapest option, by the judge, is at a distance 0."""
    data, rng = batch(small, 20), np.random.default_rng(2)
    options = small.options(data)
    for i in range(20):
        who, server = rng.integers(5), rng.integers(0, 3, 5)
        tried = np.tile(server, (3, 1))
        tried[:, who] = range(3)
        cost = worth(small, {k: v[i : i + 1] for k, v in data.items()}, tried[None])[0]
        chosen = server.copy()
        chosen[who] = -1
        seen = options.see(np.array([i]), chosen[None], np.array([[who]]))[0, 0]
        assert seen[cost.argmin(), 5] == 0
        assert (np.argsort(seen[:, 5]) == np.argsort(cost)).all()


def test_features_keep_their_values_in_other_units(small):
    data = batch(small, 6)
    priced = dict(data)
    for key in ("weight_delay", "weight_energy"):
        priced[key] = data[key] * 1000.0
    everyone = np.tile(np.arange(5), (6, 1))
    chosen = np.where(everyone < 2, everyone, -1)
    seen = [small.options(d).see(np.arange(6), chosen, everyone[:, 2:]) for d in (data, priced)]
    np.testing.assert_allclose(*seen, rtol=1e-4, atol=1e-6)


# Decoding


class Fixed:
    """A network whose scores are the numbers that it is told, and which notes who was asked."""

    def __init__(self, scores):
        self.given, self.asked = scores, []

    def see(self, which, chosen, users):
        self.asked.append(users.shape[1])
        self.chosen = chosen.copy()
        return self.given[np.asarray(which)[:, None], users]

    def scores(self, seen):
        return seen


def test_the_surest_choose_first_one_a_round():
    scores = np.array([[[0.0, 1.0], [9.0, 0.0], [0.0, 0.1]]])
    net = Fixed(scores)
    assert decode(net, net, np.array([0]), 3, 64).tolist() == [[1, 0, 1]]
    assert net.asked == [3, 2, 1]
    assert net.chosen.tolist() == [[1, 0, -1]]


def test_many_users_choose_several_a_round():
    net = Fixed(np.random.default_rng(0).normal(size=(2, 7, 3)))
    found = decode(net, net, np.array([0, 1]), 7, 3)
    assert net.asked == [7, 4, 2]
    assert (found == net.given.argmax(-1)).all()


def test_noise_goes_with_users_and_leaves_the_first_guess(small, trained):
    learner, net = trained
    data = batch(small, 12, seed=4)
    guesses = learner.act(net, small, data, 6)["server"]
    np.testing.assert_array_equal(guesses[:, :1], learner.act(net, small, data)["server"])
    # in some row: a net that has learnt well is sure of most of them
    assert any(len({row[k].tobytes() for k in range(6)}) > 1 for row in guesses)
    best = worth(small, data, guesses).min(1)
    assert (best <= worth(small, data, guesses[:, :1])[:, 0]).all()
    assert best.mean() < worth(small, data, guesses[:, :1]).mean()


# Learning


def test_it_is_near_the_optimum_and_better_than_nearest(small, trained):
    learner, net = trained
    data = batch(small, 100, seed=5)
    best = optima(small, data)
    gap = worth(small, data, learner.act(net, small, data)["server"])[:, 0] / best - 1
    near = worth(small, data, small.nearest(data)["server"][:, None])[:, 0] / best - 1
    assert gap.mean() < 0.01 < near.mean()
    assert np.mean(gap < 1e-9) > 0.6


@pytest.mark.parametrize(("users", "servers"), [(9, 2), (4, 5)])
def test_it_decides_other_sizes_than_it_was_trained_on(users, servers, trained):
    learner, net = trained
    other = load(n_users=users, n_servers=servers)
    data = batch(other, 30, seed=6)
    found = learner.act(net, other, data)["server"]
    assert found.shape == (30, 1, users)
    polished = other.polish(spread(data), {"server": found})["server"]
    gap = worth(other, data, found) / worth(other, data, polished) - 1
    assert gap.mean() < 0.03


def test_its_own_labels_are_almost_always_optimal(small):
    learner = learners.registry.build("completion", starts=8, batch=64, mix=0.0)
    data = batch(small, 64, seed=7)
    found, solved = learner.best_polished(small, data, np.random.default_rng(0))
    gap = worth(small, data, found[:, None])[:, 0] / optima(small, data) - 1
    assert solved.all()
    assert np.mean(gap < 1e-9) > 0.95


def test_a_teacher_s_choices_are_copied(small):
    """Whoever teaches that all stay local is obeyed, and rows that it cannot solve are left out."""

    def lazy(problem, data):
        count = len(data["bits"])
        server = np.zeros((count, problem.n_users))
        server[1::2] = 1  # a wrong answer, which it says it has not solved
        return {"server": server}, np.arange(count) % 2 == 0

    learner = learners.registry.build("completion", labels="teacher", batch=16, pool=4, mix=0.0)
    net = fit(learner, Training(problem=small, max_steps=60, teacher=lazy))
    assert not learner.act(net, small, batch(small, 20))["server"].any()


def test_half_of_the_parts_are_whom_it_is_least_sure_of(small, trained):
    learner, net = trained
    run = Training(problem=small, max_steps=9)
    options, labels, solved = learner.labelled(run, 0)
    everyone = np.tile(np.arange(labels.shape[1]), (len(labels), 1))
    scores = net.scores(options.see(solved, np.full(labels.shape, -1), everyone)).astype(float)
    doubt = np.log(np.exp(scores - scores.max(-1, keepdims=True)).sum(-1))
    for hard in (0.0, 1.0):
        part = replace(learner, hard=hard, blur=1e-9)
        run.step = next(s for s in range(50) if _part(part, net, run, s, options, labels) == 1)
        chosen, left = part.parts(net, run, options, labels, solved)
        assert (np.sort(np.flatnonzero(chosen[0] < 0)) == np.sort(left[0])).all()
        assert np.mean(left[:, 0] == doubt.argmax(1)) == pytest.approx(hard, abs=0.5 - hard / 2)


def _part(learner, net, run, step, options, labels):
    """How many users a step leaves without a choice."""
    run.step = step
    return learner.parts(net, run, options, labels, np.arange(len(labels)))[1].shape[1]


# Instances of many kinds


def test_mixed_batches_have_one_size_and_fields_of_their_own():
    problem, rng = load(), np.random.default_rng(8)
    sizes, factors = (
        spans("n_users=3:4,frogs=2:3", "sizes"),
        spans("bits_low+bits_high=1:9", "vary"),
    )
    other, data = mixed(problem, rng, 10, 4, sizes, factors)
    assert data["bits"].shape == (10, other.n_users)
    assert other.n_users in (3, 4)
    assert other.n_servers == problem.n_servers
    assert data["bits"].max() > 1.5 * problem.bits_high
    assert data["cycles"].max() <= problem.cycles_high


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("sizes", "n_users=9:2", "cannot read 'n_users=9:2' in sizes"),
        ("vary", "bits", "cannot read 'bits' in vary"),
        ("labels", "none", "give own or teacher"),
        ("mix", 1.5, "between 0 and 1"),
        ("heat", 0.0, "above 0"),
        ("pool", 0, "at least 1"),
    ],
)
def test_impossible_settings_are_refused(field, value, says):
    with pytest.raises(UserError, match=says):
        learners.registry.build("completion", **{field: value})


def test_only_problems_with_options_are_taken():
    learner = learners.registry.build("completion")
    assert learner.refuses(load()) is None
    assert "beside partial choices" in learner.refuses(problems.load("cpdrl", "tiny"))
    assert (
        block(problems.load("ddlo", "tiny"), problems.load("ddlo", "tiny").instance().data) is None
    )


# From the command line

OUT, TEACH = ["--out", "b.zip"], ["--steps", "2", "--teacher", "greedy"]


def test_it_is_trained_and_polished_by_the_command(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    what = ["--problem", "e2ehco", "--preset", "tiny", "--quiet"]
    taught = ["--learner", "completion[labels=teacher,batch=8,mix=0.0]", "--steps", "2"]
    assert main(["train", *what, *taught, "--teacher", "greedy", "--out", "a.zip"]) == 0
    assert main(["train", *what, "--learner", "completion[batch=8]", "--steps", "2", *OUT]) == 0
    assert main(["train", *what, "--learner", "completion", *OUT[:1], "c", *TEACH]) == 2
    assert "leave out --teacher" in capsys.readouterr().err
    runs = ["--instances", "1", "--solvers", "policy[checkpoint=a.zip,polish=true]"]
    assert main([*what, *runs]) == 0
    assert "polish=True" in capsys.readouterr().out


def test_a_policy_is_polished_in_steps_and_episodes(trained, small, tmp_path):
    (learner, net), file = trained, str(tmp_path / "x.zip")
    learners.save(tmp_path / "x.zip", learner, net, Training(problem=small, max_steps=1))
    case = small.instance(3)
    plain, polished = (
        solve(small, case, "policy", checkpoint=file, polish=on) for on in (False, True)
    )
    assert polished.objective <= plain.objective
    episode = problems.load("e2ehco", n_users=5, n_servers=2, frames=7)
    whole = solve(episode, episode.instance(), "policy", checkpoint=file, polish=True)
    best = solve(episode, episode.instance(), "exact", seconds=300)  # it may compile first
    assert best.objective <= whole.objective < 1.01 * best.objective


def test_polish_is_refused_where_the_problem_cannot(tmp_path):
    problem, file = problems.load("cpdrl", "tiny"), tmp_path / "x.zip"
    learner = learners.registry.build("constant", instances=4)
    run = Training(problem=problem, max_steps=1)
    learners.save(file, learner, fit(learner, run), run)
    with pytest.raises(UserError, match="no cheap improvements"):
        solve(problem, problem.instance(), "policy", checkpoint=str(file), polish=True)


# Heuristics


def test_polished_choices_leave_nothing_to_one_user_or_two():
    """By the judge: no change of one user gains, and with pairs none of two."""
    problem = load(n_users=5, n_servers=3)
    data = batch(problem, 1, seed=9)
    drawn = np.random.default_rng(0).integers(0, 4, (1, 8, 5)).astype(float)
    for pairs, most in ((False, 1), (True, 2)):
        found = problem.polish(spread(data), {"server": drawn}, pairs)["server"][0]
        for server in found:
            here = worth(problem, data, server[None, None])[0, 0]
            for who in itertools.combinations(range(5), most):
                every = np.array(list(itertools.product(range(4), repeat=most)))
                near = np.repeat(server[None], len(every), axis=0)
                near[:, who] = every
                assert worth(problem, data, near[None]).min() >= here * (1 - 1e-9)


def test_sixteen_starts_are_optimal_and_one_response_is_not():
    problem = load()
    gaps = {}
    for starts, pairs in ((1, False), (16, True)):
        found = [
            solve(problem, problem.instance(i), "best_response", starts=starts, pairs=pairs)
            for i in range(15)
        ]
        best = [solve(problem, problem.instance(i), "exact", seconds=300).bound for i in range(15)]
        gaps[starts] = np.array([f.objective / b - 1 for f, b in zip(found, best, strict=True)])
    assert gaps[16].max() < 1e-6
    assert gaps[1].mean() > 1e-3


@pytest.mark.parametrize("limit", [0, 2])
def test_the_nearest_server_is_the_one_at_the_least_distance(limit):
    problem = load()
    data = problem.instance(0).data
    found = solve(problem, problem.instance(0), "nearest", limit=limit).decision["server"]
    away = np.linalg.norm(data["position"][:, None] - data["site"], axis=-1)
    left = np.full(5, limit or 99)
    for i in range(10):
        best = min((m for m in range(5) if left[m]), key=lambda m: away[i, m], default=-1)
        assert found[i] == best + 1
        left[best] -= 1


def test_polish_does_not_harm_where_servers_are_split_equally():
    problem = load("as-published-drl", n_users=6, n_servers=3, cycles_low=1e8, bits_high=3e6)
    data = batch(problem, 40, seed=10)
    drawn = np.random.default_rng(1).integers(0, 4, (40, 1, 6)).astype(float)
    after = problem.polish(spread(data), {"server": drawn})["server"]
    assert (worth(problem, data, after) <= worth(problem, data, drawn) * (1 + 1e-12)).all()
    assert worth(problem, data, after).mean() < worth(problem, data, drawn).mean()


class Worsens(E2ehco):
    """A polish that moves everybody home."""

    def polish(self, data, discrete, pairs=True):
        return {"server": 0 * discrete["server"]}


class FirstComesFirst(E2ehco):
    """Options that show a user's place in the row."""

    def options(self, data):
        inner = super().options(data)

        class Placed:
            def see(self, which, chosen, users):
                seen = inner.see(which, chosen, users)
                return seen + np.arange(users.shape[1], dtype=np.float32)[:, None, None]

        return Placed()


@pytest.mark.parametrize(("bug", "by"), [(Worsens, "polish"), (FirstComesFirst, "options")])
def test_a_bug_in_what_is_known_of_choices_is_caught(bug, by):
    for kind, caught in ((bug, True), (E2ehco, False)):
        (check,) = [fn for fn in CHECKS if by in fn.__name__]
        assert (verdict(check, kind(**E2ehco.presets["tiny"])) is not None) == caught


def test_the_best_constant_choice_is_found():
    """Of 27 choices, by the mean over the instances that it trains on."""
    problem = load("tiny", n_users=3)
    learner = learners.registry.build("constant", instances=40)
    run = Training(problem=problem, max_steps=40)
    net = fit(learner, run)
    data = problem.sample(run.rng("instances"), (40,))
    space = Space(problem.space(row(data, 0)).discrete)
    every = space.choices(0, space.count)["server"]
    best = every[worth(problem, data, np.repeat(every[None], 40, 0)).mean(0).argmin()]
    assert net.values.tolist() == best.tolist()
    assert (learner.act(net, problem, batch(problem, 9))["server"] == best).all()


def test_a_policy_of_other_decisions_says_which(tmp_path):
    shared, split = (problems.load("e2ehco", "tiny", equal_split=alike) for alike in (False, True))
    learner = learners.registry.build("constant", instances=4)
    for trained, asked, said in (
        (
            shared,
            split,
            "where share is decided, and here it is not decided: train it on this problem",
        ),
        (
            split,
            shared,
            "where share is not decided, and here it is decided: train it on this problem",
        ),
    ):
        run = Training(problem=trained, max_steps=1)
        file = tmp_path / f"{trained.equal_split}.zip"
        learners.save(file, learner, fit(learner, run), run)
        policy = solvers.registry.build("policy", checkpoint=str(file))
        assert policy.refuses(asked, asked.instance()) == f"it was trained {said}"
        assert policy.refuses(trained, trained.instance()) is None


def test_a_constant_choice_is_feasible_as_often_as_can_be():
    """Feasible on every instance comes before cheap on most."""
    problem = problems.load("cpdrl", "tiny", deadline=0.35)
    learner = learners.registry.build("constant", instances=60)
    run = Training(problem=problem, max_steps=100)
    net = fit(learner, run)
    data = problem.sample(run.rng("instances"), (60,))
    found = learner.act(net, problem, data)
    share = problem.evaluate(spread(data), found).feasible().mean()
    space = Space(problem.space(row(data, 0)).discrete)
    every = space.unflatten(
        np.repeat(space.flatten(space.choices(0, space.count))[None], 60, axis=0)
    )
    rivals = problem.evaluate(spread(data), problem.complete(spread(data), every))
    assert share == rivals.feasible().mean(0).max()
