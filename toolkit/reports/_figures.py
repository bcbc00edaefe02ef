"""Figures as SVG text that takes the page's colours, light or dark."""

import io
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .compare import Comparison
from .learning import Band

FLOOR = 1e-9  # gaps below this are drawn on this line
FIRST = 1e-5  # seconds: the left end of the axis
INK = "#010203"  # stands for the text colour until the page knows it
MARKERS = "osD^v<>pPX*h"
LOGARITHMIC = ("critic_loss",)  # curves that fall over orders of magnitude


@dataclass(frozen=True)
class Curve:
    """The gap of a run's incumbent to the best known, against the solver's seconds."""

    label: str
    seconds: tuple[float, ...]
    gaps: tuple[float, ...]


def curves(comparison: Comparison) -> list[Curve]:
    """One curve a run that found something; it goes on to the run's last second."""
    out = []
    for row in comparison.ran:
        record = row.record
        points = [(t, objective) for t, _, objective, _ in record.trace if objective is not None]
        if comparison.best is None or not points or not record.feasible:
            continue
        scale = max(abs(comparison.best), 1e-12)
        gaps = [max(FLOOR, record.sign * (v - comparison.best) / scale) for _, v in points]
        times = [max(FIRST, t or 0.0) for t, _ in points]
        out.append(Curve(record.label, (*times, max(times[-1], record.seconds)), (*gaps, gaps[-1])))
    return out


def gap_plot(lines: Sequence[Curve], name: str) -> str:
    """An SVG drawing of the curves on logarithmic axes; empty where there are none."""

    def draw(figure: Any) -> None:
        axes = figure.add_subplot()
        for number, line in enumerate(lines):
            colour = _colour(number)
            axes.plot(line.seconds, line.gaps, drawstyle="steps-post", color=colour, lw=1.6)
            marker = MARKERS[number % len(MARKERS)]
            end = (line.seconds[-1:], line.gaps[-1:])
            axes.plot(*end, marker, color=colour, ms=7, mec=INK, mew=0.5, label=line.label)
        _dress(axes, lines)
        figure.legend(loc="outside right upper", frameon=False, fontsize=9)

    return _svg(draw, name, "Gap against time") if lines else ""


def training_plot(panels: Mapping[str, Sequence[Band]], name: str) -> str:
    """An SVG drawing, a panel for each thing that curves show; empty where there are none."""
    labels = list(dict.fromkeys(band.label for lines in panels.values() for band in lines))

    def draw(figure: Any) -> None:
        places = figure.subplots(1, len(panels), squeeze=False)[0]
        for axes, (what, lines) in zip(places, panels.items(), strict=True):
            for band in lines:
                _band(axes, band, _colour(labels.index(band.label)))
            positive = all(value > 0 for band in lines for value in band.low)
            axes.set(xlabel="training steps", ylabel=what.replace("_", " "))
            axes.set_yscale("log" if positive and what in LOGARITHMIC else "linear")
            _bare(axes)
        named = {line.get_label(): line for axes in places for line in axes.get_lines()}
        figure.legend(
            named.values(), named, loc="outside lower left", ncols=2, frameon=False, fontsize=9
        )

    height = 3.6 + 0.2 * math.ceil(len(labels) / 2)
    return _svg(draw, name, "Training curves", height) if panels else ""


def _band(axes: Any, band: Band, colour: Any) -> None:
    axes.plot(band.steps, band.middle, color=colour, lw=1.6, label=band.label)
    axes.fill_between(band.steps, band.low, band.high, color=colour, alpha=0.2, lw=0)


def _colour(number: int) -> Any:
    """The strong colours of the palette first, then the pale ones."""
    import matplotlib

    return matplotlib.colormaps["tab20"](range(20))[(2 * number + number // 10) % 20]


def _svg(draw: Callable[[Any], None], name: str, title: str, height: float = 3.9) -> str:
    """What `draw` puts on a figure, as text that takes the page's colours."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib.figure import Figure

    style = {
        "svg.fonttype": "none",
        "svg.hashsalt": name,
        "font.family": "sans-serif",
        "text.color": INK,
        "axes.labelcolor": INK,
        "axes.edgecolor": INK,
        "xtick.color": INK,
        "ytick.color": INK,
    }
    with matplotlib.rc_context(style):
        figure = Figure(figsize=(10.5, height), layout="constrained")
        draw(figure)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    return _inline(buffer.getvalue(), title)


def _dress(axes: Any, lines: Sequence[Curve]) -> None:
    """Scales, limits, labels and a faint grid."""
    top = max(max(line.gaps) for line in lines)
    last = max(line.seconds[-1] for line in lines)
    axes.set(xscale="log", yscale="log", xlabel="seconds", ylabel="gap to best known")
    highest = math.ceil(math.log10(max(top, 1e-3)) + 0.2)
    axes.set_ylim(FLOOR / 3, 10**highest)
    powers = range(-9, highest + 1, 2)
    axes.set_yticks([10.0**p for p in powers], ["≤ 1e-9", *(f"{10.0**p:g}" for p in powers[1:])])
    axes.minorticks_off()
    axes.set_xlim(FIRST, 2 * max(last, 1e-3))
    _bare(axes)


def _bare(axes: Any) -> None:
    """A faint grid, and no more of a frame than the axes need."""
    axes.grid(alpha=0.15)
    axes.spines[["top", "right"]].set_visible(False)


def _inline(svg: str, title: str) -> str:
    """The <svg> element alone, scalable, in the page's colours, with a name for screen readers."""
    svg = svg[svg.index("<svg") :].replace(INK, "currentColor")
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg, count=1)
    svg = svg.replace("<svg ", f'<svg role="img" aria-label="{title}" ', 1)
    return re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
