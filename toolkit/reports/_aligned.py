"""Columns of text, two spaces apart, as a terminal shows them."""

import re
from collections.abc import Callable, Collection, Sequence

WIDTH = 118
NARROWEST = 16  # of the first column, whatever stands beside it
Paint = Callable[[int, int, str], str]  # row, column and padded text to the text that is shown


def align(
    head: Sequence[tuple[str, str]],
    rows: Sequence[Sequence[str]],
    left: Collection[int],
    width: int = WIDTH,
    paint: Paint = lambda row, column, text: text,
) -> str:
    """Columns under a head of two lines; those whose places are in `left` are flush left.

    Names in the first column that would make lines longer than the width go on below themselves.
    """
    two = [[first for first, _ in head], [second for _, second in head]]
    widths = [max(map(len, column)) for column in zip(*two, *rows, strict=True)]
    room = max(NARROWEST, width - sum(width + 2 for width in widths[1:]))
    names = [_fold(row[0], room) for row in rows]
    widths[0] = max(map(len, (two[0][0], two[1][0], *(part for name in names for part in name))))

    def padded(cells: Sequence[str]) -> list[str]:
        pairs = enumerate(zip(cells, widths, strict=True))
        return [c.ljust(w) if i in left else c.rjust(w) for i, (c, w) in pairs]

    lines = ["  ".join(padded(row)).rstrip() for row in two]
    lines.append("  ".join("-" * width for width in widths))
    for number, ((first, *rest), row) in enumerate(zip(names, rows, strict=True)):
        shown = enumerate(padded([first, *row[1:]]))
        lines += ["  ".join(paint(number, i, text) for i, text in shown).rstrip(), *rest]
    return "\n".join(lines)


def halves(name: str) -> tuple[str, str]:
    """A column's name in a head of two lines: several words in both, one word below."""
    words = name.split()
    if len(words) < 2 or len(name) < 9:
        return "", " ".join(words)
    places = range(1, len(words))
    at = min(places, key=lambda p: max(len(" ".join(words[:p])), len(" ".join(words[p:]))))
    return " ".join(words[:at]), " ".join(words[at:])


def _fold(name: str, room: int) -> list[str]:
    """A name in lines of at most `room` characters, broken after brackets and commas where that is
    enough."""
    lines = [""]
    most = max(1, room - 2)
    parts = re.findall(r"[^\[,]*[\[,]|[^\[,]+$", name)
    for part in (p[at : at + most] for p in parts for at in range(0, len(p), most)):
        if lines[-1].strip() and len(lines[-1]) + len(part) > room:
            lines.append("  ")
        lines[-1] += part
    return lines
