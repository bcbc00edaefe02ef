"""E2EHCO: the published values, the best powers and shares, proofs that hold, and walks."""

import math
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from congested import solve_with as solve
from scipy.optimize import linear_sum_assignment, minimize_scalar

from toolkit import problems, solvers
from toolkit.bench.verify import examine, examine_result
from toolkit.errors import UserError
from toolkit.instances import Instance
from toolkit.problems import Space, Var
from toolkit.problems.e2ehco import E2ehco
from toolkit.problems.e2ehco.features import OPTION, by_option
from toolkit.problems.e2ehco.geometry import sites
from toolkit.problems.e2ehco.radio import snr_table
from toolkit.problems.e2ehco.ranking import polished
from toolkit.problems.e2ehco.rigorous import lower_computing, lower_tables
from toolkit.problems.e2ehco.tables import computing, powers, quick_powers, tables
from toolkit.solvers import Status

ARITHMETICS = ("float", "arb")
PRESETS = tuple(E2ehco.presets)
DECIDED = tuple(name for name in PRESETS if not name.startswith("as-published"))


def load(preset="clean", **changes):
    return problems.load("e2ehco", preset, **changes)


def worth(problem, data, server):
    """Costs of choices of servers, completed."""
    server = np.asarray(server, float)
    return problem.evaluate(data, problem.complete(data, {"server": server})).objective


def every(problem, data):
    """All choices (rows, users) and their costs."""
    space = problem.space(data)
    server = space.choices(0, space.count)["server"]
    return server, worth(problem, data, server)


def varied(seed):
    """Steps of many kinds: sizes, clocks and places over decades, any law, split servers too."""
    rng = np.random.default_rng(seed)
    problem = load(
        PRESETS[seed % len(PRESETS)],
        n_users=int(rng.integers(1, 6)),
        n_servers=int(rng.integers(1, 4)),
    )
    data = dict(problem.instance(seed).data)
    kind = seed % 3
    if kind == 1:
        for key, decades in (("bits", 1.5), ("cycles", 1.0), ("server_cpu", 1.0), ("noise", 2.0)):
            data[key] = data[key] * 10 ** rng.uniform(-decades, decades, data[key].shape)
    elif kind == 2:
        data["power_max"] = data["power_min"] * rng.uniform(1.0, 100.0)
        data["weight_energy"] = data["weight_energy"] * 10 ** rng.uniform(-2, 2)
    if data["share_budget"] > 0 and seed % 2:
        data["share_budget"] = np.array(rng.uniform(0.3, 1.0))
    return problem, data


@pytest.fixture(scope="session")
def kaist():
    folder = Path(os.environ.get("TOOLKIT_DATA", "")) / "kaist"
    if not (os.environ.get("TOOLKIT_DATA") and folder.is_dir()):
        pytest.skip("needs the KAIST traces: TOOLKIT_DATA=FOLDER with kaist/*.txt")
    return str(folder)


# --- the published values


def published(preset, kaist):
    """The problem on the traces, and its first step."""
    problem = load(preset, traces=kaist)
    data = problem.episode(np.random.default_rng(0), 1)
    return problem, {key: value[0] for key, value in data.items()}


@pytest.mark.parametrize(
    ("server", "delay", "energy", "cost"),
    [
        ([0] * 10, 10800.0, 10800.0, 10800.0),
        (list(range(1, 11)), 2160.000000007, 216.0000000035, 1188.0000000052),
        ([1] * 10, 21600.000000007, 2160.0000000035, 11880.0000000053),
    ],
)
def test_the_exact_values_of_the_published_td3(kaist, server, delay, energy, cost):
    problem, data = published("as-published-td3", kaist)
    decision = problem.complete(data, {"server": np.array(server, float)})
    found = problem.evaluate(data, decision)
    assert found.terms["delay"] == pytest.approx(delay, abs=6e-10)
    assert found.terms["energy"] == pytest.approx(energy, abs=6e-11)
    assert found.objective == pytest.approx(cost, abs=6e-11)
    assert found.violation == 0


def test_any_perfect_matching_is_optimal_in_the_published_td3(kaist):
    problem, data = published("as-published-td3", kaist)
    instance, result = solve(problem, data)
    assert sorted(result.decision["server"]) == list(range(1, 11))
    assert result.objective == pytest.approx(1188.000000005, rel=2e-12)
    assert examine_result(problem, instance, result).verdict == "proved"


