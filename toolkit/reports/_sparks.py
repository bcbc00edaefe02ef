"""Small curves of blocks: what a chart's lines do along its x axis, or where its points lie."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from toolkit.reports import numbers
from toolkit.reports.content import Axis, Chart, Series

BLOCKS = "▁▂▃▄▅▆▇█"
PLAIN = "_.-=+*#%"  # the same eight heights where the encoding has no blocks
COLUMNS = 24
Scale = Callable[[float], float]


@dataclass(frozen=True)
class Sparks:
    """A curve a series: what they show, a head for them, and (label, curve)."""

    title: str
    heading: str
    rows: list[tuple[str, str]]


def drawn(charts: Sequence[Chart], full: bool = True) -> Sparks | None:
    """Of the first chart of lines on logarithmic axes, of the first of any lines, or how the points
    of the first chart of points are distributed; None where there is none."""
    marks = BLOCKS if full else PLAIN
    lined = [chart for chart in charts if any(_is_line(s) for s in chart.series)]
    chosen = next((c for c in lined if c.x.log and c.y.log), lined[0] if lined else None)
    if chosen is not None:
        return _lines(chosen, marks)
    dotted = (c for c in charts if any(s.style == "points" for s in c.series))
    return next((found for c in dotted if (found := _points(c, marks)) is not None), None)


def _is_line(series: Series) -> bool:
    return series.style in ("line", "step") and not series.faint


def _lines(chart: Chart, marks: str) -> Sparks | None:
    chosen = [series for series in chart.series if _is_line(series)]
    ends = _ends(chart.x, (v for series in chosen for v in series.x))
    heights = _ends(chart.y, (v for series in chosen for v in series.y))
    if ends is None or heights is None:
        return None
    along, up = _scale(chart.x, *ends), _scale(chart.y, *heights)
    rows = [(series.label, _curve(series, along, up, marks)) for series in chosen]
    return Sparks(
        f"{chart.title}: from {_said(chart.x, ends[0])} to {_said(chart.x, ends[1])} "
        f"{chart.x.label}, as high as {chart.y.label}, {_said(chart.y, heights[0])} to "
        f"{_said(chart.y, heights[1])}{' (logarithmic)' if chart.y.log else ''}",
        chart.y.label,
        rows,
    )


def _curve(series: Series, along: Scale, up: Scale, marks: str) -> str:
    """In each column the last value up to there, nothing before the first and after a break that
    ends the series."""
    points = [
        (along(x), None if y is None else up(y))
        for x, y in zip(series.x, series.y, strict=True)
        if x is not None
    ]
    last = max((x for x, y in points if y is not None), default=-1.0)
    drawn = []
    for column in range(COLUMNS):
        right = (column + 1) / COLUMNS
        before = [y for x, y in points if x <= right]
        ended = not before or before[-1] is None or column / COLUMNS > last
        drawn.append(" " if ended else _mark(before[-1] or 0.0, marks))
    return "".join(drawn)


def _points(chart: Chart, marks: str) -> Sparks | None:
    """Of each label how many of its points lie where along y."""
    found: dict[str, list[float]] = {}
    for series in chart.series:
        if series.style == "points":
            found.setdefault(series.label, []).extend(v for v in series.y if v is not None)
    ends = _ends(chart.y, (v for values in found.values() for v in values))
    if ends is None:
        return None
    up = _scale(chart.y, *ends)
    rows = [(label, _counts([up(v) for v in values], marks)) for label, values in found.items()]
    low, high = (_said(chart.y, end) for end in ends)
    title = f"{chart.title}: how many runs have which {chart.y.label}, from {low} to {high}"
    return Sparks(title + " (logarithmic)" * chart.y.log, chart.y.label, rows)


def _counts(places: Sequence[float], marks: str) -> str:
    counts = [0] * COLUMNS
    for place in places:
        counts[min(COLUMNS - 1, int(place * COLUMNS))] += 1
    most = max(counts)
    return "".join(_mark(c / most, marks) if c else " " for c in counts)


def _mark(height: float, marks: str) -> str:
    return marks[min(len(marks) - 1, int(height * len(marks)))]


def _ends(axis: Axis, values: Iterable[float | None]) -> tuple[float, float] | None:
    """The least and the largest value that the axis can show."""
    found = [_held(axis, v) for v in values if v is not None]
    kept = [v for v in found if not axis.log or v > 0]
    return (min(kept), max(kept)) if kept else None


def _held(axis: Axis, value: float) -> float:
    return value if axis.floor is None else max(value, axis.floor)


def _scale(axis: Axis, low: float, high: float) -> Scale:
    """A value's place between the ends, 0 to 1."""
    read = math.log if axis.log else float

    def place(value: float) -> float:
        held = min(high, max(low, _held(axis, value)))
        return (read(held) - read(low)) / (read(high) - read(low)) if high > low else 0.0

    return place


def _said(axis: Axis, value: float) -> str:
    at_most = "at most " if axis.floor is not None and value <= axis.floor else ""
    return at_most + (numbers.gap(value) if axis.share else numbers.number(value, 3))
