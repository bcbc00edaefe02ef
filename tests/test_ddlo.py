"""`ddlo`: the published numbers, the exact reference against brute force, and its certificates."""

import os
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from toolkit import problems
from toolkit.bench._reprove import least_loss
from toolkit.bench.verify import examine_result
from toolkit.errors import UserError
from toolkit.instances import Instance, rng_for
from toolkit.problems import Problem
from toolkit.problems.ddlo._dual_kernels import best_sums
from toolkit.problems.ddlo.allocation import split_bits
from toolkit.problems.ddlo.problem import MEGABYTE
from toolkit.problems.ddlo.relaxation import subset_sums
from toolkit.solvers import Budget, Probe, Result, Status, registry

ROW_0 = [[22, 25, 10], [13, 13, 17], [19, 29, 28]]
ROW_16000 = [[17, 23, 25], [28, 24, 29], [16, 21, 24]]
OPTIMUM_0 = [[1, 1, 0], [0, 1, 1], [0, 1, 1]]
OPTIMUM_16000 = [[0, 1, 1], [1, 0, 1], [0, 1, 1]]
DATA = Path(os.environ.get("TOOLKIT_DATA", Path(__file__).parents[2] / "shared" / "data"))
FILE = DATA / "ddlo" / "mumt_3x3_first5000.npz"


def ddlo(preset="paper", **params) -> Problem:
    return problems.load("ddlo", preset, **params)


def sized(megabytes, **params) -> Instance:
    """An instance of given sizes."""
    size = np.array(megabytes, float)
    problem = ddlo(n_users=size.shape[0], n_tasks=size.shape[1], **params)
    return Instance("ddlo", problem.version, problem.data_of(size * MEGABYTE))


def solve(problem: Problem, instance: Instance, solver="exact", **params) -> Result:
    probe = Probe(problem, instance, Budget(seconds=60), rng_for(0))
    return probe.certify(registry.build(solver, **params).solve(problem, instance, probe))


def best_of_all(problem: Problem, instance: Instance) -> float:
    """The optimum by brute force."""
    space = problem.space(instance.data)
    every = problem.complete(instance.data, space.choices(0, space.count))
    return float(problem.evaluate(instance.data, every).objective.min())


def varied(count: int):
    """Small problems of all kinds: both modes, sizes few and many, constants log-uniform."""
    rng = rng_for("ddlo", "varied")
    shapes = [(1, 1), (2, 2), (3, 3), (2, 5), (4, 3), (3, 4), (5, 2), (1, 8), (12, 1), (6, 2)]
    for k in range(count):
        n, m = shapes[k % len(shapes)]
        yield ddlo(
            n_users=n,
            n_tasks=m,
            bandwidth_mode="equal" if k % 4 == 3 else "shared",
            size_low=1,
            size_high=int(rng.choice([2, 30, 1000])),
            capacity=12.5 * MEGABYTE * 10 ** rng.uniform(-1.5, 1.5),
            edge_cycles=1900 * 10 ** rng.uniform(-2, 0.5),
            edge_energy=1.5e-7 * 10 ** rng.uniform(-2, 0.5),
            weight_delay=10 ** rng.uniform(-2, 2),
        )


# --- the published numbers


@pytest.mark.parametrize(
    ("sizes", "offload", "worth"),
    [
        (ROW_0, np.zeros((3, 3)), 1181.1160064),
        (ROW_0, np.ones((3, 3)), 753.862393856),
        (ROW_0, OPTIMUM_0, 688.4679127040),
        (ROW_16000, OPTIMUM_16000, 797.8953216),
    ],
)
def test_values_of_the_published_code(sizes, offload, worth):
    instance = sized(sizes)
    judged = ddlo().evaluate(instance.data, {"offload": np.array(offload, float)})
    assert judged.objective == pytest.approx(worth, rel=1e-12)