def test_the_exact_values_of_the_published_drl(kaist):
    """They are those of equal parts; with the best shares five offloaders cost 2.84293594."""
    problem, data = published("as-published-drl", kaist)
    dice = np.random.RandomState(0)  # as in the published code
    data["bits"] = dice.uniform(300, 500, 5) * 1024
    data["cycles"] = dice.uniform(900, 1100, 5) * 1e6
    np.testing.assert_allclose(data["bits"][:2] / 1024, [409.763, 443.038], atol=5e-4)
    np.testing.assert_allclose(data["cycles"][3:] / 1e6, [1092.733, 976.688], atol=5e-4)
    cost = worth(problem, data, [[0] * 5, [1] * 5, [1, 1, 1, 1, 0]])
    np.testing.assert_allclose(cost, [5.1644717209, 2.8443828318, 2.8225030104], atol=5e-11)
    instance, result = solve(problem, data)
    assert result.objective == pytest.approx(2.8225030104, abs=5e-11)
    assert list(result.decision["server"]) == [1, 1, 1, 1, 0]
    assert examine_result(problem, instance, result).verdict == "proved"
    shared = {**data, "share_budget": np.array(1.0)}
    assert worth(problem, shared, [1] * 5) == pytest.approx(2.8429359383, abs=5e-11)


def test_servers_of_the_published_code_stand_amid_their_traces(kaist):
    _, data = published("as-published-td3", kaist)
    np.testing.assert_allclose(data["site"][[0, 1]], [(-361, 113), (-570, 428)], atol=0.5)
    np.testing.assert_allclose(data["site"][5], (956, 5158), atol=0.5)


@pytest.mark.parametrize(
    ("distance", "milliwatt"), [(100.0, 64.0), (1000.0, 109.0), (3000.0, 159.0)]
)
def test_the_best_powers_of_the_formulation(distance, milliwatt):
    """With 1 MHz of noise and no bounds: section 1.2.9 (i)."""
    data = dict(load(n_users=1, n_servers=1).instance(0).data)
    data["bandwidth"], data["noise"] = np.array([1e6]), np.array([10**-14.4])
    data["position"], data["site"] = np.array([[distance, 0.0]]), np.array([[0.0, 0.0]])
    data["power_min"], data["power_max"] = np.array(1e-6), np.array(1e6)
    assert 1e3 * powers(data, snr_table(np, data))[0, 0] == pytest.approx(milliwatt, abs=0.5)


# --- the formula, completion, and the table


def test_the_least_step_is_worked_out_by_hand():
    """One user, one server: every term from the formulas of section 1.2.3."""
    problem = load(n_users=1, n_servers=1)
    data = dict(problem.instance(0).data)
    data |= {"position": np.array([[30.0, 40.0]]), "site": np.array([[0.0, 0.0]])}
    data |= {"bits": np.array([4e6]), "cycles": np.array([1e9]), "server_cpu": np.array([5e9])}
    rate = 1e7 * math.log2(1 + 0.2 * 50.01**-3 / (10**-20.4 * 1e7))
    offload = {"server": np.ones(1), "power": np.array([0.2]), "share": np.array([0.5])}
    found = problem.evaluate(data, offload)
    assert found.terms["delay"] == pytest.approx(4e6 / rate + 0.4, rel=1e-12)
    assert found.terms["energy"] == pytest.approx(0.2 * 4e6 / rate + 0.1 * 0.4, rel=1e-12)
    assert found.objective == pytest.approx(0.5 * sum(found.terms[k] for k in ("delay", "energy")))
    local = problem.evaluate(data, {**offload, "server": np.zeros(1)})
    assert (local.terms["delay"], local.terms["energy"]) == pytest.approx((1.0, 1.0))


@pytest.mark.parametrize("seed", range(24))
def test_the_table_is_worth_what_the_formula_says(seed):
    """Every choice, by cost[i, x_i] and squared loads; equal parts cost no less."""
    problem, data = varied(seed)
    server, cost = every(problem, data)
    table, weight = tables(data)
    users, there = np.arange(server.shape[1]), server.astype(int)
    load = np.stack([((there == m + 1) * w).sum(-1) for m, w in enumerate(weight.T)], axis=-1)
    said = table[users, there].sum(-1) + (load**2).sum(-1)
    if data["share_budget"] > 0:
        np.testing.assert_allclose(cost, said, rtol=1e-13)
    else:
        assert np.all(said <= cost * (1 + 1e-13))
    terms = problem.evaluate(data, problem.complete(data, {"server": server})).terms
    parts = terms["transmission"] + terms["computing"] + terms["local"]
    np.testing.assert_allclose(parts, cost, rtol=1e-12)


