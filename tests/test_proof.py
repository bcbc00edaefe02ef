"""The checker's bounds for cpdrl: never above the truth, tight where prices are good, provable."""

import math
import time
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit import problems
from toolkit.bench.verify import examine
from toolkit.instances import Instance, rng_for
from toolkit.problems.cpdrl.proof import CardinalityProof, Region
from toolkit.problems.cpdrl.proof.exact import least_between, rounded_down
from toolkit.problems.cpdrl.proof.floats import BLOCK, FloatUsers, U, block_sum, in_range
from toolkit.problems.cpdrl.proof.guesses import lambert
from toolkit.solvers import Budget, Probe, losses, registry

FAMILIES = ("paper", "tiny", "paper-kbyte", "tight")
ARITHMETICS = ("float", "arb")


def draw(seed, n=None):
    """A problem of a random family with random deadline and bandwidth, its data, all its losses."""
    rng = np.random.default_rng(seed)
    n = n or int(rng.integers(1, 8))
    changes = {
        "deadline": float(rng.uniform(0.06, 0.6)),
        "bandwidth": 5e6 * 10 ** float(rng.uniform(-1, 1)),
        "weight_delay": 10 ** float(rng.uniform(-1, 1)),
        "weight_energy": 10 ** float(rng.uniform(-1, 1)),
    }
    chosen = {k: v for k, v in changes.items() if rng.random() < 0.6}
    family = FAMILIES[rng.integers(len(FAMILIES))]
    problem = problems.load("cpdrl", family, n_users=n, **chosen)
    return problem, problem.instance(0, seed).data


def table(problem, data):
    """All masks (2^n, n) and their optimal losses, inf where infeasible, by the problem itself."""
    space = problem.space(data)
    masks = space.choices(0, 2 ** space["offload"].size)
    loss = losses(problem, problem.evaluate(data, problem.complete(data, masks)))
    return masks["offload"], loss


def least_in(region, masks, loss):
    """The optimum over a region, by enumeration."""
    k = masks.sum(-1)
    here = (k >= region.k1) & (k <= region.k2)
    here &= masks[:, sorted(region.inside)].all(-1) & ~masks[:, sorted(region.outside)].any(-1)
    return float(loss[here].min(initial=math.inf))


def random_region(proof, rng, n):
    """A region reached by random splits, as a certificate would reach it."""
    region = proof.root()
    for _ in range(rng.integers(0, 5)):
        free = sorted(set(range(n)) - region.inside - region.outside)
        hows = [{"k": [int(rng.integers(region.k1, region.k2 + 1))]}]
        hows += [{"user": int(rng.choice(free))}] if free else []
        hows += [{"at": int(rng.integers(region.k1, region.k2))}] if region.k1 < region.k2 else []
        parts = proof.split(region, hows[rng.integers(len(hows))])
        region = parts[rng.integers(len(parts))]
    return region


def random_prices(rng, data):
    """Prices from sensible to absurd; theta of either sign."""
    n = len(data["size"])
    scale = 10 ** rng.uniform(-3, 3)
    s = math.sqrt(1.0 / float(data["bandwidth"])) * scale * 10 ** rng.uniform(-1, 1, 2)
    theta = rng.normal(0, 1, 2) * scale / n
    return dict(zip(("s1", "s2", "theta1", "theta2"), [*s.tolist(), *theta.tolist()], strict=True))


@pytest.mark.parametrize("arithmetic", ARITHMETICS)
@given(seed=st.integers(0, 2**31))
@settings(max_examples=60, deadline=None)
def test_no_prices_on_no_region_give_a_bound_above_the_optimum(arithmetic, seed):
    problem, data = draw(seed)
    masks, loss = table(problem, data)
    proof, rng = CardinalityProof(data, arithmetic), np.random.default_rng(seed)
    for _ in range(6):
        region = random_region(proof, rng, masks.shape[1])
        truth = least_in(region, masks, loss)
        bound = proof.bound(region, random_prices(rng, data))
        assert bound <= truth * (1 + 1e-12)


