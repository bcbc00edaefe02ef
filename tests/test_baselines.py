"""Genetic algorithms, random search, the paper's baselines, and the budget that all share."""

import itertools
import math
from typing import Any

import numpy as np
import pytest
from searching import Toy, best_loss, cpdrl, solve

from toolkit import solvers
from toolkit.errors import UserError
from toolkit.problems import Evaluation
from toolkit.solvers import Budget, Probe, Status, Stop
from toolkit.solvers._search import INFEASIBLE, UNSEEN, blocks, merit

# --- genetic algorithms


@pytest.mark.parametrize("name", ["ga_pymoo", "ga_deap"])
def test_mask_ga_reaches_the_optimum_of_ten_users(name: str) -> None:
    """Within a second on the median instance."""
    problem, seconds = cpdrl(n_users=10), []
    for index in range(5):
        optimum = best_loss(problem, problem.instance(index))
        result = solve(name, problem, index)
        hit = [p.seconds for p in result.trace if (p.objective or math.inf) <= optimum * (1 + 1e-9)]
        seconds.append(hit[0] if hit else math.inf)
    assert np.median(seconds) <= 1.0


@pytest.mark.parametrize("name", ["ga_pymoo", "ga_deap"])
def test_mixed_ga_beats_blind_search_at_the_same_budget(name: str) -> None:
    """It is weaker than the mask version, but it must not be broken."""
    problem = cpdrl()
    found = solve(name, problem, encoding="mixed", max_evaluations=2000)
    blind = solve("random_search", problem, informed=False, max_evaluations=2000)
    assert found.objective is not None
    assert blind.objective is not None
    assert found.status is Status.FEASIBLE
    assert found.objective < blind.objective


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("ga_pymoo", {"encoding": "both"}),
        ("ga_deap", {"population": 1}),
        ("ga_deap", {"crossover": 1.5}),
        ("ga_pymoo", {"penalty": -1.0}),
        ("local_search", {"restarts": -1}),
        ("random_search", {"evaluations": -1}),
    ],
)
def test_parameters_without_sense_are_refused(name: str, params: Any) -> None:
    """One sentence instead of a traceback from the depths of a library."""
    with pytest.raises(UserError, match=next(iter(params))):
        solvers.registry.build(name, **params)


def test_merit_is_finite_and_puts_every_feasible_decision_first() -> None:
    """A genetic algorithm that meets inf or NaN loses its order."""
    found = Evaluation(np.array([5.0, -7.0, 1.0, np.nan]), {"v": np.array([0, 0.5, np.inf, 0])})
    values = merit(Toy(), found)
    assert np.all(np.isfinite(values))
    assert values[0] == -5.0
    assert np.all(values[1:] >= INFEASIBLE)
    assert values[1] < values[2] < UNSEEN


# --- random search and the paper's baselines


@pytest.mark.parametrize("most", [1, 7, 4096, 5000])
def test_random_search_spends_exactly_its_budget(most: int) -> None:
    """Equal budgets make the comparison with learners fair."""
    result = solve("random_search", cpdrl(), max_evaluations=most)
    assert (result.evaluations, result.stop) == (most, Stop.EVALUATIONS)


def test_random_search_stops_without_a_budget() -> None:
    """Its own number counts then, else 4096."""
    assert solve("random_search", cpdrl()).evaluations == 4096
    assert solve("random_search", cpdrl(), evaluations=10, max_evaluations=99).evaluations == 10


def test_what_random_search_is_told_helps_it() -> None:
    """Informed is better than uniform; unmasked it never meets the consistency (11) at all."""
    problem = cpdrl()
    informed = [solve("random_search", problem, k).objective or math.inf for k in range(5)]
    uniform = [
        solve("random_search", problem, k, informed=False).objective or math.inf for k in range(5)
    ]
    assert np.all(np.array(informed) < np.array(uniform))
    assert solve("random_search", problem, masked=False).status is Status.UNKNOWN


def test_the_papers_baselines_are_what_they_say() -> None:
    """ROM draws a consistent decision by its seed, FOM offloads all, LEM none."""
    problem = cpdrl()
    full, local = solve("full_offload", problem), solve("local_only", problem)
    one, two = solve("random", problem, seed=1), solve("random", problem, seed=2)
    for result in (full, local, one, two):
        assert result.evaluations == 1
        assert result.decision is not None
    assert full.decision is not None
    assert local.decision is not None
    assert np.all(full.decision["offload"] == 1)
    assert np.all(local.decision["offload"] == 0)
    assert one.objective != two.objective
    assert one.decision is not None
    judged = problem.evaluate(problem.instance().data, one.decision)
    assert judged.violations["consistency"] == 0


# --- the budget


def test_the_probe_judges_no_more_than_its_budget() -> None:
    """Whatever a solver offers: what there is no room for comes back as infinitely violated."""
    problem = cpdrl()
    instance = problem.instance()
    probe = Probe(problem, instance, Budget(evaluations=3), np.random.default_rng(0))
    every = problem.complete(instance.data, problem.space(instance.data).choices(0, 5))  # type: ignore[attr-defined]
    found = probe.offer(every)
    whole = problem.evaluate(instance.data, every)
    assert probe.evaluations == 3
    np.testing.assert_array_equal(found.objective[:3], whole.objective[:3])
    assert np.all(np.isinf(found.violation[3:]))
    before = probe.loss
    one = probe.offer({k: v[4] for k, v in every.items()})
    assert np.shape(one.objective) == ()
    assert (probe.evaluations, probe.loss) == (3, before)


def test_blocks_cover_all_rows_and_fit_the_budget() -> None:
    """Large instances come in blocks that fit memory; the last one fits the budget."""
    problem = cpdrl()
    every = problem.space(problem.instance().data).sample(np.random.default_rng(0), (10_000,))
    for most, rows in ((math.inf, 10_000), (5000, 5000)):
        probe = Probe(
            problem, problem.instance(), Budget(evaluations=most), np.random.default_rng(0)
        )
        cuts = []
        for part in blocks(probe, 10_000, 32):
            probe.offer({k: v[part] for k, v in every.items()})
            cuts.append(part)
        assert cuts[0].start == 0
        assert all(a.stop == b.start for a, b in itertools.pairwise(cuts))
        assert (cuts[-1].stop, probe.evaluations) == (rows, rows)
