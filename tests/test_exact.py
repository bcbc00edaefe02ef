"""Branch and bound equals enumeration, its bounds are bounds, and its limits are kept."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit import problems
from toolkit.bench.verify import examine_result
from toolkit.instances import Instance, rng_for
from toolkit.problems import Problem
from toolkit.problems.cpdrl.relaxation import Cardinalities, Node
from toolkit.solvers import Budget, Probe, Result, Status, Stop, losses, registry


def optimum(problem: Problem, instance: Instance) -> float:
    """The least loss of all masks, +inf where none is feasible."""
    space = problem.space(instance.data)
    decision = problem.complete(instance.data, space.choices(0, 2 ** space["offload"].size))
    return float(losses(problem, problem.evaluate(instance.data, decision)).min())


def exact(problem: Problem, instance: Instance, budget: Budget | None = None, **params) -> Result:
    probe = Probe(problem, instance, budget or Budget(), rng_for(0))
    return probe.certify(registry.build("exact", **params).solve(problem, instance, probe))


def families():
    """Presets, and draws that make deadlines bind, users forced and instances infeasible."""
    for preset in ("tiny", "paper", "paper-kbyte", "tight"):
        for n in (1, 2, 5, 10):
            yield preset, {"n_users": n}, 5
    yield "large", {"n_users": 9}, 20
    rng = rng_for("families")
    for _ in range(110):
        yield (
            "paper",
            {
                "n_users": int(rng.integers(1, 11)),
                "deadline": float(rng.uniform(0.06, 0.3)),
                "bandwidth": float(10 ** rng.uniform(4.8, 6.7)),
            },
            1,
        )
        yield (
            "paper",
            {
                "n_users": int(rng.integers(1, 11)),
                "bits_per_kb": float(rng.choice([1000.0, 8192.0])),
                "deadline": float(rng.uniform(0.2, 2.0)),
                "f_server": float(10 ** rng.uniform(9, 10.5)),
                "weight_delay": float(10 ** rng.uniform(-2, 1)),
            },
            1,
        )


def test_equals_enumeration_on_300_instances_of_all_kinds():
    seen = {"optimal": 0, "infeasible": 0}
    for preset, params, count in families():
        problem = problems.load("cpdrl", preset, **params)
        for index in range(count):
            instance = problem.instance(index)
            best, result = optimum(problem, instance), exact(problem, instance)
            seen[str(result.status)] += 1
            if math.isinf(best):
                assert result.status is Status.INFEASIBLE, (preset, params, index)
                continue
            assert result.status is Status.OPTIMAL, (preset, params, index)
            assert result.objective == pytest.approx(best, rel=1e-9), (preset, params, index)
            assert result.bound <= best * (1 + 1e-12), (preset, params, index)
    assert sum(seen.values()) >= 300
    assert min(seen.values()) >= 50, seen  # both kinds were really tried


def near_tie() -> Problem:
    """A family in which the dual at fixed k often has a gap, so that users are branched on."""
    return problems.load("cpdrl", bandwidth=5e5, f_server=1e12, size_low=50.0, size_high=800.0)


def test_branches_on_users_where_the_dual_has_a_gap():
    problem = near_tie()
    branched = 0
    for index in range(100):
        instance = problem.instance(index)
        result = exact(problem, instance)
        assert result.objective == pytest.approx(optimum(problem, instance), rel=1e-9)
        nodes = result.certificate.body["nodes"]
        branched += any("user" in node.get("split", {}) for node in nodes)
    assert branched > 0, "no instance of the family needed a user branched on"


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 10_000),
    ends=st.tuples(st.integers(0, 7), st.integers(0, 7)),
    prices=st.lists(st.floats(0, 20), min_size=4, max_size=4),
    deadline=st.sampled_from([0.12, 0.2, 0.5]),
)
def test_an_interval_bound_holds_for_any_prices(seed, ends, prices, deadline):
    """A4: no mask whose cardinality lies in the interval is better, however odd the prices."""
    problem = problems.load("cpdrl", n_users=7, deadline=deadline, bandwidth=1e6)
    data = problem.instance(0, seed).data
    k1, k2 = sorted(ends)
    s1, s2 = prices[0] * 1e-4, prices[1] * 1e-4
    node = Node(k1, k2, (s1, prices[2] / 10 - 1), (s2, prices[3] / 10 - 1))
    if k1 == k2:
        node = Node(k1, k2, node.price1, node.price1)
    bound = Cardinalities(data).bound(node, math.inf).loss
    masks = problem.space(data).choices(0, 2**7)["offload"]
    masks = masks[(masks.sum(1) >= k1) & (masks.sum(1) <= k2)]
    loss = losses(problem, problem.evaluate(data, problem.complete(data, {"offload": masks})))
    assert bound <= loss.min() * (1 + 1e-12)


def test_identical_users_are_solved_without_branching():
    """All ties: the dual is tight by symmetry, and any k users will do."""
    problem = problems.load("cpdrl", n_users=8)
    instance = problem.instance(0)
    same = {k: np.full_like(v, v.flat[0]) for k, v in instance.data.items()}
    instance = Instance("cpdrl", problem.version, same, problem.params, "same")
    result = exact(problem, instance)
    assert result.status is Status.OPTIMAL
    assert result.objective == pytest.approx(optimum(problem, instance), rel=1e-12)


def test_a_node_limit_leaves_a_true_bound_and_says_so():
    problem = near_tie()
    instance = next(
        i for i in map(problem.instance, range(60)) if math.isfinite(optimum(problem, i))
    )
    result = exact(problem, instance, nodes=4)
    assert "limit of 4 nodes" in result.message
    assert result.bound is None or result.bound <= optimum(problem, instance) * (1 + 1e-12)


def test_a_time_limit_stops_it_with_what_it_has():
    problem = problems.load("cpdrl", "large", n_users=20_000)
    result = exact(problem, problem.instance(0), Budget(seconds=1e-3))
    assert result.stop is Stop.TIME
    assert result.status is not Status.OPTIMAL


@pytest.mark.parametrize(
    ("preset", "n", "gap"),
    [
        ("large", 1000, 1e-9),
        ("large", 10_000, 1e-6),
        ("paper", 1000, 1e-6),
        ("paper", 10_000, 1e-6),
    ],
)
def test_large_instances_are_proven_in_few_nodes(preset, n, gap):
    """With the paper's B and F many users have no time to offload: deadlines bind far from k*."""
    problem = problems.load("cpdrl", preset, n_users=n)
    instance = problem.instance(0)
    result = exact(problem, instance, gap=gap)
    assert result.status is Status.OPTIMAL
    assert result.gap <= gap
    assert len(result.certificate.body["nodes"]) < 60
    assert examine_result(problem, instance, result).verdict == "proved"


