"""What a method has after how long: the gap of its best decision so far over time."""

import numpy as np

from toolkit.reports.content import Axis, Chart, Section, Series, points
from toolkit.reports.frame import Group
from toolkit.reports.sections._runs import SHORTEST, Runs, fair, runs_of, with_best

ORDER = 40
POINTS = 100
FLOOR = 1e-9
MOST_BANDS = 12  # more would hide the curves
QUARTERS = (0.5, 0.25, 0.75)
CAPTION = (
    "Median gap to the best known decision after x seconds of the solver; bands, where drawn: "
    "the middle half of the runs. A run without a feasible decision yet has an infinite gap: a "
    "curve begins once half of the runs have one, and its band once three quarters do. A run that "
    "has ended keeps its answer. A decision better than the answer that the run ended with is not "
    "counted."
)


def of_group(group: Group) -> Section | None:
    """Median gap over time and its quartiles, on the instances that all methods shown were given;
    of a single method on all of its instances."""
    runs = with_best(runs_of(group))
    field = fair(runs)
    inside = runs if field is None else field.inside
    methods = np.unique(inside.method).tolist()
    if not methods or (field is None and len(methods) > 1):
        return None
    times = _times(inside)
    drawn = [_curve(group, inside, m, times, len(methods)) for m in methods]
    series = [each for each in drawn if any(y is not None for y in each.y)]
    if not series:
        return None
    chart = Chart(
        name=f"{group.name}-anytime",
        title="Gap over time",
        x=Axis(label="seconds", log=True),
        y=Axis(label="gap to the best known", log=True, floor=FLOOR, share=True),
        series=series,
        caption=CAPTION,
    )
    says = [] if field is None else [f"Medians {field.said}"]
    return Section(
        name="anytime", title="What a method has after how long", says=says, charts=[chart]
    )


def _times(runs: Runs) -> np.ndarray:
    """From the first decision to the end of the longest run, evenly on a logarithmic axis."""
    steps = runs.steps
    found = np.maximum(steps.seconds[np.isfinite(steps.gap)], SHORTEST)
    first = float(found.min()) if found.size else 1.0
    return np.geomspace(first, max(float(runs.seconds.max()), 1.01 * first), POINTS)


def gaps_over_time(runs: Runs, times: np.ndarray) -> np.ndarray:
    """(runs, times): the gap of the best decision so far, inf before the first."""
    steps = runs.steps
    place = np.searchsorted(times, steps.seconds * (1 - 1e-9))  # the first time that comes after it
    seen = place < len(times)
    out = np.full((len(runs.rows), len(times)), np.inf)
    np.minimum.at(out, (steps.run[seen], place[seen]), steps.gap[seen])
    return np.minimum.accumulate(out, axis=1)


def _curve(group: Group, runs: Runs, method: int, times: np.ndarray, shown: int) -> Series:
    mine = runs.where(runs.method == method)
    middle, low, high = quartiles(gaps_over_time(mine, times))
    banded = shown <= MOST_BANDS
    return Series(
        label=runs.labels[method],
        style="step",
        x=points(times),
        y=points(middle),
        low=points(low) if banded else None,
        high=points(high) if banded else None,
        colour=method,
    )


def quartiles(gaps: np.ndarray) -> np.ndarray:
    """(3, times): median, lower and upper quartile over the runs; an infinite gap is the largest,
    and a quantile is the least value that so many runs do not exceed."""
    ordered = np.sort(gaps, axis=0)
    return np.stack([ordered[int(np.ceil(q * len(gaps))) - 1] for q in QUARTERS])
