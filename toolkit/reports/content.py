"""What a report is made of: sections of sentences, tables and charts, as plain values.

Sections make them, and the page, files for papers and the terminal draw them: all show the same
numbers. Numbers are finite or None.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import msgspec

from toolkit.reports import numbers
from toolkit.reports.record import finite

Value = str | float | int | bool | None
Style = Literal["line", "step", "points", "bars", "segments"]
Mark = Literal["", "good", "warn", "bad"]
MOST_POINTS = 400  # of a line that is drawn
MOST_LETTERS = 80  # of a slug: names of files are made of two or three, and may have 255


class Cell(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What stands in a table: a value to sort by and to export, and how people read it.

    low, high  the ends of its interval, where it has one; `text` shows them too
    mark       how it is meant: "good", "warn", "bad" or nothing
    link       the fragment of the page that tells more, without the #
    """

    value: Value
    text: str
    low: float | None = None
    high: float | None = None
    mark: Mark = ""
    link: str = ""


class Column(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A table's column: its name, its unit (empty: none), and what it is where that needs words."""

    name: str
    unit: str = ""
    note: str = ""
    text: bool = False  # words, set to the left


class Table(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Rows of as many cells as there are columns; the first cell names its row.

    name    of a file: letters, digits and hyphens, unique in a report
    notes   what has to be read beside it: the gap's formula, limits, threads, concurrency
    """

    name: str
    title: str
    columns: list[Column]
    rows: list[list[Cell]]
    notes: list[str] = []


class Axis(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an axis shows. `floor`: on a logarithmic axis smaller values are drawn there and said
    to be at most that. `share`: written in per cent. `names`: of the values 0, 1, 2, …"""

    label: str
    log: bool = False
    floor: float | None = None
    share: bool = False
    names: list[str] | None = None


class Series(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Points (x, y) under a label, all lists as long as `x`; None breaks a line.

    style     line or step (which holds its value until the next), points, bars, or segments from
              (x, y) to (x2, y2)
    low, high the band of a line, or the interval of each point, along y
    closed    points: whether the marker is filled; None: all are
    texts     what is told of a point where the pointer rests
    colour    place in the palette: series of one method have one colour on all charts
    faint     stands back behind the others, and is left out of the legend
    thick     segments as broad as bars: a Gantt chart
    """

    label: str
    x: list[float | None]
    y: list[float | None]
    style: Style = "line"
    low: list[float | None] | None = None
    high: list[float | None] | None = None
    x2: list[float | None] | None = None
    y2: list[float | None] | None = None
    closed: list[bool] | None = None
    texts: list[str] | None = None
    colour: int = 0
    faint: bool = False
    thick: bool = False


class Chart(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Series on a pair of axes. `name` as a table's; `caption` tells how it is read; `stacked`:
    bars at one place stand on each other, not side by side."""

    name: str
    title: str
    x: Axis
    y: Axis
    series: list[Series]
    caption: str = ""
    stacked: bool = False


class Section(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A part of a report: sentences first, then tables and charts. `details` holds what only the
    page shows, for its script: plain values."""

    name: str
    title: str
    says: list[str] = []
    tables: list[Table] = []
    charts: list[Chart] = []
    details: dict[str, Any] = {}


def words(text: str, mark: Mark = "", link: str = "") -> Cell:
    return Cell(value=text, text=text, mark=mark, link=link)


def count(value: int, of: int | None = None, mark: Mark = "") -> Cell:
    """12, or 12/20."""
    return Cell(value=value, text=f"{value:,}" if of is None else f"{value}/{of}", mark=mark)


def number(value: float | None, digits: int = 8) -> Cell:
    return Cell(value=_known(value), text=numbers.number(_known(value), digits))


def gap(value: float | None, low: float | None = None, high: float | None = None) -> Cell:
    """A gap, 0.01 for 1 %, with its interval where it has one, all in one unit."""
    large = max((each for each in (value, high) if each is not None), default=0.0) >= 1e-4
    return _with_interval(
        _per_cent if large and high is not None else numbers.gap, value, low, high
    )


def seconds(value: float | None, low: float | None = None, high: float | None = None) -> Cell:
    return _with_interval(numbers.seconds, value, low, high)


def share(value: float | None, low: float | None = None, high: float | None = None) -> Cell:
    """A share of 1, written in per cent."""
    return _with_interval(numbers.share, value, low, high)


def _with_interval(read: Any, value: float | None, low: float | None, high: float | None) -> Cell:
    value, low, high = (_known(each) for each in (value, low, high))
    text = read(value)
    if {low, high} - {value, None}:
        text += f" [{read(low)}, {read(high)}]"
    return Cell(value=value, text=text, low=low, high=high)


def _per_cent(value: float | None) -> str:
    if value is None or value < 1e-12 or value >= 1e-4:
        return numbers.gap(value)
    return "<0.0001%" if value < 1e-6 else numbers.share(value)


def _known(value: float | None) -> float | None:
    return finite(value)


def points(values: Iterable[float | None]) -> list[float | None]:
    """Numbers as a series has them: NaN and infinities are None."""
    return [finite(value) for value in values]


def slug(text: str) -> str:
    """Letters, digits and single hyphens: a file's name, or a fragment of a page."""
    kept = "".join(c if c.isascii() and c.isalnum() else " " for c in text.lower())
    return "-".join(kept.split())[:MOST_LETTERS].strip("-") or "x"


def fresh(name: str, taken: set[str]) -> str:
    """The name, with a number where it is taken already; from now on it is."""
    out, several = name, 1
    while out in taken:
        several += 1
        out = f"{name}-{several}"
    taken.add(out)
    return out


def thinned(places: Sequence[Any], most: int = MOST_POINTS) -> list[Any]:
    """At most `most` of them, evenly, the first and the last among them."""
    if len(places) <= most:
        return list(places)
    step = (len(places) - 1) / (most - 1)
    return [places[round(place * step)] for place in range(most)]
