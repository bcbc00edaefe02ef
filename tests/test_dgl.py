"""Episodes of service caching: dynamics, the clairvoyant optimum, its proof, bounds, and rules."""

import dataclasses
import itertools

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import toolkit.envs
from toolkit import problems, solvers
from toolkit.bench.__main__ import main
from toolkit.errors import UserError
from toolkit.instances import rng_for
from toolkit.problems._check.base import row
from toolkit.problems.dgl import _packed_kernels, _unions_kernels, law, rules
from toolkit.problems.dgl._unions import packable, packings
from toolkit.problems.dgl.clairvoyant import Clairvoyant, decided, subsets_that_fit
from toolkit.problems.dgl.decode import decode
from toolkit.problems.dgl.guesses import polished
from toolkit.problems.dgl.inner import best as exact_inner
from toolkit.problems.dgl.proof import EpisodeProof
from toolkit.problems.dgl.slots import SLOT
from toolkit.problems.dgl.unions import Unions
from toolkit.problems.dgl_slot import _count_kernels
from toolkit.problems.dgl_slot.counting import counted
from toolkit.problems.dgl_slot.tables import Tables
from toolkit.solvers.rule import Rule

SHORT = {"steps": 3, "slots": 2, "n_users": 6, "n_services": 3, "load_price": 0.02}
MORE = {"n_users": 9, "n_services": 4}  # of three servers: not everything fits
ROOM = {"capacity": 6.0 * 2**30, "limit": 6.0 * 2**30}  # two of three services, or the largest


def short(**more):
    return problems.load("dgl", "clean", **{**SHORT, **ROOM, **more})


def every_target(slots, rng=None):
    """An inner solver that lists all targets of slots, detours included."""
    rows, users = np.shape(slots["service"])
    servers = slots["cached"].shape[-2]
    choices = np.array(list(itertools.product(range(servers + 1), repeat=users)), float)
    target = np.empty((rows, users))
    for r in range(rows):
        one = {key: value[r : r + 1] for key, value in slots.items()}
        worth = SLOT.judge(one, SLOT.complete(one, {"target": choices})).objective
        target[r] = choices[worth.argmax()]
    return SLOT.complete(slots, {"target": target})


def faded(data, fades):
    """The data with the links of some (step, slot, user) so bad that sending costs more energy than
    computing."""
    efficiency = np.array(data["efficiency"])
    for at in fades:
        efficiency[at] = 1e-3
    return {**data, "efficiency": efficiency}


def listed(problem, data, inner=None):
    """The best reward over all paths of caches that fit, each slot solved by itself."""
    size, limit = data["size"], data["limit"]
    masks = subsets_that_fit(size, float(limit.max()))
    bits = ((masks[:, None] >> np.arange(len(size))) & 1).astype(float)
    servers = len(limit)
    pairs = np.array([bits[list(p)] for p in itertools.product(range(len(bits)), repeat=servers)])
    pairs = pairs[(pairs @ size <= limit).all(-1)]
    steps = data["service"].shape[0]
    wide = {k: np.repeat(np.asarray(v)[None], len(pairs), 0) for k, v in data.items()}
    play, qoe = problem.dynamics(wide, inner=inner), []
    for t in range(steps):
        before = play.decision()["cache"][:, t - 1] if t else 0 * pairs
        loading = (data["load_price"] * np.maximum(pairs - before, 0)).sum((-2, -1))
        qoe.append(play.step({"cache": pairs}) + loading)
    new = np.maximum(pairs[None] - pairs[:, None], 0)  # (from, to)
    move = (data["load_price"] * new).sum((-2, -1))
    ahead = np.zeros(len(pairs))
    for t in range(steps - 1, 0, -1):
        ahead = (qoe[t] + ahead - move).max(1)
    return float((qoe[0] + ahead - (data["load_price"] * pairs).sum((-2, -1))).max())


# --- slots by counters


