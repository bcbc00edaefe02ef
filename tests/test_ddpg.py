"""The paper's four methods: their parts as specified, and the solver that learns."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from toolkit import learners, problems, solvers
from toolkit.errors import UserError
from toolkit.instances import rng_for
from toolkit.learners import Training, fit
from toolkit.learners._adam import Adam, flushed
from toolkit.learners._ddpg import Agent, Shares, Walk, bit, inconsistency, mask
from toolkit.learners._replay import Replay
from toolkit.problems.cpdrl.paper_mdp import PaperMdp, consistency
from toolkit.solvers import Budget, Probe, Stop, _check

METHODS = ["ddpg", "ste_ddpg", "aste_ddpg", "cpdrl"]
MASKED = ["aste_ddpg", "cpdrl"]
TINY = problems.load("cpdrl", "tiny")


def run(learner: str, instance, seed=0, evaluations=150):
    solver = solvers.registry.build("learn", learner=learner, evaluations=evaluations)
    probe = Probe(TINY, instance, Budget(), np.random.default_rng(seed))
    return probe.certify(solver.solve(TINY, instance, probe))


def batch(*instances):
    return {k: np.stack([i.data[k] for i in instances]) for k in instances[0].data}


def walk(name: str, **params) -> Walk:
    """A run whose memory holds 80 steps."""
    learner = learners.registry.build(name, **params)
    torch.manual_seed(1)
    net = learner.build(TINY)
    one = Walk(learner, net, Training(problem=TINY, max_steps=1000), batch(TINY.instance(0)))
    for step in range(80):
        one.step(step)
    return one


# --- (15), (16), (18)


def test_the_straight_through_bit_is_exact_and_has_the_soft_gradient():
    soft = torch.tensor([0.0, 0.3, 0.4999, 0.5, 0.7, 1.0], requires_grad=True)
    hard = bit(soft)
    assert hard.tolist() == [0, 0, 0, 1, 1, 1]
    weight = torch.arange(6.0)
    assert torch.equal(torch.autograd.grad((weight * hard).sum(), soft)[0], weight)


def test_only_plain_ddpg_shows_the_critic_a_soft_bit():
    logits = torch.tensor([[1.0, -2.0, 0.5, -0.1] + 12 * [0.0]])
    for name in METHODS:
        seen = learners.registry.build(name).action(logits).bits
        expected = (
            torch.sigmoid(logits[:, :4]) if name == "ddpg" else torch.tensor([[1, 0, 1, 0.0]])
        )
        assert torch.equal(seen, expected)


def test_the_gradient_of_a_masked_bit_is_that_of_all_that_it_opens():
    logits = torch.linspace(-1, 1, 16, requires_grad=True)
    soft = torch.sigmoid(logits).detach()
    action = learners.registry.build("aste_ddpg", least_power=0).action(logits)
    slope = torch.autograd.grad(sum(part.sum() for part in action), logits)[0]
    _, bandwidth, power, frequency = soft.split(4)
    expected = soft[:4] * (1 - soft[:4]) * (1 + bandwidth + power - frequency)
    assert torch.allclose(slope[:4], expected, atol=1e-6)
    assert torch.equal(slope[4:8], torch.zeros(4))  # these bits are 0: no bandwidth, no gradient


@pytest.mark.parametrize("name", MASKED)
@pytest.mark.parametrize("bandwidth", ["normalise", "cap", "free"])
@given(logits=hnp.arrays(np.float32, (3, 16), elements=st.floats(-1e6, 1e6, width=32)))
@settings(max_examples=60, deadline=None)
def test_masks_make_11_hold_for_every_action(name, bandwidth, logits):
    learner = learners.registry.build(name, bandwidth=bandwidth)
    data = TINY.instance(0).data
    mdp = learner.mdp(TINY, data)
    action = torch.stack(learner.action(torch.from_numpy(logits).double()), -2).numpy()
    assert np.all(consistency(action) == 1)
    judged = TINY.evaluate(data, mdp.decision(action))
    assert np.all(judged.violations["consistency"] == 0)
    if bandwidth != "free":
        assert np.all(judged.violations["bandwidth"] <= 1e-9)


def test_without_the_mask_nobody_keeps_to_11_and_local_users_waste_bandwidth():
    logits = torch.tensor([1.0, -1.0, -1.0, -1.0] + 12 * [0.0]).double()
    shares = {}
    for name in METHODS:
        learner = learners.registry.build(name)
        action = torch.stack(learner.action(logits), -2).numpy()
        assert consistency(action) == (1 if name in MASKED else 0)
        decision = learner.mdp(TINY, TINY.instance(0).data).decision(action)
        shares[name] = decision["bandwidth"] / TINY.bandwidth
    assert np.allclose(shares["ste_ddpg"], [0.25, 0, 0, 0])
    assert np.allclose(shares["aste_ddpg"], [1, 0, 0, 0])


def test_power_goes_up_in_equal_ratios_from_the_least():
    logits = torch.zeros(1, 12)
    logits[0, 6:9] = torch.tensor([-100.0, 0.0, 100.0])  # three users
    shares = learners.registry.build("ste_ddpg", least_power=0.04).action(logits)
    assert torch.allclose(shares.power, torch.tensor([[0.04, 0.2, 1.0]]), atol=1e-5)
    linear = learners.registry.build("ste_ddpg", least_power=0).action(logits)
    assert torch.allclose(linear.power, torch.tensor([[0.0, 0.5, 1.0]]), atol=1e-5)
    for part in ("bits", "bandwidth", "frequency"):
        assert torch.equal(getattr(shares, part), getattr(linear, part))


def test_noise_falls_from_first_to_last_for_bits_and_the_rest_apart():
    one = walk("cpdrl", noise=2.0, noise_end=0.5, bit_noise=3.0, bit_noise_end=1.0)
    assert one.loud.tolist() == 4 * [3.0] + 12 * [2.0]
    assert one.quiet.tolist() == 4 * [1.0] + 12 * [0.5]


def test_the_penalty_18_turns_bits_and_leaves_resources_alone():
    parts = [torch.full((1, 2), v, requires_grad=True) for v in (0.0, 0.3, 0.2, 0.9)]
    raw = Shares(*parts)
    assert inconsistency(raw).item() == pytest.approx(0.5)  # local: bandwidth and power
    assert inconsistency(raw._replace(bits=torch.ones(1, 2))).item() == pytest.approx(0.9)
    inconsistency(raw).sum().backward()
    assert torch.allclose(parts[0].grad, torch.full((1, 2), (0.9 - 0.5) / 2))
    assert all(part.grad is None for part in parts[1:])
    assert inconsistency(mask(raw._replace(bits=torch.ones(1, 2)))).item() == 0


def test_the_actors_loss_is_19():
    state = torch.rand(1, 5, 8)
    plain, held = walk("aste_ddpg"), walk("cpdrl", penalty=0.5)
    held.net.load_state_dict(plain.net.state_dict())
    raw = plain.learner.raw(plain.net.actor(state))
    value = plain.value(state, *mask(raw)).mean()
    assert plain.actor_loss(state).item() == pytest.approx(-value.item())
    extra = (held.actor_loss(state) - plain.actor_loss(state)).item()
    assert extra == pytest.approx(0.5 * inconsistency(raw).mean().item(), abs=1e-6)


# --- (17)


def test_on_time_the_reward_is_the_bonus_less_the_objective():
    data = TINY.instance(0).data
    action = np.array([[1, 0, 1, 0], [0.5, 0, 0.5, 0], [0.1, 0, 0.1, 0], [0, 1, 0, 1.0]])
    decision = PaperMdp(TINY, data).decision(action)
    judged = TINY.evaluate(data, decision)
    assert judged.violation == 0
    for options in ({}, {"clip": 1.5}, {"bonus": 0.1}):
        mdp = PaperMdp(TINY, data, **options)
        reward = mdp.reward(action, decision, mdp.outcome(decision))
        assert reward == pytest.approx(mdp.bonus - judged.objective, rel=1e-12)


def test_lateness_counts_once_as_meant_and_pays_as_printed():
    data = TINY.instance(0).data
    action = np.stack([np.zeros(4), np.zeros(4), np.zeros(4), np.array([1, 1, 1, 0.1])])
    decision = PaperMdp(TINY, data).decision(action)
    objective = TINY.evaluate(data, decision).objective
    outcome = PaperMdp(TINY, data).outcome(decision)
    late = outcome[:, 0] - data["deadline"]
    assert late[3] > 0 > late[:3].max()
    meant = PaperMdp(TINY, data).reward(action, decision, outcome)
    assert meant == pytest.approx(-objective - late[3], rel=1e-12)
    printed = PaperMdp(TINY, data, letter=True).reward(action, decision, outcome)
    assert printed == pytest.approx(-objective - late.sum(), rel=1e-12)
    clipped = PaperMdp(TINY, data, clip=1.5)
    seen = clipped.outcome(decision)
    assert seen.max() == 1.5 * data["deadline"] < outcome.max()
    reward = clipped.reward(action, decision, seen)
    assert reward == pytest.approx(-seen.sum() - 0.5 * data["deadline"], rel=1e-12)


def test_bandwidth_beyond_b_costs_its_excess():
    action = np.stack([np.ones(4), np.full(4, 0.5), np.full(4, 0.1), np.zeros(4)])
    mdp = PaperMdp(TINY, TINY.instance(0).data, bandwidth="free")
    decision = mdp.decision(action)
    assert decision["bandwidth"].sum() == pytest.approx(2 * TINY.bandwidth)
    objective = TINY.judge(mdp.data, decision).objective
    reward = mdp.reward(action, decision, mdp.outcome(decision))
    assert reward == pytest.approx(-objective - 1.0, rel=1e-12)


def test_the_first_state_is_everybody_local_at_full_speed():
    data = TINY.instance(0).data
    delay, energy = PaperMdp(TINY, data).start().T
    work = data["size"] * data["cycles"]
    assert np.allclose(delay, work / data["f_max"])
    assert np.allclose(energy, data["kappa"] * work * data["f_max"] ** 2)


# --- the machinery


def test_the_memory_wraps_and_gives_back_what_it_holds():
    memory = Replay(2, 3, [1])
    for value in range(5):
        memory.add(np.array([[value], [10 + value]]))
    assert len(memory) == 3
    torch.manual_seed(0)
    (rows,) = memory.sample(200)
    assert set(rows[0].ravel().tolist()) == {2, 3, 4}
    assert set(rows[1].ravel().tolist()) == {12, 13, 14}
    other = Replay(2, 3, [1])
    other.load_state_dict(memory.state_dict())
    for one in (memory, other):
        one.add(np.array([[5], [15]]))
        assert set(one.sample(200)[0][0].ravel().tolist()) == {3, 4, 5}


def test_a_memory_that_is_not_full_gives_only_what_it_has():
    memory = Replay(1, 100, [1, 2])
    memory.add(np.array([[7.0]]), torch.tensor([[8.0, 9.0]]))
    one, two = memory.sample(50)
    assert one.shape == (1, 50, 1)
    assert one.unique().tolist() == [7.0]
    assert two.reshape(-1, 2).unique(dim=0).tolist() == [[8.0, 9.0]]


def test_adam_is_that_of_torch():
    torch.manual_seed(0)
    ours = [torch.nn.Parameter(torch.randn(shape)) for shape in ((3, 2), (2,))]
    theirs = [torch.nn.Parameter(p.detach().clone()) for p in ours]
    adam, reference = Adam(ours, 0.01), torch.optim.Adam(theirs, 0.01)
    inputs = torch.randn(20, 5, 3)

    def loss(net, x):
        return (torch.tanh(x @ net[0] + net[1]) - x[:, :2]).square().mean()

    for x in inputs:
        adam.descend(loss(ours, x))
        reference.zero_grad()
        loss(theirs, x).backward()
        reference.step()
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(ours, theirs, strict=True))


def test_small_numbers_are_flushed_only_while_learning():
    def tiny() -> bool:
        return bool(torch.tensor(1e-40) * 1.0 == 0.0)

    before = tiny()
    with flushed():
        assert tiny()
    assert tiny() == before
    with pytest.raises(KeyError), flushed():
        raise KeyError
    assert tiny() == before


def test_the_target_looks_ahead_by_gamma_through_the_slow_copies():
    one = walk("cpdrl", gamma=0.5)
    reward, after = torch.rand(1, 6, 1), torch.rand(1, 6, 8)
    for parameter in [*one.net.actor.parameters(), *one.net.critic.parameters()]:
        parameter.data.zero_()  # the fast nets have no say
    action = one.learner.action(one.net.slow_actor(after))
    later = one.net.slow_critic(torch.cat([after, *action], -1))
    assert torch.allclose(one.target(reward, after), reward + 0.5 * later)
    assert torch.equal(walk("cpdrl", gamma=0.0).target(reward, after), reward)


def test_slow_copies_go_a_share_of_the_way():
    net = Agent(2, (3,))
    before = net.slow_actor.layers[0][0].detach().clone()
    net.actor.layers[0][0].data += 1.0
    net.follow(0.25)
    assert torch.allclose(net.slow_actor.layers[0][0], before + 0.25)


def test_an_update_lowers_the_critics_error_and_then_the_actors_loss():
    one = walk("cpdrl", batch=32)
    state, action, reward, _ = one.replay.sample(80)

    def error() -> float:
        return (one.value(state, action) - reward).square().mean().item()

    before = error()
    for _ in range(60):
        one.update()
    assert error() < 0.5 * before
    one.critic.rate = 0.0
    critic = [p.detach().clone() for p in one.net.critic.parameters()]
    before = one.actor_loss(state).item()
    for _ in range(20):
        one.update()
    assert one.actor_loss(state).item() < before
    assert all(map(torch.equal, critic, one.net.critic.parameters()))


def test_replicas_do_not_hear_of_each_other():
    learner = learners.registry.build("cpdrl", batch=8, width=(8,))
    weights = []
    for other in (1, 2):
        torch.manual_seed(0)
        net = learner.build(TINY, 2)
        data = batch(TINY.instance(0), TINY.instance(other))
        learner.explore(net, Training(problem=TINY, max_steps=30), data, lambda decision: None)
        weights.append([p.detach()[i].clone() for p in net.actor.parameters() for i in (0, 1)])
    same = [torch.equal(a, b) for a, b in zip(*weights, strict=True)]
    assert all(same[::2])
    assert not any(same[1::2])


def test_the_curve_has_a_point_an_episode():
    learner = learners.registry.build("cpdrl", episode=40, batch=16, width=(8,))
    one = Training(problem=TINY, max_steps=100)
    fit(learner, one)
    assert [point["step"] for point in one.curve] == [39, 79]
    assert all({"reward", "critic_loss", "critic_loss_variance"} <= set(p) for p in one.curve)
    assert one.curve[1]["critic_loss"] < one.curve[0]["critic_loss"]


# --- settings


def test_the_preset_paper_is_table_1_and_what_is_given_wins():
    paper = learners.registry.build("cpdrl", preset="paper").settings
    assert (paper.actor_rate, paper.critic_rate, paper.gamma) == (1e-4, 1e-4, 0.85)
    assert (paper.width, paper.batch, paper.buffer) == ((24, 16), 64, 100_000)
    assert (paper.noise, paper.noise_end, paper.tau_soft, paper.clip) == (1.0, 1.0, 0.005, 0)
    assert (paper.bit_noise, paper.bit_noise_end, paper.least_power) == (1.0, 1.0, 0)
    mixed = learners.registry.build("cpdrl", preset="paper", gamma=0, width=[5])
    assert (mixed.settings.gamma, mixed.settings.width) == (0, (5,))
    assert mixed.settings.actor_rate == 1e-4
    assert learners.registry.build("cpdrl").settings.gamma == 0


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"preset": "papr"}, "preset is 'papr'"),
        ({"gamma": 1.0}, "gamma is 1.0"),
        ({"actor_rate": 0}, "actor_rate is 0"),
        ({"batch": 0.5}, "batch is 0.5"),
        ({"width": []}, "width is"),
        ({"bandwidth": "all"}, "bandwidth is 'all'"),
        ({"reward": "word"}, "reward is 'word'"),
        ({"clip": -1}, "clip is -1"),
        ({"bit_noise_end": 0}, "bit_noise_end is 0"),
        ({"least_power": 1}, "least_power is 1"),
        ({"batch": True}, "batch is True"),
        ({"episode": -3}, "episode is -3"),
        ({"buffer": 0}, "buffer is 0"),
        ({"buffer": 10}, "batch is 64, but the buffer holds 10"),
        ({"buffer": 10**15}, "buffer is 10{15}"),
        ({"width": 8}, "width is 8"),
        ({"width": "88"}, "width is '88'"),
        ({"width": [8, 0]}, "width is .8, 0"),
        ({"width": [8, "a"]}, "width is .8, 'a'"),
        ({"bandwidth": ["cap"]}, "bandwidth is .'cap'"),
    ],
)
def test_settings_that_make_no_sense_are_a_sentence(params, says):
    with pytest.raises(UserError, match=says) as told:
        learners.registry.build("ddpg", **params)
    assert str(told.value).endswith(".")


NUMBERS = ["actor_rate", "critic_rate", "gamma", "tau_soft", "noise", "noise_end", "bit_noise"]
NUMBERS += ["bit_noise_end", "clip", "bonus", "penalty", "least_power"]


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", ["nan", "inf", "NaN", "Infinity", "-Infinity", "1e999", "1e300"])
def test_numbers_that_are_none_are_a_sentence_for_the_solver_too(name, value):
    with pytest.raises(UserError, match=f"{name} is .*; it must"):
        solvers.registry.build("learn", learner=f"cpdrl[{name}={value}]")


def test_the_wildest_settings_that_are_taken_give_an_answer():
    wild = "cpdrl[actor_rate=1e6,critic_rate=1e6,noise=1e6,bonus=1e6,penalty=1e6,batch=4,gamma=0.9]"
    result = run(wild, TINY.instance(0), evaluations=60)
    assert result.evaluations == 60


# --- the solver


@pytest.mark.parametrize("name", METHODS)
def test_each_method_beats_a_random_decision(name):
    for index in range(2):
        instance = TINY.instance(index)
        probe = Probe(TINY, instance, Budget(), rng_for("chance", index))
        solvers.registry.build("random_search", evaluations=1).solve(TINY, instance, probe)
        assert run(name, instance).objective < probe.loss


@pytest.mark.parametrize("name", METHODS)
def test_two_runs_are_equal_and_leave_torch_alone(name):
    found = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        before = torch.get_rng_state()
        found.append(run(name, TINY.instance(0), seed=7))
        assert torch.equal(torch.get_rng_state(), before)
    assert found[0].objective == found[1].objective
    assert found[0].details["final"] == found[1].details["final"]
    assert found[0].details["final"] != run(name, TINY.instance(0), seed=8).details["final"]


@pytest.mark.parametrize("name", ["ddpg[batch=4]", "cpdrl[batch=4,preset=paper]"])
@pytest.mark.parametrize("check", _check.CHECKS, ids=lambda fn: fn.__name__)
def test_the_solver_keeps_to(check, name):
    """Budgets, seeds and claims, as for every other solver."""
    solver = solvers.registry.build("learn", learner=name, evaluations=40)
    found = _check.trial_of(solver, TINY)
    assert found is not None
    check(found)


def test_the_budget_counts_the_final_policy_which_the_details_report():
    result = run("cpdrl", TINY.instance(0), evaluations=150)
    assert (result.evaluations, result.stop) == (150, Stop.FINISHED)
    said = result.details
    assert said["explored"] == 149
    assert 0 < said["explored_feasible"] <= 1
    final = said["final"]
    assert final["feasible"] == (final["violation"] <= 1e-6)
    assert not final["feasible"] or final["objective"] >= result.objective
    assert set(said["choice"]) <= {"0", "1"}
    assert said["uniform"] == (len(set(said["choice"])) == 1)


def test_the_final_policy_is_what_act_says():
    """With a single evaluation nothing is learnt: the untrained policy decides."""
    instance = TINY.instance(0)
    said = run("cpdrl", instance, seed=3, evaluations=1).details
    learner = learners.registry.build("cpdrl")
    torch.manual_seed(int(np.random.default_rng(3).integers(2**62)))
    decision = learner.act(learner.build(TINY), TINY, batch(instance))
    judged = TINY.evaluate(instance.data, {k: v[0, 0] for k, v in decision.items()})
    assert said["final"]["objective"] == pytest.approx(float(judged.objective), rel=1e-12)
    assert said["explored_feasible"] is None


def test_learn_says_why_it_refuses():
    instance = TINY.instance(0)
    assert "no learner is named" in solvers.registry.build("learn").refuses(TINY, instance)
    other = solvers.registry.build("learn", learner="imitate")
    assert "does not learn while it decides" in other.refuses(TINY, instance)
    with pytest.raises(UserError, match="did you mean 'cpdrl'"):
        solvers.registry.build("learn", learner="cpdlr")
    with pytest.raises(UserError, match="called 'gama'"):
        solvers.registry.build("learn", learner="cpdrl[gama=0]")