@pytest.mark.parametrize("seed", range(12))
def test_powers_are_what_scipy_finds(seed):
    rng = np.random.default_rng(seed)
    data = dict(load(n_users=3, n_servers=2).instance(seed).data)
    data["weight_delay"] = np.array(10 ** rng.uniform(-2, 2))
    data["noise"] = data["noise"] * 10 ** rng.uniform(-3, 6)
    data["power_min"], data["power_max"] = np.array(1e-3), np.array(10.0)
    snr, w1, w2 = snr_table(np, data), data["weight_delay"], data["weight_energy"]

    def cost(log_power, g):
        return (w1 + w2 * np.exp(log_power)) / np.log1p(g * np.exp(log_power))

    for g, power in zip(snr.ravel(), powers(data, snr).ravel(), strict=True):
        ends = (math.log(1e-3), math.log(10.0))
        least = minimize_scalar(cost, args=(g,), bounds=ends, method="bounded").fun
        assert cost(math.log(power), g) <= min(least, *(cost(e, g) for e in ends)) * (1 + 1e-12)


@pytest.mark.parametrize("preset", ["clean", "hard", "dense"])
def test_quick_powers_and_tables_are_nearly_those_of_the_kernel(preset):
    problem = load(preset)
    data = problem.sample(np.random.default_rng(0), (40,))
    for noise in (1e-4, 1.0, 1e2, 1e6, 1e12):  # large ratios, small ones, and both
        other = {**data, "noise": data["noise"] * noise}
        snr = snr_table(np, other)
        np.testing.assert_allclose(quick_powers(other, snr), powers(other, snr), rtol=1e-7)
        for quick, table in zip(tables(other, quick=True), tables(other), strict=True):
            np.testing.assert_allclose(quick, table, rtol=1e-13)


def test_features_are_what_they_are_said_to_be():
    data = {key: value[0] for key, value in load().sample(np.random.default_rng(0), (1,)).items()}
    cost, weight = tables(data)
    seen = by_option(data).astype(float)
    choice = seen[..., 1].argmax(1)
    off = choice > 0
    own = np.take_along_axis(weight, np.maximum(choice - 1, 0)[:, None], 1)[:, 0] * off
    load_of = np.bincount(choice[off] - 1, own[off], weight.shape[1])
    others = load_of - np.where(choice[:, None] == np.arange(1, 6), weight, 0.0)
    local = cost[:, :1]
    for column, part in (
        (3, cost[:, 1:] + weight**2 - local),
        (4, cost[:, 1:] + weight**2 + 2 * weight * others - local),
        (7, weight**2),
        (8, weight * others),
    ):
        x = part / local
        np.testing.assert_allclose(seen[:, 1:, column], 3 * x / (0.5 + abs(x)), atol=2e-6)
    beside = np.concatenate([local, cost[:, 1:] + weight**2 + 2 * weight * others], 1)
    assert (beside.argmin(1) == choice).all()  # best responses
    x = (beside - beside.min(1, keepdims=True)) / local
    np.testing.assert_allclose(seen[..., 5], 3 * x / (0.5 + x), atol=2e-6)
    np.testing.assert_allclose(seen[:, 0, 2], np.log(local[:, 0] / local.mean()), atol=1e-6)
    assert (seen[..., 9] == np.float32(np.log(2))).all()
    assert (seen[..., 10] == np.float32(np.mean(~off))).all()


def test_many_steps_and_choices_are_completed_as_they_are_alone():
    problem = load(n_users=6, n_servers=3)
    data = problem.sample(np.random.default_rng(0), (3,))
    server = np.random.default_rng(1).integers(0, 4, (3, 4, 6)).astype(float)
    spread = {key: value[:, None] for key, value in data.items()}
    whole = problem.complete(spread, {"server": server})
    for i, j in np.ndindex(3, 4):
        alone = problem.complete({k: v[i] for k, v in data.items()}, {"server": server[i, j]})
        for name, value in alone.items():
            np.testing.assert_allclose(whole[name][i, j], value, rtol=1e-12)


