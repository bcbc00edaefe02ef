"""Assignment with convex congestion: exact against enumeration, and certificates that hold."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from congested import anything, instance, reproved, slots, solve, steps

from toolkit.instances import rng_for
from toolkit.problems._congestion import Congestion
from toolkit.problems._congestion.assignment import assigned
from toolkit.problems._congestion.proof import CongestionProof, Enclosure
from toolkit.solvers import Status

KINDS = ("steps", "unequal", "fast", "slots", "cached", "any")


def small(kind: str, rng) -> Congestion:
    match kind:
        case "steps":
            return steps(rng, 6, 3)
        case "unequal":
            return steps(rng, 6, 3, (100, 2000), (3, 30), (100, 1000))
        case "fast":
            return steps(rng, 8, 2, speed=(20, 20))
        case "slots":
            return slots(rng, 7, 3)
        case "cached":
            return slots(rng, 8, 2, 1.0)
        case _:
            return anything(rng)


def enumerated(form: Congestion) -> float:
    problem, case = instance(form)
    space = problem.space(case.data)
    return float(form.loss(space.choices(0, space.count)["option"]).min())


# --- exact, and proved


@pytest.mark.parametrize("kind", KINDS)
def test_equals_enumeration(kind):
    """Value, bound, and both arithmetics of the proof, on 240 instances in all."""
    for k in range(40):
        form = small(kind, rng_for("congestion", kind, k))
        best, result = enumerated(form), solve(form)
        size = abs(best - form.offset) + abs(form.offset)
        assert result.status is Status.OPTIMAL
        assert result.objective == pytest.approx(best, rel=1e-13, abs=1e-13 * size)
        for arithmetic in ("float", "arb")[: 2 if k < 10 else 1]:
            bound = reproved(form, result, arithmetic)
            assert best - 1.2e-9 * size <= bound <= best + 1e-14 * size
            assert bound == pytest.approx(result.bound, rel=1e-10, abs=1e-11 * size)


@pytest.mark.parametrize(
    ("law", "users", "many", "gap"),
    [
        (steps, 10, 5, 1e-9),
        (steps, 25, 10, 1e-6),
        (steps, 100, 10, 1e-6),
        (slots, 50, 5, 1e-9),
        (slots, 300, 10, 1e-6),
        (steps, 1000, 20, 1e-6),
    ],
)
def test_proves_larger_ones(law, users, many, gap):
    form = law(rng_for("larger", users), users, many)
    result = solve(form, gap)
    assert result.gap <= gap
    assert reproved(form, result) == pytest.approx(result.bound, rel=1e-11)


def test_copies_prove_the_hard_region_and_are_checked():
    """N / M not whole, between 2 and 4: every count gets prices of its own."""
    form = steps(rng_for("hard", 3), 25, 10)
    result = solve(form, 1e-6)
    assert result.gap <= 1e-6
    assert '"from"' in json.dumps(result.certificate.as_json())
    for arithmetic in ("float", "arb"):
        assert reproved(form, result, arithmetic) == pytest.approx(result.bound, rel=1e-10)


def test_what_is_far_too_dear_at_first_is_not_forgotten():
    """Prices that make staying away free would make the dear state of the resource the best."""
    for much in (0.5, 1.0, 2.6, 30.0):
        form = Congestion(np.array([[0.0, -1.0]]), np.array([[[-1], [0]]]), np.array([[much]]))
        best, result = enumerated(form), solve(form)
        assert result.objective == pytest.approx(best)
        assert reproved(form, result) == pytest.approx(best, abs=1e-9)


def test_an_assignment_is_exact_where_weights_are_equal():
    """Users that are all alike, among others: any perfect matching."""
    for k in range(20):
        form = replace(steps(rng_for("equal", k), 6, 3), weight=np.full((6, 3), 0.3))
        exact = assigned(form)
        assert form.loss(exact) == pytest.approx(enumerated(form), rel=1e-14)
        result = solve(form)
        assert result.gap <= 1e-9
        assert len(result.certificate.body["nodes"]) == 1
    cost = np.concatenate([np.full((10, 1), 1080.0), np.full((10, 10), 1e-9)], axis=1)
    resource = np.tile(np.arange(-1, 10)[:, None], (10, 1, 1))
    alike = solve(Congestion(cost, resource, np.full((10, 10), np.sqrt(118.8))))
    assert alike.objective == pytest.approx(1188.00000001, rel=1e-14)
    assert len(alike.certificate.body["nodes"]) == 1
    assert assigned(slots(rng_for(0), 6, 2)) is None


# --- any prices are valid; what is wrong is found


def test_any_prices_give_a_bound():
    rng = rng_for("prices")
    for k in range(60):
        form = small(KINDS[k % 6], rng_for("valid", k))
        problem, case = instance(form)
        best, many = enumerated(form), form.weight.shape[1]
        shape = (2, many) if k % 2 or form.resource.shape[2] > 1 else (2, many, 3)
        load, count = rng.normal(size=shape) * np.exp(rng.normal(size=shape) * 2)
        prices = {"load": load.tolist(), "count": count.tolist()}
        if load.ndim > 1:
            prices["from"] = rng.integers(0, 3, many).tolist()
        bounds = []
        for arithmetic in ("float", "arb"):
            proof = problem.proof(case.data, arithmetic)
            bounds.append(proof.bound(proof.root(), prices))
            below = best + (0.0 if k % 3 else 0.1 * abs(best))
            (struck,) = proof.split(proof.root(), {"strike": {"below": below, "prices": prices}})
            assert proof.bound(struck, prices) <= max(best, below) + 1e-12 * abs(best)
            if k % 3 == 0:  # nothing that is better than `below` was struck out
                assert proof.bound(struck, prices) <= best + 1e-12 * abs(best)
        assert max(bounds) <= best + 1e-14 * (abs(best) + abs(form.offset))
        assert bounds[0] == pytest.approx(bounds[1], rel=1e-11, abs=1e-11)


def test_every_choice_is_bounded_closely():
    for k in range(24):
        form = small(KINDS[k % 6], rng_for("each", k))
        problem, case = instance(form)
        space = problem.space(case.data)
        choices = space.choices(0, min(space.count, 60))
        loss = form.loss(choices["option"])
        for arithmetic in ("float", "arb"):
            bound = problem.proof(case.data, arithmetic).bound_each(choices)
            assert np.array_equal(np.isfinite(bound), np.isfinite(loss))
            real = np.isfinite(loss)
            off, size = bound[real] - loss[real], np.abs(loss[real]) + 2 * abs(form.offset)
            assert (off <= 1e-15 * size).all()
            assert (off >= -1e-13 * size).all()


def test_wide_weights_are_enclosed():
    """Bounds hold for all weights within the ends that a problem gives."""
    rng = rng_for("wide")
    for k in range(20):
        form = small(KINDS[k % 6], rng_for("enclosed", k))
        ends = np.stack([form.weight * 0.97, form.weight * 1.04])
        proof = CongestionProof(
            Enclosure(form.cost, ends, form.resource, form.offset), lambda d: d["option"]
        )
        load, count = np.abs(rng.normal(size=(2, form.weight.shape[1])))
        bound = proof.bound(proof.root(), {"load": load.tolist(), "count": count.tolist()})
        for _ in range(5):
            weight = form.weight * rng.uniform(0.97, 1.04, form.weight.shape)
            assert bound <= enumerated(replace(form, weight=weight))


def planted(kind):
    """A certificate of several nodes, as JSON."""
    for k in range(50):
        form = small(kind, rng_for("planted", kind, k))
        result = solve(form)
        nodes = json.loads(json.dumps(result.certificate.as_json()))["nodes"]
        if any("strike" in node.get("split", {}) for node in nodes):
            return form, result, nodes
    raise AssertionError("no certificate strikes anything out")


def test_a_strike_that_claims_too_much_proves_no_more():
    form, result, nodes = planted("steps")
    best = enumerated(form)
    for node in nodes:
        if "strike" in node.get("split", {}):
            node["split"]["strike"]["below"] *= 1.01
    assert reproved(form, result, nodes=nodes) <= best * (1 + 1e-14)


def test_a_lost_part_of_a_tree_is_refuted():
    form, result, nodes = planted("steps")
    at = next(k for k, node in enumerate(nodes) if len(node.get("children", [])) == 2)
    nodes[at]["children"] = nodes[at]["children"][:1]
    with pytest.raises(Exception, match="children"):
        reproved(form, result, nodes=nodes)


def test_prices_of_another_instance_prove_less():
    _, result, nodes = planted("unequal")
    other = small("unequal", rng_for("other"))
    best = enumerated(other)
    assert reproved(other, result, nodes=nodes) <= best * (1 + 1e-14)


@pytest.mark.parametrize(
    "prices",
    [
        {},
        {"load": [1.0, 1.0, 1.0]},
        {"load": [1.0], "count": [1.0]},
        {"load": [math.nan] * 3, "count": [0.0] * 3},
        {"load": [math.inf] * 3, "count": [0.0] * 3},
        {"load": [1e300] * 3, "count": [0.0] * 3},
        {"load": [[0.0]] * 3, "count": [[0.0]] * 3},
        {"load": [[0.0]] * 3, "count": [[0.0]] * 3, "from": [0, 0, 7]},
        {"load": [[0.0]] * 3, "count": [[0.0]] * 3, "from": [0, 0, True]},
        {"load": [0.0] * 3, "count": [0.0] * 3, "more": 1},
        None,
    ],
)
def test_what_is_no_price_is_refused(prices):
    problem, case = instance(small("steps", rng_for(1)))
    proof = problem.proof(case.data)
    with pytest.raises((ValueError, KeyError, TypeError)):
        proof.bound(proof.root(), prices)


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"resource": 3, "most": 1},
        {"resource": 0, "most": -1},
        {"resource": 0, "most": 1.5},
        {"user": 6, "options": [1]},
        {"user": 0, "options": [4]},
        {"user": 0, "options": 1},
        {"user": True, "options": [1]},
        {"strike": {"below": math.nan, "prices": {"load": [0.0] * 3, "count": [0.0] * 3}}},
        {"strike": {"below": 1.0}},
        "user",
    ],
)
def test_what_is_no_split_is_refused(how):
    problem, case = instance(small("steps", rng_for(1)))
    proof = problem.proof(case.data)
    with pytest.raises(ValueError):  # noqa: PT011
        proof.split(proof.root(), how)


def test_an_empty_region_is_seen():
    problem, case = instance(small("steps", rng_for(1)))
    proof, prices = problem.proof(case.data), {"load": [0.0] * 3, "count": [0.0] * 3}
    region = proof.root()
    for user in range(2):
        region = proof.split(region, {"user": user, "options": [1]})[0]
    full, _ = proof.split(region, {"resource": 0, "most": 1})
    assert proof.bound(full, prices) == math.inf
    nobody = proof.split(region, {"user": 0, "options": [1]})[1]
    assert proof.bound(nobody, prices) == math.inf