@pytest.mark.parametrize(("sizes", "best"), [(ROW_0, OPTIMUM_0), (ROW_16000, OPTIMUM_16000)])
def test_published_optima_are_ours(sizes, best):
    instance = sized(sizes)
    result = solve(ddlo(), instance)
    worth = ddlo().evaluate(instance.data, {"offload": np.array(best, float)}).objective
    assert result.status is Status.OPTIMAL
    assert result.objective == pytest.approx(worth, rel=1e-15)


def test_every_published_row_is_reproduced_and_proven():
    """All stored rows: the same value to rounding, and other bits only where both are optimal."""
    if not FILE.exists():
        pytest.skip(f"needs the published data {FILE.name}; set TOOLKIT_DATA to their folder")
    with np.load(FILE) as file:
        found = ddlo().published(file)
    assert found.objective is not None
    assert found.choices is not None
    problem, ties = found.problem, 0
    labels = problem.evaluate(found.data, found.choices)
    assert labels.objective == pytest.approx(found.objective, rel=1e-12)
    for k, worth in enumerate(found.objective):
        data = {key: value[k] for key, value in found.data.items()}
        result = solve(problem, Instance("ddlo", problem.version, data))
        assert result.status is Status.OPTIMAL, k
        assert result.objective == pytest.approx(worth, rel=1e-12), k
        ties += not np.array_equal(result.decision["offload"], found.choices["offload"][k])
    assert ties < len(found.objective) / 4  # equal sizes of a user, or equal sums


def test_the_published_format_is_read_or_refused():
    rows = {"task_size": np.array([[22, 25, 10, 13, 13, 17, 19, 29, 28]] * 2, np.int32)}
    found = ddlo().published(rows)
    assert (found.problem.n_users, found.problem.n_tasks) == (3, 3)
    assert found.objective is None
    assert np.array_equal(found.data["size"][1], np.array(ROW_0) * MEGABYTE)
    labelled = {**rows, "gain_min": np.ones((1, 2)), "gain_mode": np.ones((2, 9), np.int32)}
    assert ddlo().published(labelled).choices["offload"].shape == (2, 3, 3)
    for wrong in (
        {},
        {"task_size": np.ones((2, 10))},
        {"task_size": rows["task_size"] > 0},
        {**rows, "gain_min": np.ones(3)},
    ):
        with pytest.raises(UserError):
            ddlo().published(wrong)


# --- the mode is a part of the instance


def test_an_instance_brings_its_mode():
    """One problem judges instances of both modes by what is in them."""
    equal, shared = sized(ROW_0), sized(ROW_0, bandwidth_mode="shared")
    assert equal.digest != shared.digest
    for problem in (ddlo(), ddlo("shared")):
        assert [v.name for v in problem.space(equal.data).vars] == ["offload"]
        assert [v.name for v in problem.space(shared.data).vars] == ["offload", "uplink"]
        bits = np.array(OPTIMUM_0, float)
        rate = np.full(3, 12.5 * MEGABYTE / 3)
        worth = problem.evaluate(equal.data, {"offload": bits}).objective
        split = problem.evaluate(shared.data, {"offload": bits, "uplink": rate})
        assert split.objective == pytest.approx(worth, rel=1e-14)
        assert split.violation < 1e-15


@pytest.mark.parametrize("share", [[0.5, 0.5, 0.0], [0.5, 0.5, 0.1]])
def test_shares_that_contradict_themselves_are_refused(share):
    instance = sized(ROW_0)
    wrong = replace(instance, data={**instance.data, "share": np.array(share)})
    with pytest.raises(UserError, match="share"):
        ddlo().admit(wrong)


def test_deciding_the_shares_pays_a_little():
    """The formulation's trial: joint / equal optimum has mean .9966 and is never above 1."""
    ratios = []
    for k in range(60):
        equal = ddlo().instance(k)
        shared = Instance("ddlo", 1, {**equal.data, "share": np.zeros(3)})
        ratios.append(solve(ddlo(), shared).objective / solve(ddlo(), equal).objective)
    assert max(ratios) <= 1 + 1e-12
    assert np.mean(ratios) == pytest.approx(0.9966, abs=1e-3)


# --- completion


