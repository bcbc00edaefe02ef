"""A report as files: a page, tables and figures, the same numbers in all of them.

The same report gives the same bytes: no file tells when it was written.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from msgspec.structs import replace

from toolkit.errors import UserError, unknown
from toolkit.reports.content import Chart, Table, fresh, slug
from toolkit.reports.contents import Contents
from toolkit.reports.export import _csv, _figure, _latex, _notes, _parquet
from toolkit.reports.export._figure import WIDTHS as WIDTHS
from toolkit.reports.export._whole import write_whole

TABLES: dict[str, tuple[str, Callable[[Table], bytes]]] = {  # format: ending, writer
    "csv": ("csv", _csv.render),
    "latex": ("tex", _latex.render),
    "parquet": ("parquet", _parquet.render),
}
FIGURES = ("svg", "pdf", "png")
T = TypeVar("T", Table, Chart)
FORMATS = ("html", *TABLES, *FIGURES)


def parse_formats(text: str) -> list[str]:
    """html,csv as a list; UserError for one that is unknown, or that needs what is not there."""
    names = list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if not names:
        raise UserError(f"No format is named; take some of {', '.join(FORMATS)}.")
    for name in names:
        if name not in FORMATS:
            raise unknown("format", name, FORMATS)
    if "parquet" in names:
        _parquet.ensure_available()
    return names


def write(
    contents: Contents, folder: Path, formats: Sequence[str], width: str = "column"
) -> list[Path]:
    """Writes folder/index.html, folder/tables/* and folder/figures/*, as far as `formats` ask for
    them; returns the paths."""
    written = []
    for path, content in _files(contents, formats, width):
        written.append(write_whole(folder / path, content))
    return written


def _files(contents: Contents, formats: Sequence[str], width: str) -> Iterator[tuple[str, bytes]]:
    """Path within the folder, and content."""
    if "html" in formats:
        from toolkit.reports.page import render_page

        yield "index.html", render_page(contents).encode(errors="replace")
    tables, charts = _named(contents.tables), _named(contents.charts)
    for ending, render in (TABLES[name] for name in TABLES if name in formats):
        for name, table in tables:
            yield f"tables/{name}.{ending}", render(table)
    if tables and {"csv", "parquet"} & set(formats):
        yield "tables/NOTES.md", _notes.of_tables(tables)
    figures = [name for name in FIGURES if name in formats]
    for name, chart in charts if figures else []:
        for kind, content in _figure.render(chart, figures, width).items():
            yield f"figures/{name}.{kind}", content
    if figures and charts:
        yield "figures/CAPTIONS.md", _notes.of_charts(charts)


def _named(every: Iterable[T]) -> list[tuple[str, T]]:
    """Each under the name of its file: unique, whatever the sections say."""
    taken: set[str] = set()
    named = [replace(one, name=fresh(slug(one.name), taken)) for one in every]
    return [(one.name, one) for one in named]
