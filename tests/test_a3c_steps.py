"""Double offloading step by step: what a choice costs, what is seen and paid, rules, playing it."""

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import toolkit
from toolkit import problems
from toolkit.envs import RolloutEnv, RolloutVectorEnv
from toolkit.errors import UserError
from toolkit.instances import rng_for
from toolkit.problems.a3c import prices
from toolkit.problems.a3c.dynamics import Episodes
from toolkit.problems.a3c.queues import Tables
from toolkit.problems.a3c.tuned import PRICES

DISCIPLINES = ("own-first", "fcfs")
KINDS = ("single", "bits", "double")


@pytest.fixture(autouse=True)
def _little_tuning(monkeypatch):
    """Laws that no preset has cost a second each otherwise."""
    monkeypatch.setattr(prices, "EFFORT", 2_000)


def short(**given):
    """Three regions, slow servers and detours: queues, and arrivals that overtake each other."""
    usual = {"regions": (3, 2, 1), "slots": 5, "density": 0.8, "server_cpu": 1.2e9}
    return problems.load("a3c", "clean", **{**usual, "forward_delay": 0.4, **given})


def played(play: Episodes, act) -> np.ndarray:
    """The rewards (steps, *batch) of acting until the end."""
    paid = []
    while play.at < play.steps:
        paid.append(play.step(act(play)))
    return np.array(paid)


def wild(rng, rows):
    return lambda play: play.consistent(play.space.sample(rng, (rows,)))


def least(play):
    """Greedily."""
    return {"mode": play.observe("marginal")["marginal"].argmin(-1)}


# --- what a choice costs


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("discipline", DISCIPLINES)
@pytest.mark.parametrize("scale", ["task", "slot"])
def test_rewards_add_up_to_the_cost(scale, discipline, kind):
    for detour in (0.0, 0.4, 2.5):
        problem = short(discipline=discipline, forwarding=kind, forward_delay=detour)
        data = problem.sample(rng_for("sum", detour), (16,))
        play = problem.dynamics(data, scale)
        paid = played(play, wild(rng_for("actions"), 16))
        found = problem.evaluate(data, play.decision())
        np.testing.assert_allclose(-paid.sum(0), found.objective, rtol=0, atol=1e-9)
        assert found.feasible().all()


@pytest.mark.parametrize("preset", ["tiny", "clean", "large", "wide", "lattice", "as-published"])
def test_rewards_of_presets_add_up_to_the_cost(preset):
    problem = problems.load("a3c", preset)
    data = problem.sample(rng_for("presets"), (2,))
    play = problem.dynamics(data)
    paid = played(play, wild(rng_for("actions"), 2))
    found = problem.evaluate(data, play.decision())
    np.testing.assert_allclose(-paid.sum(0), found.objective, rtol=1e-12, atol=1e-9)


@pytest.mark.parametrize("discipline", DISCIPLINES)
def test_marginal_costs_and_delays_are_those_of_the_judge(discipline):
    """… of the same episode in which no task comes after this one."""
    problem = short(discipline=discipline)
    data = problem.sample(rng_for("marginal"))
    play, rng = problem.dynamics(data), rng_for("choices")
    cells = np.flatnonzero(data["has"])
    for at, cell in enumerate(cells):
        seen, before = play.observe(), play.decision()["target"]
        cut = {**data, "has": np.where(np.arange(30).reshape(5, 6) <= cell, data["has"], 0.0)}
        less = {**cut, "has": np.where(np.arange(30).reshape(5, 6) < cell, data["has"], 0.0)}
        base = problem.judge(less, {"target": before}).objective
        for mode in range(4):
            target = before.copy()
            target.flat[cell] = seen["server"][mode - 1] + 1 if mode else 0
            rise = problem.judge(cut, {"target": target}).objective - base
            assert seen["marginal"][mode] == pytest.approx(rise, abs=1e-10)
            done = Tables.of(cut).play(target, times=True)[1].flat[cell]
            assert seen["delay"][mode] == pytest.approx(done - seen["slot"], abs=1e-10)
        paid = play.step({"mode": rng.integers(4)})
        assert play.at == at + 1
        assert abs(paid + seen["marginal"]).min() < 1e-12
    assert play.at == play.steps