def test_completion_equals_cvxpy_on_all_kinds_of_choices():
    pytest.importorskip("cvxpy")
    for k, problem in enumerate(varied(24)):
        instance = problem.instance(k)
        shape = problem.space(instance.data)["offload"].shape
        random = rng_for("modes", k).integers(0, 2, shape)
        for offload in (np.zeros(shape), np.ones(shape), random.astype(float)):
            ours = problem.evaluate(
                instance.data, problem.complete(instance.data, {"offload": offload})
            )
            assert ours.violation < 1e-12
            model = problem.cvxpy(instance, {"offload": offload})
            model.problem.solve(solver="CLARABEL")
            assert model.problem.value == pytest.approx(ours.objective, rel=1e-6), (k, offload)


def test_completion_of_a_batch_solves_the_conditions_of_optimality():
    """Rates are needs where these fit; else c = min(need, sqrt(p U / nu)), and sum to C."""
    problem = ddlo("shared", n_users=30, n_tasks=6, scale_with_users=True)
    data = problem.instance(0).data
    offload = rng_for("batch").integers(0, 2, (500, 30, 6)) * 1.0
    offload *= rng_for("dense").uniform(0.2, 1.0, (500, 1, 1)) > rng_for("x").random((500, 30, 6))
    rate = problem.complete(data, {"offload": offload})["uplink"]
    remote, local = (np.sum(data["size"] * x, -1) for x in (offload, 1 - offload))
    room = data["local_time"] * local - data["edge_time"] * remote
    need = np.where(room > 0, remote / np.where(room > 0, room, 1.0), np.inf)
    used = rate.sum(-1)
    short = used > data["capacity"] * (1 - 1e-9)
    assert 50 < short.sum() < 450  # both kinds were tried
    assert used.max() <= data["capacity"] * (1 + 1e-12)
    assert np.allclose(rate[~short], need[~short], rtol=1e-12)
    assert np.all(rate <= need * (1 + 1e-12))
    with np.errstate(divide="ignore", invalid="ignore"):
        marginal = np.where((rate < need * (1 - 1e-9)) & (remote > 0), remote / rate**2, np.nan)
    rows = short & np.isfinite(marginal).any(-1)
    high, low = np.nanmax(marginal[rows], -1), np.nanmin(marginal[rows], -1)
    assert high == pytest.approx(low, rel=1e-9)  # one price for all who are short of uplink


@pytest.mark.parametrize("tasks", [1, 3, 7, 8, 9, 16, 31, 62])
def test_bits_on_either_side_are_numpys_to_the_bit(tasks):
    """So that it makes no difference to any stored number which of the two adds them."""
    rng = rng_for("bits", tasks)
    for many, cases in (((), ()), ((), (6,)), ((3,), (3,)), ((3, 1), (3, 4))):
        size = rng.uniform(1, 30, (*many, 5, tasks))
        chosen = rng.uniform(0, 1, (*cases, 5, tasks))
        remote, local = split_bits({"size": size}, chosen)
        assert np.array_equal(remote, np.sum(size * chosen, axis=-1))
        assert np.array_equal(local, np.sum(size * (1 - chosen), axis=-1))


# --- the exact reference


def test_the_cheapest_sum_is_found_without_a_scan():
    """Against all sums in NumPy, on ranges long and short, at prices from none to absurd."""
    rng, convex = rng_for("cheapest"), 0
    for k in range(400):
        size = rng.integers(1, 200, (3, 7)) * 10 ** rng.uniform(-3, 7)
        first, sums, _ = subset_sums(size)
        count = np.diff(first)
        low = rng.integers(0, count)
        high = rng.integers(low, count)
        if k % 2:
            low, high = 0 * count, count - 1
        total = size.sum()
        local, edge, energy, remote = 10 ** rng.uniform(-8, -5, 4)
        scalars = np.array([total * 10 ** rng.uniform(-2, 2), local, edge, energy, remote, 1.0])
        nu = 0.0 if k % 40 == 0 else local**2 * total * 10 ** rng.uniform(-6, 6)
        theta = float(rng.choice([0.0, local, -local])) * 10 ** rng.uniform(-3, 3)
        pick, rates = np.zeros(3, np.int64), np.zeros(3)
        value = best_sums(nu, theta, first, sums, low, high, scalars, pick, rates)[0]
        least = -nu * scalars[0]
        for i in range(3):
            u = sums[first[i] + low[i] : first[i] + high[i] + 1]
            kept, end = sums[first[i + 1] - 1] - u, edge * u + np.sqrt(nu * u)
            slow = local * kept > end
            spare = np.where(slow & (u > 0), local * kept - edge * u, 1.0)
            cost = np.where(slow, local * kept + nu * u / spare, end + np.sqrt(nu * u))
            cost += energy * kept + remote * u + theta * u
            least += cost.min()
            at = pick[i] - first[i] - low[i]
            convex += len(u) > 20 and 0 < at < len(u) - 1
            assert cost[at] == pytest.approx(cost.min(), rel=1e-12, abs=1e-14 * np.abs(cost).max())
        assert value == pytest.approx(least, rel=1e-10, abs=1e-12 * nu * scalars[0])
    assert convex > 50


