"""Bootstrap intervals of runs on instances.

`interval` and `spread` draw instances anew, and then runs within each of them: what would be found
on other instances of the same kind. `spread(…, by="seeds")` keeps the instances and draws only the
runs on each: what would be found on these instances with other seeds (Agarwal et al. 2021; no width
where each instance has one run). The first belongs to a statement on a problem, and is what reports
show; the second to a fixed suite, and is shown beside it where there are several seeds.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Literal

import numpy as np

from toolkit.instances import rng_for

RESAMPLES = 2000
LEVEL = 0.95

Cells = Mapping[tuple[str, int], float]  # (instance, seed) -> value
Statistic = Callable[[np.ndarray], np.ndarray]  # over the last axis, NaN left out
Weighted = Callable[[np.ndarray, np.ndarray], np.ndarray]  # (cells,), (resamples, cells)
By = Literal["instances", "seeds"]


def mean(values: np.ndarray) -> np.ndarray:
    return np.asarray(np.nanmean(values, axis=-1))


def median(values: np.ndarray) -> np.ndarray:
    """The lower of two middle values, so that infinite ones cause no harm."""
    if not np.isnan(values).any() and values.shape[-1]:
        place = (values.shape[-1] - 1) // 2
        return np.asarray(np.partition(values, place, axis=-1)[..., place])
    ordered = np.sort(values, axis=-1)  # NaN goes last
    middle = np.maximum((~np.isnan(values)).sum(-1) - 1, 0) // 2
    return np.asarray(np.take_along_axis(ordered, middle[..., None], -1)[..., 0])


def interval(
    cells: Cells, statistic: Statistic, level: float = LEVEL
) -> tuple[float, float, float]:
    """(value, low, high) at `level`: instances are drawn, then the seeds within each of them.

    Percentile bootstrap (Efron 1979) of clusters; NaN throughout where there is nothing.
    """
    rows = _rows(cells)
    if rows.size == 0:
        return math.nan, math.nan, math.nan
    rng = rng_for("bootstrap", sorted(cells.items()))
    instances, seeds = rows.shape
    chosen = rows[rng.integers(instances, size=(RESAMPLES, instances))]
    places = rng.integers(seeds, size=chosen.shape)
    drawn = statistic(np.take_along_axis(chosen, places, -1).reshape(RESAMPLES, -1))
    edges = (1 - level) / 2, (1 + level) / 2
    low, high = np.nanquantile(drawn, edges, method="nearest")
    return float(statistic(rows.reshape(-1))), float(low), float(high)


def _rows(cells: Cells) -> np.ndarray:
    """(instances, seeds), NaN where an instance has fewer runs than another."""
    groups: dict[str, list[float]] = defaultdict(list)
    for (instance, _), value in sorted(cells.items()):
        groups[instance].append(value)
    width = max(map(len, groups.values()), default=0)
    return np.array([row + [math.nan] * (width - len(row)) for row in groups.values()])


def spread(
    values: np.ndarray, instance: np.ndarray, statistic: Weighted, by: By = "instances"
) -> tuple[float, float, float]:
    """(value, low, high) at `LEVEL` of a statistic of runs: percentile bootstrap of weights.

    values, instance (cells,): what each run is worth, NaN left out, and the number of its instance.
    All statistics of runs that lie alike are drawn alike, so that they may be compared.
    """
    there = ~np.isnan(values)
    if not there.any():
        return math.nan, math.nan, math.nan
    order = np.argsort(instance[there], kind="stable")
    found, where = values[there][order], instance[there][order]
    counts = tuple(np.unique(where, return_counts=True)[1].tolist())
    low, high = ends(statistic(found, draws(counts, by)))
    return float(statistic(found, np.ones((1, len(found)), np.int32))[0]), float(low), float(high)


def median_of(cells: Cells) -> tuple[float, float, float]:
    """(value, low, high) of the median as reports show it, the mean of two middle values."""
    ordered = sorted(cells.items())
    instances = np.unique([instance for (instance, _), _ in ordered], return_inverse=True)[1]
    return spread(np.array([value for _, value in ordered]), instances, weighted_median)


def ends(drawn: np.ndarray) -> np.ndarray:
    """The two ends of a percentile interval at `LEVEL` along the first axis, the resamples."""
    cut = round(RESAMPLES * (1 - LEVEL) / 2)
    return np.asarray(np.partition(drawn, [cut, RESAMPLES - 1 - cut], axis=0)[[cut, -1 - cut]])


@lru_cache(maxsize=8)
def draws(counts: tuple[int, ...], by: By = "instances") -> np.ndarray:
    """(RESAMPLES, cells): how often each run is drawn; `counts` runs on each instance, in order.

    It depends on `counts` alone, whatever was drawn before.
    """
    rng, number = rng_for("draws", by, counts), np.array(counts)
    offset, cells = np.cumsum(number) - number, int(number.sum())
    out = np.empty((RESAMPLES, cells), np.int32)
    step = max(1, 1_000_000 // (len(counts) * int(number.max())))
    for start in range(0, RESAMPLES, step):
        rows = min(step, RESAMPLES - start)
        chosen = _chosen(rng, rows, len(counts), by)
        out[start : start + rows] = _counted(rng, chosen, number, offset, cells)
    return out


def _chosen(rng: np.random.Generator, rows: int, instances: int, by: By) -> np.ndarray:
    if by == "seeds":
        return np.broadcast_to(np.arange(instances), (rows, instances))
    return rng.integers(instances, size=(rows, instances))


def _counted(
    rng: np.random.Generator, chosen: np.ndarray, number: np.ndarray, offset: np.ndarray, cells: int
) -> np.ndarray:
    """From each chosen instance as many runs as it has, with replacement; (rows, cells)."""
    runs, width = number[chosen][..., None], int(number.max())
    place = np.zeros((*chosen.shape, 1), np.int64)
    if width > 1:
        place = (rng.random((*chosen.shape, width)) * runs).astype(np.int64)
    flat = offset[chosen][..., None] + place + cells * np.arange(len(chosen))[:, None, None]
    kept = flat[np.arange(width) < runs]
    return np.bincount(kept, minlength=len(chosen) * cells).reshape(len(chosen), cells)


def weighted_mean(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The mean of finite values, each counted as often as it is drawn; (resamples,)."""
    return np.asarray(weights @ values / weights.sum(1))


def weighted_median(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The mean of the two middle values, infinite where one of them is; (resamples,)."""
    order = np.argsort(values)
    twice = 2 * np.cumsum(weights[:, order], axis=1, dtype=np.int32)
    half = twice[:, -1:] // 2
    middle = np.stack([(twice >= half).argmax(1), (twice > half).argmax(1)])
    with np.errstate(invalid="ignore"):
        return np.asarray(values[order][middle].mean(0))


def weighted_iqm(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The interquartile mean: the mean of the middle half; (resamples,).

    The quarter that is cut off at either end need not be a whole number of values: the value at the
    cut counts with the share of it that remains (Agarwal et al. 2021, `scipy.stats.trim_mean` cuts
    whole values). Infinite where the middle half reaches an infinite value.
    """
    order = np.argsort(values)
    ordered, weight = values[order], weights[:, order]
    until = np.cumsum(weight, axis=1, dtype=np.int32)
    total = until[:, -1:]
    part = np.minimum(until, 0.75 * total) - np.maximum(until - weight, 0.25 * total)
    part = np.clip(part, 0, None)
    finite = np.isfinite(ordered)
    mean = part[:, finite] @ ordered[finite] / (0.5 * total[:, 0])
    return np.where((part[:, ~finite] > 0).any(1), math.inf, mean)
