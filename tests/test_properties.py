"""What holds for every instance, tried on those that Hypothesis can think of."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from toolkit import solvers
from toolkit.problems import Problem, Space, Var
from toolkit.problems.cpdrl import Cpdrl
from toolkit.solvers import Budget, Probe, Status, losses

tried = settings(max_examples=60, deadline=None, derandomize=True)
Data = dict[str, np.ndarray]


def around(value: float, factor: float) -> st.SearchStrategy[float]:
    """Log-uniform from value / factor to value * factor."""
    power = st.floats(-math.log(factor), math.log(factor), allow_nan=False)
    return power.map(lambda exponent: value * math.exp(exponent))


PROBLEMS = st.builds(
    Cpdrl,
    n_users=st.integers(1, 6),
    bits_per_kb=around(1000.0, 3.0),
    deadline=around(0.25, 3.0),
    f_server=around(15e9, 5.0),
    bandwidth=around(1e6, 8.0),
    p_max=around(1.0, 5.0),
    kappa=around(1e-28, 5.0),
    weight_delay=around(0.05, 50.0),
    weight_energy=around(1.0, 5.0),
)
CASES = st.tuples(PROBLEMS, st.integers(0, 10_000))
FACTORS = around(1.0, 1e3)


def drawn(case: tuple[Problem, int]) -> tuple[Cpdrl, Data]:
    problem, seed = case
    assert isinstance(problem, Cpdrl)
    return problem, dict(problem.instance(0, seed).data)


def all_losses(problem: Cpdrl, data: Data) -> np.ndarray:
    """The least loss of every mask, +inf where it is infeasible."""
    masks = problem.space(data).choices(0, 2 ** len(data["size"]))
    return losses(problem, problem.evaluate(data, problem.complete(data, masks)))


def margin(data: Data, offload: np.ndarray) -> float:
    """How far a mask is from the edge of feasibility, relative: positive where it is feasible.

    From the definitions alone: locals at full speed, offloaders at full power, the least
    bandwidths that meet the deadline summed.
    """
    work, deadline = data["size"] * data["cycles"], data["deadline"]
    local = 1 - work / data["f_max"] / deadline
    room = deadline - work * offload.sum() / data["f_server"]
    if not offload.any():
        return float(local.min())
    spectral = np.log2(1 + data["p_max"] * data["gain"] / data["noise"])
    shares = data["size"] / spectral / np.where(room > 0, room, 1e-300) / data["bandwidth"]
    slack = [1 - float(np.where(offload > 0, shares, 0).sum())]
    slack += list((room / deadline)[offload > 0]) + list(local[offload == 0])
    return min(slack)


@tried
@given(CASES, st.integers(0, 2**6 - 1))
def test_completion_is_feasible_exactly_where_a_decision_can_be(case: Any, bits: int) -> None:
    """Neither may a feasible mask be lost nor an infeasible one be sold."""
    problem, data = drawn(case)
    offload = np.array([float(bits >> i & 1) for i in range(problem.n_users)])
    edge = margin(data, offload)
    assume(abs(edge) > 1e-5)
    found = problem.evaluate(data, problem.complete(data, {"offload": offload}))
    assert bool(found.feasible()) == (edge > 0)


@tried
@given(CASES, st.integers(0, 2**6 - 1), st.integers(0, 2**32 - 1))
def test_no_continuous_point_beats_completion(case: Any, bits: int, seed: int) -> None:
    """Random shares of the band, powers and frequencies, far away and nearby."""
    problem, data = drawn(case)
    offload = np.array([float(bits >> i & 1) for i in range(problem.n_users)])
    best = problem.complete(data, {"offload": offload})
    ours = float(losses(problem, problem.evaluate(data, best)))
    rng = np.random.default_rng(seed)
    size = 10.0 ** rng.uniform(-4, 1, (400, 1))
    near = {k: v * np.exp(size * rng.standard_normal((400, v.size))) for k, v in best.items()}
    far = problem.space(data).sample(rng, (400,))
    rivals = {k: np.concatenate([near[k], far[k]]) for k in far}
    rivals["offload"] = np.broadcast_to(offload, rivals["offload"].shape)
    rivals["power"] = np.minimum(rivals["power"], data["p_max"])
    rivals["frequency"] = np.minimum(rivals["frequency"], data["f_max"])
    judged = problem.evaluate(data, problem.repair(data, rivals))
    theirs = np.where(judged.violation <= 1e-9, judged.objective, np.inf).min()
    assert theirs >= ours * (1 - 1e-9)


@tried
@given(CASES, st.randoms(use_true_random=False))
def test_a_permutation_of_users_permutes_the_answer(case: Any, random: Any) -> None:
    """Users have no order: no loop, ranking or tie may give them one."""
    problem, data = drawn(case)
    order = list(range(problem.n_users))
    random.shuffle(order)
    moved = {k: v[order] if v.ndim else v for k, v in data.items()}
    masks = problem.space(data).choices(0, 2**problem.n_users)["offload"]
    ours = problem.complete(data, {"offload": masks})
    theirs = problem.complete(moved, {"offload": masks[:, order]})
    for name, value in ours.items():
        np.testing.assert_allclose(theirs[name], value[:, order], rtol=1e-9)
    best, other = (
        losses(problem, problem.evaluate(data, ours)).min(),
        all_losses(problem, moved).min(),
    )
    assert best == pytest.approx(other, rel=1e-12)


@tried
@given(CASES, FACTORS)
def test_another_unit_of_time_scales_the_objective(case: Any, c: float) -> None:
    """Time in units of 1/c s: delays grow by c, Hz and W shrink by c, kappa (J s^2) grows by c^2.

    With lambda_1 kept and lambda_2 times c the objective is c times what it was, and the best
    decision is the same in the new units.
    """
    problem, data = drawn(case)
    power = {
        "deadline": 1, "f_max": -1, "f_server": -1, "bandwidth": -1, "p_max": -1, "noise": -1,
        "kappa": 2, "weight_energy": 1,
    }  # fmt: skip
    other = {k: v * c ** power.get(k, 0) for k, v in data.items()}
    ours, theirs = all_losses(problem, data), all_losses(problem, other)
    np.testing.assert_allclose(theirs, ours * c, rtol=1e-9)
    masks = problem.space(data).choices(0, 2**problem.n_users)
    one, two = problem.complete(data, masks), problem.complete(other, masks)
    for name in ("bandwidth", "power", "frequency"):
        rows = np.isfinite(ours)
        np.testing.assert_allclose(two[name][rows] * c, one[name][rows], rtol=1e-6)


@tried
@given(CASES, FACTORS)
def test_other_weights_of_the_same_ratio_scale_the_objective(case: Any, c: float) -> None:
    """Only the ratio of the weights decides."""
    problem, data = drawn(case)
    other = {**data, **{k: data[k] * c for k in ("weight_delay", "weight_energy")}}
    np.testing.assert_allclose(all_losses(problem, other), all_losses(problem, data) * c, rtol=1e-9)


@tried
@given(CASES, st.sampled_from(["bandwidth", "f_server", "deadline", "p_max", "f_max"]), FACTORS)
def test_more_of_a_resource_never_hurts(case: Any, name: str, c: float) -> None:
    """Mask by mask: what was feasible before stays so, at no higher cost."""
    problem, data = drawn(case)
    more = {**data, name: data[name] * max(c, 1 / c)}
    before, after = all_losses(problem, data), all_losses(problem, more)
    known = np.isfinite(before)
    assert np.all(after[known] <= before[known] * (1 + 1e-9))


@tried
@given(CASES)
def test_a_user_less_never_hurts(case: Any) -> None:
    """The others may go on as before, with more to share."""
    problem, data = drawn(case)
    assume(problem.n_users > 1)
    fewer = {k: v[1:] if v.ndim else v for k, v in data.items()}
    best = all_losses(problem, data).min()
    assume(np.isfinite(best))
    assert all_losses(replace(problem, n_users=problem.n_users - 1), fewer).min() <= best


@tried
@given(CASES)
def test_a_bound_is_never_above_the_optimum(case: Any) -> None:
    """Nor may a certified optimum be above it, or a feasible instance be called infeasible."""
    problem, seed = case
    instance = problem.instance(0, seed)
    optimum = all_losses(problem, dict(instance.data)).min()
    for name in ("exact", "enumerate"):
        probe = Probe(problem, instance, Budget(), np.random.default_rng(0))
        result = probe.certify(solvers.registry.build(name).solve(problem, instance, probe))
        assert result.bound is not None
        if np.isinf(optimum):
            assert result.status is Status.INFEASIBLE
        else:
            assert result.status is Status.OPTIMAL
            assert result.bound <= optimum * (1 + 1e-9)
            assert result.objective == pytest.approx(optimum, rel=1e-9)


@tried
@given(CASES, st.lists(st.floats(0.01, 100.0), min_size=4, max_size=4))
def test_any_prices_prove_a_bound_below_the_optimum(case: Any, factors: list[float]) -> None:
    """The proof may not rely on where its prices come from."""
    problem, data = drawn(case)
    relaxation, proof = problem.relaxation(data), problem.proof(data)
    root = relaxation.root()
    relaxation.bound(root, math.inf)
    prices = dict(relaxation.prices(root))
    for key, factor in zip(sorted(prices), factors, strict=False):
        if isinstance(prices[key], float):
            prices[key] = prices[key] * factor + (factor - 1)
    try:
        bound = proof.bound(proof.root(), prices)
    except ValueError:  # prices that are refused prove nothing
        return
    assert bound <= all_losses(problem, data).min() * (1 + 1e-9)


VARS = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 3), st.booleans()), min_size=1, max_size=3
)


@tried
@given(VARS)
def test_every_choice_is_counted_once(blocks: list[tuple[int, int, bool]]) -> None:
    """Enumeration proves something only if it sees each choice."""
    space = Space(
        tuple(
            Var(f"x{i}", (2,) if wide else (), "integer", lower=-low, upper=high)
            for i, (low, high, wide) in enumerate(blocks)
        )
    )
    total = space.count
    assume(total <= 5000)
    flat = space.flatten(space.choices(0, total))
    assert len({tuple(row) for row in flat.tolist()}) == total
    low, high = space.bounds()
    assert np.all((flat >= low) & (flat <= high))
    assert total == math.prod((a + b + 1) ** (2 if wide else 1) for a, b, wide in blocks)