@given(seed=st.integers(0, 2**31))
@settings(max_examples=60, deadline=None)
def test_float_bounds_lie_below_those_of_balls_and_within_their_rounding(seed):
    _, data = draw(seed)
    n, rng = len(data["size"]), np.random.default_rng(seed)
    fast, reference = (CardinalityProof(data, a) for a in ARITHMETICS)
    for _ in range(4):
        region, prices = random_region(fast, rng, n), random_prices(rng, data)
        ours, theirs = fast.bound(region, prices), reference.bound(region, prices)
        if math.isinf(theirs):
            assert ours == theirs
            continue
        size = n * (abs(prices["theta1"]) + abs(prices["theta2"])) + abs(theirs)
        assert theirs - 1e-11 * size <= ours <= theirs


def best_prices(proof, data, k):
    """Golden-section in s with theta midway between order statistics: crude, independent prices."""
    users = proof._guesses
    n = len(data["size"])

    def at(log_s):
        s = math.exp(log_s)
        mu, y = users.multiplier(s, k)
        power = np.minimum(np.expm1(y) / users.h, users.p_max)
        root = np.sqrt((users.delay + mu + users.energy * power) * users.nats / y)
        cost = 2 * s * root - mu * users.tau + (users.delay + mu) * users.work * k
        gain = np.sort(np.where(users.room(k) > 0, cost - users.local, math.inf))
        low, high = gain[max(k - 1, 0)], gain[min(k, n - 1)]
        theta = (low + high) / 2 if math.isfinite(high) else low
        theta = theta if math.isfinite(theta) else 0.0
        value = theta * k - users.total * s * s + np.sum(np.minimum(gain - theta, 0))
        return value, s, float(theta)

    low, high = math.log(1e-9), math.log(1e2)
    for _ in range(120):
        a, b = low + 0.382 * (high - low), low + 0.618 * (high - low)
        low, high = (a, high) if at(a)[0] < at(b)[0] else (low, b)
    return {"s1": at(low)[1], "theta1": at(low)[2]}


@pytest.mark.parametrize("arithmetic", ARITHMETICS)
@pytest.mark.parametrize("family", ["paper", "tight"])
def test_good_prices_for_every_cardinality_prove_the_optimum(family, arithmetic):
    """In `tight` deadlines bind, so that the multipliers must be good too."""
    for index in range(3):
        problem = problems.load("cpdrl", family, n_users=6)
        data = problem.instance(index).data
        loss = table(problem, data)[1]
        proof = CardinalityProof(data, arithmetic)
        bounds = [proof.bound(Region(k, k), best_prices(proof, data, k)) for k in range(7)]
        assert min(bounds) <= loss.min()
        assert min(bounds) == pytest.approx(loss.min(), rel=1e-9)


def test_two_ends_bound_all_cardinalities_between_as_well_as_each_alone():
    problem = problems.load("cpdrl", "large", n_users=400)
    proof = CardinalityProof(problem.instance(0).data)
    first, last = (best_prices(proof, problem.instance(0).data, k) for k in (100, 110))
    ends = {**first, "s2": last["s1"], "theta2": last["theta1"]}
    whole = proof.bound(Region(100, 110), ends)
    inner = []
    for k in range(100, 111):
        t = (k - 100) / 10
        line = {p: first[p] * (1 - t) + last[p] * t for p in first}
        inner.append(proof.bound(Region(k, k), line))
    assert whole <= min(inner)
    assert whole == pytest.approx(min(inner), rel=1e-4)


@pytest.mark.parametrize("arithmetic", ARITHMETICS)
@given(seed=st.integers(0, 2**31))
@settings(max_examples=40, deadline=None)
def test_the_bound_of_a_mask_is_its_optimum_to_a_billionth_and_never_above(arithmetic, seed):
    problem, data = draw(seed, n=5)
    masks, loss = table(problem, data)
    bound = CardinalityProof(data, arithmetic).bound_each({"offload": masks})
    assert np.all(bound <= loss * (1 + 1e-12))
    fits = np.isfinite(loss)
    assert np.allclose(bound[fits], loss[fits], rtol=1e-9, atol=0)
    assert np.array_equal(np.isinf(bound), ~fits)