def test_what_users_spend_adds_up_to_the_cost():
    problem = load()
    data = problem.sample(np.random.default_rng(0), (5,))
    server = np.random.default_rng(1).integers(0, 6, (5, 10)).astype(float)
    decision = problem.complete(data, {"server": server})
    found, each = problem.evaluate(data, decision), problem.outcome(data, decision)
    np.testing.assert_allclose(each.sum(-2)[:, 0], found.terms["delay"], rtol=1e-12)
    np.testing.assert_allclose(each.sum(-2)[:, 1], found.terms["energy"], rtol=1e-12)


def test_shares_within_the_tolerance_buy_no_cpu():
    """Negative ones count as nothing."""
    problem = load(n_users=50, n_servers=1)
    data = problem.instance(0).data
    decision = problem.complete(data, {"server": np.ones(50)})
    share = np.full(50, -1e-6)
    share[0] = 1 + 49e-6
    found = problem.evaluate(data, {**decision, "share": share})
    assert found.violations["cpu"] > 4e-5


def test_bounds_that_are_equal_leave_no_choice():
    space = Space((Var("p", (2,), "real", 0.5, 0.5), Var("z", (1,), "real", 0.0, 0.0)))
    on = {"p": np.array([0.5, 0.5]), "z": np.zeros(1)}
    assert {name: float(v) for name, v in space.violations(on).items()} == {
        "p:domain": 0.0, "z:domain": 0.0,
    }  # fmt: skip
    off = space.violations({"p": np.array([0.5, 0.45]), "z": np.array([0.1])})
    assert (off["p:domain"], off["z:domain"]) == pytest.approx((0.1, 0.1))
    near = space.snap({"p": np.array([0.5 + 1e-7, 0.4]), "z": np.array([1e-9])})
    assert (list(near["p"]), list(near["z"])) == ([0.5, 0.4], [0.0])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"position": np.zeros((10, 3)), "site": np.zeros((5, 3))}, "2 axes"),
        ({"loss_offset": np.array(0.0)}, "loss_nearest"),
        ({"power_min": np.array(0.6)}, "power_max"),
        ({"share_budget": np.array(1.1)}, "above 1"),
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
        ({"tasks": "never"}, "step or episode"),
        ({"bandwidth_mode": "all"}, "split or published"),
        ({"geometry": "flat"}, "region or published"),
        ({"n_servers": 0}, "positive"),
        ({"n_servers": 2000}, "at most 1000"),
        ({"bits_low": 9e9}, "bits_low"),
        ({"power_min": 0.6}, "power_min"),
        ({"loss_offset": -1.0}, "0 or a positive"),
        ({"loss_offset": 0.0}, "loss_nearest"),
        ({"kappa": math.nan}, "kappa"),
    ],
)
def test_fields_that_make_no_sense_are_refused(change, said):
    with pytest.raises(UserError, match=said):
        load(**change)


# --- exact, and what it proves


@pytest.mark.parametrize("part", range(4))
def test_exact_is_what_enumeration_finds(part):
    """240 small steps, split servers among them: optimum, bound, re-proved certificate."""
    for seed in range(60 * part, 60 * part + 60):
        problem, data = varied(seed)
        best = every(problem, data)[1].min()
        instance, result = solve(problem, data)
        assert result.status is Status.OPTIMAL, seed
        assert result.objective == pytest.approx(best, rel=1e-9)
        assert result.bound <= best * (1 + 1e-12)
        verdict = examine(
            problem, instance, decision=result.decision, objective=result.objective,
            violation=result.violation, bound=result.bound, status=result.status,
            certificate=result.certificate, arithmetic=ARITHMETICS[seed % 2], agree=1e-6,
        )  # fmt: skip
        assert verdict.verdict == "proved", (seed, verdict)
        assert verdict.bound <= best * (1 + 1e-14)


@pytest.mark.parametrize("preset", [p for p in DECIDED if p != "tiny"])
def test_exact_proves_every_preset(preset):
    problem = load(preset)
    for index in range(2):
        data = dict(problem.instance(index).data)
        instance, result = solve(problem, data, gap=1e-6)
        assert examine_result(problem, instance, result).verdict == "proved"
        greedy = solve(problem, data, "greedy")[1].objective
        assert result.bound <= greedy * (1 + 1e-12)
        assert greedy <= result.objective * (1 + 2e-3)


