"""Charts as figures for papers: as wide as a column or as the text, fonts embedded, and readable
without colours. One drawer for all of them."""

import io
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from toolkit.reports.content import Chart
from toolkit.reports.export import _axes
from toolkit.reports.export._series import draw_series

WIDTHS = {"column": 3.5, "text": 7.16}  # inches: of two columns on a letter page, IEEE's
HEIGHT = 2.3  # of the axes, about
LINE = 0.125  # of the legend
LETTER = 0.050  # inches: mean width of a letter of the legend
HANDLE = 0.45  # inches: of a legend's marks, and the room beside them
DPI = 300
WIDE, HIGH = 56, 34  # letters of a line below the axes, and beside them
STYLE = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same everywhere
    "font.size": 7,
    "axes.linewidth": 0.6,
    "axes.titlesize": 7,
    "lines.linewidth": 1.0,
    "lines.markersize": 4,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "legend.fontsize": 6,
    "pdf.fonttype": 42,  # TrueType, embedded
    "svg.fonttype": "path",
    "svg.hashsalt": "toolkit",
    "text.parse_math": False,  # methods may be called $x$
    "text.usetex": False,
}
NAMELESS: dict[str, dict[str, None]] = {  # no dates, no programs: the same bytes every time
    "svg": {"Date": None, "Creator": None, "Format": None, "Type": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    "png": {"Software": None},
}


def render(chart: Chart, formats: Sequence[str], width: str = "column") -> dict[str, bytes]:
    """{format: content} of a chart, drawn once."""
    figure = draw(chart, width)
    with _style():
        return {kind: _saved(figure, kind) for kind in formats}


@contextmanager
def _style() -> Iterator[None]:
    """What is ours holds inside, and nothing is said of letters that the font lacks: names have
    them."""
    import matplotlib

    with matplotlib.rc_context(STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        yield


def draw(chart: Chart, width: str = "column") -> Any:
    """A matplotlib Figure; its caption is no part of it."""
    from matplotlib.figure import Figure

    inches = WIDTHS[width]
    named = [series for series in chart.series if not series.faint]
    most = int((inches - HANDLE) / LETTER)
    labels = [_label(series.label, most) for series in named] if len(named) > 1 else []
    columns, lines = _legend_size(labels, inches)
    height = HEIGHT + LINE * lines + _axes.height_of_names(chart.x)
    with _style():
        figure = Figure(figsize=(inches, height), layout="constrained")
        axes = figure.add_subplot()
        handles = draw_series(axes, chart)
        _dress(axes, chart)
        if labels:
            figure.legend(
                handles,
                labels,
                loc="outside lower center",
                ncols=columns,
                frameon=False,
                handlelength=2.4,
                columnspacing=1.0,
                labelspacing=0.25,
            )
    return figure


def _legend_size(labels: Sequence[str], inches: float) -> tuple[int, int]:
    """Columns and lines of a legend below the axes, where it covers nothing."""
    if not labels:
        return 1, 0
    widest = max(map(len, labels)) * LETTER + HANDLE
    columns = max(1, min(len(labels), int(inches / widest)))
    lines = -(-len(labels) // columns)
    return -(-len(labels) // lines), lines


def _label(text: str, most: int) -> str:
    """On one line, and no wider than the legend. Matplotlib leaves out what begins with an
    underscore."""
    short = _axes.shortened(text, most) or "-"
    return f" {short}" if short[0] == "_" else short


def _dress(axes: Any, chart: Chart) -> None:
    """Scales, ticks, labels and a faint grid."""
    shown = [s for s in chart.series if not s.faint] or chart.series
    for which, axis in (("x", chart.x), ("y", chart.y)):
        _axes.dress(axes, which, axis, [s.x if which == "x" else s.y for s in shown])
    axes.set(xlabel=_axes.folded(chart.x.label, WIDE), ylabel=_axes.folded(chart.y.label, HIGH))
    axes.grid(alpha=0.25, linewidth=0.4)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _saved(figure: Any, kind: str) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind, dpi=DPI, metadata=NAMELESS[kind])
    return buffer.getvalue()
