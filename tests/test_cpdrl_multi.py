"""Several servers: one server is cpdrl, exact is enumeration, bounds are bounds, proofs bite."""

import copy
import math
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest

from toolkit import problems
from toolkit.bench.verify import examine, examine_result
from toolkit.instances import Instance, rng_for
from toolkit.problems import Certificate, Problem
from toolkit.problems.cpdrl_multi import _price_kernels
from toolkit.problems.cpdrl_multi.proof.boxes import least_in_box
from toolkit.problems.cpdrl_multi.relaxation import Boxes
from toolkit.solvers import Budget, Probe, Result, Status, losses, registry

CHOICES = 1 << 14  # completed at a time


def every_loss(problem: Problem, instance: Instance) -> np.ndarray:
    """The loss of every choice of servers, +inf where it is infeasible."""
    space, parts = problem.space(instance.data), []
    for start in range(0, space.count, CHOICES):
        choices = space.choices(start, min(space.count, start + CHOICES))
        decision = problem.complete(instance.data, choices)
        parts.append(losses(problem, problem.evaluate(instance.data, decision)))
    return np.concatenate(parts)


def exact(problem: Problem, instance: Instance, **params) -> Result:
    probe = Probe(problem, instance, Budget(), rng_for(0))
    return probe.certify(registry.build("exact", **params).solve(problem, instance, probe))


def varied(seed: int, choices: int) -> Problem:
    """Paper's law with one parameter or more far off: deadlines bind, users are forced, few fit."""
    rng = rng_for("cpdrl_multi varied", seed)
    servers = int(rng.integers(1, 4))
    most = int(math.log(choices) / math.log(servers + 1))
    fields = {
        "n_servers": servers,
        "n_users": int(rng.integers(1, most + 1)),
        "servers": str(rng.choice(["grid", "random"])),
        "bandwidth": float(10 ** rng.uniform(5, 6.7)),
        "f_server": float(10 ** rng.uniform(9.3, 10.5)),
    }
    kind = seed % 4
    if kind == 0:
        fields |= {"deadline": float(rng.uniform(0.08, 0.3))}
    elif kind == 1:
        fields |= {"bits_per_kb": 8192.0, "deadline": float(rng.uniform(0.5, 3.0))}
    elif kind == 2:
        fields |= {"weight_delay": float(10 ** rng.uniform(-2, 1)), "size_low": 50.0}
    return problems.load("cpdrl_multi", **fields)


def compared(count: int, choices: int) -> Counter:
    """Enumerates, solves and verifies; how many were optimal and infeasible, and were branched."""
    seen: Counter = Counter()
    for seed in range(count):
        problem = varied(seed, choices)
        instance = problem.instance(seed)
        best, result = float(every_loss(problem, instance).min()), exact(problem, instance)
        told = (seed, problem.params)
        seen[str(result.status)] += 1
        nodes = result.certificate.body["nodes"]
        seen["users"] += any("user" in node.get("split", {}) for node in nodes)
        seen["binds"] += "s1" in str(nodes) and problem.deadline < 0.3
        verdict = examine_result(problem, instance, result)
        assert verdict.verdict == "proved", (told, verdict)
        if math.isinf(best):
            assert result.status is Status.INFEASIBLE, told
            continue
        assert result.status is Status.OPTIMAL, told
        assert result.objective == pytest.approx(best, rel=1e-9), told
        assert result.bound <= best * (1 + 1e-12), told
    return seen


def test_equals_enumeration_on_instances_of_all_kinds():
    seen = compared(120, 5_000)
    assert min(seen["optimal"], seen["infeasible"], seen["users"], seen["binds"]) >= 10, seen


@pytest.mark.parametrize("seed", [65, 248, 383])
def test_prices_of_a_choice_are_found_where_deadlines_bind(seed):
    """A step along the quadratic overshot, and counted as the last: a gap of up to 8 % remained
    at leaves where everybody's server was given."""
    rng = rng_for("un", seed)
    users, servers = int(rng.integers(3, 7)), int(rng.integers(1, 4))
    shape = {"n_users": users, "n_servers": servers, "servers": "random"}
    problem = problems.load("cpdrl_multi", "tight", **shape)
    data = problem.instance(seed).data
    data = {**data, "bandwidth": data["bandwidth"] * 10 ** rng.uniform(-0.5, 0.3)}
    data["deadline"] = np.asarray(data["deadline"] * 10 ** rng.uniform(-0.2, 0.3))
    instance = Instance(problem.name, problem.version, data, problem.params, "binding")
    result = exact(problem, instance)
    assert result.status is Status.OPTIMAL
    assert result.objective == pytest.approx(float(every_loss(problem, instance).min()), rel=1e-9)