@pytest.mark.parametrize("arithmetic", ARITHMETICS)
@pytest.mark.parametrize("seed", range(12))
def test_every_choice_is_bounded_below_and_closely(seed, arithmetic):
    problem, data = varied(seed)
    server, cost = every(problem, data)
    bound = problem.proof(data, arithmetic).bound_each({"server": server})
    assert np.all(bound <= cost * (1 + 1e-15))
    np.testing.assert_allclose(bound, cost, rtol=1e-12)


@pytest.mark.parametrize("preset", PRESETS)
def test_lower_tables_are_below_and_near(preset):
    data = load(preset).instance(3).data
    for lower, value in zip(lower_tables(data), tables(data), strict=True):
        assert np.all(lower <= value * (1 + 1e-15))
        np.testing.assert_allclose(lower, value, rtol=1e-14)
    np.testing.assert_allclose(lower_computing(data), computing(data), rtol=1e-14)


def test_lower_tables_stay_below_for_any_power():
    """What a transmission costs at any admissible power, far from the best one too."""
    data = dict(load().instance(0).data)
    data["power_min"], data["power_max"] = np.array(1e-5), np.array(50.0)
    lower, snr = lower_tables(data)[0][:, 1:], snr_table(np, data)
    for power in np.geomspace(1e-5, 50.0, 60):
        nats = np.log1p(snr * power) * data["bandwidth"][:, None]
        cost = (data["weight_delay"] + data["weight_energy"] * power) * math.log(2) / nats
        assert np.all(lower <= cost * data["bits"][:, None] * (1 + 1e-14))


def test_a_tighter_bound_than_the_certificate_supports_is_refuted():
    for preset in ("clean", "as-published-drl"):
        problem = load(preset)
        instance, result = solve(problem, dict(problem.instance(0).data))
        told = {
            "decision": result.decision, "objective": result.objective,
            "violation": result.violation, "status": "feasible",
            "certificate": result.certificate,
        }  # fmt: skip
        honest = examine(problem, instance, bound=result.bound * (1 - 1e-8), **told)
        assert honest.verdict == "proved"
        lie = examine(problem, instance, bound=result.bound * (1 + 1e-4), **told)
        assert lie.verdict == "refuted"


# --- models and heuristics


@pytest.mark.parametrize("formulation", list(E2ehco.formulations))
def test_scip_agrees(formulation):
    if solvers.registry.build("scip").missing():
        pytest.skip("needs SCIP")
    problem = load(n_users=3, n_servers=2)
    data = dict(problem.instance(0).data)
    found = solve(problem, data, "scip", formulation=formulation, seconds=30.0)[1]
    assert found.objective == pytest.approx(solve(problem, data)[1].objective, rel=1e-6)


def test_polish_never_worsens_and_ends_near_the_optimum():
    """From random choices; pairs of moves end within 0.2 % on average, moves alone do not."""
    problem = load()
    data = problem.sample(np.random.default_rng(0), (60,))
    start = np.random.default_rng(1).integers(0, 6, (60, 10)).astype(float)
    single, paired = polished(data, start, pairs=False), polished(data, start)
    before, alone, both = (worth(problem, data, s) for s in (start, single, paired))
    assert np.all(alone <= before * (1 + 1e-12))
    np.testing.assert_array_equal(polished(data, paired), paired)
    best = []
    for i in range(60):
        row = {key: value[i] for key, value in data.items()}
        best.append(solve(problem, row, gap=1e-6)[1].objective)
    assert np.mean(both / best) <= 1.002
    assert np.mean(alone / best) >= 1.02


def test_ranking_begins_with_the_plain_policies():
    problem = load()
    data = problem.instance(0).data
    ranked = problem.ranking(data)["server"]
    nearest = np.linalg.norm(data["position"][:, None] - data["site"], axis=-1).argmin(-1) + 1
    assert not ranked[0].any()
    np.testing.assert_array_equal(ranked[1], nearest)
    assert len(np.unique(ranked, axis=0)) == len(ranked)
    limited = np.bincount(ranked[2].astype(int), minlength=6)[1:]
    assert limited.max() <= 4