def test_exact_equals_enumeration_where_users_have_many_sums():
    """200 instances of 2^10 choices, of up to 64 or 1,024 sums a user."""
    rng = rng_for("many sums of few users")
    for k in range(200):
        users, tasks = ((2, 5), (1, 10))[k % 5 == 0]
        problem = ddlo(
            n_users=users,
            n_tasks=tasks,
            bandwidth_mode="shared",
            size_high=int(rng.choice([30, 1000])),
            capacity=12.5 * MEGABYTE * 10 ** rng.uniform(-1.5, 1.5),
            edge_cycles=1900 * 10 ** rng.uniform(-2, 0.5),
            edge_energy=1.5e-7 * 10 ** rng.uniform(-2, 0.5),
            weight_delay=10 ** rng.uniform(-2, 2),
        )
        instance = problem.instance(k)
        best, result = best_of_all(problem, instance), solve(problem, instance)
        assert result.objective == pytest.approx(best, rel=1e-9), k
        assert result.bound <= best * (1 + 1e-12), k
        assert result.status is Status.OPTIMAL, k
        proven = least_loss(problem, instance, result.certificate, "float")
        assert result.bound * (1 - 1e-10) <= proven <= best * (1 + 1e-14), k


def test_many_users_on_the_uplink_of_three_are_proven():
    """Nearly all finish device and edge together; 8 s did not do before."""
    problem = ddlo("shared", n_users=100, n_tasks=10)
    for index in (0, 1, 3):
        instance = problem.instance(index)
        result = solve(problem, instance, gap=1e-6)
        assert len(result.certificate.body["nodes"]) <= 600
        assert examine_result(problem, instance, result).verdict == "proved"


def test_exact_equals_enumeration_on_300_instances_of_all_kinds():
    branched = 0
    for k, problem in enumerate(varied(300)):
        instance = problem.instance(k)
        best, result = best_of_all(problem, instance), solve(problem, instance)
        assert result.status is Status.OPTIMAL, problem
        assert result.objective == pytest.approx(best, rel=1e-9), problem
        assert result.bound <= best * (1 + 1e-12), problem
        branched += len(result.certificate.body["nodes"]) > 1
        for arithmetic in ("float", "arb") if k % 10 == 0 else ("float",):
            proven = least_loss(problem, instance, result.certificate, arithmetic)
            assert result.bound * (1 - 1e-10) <= proven <= best * (1 + 1e-14), problem
    assert branched >= 30


@pytest.mark.parametrize(
    ("preset", "params", "gap", "most"),
    [
        ("paper", {"n_users": 1000, "n_tasks": 10}, 1e-9, 1),
        ("shared", {}, 1e-6, 30),
        ("shared", {"n_users": 10, "n_tasks": 5}, 1e-6, 30),
        ("shared", {"n_users": 20, "n_tasks": 12}, 1e-6, 60),  # 3,000 nodes without the total
        ("clean", {}, 1e-6, 30),
        ("clean", {"n_users": 10, "n_tasks": 5}, 1e-6, 30),
        ("large", {}, 1e-6, 30),
    ],
)
def test_the_sizes_asked_for_are_proven_in_few_nodes(preset, params, gap, most):
    problem = ddlo(preset, **params)
    for index in range(3):
        instance = problem.instance(index)
        result = solve(problem, instance, gap=gap)
        assert result.gap <= gap
        assert len(result.certificate.body["nodes"]) <= most
        assert examine_result(problem, instance, result).gap <= gap * (1 + 1e-9)


