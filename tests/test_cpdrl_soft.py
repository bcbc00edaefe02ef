"""Soft deadlines: the same exactness as hard ones, and hard ones where lateness is dear enough."""

import math

import numpy as np
import pytest

from toolkit import problems
from toolkit.bench.verify import examine
from toolkit.instances import Instance, rng_for
from toolkit.problems import Problem
from toolkit.problems.cpdrl.relaxation import Cardinalities
from toolkit.solvers import Budget, Probe, Result, Status, losses, registry


def exact(problem: Problem, instance: Instance, solver: str = "exact") -> Result:
    probe = Probe(problem, instance, Budget(), rng_for(0))
    return probe.certify(registry.build(solver).solve(problem, instance, probe))


def verdict(instance: Instance, result: Result, arithmetic: str = "float") -> str:
    told = {key: getattr(result, key) for key in ("decision", "objective", "violation", "status")}
    found = examine(
        PROBLEM,
        instance,
        bound=result.bound,
        certificate=result.certificate,
        arithmetic=arithmetic,
        agree=1e-9,
        **told,
    )
    return found.verdict


def completed(problem: Problem, instance: Instance):
    """All masks with their best continuous part, and their losses."""
    space = problem.space(instance.data)
    masks = space.choices(0, 2 ** space["offload"].size)
    decision = problem.complete(instance.data, masks)
    return decision, losses(problem, problem.evaluate(instance.data, decision))


def cases(count: int, most: int = 9, seed: int = 0):
    """Draws in which nobody, some or everybody is late, locally or at the server."""
    rng = rng_for("soft", seed)
    for _ in range(count):
        yield problems.load(
            "cpdrl_soft",
            n_users=int(rng.integers(1, most)),
            deadline=float(10 ** rng.uniform(-1.7, 0.3)),
            bandwidth=float(10 ** rng.uniform(4.8, 6.9)),
            f_server=float(10 ** rng.uniform(9, 10.5)),
            weight_delay=float(10 ** rng.uniform(-2, 1)),
            weight_late=float(10 ** rng.uniform(-3, 3)),
            p_max=float(10 ** rng.uniform(-2, 0.5)),
        ).instance(int(rng.integers(1000)))


PROBLEM = problems.load("cpdrl_soft")


def test_the_price_of_lateness_by_hand():
    instance = problems.load("cpdrl_soft", "tight", n_users=3, deadline=0.1).instance()
    data = instance.data
    n, hz = 3, float(data["bandwidth"])
    offload = np.array([1.0, 0.0, 1.0])
    decision = {
        "offload": offload,
        "bandwidth": offload * hz / 2,
        "power": offload * 0.3,
        "frequency": (1 - offload) * 1e9,
    }
    cost = late = 0.0
    for i in range(n):
        d, work = float(data["size"][i]), float(data["size"][i] * data["cycles"][i])
        if offload[i]:
            rate = hz / 2 * math.log2(1 + 0.3 * float(data["gain"][i] / data["noise"]))
            t, e = d / rate + work * 2 / float(data["f_server"]), 0.3 * d / rate
        else:
            t, e = work / 1e9, float(data["kappa"]) * work * 1e18
        late += max(0.0, t - float(data["deadline"]))
        cost += float(data["weight_delay"]) * t + float(data["weight_energy"]) * e
    assert late > 0
    found = PROBLEM.evaluate(data, decision)
    assert found.objective == pytest.approx(cost + float(data["weight_late"]) * late, rel=1e-12)
    assert found.terms["lateness"] == pytest.approx(late, rel=1e-12)
    assert found.violation == 0


def test_exact_equals_enumeration_and_is_re_proved_in_both_arithmetics():
    seen = {"late": 0, "in time": 0, "rows": 0}
    for instance in cases(150):
        _, loss = completed(PROBLEM, instance)
        result = exact(PROBLEM, instance)
        assert result.status is Status.OPTIMAL, instance.data
        assert result.objective == pytest.approx(float(loss.min()), rel=1e-9)
        assert result.bound <= loss.min() * (1 + 1e-12)
        late = PROBLEM.evaluate(instance.data, result.decision).terms["lateness"] > 1e-9
        seen["late" if late else "in time"] += 1
        if seen["rows"] < 40:
            for arithmetic in ("float", "arb"):
                assert verdict(instance, result, arithmetic) == "proved", instance.data
        seen["rows"] += 1
    assert min(seen["late"], seen["in time"]) >= 20, seen