def test_a_foreign_task_costs_more_once_own_ones_come_after_it():
    """So its cost is not booked when it is decided: own tasks pay for the wait that they cause."""
    problem = short(regions=(1, 2), slots=1, density=1.0, spread=0.0, forward_delay=0.0)
    data = problem.sample(rng_for("foreign"))
    data["rate"] = np.array([5e7, 8e7, 4e7])  # the foreign task comes between the two own ones
    play = problem.dynamics(data)
    first = -play.step({"mode": 2})
    alone = {**data, "has": np.array([[1.0, 0.0, 0.0]])}
    target = {"target": np.array([[2.0, 0.0, 0.0]])}
    assert first == pytest.approx(float(problem.judge(alone, target).objective))
    later = [play.observe("delay", "marginal") for _ in range(2) if play.step({"mode": 1}) < 0]
    assert later[0]["marginal"][1] > 0.5 * later[0]["delay"][1] + 0.1


def test_what_is_pending_is_seen_with_what_is_in_flight():
    problem = short(slots=2, density=1.0, forward_delay=2.0, spread=0.0)
    play = problem.dynamics(problem.sample(rng_for("flight")))
    work = 1e9 / 1.2e9
    for mode, where in ((1, (0, 1)), (2, (1, 2)), (2, (2, 2)), (0, None)):
        server = int(play.observe("server")["server"][mode - 1])
        play.step({"mode": mode})
        seen = play.observe("work", "server")
        if where:
            assert server == where[0]  # at equal loads the first, then the least loaded
            row = list(seen["server"]).index(server)
            assert seen["work"][row, where[1]] == pytest.approx(work)
    assert play.observe("work")["work"].sum() == pytest.approx(3 * work)


# --- what is seen


@pytest.mark.parametrize("scale", ["task", "slot"])
def test_an_observation_never_shows_the_future(scale):
    """Two episodes that differ from slot 3 on only look alike until then."""
    problem = short()
    data = problem.sample(rng_for("future"), (1,))
    data = {key: np.repeat(value, 2, 0) for key, value in data.items()}
    for key in ("has", "bits", "cycles"):
        data[key][1, 3:] = data[key][1, 3:, ::-1]
    play, alike = problem.dynamics(data, scale), 0
    while play.at < play.steps:
        seen = play.observe()
        if (seen["slot"] < 3).all():
            alike += 1
            assert all(np.array_equal(v[0], v[1]) for v in seen.values())
        play.step({v.name: np.ones((2, *v.shape)) for v in play.space.vars})
    assert alike == (data["has"][0, :3].sum() if scale == "task" else 3)
    assert not np.array_equal(data["has"][0], data["has"][1])


@pytest.mark.parametrize("scale", ["task", "slot"])
def test_a_row_is_what_it_is_alone(scale):
    """Rows with fewer tasks than others wait at the end, and what was seen stays as it was."""
    problem = short(density=0.4)
    data = problem.sample(rng_for("alone"), (2, 3))
    many = problem.dynamics(data, scale)
    wide, seen = [], []
    while many.at < many.steps:
        seen.append(many.observe())
        wide.append(many.step(least(many)))
    assert many.observe()["left"].shape == (2, 3)
    for i in np.ndindex(2, 3):
        one = problem.dynamics({key: value[i] for key, value in data.items()}, scale)
        for t in range(one.steps):
            for key, value in one.observe().items():
                assert np.array_equal(value, seen[t][key][i]), key
            assert one.step(least(one)) == wide[t][i]
        assert not any(rest[i] for rest in wide[one.steps :])
        np.testing.assert_array_equal(one.decision()["target"], many.decision()["target"][i])


