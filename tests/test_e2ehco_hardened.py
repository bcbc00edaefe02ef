"""E2EHCO's requests, hardened: bounds and plans against models, the machine and each other."""

import numpy as np
import pytest
from migrating import every_decision, small, time_indexed

import toolkit
from toolkit import problems
from toolkit.problems.e2ehco_migration import policies
from toolkit.problems.e2ehco_migration.paths import Network
from toolkit.problems.e2ehco_migration.planning import planned
from toolkit.problems.e2ehco_migration.pricing import Columns, Masks, costs, free
from toolkit.problems.e2ehco_migration.relaxation import PricedEpisode


def load(preset="repaired", **changes):
    return problems.load("e2ehco_migration", preset, **changes)


def total(problem, data, decision):
    return float(problem.evaluate(data, decision).objective)


def root_of(data):
    """The relaxation's root at its best prices: (relaxation, node, what it says)."""
    relaxation = PricedEpisode(data)
    nodes = [relaxation.root()]
    while nodes:
        said = relaxation.bound(node := nodes[0], np.inf)
        how, nodes = relaxation.branch(node, np.inf)
        nodes = nodes if "again" in how else []
    return relaxation, node, said


def told(problem, data, how):
    """(plan, optimum, bound) of a small episode; each is what its own code says."""
    relaxation, node, said = root_of(data)
    proof = problem.proof(data)
    bound = -proof.bound(proof.root(), relaxation.prices(node))
    assert bound <= -said.loss
    return problem.evaluate(data, said.candidates).objective.max(), how(data), bound


@pytest.mark.parametrize("seeds", [range(6), pytest.param(range(6, 72), marks=pytest.mark.slow)])
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
    for rule in ("free", "never", "nearest"):
        plans = planned(Network(data, rule), costs(network, drawn), 2, seed)
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
    server = int(network.reach[0, 5].argmax())
    how = {"user": 0, "second": 5, "server": server}
    parts = proof.split(proof.root(), how)
    bounds = [proof.bound(part, prices) for part in parts]
    assert min(bounds) >= proof.bound(proof.root(), prices)
    for there in (True, False):
        columns = Columns(network, Masks(((0, 5, server, there),)), root.prices)
        columns.improve(-np.inf)
        for user, path in columns.paths:
            assert user != 0 or path.done == 0 or (path.where[5] == server) == there
    assert list(proof.split(parts[0], {"again": True})) == [parts[0]]
    for wrong in ({}, {"again": 1}, {**how, "server": 9}, {**how, "second": 0.0}):
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


def test_migrating_is_a_trade_off():
    """Planned by three rules, through the machine: migrating where it pays is worth a tenth more
    than never to migrate, and than always to follow the nearest, which no plan whatever repairs."""
    problem = load("hardened")
    data = problem.instance(0).data
    network = Network(data, "nearest")
    nearest = Columns(network, Masks(), free(network))
    nearest.improve(-np.inf)
    rules = (policies.plan, policies.plan_never, policies.plan_nearest)
    best, never, follow = (total(problem, data, rule(data)) for rule in rules)
    still = total(problem, data, policies.stay(data))
    print(f"{best}: never {never}, nearest {follow} of {nearest.value:.1f}, first {still}")
    assert best >= 1.1 * max(never, follow)
    assert follow <= np.floor(nearest.value) < best
    assert min(never, follow) > 1.5 * still


@pytest.mark.parametrize("seed", range(4))
def test_rules_are_kept(seed):
    """Nobody's plan has a migration, or a place that is not the nearest; bounds hold within."""
    _, data = small(seed, seconds=60, n_users=4, n_servers=3, held=5)
    data["radius"] = np.array(700.0)
    away = ((data["position"][:, :, None] - data["site"]) ** 2).sum(-1).argmin(-1)
    done = {}
    for rule in ("never", "nearest", "free"):
        network = Network(data, rule)
        plans = planned(network, costs(network, free(network)), 2, seed)
        columns = Columns(network, Masks(), free(network))
        columns.improve(-np.inf)
        assert plans.done <= columns.value
        done[rule] = columns.value
        for user, path in enumerate(plans.paths):
            if rule == "never":
                assert not path.moving.any()
            if rule == "nearest":
                there = path.where >= 0
                assert np.all(path.where[there] == away[there, user])
    assert max(done["never"], done["nearest"]) <= done["free"] + 0.1


def test_migrating_saves_what_would_be_lost():
    """A user who walks from one server to the next while its request is processed for 10 s."""
    problem = load("hardened-tiny", n_users=1, seconds=40, process=5.5e7, radius=150.0)
    data = problem.data_of(np.zeros((40, 1, 2)))
    data["site"] = np.array([[0.0, 0.0], [200.0, 0.0]])
    data["position"][:, 0, 0] = np.where(np.arange(40) // 7 % 2, 200.0, 0.0)
    network = Network(data)
    nothing = costs(network, free(network))
    never, best = (planned(Network(data, rule), nothing, 0, 0) for rule in ("never", "free"))
    assert never.done == 0
    assert total(problem, data, best.decision()) == best.done == 2


def test_exact_proves_small_episodes():
    """Branching closes what the root leaves open; the checker re-proves it."""
    problem = load("hardened-tiny")
    instance = problem.instance(0)
    result = toolkit.solve(problem, instance, "exact", seconds=10)
    assert toolkit.verify(problem, instance, result).verdict in ("proved", "bounded")
    assert result.gap <= 0.25