def test_sizes_that_are_no_whole_numbers_are_proven_too():
    """Their sums are no doubles, so that the checker falls back to balls."""
    rng = rng_for("real sizes")
    for shares in (np.zeros(3), np.full(3, 1 / 3)):
        base = ddlo().instance(0)
        size = rng.uniform(1, 30, (3, 3)) * MEGABYTE
        instance = Instance("ddlo", 1, {**base.data, "size": size, "share": shares})
        result = solve(ddlo(), instance)
        assert result.objective == pytest.approx(best_of_all(ddlo(), instance), rel=1e-12)
        assert examine_result(ddlo(), instance, result).verdict == "proved"


def odd(k: int, rng: np.random.Generator) -> Instance:
    """Instance k of sizes whose sums no double holds: odd units, arbitrary, over many scales."""
    users, tasks = int(rng.integers(2, 6)), int(rng.integers(2, 6))
    unit = 838860.7123 if k % 4 == 0 else MEGABYTE
    problem = ddlo(["shared", "clean"][k % 2], n_users=users, n_tasks=tasks, size_unit=unit)
    data = dict(problem.instance(k).data)
    if k % 4 == 1:
        data["size"] = rng.uniform(8e7, 25e7, (users, tasks))
    elif k % 4 == 2:
        data["size"] = 10 ** rng.uniform(5, 9, (users, tasks))
    elif k % 4 == 3:
        data = {key: v * 10 ** rng.uniform(-6, 6) for key, v in data.items()}
        data["size"] = 10 ** rng.uniform(-2, 25, (users, tasks))
    return Instance("ddlo", problem.version, data, name=f"odd-{k}")


def test_what_is_called_optimal_is_proved_whatever_the_sizes():
    """Rounded sums once were the places of cuts: an exact sum then lay on the other side."""
    rng, branched = rng_for("ddlo", "odd"), 0
    for k in range(320):
        instance = odd(k, rng)
        result = solve(ddlo("shared"), instance)
        branched += len(result.certificate.body["nodes"]) > 1
        assert result.status is Status.OPTIMAL, k
        said = examine_result(ddlo("shared"), instance, result)
        assert said.verdict == "proved", (k, said)
    assert branched > 60


def test_sums_that_rounding_alone_tells_apart_are_never_cut():
    """0.1 + 0.2 is not 0.3: one group of sums, which no split may divide."""
    size = np.array([[0.1, 0.2, 0.3, 0.4], [0.1, 0.7, 0.8, 0.4]]) / 3 * 1e8
    base = ddlo("shared", n_users=2, n_tasks=4).instance(0)
    relaxation = ddlo().relaxation({**base.data, "size": size})
    stack, leaves = [relaxation.root()], 0
    while stack:
        node = stack.pop()
        relaxation.bound(node, np.inf)
        _, children = relaxation.branch(node, np.inf)
        stack.extend(children)
        leaves += not children
    assert leaves == 11 * 14  # the different sums of 1, 2, 3, 4 and of 1, 7, 8, 4
    assert len(relaxation.sums) > 11 + 14


def test_too_many_different_sums_are_refused_in_words():
    size = rng_for("many sums").uniform(1, 30, (1, 20)) * MEGABYTE
    base = sized(np.ones((1, 20)))
    instance = Instance("ddlo", 1, {**base.data, "size": size})
    for name in ("exact", "conic"):
        said = registry.build(name).refuses(ddlo(), instance)
        assert said.startswith("User 0 can offload more than 65,536 different sizes"), name
        assert registry.build(name).refuses(ddlo(), base) is None
    with pytest.raises(UserError, match="User 0 can offload more than 65,536 different sizes"):
        solve(ddlo(), instance)