def test_an_episode_without_tasks_has_a_step_that_does_nothing():
    problem = short(density=0.0)
    play = problem.dynamics(problem.sample(rng_for("none"), (2,)))
    assert play.steps == 1
    assert not play.observe()["has"].any()
    assert not played(play, least).any()


# --- actions


@pytest.mark.parametrize("scale", ["task", "slot"])
def test_consistent_actions_are_allowed_and_stay(scale):
    """Also in a batch whose rows have different limits."""
    problem = short(density=1.0)
    data = problem.sample(rng_for("mixed"), (30,))
    data["forwarding"] = np.arange(30) % 3.0
    play, rng = problem.dynamics(data, scale), rng_for("any")
    changed = np.zeros(30, bool)
    while play.at < play.steps:
        raw = play.space.sample(rng, (30,))
        action = play.consistent(raw)
        np.testing.assert_array_equal(play.consistent(action)["mode"], action["mode"])
        changed |= (action["mode"] != raw["mode"]).reshape(30, -1).any(-1)
        play.step(action)
    assert problem.evaluate(data, play.decision()).feasible().all()
    np.testing.assert_array_equal(changed, data["forwarding"] < 2)


def test_bits_send_all_tasks_of_a_server_and_slot_to_the_least_loaded_other_one():
    problem = short(forwarding="bits", density=1.0, slots=2, forward_delay=0.0)
    data = problem.sample(rng_for("bits"))
    play = problem.dynamics(data, "slot")
    assert [v.name for v in play.space.vars] == ["offload", "forward"]
    play.step({"offload": np.array([1, 0, 1, 0, 0, 0]), "forward": np.zeros(3)})
    assert play.decision()["target"][0].tolist() == [1, 0, 1, 0, 0, 0]
    everything = {"offload": np.ones(6), "forward": np.array([1, 0, 1])}
    play.step(play.consistent({key: value * 0.8 for key, value in everything.items()}))
    # server 1 has nothing: others send to it; for its own tasks it is the own one
    assert play.decision()["target"][1].tolist() == [2, 2, 2, 2, 2, 2]
    assert problem.evaluate(data, play.decision()).feasible()


@pytest.mark.parametrize("value", [3, -1, 0.5, np.nan, [0, 0, 0], None, "own"])
@pytest.mark.parametrize("scale", ["task", "slot"])
def test_wrong_actions_are_refused_in_a_sentence(scale, value):
    problem = short(slots=2, regions=(2, 1), density=1.0)  # modes 0, 1 and 2
    play = problem.dynamics(problem.sample(rng_for("wrong"), (2,)), scale)
    wrong = np.array([value, value])
    if scale == "slot" and np.ndim(value) == 0:
        wrong = np.repeat(wrong[:, None], 3, axis=-1)
        wrong[:, :2] = 0
    with pytest.raises(UserError, match="'mode' must hold"):
        play.step({"mode": wrong[:, :-1] if np.ndim(value) and scale == "slot" else wrong})
    with pytest.raises(UserError, match="lacks 'mode'"):
        play.step({"target": wrong})
    assert not play.at
    assert not play.decision()["target"].any()
    if value is None or value != value:
        with pytest.raises(UserError, match="'mode' must hold numbers"):
            play.consistent({"mode": wrong})


def test_bits_that_are_none_and_steps_too_many_are_refused():
    problem = short(slots=1, forwarding="bits")
    play = problem.dynamics(problem.sample(rng_for("bits")), "slot")
    with pytest.raises(UserError, match="'forward' must hold whole numbers from 0 to 1"):
        play.step({"offload": np.ones(6), "forward": np.full(3, 2)})
    play.step({"offload": np.ones(6), "forward": np.zeros(3)})
    with pytest.raises(UserError, match="no step left"):
        play.step({"offload": np.ones(6), "forward": np.zeros(3)})


