"""DROO: the paper's numbers, the best time allocation, proofs that hold, and the published data."""

import math
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import brentq

from toolkit import problems, solvers
from toolkit.bench.verify import examine, examine_result
from toolkit.errors import UserError
from toolkit.instances import Instance
from toolkit.problems.droo import Droo
from toolkit.problems.droo.problem import coefficients
from toolkit.problems.droo.proof import ChargeProof, Region, root_down, root_up
from toolkit.problems.droo.search import best_modes
from toolkit.solvers import Budget, Probe, Status

ARITHMETICS = ("float", "arb")
GAINS = 1e-6 * np.array(
    [
        6.06020304, 11.0331934, 0.100213540, 1.21610611, 1.96138838,
        1.71456340, 5.24563570, 0.589530717, 4.07769429, 2.88333186,
    ]
)  # fmt: skip


def frame(gain, **changes):
    """The paper's problem with given gains, and the data of one frame."""
    problem = problems.load("droo", n_users=len(gain), **changes)
    return problem, problem.data_of(np.asarray(gain, float))


def solve(problem, data, name="exact", seconds=300.0, **params):
    """(instance, result) of one run; the first one of all compiles."""
    instance = Instance(problem.name, problem.version, data, problem.params, "case")
    probe = Probe(problem, instance, Budget(seconds=seconds), np.random.default_rng(0))
    solver = solvers.registry.build(name, **params)
    return instance, probe.certify(solver.solve(problem, instance, probe))


def every(problem, data):
    """All modes (2^n, n) and their largest rates."""
    modes = problem.space(data).choices(0, 2 ** data["gain"].shape[-1])
    rate = problem.evaluate(data, problem.complete(data, modes)).objective
    return modes["offload"], rate