def test_more_sums_than_the_checker_takes_refute_nothing():
    """Rounding merges what is exactly apart, so that the solver may have fewer sums."""
    size = np.concatenate([2.0 ** np.arange(60, 68), rng_for("tiny").uniform(1, 30, 10)])
    data = {**sized(np.ones((1, 18))).data, "size": size[None]}
    instance = Instance("ddlo", 1, {**data, "share": np.zeros(1)})
    result = solve(ddlo(), instance)
    assert len(ddlo().relaxation(instance.data).sums) < 1 << 16
    said = examine_result(ddlo(), instance, result)
    assert said.verdict == "claimed"
    assert "65,536 different sizes" in said.reason


def test_all_choices_of_sizes_that_are_no_whole_numbers_are_bounded_in_time():
    """Balls enclose what a choice of one user costs once, not in every choice of all users."""
    sizes = rng_for("many choices").uniform(1, 30, (3, 5)) * MEGABYTE
    for share, seconds in ((1 / 3, 1.0), (0.0, 8.0)):
        base = ddlo(n_users=3, n_tasks=5).instance(0)
        data = {**base.data, "size": sizes, "share": np.full(3, share)}
        every = ddlo().space(data).choices(0, 1 << 15)
        begun = time.process_time()
        bounds = ddlo().proof(data, "arb").bound_each(every)
        assert time.process_time() - begun < seconds
        worth = ddlo().evaluate(data, ddlo().complete(data, every)).objective
        assert np.all(bounds <= worth * (1 + 1e-15))
        assert bounds == pytest.approx(worth, rel=1e-12 if share else 1e-9)


# --- the proof


def test_any_price_is_valid_and_the_best_is_the_conic_one():
    """A bound at no price beats the relaxation that CVXPY solves; at its own price they agree."""
    pytest.importorskip("cvxpy")
    for k in range(5):
        problem = ddlo("shared")
        instance = problem.instance(k)
        piece = problem.conic(instance).piece(0)
        piece.model.solve(solver="CLARABEL")
        best = piece.model.value
        for arithmetic in ("float", "arb"):
            proof = problem.proof(instance.data, arithmetic)
            at = [proof.bound(proof.root(), {"nu": float(nu)}) for nu in np.logspace(-9, -3, 60)]
            assert max(at) <= best * (1 + 1e-7)
            assert proof.bound(proof.root(), piece.prices()) == pytest.approx(best, rel=1e-6)
        node = (relaxation := problem.relaxation(instance.data)).root()
        assert relaxation.bound(node, np.inf).loss == pytest.approx(best, rel=1e-7)


def choices_and_losses(problem: Problem, instance: Instance):
    """Every choice's offloaded bits (512, users) and its best loss."""
    space = problem.space(instance.data)
    every = problem.complete(instance.data, space.choices(0, space.count))
    remote = np.sum(instance.data["size"] * every["offload"], axis=-1)
    return remote, problem.evaluate(instance.data, every).objective


def random_how(rng) -> dict:
    """A split at a whole number of MB, between two, or far away."""
    far = [-1.0, 0.0, 1e13, float(rng.integers(0, 180)) * MEGABYTE]
    cut = [float(rng.integers(0, 60)), float(rng.uniform(0, 60))][rng.integers(2)] * MEGABYTE
    cut = float(rng.choice(far)) if rng.random() < 0.2 else cut
    if rng.random() < 0.4:
        return {"total": 3.0 * cut}
    return {"user": int(rng.integers(3)), "most": cut}