def test_names_that_nothing_has_are_refused_in_a_sentence():
    problem = short(slots=1)
    data = problem.sample(rng_for("names"))
    with pytest.raises(UserError, match="No rule of 'a3c' is called 'foo'; known: drift, "):
        problem.follow(data, "foo", rng_for(0))
    with pytest.raises(UserError, match="No rule"):
        problem.follow(data, "own-single", rng_for(0))
    with pytest.raises(UserError, match="'workk'; did you mean 'work'"):
        problem.dynamics(data).observe("workk")
    with pytest.raises(UserError, match="give task or slot"):
        problem.dynamics(data, "zork")
    for burst in ((1,), (3, 3), ("a", 2), 4):
        with pytest.raises(UserError, match="burst"):
            problem.dynamics(data, burst=burst)


def test_in_a_burst_every_choice_is_the_worst_one():
    problem = short(slots=12)
    data = problem.sample(rng_for("burst"), (4,))
    calm, hurt = problem.dynamics(data), problem.dynamics(data, burst=(4, 7))
    played(calm, least)
    while hurt.at < hurt.steps:
        seen = hurt.observe("slot", "marginal", "has")
        inside = (seen["slot"] >= 4) & (seen["slot"] < 7) & (seen["has"] > 0)
        paid = hurt.step({"mode": seen["marginal"].argmin(-1)})
        wanted = np.where(inside, seen["marginal"].max(-1), seen["marginal"].min(-1))
        np.testing.assert_allclose(-paid, wanted, atol=1e-12)
    before, after = calm.decision()["target"], hurt.decision()["target"]
    np.testing.assert_array_equal(before[:, :4], after[:, :4])
    assert (before[:, 4:7] != after[:, 4:7]).any()
    costs = [problem.evaluate(data, play.decision()).objective for play in (calm, hurt)]
    assert (costs[1] > costs[0]).all()


@pytest.mark.parametrize("kind", KINDS)
def test_a_burst_keeps_within_the_limits(kind):
    problem = short(forwarding=kind)
    data = problem.sample(rng_for("burst"), (8,))
    for scale in problem.timescales:
        play = problem.dynamics(data, scale, burst=(0, 5))
        played(play, wild(rng_for("actions"), 8))
        assert problem.evaluate(data, play.decision()).feasible().all()


def test_a_burst_that_ends_before_it_begins_is_refused():
    problem = short()
    with pytest.raises(UserError, match="give the first slot"):
        problem.dynamics(problem.sample(rng_for(0)), burst=(4, 4))


# --- the article's reward


def article_case():
    """Two devices of server 0, one slot: 1 s on a device, 2 s on a server, 0.1 s to send."""
    problem = short(regions=(2, 1), slots=1, density=1.0, forward_delay=0.0, tolerance=3.0)
    data = problem.sample(rng_for("article"))
    data |= {"bits": np.full((1, 3), 1e7), "cycles": np.full((1, 3), 1e9), "rate": np.full(3, 1e8)}
    data |= {"cpu": np.full(3, 1e9), "server_cpu": np.full(2, 5e8)}
    return problem, data


def test_the_articles_reward_by_hand():
    problem, data = article_case()
    play = problem.dynamics(data, reward="article[bonus=0.7,punishment=4,burden=1.5]")
    local = 0.5 * 1.0 + 0.5 * 1e-27 * 1e9 * 1e18
    own = 0.5 * 2.1 + 0.5 * 0.1 * 0.1
    assert play.step({"mode": 1}) == pytest.approx(local - own)
    # 4.1 s behind the first one is too late; sent on it is 2 s better than kept
    late = problem.dynamics(data, reward="article[punishment=4]")
    late.step({"mode": 1})
    assert late.step({"mode": 1}) == -4
    assert play.step({"mode": 2}) == pytest.approx(local - own + 0.5 * 2.0)
    assert play.step({"mode": 0}) == 0.7  # server 1 has 2 s of work now: its signal is up


