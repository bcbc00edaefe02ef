"""Statistics of comparisons, against values by hand and against other libraries."""

import math
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from toolkit.reports._bootstrap import (
    RESAMPLES,
    draws,
    interval,
    median,
    spread,
    weighted_iqm,
    weighted_mean,
    weighted_median,
)
from toolkit.reports.statistics import (
    first_hits,
    holm,
    improvement_shares,
    performance_profile,
    primal_integral,
    shifted_geometric_mean,
    sign_test,
    straight_line,
    targets_reached,
    wilson,
)

NUMBERS = st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=20)


def iqm(values):
    """Every value counted once."""
    return float(weighted_iqm(values, np.ones((1, len(values)), int))[0])


@pytest.mark.parametrize(
    ("values", "by_hand"),
    [
        ([1, 2, 3, 4], 2.5),
        ([4, 1, 100, 3, 2], (0.75 * 2 + 3 + 0.75 * 4) / 2.5),
        ([7], 7),
        ([1, 3], 2),
        ([1, 2, 3, math.inf], 2.5),
        ([1, math.inf, math.inf, math.inf], math.inf),
    ],
)
def test_the_mean_of_the_middle_half(values, by_hand):
    assert iqm(np.array(values, float)) == pytest.approx(by_hand)


@given(NUMBERS)
def test_where_quarters_are_whole_it_is_a_trimmed_mean(values):
    four = np.array(values * 4)
    assert iqm(four) == pytest.approx(stats.trim_mean(four, 0.25), abs=1e-9)


def test_the_shifted_geometric_mean_by_hand():
    assert shifted_geometric_mean([1, 9], 1, 100) == pytest.approx(math.sqrt(20) - 1)
    assert shifted_geometric_mean([1, math.nan], 1, 9) == pytest.approx(math.sqrt(20) - 1)
    assert shifted_geometric_mean([1, math.nan], 1, 9, "leave out") == pytest.approx(1)
    assert math.isnan(shifted_geometric_mean([math.nan], 1, 9, "leave out"))
    with pytest.raises(ValueError, match="shift is 0"):
        shifted_geometric_mean([1], 0, 9)


@given(st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=20))
def test_it_lies_between_geometric_and_arithmetic_mean(values):
    shifted = shifted_geometric_mean(values, 1.0, 1e3)
    assert stats.gmean(values) * (1 - 1e-9) <= shifted <= np.mean(values) * (1 + 1e-9)


def test_a_profile_by_hand():
    """Two solvers on four instances: one each the faster, a tie, and one that nobody solves."""
    costs = np.array([[1.0, 4.0, 2.0, math.nan], [3.0, 1.0, 2.0, math.inf]])
    shares = performance_profile(costs, np.array([1.0, 3.0, 4.0]))
    assert shares.tolist() == [[0.5, 0.5, 0.75], [0.5, 0.75, 0.75]]


def test_the_primal_integral_by_hand():
    assert primal_integral([], 1.0, 10.0) == 1
    assert primal_integral([(0.0, 1.0)], 1.0, 10.0) == 0
    # nothing for 2 s, a gap of 1/2 for 4 s, the optimum for 4 s
    assert primal_integral([(2.0, 2.0), (6.0, 1.0)], 1.0, 10.0) == pytest.approx(0.4)
    assert primal_integral([(2.0, -1.0)], 1.0, 4.0) == 1  # other signs: a whole gap
    assert primal_integral([(20.0, 1.0)], 1.0, 10.0) == 1  # too late
    with pytest.raises(ValueError, match="horizon"):
        primal_integral([], 1.0, 0.0)


def test_the_probability_of_improvement_is_mann_whitneys():
    rng = np.random.default_rng(1)
    ours, theirs = rng.integers(0, 5, (1, 7)), rng.integers(0, 5, (1, 9))
    wanted = stats.mannwhitneyu(theirs[0], ours[0]).statistic / 63
    assert improvement_shares(1.0 * ours, 1.0 * theirs).tolist() == [pytest.approx(wanted)]


def test_infinite_costs_are_worse_and_missing_ones_are_left_out():
    ours = np.array([[1.0, math.inf], [math.nan, math.nan]])
    theirs = np.array([[2.0, math.inf], [1.0, 2.0]])
    found = improvement_shares(ours, theirs)
    assert found[0] == pytest.approx((1 + 1 + 0 + 0.5) / 4)
    assert math.isnan(found[1])


def test_costs_no_further_apart_than_a_tie_are_alike():
    ours, theirs = np.array([[1.0], [1.0], [5.0]]), np.array([[1.0 + 1e-7], [2.0], [1.0]])
    assert improvement_shares(ours, theirs, tie=1e-6).tolist() == [0.5, 1, 0]
    assert improvement_shares(ours, theirs).tolist() == [1, 1, 0]


