"""A report as text: per chapter its first sentences and table, and a small curve a method."""

import textwrap
from collections.abc import Iterable, Sequence

from toolkit.reports import _sparks
from toolkit.reports._aligned import NARROWEST, align, halves
from toolkit.reports.content import Cell, Column, Mark, Section, Table
from toolkit.reports.contents import Chapter, Contents

WIDTH = 100
NAME = 40  # letters of a row's name, where columns need the room
COLOURS: dict[Mark, str] = {"good": "32", "warn": "33", "bad": "31"}
ASCII = str.maketrans({"·": "-", "×": "x", "≤": "<=", "≥": ">=", "−": "-", "–": "-", "…": "."})


def summary(
    contents: Contents, colour: bool = False, encoding: str = "utf-8", width: int = WIDTH
) -> str:
    """The text, in characters that the encoding has. Sections are not known by name: the first
    with a table speaks for its chapter."""
    full = _can(encoding)
    blocks = [_plain(contents.title)]
    for chapter in contents.chapters:
        blocks += _chapter(chapter, colour, full, width)
    for section in contents.closing:
        blocks += _wrapped(section.says, width)
    if not contents.chapters and not contents.closing:
        blocks.append("Nothing ran.")
    text = "\n\n".join(blocks)
    return text if full else text.translate(ASCII)


def _can(encoding: str) -> bool:
    """Whether a stream can show blocks."""
    try:
        _sparks.BLOCKS.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _chapter(chapter: Chapter, colour: bool, full: bool, width: int) -> list[str]:
    title = _plain(chapter.title)
    blocks = [f"{title}\n{'=' * len(title)}"]
    speaker = next((section for section in chapter.sections if section.tables), None)
    if speaker is not None:
        blocks += _speaker(speaker, colour, width)
    charts = [chart for section in chapter.sections for chart in section.charts]
    if (drawn := _sparks.drawn(charts, full)) is not None:
        rows = [[_plain(label), spark] for label, spark in drawn.rows]
        lines = align([("", "method"), ("", drawn.heading)], rows, range(2), width)
        blocks.append("\n".join([*_wrapped([drawn.title], width), lines]))
    return blocks


def _speaker(section: Section, colour: bool, width: int) -> list[str]:
    table = section.tables[0]
    said = _wrapped(section.says, width)
    return [*said, *_table(table, colour, width), *_wrapped(table.notes, width)]


def _wrapped(lines: Iterable[str], width: int) -> list[str]:
    """One block of the lines, each wrapped; none where there are none."""
    folded = [textwrap.fill(_plain(line), width, subsequent_indent="  ") for line in lines]
    return ["\n".join(folded)] if folded else []


def _table(table: Table, colour: bool, width: int) -> list[str]:
    """The table in as many blocks as the width asks for; columns of nothing but zeros are named
    below it."""
    if not table.rows:
        return []
    places = range(1, len(table.columns))
    bare = [i for i in places if len(table.rows) > 1 and _bare([row[i] for row in table.rows])]
    shown = [i for i in places if i not in bare]
    drawn = [_block(table, part, colour, width) for part in _parts(table, shown, width)]
    if bare:
        names = ", ".join(_plain(table.columns[i].name) for i in bare)
        drawn[-1] += "\n" + _wrapped([f"0 throughout: {names}"], width)[0]
    return drawn


def _bare(cells: Sequence[Cell]) -> bool:
    return all(cell.value == 0 and not isinstance(cell.value, str) for cell in cells)


def _parts(table: Table, places: Sequence[int], width: int) -> list[list[int]]:
    """The columns beside the first one, in groups that fit beside it."""
    names = [len(_plain(row[0].text)) for row in table.rows]
    room = width - max(NARROWEST, min(NAME, max(names)))
    parts: list[list[int]] = [[]]
    left = room
    for place in places:
        needed = 2 + max(len(text) for text in _texts(table, place))
        if needed > left and parts[-1]:
            parts.append([])
            left = room
        parts[-1].append(place)
        left -= needed
    return parts


def _texts(table: Table, place: int) -> list[str]:
    return [*halves(_heading(table.columns[place])), *(_plain(r[place].text) for r in table.rows)]


def _heading(column: Column) -> str:
    unit = f" ({column.unit})" if column.unit and column.unit not in column.name else ""
    return _plain(column.name + unit)


def _block(table: Table, places: Sequence[int], colour: bool, width: int) -> str:
    chosen = [0, *places]
    head = [halves(_heading(table.columns[i])) for i in chosen]
    rows = [[_plain(row[i].text) for i in chosen] for row in table.rows]
    left = [at for at, i in enumerate(chosen) if table.columns[i].text]

    def paint(row: int, column: int, text: str) -> str:
        code = COLOURS.get(table.rows[row][chosen[column]].mark)
        return f"\x1b[{code}m{text}\x1b[0m" if colour and code else text

    return align(head, rows, left, width, paint)


def _plain(text: str) -> str:
    """On one line, without what a terminal would take as an order."""
    return "".join(c if c.isprintable() else "?" for c in " ".join(text.split()))