@pytest.mark.parametrize("seed", range(4))
def test_counters_equal_enumeration(seed):
    rng = np.random.default_rng(seed)
    for _ in range(100):
        n = int(rng.integers(1, 8))
        root, cell = rng.uniform(0.05, 0.9, n), rng.integers(0, 2, n)
        root[rng.uniform(size=n) < 0.1] = np.inf  # never gains
        kind, level = rng.integers(0, 4, n), float(rng.choice([0.025, 0.1, 0.3]))
        target = np.zeros(n, np.int64)
        found = _count_kernels.best_slot(root, cell, kind, 1.0, level, target)
        options = [[0] + [m for m in (1, 2) if k >> (m - 1) & 1] for k in kind]
        every = np.array(list(itertools.product(*options)))
        gains = [gain_of(root, cell, choice, level) for choice in every]
        np.testing.assert_allclose(found, max(gains), rtol=0, atol=1e-12)
        np.testing.assert_allclose(gain_of(root, cell, target, level), found, rtol=0, atol=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_users_who_never_gain_may_lose_anything_by_computing(seed):
    """Slots by counters against all targets, where some users are at the very limit of gaining."""
    rng = np.random.default_rng(seed)
    for _ in range(30):
        n, level = int(rng.integers(1, 8)), float(rng.choice([0.025, 0.1, 0.3]))
        root, cell = rng.uniform(0.05, 0.9, n), rng.integers(0, 2, n)
        reach, idle = rng.uniform(size=(n, 2)) < 0.7, rng.uniform(size=n) < 0.4
        least = (root**2 + level) * np.where(rng.uniform(size=n) < 0.5, 1 - 1e-8, 0.3)
        local = np.where(idle, np.minimum(least, 0.99), 1.0)
        table = Tables(local, root, reach, np.array(level), np.full(n, 2.0))
        options = [[0, *(np.flatnonzero(row) + 1)] for row in reach]
        every = np.array(list(itertools.product(*options)))
        gains = [gain_of(root, cell, one, level) - ((1 - local) * (one > 0)).sum() for one in every]
        found = counted(table, cell)
        gain = gain_of(root, cell, found, level) - ((1 - local) * (found > 0)).sum()
        np.testing.assert_allclose(gain, max(gains), rtol=0, atol=1e-12)
    local, root, reach = np.array([1.0, 0.1]), np.full(2, 0.2), np.ones((2, 2), bool)
    table = Tables(local, root, reach, np.array(0.05), np.full(2, 2.0))  # 0.2^2 + 0.05 < 0.1
    assert counted(table, np.array([0, 1])) is None


def gain_of(root, cell, target, level, servers=2):
    off = target > 0
    cells = sum(root[off & (cell == g)].sum() ** 2 for g in range(servers))
    loads = sum((target == m + 1).sum() ** 2 for m in range(servers))
    return off.sum() - cells - level * loads


def test_the_table_of_pairs_has_every_slot():
    problem = short()
    whole = Clairvoyant(problem.instance(0).data)
    masks, table = whole.subsets.masks, whole.table
    a, b, t = 1, len(masks) - 1, 1
    cell, total = np.asarray(whole.data["cell"], int), 0.0
    for s in range(2):
        r = t * 2 + s
        service = np.asarray(whole.data["service"][t, s], int)
        kind = (masks[a] >> service & 1) + 2 * (masks[b] >> service & 1)
        root, target = whole.alike.root[r], np.zeros(6, np.int64)
        total += _count_kernels.best_slot(root, cell, kind, 1.0, whole.alike.level[r], target)
    np.testing.assert_allclose(table[t, a, b], whole.unit * total, rtol=1e-12)
    np.testing.assert_allclose(table, table.swapaxes(1, 2), rtol=1e-12)


# --- dynamics


@pytest.mark.parametrize("scale", ["step", "slot"])
@pytest.mark.parametrize("preset", ["tiny", "clean", "as-published"])
def test_rewards_add_up_to_the_evaluation(scale, preset):
    problem = problems.load("dgl", preset, steps=3, slots=2, n_users=6)
    data, rng = problem.sample(rng_for("sum"), (4,)), rng_for("actions")
    play, total = problem.dynamics(data, scale), 0.0
    while play.at < play.steps:
        total = total + play.step(play.consistent(play.space.sample(rng, (4,))))
    found = problem.evaluate(data, play.decision())
    np.testing.assert_allclose(total, found.objective, rtol=1e-12, atol=1e-12)
    assert found.feasible().all()


def test_an_observation_never_shows_the_future():
    """Two episodes that differ from step 2 on only look alike until then, at both timescales."""
    problem = short(steps=4)
    data = problem.sample(rng_for("future"), (2,))
    data = {key: np.repeat(value[:1], 2, 0) for key, value in data.items()}
    for key in ("service", "efficiency"):
        data[key][1, 2:] = data[key][1, 2:, ::-1, ::-1]
    data["popularity"][1] = 1 / 3
    for scale, known in (("step", 3), ("slot", 4)):
        play = problem.dynamics(data, scale)
        for at in range(play.steps):
            seen = play.observe()
            if at < known:
                assert all(np.array_equal(v[0], v[1]) for v in seen.values()), (scale, at)
            action = {v.name: np.zeros((2, *v.shape)) for v in play.space.vars}
            play.step(action)
    assert not np.array_equal(data["service"][0], data["service"][1])


def test_another_inner_solver_changes_targets_and_shares_only():
    problem = short()
    data, cache = problem.sample(rng_for("inner"), (2,)), np.zeros((2, 2, 3))
    cache[:, :, :2] = 1.0
    calls = []

    def idle(slots, rng):
        calls.append(len(slots["service"]))
        shape = slots["service"].shape
        return {key: np.zeros(shape) for key in ("target", "bandwidth", "cpu")}

    found = []
    for inner in (None, exact_inner, idle):
        play = problem.dynamics(data, inner=inner)
        while play.at < play.steps:
            play.step({"cache": cache})
        found.append(play.decision())
    assert calls == [4, 4, 4]
    for one in found:
        np.testing.assert_array_equal(one["cache"], found[0]["cache"])
    np.testing.assert_array_equal(found[0]["target"], found[1]["target"])
    assert found[0]["target"].any()
    assert not found[2]["target"].any()


def test_consistent_caches_fit_and_stay():
    problem = short()
    data = problem.sample(rng_for("fit"), (8,))
    play = problem.dynamics(data)
    action = play.consistent(play.space.sample(rng_for("wish"), (8,)))
    wish = {"cache": rng_for("real").uniform(size=(8, 2, 3))}
    for fits in (action, play.consistent(wish)):
        assert ((fits["cache"] * data["size"][:, None]).sum(-1) <= data["limit"]).all()
        np.testing.assert_array_equal(play.consistent(fits)["cache"], fits["cache"])
    assert (play.consistent(wish)["cache"] <= (wish["cache"] > 0.5)).all()


@pytest.mark.parametrize("scale", ["step", "slot"])
def test_environments_keep_the_contract(scale):
    env = gymnasium.make(toolkit.envs.rollout_id("dgl"), preset="tiny", scale=scale).unwrapped
    check_env(env)
    checker = pytest.importorskip("stable_baselines3.common.env_checker")
    checker.check_env(env)


def test_single_and_vector_environments_agree():
    name, problem = toolkit.envs.rollout_id("dgl"), short()
    instances = [problem.instance(i) for i in range(3)]
    many = gymnasium.make_vec(name, num_envs=3, preset="clean", **SHORT, **ROOM)
    one = gymnasium.make(name, preset="clean", **SHORT, **ROOM)
    seen, _ = many.reset(options={"instance": instances})
    actions = rng_for("acts").uniform(-1, 1, (3, 3, 6)).astype(np.float32)
    rewards = []
    for action in actions:
        seen, reward, over, _, info = many.step(action)
        rewards.append(reward)
    assert over.all()
    np.testing.assert_allclose(np.sum(rewards, axis=0), info["objective"], rtol=1e-12)
    for i, instance in enumerate(instances):
        one.reset(options={"instance": instance})
        for t, action in enumerate(actions):
            alone, reward, _, _, _ = one.step(action[i])
            np.testing.assert_allclose(reward, rewards[t][i], rtol=1e-12)
        np.testing.assert_array_equal(alone, seen[i])


def test_problems_that_do_not_unfold_are_refused():
    with pytest.raises(UserError, match="does not unfold"):
        toolkit.envs.RolloutEnv("droo")
    with pytest.raises(UserError, match="timescale"):
        toolkit.envs.RolloutEnv("dgl", "tiny", scale="year")


# --- the clairvoyant optimum


@pytest.mark.parametrize("seed", range(3))
def test_the_clairvoyant_equals_all_paths(seed):
    problem = short(load_price=[0.001, 0.02, 0.06][seed])
    data = problem.instance(0, seed=seed).data
    value, decision = Clairvoyant(data).solved
    np.testing.assert_allclose(value, listed(problem, data), rtol=1e-12)
    found = problem.evaluate(data, problem.complete(data, decision))
    np.testing.assert_allclose(found.objective, value, rtol=1e-12)
    assert found.feasible()


DEEP = {
    "one": [(0, 0, 2)],
    "some": [(0, 0, 0), (0, 1, 3), (1, 0, 5), (2, 1, 0), (2, 1, 1)],
    "a whole slot": [(1, 0, slice(None))],
    "one user throughout": [(slice(None), slice(None), 1)],
}


@pytest.mark.parametrize("fades", DEEP)
def test_deep_fades_do_not_stop_the_clairvoyant(fades):
    """A user so badly linked that it loses less than others by computing, but never gains by
    offloading: the optimum equals the listing of all paths and all targets, and is proved."""
    problem = short(load_price=0.005)
    instance = problem.instance(2)
    data = faded(instance.data, DEEP[fades])
    whole = Clairvoyant(data)
    assert np.ptp(whole.found.local) > 0.1
    assert whole.refuses() is None
    best = listed(problem, data, every_target)
    np.testing.assert_allclose(whole.solved[0], best, rtol=1e-12)
    instance = dataclasses.replace(instance, data=data)
    found = toolkit.solve(problem, instance, "exact")
    np.testing.assert_allclose(found.objective, best, rtol=1e-12)
    assert toolkit.verify(problem, instance, found).verdict == "proved"
    assert -EpisodeProof(data).bound(None, {"union": 0.9 * best}) >= best


def test_deep_fades_do_not_stop_unions():
    problem = short(n_servers=3, steps=2, slots=1, load_price=0.005)
    instance = problem.instance(2)
    data = faded(instance.data, [(0, 0, 0), (0, 0, 2), (1, 0, 5)])
    best, bound = listed(problem, data, every_target), Unions(Clairvoyant(data)).bound()[0]
    instance = dataclasses.replace(instance, data=data)
    found = toolkit.solve(problem, instance, "exact")
    assert 0.99 * best <= found.objective <= best + 1e-9
    assert best <= found.bound + 1e-9
    np.testing.assert_allclose(found.bound, bound, rtol=1e-12)
    assert toolkit.verify(problem, instance, found).verdict in ("proved", "bounded")
    assert -EpisodeProof(data).bound(None, {"union": bound}) <= bound


def test_users_who_may_gain_and_lose_differently_are_refused():
    """Where sending is charged with 5 W, users lose less by computing and gain by offloading."""
    problem = short(energy_power=5.0)
    data = problem.instance(0).data
    whole = Clairvoyant(data)
    assert "lose more or less" in whole.refuses()
    for prices in ({"above": 1.0}, {"union": 1.0}):
        with pytest.raises(ValueError, match="lose the same"):
            EpisodeProof(data).bound(None, prices)


def test_exact_is_enumerate_on_tiny_and_is_proved():
    problem = problems.load("dgl", "tiny", n_users=3)
    for index in range(2):
        instance = problem.instance(index)
        exact = toolkit.solve(problem, instance, "exact")
        every = toolkit.solve(problem, instance, "enumerate", seconds=60)
        np.testing.assert_allclose(exact.objective, every.objective, rtol=1e-9)
        assert exact.gap <= 1e-8
        assert toolkit.verify(problem, instance, exact).verdict == "proved"
        assert toolkit.verify(problem, instance, every).verdict == "proved"


def test_the_proof_bounds_whatever_number_it_is_given():
    problem = short()
    data = problem.instance(1).data
    value, proof = Clairvoyant(data).solved[0], EpisodeProof(data)
    for above in (-1.0, 0.5 * value, 0.99 * value, value, 1.01 * value, 2 * value):
        bound = -proof.bound(None, {"above": above})
        assert value <= bound
        if above <= value:
            np.testing.assert_allclose(bound, value, rtol=1e-9)
    with pytest.raises(ValueError, match="not split"):
        proof.split(None, {})


@pytest.mark.parametrize("seed", range(4))
def test_any_multipliers_bound_the_optimum(seed):
    """Services apart, of two servers whose optimum is known, at any numbers."""
    problem, rng = short(), np.random.default_rng(seed)
    data = problem.instance(seed).data
    value, proof = Clairvoyant(data).solved[0], EpisodeProof(data)
    for _ in range(20):
        size = 10.0 ** rng.uniform(-2, 1)
        prices = {key: (size * rng.uniform(size=(3, 2, 2))).tolist() for key in ("band", "cpu")}
        store = (10.0 ** rng.uniform(-13, -9) * rng.uniform(size=(3, 2))).tolist()
        assert -proof.bound(None, {**prices, "store": store}) >= value


@pytest.mark.parametrize("servers", [2, 3])
def test_unions_bound_the_optimum_whatever_the_number(servers):
    problem = short(n_servers=servers, **(MORE if servers == 3 else {}))
    data = problem.instance(1).data
    best, proof = listed(problem, data), EpisodeProof(data)
    found = Unions(Clairvoyant(data)).bound()[0]
    for above in (-1.0, 0.9 * best, found, 1.1 * found):
        bound = -proof.bound(None, {"union": above})
        assert best <= bound + 1e-9
        if above <= found:
            assert bound <= found
    even = -proof.bound(None, {"union": 1e6})  # nothing is looked at closely
    assert found < even


def test_packings_cover_a_union_and_cannot_grow():
    size = np.array([1.0, 2, 3, 4])
    subsets = subsets_that_fit(size, 5.0)
    found = {tuple(way) for way in packings(0b1101, subsets, 2).tolist()}
    every = [m for m in subsets.tolist() if m & ~0b1101 == 0]
    pairs = set(itertools.combinations_with_replacement(every, 2))
    cover = {p for p in pairs if p[0] | p[1] == 0b1101}
    for one in cover:  # some packing has at least as much on each server
        assert any(
            all(a & ~b == 0 for a, b in zip(one, way, strict=True))
            for full in found
            for way in (full, full[::-1])
        )
    assert found <= cover
    everything = np.arange(1 << 10)
    singles = everything[np.isin(everything, [0, *(1 << np.arange(10))])]
    assert len(packings(1023, singles, 10)) == 1
    assert packings(1023, everything[np.bitwise_count(everything) <= 5], 5).shape == (0, 5)
    union_fits = packable(subsets, 2, 4)
    assert [u for u in range(16) if union_fits[u]] == sorted(
        {a | b for a, b in itertools.product(subsets.tolist(), repeat=2)}
    )


@pytest.mark.parametrize("seed", range(3))
def test_a_packing_is_worth_no_more_than_its_bound(seed):
    """Against all targets of slots of three servers, in the solver's and in the proof's code."""
    rng = np.random.default_rng(seed)
    for _ in range(10):
        root, cell = rng.uniform(0.05, 0.25, (1, 5)), rng.integers(0, 3, 5)
        service, level = rng.integers(0, 4, (1, 5)), np.array([rng.choice([0.025, 0.05])])
        ways, most = rng.integers(0, 16, (2, 3)), np.full(1, 9.0)
        best = 0.0
        for way in ways:
            options = [[0] + [m + 1 for m in range(3) if way[m] >> k & 1] for k in service[0]]
            every = np.array(list(itertools.product(*options)))
            best = max(best, *(gain_of(root[0], cell, one, level[0], 3) for one in every))
        args = (root, cell, service, np.ones(1), level, ways, most)
        for bound in (_unions_kernels.packed(*args), _packed_kernels.most_packed(*args)):
            assert best - 1e-12 <= bound <= best + 0.15


def test_three_servers_are_bounded_from_both_sides():
    problem = short(n_servers=3, **MORE)
    instance = problem.instance(0)
    found = toolkit.solve(problem, instance, "exact")
    best = listed(problem, instance.data)
    assert 0.99 * best <= found.objective <= best + 1e-9
    assert best <= found.bound + 1e-9
    assert found.gap < 0.1
    assert toolkit.verify(problem, instance, found).verdict in ("proved", "bounded")


@pytest.mark.parametrize("solver", ["scip", "exact"])
def test_the_whole_episode_as_one_model(solver):
    """SCIP on the one model, and the programme over caches, against all paths of caches."""
    problem = short(steps=2, slots=1, n_users=4)
    if solvers.registry.build(solver).missing():
        pytest.skip(f"{solver} is not installed")
    instance = problem.instance(0)
    found = toolkit.solve(problem, instance, solver, seconds=60)
    np.testing.assert_allclose(found.objective, listed(problem, instance.data), rtol=1e-5)


def test_a_model_of_band_noise_is_refused():
    problem = problems.load("dgl", "tiny")
    instance = problem.instance(0)
    data = {**instance.data, "noise_fixed": np.array(0.0)}
    with pytest.raises(UserError, match="whole band"):
        problem.pyomo(dataclasses.replace(instance, data=data))


# --- the hidden law and the rules


def test_the_cycle_moves_as_it_says():
    cycle = law.cycle(6, 10, 1.2, 3, 0.9)
    np.testing.assert_allclose(cycle.move.sum(1), 1.0)
    path = cycle.draw(np.random.default_rng(0), 40, (500,))
    phase, spent = path // 3, path % 3
    moved = phase[:, 1:] != phase[:, :-1]
    np.testing.assert_array_equal(moved, spent[:, :-1] == 2)
    followed = ((phase[:, :-1] + 1) % 6 == phase[:, 1:])[moved].mean()
    assert abs(followed - 0.9) < 0.02
    assert law.cycle(6, 10, 1.2, 3, 0.9) is cycle


def test_bayes_forecast_is_the_posterior_by_listing_all_hidden_paths():
    problem = problems.load("dgl", "clean", n_services=3, states=2, dwell=2, steps=4)
    cycle = problem.law
    counts = np.array([[[3.0, 1, 0], [2, 2, 1], [0, 1, 4]]])
    states, total = len(cycle.move), np.zeros(3)
    weights = 0.0
    for path in itertools.product(range(states), repeat=4):
        chance = 1 / states
        for t in range(3):
            chance *= np.prod(cycle.popularity[path[t]] ** counts[0, t])
            chance *= cycle.move[path[t], path[t + 1]]
        total += chance * cycle.popularity[path[3]]
        weights += chance
    np.testing.assert_allclose(rules.forecast(problem, counts)[0], total / weights, rtol=1e-10)


def test_rules_are_feasible_and_stand_in_order():
    problem = problems.load("dgl", "clean")
    data = problem.sample(rng_for("ladder"), (6,))
    worth = {}
    for rule in problem.rules:
        found = problem.evaluate(data, problem.follow(data, rule, rng_for(rule)))
        assert found.feasible().all(), rule
        worth[rule] = found.objective.mean()
    best = np.mean([Clairvoyant(row(data, i)).solved[0] for i in range(6)])
    assert worth["nothing"] == 0
    assert worth["random"] < worth["last"] < worth["bayes"] < worth["oracle"] < best
    assert worth["popular"] < worth["counts"]
    assert max(worth.values()) < best


def test_decode_keeps_what_fits_and_does_not_depend_on_other_rows():
    problem = problems.load("dgl", "clean")
    data = problem.sample(rng_for("decode"), (5,))
    mass = rng_for("mass").dirichlet(np.ones(10), 5)
    cache = problem.dynamics(data).consistent({"cache": np.ones((5, 2, 10))})["cache"]
    found = decode(problem, data, mass, cache)
    assert ((found * data["size"][:, None]).sum(-1) <= data["limit"]).all()
    alone = decode(problem, row(data, slice(2, 3)), mass[2:3], cache[2:3])
    np.testing.assert_array_equal(found[2], alone[0])
    again = decode(problem, data, mass, found)
    room = data["limit"] - (again * data["size"][:, None]).sum(-1)
    left = (found > again) * data["size"][:, None]
    assert (np.where(left > 0, left, np.inf) > room[..., None]).all()


@pytest.mark.parametrize("rule", ["random", "random-once", "bayes"])
def test_rules_do_not_depend_on_other_rows(rule):
    problem = short()
    data = problem.sample(rng_for("rows"), (3,))
    whole = problem.follow(data, rule, rng_for("draws"))
    alone = problem.follow(row(data, slice(0, 1)), rule, rng_for("draws"))
    np.testing.assert_array_equal(whole["cache"][0], alone["cache"][0])
    assert rule == "bayes" or not np.array_equal(whole["cache"][0], whole["cache"][1])


def test_a_rule_is_a_solver():
    problem, other = problems.load("dgl", "tiny"), problems.load("droo", "tiny")
    found = toolkit.solve(problem, problem.instance(0), "rule", rule="bayes")
    assert found.status == "feasible"
    assert str(Rule().for_problem(problem)) == "rule[rule=bayes]"
    assert "no rules" in Rule(rule="guess").for_problem(other).refuses(other, other.instance(0))


def test_a_rule_that_the_problem_does_not_have_is_a_usage_error(tmp_path, capsys):
    argv = ["--problem", "dgl", "--preset", "tiny", "--quiet", "--store", f"{tmp_path}/s.sqlite"]
    assert main([*argv, "--solvers", "rule[rule=xyz]"]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "No rule of 'dgl' is called 'xyz'; known: all, bayes, " in said


# --- searches over caches


@pytest.mark.parametrize("solver", ["ga_mask", "ga_pymoo", "full_offload", "random_search"])
def test_searches_keep_the_caches_within_their_limit(solver):
    problem = short()
    found = toolkit.solve(problem, problem.instance(0), solver, evaluations=200)
    assert found.status == "feasible"
    assert found.decision["cache"].any()


def test_caches_that_do_not_fit_are_bounded_as_infeasible():
    problem = short()
    data = problem.instance(0).data
    choices = {"cache": np.zeros((2, 3, 2, 3)), "target": np.zeros((2, 3, 2, 6))}
    choices["cache"][1, 0, 1] = 1.0
    np.testing.assert_array_equal(EpisodeProof(data).bound_each(choices) == np.inf, [False, True])


# --- nothing to gain, and what solvers state


GIB = 2.0**30
BARREN = {
    "nothing fits": {"n_users": 50, "capacity": 1e9, "limit": 1e9},
    "loading is dear": {"load_price": 4.0},
    "dearer": {"load_price": 1e6},
    "one user": {"n_users": 1},
    "three servers": {"n_servers": 3, "load_price": 4.0},
    "one server": {"n_servers": 1, "n_users": 5, "load_price": 4.0},
}


@pytest.mark.parametrize("case", BARREN)
def test_that_nothing_pays_is_proved(case):
    """A bound of exactly 0, which the proof supports."""
    problem = problems.load("dgl", "clean", **{"steps": 6, "slots": 2, **BARREN[case]})
    instance = problem.instance(0)
    found = toolkit.solve(problem, instance, "exact")
    assert found.objective == found.bound == 0
    seen = toolkit.verify(problem, instance, found)
    assert (seen.verdict, seen.gap) == ("proved", 0.0)


@pytest.mark.parametrize("price", [1e-6, 1e-2, 0.3, 0.5, 1.0])
def test_a_bound_contains_what_the_proof_allows_for_rounding(price):
    problem = problems.load("dgl", "clean", steps=6, slots=2, load_price=price)
    for index in range(2):
        instance = problem.instance(index)
        found = toolkit.solve(problem, instance, "exact")
        value = Clairvoyant(instance.data).solved[0]
        proved = -EpisodeProof(instance.data).bound(None, {"above": value})
        assert value <= proved <= found.bound
        assert toolkit.verify(problem, instance, found).verdict == "proved"


def test_nothing_is_not_the_best_where_a_little_pays():
    """The proof says 0 only where paths that cache something surely lose."""
    problem = short(load_price=0.02)
    data = problem.instance(0).data
    for scale in (1.0, 4.0, 16.0):
        dear = {**data, "load_price": data["load_price"] * scale}
        best = listed(problem, dear)
        for above in (-1.0, 0.0, best, 1.0):
            for prices in ({"above": above}, {"union": above}):
                assert -EpisodeProof(dear).bound(None, prices) >= best


# --- other roads to good decisions and bounds


@pytest.mark.parametrize(
    "rooms", [([4, 4], [6, 6]), ([4, 6], [4, 6]), ([2, 6], [6, 4]), ([0.5, 3], [6, 6])]
)
def test_two_servers_with_other_caches(rooms):
    """Capacities below limits, and servers that differ: the listing of all paths, proved."""
    problem = short(load_price=0.005, overflow_price=0.01 / GIB)
    instance = problem.instance(1)
    capacity, limit = (GIB * np.array(x, float) for x in rooms)
    data = {**instance.data, "capacity": np.minimum(capacity, limit), "limit": limit}
    instance = dataclasses.replace(instance, data=data)
    best = listed(problem, data)
    found = toolkit.solve(problem, instance, "exact")
    np.testing.assert_allclose(found.objective, best, rtol=1e-12)
    assert toolkit.verify(problem, instance, found).verdict == "proved"
    for above in (-1.0, 0.9 * best, best, 2 * best):
        assert -EpisodeProof(data).bound(None, {"above": above}) >= best


NO_BETTER = {
    "users who differ": ("as-published", {"n_users": 12, "steps": 4, "slots": 2}),
    "three servers": ("clean", {"n_servers": 3, "n_users": 12, "steps": 4, "slots": 2}),
    "a price of room": (
        "clean",
        {"n_servers": 3, "n_users": 12, "steps": 4, "slots": 2, "limit": 30 * GIB},
    ),
}


@pytest.mark.parametrize("case", NO_BETTER)
def test_no_rule_is_better_than_exact(case):
    preset, setting = NO_BETTER[case]
    problem = problems.load("dgl", preset, **setting)
    instance = problem.instance(0)
    found = toolkit.solve(problem, instance, "exact")
    data = {key: np.asarray(value)[None] for key, value in instance.data.items()}
    for rule in problem.rules:
        decision = problem.follow(data, rule, rng_for(rule))
        assert problem.evaluate(data, decision).objective[0] <= found.objective + 1e-9, rule
    assert toolkit.verify(problem, instance, found).verdict in ("proved", "bounded")


def test_polishing_caches_gains():
    problem = problems.load("dgl", "clean", steps=6, slots=2, limit=25 * GIB)
    whole = Clairvoyant(problem.instance(0).data)
    before, gained = np.zeros((6, 2, 10)), []
    for cache in (before, polished(whole, before)):
        decision = problem.complete(whole.data, decided(whole.data, cache))
        found = problem.evaluate(whole.data, decision)
        assert found.feasible()
        gained.append(found.objective)
    assert gained[0] == 0 < 0.5 * whole.solved[0] < gained[1] <= whole.solved[0]


def test_a_cheap_cloud_is_used():
    """Through servers that have not cached: no solver, rule or environment loses it."""
    problem = short(
        n_users=4, n_services=2, slots=1, cloud_rate=1e12, cloud_cpu=1e12, cloud_delay=1e-9
    )
    instance = problem.instance(1)
    best = listed(problem, instance.data, every_target)
    found = toolkit.solve(problem, instance, "exact")
    assert 0.99 * best <= found.objective <= best + 1e-9 <= found.bound + 2e-9
    data = {key: np.asarray(value)[None] for key, value in instance.data.items()}
    nothing = problem.evaluate(data, problem.follow(data, "nothing", rng_for("none")))
    assert nothing.objective[0] > 0.9 * best
    assert toolkit.verify(problem, instance, found).verdict in ("proved", "bounded")


@pytest.mark.parametrize("users", [101, 201])
def test_many_users_have_a_decision_and_a_bound(users):
    problem = problems.load("dgl", "clean", n_users=users, steps=3, slots=2)
    instance = problem.instance(0)
    found = toolkit.solve(problem, instance, "exact")
    assert found.gap < (0.02 if users == 101 else 0.2)
    assert toolkit.verify(problem, instance, found).verdict in ("proved", "bounded")
