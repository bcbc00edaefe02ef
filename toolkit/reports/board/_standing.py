"""Who stands where on a set of instances: pure numbers, with intervals over the instances."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from toolkit.instances import rng_for
from toolkit.reports._bootstrap import LEVEL
from toolkit.reports.compare import Comparison, Row
from toolkit.solvers import OPTIMAL_GAP

RESAMPLES = 1000
SHIFT = 0.01  # seconds, of the shifted geometric mean

Interval = tuple[float, float, float]  # value, low, high


@dataclass(frozen=True)
class Scores:
    """What one method did, an entry an instance; of several seeds the share, or the median.

    answered  share of runs with a feasible decision, or a proof that there is none
    gaps      to the best known; infinite unless more than half of the runs answered
    proved    share of runs whose own proof holds
    seconds   of the runs that answered, NaN where none did
    limit     seconds that an unanswered instance counts as
    unit      seconds that its times are counted in where they decide on ranks; infinite: they do
              not
    """

    answered: np.ndarray
    gaps: np.ndarray
    proved: np.ndarray
    seconds: np.ndarray
    limit: float
    unit: float = 1.0


@dataclass(frozen=True)
class Standing:
    """A method's place among others, 1 is the best, and its figures over all instances."""

    rank: Interval
    gap: Interval
    answered: float
    proved: float
    worst: float
    seconds: float  # shifted geometric mean, unanswered at the limit
    seconds_answered: float  # the same, unanswered left out


def scores(
    comparisons: Sequence[tuple[Comparison, Sequence[Row]]], limit: float, unit: float = 1.0
) -> Scores:
    """Of the rows of one method on each instance; at least one row on each."""
    each = [_one(comparison, rows) for comparison, rows in comparisons]
    answered, gaps, proved, seconds = (np.array(v, float) for v in zip(*each, strict=True))
    return Scores(answered, gaps, proved, seconds, limit, unit)


def _one(comparison: Comparison, rows: Sequence[Row]) -> tuple[float, float, float, float]:
    found = [_gap(comparison, row) for row in rows]
    times = [r.record.seconds for r, g in zip(rows, found, strict=True) if math.isfinite(g)]
    return (
        float(np.isfinite(found).mean()),
        float(np.median(found)),
        float(np.mean([_proved(row) for row in rows])),
        float(np.median(times)) if times else math.nan,
    )


def _gap(comparison: Comparison, row: Row) -> float:
    """0 where it is the best known decision but for rounding, and where there is none, shown."""
    if row.gap_to_best is None:
        shown = comparison.infeasible and row.record.status == "infeasible" and row.record.proven
        return 0.0 if shown else math.inf
    return row.gap_to_best if row.gap_to_best > OPTIMAL_GAP else 0.0


def _proved(row: Row) -> bool:
    return row.record.verdict == "proved"


def standings(every: Sequence[Scores], name: str) -> list[Standing]:
    """Of methods that all ran on all instances, in their order.

    Ranked by the share answered, the median gap, the share proved, the worst gap, and the time.
    Intervals: percentile bootstrap, instances drawn with replacement, the same for all methods.
    """
    if not every:
        return []
    number = every[0].gaps.size
    draws = rng_for("leaderboard", name, number).integers(number, size=(RESAMPLES, number))
    drawn = [_figures(one, draws) for one in every]
    found = [_figures(one, np.arange(number)[None]) for one in every]
    ranks, resampled = _ranks(found)[0], _ranks(drawn)
    return [
        Standing(
            rank=_interval(ranks[i], resampled[:, i], number),
            gap=_interval(found[i][1][0], drawn[i][1], number),
            answered=float(every[i].answered.mean()),
            proved=float(every[i].proved.mean()),
            worst=float(every[i].gaps.max()),
            seconds=float(_mean_seconds(every[i], np.arange(number)[None])[0]),
            seconds_answered=_mean_of_answered(every[i].seconds),
        )
        for i in range(len(every))
    ]


def _figures(one: Scores, draws: np.ndarray) -> list[np.ndarray]:
    """What ranks are made of, the first is the most important, less is better; (resamples,)."""
    return [
        -one.answered[draws].mean(1),
        np.median(one.gaps[draws], axis=1),
        -one.proved[draws].mean(1),
        one.gaps[draws].max(1),
        _mean_seconds(one, draws) / one.unit,
    ]


def _mean_seconds(one: Scores, draws: np.ndarray) -> np.ndarray:
    """Shifted geometric means, unanswered instances at the limit; (resamples,)."""
    times = np.where(np.isnan(one.seconds), one.limit, one.seconds)
    return np.asarray(np.exp(np.log(times + SHIFT)[draws].mean(1)) - SHIFT)


def _ranks(figures: Sequence[Sequence[np.ndarray]]) -> np.ndarray:
    """(resamples, methods), from 1 on; who equals another in all has the better rank of the two."""
    keys = [np.stack(each, axis=1).round(12) for each in zip(*figures, strict=True)]
    order = np.lexsort(keys[::-1], axis=1)
    ordered = np.stack([np.take_along_axis(key, order, 1) for key in keys])
    same = np.all(ordered[:, :, 1:] == ordered[:, :, :-1], axis=0)
    place = np.tile(np.arange(1, order.shape[1] + 1), (len(order), 1))
    place[:, 1:][same] = 0
    ranks = np.empty_like(place)
    np.put_along_axis(ranks, order, np.maximum.accumulate(place, axis=1), 1)
    return ranks


def _interval(value: float, drawn: np.ndarray, number: int) -> Interval:
    """NaN for its ends where there is one instance; ranks may be rarer among resamples than they
    seem, but no interval leaves its own value out."""
    if number == 1:
        return float(value), math.nan, math.nan
    edges = (1 - LEVEL) / 2, (1 + LEVEL) / 2
    low, high = np.quantile(drawn, edges, method="nearest")
    return float(value), float(min(low, value)), float(max(high, value))


def _mean_of_answered(seconds: np.ndarray) -> float:
    kept = seconds[~np.isnan(seconds)]
    return float(np.exp(np.log(kept + SHIFT).mean()) - SHIFT) if kept.size else math.nan
