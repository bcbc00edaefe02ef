"""Speed of episodes of service caching: slots, the clairvoyant optimum, its proof, and rollouts."""

import numpy as np
import pytest

import toolkit
from toolkit import problems
from toolkit.instances import rng_for
from toolkit.problems.dgl.clairvoyant import Clairvoyant
from toolkit.problems.dgl.proof import EpisodeProof
from toolkit.problems.dgl_slot import _count_kernels

SLOTS = 2000


@pytest.mark.parametrize("users", [20, 50])
def test_slots_by_counters(benchmark, users):
    """2,000 slots with random caches."""
    rng, growth = rng_for("slots", users), users / 20
    root = 0.156 * np.exp(0.25 * rng.standard_normal((SLOTS, users))) / np.sqrt(growth)
    cell = np.tile(np.arange(users) % 2, (SLOTS, 1))
    kind, gain = rng.integers(0, 4, (SLOTS, users)), np.empty(SLOTS)
    target = np.empty((SLOTS, users), np.int64)
    level = np.full(SLOTS, 0.025 / growth)
    benchmark(_count_kernels.best_slots, root, cell, kind, np.ones(SLOTS), level, gain, target)
    assert gain.min() > 0


@pytest.mark.parametrize(("preset", "users"), [("clean", 20), ("clean-30", 20), ("clean", 50)])
def test_clairvoyant(benchmark, preset, users):
    """An episode's table of all pairs of caches and the programme over them."""
    data = problems.load("dgl", preset, n_users=users).instance(0).data
    found = benchmark(lambda: Clairvoyant(data).solved[0])
    assert found > 0


@pytest.mark.parametrize(("preset", "users"), [("clean", 20), ("clean-30", 20), ("clean", 50)])
def test_proof(benchmark, preset, users):
    """The certificate's bound once more."""
    data = problems.load("dgl", preset, n_users=users).instance(0).data
    value = Clairvoyant(data).solved[0]
    bound = benchmark(lambda: -EpisodeProof(data).bound(None, {"above": value * (1 - 1e-12)}))
    assert value <= bound <= value * (1 + 1e-9)


@pytest.mark.parametrize("servers", [3, 4, 5])
def test_unions(benchmark, servers):
    """Decision and bound of several servers, ten users each."""
    problem = problems.load("dgl", "clean", n_servers=servers, n_users=10 * servers)
    instance = problem.instance(0)
    found = benchmark.pedantic(
        toolkit.solve, (problem, instance, "exact"), rounds=3, warmup_rounds=1
    )
    benchmark.extra_info.update(gap=found.gap, evaluations=found.evaluations)
    assert found.gap < 0.03


def test_episodes(benchmark):
    """64 episodes of random caches, 20 steps of 5 slots, decided by the exact inner solver."""
    problem = problems.load("dgl", "clean")
    data = problem.sample(rng_for("episodes"), (64,))
    wish = rng_for("wish").uniform(size=(20, 64, 2, 10))

    def play():
        episodes, total = problem.dynamics(data), 0.0
        for t in range(20):
            total = total + episodes.step(episodes.consistent({"cache": wish[t]}))
        return total

    assert benchmark(play).min() > 0


@pytest.mark.parametrize("rule", ["last", "bayes", "known"])
def test_rules(benchmark, rule):
    """24 episodes of a rule."""
    problem = problems.load("dgl", "clean")
    data = problem.sample(rng_for("rules"), (24,))
    decision = benchmark(problem.follow, data, rule, rng_for(rule))
    assert problem.evaluate(data, decision).feasible().all()
