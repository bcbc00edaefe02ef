"""A page of a study: tables, gap against time, and what the numbers were made with."""

from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from toolkit.errors import UserError

from . import _lessons, numbers
from ._figures import curves, gap_plot, training_plot
from .compare import (
    Comparison,
    compare,
    formulas,
    refusals,
    relabelled,
    shortened,
    summarise,
    workload,
)
from .learning import bands, lessons
from .record import Record

MOST_FIGURES = 12  # instances with a figure of their own; the tables show every instance


def write_page(records: Sequence[Record], folder: Path, references: Sequence[Record] = ()) -> Path:
    """Writes folder/index.html, which needs no other file; returns its path."""
    path = folder / "index.html"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(render_page(records, references), encoding="utf-8")
    except OSError as error:
        raise UserError(
            f"Cannot write {str(path)!r} ({error.strerror}); name another folder with --report."
        ) from None
    return path


def render_page(records: Sequence[Record], references: Sequence[Record] = ()) -> str:
    """The HTML text; nothing in it is fetched from anywhere."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(
        number=numbers.number,
        gap=numbers.gap,
        seconds=numbers.seconds,
        violation=numbers.violation,
    )
    template = environment.from_string(
        files("toolkit.reports").joinpath("page.html").read_text("utf-8")
    )
    return template.render(page_content(records, references))


def page_content(records: Sequence[Record], references: Sequence[Record] = ()) -> dict[str, Any]:
    """What the template shows, as plain values."""
    names, records = shortened(records), relabelled(records)
    comparisons = compare(records, references)
    learnt = lessons(comparisons)
    first = records[0]
    return {
        "title": f"{first.problem}, {len(comparisons)} instance{'s' * (len(comparisons) > 1)}",
        "problem": first.problem,
        "preset": first.preset,
        "params": first.problem_params,
        "limits": _limits(first.limits),
        "environment": _environments(records),
        "comparisons": comparisons,
        "figures": _figures(comparisons),
        "summaries": summarise(comparisons),
        "tables": _lessons.tables(learnt),
        "warnings": _lessons.warnings(learnt),
        "training": training_plot(bands(records), "training"),
        "names": {short: full for full, short in names.items() if short != full},
        "refusals": refusals(comparisons),
        "formulas": formulas(first.sense, bool(references)),
    }


def _figures(comparisons: Sequence[Comparison]) -> dict[str, str]:
    """An SVG for each of the first instances, by digest."""
    return {c.digest: gap_plot(curves(c), c.digest) for c in comparisons[:MOST_FIGURES]}


def _limits(limits: Mapping[str, float | None]) -> str:
    said = [f"{value:,g} {name}" for name, value in limits.items() if value is not None]
    return ", ".join(said) or "none"


def _environments(records: Sequence[Record]) -> dict[str, str]:
    """What the runs share; where they differ, every value."""
    out: dict[str, list[str]] = {}
    for record in records:
        for name, value in record.environment.items():
            text = "not installed" if value is None else str(value)
            if text not in out.setdefault(name, []):
                out[name].append(text)
    found = {name: ", ".join(values) for name, values in out.items()}
    timed = workload(records)
    return {**found, "reference workload": f"{timed} over the study"} if timed else found
