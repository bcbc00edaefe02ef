"""Figures of a study as SVG files: lines with confidence bands, or points with intervals."""

import math
from pathlib import Path
from typing import Any

from toolkit.reports.papers.study import OPTIMUM, Panel, Point, Study

FLOOR = 1e-6  # gaps below this are drawn on this line
MARKERS = "os^Dv<>pPX*h"
SHARES = ("gap", "final_gap", "last_gap", "explored_feasible")  # drawn in per cent
NAMES = {
    "objective": "objective",
    "gap": "gap to the optimum (%)",
    "delay": "delay of all users (s)",
    "energy": "energy of all users (J)",
    "final_gap": "gap of the final policy (%)",
    "seconds": "seconds",
    "reward": "reward",
    "critic_loss": "critic's loss",
    "critic_loss_variance": "variance of the critic's loss",
    "explored_feasible": "feasible while learning (%)",
    "last_gap": "gap in the last tenth (%)",
    "candidates": "candidates judged a frame",
    "frame_seconds": "seconds a frame",
    "n_users": "users",
    "frames": "frames",
    "tenth": "tenth of the episode",
    "bandwidth": "bandwidth B (MHz)",
    "f_server": "server capacity F (GHz)",
    "episode": "episode",
    "evaluations": "judged decisions",
}
UNITS = {"bandwidth": 1e6, "f_server": 1e9}  # of the swept fields, as NAMES has them


def draw(study: Study, panels: list[Panel], path: Path, title: str) -> None:
    """Writes the panels side by side, with one legend, as an SVG file on white."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib.figure import Figure

    style = {
        "svg.fonttype": "none",
        "svg.hashsalt": path.name,
        "font.family": "sans-serif",
        "font.size": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
    with matplotlib.rc_context(style):
        figure = Figure(figsize=(5.2 * len(panels) + 1.2, 3.8), layout="constrained")
        figure.suptitle(title, fontsize=11, x=0.01, ha="left")
        for axes, panel in zip(
            figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True
        ):
            drawn = study.series(panel).items()
            lines = {name: points for name, points in drawn if points}  # some have no objective
            (_points if _pointwise(study, panel) else _lines)(axes, panel, study, lines)
        handles = {
            label: handle
            for axes in figure.axes
            for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
        }
        if handles:
            figure.legend(
                handles.values(), handles.keys(), loc="outside right center", frameon=False
            )
        figure.savefig(path, format="svg", metadata={"Date": None})


def _pointwise(study: Study, panel: Panel) -> bool:
    return panel.x is None or (panel.x == study.field and len(study.values) < 2)


def _lines(axes: Any, panel: Panel, study: Study, lines: dict[str, list[Point]]) -> None:
    """A line a method over x, with its band."""
    unit = UNITS.get(panel.x or "", 1.0)
    few = panel.x not in ("episode", "evaluations")
    for name, points in lines.items():
        look = _look(name, study)
        if not few:
            look["marker"] = None
        xs = [point.x / unit for point in points]
        middle = _scaled(panel, [point.mean for point in points])
        low = _scaled(panel, [point.low for point in points])
        high = _scaled(panel, [point.high for point in points])
        axes.plot(xs, middle, lw=1.6, label=name, ms=5, **look)
        if panel.x == "evaluations":  # some end at once
            axes.plot(xs[-1], middle[-1], "o", color=look["color"], ms=5)
        axes.fill_between(xs, low, high, color=look["color"], alpha=0.15, lw=0)
    axes.set(xlabel=NAMES.get(panel.x or "", panel.x), ylabel=NAMES[_metric(panel)])
    if panel.x == "evaluations":
        axes.set_xscale("log")
    _scale(axes.set_yscale, axes.yaxis, panel)
    axes.grid(alpha=0.15)


def _points(axes: Any, panel: Panel, study: Study, lines: dict[str, list[Point]]) -> None:
    """A row a method: its mean, and the interval as a bar."""
    rows = list(lines)[::-1]
    for row, name in enumerate(rows):
        point = lines[name][0]
        look = _look(name, study)
        (low, middle, high) = _scaled(panel, [point.low, point.mean, point.high])
        axes.plot([low, high], [row, row], color=look["color"], lw=2)
        axes.plot(middle, row, look["marker"], color=look["color"], ms=6)
    axes.set_yticks(range(len(rows)), rows)
    axes.set_xlabel(NAMES[_metric(panel)])
    _scale(axes.set_xscale, axes.xaxis, panel)
    axes.grid(alpha=0.15, axis="x")


def _metric(panel: Panel) -> str:
    return "gap" if panel.x == "evaluations" else panel.y


def _scaled(panel: Panel, values: list[float]) -> list[float]:
    """Shares in per cent; on a logarithmic axis nothing lies below the floor."""
    share = _metric(panel) in SHARES
    factor = 100.0 if share else 1.0
    least = factor * FLOOR if panel.log and share else -math.inf
    return [max(least, factor * value) for value in values]


def _scale(set_scale: Any, axis: Any, panel: Panel) -> None:
    if panel.log:
        set_scale("log")
        if _metric(panel) in SHARES:
            axis.set_major_formatter(lambda v, _: "≤ 1e-4" if v <= 100 * FLOOR * 1.01 else f"{v:g}")


def _look(name: str, study: Study) -> dict[str, Any]:
    """The same colour and marker for a method in every panel; the optimum is black and dashed."""
    if name == OPTIMUM:
        return {"color": "black", "linestyle": "--", "marker": "|"}
    import matplotlib

    place = study.methods.index(name)
    colour = matplotlib.colormaps["tab10"](place % 10)
    return {"color": colour, "linestyle": "-" if place < 10 else ":", "marker": MARKERS[place % 12]}
