"""Pictures of a decision as plain values: what reports draw to show why it is good.

A problem makes them of its own formula (`HasPictures`); numbers are in the units of the labels.
Users, tasks and servers are counted from 1 in them, as people count.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

Style = Literal["bars", "points", "line", "step", "segments"]

MOST = 60  # users that are drawn one by one
HOME = 7  # the category of who stays at home, and of what is neutral: grey in palettes of eight
STAR, CROSS = 55, 33  # categories that no server has: a grey star, a red cross


@dataclass(frozen=True, kw_only=True)
class Marks:
    """Marks of one kind under a label: `x` and `y` are equally long; NaN breaks a line.

    x2, y2    where segments end that begin at (x, y)
    texts     what is told of each mark beside its numbers
    category  what it stands for: a server, say, looks alike in all pictures
    thick     segments that are drawn as bars, as in a Gantt chart
    faint     stands back behind the others
    """

    label: str
    x: Any
    y: Any
    style: Style = "bars"
    x2: Any = None
    y2: Any = None
    texts: Sequence[str] | None = None
    category: int = 0
    thick: bool = False
    faint: bool = False


@dataclass(frozen=True, kw_only=True)
class Scale:
    """An axis: what it shows and its unit; the names of the values 0, 1, 2, … where it has them."""

    label: str
    names: Sequence[str] | None = None
    log: bool = False


@dataclass(frozen=True, kw_only=True)
class Picture:
    """Marks on two axes; bars at one place stand on each other. `caption`: how it is read."""

    title: str
    x: Scale
    y: Scale
    marks: Sequence[Marks]
    caption: str = ""


@dataclass(frozen=True)
class Users:
    """The users that pictures show, by where their tasks are computed.

    kept   their places, in order
    kind   (kept,): 0 at home, k at place k
    names  of the kinds
    said   which users these are, where they are not all
    """

    kept: np.ndarray
    kind: np.ndarray
    names: Mapping[int, str]
    said: str

    @classmethod
    def of(
        cls, kind: np.ndarray, names: Mapping[int, str], weight: np.ndarray, what: str
    ) -> "Users":
        """All, or the MOST with the largest `weight` (n,), which is called `what`."""
        kind = np.asarray(kind).astype(int)
        kept, said = heaviest(weight, f"users the {MOST} with {what}")
        return cls(kept, kind[kept], names, said)

    @property
    def axis(self) -> Scale:
        return Scale(label="user", names=[str(i + 1) for i in self.kept])

    def bars(self, title: str, label: str, values: Any, *also: Marks, caption: str = "") -> Picture:
        """A bar a user of values (n,), by where its task is computed."""
        marks = self.split(np.arange(len(self.kept)), np.asarray(values)[self.kept], "bars")
        return self._picture(title, self.axis, Scale(label=label), [*marks, *also], caption)

    def points(
        self, title: str, x: Scale, y: Scale, xs: Any, ys: Any, caption: str = ""
    ) -> Picture:
        """A point a user at numbers (n,) of its own, by where its task is computed."""
        across, up = (np.asarray(values)[self.kept] for values in (xs, ys))
        return self._picture(title, x, y, self.split(across, up, "points"), caption)

    def stacked(
        self, title: str, label: str, parts: Mapping[str, Any], caption: str = ""
    ) -> Picture:
        """What the values of users are made of: parts (n,) on each other."""
        place = np.arange(len(self.kept))
        own = {name: np.asarray(values)[self.kept] for name, values in parts.items()}
        marks = [
            Marks(label=name, x=place, y=values, category=tone(k))
            for k, (name, values) in enumerate(own.items())
            if values.any()
        ]
        return self._picture(title, self.axis, Scale(label=label), marks, caption)

    def compared(
        self, title: str, label: str, parts: Mapping[str, Any], caption: str = ""
    ) -> Picture:
        """Several values (n,) of each user side by side, as points; what is 0 is left out."""
        marks = []
        for k, (name, values) in enumerate(parts.items()):
            own = np.asarray(values)[self.kept]
            at = np.flatnonzero(own)
            marks.append(Marks(label=name, x=at, y=own[at], style="points", category=tone(k)))
        return self._picture(title, self.axis, Scale(label=label), marks, caption)

    def split(self, x: np.ndarray, y: np.ndarray, style: Style) -> list[Marks]:
        """Marks of the kept users by where their tasks are computed."""
        told = [f"user {i + 1}" for i in self.kept] if style == "points" else None
        return by_kind(self.kind, self.names, x, y, style, told)

    def _picture(
        self, title: str, x: Scale, y: Scale, marks: Sequence[Marks], caption: str
    ) -> Picture:
        said = " ".join(filter(None, (caption, self.said)))
        return Picture(title=title, x=x, y=y, marks=marks, caption=said)


def by_kind(
    kind: np.ndarray,
    names: Mapping[int, str],
    x: Any,
    y: Any,
    style: Style,
    texts: Sequence[str] | None = None,
) -> list[Marks]:
    """Marks (n,) of every kind (n,) that occurs under its name; kind 0 is at home."""
    x, y, out = np.asarray(x), np.asarray(y), []
    for k, name in names.items():
        at = np.flatnonzero(kind == k)
        if len(at):
            told = None if texts is None else [texts[int(i)] for i in at]
            category = tone(k - 1) if k else HOME
            out.append(
                Marks(label=name, x=x[at], y=y[at], style=style, texts=told, category=category)
            )
    return out


def places(servers: int, home: str = "on the device") -> dict[int, str]:
    """Names of where a task may be computed: 0 at home, m at server m."""
    return {0: home, **{m + 1: f"server {m + 1}" for m in range(servers)}}


def heaviest(weight: Any, what: str, most: int = MOST) -> tuple[np.ndarray, str]:
    """The places of the `most` largest of (n,), in order, and a sentence where these are not all:
    Of 200 `what` are drawn."""
    weight = np.asarray(weight, float)
    if len(weight) <= most:
        return np.arange(len(weight)), ""
    kept = np.sort(np.argsort(-weight, kind="stable")[:most])
    return kept, f"Of {len(weight):,} {what} are drawn."


def tone(place: int) -> int:
    """The category of the server (or term) at a place: grey is for HOME alone."""
    return place + place // HOME


def level(label: str, height: float, count: int, style: Style = "line") -> Marks:
    """A limit across `count` places."""
    return Marks(label=label, x=[-0.5, count - 0.5], y=[height, height], style=style, category=HOME)


def in_blocks(values: Any, most: int = 200) -> tuple[np.ndarray, np.ndarray, str]:
    """(where, means, sentence): numbers (n,) along an axis as at most `most` means of blocks."""
    values = np.asarray(values, float)
    size = -(-len(values) // most)
    starts = np.arange(0, len(values), size)
    if size == 1:
        return starts, values, ""
    lengths = np.diff([*starts, len(values)])
    means = np.add.reduceat(values, starts) / lengths
    return starts, means, f"Every point is a mean of {size:,}."