def test_no_change_of_the_continuous_part_betters_a_completion():
    rng = rng_for("shake")
    for instance in cases(30, seed=1):
        decision, loss = completed(PROBLEM, instance)
        best = int(np.argmin(loss))
        row = {key: value[best] for key, value in decision.items()}
        for width in (1e-3, 1e-2, 0.3):
            moved = {
                key: value * np.exp(rng.normal(0, width, (300, *value.shape)))
                for key, value in row.items()
                if key != "offload"
            }
            moved["bandwidth"] *= instance.data["bandwidth"] / np.maximum(
                moved["bandwidth"].sum(-1, keepdims=True), 1e-300
            )
            for key, most in (("power", "p_max"), ("frequency", "f_max")):
                moved[key] = np.minimum(moved[key], instance.data[most])
            moved["offload"] = np.broadcast_to(row["offload"], moved["power"].shape)
            found = PROBLEM.evaluate(instance.data, moved)
            assert np.all(found.objective >= loss[best] * (1 - 1e-9))


def test_completions_equal_the_convex_model():
    import cvxpy as cp

    for instance in cases(8, most=6, seed=2):
        rng = rng_for("masks", instance.name)
        n = len(instance.data["size"])
        mask = {"offload": (rng.random(n) < 0.6).astype(float)}
        model = PROBLEM.cvxpy(instance, mask)
        model.problem.solve(solver=cp.CLARABEL)
        loss = losses(
            PROBLEM, PROBLEM.evaluate(instance.data, PROBLEM.complete(instance.data, mask))
        )
        assert float(model.problem.value) == pytest.approx(float(loss), rel=1e-5)
        read = PROBLEM.evaluate(instance.data, model.read())
        assert float(read.objective) == pytest.approx(float(loss), rel=1e-4)


def test_it_is_cpdrl_where_lateness_is_dear_and_cpdrl_without_deadlines_where_it_is_free():
    hard = problems.load("cpdrl", "tight", n_users=7)
    for index in range(10):
        instance = hard.instance(index)
        strict = exact(hard, instance)
        free = exact(hard, Instance("cpdrl", 1, {**instance.data, "deadline": np.array(1e6)}))
        found = {}
        for late in (1e-9, 0.1, 1e6):
            data = {**instance.data, "weight_late": np.array(late)}
            found[late] = exact(PROBLEM, Instance("cpdrl_soft", 1, data)).objective
        assert found[1e-9] <= found[0.1] * (1 + 1e-12) <= found[1e6] * (1 + 2e-12)
        assert found[1e-9] == pytest.approx(free.objective, rel=1e-6)
        assert found[1e6] == pytest.approx(strict.objective, rel=1e-6)


def test_any_prices_bound_the_optimum():
    rng = rng_for("prices")
    for instance in cases(25, seed=3):
        _, loss = completed(PROBLEM, instance)
        n, least = len(instance.data["size"]), float(loss.min())
        for arithmetic in ("float", "arb"):
            proof = PROBLEM.proof(instance.data, arithmetic)
            for _ in range(20):
                s, theta = 10 ** rng.uniform(-6, 0, 2), rng.normal(0, 1, 2) * least
                prices = {"s1": s[0], "theta1": theta[0], "s2": s[1], "theta2": theta[1]}
                assert proof.bound(proof.root(), prices) <= least
            assert proof.bound(proof.root(), {"infeasible": True}) == -math.inf
        near = Cardinalities(instance.data)
        k = near.best_k
        price = near.best(k)
        assert 0 <= k <= n
        assert np.isfinite(price.price).all()


@pytest.mark.parametrize("solver", ["conic", "outer"])
def test_relaxations_are_proved(solver):
    for instance in cases(6, most=7, seed=4):
        _, loss = completed(PROBLEM, instance)
        result = exact(PROBLEM, instance, solver)
        assert result.objective == pytest.approx(float(loss.min()), rel=1e-3)
        assert result.bound <= loss.min() * (1 + 1e-9)
        assert verdict(instance, result) in ("proved", "bounded")


@pytest.mark.parametrize("formulation", ["lifted", "paper"])
def test_generic_solver_agrees(formulation):
    instance = problems.load("cpdrl_soft", "tight", n_users=2).instance(1)
    best = exact(PROBLEM, instance)
    probe = Probe(PROBLEM, instance, Budget(seconds=20), rng_for(0))
    solver = registry.build("scip", formulation=formulation)
    result = probe.certify(solver.solve(PROBLEM, instance, probe))
    assert result.objective == pytest.approx(best.objective, rel=1e-3)
