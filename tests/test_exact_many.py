"""Many users, many instances at once, hard families: prices, best masks and what they prove."""

import math

import numpy as np
import pytest

from toolkit import problems
from toolkit.bench.verify import examine_result
from toolkit.errors import UserError
from toolkit.instances import rng_for
from toolkit.problems import Problem
from toolkit.problems._knowledge import HasBestFrom
from toolkit.problems.cpdrl import Cpdrl, _price_kernels
from toolkit.problems.cpdrl._kernels import best_exponent, lambert
from toolkit.problems.cpdrl.relaxation import Cardinalities, Node
from toolkit.solvers import Budget, Probe, Result, Status, losses, registry


def run(name: str, problem: Problem, index: int = 0, **params: float) -> Result:
    instance = problem.instance(index)
    probe = Probe(problem, instance, Budget(), rng_for(0))
    return probe.certify(registry.build(name, **params).solve(problem, instance, probe))


def varied(rng: np.random.Generator, n: int, tight: bool = False) -> Cpdrl:
    """Nine parameters log-uniform around those of Table I, B and F growing with n; or a deadline
    of 0.06 to 0.25 s alone."""
    if tight:
        return Cpdrl(n_users=n, deadline=float(rng.uniform(0.06, 0.25)), scale_with_users=True)

    def around(value: float, factor: float) -> float:
        return float(value * np.exp(rng.uniform(-np.log(factor), np.log(factor))))

    return Cpdrl(
        n_users=n,
        bits_per_kb=around(1000.0, 3.0),
        deadline=around(0.25, 3.0),
        f_server=around(15e9, 5.0) * n / 8,
        bandwidth=around(1e6, 8.0) * n / 8,
        p_max=around(1.0, 5.0),
        kappa=around(1e-28, 5.0),
        weight_delay=around(0.05, 50.0),
        weight_energy=around(1.0, 5.0),
    )


def masks_of(problem: Problem, data: dict, n: int) -> tuple[np.ndarray, np.ndarray]:
    """All masks (2^n, n), and their losses."""
    masks = problem.space(data).choices(0, 2**n)["offload"]
    decision = problem.complete(data, {"offload": masks})
    return masks, losses(problem, problem.evaluate(data, decision))


@pytest.mark.parametrize("preset", ["paper", "tight", "paper-kbyte"])
def test_the_best_of_many_instances_at_once_is_that_of_all_their_masks(preset: str) -> None:
    problem = problems.load("cpdrl", preset, n_users=6)
    assert isinstance(problem, HasBestFrom)
    data = problem.sample(np.random.default_rng(0), (60,))
    found = problem.best(data)
    assert found is not None
    ours = losses(problem, problem.evaluate(data, found))
    for row in range(60):
        one = {key: value[row] for key, value in data.items()}
        assert ours[row] == pytest.approx(masks_of(problem, one, 6)[1].min(), rel=1e-12)


def test_the_best_that_begins_with_a_head_and_is_below_a_loss() -> None:
    rng = np.random.default_rng(3)
    for _ in range(60):
        problem = varied(rng, 5)
        data = problem.instance(0).data
        masks, loss = masks_of(problem, data, 5)
        for head in ((0, 0), (0, 1), (1, 0), (1, 1)):
            least = loss[(masks[:, :2] == head).all(axis=1)].min()
            found = problem.best_from(data, head, np.inf)
            assert found is not None
            assert tuple(found["offload"][:2]) == head
            ours = losses(problem, problem.evaluate(data, found))
            assert float(ours) == pytest.approx(least, rel=1e-12)
            if math.isfinite(least):
                assert problem.best_from(data, head, least * (1 - 1e-9)) is None
                assert problem.best_from(data, head, least * (1 + 1e-9)) is not None


def test_enumeration_by_heads_counts_every_choice_and_agrees_with_the_tree() -> None:
    for preset in ("large", "tight"):
        problem = problems.load("cpdrl", preset, n_users=18)
        result, tree = run("enumerate", problem), run("exact", problem)
        assert result.evaluations == 2**18
        assert result.status is Status.OPTIMAL
        assert result.objective == pytest.approx(tree.objective, rel=1e-12)
    assert examine_result(problem, problem.instance(0), result).verdict == "proved"