def test_the_articles_reward_is_paid_in_both_scales_for_the_same_decisions():
    problem = short(slots=3)
    data = problem.sample(rng_for("same"), (4,))
    tasks = problem.dynamics(data, "task", reward="article")
    modes = iter(rng_for("modes").integers(0, 2, (100, 4)))  # their servers are absolute
    total = played(tasks, lambda play: {"mode": next(modes)}).sum(0)
    slots = problem.dynamics(data, "slot", reward="article")
    target = tasks.decision()["target"]
    again = played(slots, lambda play: {"mode": (target[:, play.at] > 0) * 1.0}).sum(0)
    np.testing.assert_allclose(total, again, atol=1e-12)
    np.testing.assert_array_equal(slots.decision()["target"], target)


def test_wrong_rewards_are_refused_in_a_sentence():
    problem, data = article_case()
    wrong = (
        "best",
        "article[x=1]",
        "cost[bonus=1]",
        "article[bonus=-1]",
        "article[bonus=a]",
        "[",
        3,
    )
    for text in wrong:
        with pytest.raises(UserError):
            problem.dynamics(data, reward=text)


# --- rules


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("discipline", DISCIPLINES)
def test_rules_keep_within_the_limits(kind, discipline):
    problem = short(forwarding=kind, discipline=discipline)
    data = problem.sample(rng_for("limits"), (2, 3))
    own = data["region"][..., None, :] + 1
    for rule in problem.rules:
        decision = problem.follow(data, rule, rng_for(rule))
        found = problem.evaluate(data, decision)
        assert found.objective.shape == (2, 3)
        assert found.feasible().all(), rule
        if rule.endswith("-single"):
            assert ((decision["target"] == 0) | (decision["target"] == own)).all(), rule


def test_simple_rules_do_what_they_say():
    problem = short()
    data = problem.sample(rng_for("simple"), (3,))
    follow = lambda rule: problem.follow(data, rule, rng_for("simple"))["target"]  # noqa: E731
    own = (data["region"][:, None, :] + 1) * data["has"]
    assert not follow("local").any()
    np.testing.assert_array_equal(follow("own"), own)
    balanced = follow("least-loaded")
    assert (balanced[data["has"] > 0] > 0).all()
    assert (balanced != own).any()
    chance = np.bincount(follow("random")[data["has"] > 0].astype(int), minlength=4)
    assert (chance > 0).all()


def test_rules_do_not_peek():
    """What comes from slot 3 on changes nothing before."""
    problem = short()
    data = problem.sample(rng_for("peek"), (8,))
    other = {key: value.copy() for key, value in data.items()}
    for key in ("has", "bits", "cycles"):
        other[key][:, 3:] = problem.sample(rng_for("others"), (8,))[key][:, 3:]
    for rule in problem.rules:
        if "random" not in rule:
            a, b = (problem.follow(d, rule, rng_for(0))["target"] for d in (data, other))
            np.testing.assert_array_equal(a[:, :3], b[:, :3])


# the design's table: mean cost of a task at density 0.3, 0.5, 0.7, 0.9, and its allowances
TABLE = {
    "local": ((1.223, 1.652, 2.468, 3.685), 0.1),
    "own": ((0.491, 0.636, 1.732, 3.533), 0.2),
    "least-loaded": ((0.455, 0.484, 0.536, 0.898), 0.04),
    "jsq-single": ((0.500, 0.552, 0.632, 0.724), 0.015),
    "jsq": ((0.474, 0.498, 0.539, 0.618), 0.015),
    "selfish-single": ((0.489, 0.571, 0.726, 0.838), 0.03),
    "selfish": ((0.460, 0.488, 0.545, 0.743), 0.015),
    "greedy-single": ((0.488, 0.561, 0.693, 0.802), 0.015),
    "greedy": ((0.4485, 0.4719, 0.5141, 0.6206), 0.015),
    "drift-single": ((0.487, 0.543, 0.612, 0.673), 0.015),
    "drift": ((0.4485, 0.4719, 0.5113, 0.5698), 0.015),
    "random-single": ((0.775, 0.828, 0.878, 1.001), 0.04),
    "random": ((0.661, 0.688, 0.723, 0.773), 0.04),
}