def test_a_user_who_computes_dearly_costs_the_bound_no_soundness():
    """Corners of a box 1e9 times apart: the bound between them had lost all but seven digits, and
    was above the optimum."""
    for seed in range(20):
        problem = problems.load("cpdrl_multi", n_users=2, n_servers=1, weight_energy=1e-4)
        data = problem.instance(seed).data
        instance = Instance(
            problem.name,
            problem.version,
            {**data, "kappa": data["kappa"] * 1e13},
            problem.params,
            "dear",
        )
        result = exact(problem, instance)
        assert result.status is Status.OPTIMAL
        assert examine_result(problem, instance, result).verdict == "proved"


def test_counts_that_no_bandwidth_serves_are_closed_by_prices_that_can_be_checked():
    """Their prices grew to 1e100, beyond all digits of the checker."""
    for seed in range(150):
        rng = rng_for("unserved", seed)
        fields = {"n_users": 4, "n_servers": 4, "deadline": float(rng.uniform(0.06, 0.2))}
        problem = problems.load("cpdrl_multi", "tight", **fields)
        data = problem.instance(seed).data
        slow = np.where(rng.random(4) < 0.5, 0.3, 1.0)
        data = {**data, "f_max": data["f_max"] * slow}
        instance = Instance(problem.name, problem.version, data, problem.params, "unserved")
        result = exact(problem, instance)
        assert result.status in (Status.OPTIMAL, Status.INFEASIBLE)
        assert examine_result(problem, instance, result).verdict == "proved", seed


@pytest.mark.slow
def test_equals_enumeration_on_more_and_larger_instances():
    seen = compared(500, 70_000)
    assert min(seen["optimal"], seen["infeasible"], seen["users"], seen["binds"]) >= 30, seen


@pytest.mark.slow
@pytest.mark.parametrize("servers", [2, 3])
def test_equals_enumeration_with_twelve_users(servers):
    users = 12 if servers == 2 else 10
    problem = problems.load("cpdrl_multi", "tight", n_users=users, n_servers=servers)
    instance = problem.instance(0)
    best = float(every_loss(problem, instance).min())
    assert exact(problem, instance).objective == pytest.approx(best, rel=1e-9)


@pytest.mark.parametrize("preset", ["paper", "tight"])
def test_with_one_server_it_is_cpdrl(preset):
    """The same draws, completions, repairs, numbers and optima."""
    single = problems.load("cpdrl", preset, n_users=6)
    fields = {k: getattr(single, k) for k in ("deadline", "bandwidth", "f_server", "weight_delay")}
    several = problems.load("cpdrl_multi", "paper", n_users=6, n_servers=1, **fields)
    data, other = (p.sample(rng_for("one"), (3,)) for p in (single, several))
    for key, value in data.items():
        np.testing.assert_array_equal(np.squeeze(other[key]), value, key)
    for i in range(3):
        one, two = ({k: v[i] for k, v in d.items()} for d in (data, other))
        choices = single.space(one).choices(0, 2**6)
        done = single.complete(one, choices)
        same = several.complete(two, {"server": choices["offload"]})
        drawn = single.space(one).sample(rng_for("raw"), (50,))
        raw = single.repair(one, drawn)
        as_raw = several.repair(two, {**drawn, "server": drawn["offload"]})
        for ours, theirs in ((done, same), (raw, as_raw)):
            a = single.evaluate(one, ours)
            b = several.evaluate(two, theirs)
            np.testing.assert_array_equal(a.objective, b.objective)
            np.testing.assert_array_equal(a.violation, b.violation)
            for key in ("bandwidth", "power", "frequency"):
                np.testing.assert_array_equal(ours[key], theirs[key])
        best = float(losses(single, single.evaluate(one, done)).min())
        alone = Instance("cpdrl_multi", several.version, two, several.params, "one")
        found = exact(several, alone).objective
        assert (math.inf if found is None else found) == pytest.approx(best, rel=1e-9)


