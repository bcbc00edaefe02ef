"""What has to be read beside tables and figures that cannot carry words themselves."""

from collections.abc import Iterable

from toolkit.reports.content import Chart, Table


def of_tables(tables: Iterable[tuple[str, Table]]) -> bytes:
    """Markdown: title, meaning of columns, formulas and limits of each table."""
    lines = [
        "# Tables",
        "",
        "Numbers are in full precision: a gap or a share of 0.01 is 1 %. `low` and `high` are the "
        "ends of an interval.",
    ]
    for name, table in tables:
        lines += ["", f"## {name}", "", _line(table.title), ""]
        lines += [f"- {_line(c.name)}: {_line(c.note)}" for c in table.columns if c.note]
        lines += [f"- {_line(note)}" for note in table.notes]
    return _text(lines)


def of_charts(charts: Iterable[tuple[str, Chart]]) -> bytes:
    """Markdown: the title and the caption of each figure."""
    lines = ["# Figures"]
    for name, chart in charts:
        lines += ["", f"## {name}", "", f"{_line(chart.title)}. {_line(chart.caption)}".strip()]
    return _text(lines)


def _line(text: str) -> str:
    """On one line, and no HTML."""
    return " ".join(text.split()).replace("<", "&lt;")


def _text(lines: list[str]) -> bytes:
    return ("\n".join(lines) + "\n").encode(errors="replace")
