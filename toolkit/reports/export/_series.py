"""Series on axes of matplotlib: the numbers of the chart, held at the floors of its axes."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from toolkit.reports.content import Axis, Chart, Series
from toolkit.reports.palette import look

MARKERS = {
    "circle": "o",
    "square": "s",
    "triangle-up": "^",
    "diamond": "D",
    "triangle-down": "v",
    "cross": "X",
    "star": "*",
}
DASHES: dict[str, Any] = {
    "solid": "-",
    "dash": (0, (5, 2)),
    "dot": (0, (1, 1.5)),
    "dashdot": (0, (5, 1.5, 1, 1.5)),
}
FEW = 6  # markers on a line
THICK = 6.0  # points: segments as broad as bars
FULL = 0.8  # of the room between two places that bars fill


def draw_series(axes: Any, chart: Chart) -> list[Any]:
    """Draws all of them, the faint ones below; returns what stands for the others in a legend."""
    bars = [series for series in chart.series if series.style == "bars"]
    handles: list[Any] = []
    for series in sorted(chart.series, key=lambda series: not series.faint):
        if series.style in ("line", "step"):
            handle = _line(axes, chart, series)
        elif series.style == "points":
            handle = _points(axes, chart, series)
        elif series.style == "bars":
            handle = _bars(axes, chart, series, bars[: bars.index(series)], len(bars))
        else:
            handle = _segments(axes, chart, series)
        handles += [] if series.faint else [handle]
    return handles


def shown(values: Sequence[float | None], axis: Axis) -> np.ndarray:
    """Where values are drawn: NaN for none, and for what a logarithmic axis has no place for."""
    found = np.array([math.nan if value is None else value for value in values], float)
    if not axis.log:
        return found
    if axis.floor is not None:
        return np.where(np.isnan(found), found, np.maximum(found, axis.floor))
    return np.where(found > 0, found, math.nan)


def _line(axes: Any, chart: Chart, series: Series) -> Any:
    style = look(series.colour)
    x, y = shown(series.x, chart.x), shown(series.y, chart.y)
    step = series.style == "step"
    if series.low is not None and series.high is not None:
        low, high = shown(series.low, chart.y), shown(series.high, chart.y)
        kind = "post" if step else None
        axes.fill_between(x, low, high, step=kind, color=style.colour, alpha=0.15, linewidth=0)
    (drawn,) = axes.plot(
        x,
        y,
        drawstyle="steps-post" if step else "default",
        color=style.colour,
        linestyle=DASHES[style.dash],
        linewidth=0.6 if series.faint else None,
        alpha=0.4 if series.faint else None,
        marker=None if series.faint else MARKERS[style.marker],
        markersize=3,
        markevery=_every(len(x), series.colour),
    )
    return drawn


def _every(points: int, place: int) -> tuple[int, int] | None:
    """Markers on a few points of a line, which are others on every line."""
    step = -(-points // FEW)
    return (place * max(1, step // 4) % step, step) if step > 1 else None


def _points(axes: Any, chart: Chart, series: Series) -> Any:
    style = look(series.colour)
    x, y = shown(series.x, chart.x), shown(series.y, chart.y)
    width = 0.3 if series.faint else 0.9
    alpha = 0.35 if series.faint else 1.0
    if series.low is not None and series.high is not None:
        low, high = shown(series.low, chart.y), shown(series.high, chart.y)
        axes.vlines(x, low, high, colors=style.colour, linewidth=width, alpha=alpha)
    closed = np.array(series.closed or [True] * len(x), bool)
    handle = None
    for filled in (True, False):
        chosen = closed == filled
        if not chosen.any() and (handle is not None or not filled):
            continue
        (drawn,) = axes.plot(
            x[chosen],
            y[chosen],
            linestyle="none",
            marker=MARKERS[style.marker],
            markersize=1.8 if series.faint else 4.5,
            color=style.colour,
            markerfacecolor=style.colour if filled else "none",
            markeredgewidth=0.3 if series.faint else 0.7,
            alpha=alpha,
            rasterized=len(x) > 2000,
        )
        handle = handle or drawn
    return handle


def _bars(axes: Any, chart: Chart, series: Series, before: list[Series], of: int) -> Any:
    """Several series of bars stand side by side, or on each other."""
    x, y = shown(series.x, chart.x), shown(series.y, chart.y)
    known = np.unique(x[~np.isnan(x)])
    room = float(np.diff(known).min()) if len(known) > 1 else 1.0
    width = FULL * room / (1 if chart.stacked else of)
    middle = x if chart.stacked else x + (len(before) - (of - 1) / 2) * width
    error = None
    if series.low is not None and series.high is not None:
        low, high = shown(series.low, chart.y), shown(series.high, chart.y)
        error = np.nan_to_num([np.maximum(y - low, 0), np.maximum(high - y, 0)])
    return axes.bar(
        middle,
        y,
        width,
        bottom=_below(series, before) if chart.stacked else 0.0,
        color=look(series.colour).colour,
        yerr=error,
        error_kw={"linewidth": 0.7},
    )


def _below(series: Series, before: list[Series]) -> list[float]:
    """How high the bars are that stand at the same places."""
    heights: dict[float | None, float] = {}
    for other in before:
        for x, y in zip(other.x, other.y, strict=True):
            heights[x] = heights.get(x, 0.0) + (y or 0.0)
    return [heights.get(x, 0.0) for x in series.x]


def _segments(axes: Any, chart: Chart, series: Series) -> Any:
    """One line with gaps, which is quick for thousands."""
    style = look(series.colour)
    x, y = shown(series.x, chart.x), shown(series.y, chart.y)
    x2 = shown(series.x2 if series.x2 is not None else series.x, chart.x)
    y2 = shown(series.y2 if series.y2 is not None else series.y, chart.y)
    gap = np.full(len(x), math.nan)
    (drawn,) = axes.plot(
        np.column_stack([x, x2, gap]).reshape(-1),
        np.column_stack([y, y2, gap]).reshape(-1),
        color=style.colour,
        linestyle=DASHES[style.dash],
        linewidth=THICK if series.thick else 0.5 if series.faint else 1.4,
        solid_capstyle="butt",
        alpha=0.4 if series.faint else None,
    )
    return drawn