@pytest.mark.parametrize("seed", range(40))
def test_a_box_is_bounded_for_any_prices(seed):
    """No choice whose counts lie in the box is better, however odd the prices, in kernel and proof;
    and what the kernel says can be proved."""
    rng = rng_for("odd prices", seed)
    problem = problems.load(
        "cpdrl_multi",
        "tiny",
        n_users=6,
        deadline=float(rng.choice([0.12, 0.2, 0.5])),
        bandwidth=1e6,
    )
    instance = problem.instance(seed)
    data = instance.data
    choices = problem.space(data).choices(0, 3**6)["server"]
    loss, counts = every_loss(problem, instance), np.stack([(choices == m).sum(1) for m in (1, 2)])
    relaxation, proof = Boxes(data), problem.proof(data)
    node = relaxation.root()
    ends = np.sort(rng.integers(0, 5, (2, 2)), axis=0)
    node.k1, node.k2 = ends.astype(np.int64)
    inside = ((ends[0] <= counts.T) & (ends[1] >= counts.T)).all(1)
    region = proof.root()
    region = type(region)(tuple(map(int, ends[0])), tuple(map(int, ends[1])), region.allowed)
    s = relaxation._first * rng.uniform(0, 6, (2, 2))
    theta = rng.normal(0, 0.2, (2, 2))
    prices = {"s1": s[0], "s2": s[1], "theta1": theta[0], "theta2": theta[1]}
    proven = proof.bound(region, {key: value.tolist() for key, value in prices.items()})
    least = float(loss[inside].min()) if inside.any() else math.inf
    assert proven <= least * (1 + 1e-12)
    limits = (relaxation.tables, relaxation.total, problem.deadline)
    if not _price_kernels.tighten(node.k1, node.k2, node.allowed, *limits):
        assert math.isinf(least)
        return
    k = np.stack([node.k1, node.k2])
    for flat in np.flatnonzero(node.k1 == node.k2):  # one end only: the proof takes the first
        s[1, flat], theta[1, flat] = s[0, flat], theta[0, flat]
    value = _price_kernels.corners(
        k, s, theta, node.allowed, relaxation.tables, relaxation.total, relaxation._scalars
    )
    bound = _price_kernels.least_in_box(value, k, s, theta, relaxation.total)[0]
    assert bound <= least * (1 + 1e-12)
    assert bound <= proven + 1e-9  # which may have found better multipliers


def test_corners_bound_concave_functions_with_parabolas():
    """`least_in_box` against every whole point of random functions of its kind."""
    rng = rng_for("boxes")
    for _ in range(200):
        ends = [
            [(0, 1.0, float(rng.normal())), (int(n), 1.0, float(rng.normal()))]
            for n in rng.integers(1, 7, 2)
        ]
        alpha = [max(0.0, (e[1][2] - e[0][2]) / e[1][0]) for e in ends]
        tilt, bend = rng.normal(size=(4, 2)), rng.normal(size=4)

        def f(k, ends=ends, alpha=alpha, tilt=tilt, bend=bend):
            dip = sum(a * j * (j - e[1][0]) for a, j, e in zip(alpha, k, ends, strict=True))
            return float((tilt @ np.array(k) + bend).min() + dip)

        corners = {(a, b): f((ends[0][a][0], ends[1][b][0])) for a in (0, 1) for b in (0, 1)}
        inside = np.ndindex(ends[0][1][0] + 1, ends[1][1][0] + 1)
        least = min(f(k) for k in inside)
        exactly = {corner: Fraction(value) for corner, value in corners.items()}
        assert float(least_in_box(exactly, ends, [1.0, 1.0])) <= least + 1e-12


def solved() -> tuple[Problem, Instance, Result]:
    problem = problems.load("cpdrl_multi", "tight", n_users=5)
    instance = problem.instance(0)
    return problem, instance, exact(problem, instance)


def verdict_of(problem, instance, result, body) -> str:
    return examine(
        problem,
        instance,
        decision=result.decision,
        objective=result.objective,
        violation=result.violation,
        bound=result.bound,
        status=result.status,
        certificate=Certificate("tree", body),
    ).verdict


def test_a_mutated_certificate_is_refuted():
    problem, instance, result = solved()
    body = {"nodes": list(result.certificate.body["nodes"])}
    assert verdict_of(problem, instance, result, body) == "proved"
    for number, node in enumerate(body["nodes"]):
        for wrong in _mutants(node):
            changed = copy.deepcopy(body)
            changed["nodes"][number] = wrong
            assert verdict_of(problem, instance, result, changed) == "refuted", (number, wrong)