def test_rules_cost_what_the_trial_found():
    """On another topology and other episodes: so within several standard errors of both."""
    for column, density in enumerate((0.3, 0.5, 0.7, 0.9)):
        problem = problems.load("a3c", "clean", density=density)
        data = problem.sample(rng_for("trial"), (60,))
        for rule, (expected, allowance) in TABLE.items():
            found = problem.evaluate(data, problem.follow(data, rule, rng_for(rule)))
            assert found.feasible().all()
            cost = found.objective.sum() / data["has"].sum()
            assert cost == pytest.approx(expected[column], abs=allowance), (rule, density)


def test_the_price_of_a_backlog_pays_where_servers_are_busy():
    problem = problems.load("a3c", "clean", density=0.9)
    data = problem.sample(rng_for("prices"), (60,))
    cost = {
        rule: problem.evaluate(data, problem.follow(data, rule, rng_for(0))).objective.mean()
        for rule in ("greedy", "drift", "greedy-single", "drift-single")
    }
    assert cost["drift"] < 0.95 * cost["greedy"]
    assert cost["drift-single"] < 0.9 * cost["greedy-single"]


@pytest.mark.parametrize("density", [0.5, 0.9])
@pytest.mark.parametrize("preset", ["tiny", "lattice", "as-published", "bits"])
def test_drift_is_no_worse_than_greedy_on_any_preset(preset, density):
    problem = problems.load("a3c", preset, density=density)
    data = problem.sample(rng_for("presets", preset), (200,))
    costs = [
        problem.evaluate(data, problem.follow(data, rule, rng_for(0))).objective.sum()
        for rule in ("drift", "greedy", "drift-single", "greedy-single")
    ]
    assert costs[0] <= 1.001 * costs[1]
    assert costs[2] <= 1.001 * costs[3]


def test_prices_are_known_for_the_laws_of_all_presets():
    for preset, given in problems.registry.find("a3c").presets.items():
        problem = problems.load("a3c", preset)
        for kind in {given.get("forwarding", "double"), "single"}:
            assert len(PRICES[prices.law_of(problem)][kind]) == len(prices.DENSITIES), preset
    same = problems.load("a3c", "clean", density=0.1, tolerance=1.0)
    assert prices.law_of(same) == prices.law_of(problems.load("a3c", "single"))
    assert prices.law_of(same) != prices.law_of(problems.load("a3c", "clean", slots=29))
    assert prices.law_of(same) != prices.law_of(problems.load("a3c", "clean", n_users=16))


def test_prices_of_another_law_are_tuned_on_it():
    """… on episodes of its own, the same in every process; between densities they lie between."""
    problem = short(slots=10, density=0.9)
    assert prices.law_of(problem) not in PRICES
    found = prices.tune(problem)
    assert found.cost[found.chosen] < 0.97 * found.cost[0.0, 0.0]
    assert found.cost == prices.tune(problem).cost
    at = [prices.prices(problem, np.array([rho]), single=False)[0] for rho in (0.8, 0.85, 0.9)]
    assert at[1] == pytest.approx((at[0] + at[2]) / 2)
    together = prices.prices(problem, np.array([0.9, 0.8]), single=False)[0]
    np.testing.assert_array_equal(together, np.concatenate([at[2], at[0]]))


def test_very_many_devices_have_the_prices_of_the_usual_law():
    many = problems.load("a3c", "clean", n_users=20_000, slots=1)
    usual = PRICES[prices.law_of(problems.load("a3c"))]["double"][4]
    assert prices.prices(many, np.array([0.7]), single=False) == pytest.approx(usual)