@pytest.fixture
def hits():
    """Two runs: gaps of 1/2 after 1 s and of 1 % after 3 s; of 20 % after 2 s."""
    run, spent, gap = np.array([0, 0, 1]), np.array([1.0, 3.0, 2.0]), np.array([0.5, 0.01, 0.2])
    return first_hits(run, spent, gap, np.array([0.5, 0.1]))


def test_first_hits_by_hand(hits):
    assert hits.tolist() == [[1, 3], [2, math.inf]]


def test_a_trace_need_not_be_in_order():
    """The worse row after a better one takes nothing back."""
    run, spent, gap = np.zeros(3, int), np.array([2.0, 3.0, 1.0]), np.array([0.1, 0.9, 0.5])
    assert first_hits(run, spent, gap, np.array([0.5, 0.1])).tolist() == [[1, 2]]


def test_targets_reached_by_hand(hits):
    budgets = np.array([0.5, 1.0, 2.0, 3.0, 9.0])
    together = targets_reached(hits, np.zeros(2, int), 1, budgets)
    assert together.tolist() == [[0, 0.25, 0.5, 0.75, 0.75]]
    apart = targets_reached(hits, np.array([0, 2]), 3, budgets)
    assert apart[[0, 2]].tolist() == [[0, 0.5, 0.5, 1, 1], [0, 0, 0.5, 0.5, 0.5]]
    assert np.isnan(apart[1]).all()  # who has no run


@pytest.mark.parametrize(("counted", "of"), [(0, 7), (3, 7), (7, 7), (120, 500)])
def test_wilsons_interval_is_scipys(counted, of):
    wanted = stats.binomtest(counted, of).proportion_ci(method="wilson")
    assert wilson(np.array([counted / of]), of)[:, 0] == pytest.approx([*wanted], abs=1e-12)


@pytest.mark.parametrize(("wins", "losses"), [(0, 0), (3, 3), (1, 9), (20, 4)])
def test_the_sign_test_is_the_binomial_one(wins, losses):
    signs = np.array([1] * wins + [-1] * losses + [0] * 5)
    wanted = stats.binomtest(wins, wins + losses).pvalue if wins + losses else 1.0
    assert sign_test(signs) == pytest.approx(wanted)


def test_holms_adjustment_by_hand():
    """Times 4, 3, 2, 1 from the smallest on, never below the one before, at most 1."""
    assert holm([0.04, 0.01, 0.9, 0.02]) == pytest.approx([0.08, 0.04, 0.9, 0.06])
    assert holm([0.02, 0.02]) == pytest.approx([0.04, 0.04])
    assert holm([]) == []


def test_the_straight_line_is_scipys():
    x, rows = np.array([1.0, 2, 4, 8]), np.array([[3.0, 5, 9, 17], [1.0, 0, 5, 2]])
    slope, left = straight_line(x, rows)
    wanted = [stats.linregress(x, row) for row in rows]
    assert slope == pytest.approx([fit.slope for fit in wanted])
    assert left == pytest.approx([0, (1 - wanted[1].rvalue ** 2) * rows[1].var() * 4], abs=1e-12)


WEIGHTS = np.array([[1, 1, 1, 1], [0, 2, 2, 0], [4, 0, 0, 0], [0, 0, 1, 3]])


@pytest.mark.parametrize(
    ("weighted", "plain"),
    [(weighted_mean, np.mean), (weighted_median, np.median), (weighted_iqm, iqm)],
)
def test_a_weight_is_how_often_a_value_counts(weighted, plain):
    values = np.array([5.0, 1.0, 2.0, 9.0])
    wanted = [float(plain(np.repeat(values, weights))) for weights in WEIGHTS]
    assert weighted(values, WEIGHTS) == pytest.approx(wanted)


def test_infinite_values_reach_the_middle_only_where_they_are_many():
    values = np.array([1.0, 2.0, 3.0, math.inf])
    assert weighted_median(values, WEIGHTS).tolist() == [2.5, 2.5, 1, math.inf]
    assert weighted_iqm(values, WEIGHTS).tolist() == [2.5, 2.5, 1, math.inf]


def test_instances_are_drawn_and_then_runs_within_each():
    counts = (2, 1, 3)
    drawn = draws(counts)
    assert drawn.shape == (RESAMPLES, 6)
    times = np.stack([drawn[:, :2].sum(1) / 2, drawn[:, 2], drawn[:, 3:].sum(1) / 3], axis=1)
    assert np.all(times.sum(1) == 3)  # as many instances as there are, whole ones
    assert np.all(times == np.round(times))
    assert drawn.mean(0) == pytest.approx(np.ones(6), abs=0.1)