def _mutants(node):
    """Prices that prove nothing, splits that leave something out, false claims of emptiness."""
    if "leaf" in node:
        leaf = node["leaf"]
        if "s1" in leaf:
            yield {
                "leaf": {
                    **leaf,
                    "s1": [10 * s + 1e-3 for s in leaf["s1"]],
                    "s2": [10 * s + 1e-3 for s in leaf["s2"]],
                }
            }
            yield {"leaf": {**leaf, "theta1": leaf["theta1"][:1]}}
            yield {"leaf": {**leaf, "s1": [float("nan")] * 2}}
            yield {"leaf": {**leaf, "s1": [-s - 1e-9 for s in leaf["s1"]]}}
        return
    split = node["split"]
    if "server" in split:
        yield {**node, "split": {"server": split["server"], "most": 99}}
        yield {**node, "split": {"server": 2, "most": split["most"]}}
    yield {**node, "children": node["children"][:1]}


def test_a_false_claim_of_emptiness_is_refuted():
    problem, instance, result = solved()
    proof = problem.proof(instance.data)
    for claim in (
        {"infeasible": True},
        {"infeasible": True, "eta": [1e-6, 1e-6], "theta": [0.0, 0.0]},
        {"infeasible": True, "eta": [0.0, 0.0], "theta": [5.0, -5.0]},
    ):
        assert proof.bound(proof.root(), claim) == -math.inf
    body = {"nodes": [{"leaf": {"infeasible": True}}]}
    assert verdict_of(problem, instance, result, body) == "refuted"


def test_balls_prove_what_floats_prove():
    problem, instance, result = solved()
    assert examine_result(problem, instance, result).verdict == "proved"
    proofs = [problem.proof(instance.data, a) for a in ("float", "arb")]
    choices = problem.space(instance.data).choices(0, 3**5)
    with np.errstate(all="raise", under="ignore"):
        each = [proof.bound_each(choices) for proof in proofs]
    np.testing.assert_allclose(each[0], each[1], rtol=1e-11)
    loss = every_loss(problem, instance)
    assert (each[0] <= loss).all()
    np.testing.assert_array_equal(np.isinf(each[0]), np.isinf(loss))


@pytest.mark.parametrize(
    ("fields", "gap"),
    [
        ({"n_users": 20, "n_servers": 3}, 1e-9),
        ({"n_users": 100, "n_servers": 3}, 1e-4),
        ({"n_users": 100, "n_servers": 3, "scale_with_users": True}, 1e-4),
        ({"n_users": 200, "n_servers": 4, "scale_with_users": True}, 1e-3),
    ],
)
def test_closes_on_many_users(fields, gap):
    problem = problems.load("cpdrl_multi", **fields)
    instance = problem.instance(0)
    result = exact(problem, instance, gap=gap)
    assert result.stop == "finished"
    assert examine_result(problem, instance, result).gap <= gap * (1 + 1e-6)


def test_a_limit_leaves_a_bound_with_its_certificate():
    problem = problems.load("cpdrl_multi", "large", n_users=60)
    instance = problem.instance(0)
    result = exact(problem, instance, nodes=15)
    verdict = examine_result(problem, instance, result)
    assert verdict.verdict == "bounded"
    assert 1e-6 < verdict.gap < 1


def test_greedy_is_nearly_optimal_and_nearest_keeps_its_limit():
    problem = problems.load("cpdrl_multi", "paper")
    for index in range(5):
        instance = problem.instance(index)
        probe = Probe(problem, instance, Budget(), rng_for(0))
        registry.build("greedy").solve(problem, instance, probe)
        assert probe.loss <= exact(problem, instance).objective * 1.02
        server = problem.nearest(instance.data, 2)["server"]
        assert sorted(Counter(server.tolist()).items()) == [(0.0, 4), (1.0, 2), (2.0, 2)]
        near = problem.nearest(instance.data)["server"].astype(int) - 1
        np.testing.assert_array_equal(near, instance.data["gain"].argmax(1))


def test_wrong_parameters_are_refused():
    for fields, word in (
        ({"n_servers": 0}, "positive"),
        ({"n_servers": 99}, "at most"),
        ({"servers": "circle"}, "grid"),
        ({"size_low": 999.0}, "swap"),
    ):
        with pytest.raises(Exception, match=word):
            problems.load("cpdrl_multi", **fields)
