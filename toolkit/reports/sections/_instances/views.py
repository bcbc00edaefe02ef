"""Which decisions are drawn on a page that has to stay small, and their charts."""

import zlib
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import msgspec
import numpy as np

from toolkit.errors import UserError
from toolkit.problems import Marks, Picture, Scale, pictures
from toolkit.reports.compare import Comparison
from toolkit.reports.content import Axis, Chart, Series, slug
from toolkit.reports.frame import Drawn, Group
from toolkit.reports.record import finite

BYTES = 600_000  # compressed, for all instances of a page: a third more as text
LEAST = 0.5  # of them is left for charts, however many runs there are
MOST_DRAWN = 1000  # decisions of a page
DIGITS = 4
GONE = "The problem or the instance is not at hand; name its plug-in with --plugin."

Place = tuple[int, int]  # of an instance in its group, and of a run among the instance's


class Drawing(msgspec.Struct, frozen=True):
    """The charts of a decision, or why there are none."""

    charts: list[Chart]
    why: str = ""


def drawings(group: Group, used: int) -> dict[Place, Drawing]:
    """The charts of as many runs as there is room for, `used` bytes being gone: the best run of
    each instance first, then the second best, and so on. Counts decide, no clock."""
    look_up = lru_cache(maxsize=128)(group.look_up)
    stream = zlib.compressobj(6)
    seen: dict[tuple[int, bytes], Drawing] = {}  # solvers often decide alike
    room = max(BYTES * group.share - used, LEAST * BYTES * group.share)
    most = max(1, round(MOST_DRAWN * group.share))
    out: dict[Place, Drawing] = {}
    for place in _in_order(group):
        comparison = group.comparisons[place[0]]
        key = (place[0], msgspec.json.encode(comparison.rows[place[1]].record.decision))
        if key not in seen:
            if room < 0 or most == 0:
                break
            seen[key] = draw(look_up(comparison.digest), comparison, place[1])
            room -= _length(stream, seen[key])
            most -= 1
        out[place] = seen[key]
    return out


def _in_order(group: Group) -> Iterator[Place]:
    """Of all runs with a decision, the best of each instance first."""
    rows = [
        [k for k, row in enumerate(comparison.rows) if row.record.decision]
        for comparison in group.comparisons
    ]
    for rank in range(max(map(len, rows), default=0)):
        for place, own in enumerate(rows):
            if rank < len(own):
                yield place, own[rank]


def _length(stream: Any, drawing: Drawing) -> int:
    """What a drawing adds to a compressed page, bytes."""
    text = msgspec.json.encode(drawing)
    return len(stream.compress(text)) + len(stream.flush(zlib.Z_SYNC_FLUSH))


def draw(drawn: Drawn | None, comparison: Comparison, run: int) -> Drawing:
    """The charts of a run's decision. What stores hold may be anything, and a plug-in's pictures
    may fail: then there is a sentence."""
    if drawn is None:
        return Drawing([], GONE)
    problem, instance = drawn
    try:
        with np.errstate(all="ignore"):
            found = pictures(problem, instance.data, comparison.rows[run].record.decision)
            return Drawing([chart(picture) for picture in found])
    except UserError as error:
        return Drawing([], str(error))
    except Exception as error:  # of a plug-in, or of an old store
        return Drawing([], f"The problem cannot draw it ({type(error).__name__}: {error}).")


def chart(picture: Picture) -> Chart:
    """A picture as reports draw it; numbers have as many digits as eyes can tell."""
    return Chart(
        name=slug(picture.title),
        title=picture.title,
        x=_axis(picture.x),
        y=_axis(picture.y),
        series=[_series(marks) for marks in picture.marks],
        caption=picture.caption,
        stacked=any(marks.style == "bars" for marks in picture.marks),
    )


def _axis(scale: Scale) -> Axis:
    names = None if scale.names is None else list(scale.names)
    return Axis(label=scale.label, log=scale.log, names=names)


def _series(marks: Marks) -> Series:
    return Series(
        label=marks.label,
        style=marks.style,
        x=short(marks.x),
        y=short(marks.y),
        x2=None if marks.x2 is None else short(marks.x2),
        y2=None if marks.y2 is None else short(marks.y2),
        texts=None if marks.texts is None else list(marks.texts),
        colour=marks.category,
        faint=marks.faint,
        thick=marks.thick,
    )


def short(values: Any) -> list[float | None]:
    """Numbers with DIGITS significant digits, whole ones as they are."""
    given = np.asarray(values, float)
    return [_short(value) for value in given.tolist()]


def _short(value: float) -> float | None:
    if finite(value) is None:
        return None
    if value == int(value) and abs(value) < 10**9:
        return int(value)
    return float(f"{value:.{DIGITS}g}")
