"""Learners of queues: a2c, a3c and dqn, beyond what every learner must keep to."""

import itertools
import os
import signal

import numpy as np
import pytest
import torch

from toolkit import learners, problems
from toolkit.errors import UserError
from toolkit.learners import Training, fit
from toolkit.learners import _actor_critic as actor_critic
from toolkit.learners._adam import Adam
from toolkit.learners._queue_nets import ActorCritic
from toolkit.learners._queue_play import FEATURES, QuickView
from toolkit.learners._queue_views import View
from toolkit.learners._workers import Crew, SharedAdam, Told

NAMES = ("a2c", "a3c", "dqn")


def build(name, **params):
    return learners.registry.build(name, **params)


def load(preset="clean", **fields):
    return problems.load("a3c", preset, **{"slots": 6, **fields})


def batch(problem, count, seed=0):
    return problem.sample(np.random.default_rng(seed), (count,))


def trained(name, problem, steps, **params):
    alone = {"workers": 1} if name == "a3c" else {}
    learner = build(name, **alone, **params)
    return learner, fit(learner, Training(problem=problem, max_steps=steps, seed=1))


def decided(learner, net, problem, data):
    return {key: block[:, 0] for key, block in learner.act(net, problem, data).items()}


def per_task(problem, data, decision):
    found = problem.evaluate(data, decision)
    assert found.feasible().all()
    return found.objective.sum() / data["has"].sum()


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"forwarding": "single"},
        {"modes": 2},
        {"discipline": "fcfs", "weight_delay": 0.8},
        {"regions": (3, 4, 2), "forward_delay": 0.2, "slot": 2.0},
        {"regions": (3,)},
    ],
)
def test_the_compiled_twin_sees_and_decides_what_the_view_does(fields):
    """… in two parts: the queues at the end of the first are those at the start of the second."""
    modes = fields.get("modes", 3)  # of the learner
    own = {key: value for key, value in fields.items() if key != "modes"}
    problem = load(density=0.3, density_to=0.95, **own)
    data = batch(problem, 7)
    torch.manual_seed(0)
    net = ActorCritic(FEATURES, 16, together=False, residual=2.0)
    with torch.no_grad():
        net.actor.layers[-1].weight.mul_(100)
    quick, rng = QuickView(problem, data, tell=True, modes=modes), np.random.default_rng(1)
    parts = [quick.advance(net, steps, rng) for steps in (9, 10**6)]
    seen = [
        np.concatenate([one[:-1], two]) for one, two in zip(*(p[0] for p in parts), strict=True)
    ]
    mode, reward = (np.concatenate([p[i] for p in parts]) for i in (1, 2))
    assert quick.over
    view, noise = View(problem, data, "task", modes=modes, tell=True), np.random.default_rng(1)
    draws = [noise.gumbel(size=(steps, 7, 3)) for steps in (9, len(mode) - 9)]
    for step, drawn in enumerate(np.concatenate(draws)):
        now = view.see()
        some = now.active[:, 0]
        assert (seen[3][step] == now.active).all()
        assert (seen[4][step] == now.slot).all()
        for k in (0, 1, 2, 5):
            assert np.abs(seen[k][step][some] - now[k][some] * 1.0).max(initial=0) < 1e-6
        x, marginal, allowed = (torch.from_numpy(part) for part in now[:3])
        with torch.no_grad():
            best = (net.logits(x, marginal, allowed).numpy()[:, 0] + drawn).argmax(-1)
        assert (best == mode[step][:, 0])[some].mean() > 0.8  # sums in another order
        assert view.step(mode[step]) == pytest.approx(reward[step], abs=1e-9)
    assert view.over
    cost = problem.evaluate(data, view.play.decision()).objective
    assert -reward.sum(0) == pytest.approx(cost, rel=1e-9)


