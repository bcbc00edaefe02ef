"""The panels of a study as charts and tables: plain values, for whatever draws reports."""

from collections.abc import Sequence
from functools import partial

from toolkit.reports import numbers
from toolkit.reports.content import Axis, Cell, Chart, Column, Series, Table, points, thinned, words
from toolkit.reports.papers._findings import value
from toolkit.reports.papers._panels import FLOOR, NAMES, SHARES, UNITS
from toolkit.reports.papers.study import OPTIMUM, Panel, Point, Study

CURVES = ("episode", "evaluations")  # x of curves, which have no table
TENTHS = [1.0 + tenth for tenth in range(10)]
Lines = dict[str, list[Point]]


def panel_chart(study: Study, panel: Panel, lines: Lines, name: str) -> Chart:
    """A line a method with its band; a point a method where nothing is swept."""
    lines = {method: line for method, line in lines.items() if line}
    apart = panel.x is None or (panel.x == study.field and len(study.values) < 2)
    series = [
        _point(study, place, method, line[0]) if apart else _line(study, panel, method, line)
        for place, (method, line) in enumerate(lines.items())
    ]
    what = _named(_metric(panel))
    over = "" if apart else f" over {_named(panel.x or '')}"
    return Chart(
        name=name,
        title=f"{what[0].upper()}{what[1:]}{over}",
        x=Axis(label="method", names=list(lines)) if apart else _along(panel),
        y=Axis(
            label=what,
            log=panel.log,
            floor=FLOOR if panel.log and _share(panel) else None,
            share=_share(panel),
        ),
        series=series,
        caption="Means over instances and seeds, with 95 % bootstrap intervals.",
    )


def panel_table(study: Study, panel: Panel, lines: Lines, name: str) -> Table | None:
    """The means over settings, with intervals; curves have no table."""
    if panel.x in CURVES:
        return None
    field = panel.x or study.field or ""
    settings: Sequence[float | None] = (
        [1.0 + tenth for tenth in range(10)] if field == "tenth" else study.values
    )
    unit = UNITS.get(field, 1.0)
    heads = [_named(panel.y) if x is None else f"{x / unit:g}" for x in settings]
    what, over = _named(panel.y), f" over {NAMES.get(field, field)}" if field else ""
    return Table(
        name=name,
        title=f"{what[0].upper()}{what[1:]}{over}: means",
        columns=[Column(name="method", text=True), *(Column(name=head) for head in heads)],
        rows=[[words(method), *_cells(panel, line, settings)] for method, line in lines.items()],
        notes=[
            "Means over instances and seeds, with 95 % bootstrap intervals; 3/5: over three of "
            "five runs, as the others have no value."
        ],
    )


def _cells(panel: Panel, line: list[Point], settings: Sequence[float | None]) -> list[Cell]:
    at = {point.x: point for point in line}
    return [_cell(panel.y, at.get(x or 0.0)) for x in settings]


def _cell(metric: str, point: Point | None) -> Cell:
    """Mean and interval, and how many runs stand behind it where some have no value."""
    if point is None:
        return Cell(value=None, text="-")
    read = numbers.duration if metric.endswith("seconds") else partial(value, metric)
    middle, low, high = (read(end) for end in (point.mean, point.low, point.high))
    runs = f" ({point.runs - point.missing}/{point.runs})" if point.missing else ""
    text = f"{middle} [{low}, {high}]{runs}"
    return Cell(value=point.mean, text=text, low=point.low, high=point.high)


def _line(study: Study, panel: Panel, method: str, line: list[Point]) -> Series:
    line, unit = thinned(line), UNITS.get(panel.x or "", 1.0)
    return Series(
        label=method,
        x=points(point.x / unit for point in line),
        y=points(point.mean for point in line),
        low=points(point.low for point in line),
        high=points(point.high for point in line),
        colour=_colour(study, method),
    )


def _point(study: Study, place: int, method: str, point: Point) -> Series:
    return Series(
        label=method,
        style="points",
        x=[float(place)],
        y=points([point.mean]),
        low=points([point.low]),
        high=points([point.high]),
        colour=_colour(study, method),
    )


def _along(panel: Panel) -> Axis:
    return Axis(label=NAMES.get(panel.x or "", panel.x or ""), log=panel.x == "evaluations")


def _colour(study: Study, method: str) -> int:
    """One colour a method in all panels of a study."""
    return len(study.methods) if method == OPTIMUM else study.methods.index(method)


def _metric(panel: Panel) -> str:
    return "gap" if panel.x == "evaluations" else panel.y


def _share(panel: Panel) -> bool:
    return _metric(panel) in SHARES


def _named(name: str) -> str:
    return NAMES.get(name, name).removesuffix(" (%)")