@pytest.mark.parametrize("arithmetic", ARITHMETICS)
@given(seed=st.integers(0, 2**31))
@settings(max_examples=60, deadline=None)
def test_infeasibility_is_proved_exactly_where_enumeration_finds_nothing(arithmetic, seed):
    problem, data = draw(seed)
    masks, loss = table(problem, data)
    proof, rng = CardinalityProof(data, arithmetic), np.random.default_rng(seed)
    for _ in range(6):
        region = random_region(proof, rng, masks.shape[1])
        said = proof.bound(region, {"infeasible": True, "because": "a word for readers"})
        nothing = math.isinf(least_in(region, masks, loss))
        assert said == (math.inf if nothing else -math.inf)


def test_users_that_can_neither_run_locally_nor_upload_make_the_whole_space_empty():
    problem = problems.load("cpdrl", "paper-kbyte")
    data = problem.instance(0).data
    for arithmetic in ARITHMETICS:
        proof = CardinalityProof(data, arithmetic)
        assert proof.bound(proof.root(), {"infeasible": True}) == math.inf


def test_running_locally_at_exactly_the_deadline_is_not_called_impossible():
    """D C = tau f_max, or off by roundings; a millionth of a millionth less does not suffice."""
    data = dict(problems.load("cpdrl", "tiny").instance(0).data)
    data |= {"size": np.full(4, 2.0**18), "cycles": np.full(4, 2.0**9), "deadline": np.array(0.5)}
    data["f_max"] = np.full(4, 2.0**28)
    for arithmetic in ARITHMETICS:
        for f_max in (data["f_max"], np.nextafter(data["f_max"], 0)):
            proof = CardinalityProof({**data, "f_max": f_max}, arithmetic)
            assert not proof._users.stuck.any()
        short = {**data, "f_max": data["f_max"] * (1 - 1e-12)}
        assert CardinalityProof(short, arithmetic)._users.stuck.all()


def test_nobody_is_called_stuck_for_a_rounding_or_who_is_not():
    """f_max = the double nearest to D C / tau, its neighbours, and less: fractions know who is."""
    rng = np.random.default_rng(0)
    size, cycles = rng.uniform(1, 2, (2, 800))
    tau = 1.0 + 2.0**-20
    f_max = size * cycles / tau
    f_max[200:400] = np.nextafter(f_max[200:400], 9)
    f_max[400:600] -= 2.0**-52
    f_max[600:] *= 1 - 10 ** rng.uniform(-13, -11, 200)
    data = dict(problems.load("cpdrl", "paper", n_users=800).instance(0).data)
    data |= {"size": size, "cycles": cycles, "f_max": f_max, "deadline": np.array(tau)}
    truth = np.array(
        [
            Fraction(d) * Fraction(c) > Fraction(tau) * Fraction(f)
            for d, c, f in zip(size, cycles, f_max, strict=True)
        ]
    )
    for arithmetic in ARITHMETICS:
        stuck = CardinalityProof(data, arithmetic)._users.stuck
        assert not np.any(stuck[:600])
        assert np.all(truth[stuck])
        assert 80 < np.sum(stuck[600:]) < 150


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("arithmetic", ARITHMETICS)
def test_an_optimum_that_just_meets_its_deadline_is_proved(arithmetic, seed):
    """The deadline is the time of a user: D C / f_max as doubles compute it, by which D C may be
    above tau f_max. Solver and checker decided that apart, and an honest run was refuted."""
    problem = problems.load("cpdrl", "paper", n_users=4, bandwidth=10 ** (5 + seed / 12))
    data = problem.instance(seed).data
    times = data["size"] * data["cycles"] / data["f_max"]
    data = {**data, "deadline": np.asarray(times[seed % 4])}
    instance = Instance(problem.name, problem.version, data, problem.params, "just in time")
    assert verdict_of(problem, instance, arithmetic) == "proved"


@pytest.mark.parametrize("arithmetic", ARITHMETICS)
def test_bandwidth_that_just_suffices_is_not_called_too_little(arithmetic):
    problem = problems.load("cpdrl", "paper", n_users=5)
    data, everybody = problem.instance(0).data, {"offload": np.ones((1, 5))}
    need = float(CardinalityProof(data, "arb")._users.needs(5, np.arange(5)).sum())
    for share, enough in ((1 + 1e-12, True), (1 - 1e-12, False)):
        proof = CardinalityProof({**data, "bandwidth": np.array(need * share)}, arithmetic)
        assert np.isfinite(proof.bound_each(everybody)[0]) == enough
        claim = proof.bound(Region(5, 5), {"infeasible": True})
        assert claim == (-math.inf if enough else math.inf)


