"""A paper's figures and claims, re-measured: a page of Markdown with its figures beside it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from toolkit.errors import UserError

from . import numbers
from ._panels import NAMES, SHARES, UNITS, draw
from .study import Finding, Measured, Panel, PaperClaim, Point, Study


@dataclass(frozen=True)
class Chapter:
    """One figure of the paper: what was run for it, and what is made of that."""

    name: str  # of the figure's file
    title: str
    note: str
    study: Study
    panels: list[Panel]
    claims: list[PaperClaim]


def write_card(chapters: Sequence[Chapter], folder: Path, preface: str) -> Path:
    """Writes folder/README.md and an SVG file a chapter; returns the path of the page."""
    path = folder / "README.md"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for chapter in chapters:
            draw(chapter.study, chapter.panels, folder / f"{chapter.name}.svg", chapter.title)
        path.write_text(render(chapters, preface), encoding="utf-8")
    except OSError as error:
        raise UserError(
            f"Cannot write {str(path)!r} ({error.strerror}); name another folder with --out."
        ) from None
    return path


def render(chapters: Sequence[Chapter], preface: str) -> str:
    """The Markdown text: the claims first, then a section a figure."""
    found = [(chapter, [chapter.study.finding(c) for c in chapter.claims]) for chapter in chapters]
    lines = [preface.strip(), "", "## Claims", ""]
    lines += ["| figure | claim | verdict | where it held |", "|---|---|---|---|"]
    for chapter, findings in found:
        lines += [f"| [{chapter.name}](#{chapter.name}) {_row(finding)}" for finding in findings]
    for chapter, findings in found:
        lines += ["", f'<a id="{chapter.name}"></a>', "", f"## {chapter.title}", ""]
        lines += [chapter.note, ""] if chapter.note else []
        lines += [f"![{chapter.title}]({chapter.name}.svg)", ""]
        lines += [line for panel in chapter.panels for line in _table(chapter.study, panel)]
        lines += [_evidence(finding, chapter.study) for finding in findings]
        lines += ["", _foundation(chapter.study)]
    return "\n".join(lines) + "\n"


def _row(finding: Finding) -> str:
    """A line of the card."""
    held = [one.held for one in finding.measured]
    counts = [(held.count(True), "for"), (held.count(False), "against"), (held.count(None), "open")]
    said = ", ".join(f"{count} {word}" for count, word in counts if count)
    where = f"{said} of {len(held)} settings" if len(held) > 1 else said
    return f"| {_plain(finding.claim.says)} | **{finding.verdict}** | {where} |"


def _foundation(study: Study) -> str:
    """What the section rests on, and what is missing."""
    proven, of = study.proven
    said = f"The optimum is proven on {proven} of {of} instances."
    words = ("failed", "were refused", "were ended by their time limit")
    gone = [f"{count} {word}" for count, word in zip(study.absent, words, strict=True) if count]
    return f"{said} Of the runs {', '.join(gone)}." if gone else said


def _plain(text: str) -> str:
    """Text that ends no cell of a table."""
    return text.replace("|", "\\|")


def _evidence(finding: Finding, study: Study) -> str:
    """A claim with the medians that decide it."""
    claim = finding.claim
    what = f"median {NAMES[claim.metric].removesuffix(' (%)')} of {claim.of}"
    if claim.times != 1.0:
        what += f", {claim.times:g} times,"
    if claim.below is not None:
        what += f" less that of {claim.below}"
    elif claim.trend is not None:
        if claim.over is not None:
            share = " relative to the latter" if claim.relative else ""
            what += f" less that of {claim.over}{share}"
        what += f", share of the pairs of settings in which it {claim.trend}"
    unit = UNITS.get(study.field or "", 1.0)
    said = "; ".join(_said(claim, one, unit) for one in finding.measured)
    return f"- *{claim.says}*: **{finding.verdict}**. {what[0].upper()}{what[1:]}: {said}."


def _said(claim: PaperClaim, one: Measured, unit: float) -> str:
    """A value with its interval; open where the interval does not decide."""
    value, low, high = one.value, one.low, one.high
    if claim.trend is not None:
        value, low, high = 1 - value, 1 - high, 1 - low
    at = "" if one.x is None else f"{one.x / unit:g}: "
    held = {True: "", False: " (no)", None: " (open)"}[one.held]
    metric = "" if claim.trend is not None else claim.metric
    texts = [_value(metric, number) for number in (value, low, high)]
    return f"{at}{texts[0]} [{texts[1]}, {texts[2]}]{held}"


def _value(metric: str, value: float) -> str:
    if math.isnan(value):
        return "-"
    if not math.isfinite(value):
        return "infeasible" if value > 0 else "the other infeasible"
    return f"{100 * value:.3g} %" if metric in SHARES else f"{value:.3g}"


def _table(study: Study, panel: Panel) -> list[str]:
    """The means of a panel over settings, with intervals; curves have no table."""
    if panel.x in ("episode", "evaluations"):
        return []
    field, values = study.field or "", study.values
    if panel.x == "tenth":
        field, values = panel.x, [1.0 + tenth for tenth in range(10)]
    unit = UNITS.get(field, 1.0)
    settings = ["" if x is None else f"{x / unit:g}" for x in values]
    head = NAMES.get(field, field)
    what = f"{NAMES[panel.y].removesuffix(' (%)')}, mean [95 %]{head and f' · {head}'}"
    lines = [f"| {what} | {' | '.join(settings)} |"]
    lines += ["|---" * (len(settings) + 1) + "|"]
    for name, points in study.series(panel).items():
        at = {point.x: point for point in points}
        cells = [_cell(panel.y, at.get(x or 0.0)) for x in values]
        lines.append(f"| {_plain(name)} | {' | '.join(cells)} |")
    return [*lines, ""]


def _cell(metric: str, point: Point | None) -> str:
    """Mean and interval, and how many runs stand behind it where some have no value."""
    if point is None:
        return "–"
    read = numbers.duration if metric.endswith("seconds") else partial(_value, metric)
    middle, low, high = (read(value) for value in (point.mean, point.low, point.high))
    text = f"{middle} [{low}, {high}]"
    return f"{text} ({point.runs - point.missing}/{point.runs})" if point.missing else text