def varied(seed):
    """Frames of many kinds: gains over ten or sixteen decades, any weights, any constants."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 9))
    problem, data = frame(10 ** rng.uniform(-7, -5, n))
    kind = seed % 4
    if kind == 0:
        data["gain"] = 10 ** rng.uniform(-10, -4, n)
    elif kind == 1:
        data["weight"] = 10 ** rng.uniform(-1, 1, n)
    elif kind == 2:
        data["kappa"] = 10 ** rng.uniform(-28, -24, n)
        data["bandwidth"] = np.array(2e6 * 10 ** rng.uniform(-2, 2))
        data["noise"] = np.array(1e-10 * 10 ** rng.uniform(-3, 3))
    else:
        data["gain"] = 10 ** rng.uniform(-14, 2, n)
        data["weight"] = rng.choice([1.0, 1.5, 2.0], n)
    return problem, data


# The formula and the best time allocation.


@pytest.mark.parametrize(
    ("mode", "rate", "charge"),
    [
        ("1000100000", 1596513.095, 0.6965687902),
        ("0000000000", 1010645.646, 1.0),
        ("1111111111", 2994685.442, 0.4901189),
        ("1100001000", 3278981.608, None),
    ],
)
def test_the_exact_values_of_the_formulation(mode, rate, charge):
    """With gains rounded to nine digits, hence 1e-8."""
    problem, data = frame(GAINS)
    decision = problem.complete(data, {"offload": np.array([float(bit) for bit in mode])})
    found = problem.evaluate(data, decision)
    assert found.objective == pytest.approx(rate, rel=1e-8)
    assert found.violation <= 1e-12
    if charge is not None:
        assert decision["charge"] == pytest.approx(charge, abs=2e-8)


def test_the_best_mode_of_the_formulation_is_proved():
    problem, data = frame(GAINS)
    instance, result = solve(problem, data)
    assert "".join(f"{bit:.0f}" for bit in result.decision["offload"]) == "1100001000"
    assert examine_result(problem, instance, result).verdict == "proved"


def test_negative_slots_within_the_tolerance_buy_no_time():
    """Else a thousand slots of -1e-6 would lengthen the frame by a thousandth."""
    problem, data = frame(np.full(1000, 1e-6))
    mode = np.ones(1000)
    decision = problem.complete(data, {"offload": mode})
    slot = decision["slot"].copy()
    slot[1:] = -1e-6
    cheat = {**decision, "slot": slot, "charge": np.array(1 - slot[0] + 9e-4)}
    assert problem.evaluate(data, cheat).violations["frame"] > 8e-4


@pytest.mark.parametrize("seed", range(24))
def test_completion_reaches_a_bound_that_balls_prove(seed):
    """Strong duality: for every mode the bound from its own price is met, to 1e-10 and better."""
    problem, data = varied(seed)
    modes, rate = every(problem, data)
    pick = np.unique(np.r_[0, len(modes) - 1, np.random.default_rng(seed).integers(len(modes))])
    bound = -ChargeProof(data, "arb").bound_each({"offload": modes[pick]})
    assert np.all(rate[pick] <= bound * (1 + 1e-15))
    np.testing.assert_allclose(rate[pick], bound, rtol=1e-11)


@pytest.mark.parametrize("scale", [1e-10, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4])
def test_completion_is_what_cvxpy_finds(scale):
    """All-local, all-offload and random modes, for gains from 1e-10 to 1e-4."""
    rng = np.random.default_rng(0)
    problem, data = frame(scale * 10 ** rng.uniform(-0.5, 0.5, 5))
    instance = Instance(problem.name, problem.version, data, problem.params, "case")
    for mode in (np.zeros(5), np.ones(5), *rng.integers(0, 2, (2, 5)).astype(float)):
        ours = problem.evaluate(data, problem.complete(data, {"offload": mode}))
        model = problem.cvxpy(instance, {"offload": mode})
        model.problem.solve(solver="CLARABEL")
        theirs = problem.evaluate(data, problem.space(data).snap(model.read()))
        assert theirs.feasible(1e-5)
        assert ours.objective == pytest.approx(float(theirs.objective), rel=2e-5)
        assert ours.objective >= theirs.objective * (1 - 1e-5)


def test_batches_of_instances_and_modes_are_completed_as_they_are_alone():
    problem = problems.load("droo", "scaled", n_users=6, continuous_weights=True)
    data = problem.sample(np.random.default_rng(0), (3,))
    modes = np.random.default_rng(1).integers(0, 2, (3, 4, 6)).astype(float)
    spread = {key: value[:, None] for key, value in data.items()}
    whole = problem.complete(spread, {"offload": modes})
    for i, j in np.ndindex(3, 4):
        one = problem.complete({k: v[i] for k, v in data.items()}, {"offload": modes[i, j]})
        np.testing.assert_allclose(whole["slot"][i, j], one["slot"], rtol=1e-12)
        assert whole["charge"][i, j] == pytest.approx(one["charge"], rel=1e-12)


# Exact, and what it proves.


@pytest.mark.parametrize("part", range(4))
def test_exact_is_what_enumeration_finds(part):
    """240 small frames, among them extreme ones: optimum, bound, re-proved certificate."""
    for seed in range(60 * part, 60 * part + 60):
        problem, data = varied(seed)
        best = every(problem, data)[1].max()
        instance, result = solve(problem, data)
        assert result.status is Status.OPTIMAL
        assert result.objective == pytest.approx(best, rel=1e-9)
        assert result.bound >= best * (1 - 1e-12)
        arithmetic = ARITHMETICS[seed % 2]
        verdict = examine(
            problem, instance, decision=result.decision, objective=result.objective,
            violation=result.violation, bound=result.bound, status=result.status,
            certificate=result.certificate, arithmetic=arithmetic, agree=1e-6,
        )  # fmt: skip
        assert verdict.verdict == "proved", verdict
        assert verdict.bound >= best * (1 - 1e-14)


@pytest.mark.parametrize("continuous", [False, True])
@pytest.mark.parametrize("n", [1, 30, 300])
def test_exact_proves_the_scaled_law(n, continuous):
    problem = problems.load("droo", "scaled", n_users=n, continuous_weights=continuous)
    for index in range(5):
        data = dict(problem.instance(index).data)
        instance, result = solve(problem, data, gap=1e-6)
        assert examine_result(problem, instance, result).verdict == "proved"
        assert len(result.certificate.body["nodes"]) < 60
        greedy = solve(problem, data, "greedy")[1]
        assert result.bound >= greedy.objective * (1 - 1e-12)
        assert greedy.objective >= result.objective * (1 - 1e-3)


def test_the_search_splits_charging_times_and_users_and_every_part_is_needed():
    """A certificate without its tree, or with a leaf's price spoilt, proves less."""
    problem = problems.load("droo", "scaled", n_users=30)
    for index in range(40):
        data = dict(problem.instance(index).data)
        _, result = solve(problem, data)
        nodes = result.certificate.body["nodes"]
        words = {next(iter(node["split"])) for node in nodes if "split" in node}
        if words == {"a", "user"}:
            break
    assert words == {"a", "user"}
    proof = problem.proof(data)
    leaves = [node["leaf"]["v"] for node in nodes if "leaf" in node]
    alone = min(-proof.bound(proof.root(), {"v": v}) for v in leaves)
    assert alone > result.bound * (1 + 1e-9)