def test_stratified_every_instance_keeps_its_runs():
    drawn = draws((2, 1, 3), "seeds")
    totals = np.stack([drawn[:, :2].sum(1), drawn[:, 2], drawn[:, 3:].sum(1)], axis=1)
    assert np.all(totals == [2, 1, 3])
    assert len(np.unique(drawn, axis=0)) == 3 * 10  # all ways to draw 2 of 2, and 3 of 3


def test_spread_by_instances_is_scipys_bootstrap():
    values = np.random.default_rng(3).lognormal(size=60)
    found = spread(values, np.arange(60), weighted_mean)
    other = stats.bootstrap(
        (values,), np.mean, method="percentile", n_resamples=4000, rng=np.random.default_rng(1)
    )
    width = other.confidence_interval.high - other.confidence_interval.low
    assert found[0] == pytest.approx(values.mean())
    assert found[1:] == pytest.approx([*other.confidence_interval], abs=0.08 * width)


def test_spread_agrees_with_the_interval_of_cells():
    """Runs within instances that differ much: both see the instances as the source of doubt."""
    rng = np.random.default_rng(4)
    values = rng.normal(10 * rng.normal(size=(30, 1)), 1.0, (30, 4))
    cells = {(str(i), s): float(values[i, s]) for i in range(30) for s in range(4)}
    wanted = interval(cells, lambda x: np.nanmean(x, axis=-1))
    found = spread(values.ravel(), np.repeat(np.arange(30), 4), weighted_mean)
    assert found == pytest.approx(wanted, abs=0.08 * (wanted[2] - wanted[1]))
    inner = spread(values.ravel(), np.repeat(np.arange(30), 4), weighted_mean, by="seeds")
    assert inner[2] - inner[1] < 0.2 * (found[2] - found[1])


def test_spread_knows_no_order_of_runs_and_leaves_nan_out():
    values, where = np.array([3.0, 1.0, math.nan, 2.0]), np.array([5, 2, 2, 9])
    there = [3, 0, 1]
    found = spread(values, where, weighted_mean)
    assert found == spread(values[there], where[there], weighted_mean)
    assert found[0] == 2
    assert np.isnan(spread(values[2:3], where[2:3], weighted_mean)).all()


def test_a_median_without_holes_is_that_with_them():
    rows = np.random.default_rng(0).normal(size=(5, 8))
    padded = np.hstack([rows, np.full((5, 3), np.nan)])
    assert median(rows).tolist() == median(padded).tolist() == np.sort(rows)[:, 3].tolist()


BYTES = """
import numpy as np
from toolkit.reports._bootstrap import interval, median, spread, weighted_iqm
cells = {(str(i), s): float(i * i + s) for i in range(9) for s in range(3)}
values, where = np.array([*cells.values()]), np.repeat(np.arange(9), 3)
found = [interval(cells, median), spread(values, where, weighted_iqm, by="seeds")]
print(repr([[float(x).hex() for x in each] for each in found]))
"""


def test_another_process_finds_the_same_bytes():
    """Whatever its hash seed, and whatever it has drawn before."""
    said = []
    for seed in ("1", "2"):
        before = "import numpy as np; np.random.default_rng(0).random(9)" if seed == "2" else ""
        child = subprocess.run(
            [sys.executable, "-c", before + BYTES],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        said.append(child.stdout)
    assert said[0] == said[1]
    assert said[0].count("0x") == 6


COSTS = st.lists(
    st.lists(st.one_of(st.floats(1e-3, 1e3), st.just(math.inf)), min_size=4, max_size=4),
    min_size=1,
    max_size=5,
).map(lambda rows: np.array(rows).T)
RATIOS = np.geomspace(1, 1e6, 20)


@given(COSTS)
def test_a_profile_grows_from_the_wins_to_what_is_solved(costs):
    shares = performance_profile(costs, RATIOS)
    assert np.all(np.diff(shares) >= 0)
    assert np.all((shares >= 0) & (shares <= 1))
    assert shares[:, -1] == pytest.approx(np.isfinite(costs).mean(1))
    assert shares[:, 0].max() > 0 or not np.isfinite(costs).any()


@given(COSTS, st.permutations(range(4)))
def test_a_profile_knows_no_unit_and_no_order(costs, order):
    shares = performance_profile(costs, RATIOS)
    assert np.array_equal(performance_profile(1024 * costs, RATIOS), shares)
    assert np.array_equal(performance_profile(costs[order], RATIOS), shares[list(order)])
    assert np.allclose(performance_profile(costs[:, ::-1], RATIOS), shares)
