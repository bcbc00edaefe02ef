"""E2EHCO's requests, hardened: bounds and plans against models, the machine and each other."""

import numpy as np
import pytest
from migrating import every_decision, small, time_indexed

import toolkit
from toolkit import problems
from toolkit.problems.e2ehco_migration import policies
from toolkit.problems.e2ehco_migration.paths import Network
from toolkit.problems.e2ehco_migration.planning import planned, scaled
from toolkit.problems.e2ehco_migration.pricing import Columns, Masks, costs, free
from toolkit.problems.e2ehco_migration.relaxation import PricedEpisode


def load(preset="repaired", **changes):
    return problems.load("e2ehco_migration", preset, **changes)


def total(problem, data, decision):
    return float(problem.evaluate(data, decision).objective)


def root_of(data):
    """The relaxation's root, bounded: (relaxation, node, what it says)."""
    relaxation = PricedEpisode(data)
    node = relaxation.root()
    return relaxation, node, relaxation.bound(node, np.inf)


def told(problem, data, how):
    """(plan, optimum, bound) of a small episode; each is what its own code says."""
    relaxation, node, said = root_of(data)
    proof = problem.proof(data)
    bound = -proof.bound(proof.root(), relaxation.prices(node))
    assert bound <= -said.loss
    return problem.evaluate(data, said.candidates).objective.max(), how(data), bound


@pytest.mark.parametrize("seeds", [range(12), pytest.param(range(12, 72), marks=pytest.mark.slow)])
def test_plans_optima_and_bounds_are_in_order(seeds):
    """Against a time-indexed model by HiGHS; most of them are closed."""
    closed = []
    for seed in seeds:
        plan, optimum, bound = told(*small(seed), time_indexed)
        assert plan <= optimum <= bound
        closed.append(plan == bound)
    print(f"closed: {sum(closed)} of {len(closed)}")
    assert sum(closed) >= 0.9 * len(closed)


MICRO = {"n_users": 2, "n_servers": 2, "seconds": 8, "block": 2.7e5, "uplink": 5e4, "held": 4}
MICRO |= {"server_cpu": 9e6, "limit": 1.0, "patience": 1.0, "link_back": 2e7}


@pytest.mark.parametrize("seed", [0, 2, 4])
def test_no_decision_of_the_machine_exceeds_the_bound(seed):
    """Every sequence of pieces and named servers, through the machine itself."""
    plan, best, bound = told(*small(seed, **MICRO), every_decision)
    assert plan == best <= bound


@pytest.mark.parametrize("seed", range(8))
def test_a_plan_completes_what_it_says(seed):
    """Random prices, all kinds of episodes: the machine counts what the plans count."""
    rng = np.random.default_rng(seed)
    problem, data = small(seed, seconds=80, n_users=5, n_servers=3, held=9)
    network = Network(data)
    prices = free(network)
    drawn = prices.moved_to(rng.exponential(0.2, prices.flat().size))
    for stay in (False, True):
        plans = planned(network, costs(network, drawn), 2, seed, stay)
        assert total(problem, data, plans.decision()) == plans.done


@pytest.mark.parametrize("seed", range(4))
def test_any_prices_bound_every_plan_in_both_programmes(seed):
    """The proof in whole numbers and the compiled programme agree to the rounding of prices."""
    rng = np.random.default_rng(seed)
    problem, data = small(seed, seconds=50, n_users=4, n_servers=3, held=9)
    network = Network(data)
    plan = planned(network, costs(network, free(network)), 2, seed).done
    proof = problem.proof(data)
    for scale in (0.02, 0.2, 2.0):
        prices = free(network)
        prices = prices.moved_to(rng.exponential(scale, prices.flat().size))
        told = {"every": prices.every, "place": prices.place.tolist(), "cpu": prices.cpu.tolist()}
        told["road"] = prices.road.tolist()
        columns = Columns(network, Masks(), prices)
        whole = -proof.bound(proof.root(), told)
        assert whole >= plan
        ours = min(columns.priced(prices), policies.ceiling(data))
        assert abs(ours - 0.5 - whole) <= 0.51


def test_splits_cover_and_forbid():
    """A user that must be somewhere is; the parts' bounds are not above the whole's."""
    problem, data = small(4, seconds=12)
    network = Network(data)
    root = Columns(network, Masks(), free(network))
    root.improve(-np.inf)
    proof = problem.proof(data)
    prices = {"every": root.prices.every, "place": root.prices.place.tolist()}
    how = {"user": 0, "second": 5, "server": 1}
    parts = proof.split(proof.root(), how)
    bounds = [proof.bound(part, prices) for part in parts]
    assert min(bounds) >= proof.bound(proof.root(), prices)
    for there in (True, False):
        columns = Columns(network, Masks(((0, 5, 1, there),)), root.prices)
        columns.improve(-np.inf)
        for user, path in columns.paths:
            assert user != 0 or path.done == 0 or (path.where[5] == 1) == there
    for wrong in ({}, {**how, "server": 9}, {**how, "second": 0.0}):
        with pytest.raises(ValueError, match="split"):
            proof.split(proof.root(), wrong)


@pytest.mark.parametrize(
    "prices",
    [{"every": 0}, {"every": 5, "place": [[1.0]]}, {"every": 100, "cpu": [[np.inf, 0, 0]]}],
)
def test_prices_that_are_none_prove_nothing(prices):
    problem, data = small(4, seconds=12, n_servers=3)
    proof = problem.proof(data)
    with pytest.raises(ValueError, match=r"[Pp]rices"):
        proof.bound(proof.root(), prices)


@pytest.mark.parametrize("index", range(2))
def test_migrating_is_a_trade_off(index):
    """To be served by the nearest server always, never to migrate, and to plan: three values."""
    problem = load("hardened")
    data = problem.instance(index).data
    network = Network(data)
    columns = Columns(network, Masks(), free(network))
    columns.improve(-np.inf)
    price = costs(network, columns.prices)
    never, best = (
        max(planned(network, scaled(price, s), 6, 1, stay).done for s in (1.0, 0.5, 0.0))
        for stay in (True, False)
    )
    values = (
        *(total(problem, data, policy(data)) for policy in (policies.stay, policies.follow)),
        never,
        best,
        columns.value,
    )
    print("first server, nearest always, never migrating, migrating, bound:", *values)
    assert max(values[:2]) < never < best <= columns.value
    assert best >= 0.85 * columns.value


def test_migrating_saves_what_would_be_lost():
    """A user who walks from one server to the next while its request is processed for 10 s."""
    problem = load("hardened", n_users=1, n_servers=2, seconds=40, process=5.5e7, radius=150.0)
    data = problem.data_of(np.zeros((40, 1, 2)))
    data["site"] = np.array([[0.0, 0.0], [200.0, 0.0]])
    data["position"][:, 0, 0] = np.where(np.arange(40) // 7 % 2, 200.0, 0.0)
    network = Network(data)
    nothing = costs(network, free(network))
    never, best = (planned(network, nothing, 0, 0, stay) for stay in (True, False))
    assert never.done == 0
    assert total(problem, data, best.decision()) == best.done == 2


def test_exact_proves_small_episodes():
    """Branching closes what the root leaves open; the checker re-proves it."""
    problem = load("hardened-tiny")
    instance = problem.instance(0)
    result = toolkit.solve(problem, instance, "exact", seconds=10)
    assert toolkit.verify(problem, instance, result).verdict in ("proved", "bounded")
    assert result.gap <= 0.25