def test_the_scaled_law_is_not_trivial_for_many_users():
    """5 to 95 % offload, which the paper's own law does not do at N = 1000."""
    for law, low, high in (("scaled", 0.05, 0.95), ("paper", 0.0, 0.05)):
        problem = problems.load("droo", law, n_users=1000)
        for index in range(5):
            result = solve(problem, dict(problem.instance(index).data), gap=1e-4)[1]
            assert low <= result.decision["offload"].mean() <= high


# Many at once.


def many(n, rows, seed=0):
    """A batch of frames of all kinds: gains over sixteen decades, any weights and constants."""
    rng = np.random.default_rng((seed, n))
    problem = problems.load("droo", n_users=n)
    wide = 10 ** rng.uniform(-14, 2, (rows, n))
    gain = np.where(np.arange(rows)[:, None] % 3 == 0, wide, 10 ** rng.uniform(-7, -5, (rows, n)))
    data = problem.data_of(gain)
    half = rows // 2
    data["weight"][:half] = 10 ** rng.uniform(-1, 1, (half, n))
    data["kappa"] = 10 ** rng.uniform(-28, -24, (rows, n))
    data["bandwidth"] = 2e6 * 10 ** rng.uniform(-2, 2, rows)
    data["noise"] = 1e-10 * 10 ** rng.uniform(-3, 3, rows)
    return problem, data


def rates_of_all(problem, data):
    """The largest rate of every mode of every frame of a batch, (rows, 2^n)."""
    n = data["gain"].shape[-1]
    modes = problem.space(data).choices(0, 2**n)["offload"]
    spread = {key: value[:, None] for key, value in data.items()}
    return problem.evaluate(spread, problem.complete(spread, {"offload": modes[None]})).objective


@pytest.mark.parametrize("n", [1, 2, 4, 7, 9, 10])
def test_the_best_of_a_batch_is_what_enumeration_finds(n):
    """600 frames in six calls; what the search says bounds them is no less than the optimum."""
    problem, data = many(n, 100)
    best = rates_of_all(problem, data).max(-1)
    found = problem.evaluate(data, problem.best(data))
    np.testing.assert_allclose(found.objective, best, rtol=1e-9)
    assert np.all(found.violation <= 1e-9)
    said = best_modes(data, 1e-9)
    np.testing.assert_allclose(said.rates, best, rtol=1e-9)
    assert np.all(said.bounds >= best * (1 - 1e-12))
    assert np.all(said.bounds <= said.rates * (1 + 1e-9))
    assert n < 4 or said.nodes.max() > 3


@pytest.mark.parametrize("n", [2, 5, 10])
def test_users_who_are_alike_take_few_nodes(n):
    """Charging times were split ten times on every path, to no avail: 6,143 nodes for two users."""
    rng = np.random.default_rng(n)
    data = problems.load("droo", n_users=n).sample(rng, (80,))
    data["gain"] = np.repeat(data["gain"][:, :1], n, axis=-1)
    data["weight"] = np.ones((80, n))
    data["noise"] = data["noise"] * 10 ** rng.uniform(-3, 5, 80)
    data["bandwidth"] = data["bandwidth"] * 10 ** rng.uniform(-3, 1, 80)
    found = best_modes(data, 1e-9)
    assert found.nodes.max() <= min(4**n, 4000)
    assert np.all(found.bounds <= found.rates * (1 + 1e-9))


