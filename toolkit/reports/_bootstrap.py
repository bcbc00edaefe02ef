"""Bootstrap intervals of a few runs on a few instances."""

import math
from collections import defaultdict
from collections.abc import Callable, Mapping

import numpy as np

from toolkit.instances import rng_for

RESAMPLES = 2000
LEVEL = 0.95

Cells = Mapping[tuple[str, int], float]  # (instance, seed) -> value
Statistic = Callable[[np.ndarray], np.ndarray]  # over the last axis, NaN left out


def mean(values: np.ndarray) -> np.ndarray:
    return np.asarray(np.nanmean(values, axis=-1))


def median(values: np.ndarray) -> np.ndarray:
    """The lower of two middle values, so that infinite ones cause no harm."""
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