def test_a_change_of_units_leaves_prices_as_they_are():
    """Half the seconds, twice the speeds: the same episode, and the same decisions."""
    problem = problems.load("a3c", "clean", density=0.9)
    data = problem.sample(rng_for("units"), (4,))
    fast = dict(data)
    for key in ("rate", "cpu", "server_cpu"):
        fast[key] = 2 * data[key]
    fast |= {
        "slot": data["slot"] / 2,
        "kappa": data["kappa"] / 4,
        "send_power": 2 * data["send_power"],
    }
    fast["weight_delay"] = 2 * data["weight_delay"]
    decisions = [problem.follow(d, "drift", rng_for(0))["target"] for d in (data, fast)]
    np.testing.assert_array_equal(*decisions)


def test_the_solver_follows_rules():
    problem = problems.load("a3c", "tiny")
    instance = problem.instance(0)
    found = toolkit.solve(problem, instance, "rule[rule=greedy]")
    again = problem.evaluate(instance.data, problem.follow(instance.data, "greedy", rng_for(0)))
    assert found.objective == pytest.approx(float(again.objective))
    with pytest.raises(UserError, match="No rule"):
        toolkit.solve(problem, instance, "rule[rule=best]")


# --- environments


@pytest.mark.parametrize(
    "given", [{}, {"scale": "slot"}, {"scale": "slot", "forwarding": "bits"}, {"preset": "single"}]
)
def test_gymnasium_plays_single_episodes(given):
    env = gymnasium.make("toolkit/a3c-steps-v0", slots=4, **given)
    check_env(env.unwrapped, skip_render_check=True)
    env.action_space.seed(0)
    env.reset(seed=1)
    total, over, info = 0.0, False, {}
    while not over:
        seen, paid, over, _, info = env.step(env.action_space.sample())
        total += paid
        assert seen in env.observation_space
    assert -total == pytest.approx(info["objective"], abs=1e-9)
    assert info["violation"] == 0


@pytest.mark.parametrize("scale", ["task", "slot"])
def test_many_episodes_are_a_loop_over_single_ones(scale):
    problem = short()
    instances = [problem.instance(i) for i in range(3)]
    many = RolloutVectorEnv(problem, num_envs=3, scale=scale)
    seen = [many.reset(options={"instance": instances})[0]]
    actions, paid, over = [], [], np.zeros(3, bool)
    many.action_space.seed(0)
    while not over.all():
        actions.append(many.action_space.sample())
        now, reward, over, _, info = many.step(actions[-1])
        seen.append(now)
        paid.append(reward)
    for i, instance in enumerate(instances):
        env, t, done = RolloutEnv(problem, scale=scale), 0, False
        assert np.array_equal(env.reset(options={"instance": instance})[0], seen[0][i])
        while not done:
            now, reward, done, _, last = env.step(actions[t][i])
            assert reward == paid[t][i]
            t += 1
            assert done or np.array_equal(now, seen[t][i])
        assert last["objective"] == info["objective"][i]
        assert -sum(p[i] for p in paid) == pytest.approx(last["objective"], abs=1e-9)


def test_environments_pay_what_they_are_asked_to():
    env = gymnasium.make("toolkit/a3c-steps-v0", preset="tiny", reward="article[bonus=9]")
    env.reset(seed=0)
    over, total, info = False, 0.0, {}
    while not over:
        _, paid, over, _, info = env.step(np.array([-1.0]))
        total += paid
    assert total != pytest.approx(-info["objective"])
    with pytest.raises(UserError, match="best"):
        gymnasium.make("toolkit/a3c-steps-v0", reward="best").unwrapped.reset()
    with pytest.raises(UserError, match="one reward only"):
        gymnasium.make("toolkit/dgl-steps-v0", preset="tiny", reward="cost")