@pytest.mark.parametrize("trace", [0.0, 0.6, 1.0])
def test_advantages_are_those_of_the_definition(trace):
    """The sum of later differences, weighted; discounts by slot, traces by step."""
    rng = np.random.default_rng(0)
    reward, value = rng.normal(size=(5, 3)), rng.normal(size=(6, 3))
    slot = np.sort(rng.integers(0, 4, (6, 3)), axis=0)
    off = [reward[t] + 0.9 ** (slot[t + 1] - slot[t]) * value[t + 1] - value[t] for t in range(5)]
    for t in range(5):
        terms = [trace ** (s - t) * 0.9 ** (slot[s] - slot[t]) * off[s] for s in range(t, 5)]
        found = actor_critic.advantages(reward, value, slot, 0.9, trace)[t]
        assert found == pytest.approx(sum(terms), abs=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_a_policy_does_not_see_the_future(name):
    """Tasks from slot 3 on change nothing of the decisions before; critics may know more."""
    problem = load(density=0.7)
    learner, net = trained(name, problem, 3, batch=8, width=16)
    data, other = batch(problem, 6), batch(problem, 6, seed=1)
    changed = dict(data)
    for key in ("has", "bits", "cycles"):
        changed[key] = np.concatenate([data[key][:, :3], other[key][:, 3:]], axis=1)
    one, two = (decided(learner, net, problem, some)["target"] for some in (data, changed))
    assert (one[:, :3] == two[:, :3]).all()
    assert (one[:, 3:] != two[:, 3:]).any()


def test_only_the_critic_is_told_the_future():
    problem = load(density=0.7)
    data = batch(problem, 4)
    told, not_told = (View(problem, data, "task", tell=tell).see() for tell in (True, False))
    assert (told.x == not_told.x).all()
    assert told.later.any()
    assert not not_told.later.any()


def test_an_untrained_actor_is_the_greedy_rule_but_for_ties():
    """Two idle servers are worth the same to a task: either may be taken."""
    problem, learner = load(density=0.9), build("a2c")
    torch.manual_seed(0)
    net = learner.build(problem).eval()
    view = View(problem, batch(problem, 10), "task")
    while not view.over:
        seen = view.see()
        cost = np.where(seen.allowed, seen.marginal, np.inf)[:, 0]
        with torch.no_grad():
            mode = net.logits(*map(torch.from_numpy, seen[:3]))[:, 0].argmax(-1).numpy()
        taken = cost[np.arange(10), mode]
        assert (taken - cost.min(-1))[seen.active[:, 0]].max(initial=0) < 2e-3
        view.step(mode[:, None])


@pytest.mark.parametrize("name", ["a2c", "a3c"])
def test_actors_and_critics_learn_what_greedy_does_not_know(name):
    """That queues will be long: better than the greedy rule on episodes they have not seen."""
    problem = load(density=0.95, slots=14, server_cpu=2.5e9)
    size = {"batch": 32} if name == "a2c" else {"batch": 16}
    learner, net = trained(name, problem, 120, densities=[], rate=3e-3, **size)
    data = batch(problem, 60, seed=5)
    greedy = problem.follow(data, "greedy", np.random.default_rng(0))
    ours = per_task(problem, data, decided(learner, net, problem, data))
    assert ours < 0.98 * per_task(problem, data, greedy)


def test_dqn_learns_to_offload_but_not_too_much():
    """Without being told what modes cost: better than either extreme, and never to a neighbour."""
    problem = load(density=0.9)
    learner, net = trained("dqn", problem, 20, residual=0.0, densities=[])
    data = batch(problem, 60, seed=5)
    target = decided(learner, net, problem, data)["target"]
    assert ((target == 0) | (target == 1 + data["region"][:, None])).all()
    sides = [problem.follow(data, rule, np.random.default_rng(0)) for rule in ("local", "own")]
    ours = per_task(problem, data, {"target": target})
    assert ours < min(per_task(problem, data, side) for side in sides)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("forwarding", ["single", "bits", "double"])
def test_limits_of_forwarding_are_kept(name, forwarding):
    problem = load(density=0.9, forwarding=forwarding)
    learner, net = trained(name, problem, 2, batch=8, width=16)
    per_task(problem, batch(problem, 20), decided(learner, net, problem, batch(problem, 20)))


@pytest.mark.parametrize(("name", "heads"), [("a2c", {}), ("a2c", {"heads": "slot"}), ("a3c", {})])
def test_single_offloading_is_a_learner_s_choice_too(name, heads):
    """It keeps the limits of single offloading where the problem has none."""
    free, strict = load(density=0.9), load(density=0.9, forwarding="single")
    learner, net = trained(name, free, 2, batch=8, width=16, modes=2, **heads)
    found = decided(learner, net, free, batch(free, 20))
    per_task(strict, batch(strict, 20), found)


def test_the_article_s_heads_learn_to_decide_a_slot_at_once():
    """What is drawn from them costs less after some training than at first."""
    problem, learner = load(density=0.9), build("a2c", heads="slot", batch=24, rate=3e-3)
    run = Training(problem=problem, max_steps=81, seed=1)
    net = fit(learner, run)
    paid = [point["reward"] for point in run.curve]
    assert paid[-1] > 0.96 * paid[0]
    per_task(problem, batch(problem, 5), decided(learner, net, problem, batch(problem, 5)))
    assert "heads=task" in learner.refuses(load(forwarding="bits"))


@pytest.mark.parametrize("name", NAMES)
def test_one_network_serves_all_densities_and_sizes(name):
    """It trains on a spread of densities, and decides where there are more devices and servers."""
    learner, net = trained(name, load(), 2, batch=8, width=16)
    drawn = learner.drawn(load(), 50, np.random.default_rng(0))
    assert drawn["density"].min() < 0.4 < 0.8 < drawn["density"].max()
    for fields in ({"regions": (4, 3, 5)}, {"regions": (3,)}):
        other = load(**fields)
        per_task(other, batch(other, 5), decided(learner, net, other, batch(other, 5)))


@pytest.mark.parametrize("name", NAMES)
def test_the_article_s_reward_can_be_learnt_too(name):
    problem = load()
    weights = [
        torch.cat(
            [p.reshape(-1) for p in trained(name, problem, 3, reward=r, batch=32)[1].parameters()]
        )
        for r in ("cost", "article")
    ]
    assert not torch.equal(*weights)
    assert "article" in build(name, reward="nothing").refuses(problem)


def test_shared_adam_is_adam():
    torch.manual_seed(0)
    nets = [torch.nn.Linear(3, 2), torch.nn.Linear(3, 2)]
    nets[1].load_state_dict(nets[0].state_dict())
    kinds = [Adam(nets[0].parameters(), 0.01), SharedAdam(nets[1].parameters(), 0.01)]
    seen = torch.randn(5, 3)
    for _ in range(4):
        for net, kind in zip(nets, kinds, strict=True):
            kind.descend(net(seen).square().sum())
    assert torch.equal(kinds[0].values, kinds[1].values)
    assert kinds[1].count == 4


def begin(folder, tensors):
    """Rounds that add their number to a shared tensor; number 3 kills its worker, once."""

    def one(number, progress):
        mark = os.path.join(folder, "killed")
        if number == 3 and not os.path.exists(mark):
            open(mark, "w").close()
            os.kill(os.getpid(), signal.SIGKILL)
        tensors[0][number] += 1
        return {"number": float(number), "pid": float(os.getpid())}

    return one


def test_a_killed_worker_loses_its_round_which_is_played_again(tmp_path):
    """All rounds come back, each once, from two workers and one that took a place."""
    shared = torch.zeros(10).share_memory_()
    crew = Crew(2, Told(begin, (str(tmp_path),), [shared]), 0, 10)
    try:
        found = [crew.round(0.0) for _ in range(10)]
    finally:
        crew.end()
    assert sorted(one["number"] for one in found) == list(range(10))
    assert shared.tolist() == [1.0] * 10
    assert crew.lost == 1
    assert len({one["pid"] for one in found}) >= 2


def dying(tensors):
    """A worker that never gets as far as a round."""
    os.kill(os.getpid(), signal.SIGKILL)


def test_workers_that_only_die_are_not_replaced_for_ever():
    crew = Crew(2, Told(dying, (), [torch.zeros(1)]), 0, 10)
    try:
        with pytest.raises(UserError, match="workers=1"):
            crew.round(0.0)
    finally:
        crew.end()


def test_two_workers_train_one_network_and_go_on_from_its_file(tmp_path):
    problem, learner = load(slots=3), build("a3c", workers=2, batch=4, width=16)
    before = fit(learner, Training(problem=problem, max_steps=0, seed=1))
    run = Training(problem=problem, max_steps=21, seed=1)
    net = fit(learner, run)
    assert [point["step"] for point in run.curve] == [0, 20]
    moved = [
        float((a - b).detach().abs().max())
        for a, b in zip(net.parameters(), before.parameters(), strict=True)
    ]
    assert min(moved) > 0
    assert not any(parameter.is_shared() for parameter in net.parameters())
    learners.save(tmp_path / "half.zip", learner, net, run)
    file = learners.Checkpoint.read(tmp_path / "half.zip")
    assert file.state["parts"]["optimiser"]["count"] > 10


def test_where_no_process_may_be_started_the_workers_are_one(monkeypatch):
    monkeypatch.setattr("toolkit.learners.a3c.Crew", None)
    process = torch.multiprocessing.current_process()
    monkeypatch.setitem(process._config, "daemon", True)
    run = Training(problem=load(slots=2), max_steps=2, seed=1)
    fit(build("a3c", workers=2, batch=4, width=16), run)
    assert run.step == 2


@pytest.mark.parametrize("name", NAMES)
def test_problems_without_queues_are_refused_in_words(name):
    for other in ("cpdrl", "dgl", "e2ehco_migration"):
        assert "queues" in build(name).refuses(problems.load(other, "tiny"))
    assert build(name).refuses(load()) is None


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        *itertools.product(
            NAMES,
            [
                {"width": 0},
                {"modes": 4},
                {"rate": 0.0},
                {"discount": 1.5},
                {"densities": [0.9, 0.3]},
                {"batch": 0},
            ],
        ),
        *itertools.product(("a2c", "a3c"), [{"heads": "user"}, {"entropy": -1.0}]),
        ("a2c", {"trace": 2.0}),
        ("a3c", {"workers": 0}),
        ("a3c", {"n_steps": 0}),
        ("dqn", {"explore": -0.1}),
    ],
)
def test_parameters_without_sense_are_refused(name, wrong):
    with pytest.raises(UserError, match=next(iter(wrong))):
        build(name, **wrong)