def test_a_wide_gap_or_few_nodes_leave_bounds_that_hold():
    problem, data = many(8, 100)
    best = rates_of_all(problem, data).max(-1)
    for gap, most in ((1e-2, 1000), (0.0, 1), (0.0, 5)):
        said = best_modes(data, gap, most)
        assert np.all(said.bounds >= best * (1 - 1e-12))
        assert np.all(said.rates <= best * (1 + 1e-12))
        assert np.all(said.nodes <= most + 2)
        if gap:
            assert np.all(said.rates >= best * (1 - gap))
            assert said.nodes.sum() < best_modes(data, 0.0).nodes.sum()
        else:
            assert np.any(said.bounds > best * (1 + 1e-6))


@pytest.mark.parametrize("n", [10, 60, 300])
def test_the_best_of_a_batch_is_what_exact_finds_of_each(n):
    """Also where a tree outgrows the room it began with, and where instances have two axes."""
    problem = problems.load("droo", "scaled", n_users=n, continuous_weights=True)
    data = problem.sample(np.random.default_rng(n), (3, 4))
    decision = problem.best(data, gap=1e-9)
    assert decision["offload"].shape == (3, 4, n)
    worth = problem.evaluate(data, decision).objective
    for i, j in np.ndindex(3, 4):
        own = {key: value[i, j] for key, value in data.items()}
        result = solve(problem, own)[1]
        assert worth[i, j] == pytest.approx(result.objective, rel=1e-9)
        assert worth[i, j] <= result.bound * (1 + 1e-12)
        alone = problem.best(own)
        assert problem.evaluate(own, alone).objective == pytest.approx(worth[i, j], rel=1e-12)


def rate_within(data, mode, a1, a2):
    """The largest rate of a mode with a1 <= a <= a2, by scipy: Q is concave in a."""
    one = coefficients(data)
    local, on = one["local"][mode < 0.5].sum(), mode > 0.5
    if not on.any():
        return local * a2 ** (1 / 3)

    def rate_at(a):
        def missing(v):  # time that the slots take beyond 1 - a, at price v
            return sum(slot(v, a)) - (1 - a)

        def slot(v, a):
            u = v / one["rate"][on]
            y = np.array([brentq(lambda y, k=k: y + math.expm1(-y) - k, 1e-12, k + 40) for k in u])
            return one["snr"][on] * a / np.expm1(y)

        v = math.exp(brentq(lambda t: missing(math.exp(t)), -30, 20, xtol=1e-13))
        tau = slot(v, a)
        nats = np.log1p(one["snr"][on] * a / tau)
        return local * a ** (1 / 3) + float(np.sum(one["rate"][on] * tau * nats))

    from scipy.optimize import minimize_scalar

    low, high = max(a1, 0.01 * a2), min(a2, 1 - 1e-6)
    found = minimize_scalar(lambda a: -rate_at(a), bounds=(low, high), method="bounded")
    return max(rate_at(low), rate_at(high), -found.fun)


@pytest.mark.parametrize("arithmetic", ARITHMETICS)
def test_no_price_on_no_region_gives_a_bound_below_the_best_rate(arithmetic):
    """Regions as random splits make them, prices from sensible to absurd."""
    rng = np.random.default_rng(5)
    for seed in range(3):
        problem, data = frame(10 ** rng.uniform(-6.5, -5, 3), weight_even=1.2)
        proof, (modes, rate) = ChargeProof(data, arithmetic), every(problem, data)
        for _ in range(4):
            region = proof.root()
            for _ in range(rng.integers(1, 4)):
                free = sorted({0, 1, 2} - region.inside - region.outside)
                hows = [{"a": float(rng.uniform(region.a1, region.a2))}]
                hows += [{"user": int(rng.choice(free))}] if free else []
                parts = proof.split(region, hows[rng.integers(len(hows))])
                region = parts[rng.integers(2)]
            inside, outside = list(region.inside), list(region.outside)
            fits = modes[:, inside].all(-1) & ~modes[:, outside].any(-1)
            best = max(rate_within(data, mode, region.a1, region.a2) for mode in modes[fits])
            for v in rate.max() * 10 ** rng.uniform(-2, 2, 4):
                assert -proof.bound(region, {"v": float(v)}) >= best * (1 - 1e-12), seed


