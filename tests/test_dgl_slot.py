"""DGL's slot: the values of the formulation, the best shares, proofs that hold, and caches."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from congested import solve_with as solve
from scipy.optimize import minimize

from toolkit import problems, solvers
from toolkit.bench.verify import examine, examine_result
from toolkit.errors import UserError
from toolkit.problems.dgl_slot import DglSlot, law
from toolkit.problems.dgl_slot.allocation import _slope
from toolkit.problems.dgl_slot.costs import references
from toolkit.problems.dgl_slot.rigorous import lower
from toolkit.problems.dgl_slot.tables import form, tables
from toolkit.solvers import Status

ARITHMETICS = ("float", "arb")
PRESETS = tuple(DglSlot.presets)


def load(preset="clean", **changes):
    return problems.load("dgl_slot", preset, **changes)


def worth(problem, data, target):
    """QoE of choices of targets, completed."""
    target = np.asarray(target, float)
    return problem.evaluate(data, problem.complete(data, {"target": target})).objective


def every(problem, data):
    """All choices (rows, users) and their QoE."""
    space = problem.space(data)
    target = space.choices(0, space.count)["target"]
    return target, worth(problem, data, target)


def varied(seed):
    """Slots of many kinds: any cells and caches, clouds that pay, powers and weights at odds."""
    rng = np.random.default_rng(seed)
    shape = {"n_users": int(rng.integers(1, 7)), "n_servers": int(rng.integers(1, 4))}
    problem = load(PRESETS[seed % len(PRESETS)], **shape)
    data = dict(problem.instance(seed).data)
    if seed % 2:
        data["cell"] = rng.integers(0, shape["n_servers"], shape["n_users"]).astype(float)
        data["cached"] = (rng.random(data["cached"].shape) < 0.5) * 1.0
    kind = seed % 3
    if kind == 1:
        for key in ("bits", "cycles", "efficiency"):
            data[key] = data[key] * 10 ** rng.uniform(-0.7, 0.7, data[key].shape)
        data["energy_power"] = data["energy_power"] * 10 ** rng.uniform(-1, 1)
    elif kind == 2:
        data["cloud_rate"] = data["cloud_rate"] * 10 ** rng.uniform(0, 2)
        data["cloud_cpu"] = data["cloud_cpu"] * 10 ** rng.uniform(0, 1)
        data["weight_delay"], data["weight_energy"] = (np.array(w) for w in rng.uniform(0.1, 2, 2))
    return problem, data


def given(service, distance, users):
    """The published constants with all users alike: a service from 1, a distance (m), no fading."""
    problem = load("as-published", n_users=users)
    seen = law.efficiencies(np.full(users, distance), np.ones(users), 0.1 / 10**-14.4)
    return problem, problem.data_of(np.full(users, service - 1.0), seen, np.ones((2, 10)))


# --- the published values


@pytest.mark.parametrize(
    ("service", "distance", "users", "efficiency", "energy", "local", "square", "edge", "cloud"),
    [
        (3, 100.0, 20, 14.4504517, 8.5035404, 0.3013063, 0.0814554, 0.0604455, -2.1809781),
        (10, 50.0, 50, 18.2103920, 56.2316287, 0.3361065, 0.0352538, 0.5224619, -0.8156491),
    ],
)
def test_the_exact_values_of_the_formulation(
    service, distance, users, efficiency, energy, local, square, edge, cloud
):
    """One user offloads, with a tenth of the band and a fifth of the CPU; the others stay."""
    problem, data = given(service, distance, users)
    assert data["efficiency"][0] == pytest.approx(efficiency, abs=5e-8)
    assert references(np, data)[1][0] == pytest.approx(energy, abs=5e-8)
    at_home = {key: np.zeros(users) for key in ("target", "bandwidth", "cpu")}
    alone = {
        "target": np.eye(1, users)[0], "bandwidth": 0.1 * np.eye(1, users)[0],
        "cpu": 0.2 * np.eye(1, users)[0],
    }  # fmt: skip
    each = problem.evaluate(data, at_home).objective / users
    assert each == pytest.approx(local, abs=5e-8)
    assert tables(data).root[0] ** 2 == pytest.approx(square, abs=5e-8)
    assert tables(data).level == pytest.approx(0.025, rel=1e-15)
    uncached = {**data, "cached": np.zeros((2, 10))}
    for there, value in ((data, edge), (uncached, cloud)):
        found = problem.evaluate(there, alone).objective - (users - 1) * each
        assert found == pytest.approx(value, abs=5e-8)


def test_tasks_are_those_of_the_formulation():
    bits, cycles = law.bits_of(10), law.cycles_of(10)
    np.testing.assert_allclose(bits[[0, 9]], [4.096e6, 40.96e6])
    expected = [0.1843, 0.4096, 0.6758, 0.9830, 1.331, 1.720, 2.150, 2.621, 3.133, 3.686]
    np.testing.assert_allclose(cycles / 1e9, expected, rtol=4e-4)
    assert law.sizes_of(10).sum() / law.GIB == pytest.approx(107.4, abs=0.05)


def test_the_published_law_of_requests():
    mass = law.published_popularity(10, 0.8)
    expected = [0.2768, 0.0366, 0.0402, 0.0448, 0.0506, 0.0586, 0.0700, 0.0882, 0.1219, 0.2123]
    np.testing.assert_allclose(mass, expected, atol=1e-4)
    drawn = law.requests(np.random.default_rng(0), mass, (100_000,))
    np.testing.assert_allclose(np.bincount(drawn.astype(int)) / 1e5, mass, atol=5e-3)


def test_a_detour_is_dominated_by_1_46_to_3_05():
    """2.3 of the formulation: what the cloud adds alone, against at most 1 at home."""
    detours = [float(tables(given(k, 100.0, 20)[1]).detour[0]) for k in range(1, 11)]
    assert detours[9] == pytest.approx(1.46, abs=5e-3)
    assert detours[0] == pytest.approx(3.05, abs=5e-3)
    assert detours == sorted(detours, reverse=True)


def test_all_lose_alike_at_home_in_clean():
    """L = 1 for all: what makes the six counters exact (recipe, 1)."""
    data = load().sample(np.random.default_rng(0), (500,))
    np.testing.assert_array_equal(tables(data).local, 1.0)
    assert np.all(tables(data).level == 0.025)


def test_caches_are_filled_and_fit():
    problem = load()
    cached = problem.sample(np.random.default_rng(0), (300,))["cached"]
    sizes = law.sizes_of(10)
    used = cached @ sizes
    room = 20 * law.GIB - used
    assert np.all(room >= 0)
    assert np.all(np.where(cached == 0, sizes, np.inf).min(-1) > room)
    assert len(np.unique(cached.reshape(-1, 10), axis=0)) == 14  # all that nothing fits beside
    part = load("part").sample(np.random.default_rng(0), (50,))["cached"]
    np.testing.assert_array_equal(part.sum(-1), 5)
    assert load("as-published").instance(0).data["cached"].all()


def test_bandwidth_and_cpus_grow_with_the_users_of_a_cell():
    for users, servers, growth in ((20, 2, 1.0), (50, 2, 2.5), (30, 3, 1.0)):
        data = load(n_users=users, n_servers=servers).instance(0).data
        assert (data["bandwidth"], data["server_cpu"]) == (2e7 * growth, 2e10 * growth)
        blocks = np.bincount(data["cell"].astype(int))
        assert (len(blocks), blocks.max() - blocks.min()) == (servers, 0)
    assert load("as-published").instance(0).data["bandwidth"] == 2e7


def test_places_and_caches_hold_within_an_episode():
    problem = load(fading="none")
    data = problem.episode(np.random.default_rng(0), 5, (2,))
    for key in ("cached", "efficiency"):
        np.testing.assert_array_equal(data[key], np.repeat(data[key][:, :1], 5, axis=1))
    assert not np.array_equal(data["service"][:, 0], data["service"][:, 1])
    assert not np.array_equal(data["cached"][0], data["cached"][1])


# --- the formula, completion, and the table


def test_the_least_slot_is_worked_out_by_hand():
    """Two users, one served by the edge and one by the cloud: every term of 2.3."""
    problem = load("paper", n_users=2, noise="band")
    data = dict(problem.instance(0).data)
    data |= {"bits": np.full(2, 4e6), "cycles": np.full(2, 1e9), "efficiency": np.full(2, 10.0)}
    data |= {"service": np.array([0.0, 1.0]), "cached": np.array([[1.0, 0.0], [0.0, 0.0]])}
    decision = {"target": np.ones(2), "bandwidth": np.full(2, 0.5), "cpu": np.array([0.25, 0.0])}
    upload = 4e6 / (0.5 * 2e7 * math.log2(1 + 1023 / 0.5))
    delay = [upload + 1e9 / (0.25 * 2e10), upload + 4e6 / 2**22 + 1e9 / 4e9 + 0.1]
    seen = problem.outcome(data, decision)
    np.testing.assert_allclose(seen, np.stack([delay, [0.1 * upload] * 2], axis=-1), rtol=1e-12)
    saved = [0.5 * (1 - t) + 0.5 * (1 - 0.1 * upload / 5.0) for t in delay]
    assert problem.evaluate(data, decision).objective == pytest.approx(sum(saved), rel=1e-12)


@pytest.mark.parametrize("seed", range(24))
def test_the_table_is_worth_what_the_formula_says(seed):
    """Every choice, by costs and squared loads."""
    problem, data = varied(seed)
    target, quality = every(problem, data)
    table = form(data)
    users, option = np.arange(target.shape[1]), target.astype(int)
    hit = table.resource[users, option]
    loads = [
        ((hit == r).any(-1) * table.weight[:, r]).sum(-1) for r in range(table.weight.shape[1])
    ]
    said = table.cost[users, option].sum(-1) + (np.array(loads) ** 2).sum(0)
    np.testing.assert_allclose(-quality, said, rtol=1e-12, atol=1e-13)
    found = problem.evaluate(data, problem.complete(data, {"target": target})).terms
    np.testing.assert_allclose(found["time"] + found["effort"], quality, rtol=1e-12)


@pytest.mark.parametrize("noise", ["fixed", "band"])
@pytest.mark.parametrize("seed", range(4))
def test_shares_are_what_scipy_finds(noise, seed):
    """Of both cells, links from good to hopeless."""
    problem = load(n_users=6, noise=noise)
    data = dict(problem.instance(seed).data)
    data["efficiency"] = 10 ** np.random.default_rng(seed).uniform(-3, 1.5, 6)
    best = problem.complete(data, {"target": np.array([1.0, 1, 1, 2, 2, 2])})
    ours = float(problem.evaluate(data, best).objective)

    def loss(weights):
        parts = [
            np.exp(w - w.max()) / np.exp(w - w.max()).sum() for w in (weights[:3], weights[3:])
        ]
        return -float(problem.judge(data, {**best, "bandwidth": np.concatenate(parts)}).objective)

    theirs = -minimize(loss, np.zeros(6), method="Nelder-Mead", options={"maxfev": 4000}).fun
    assert ours >= theirs - 1e-9 * abs(theirs)
    assert ours == pytest.approx(theirs, rel=1e-3)


def test_the_map_of_shares_contracts_to_a_tenth():
    x = np.geomspace(1e-12, 1e30, 100_001)
    power = np.diff(np.log(_slope(np, x))) / np.diff(np.log(x))
    assert np.all((power > -0.11) & (power < 1e-9))


@pytest.mark.parametrize("noise", ["fixed", "band"])
def test_many_slots_and_choices_are_completed_as_they_are_alone_and_in_torch(noise):
    problem = load(n_users=6, n_servers=3, noise=noise)
    data = problem.sample(np.random.default_rng(0), (3,))
    target = np.random.default_rng(1).integers(0, 4, (3, 4, 6)).astype(float)
    spread = {key: value[:, None] for key, value in data.items()}
    whole = problem.complete(spread, {"target": target})
    for i, j in np.ndindex(3, 4):
        alone = problem.complete({k: v[i] for k, v in data.items()}, {"target": target[i, j]})
        for name, value in alone.items():
            np.testing.assert_allclose(whole[name][i, j], value, rtol=1e-12)
    tensors = {key: torch.from_numpy(value) for key, value in spread.items()}
    found = problem.complete(tensors, {"target": torch.from_numpy(target)})
    for name, value in whole.items():
        np.testing.assert_allclose(found[name].numpy(), value, rtol=1e-12)


def test_shares_within_the_tolerance_buy_nothing():
    """Negative ones count as nothing."""
    problem = load("as-published")
    data = problem.instance(0).data
    decision = problem.complete(data, {"target": np.ones(50)})
    for name, key in (("bandwidth", "band"), ("cpu", "cpu")):
        share = np.full(50, -1e-6)
        share[[0, -1]] = 1 + 24e-6
        found = problem.evaluate(data, {**decision, name: share})
        assert found.violations[key] > 2e-5


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"cell": np.full(20, 2.0)}, "from 0 to 1"),
        ({"service": np.full(20, 0.5)}, "from 0 to 9"),
        ({"cached": np.full((2, 10), 0.5)}, "cached"),
        ({"noise_fixed": np.array(0.5)}, "noise_fixed"),
        ({"efficiency": np.full(20, 2e3)}, "efficiency exceeds"),
    ],
)
def test_data_that_make_no_sense_are_refused(change, said):
    problem = load()
    good = problem.instance(0)
    with pytest.raises(UserError, match=said):
        problem.admit(replace(good, data={**good.data, **change}))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"noise": "white"}, "fixed or band"),
        ({"popularity": "flat"}, "shuffled or published"),
        ({"fading": "rice"}, "power or amplitude or none"),
        ({"n_servers": 0}, "1 to 100"),
        ({"n_services": 101}, "1 to 100"),
        ({"copies": 11}, "0 to 10"),
        ({"kappa": math.nan}, "kappa"),
    ],
)
def test_fields_that_make_no_sense_are_refused(change, said):
    with pytest.raises(UserError, match=said):
        load(**change)


# --- exact, and what it proves


@pytest.mark.parametrize("part", range(4))
def test_exact_is_what_enumeration_finds(part):
    """240 small slots, clouds that pay among them: optimum, bound, re-proved certificate."""
    for seed in range(60 * part, 60 * part + 60):
        problem, data = varied(seed)
        best = every(problem, data)[1].max()
        instance, result = solve(problem, data)
        assert result.status is Status.OPTIMAL, seed
        assert result.objective == pytest.approx(best, rel=1e-9, abs=1e-14)
        slack = 1e-12 * abs(best)
        assert result.bound >= best - slack
        verdict = examine(
            problem, instance, decision=result.decision, objective=result.objective,
            violation=result.violation, bound=result.bound, status=result.status,
            certificate=result.certificate, arithmetic=ARITHMETICS[seed % 2], agree=1e-6,
        )  # fmt: skip
        assert verdict.verdict == "proved", (seed, verdict)
        assert verdict.bound >= best - 1e-3 * slack


@pytest.mark.parametrize(("preset", "users"), [("clean", 10), ("as-published", 10), ("part", 11)])
def test_exact_is_what_enumeration_finds_with_more_users(preset, users):
    """All 3^n choices, by the formula."""
    problem = load(preset, n_users=users)
    data = dict(problem.instance(5).data)
    best = max(
        worth(problem, data, problem.space(data).choices(at, at + 59049)["target"]).max()
        for at in range(0, 3**users, 59049)
    )
    assert solve(problem, data)[1].objective == pytest.approx(best, rel=1e-12)


@pytest.mark.parametrize("preset", [p for p in PRESETS if p != "tiny"])
def test_exact_proves_every_preset(preset):
    problem = load(preset)
    for index in range(2):
        data = dict(problem.instance(index).data)
        instance, result = solve(problem, data, gap=1e-6)
        assert examine_result(problem, instance, result).verdict == "proved"
        greedy = solve(problem, data, "greedy")[1].objective
        assert result.bound >= greedy * (1 - 1e-12)
        assert greedy >= result.objective * (1 - 2e-3)


@pytest.mark.parametrize("arithmetic", ARITHMETICS)
@pytest.mark.parametrize("seed", range(12))
def test_every_choice_is_bounded_below_and_closely(seed, arithmetic):
    problem, data = varied(seed)
    target, quality = every(problem, data)
    bound = problem.proof(data, arithmetic).bound_each({"target": target})
    assert np.all(bound <= -quality + 1e-15 * np.abs(quality))
    np.testing.assert_allclose(bound, -quality, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("seed", range(12))
def test_lower_numbers_are_below_and_near(seed):
    data = varied(seed)[1]
    found, table = lower(data), form(data)
    users = np.arange(len(data["bits"]))
    pairs = (
        (found.local, table.cost[:, 0]),
        (found.root, table.weight[users, data["cell"].astype(int)]),
        (found.level, table.top[-1]),
    )
    for below, value in pairs:
        assert np.all(below <= value + 1e-15 * np.abs(value))
        np.testing.assert_allclose(below, value, rtol=1e-14, atol=1e-15)


def test_options_are_left_out_only_where_that_is_proved():
    """Of servers that do not serve a user none is tried, or where the cloud pays the first."""
    problem = load(n_users=3)
    data = dict(problem.instance(0).data)
    data["cached"] = np.zeros((2, 10))
    assert (problem.proof(data).root().allowed == [True, False, False]).all()
    rich = {**data, "cloud_rate": np.array(1e9), "cloud_cpu": np.array(1e11)}
    assert (problem.proof(rich).root().allowed == [True, True, False]).all()
    for case in (data, rich):
        assert solve(problem, case)[1].objective == pytest.approx(every(problem, case)[1].max())


def test_a_tighter_bound_than_the_certificate_supports_is_refuted():
    for preset in ("clean", "as-published"):
        problem = load(preset)
        instance, result = solve(problem, dict(problem.instance(0).data))
        told = {
            "decision": result.decision, "objective": result.objective,
            "violation": result.violation, "status": "feasible",
            "certificate": result.certificate,
        }  # fmt: skip
        honest = examine(problem, instance, bound=result.bound * (1 + 1e-8), **told)
        assert honest.verdict == "proved"
        lie = examine(problem, instance, bound=result.bound * (1 - 1e-4), **told)
        assert lie.verdict == "refuted"


# --- models and heuristics


@pytest.mark.parametrize("formulation", list(DglSlot.formulations))
@pytest.mark.parametrize("preset", ["tiny", "part"])
def test_scip_agrees(preset, formulation):
    if solvers.registry.build("scip").missing():
        pytest.skip("needs SCIP")
    problem = load(preset, n_users=3)
    data = dict(problem.instance(0).data)
    found = solve(problem, data, "scip", formulation=formulation, seconds=30.0)[1]
    assert found.objective == pytest.approx(solve(problem, data)[1].objective, rel=1e-6)


def test_polish_never_worsens_and_ends_near_the_optimum():
    """From random choices; pairs of moves end within 0.1 % on average."""
    problem = load("part")
    data = problem.sample(np.random.default_rng(0), (20,))
    start = np.random.default_rng(1).integers(0, 3, (20, 50)).astype(float)
    choices = [start] + [problem.polish(data, {"target": start}, p)["target"] for p in (0, 1)]
    before, alone, both = (worth(problem, data, choice) for choice in choices)
    assert np.all(alone >= before)
    assert np.all(both >= alone * (1 - 1e-12))
    again = problem.polish(data, {"target": choices[2]})["target"]
    np.testing.assert_allclose(worth(problem, data, again), both, rtol=1e-12)
    best = []
    for i in range(20):
        row = {key: value[i] for key, value in data.items()}
        best.append(solve(problem, row, gap=1e-6)[1].objective)
    assert np.mean(1 - both / best) <= 1e-3


def test_polish_with_less_noise_keeps_what_is_better():
    problem = load(noise="band")
    data = problem.sample(np.random.default_rng(0), (50,))
    start = np.random.default_rng(1).integers(0, 3, (50, 20)).astype(float)
    after = problem.polish(data, {"target": start})["target"]
    gained = worth(problem, data, after) - worth(problem, data, start)
    assert np.all(gained >= 0)
    assert gained.mean() > 1


def test_ranking_begins_with_the_plain_policies():
    problem = load("part")
    data = problem.instance(0).data
    ranked = problem.ranking(data)["target"]
    assert not ranked[0].any()
    np.testing.assert_array_equal(ranked[1], data["cell"] + 1)
    assert len(np.unique(ranked, axis=0)) == len(ranked)
    limited = problem.nearest(data, 3)["target"]
    np.testing.assert_array_equal(np.bincount(limited.astype(int)), [44, 3, 3])


def test_features_follow_users_and_not_units():
    problem = load("part", n_servers=3)
    data = problem.sample(np.random.default_rng(0), (3,))
    seen = problem.features(data)
    assert (seen.shape, seen.dtype) == ((3, 50, 9 + 3 * 4), np.float32)
    order = np.random.default_rng(1).permutation(50)
    users = [key for key, spec in problem.fields.items() if spec.dims == ("users",)]
    turned = {key: value[:, order] if key in users else value for key, value in data.items()}
    np.testing.assert_allclose(problem.features(turned), seen[:, order], rtol=1e-5, atol=1e-6)
    other = {**data, "cycles": data["cycles"] * 8, "kappa": data["kappa"] / 8**3}
    for key in ("local_cpu", "server_cpu", "cloud_cpu"):
        other[key] = data[key] * 8
    np.testing.assert_allclose(problem.features(other), seen, rtol=1e-5, atol=1e-6)


def test_less_noise_is_worth_something_and_no_sum_of_squares():
    problem = load("part", n_users=6, noise="band")
    instance = problem.instance(0)
    said = solvers.registry.build("exact").refuses(problem, instance)
    assert said is not None
    assert "noise grows" in said
    other = {**instance.data, "noise_fixed": np.array(1.0)}
    target = np.random.default_rng(0).integers(1, 3, (9, 6)).astype(float)
    assert np.all(worth(problem, instance.data, target) > worth(problem, other, target))


@pytest.mark.parametrize("arithmetic", ARITHMETICS)
@pytest.mark.parametrize("preset", ["clean", "part"])
def test_with_less_noise_every_choice_is_bounded_below(preset, arithmetic):
    """Links from good to bad; near 2 % at the optimum."""
    problem = load(preset, n_users=5, noise="band")
    data = dict(problem.instance(2).data)
    for spread in (0.0, 0.5):
        decades = np.random.default_rng(3).uniform(-spread, spread, 5)
        case = {**data, "efficiency": data["efficiency"] * 10**decades}
        target, quality = every(problem, case)
        bound = problem.proof(case, arithmetic).bound_each({"target": target})
        assert np.all(bound <= -quality + 1e-14)
        assert bound.min() >= -quality.max() * 1.03


def test_conic_proves_a_bound_with_less_noise():
    problem = load(noise="band")
    instance, result = solve(problem, dict(problem.instance(0).data), "conic")
    assert examine_result(problem, instance, result).verdict == "bounded"
    assert 0 <= result.gap <= 0.02