@pytest.mark.parametrize("arithmetic", ARITHMETICS)
def test_users_are_called_too_late_only_where_they_are(arithmetic):
    """A slow server: some can offload with k - 1 others and not with k."""
    seen = 0
    for seed in range(12):
        problem = problems.load("cpdrl", "paper", n_users=5, f_server=3e9, deadline=0.3)
        data = problem.instance(seed).data
        masks, loss = table(problem, data)
        proof = CardinalityProof(data, arithmetic)
        for k in range(1, 6):
            for user in range(5):
                region = Region(k, k, frozenset([user]))
                late = proof.bound(region, {"s1": 1e-4, "theta1": 0.0}) == math.inf
                assert not late or least_in(region, masks, loss) == math.inf
                seen += late
    assert seen > 50


@pytest.fixture
def proof():
    return CardinalityProof(problems.load("cpdrl", "tiny").instance(0).data)


def test_splits_cover_their_region_and_say_exactly_which_part_is_which(proof):
    root = proof.root()
    assert root == Region(0, 4)
    assert proof.split(root, {"k": [1, 3]}) == [Region(0, 1), Region(1, 3), Region(3, 4)]
    assert proof.split(root, {"k": 2}) == [Region(0, 2), Region(2, 4)]
    assert proof.split(root, {"at": 1}) == [Region(0, 1), Region(2, 4)]
    inside, outside = proof.split(root, {"user": 2})
    assert (inside.inside, outside.outside) == ({2}, {2})
    assert (inside.outside, outside.inside) == (frozenset(), frozenset())


@pytest.mark.parametrize(
    "how",
    [
        {"k": [3, 1]},
        {"k": [-1]},
        {"k": 5},
        {"k": 1.5},
        {"k": "1"},
        {"k": True},
        {"k": None},
        {"k": [[1]]},
        {"at": 4},
        {"at": -1},
        {"at": [1]},
        {"user": 4},
        {"user": -1},
        {"user": None},
        {"user": 1, "k": 2},
        {"K": 1},
        {},
        [],
        None,
        "k",
    ],
)
def test_a_split_that_does_not_cover_is_refused(proof, how):
    with pytest.raises(ValueError, match=r"\S"):
        proof.split(proof.root(), how)


def test_a_user_is_forced_only_once(proof):
    inside, outside = proof.split(proof.root(), {"user": 1})
    for region in (inside, outside):
        with pytest.raises(ValueError, match="already forced"):
            proof.split(region, {"user": 1})


GOOD = {"s1": 1e-4, "theta1": 0.1, "s2": 1e-4, "theta2": 0.1}


@pytest.mark.parametrize("key", sorted(GOOD))
@pytest.mark.parametrize("value", [None, "1", math.nan, math.inf, -math.inf, [1.0], True, 10**400])
def test_prices_that_are_no_numbers_are_refused(proof, key, value):
    with pytest.raises(ValueError, match="price"):
        proof.bound(proof.root(), {**GOOD, key: value})


def test_prices_that_lack_one_or_have_a_negative_s_are_refused(proof):
    wrong = [{k: v for k, v in GOOD.items() if k != gone} for gone in GOOD]
    wrong += [{**GOOD, "s1": -1e-9}, {**GOOD, "s2": -1e-9}, {}, [], None, {"infeasible": 1}]
    for prices in wrong:
        with pytest.raises(ValueError, match=r"[Pp]rice"):
            proof.bound(proof.root(), prices)
    assert math.isfinite(proof.bound(Region(2, 2), {"s1": 1e-4, "theta1": 0.1}))


@pytest.mark.parametrize("arithmetic", ARITHMETICS)
@pytest.mark.parametrize("extreme", [0.0, 5e-324, 1e-200, 1e150, 1e308])
def test_extreme_prices_give_weak_bounds_never_wrong_ones_or_errors(arithmetic, extreme):
    problem = problems.load("cpdrl", "tiny")
    data = problem.instance(0).data
    least = table(problem, data)[1].min()
    proof = CardinalityProof(data, arithmetic)
    for theta in (-extreme, extreme):
        for other in (1e-4, extreme):
            prices = {"s1": extreme, "theta1": theta, "s2": other, "theta2": -theta}
            assert proof.bound(proof.root(), prices) <= least