def test_float_bounds_are_weaker_than_those_of_balls_by_their_rounding_alone():
    rng = np.random.default_rng(9)
    for seed in range(30):
        _, data = varied(4 * seed + seed % 3)
        fast, reference = (ChargeProof(data, a) for a in ARITHMETICS)
        region = Region(float(rng.uniform(0, 0.5)), float(rng.uniform(0.5, 1)))
        prices = {"v": float(coefficients(data)["local"].sum() * 10 ** rng.uniform(-1, 1))}
        ours, theirs = fast.bound(region, prices), reference.bound(region, prices)
        assert theirs * (1 + 1e-11) <= ours <= theirs  # losses are negative


def test_roots_of_charging_times_enclose_them():
    for a in (0.0, 1.0, 0.5, 1 / 3, 1e-300, 0.7865432):
        assert root_down(a) ** 3 <= a * (1 + 1e-15)
        assert root_up(a) ** 3 >= a * (1 - 1e-15)
        assert root_up(a) - root_down(a) <= 2.3e-16


@pytest.fixture
def proof():
    return ChargeProof(frame(GAINS[:4])[1])


@pytest.mark.parametrize(
    "how",
    [
        {"a": 0.0}, {"a": 1.0}, {"a": -0.1}, {"a": "0.5"}, {"a": None}, {"a": True},
        {"a": math.nan}, {"a": 10**400}, {"user": 4}, {"user": -1}, {"user": 0.5},
        {"user": True}, {"user": 1, "a": 0.5}, {"k": 1}, {}, [], None,
    ],
)  # fmt: skip
def test_a_split_that_does_not_cover_is_refused(proof, how):
    with pytest.raises(ValueError, match=r"\S"):
        proof.split(proof.root(), how)


def test_splits_say_which_part_is_which_and_force_a_user_once(proof):
    low, high = proof.split(proof.root(), {"a": 0.25})
    assert (low, high) == (Region(0.0, 0.25), Region(0.25, 1.0))
    inside, outside = proof.split(low, {"user": 2})
    assert (inside.inside, inside.outside, inside.a2) == ({2}, frozenset(), 0.25)
    assert (outside.inside, outside.outside) == (frozenset(), {2})
    with pytest.raises(ValueError, match="already forced"):
        proof.split(inside, {"user": 2})


@pytest.mark.parametrize(
    "prices",
    [{}, None, [], {"v": 0.0}, {"v": -1.0}, {"v": math.nan}, {"v": "1"}, {"v": True}, {"w": 1.0}],
)
def test_prices_that_are_none_are_refused(proof, prices):
    with pytest.raises(ValueError, match=r"[Pp]rice"):
        proof.bound(proof.root(), prices)


@pytest.mark.parametrize("arithmetic", ARITHMETICS)
@pytest.mark.parametrize("v", [5e-324, 1e-200, 1e-9, 1e25, 1e150, 1e308])
def test_extreme_prices_give_weak_bounds_never_wrong_ones(arithmetic, v):
    problem, data = frame(GAINS[:4])
    best = every(problem, data)[1].max()
    proof = ChargeProof(data, arithmetic)
    assert -proof.bound(proof.root(), {"v": v}) >= best


def test_a_tighter_bound_than_the_certificate_supports_is_refuted():
    problem, data = frame(GAINS)
    instance, result = solve(problem, data)
    told = {
        "decision": result.decision, "objective": result.objective,
        "violation": result.violation, "status": "feasible", "certificate": result.certificate,
    }  # fmt: skip
    honest = examine(problem, instance, bound=result.bound * (1 + 1e-8), **told)
    assert honest.verdict == "proved"
    lie = examine(problem, instance, bound=result.bound * (1 - 1e-4), **told)
    assert lie.verdict == "refuted"


def test_the_conic_relaxation_bounds_and_rounds():
    problem, data = frame(GAINS)
    instance, result = solve(problem, data, "conic", seconds=10.0)
    assert result.objective == pytest.approx(3278981.6, rel=1e-3)
    assert result.objective <= result.bound <= result.objective * 1.05
    assert examine_result(problem, instance, result).verdict in ("proved", "bounded")


# What policies and searches are told.