@pytest.mark.parametrize(
    ("params", "words"),
    [
        (
            {"bandwidth": 1e5, "bits_per_kb": 8192.0, "n_users": 2},
            ("must offload", "Hz of bandwidth"),
        ),
        ({"bits_per_kb": 8192.0, "f_server": 1e9}, ("users 0, 1", "server is too slow")),
    ],
)
def test_infeasibility_names_the_users_and_the_reason(params, words):
    problem = problems.load("cpdrl", **params)
    result = exact(problem, problem.instance(0))
    assert result.status is Status.INFEASIBLE
    leaf = result.certificate.body["nodes"][0]["leaf"]
    assert leaf["infeasible"] is True
    assert leaf["reason"] == result.message
    for word in words:
        assert word in result.message


def test_a_diagnosis_is_given_exactly_where_nothing_is_feasible():
    """Its words follow the same need-sums as the proof, on both sides of the border."""
    seen = set()
    for deadline in np.linspace(0.5, 1.5, 41):
        problem = problems.load("cpdrl", "paper-kbyte", n_users=5, deadline=float(deadline))
        instance = problem.instance(0)
        infeasible = exact(problem, instance).status is Status.INFEASIBLE
        assert (problem.diagnose(instance.data) is not None) == infeasible, deadline
        seen.add(infeasible)
    assert seen == {True, False}