def test_the_price_at_one_k_is_that_of_the_dual() -> None:
    """Of a thousand prices around it, near and far, none gives a better bound; and the sets on
    either side of it are of k users."""
    rng = np.random.default_rng(1)
    for tight in (False, True):
        for _ in range(12):
            problem = varied(rng, int(rng.integers(5, 700)), tight)
            nodes = Cardinalities(problem.instance(0).data)
            if nodes.most < max(nodes.least, 1):
                continue
            k = int(rng.integers(max(nodes.least, 1), nodes.most + 1))
            best = nodes.best(k)
            s, theta = best.price
            top = nodes.bound(Node(k, k, best.price, best.price), math.inf).loss
            for size in (1e-6, 1e-3, 0.1):
                for near, other in rng.normal(0.0, size, (40, 2)):
                    price = (s * math.exp(near), theta + other * abs(theta))
                    bound = nodes.bound(Node(k, k, price, price), math.inf).loss
                    assert bound <= top + 1e-11 * abs(top)
            for side in best.sides:
                args = (side, k, nodes.table, np.empty(0, np.int8), nodes._scalars)
                assert _price_kernels.members(*args).sum() == k


def test_the_best_k_is_where_the_dual_is_least() -> None:
    rng = np.random.default_rng(2)
    for tight in (False, True):
        for _ in range(8):
            nodes = Cardinalities(varied(rng, 60, tight).instance(0).data)
            if nodes.most < nodes.least:
                continue
            prices = {k: nodes.best(k).price for k in range(nodes.least, nodes.most + 1)}
            duals = {k: nodes.bound(Node(k, k, p, p), math.inf).loss for k, p in prices.items()}
            assert duals[nodes.best_k] <= min(duals.values()) * (1 + 1e-9)


@pytest.mark.parametrize("tight", [False, True])
def test_hard_families_are_proven(tight: bool) -> None:
    """Where every deadline binds, users tie, or nearly all must offload."""
    rng, seen = np.random.default_rng(5), set()
    for index in range(25):
        problem = varied(rng, int(rng.integers(200, 800)), tight)
        result = run("exact", problem, index)
        seen.add(result.status)
        assert result.status in (Status.OPTIMAL, Status.INFEASIBLE)
        if result.status is Status.OPTIMAL:
            assert result.gap <= 1e-9
        assert examine_result(problem, problem.instance(index), result).verdict == "proved"
    assert seen == {Status.OPTIMAL, Status.INFEASIBLE}


def test_prices_from_a_sample_prove_many_users() -> None:
    """Above 4096 users the start is a sample's; here every third user must offload as well."""
    problem = problems.load("cpdrl", "large", n_users=6000)
    instance = problem.instance(0)
    slow = np.where(np.arange(6000) % 3 == 0, 0.2, 1.0)
    data = {**instance.data, "f_max": instance.data["f_max"] * slow}
    hard = type(instance)("cpdrl", problem.version, data, problem.params, "forced")
    for each in (instance, hard):
        probe = Probe(problem, each, Budget(), rng_for(0))
        result = probe.certify(registry.build("exact", gap=1e-8).solve(problem, each, probe))
        assert result.status is Status.OPTIMAL
        assert result.gap <= 1e-8
        assert examine_result(problem, each, result).verdict == "proved"


def test_the_roots_of_one_user_are_roots() -> None:
    for x in 10.0 ** np.linspace(-18, 40, 200):
        w = lambert(x)
        assert w + math.log(w) == pytest.approx(math.log(x), abs=2e-15 * (2 + abs(math.log(x))))
    assert lambert(0.0) == 0.0
    for ratio in 10.0 ** np.linspace(-6, 12, 200):
        y = best_exponent(ratio)
        assert y * math.exp(y) - math.expm1(y) == pytest.approx(ratio, rel=1e-12)


def test_too_many_users_for_all_masks_are_told_so():
    problem = problems.load("cpdrl", n_users=25)
    with pytest.raises(UserError, match="use exact"):
        problem.best(problem.instance(0).data)