def test_extreme_data_are_left_to_ball_arithmetic():
    data = dict(problems.load("cpdrl", "tiny").instance(0).data)
    assert in_range(data)
    data["kappa"] = np.array(1e-200)
    assert not in_range(data)
    assert not isinstance(CardinalityProof(data, "float")._users, FloatUsers)


def test_masks_must_be_rows_of_zeros_and_ones(proof):
    for wrong in (np.zeros((2, 3)), np.zeros(4), np.full((1, 4), 0.5), np.full((1, 4), np.nan)):
        with pytest.raises(ValueError, match="zeros and ones"):
            proof.bound_each({"offload": wrong})


def constants(data):
    """(float, balls) of q, slope, local cost and need, of users to whom they can matter."""
    fast, slow = (CardinalityProof(data, a) for a in ARITHMETICS)
    ours, theirs = fast._users, slow._users
    able, free = ~theirs.stuck, fast._guesses.room(3) > fast._guesses.tau / 1000
    which = np.flatnonzero(free)
    return {
        "q": (2 * ours.slack.q, np.array(list(map(float, theirs.slack.q2)))),
        "slope": (ours.slack.slope, np.array(list(map(float, theirs.slack.slope)))),
        "local": (ours.local[able], np.array(list(map(float, theirs.local)))[able]),
        "need": (ours.needs(3, which), theirs.needs(3, which)),
    }


@given(seed=st.integers(0, 2**31))
@settings(max_examples=30, deadline=None)
def test_every_constant_of_a_user_lies_below_the_balls_and_close_to_them(seed):
    for ours, theirs in constants(draw(seed, n=40)[1]).values():
        assert np.all(ours <= theirs)
        assert np.allclose(ours, theirs, rtol=1e-11, atol=0)


def test_the_stated_allowances_are_really_taken():
    """Rounding errors are mostly far smaller than their bounds, which must be subtracted anyway.

    In units of 2^-53: q loses 16 and half of 32 or more, slope 4 and 2, local cost 24 and 4, need 8
    and 32; the errors themselves may take some of that back.
    """
    found = constants(problems.load("cpdrl", "paper", n_users=200).instance(0).data)
    for name, least in {"q": 36, "slope": 2.5, "local": 20, "need": 28}.items():
        ours, theirs = found[name]
        assert np.all(theirs - ours >= least * U * theirs), name


def test_a_sum_over_users_lies_below_the_balls_by_its_stated_allowance():
    data = problems.load("cpdrl", "large", n_users=500).instance(0).data
    fast, slow = (CardinalityProof(data, a)._users for a in ARITHMETICS)
    nobody, s, theta = np.zeros(0, int), 1e-4, 0.05
    ours, theirs = (u.total(u.slack, s, 60, theta, nobody, nobody) for u in (fast, slow))
    size = 2 * s * fast.slack.sums[0] + 60 * fast.slack.sums[1] + 500 * theta
    assert BLOCK * U * size <= theirs - ours <= 2 * BLOCK * U * size


@given(seed=st.integers(0, 2**31), n=st.integers(0, 500))
@settings(max_examples=60, deadline=None)
def test_block_sums_err_by_no_more_than_stated(seed, n):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=n) * 10.0 ** rng.integers(-20, 20, n)
    exact = sum(map(Fraction, values.tolist()), Fraction(0))
    size = sum((abs(Fraction(v)) for v in values.tolist()), Fraction(0))
    assert abs(Fraction(block_sum(values)) - exact) <= Fraction((BLOCK + 1) * U) * size


@given(
    ends=st.tuples(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3)),
    prices=st.tuples(*[st.floats(0, 1e2)] * 4),
    n=st.integers(1, 60),
)
@settings(max_examples=200, deadline=None)
def test_the_vertex_formula_finds_the_least_integer_point_exactly(ends, prices, n):
    s1, theta1, s2, theta2 = map(Fraction, prices)
    first, last = map(Fraction, ends)
    alpha = max(0, (theta2 - theta1) / n - 3 * ((s2 - s1) / n) ** 2)
    values = [first + (last - first) * j / n - alpha * j * (n - j) for j in range(n + 1)]
    assert least_between((first, last), prices, 3.0, n) == min(values)