def test_features_follow_users_and_not_units():
    problem = load()
    data = problem.sample(np.random.default_rng(0), (3,))
    seen = problem.features(data)
    assert (seen.shape, seen.dtype) == ((3, 10, 6 * OPTION), np.float32)
    np.testing.assert_array_equal(seen, by_option(data).reshape(seen.shape))
    order = np.random.default_rng(1).permutation(10)
    users = [k for k, spec in problem.fields.items() if "users" in spec.dims]
    moved = problem.features({k: v[:, order] if k in users else v for k, v in data.items()})
    np.testing.assert_allclose(moved, seen[:, order], atol=1e-5)
    # costs in another currency, bits in another unit
    other = dict(data)
    for key in ("weight_delay", "weight_energy"):
        other[key] = 7.0 * data[key]
    for key in ("bits", "bandwidth"):
        other[key] = data[key] / 8.0
    np.testing.assert_allclose(problem.features(other), seen, atol=1e-5)


# --- walks


def test_an_episode_moves_along_walks():
    """Metres a second as people walk, tasks as the field says, nothing of another seed."""
    problem = load()
    data = problem.episode(np.random.default_rng(0), 40)
    again = problem.episode(np.random.default_rng(0), 40)
    assert all(np.array_equal(data[key], again[key]) for key in problem.fields)
    assert data["position"].shape == (40, 10, 2)
    speed = np.linalg.norm(np.diff(data["position"], axis=0), axis=-1) / 30
    assert 0 < speed.mean() < 5
    assert speed.max() < 50
    assert len(np.unique(data["bits"])) == 400
    frames = [{key: value[t] for key, value in data.items()} for t in (0, 39)]
    for t, frame in enumerate(frames):
        problem.admit(Instance("e2ehco", problem.version, frame, problem.params, str(t)))
    fixed = load("paper").episode(np.random.default_rng(0), 40)
    assert np.all(fixed["bits"] == fixed["bits"][0])


def test_published_positions_hold_for_thirty_steps():
    """Without traces walks take their place, and servers stand amid them."""
    data = load("as-published-drl").episode(np.random.default_rng(0), 3000)
    where = data["position"].reshape(100, 30, 5, 2)
    assert np.all(where == where[:, :1])
    assert np.any(where[1:, 0] != where[:-1, 0])
    np.testing.assert_allclose(data["site"][0, 0], where.mean((0, 1, 2)), rtol=1e-9)


def test_episodes_on_traces_follow_them(kaist):
    from toolkit.instances.mobility import clipped, read_traces

    problem = load(traces=kaist, n_users=12)
    where = problem.episode(np.random.default_rng(3), 20)["position"]
    paths = [clipped(path) for path in read_traces(kaist).paths]
    met = np.zeros((12, len(paths)), bool)  # people who sit in one place are alike
    for user, k in np.ndindex(met.shape):
        starts = np.flatnonzero((paths[k] == where[0, user]).all(-1))
        met[user, k] = any(np.array_equal(paths[k][s : s + 20], where[:, user]) for s in starts)
    assert met[linear_sum_assignment(~met)].all()


def test_the_recipe_is_met_on_the_traces(kaist):
    """Mean cost and share of transmission of the recipe's trial, within 4 %, polished choices."""
    for preset, cost, sent in (
        ("paper", 2.325, 0.05),
        ("clean", 3.294, 0.33),
        ("hard", 3.928, 0.24),
    ):
        problem = load(preset, traces=kaist)
        data = problem.sample(np.random.default_rng(0), (300,))
        server = polished(data, np.zeros((300, 10)))
        found = problem.evaluate(data, problem.complete(data, {"server": server}))
        assert found.objective.mean() == pytest.approx(cost, rel=0.04)
        share = (found.terms["transmission"] / found.objective).mean()
        assert share == pytest.approx(sent, rel=0.15)


def test_servers_stay_where_they_are():
    np.testing.assert_array_equal(sites(5)[0], (-583, -284))
    for servers in (1, 3, 8):
        found = sites(servers)
        assert found.shape == (servers, 2)
        assert np.all(np.diff(found[:, 0]) >= 0)
    mine = load(n_servers=5).instance(0).data
    np.testing.assert_array_equal(mine["server_cpu"], [7e9, 6e9, 4e9, 5e9, 3e9])
    hard = load("hard").instance(0).data
    np.testing.assert_allclose(hard["server_cpu"], [8e9, 6.5e9, 3.5e9, 5e9, 2e9])