@pytest.mark.parametrize("preset", ["shared", "paper"])
def test_no_bound_of_any_region_is_above_its_optimum(preset):
    """Random splits, random prices: the bound, and that a region is empty, by brute force."""
    problem, rng, empty = ddlo(preset), rng_for("regions", preset), 0
    for k in range(12):
        instance = problem.instance(k)
        remote, loss = choices_and_losses(problem, instance)
        proofs = [problem.proof(instance.data, a) for a in ("float", "arb")]
        for _ in range(25):
            here, region = np.full(len(loss), True), proofs[0].root()
            for _ in range(rng.integers(0, 5)):
                how, side = random_how(rng), int(rng.integers(2))
                value, cut = (
                    (remote.sum(-1), how["total"])
                    if "total" in how
                    else (remote[:, how["user"]], how["most"])
                )
                here &= value <= cut if side == 0 else value > cut
                region = proofs[0].split(region, how)[side]
            prices = {"nu": 10 ** rng.uniform(-8, -5), "theta": rng.normal() * 5e-7}
            best = float(loss[here].min(initial=np.inf))
            bounds = [proof.bound(region, prices) for proof in proofs]
            assert max(bounds) <= best * (1 + 1e-14)
            assert bounds[0] == pytest.approx(bounds[1], rel=1e-12, abs=1e-9)
            empty += np.isinf(bounds[0])
    assert 20 < empty < 280


@pytest.mark.parametrize("arithmetic", ["float", "arb"])
def test_splits_cover_their_region(arithmetic):
    """The better part is worth the whole, wherever one cuts."""
    problem = ddlo("shared")
    instance = problem.instance(1)
    proof = problem.proof(instance.data, arithmetic)
    price = {"nu": problem.relaxation(instance.data).root().nu}
    whole = proof.bound(proof.root(), price)
    first = proof.split(proof.root(), {"user": 1, "most": 20 * MEGABYTE})[0]
    for region in (proof.root(), first):
        here = proof.bound(region, price)
        assert here >= whole
        for most in (-1.0, 0.0, 13 * MEGABYTE, 13.5 * MEGABYTE, 25 * MEGABYTE, 1e12):
            for how in ({"user": 1, "most": most}, {"total": 4 * most}):
                parts = proof.split(region, how)
                assert min(proof.bound(part, price) for part in parts) == here


@pytest.mark.parametrize(
    "how",
    [
        None,
        {},
        {"user": 0},
        {"user": 3, "most": 1.0},
        {"user": True, "most": 1.0},
        {"user": 0, "most": "1"},
        {"user": 0, "most": float("nan")},
        {"total": None},
        {"total": 1.0, "user": 0},
    ],
)
def test_a_split_that_is_none_is_refused(how):
    proof = ddlo("shared").proof(ddlo("shared").instance(0).data)
    with pytest.raises(ValueError, match=r"split|user|number"):
        proof.split(proof.root(), how)


@pytest.mark.parametrize("nu", [None, -1.0, float("nan"), float("inf"), "1", True])
def test_a_price_that_is_none_is_refused(nu):
    proof = ddlo("shared").proof(ddlo("shared").instance(0).data)
    with pytest.raises(ValueError, match=r"price|number"):
        proof.bound(proof.root(), {"nu": nu})


def test_a_price_beyond_measure_proves_nothing():
    for arithmetic in ("float", "arb"):
        proof = ddlo("shared").proof(ddlo("shared").instance(0).data, arithmetic)
        assert proof.bound(proof.root(), {"nu": 1e305}) < 0
        for theta in (1e305, -1e305):
            assert proof.bound(proof.root(), {"nu": 1e-6, "theta": theta}) < 0


# --- models and heuristics


@pytest.mark.parametrize("preset", ["paper", "shared", "clean"])
def test_scip_agrees(preset):
    if registry.build("scip").missing():
        pytest.skip("needs SCIP")
    problem = ddlo(preset, n_users=2, n_tasks=3)
    instance = problem.instance(0)
    result = solve(problem, instance, "scip")
    assert result.objective == pytest.approx(solve(problem, instance).objective, rel=1e-6)


def test_greedy_is_near():
    """The published rule, one task kept local, reaches .992; larger M leave finer sums."""
    for preset, params, most in (("paper", {}, 0.03), ("large", {"n_users": 20}, 0.01)):
        for index in range(5):
            problem = ddlo(preset, **params)
            instance = problem.instance(index)
            best = solve(problem, instance, gap=1e-4).objective
            found = solve(problem, instance, "greedy").objective
            assert best * (1 - 1e-4) <= found <= best * (1 + most)