@given(st.fractions())
def test_rounding_down_never_rounds_up(value):
    near = rounded_down(value)
    assert Fraction(near) <= value < Fraction(math.nextafter(near, math.inf))


def test_rounding_down_beyond_the_doubles_stays_below():
    assert rounded_down(Fraction(10) ** 400) < math.inf
    assert rounded_down(-(Fraction(10) ** 400)) == -math.inf


def test_the_guess_of_lambert_solves_its_equation():
    x = 10.0 ** np.linspace(-12, 12, 200)
    w = lambert(x)
    assert np.allclose(w * np.exp(w), x, rtol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize(("arithmetic", "limit"), [("float", 1.0), ("arb", 20.0)])
def test_a_hundred_thousand_users_are_checked_in_time(arithmetic, limit):
    """Limits are several times what one core of 2026 needs, so that only a blow-up fails."""
    problem = problems.load("cpdrl", "large", n_users=100_000)
    data = problem.instance(0).data
    start = time.perf_counter()
    proof = CardinalityProof(data, arithmetic)
    cuts = [0, 1000, 5000, 20_000, 40_000, 45_000, 46_000, 50_000, 60_000, 80_000, 100_000]
    for k1, k2 in pairwise(cuts):
        bound = proof.bound(Region(k1, k2), {"s1": 1e-4, "theta1": 0.0, "s2": 1e-4, "theta2": 0.1})
        assert math.isfinite(bound)
    assert time.perf_counter() - start < limit


FEW_HZ = {"deadline": 1e13, "weight_delay": 1e-3, "bandwidth": 100.0}
EXTREMES = [
    ("cpdrl", {"f_max": 1e30}),
    ("cpdrl_soft", {"f_max": 1e30}),
    ("cpdrl_soft", {"weight_energy": 1e30}),
    ("cpdrl_soft", FEW_HZ),
]


@pytest.mark.parametrize(("system", "changes"), EXTREMES)
def test_local_costs_are_proved_where_the_best_frequency_is_far_below_the_largest(system, changes):
    """A tangent over all of 0 to f_max lost digits in proportion to f_max over the best, and a
    multiplier that was a rounding lost them in proportion to the deadline: honest runs refuted."""
    problem = problems.load(system, n_users=4)
    data = dict(problem.instance(0).data)
    data |= {key: np.full(np.shape(data[key]), value) for key, value in changes.items()}
    instance = Instance(problem.name, problem.version, data, problem.params, "extreme")
    for arithmetic in ARITHMETICS:
        assert verdict_of(problem, instance, arithmetic) == "proved"


@pytest.mark.parametrize("seed", [56, 114, 157, 176, 182, 246, 258, 281])
def test_a_bandwidth_that_is_just_what_some_need_is_decided_alike(seed):
    """These cannot compute in time. Solver and checker summed the needs apart, by a rounding: one
    found room for them and the other none, and an honest run was refuted."""
    rng = np.random.default_rng(seed)
    problem = problems.load("cpdrl", "tight", n_users=5)
    data = dict(problem.instance(seed).data)
    some = rng.random(5) < 0.7
    data["f_max"] = np.where(some, data["f_max"] * 0.1, data["f_max"])
    room = data["deadline"] - data["size"] * data["cycles"] / data["f_server"] * some.sum()
    rate = np.log2(1 + data["p_max"] * data["gain"] / data["noise"])
    data["bandwidth"] = np.asarray(np.sum((data["size"] / rate / room)[some]))
    instance = Instance(problem.name, problem.version, data, problem.params, "just enough")
    for arithmetic in ARITHMETICS:
        assert verdict_of(problem, instance, arithmetic) == "proved"


def verdict_of(problem, instance, arithmetic):
    """Of an honest run of `exact`."""
    probe = Probe(problem, instance, Budget(), rng_for(0))
    result = probe.certify(registry.build("exact").solve(problem, instance, probe))
    told = {key: getattr(result, key) for key in ("decision", "objective", "violation", "status")}
    proof = {"bound": result.bound, "certificate": result.certificate, "arithmetic": arithmetic}
    return examine(problem, instance, **told, **proof).verdict