def test_features_follow_the_users_and_know_no_units():
    problem = problems.load("droo", "scaled", n_users=12, continuous_weights=True)
    data = problem.sample(np.random.default_rng(0), (5,))
    seen = problem.features(data)
    assert seen.dtype == np.float32
    assert np.isfinite(seen).all()
    order = np.random.default_rng(1).permutation(12)
    users = ("gain", "weight", "kappa")
    moved = {k: v[:, order] if k in users else v for k, v in data.items()}
    np.testing.assert_allclose(problem.features(moved), seen[:, order], atol=1e-4)
    milli = {"ap_power": 1e3, "noise": 1e3, "kappa": 1e3, "weight": 7.0}
    other = {k: v * milli.get(k, 1.0) for k, v in data.items()}
    np.testing.assert_allclose(problem.features(other), seen, atol=1e-4)


def test_features_of_a_batch_are_those_of_its_instances():
    problem = problems.load("droo", n_users=7)
    data = problem.sample(np.random.default_rng(3), (4,))
    for i in range(4):
        alone = problem.features({k: v[i] for k, v in data.items()})
        np.testing.assert_array_equal(alone, problem.features(data)[i])


def test_the_first_feature_nearly_decides():
    """The first feature, whether the best mode seen has the user, is right for most users."""
    problem = problems.load("droo", n_users=10)
    wrong = 0.0
    for index in range(40):
        data = dict(problem.instance(index).data)
        modes, rate = every(problem, data)
        wrong += np.sum((problem.features(data)[:, 0] > 0) != (modes[np.argmax(rate)] > 0.5))
    assert wrong / 400 < 0.05


def test_ranked_modes_hold_the_best_of_small_frames():
    for seed in range(20):
        problem, data = varied(seed)
        best = every(problem, data)[1].max()
        tried = problem.complete(data, problem.ranking(data))
        assert problem.evaluate(data, tried).objective.max() >= best * (1 - 1e-6)


def test_more_than_a_frame_of_anything_is_refused():
    for changes in ({"efficiency": 1.5}, {"noise": 0.0}, {"noise_decades": -1.0}):
        with pytest.raises(ValueError, match="must be"):
            Droo(**changes)


# Published data.

DATA = Path(os.environ.get("TOOLKIT_DATA", Path(__file__).parents[2] / "shared/data")) / "droo"
BEATEN = {"data_10_first2000.npz": {1300: 6.8012e-4}, "data_8_first500.npz": {}}


@pytest.mark.parametrize("name", sorted(BEATEN))
def test_published_optima_are_ours(name):
    """Every row: the proven optimum is the published one to 1e-6, with the same mode."""
    if not (DATA / name).is_file():
        pytest.skip(f"{name} is not here: set TOOLKIT_DATA to the folder of published data")
    arrays = dict(np.load(DATA / name))
    published = problems.load("droo").published(arrays)
    assert published.objective is not None
    assert published.choices is not None
    other = []
    for row, objective in enumerate(published.objective):
        data = {key: value[row] for key, value in published.data.items()}
        result = solve(published.problem, data)[1]
        assert result.status is Status.OPTIMAL
        excess = result.objective / objective - 1
        assert excess == pytest.approx(BEATEN[name].get(row, 0.0), abs=1e-6)
        if np.any(result.decision["offload"] != published.choices["offload"][row]):
            other.append(row)
    assert other == list(BEATEN[name])
    whole = published.problem.evaluate(published.data, published.problem.best(published.data))
    excess = whole.objective / published.objective - 1
    assert np.all(excess > -1e-6)
    assert list(np.flatnonzero(excess > 1e-6)) == other


def test_files_of_another_kind_are_refused_in_one_sentence():
    problem = problems.load("droo")
    good = {"input_h": np.full((3, 10), 1e-6), "output_obj": np.ones((3, 1))}
    assert problem.published(good).problem == problem
    assert problem.published({"input_h": np.full((3, 4), 1e-6)}).problem.n_users == 4
    for wrong in (
        {},
        {"input_h": np.zeros((3, 10), bool)},
        {"input_h": np.full(10, 1e-6)},
        {**good, "output_obj": np.ones((2, 1))},
        {**good, "output_mode": np.ones((3, 9))},
    ):
        with pytest.raises(UserError):
            problem.published(wrong)
    with pytest.raises(UserError, match="alternating"):
        replace(problem, continuous_weights=True).published(good)
