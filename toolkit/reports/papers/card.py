"""A paper's figures and claims, re-measured: a page of Markdown with its figures beside it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

from toolkit.errors import UserError
from toolkit.reports import numbers
from toolkit.reports.papers._findings import (
    foundation,
    measured_by,
    reported,
    said,
    setting,
    value,
    where_held,
)
from toolkit.reports.papers._panels import NAMES, UNITS, draw
from toolkit.reports.papers.study import Finding, Panel, PaperClaim, Point, Study


@dataclass(frozen=True)
class Chapter:
    """One figure of the paper: what was run for it, and what is made of that.

    command   what runs it again; empty where the page as a whole tells that
    """

    name: str  # of the figure's file
    title: str
    note: str
    study: Study
    panels: list[Panel]
    claims: list[PaperClaim]
    command: str = ""

    @cached_property
    def findings(self) -> list[Finding]:
        """What the records say of the claims."""
        return [self.study.finding(claim) for claim in self.claims]


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
    found = [(chapter, chapter.findings) for chapter in chapters]
    lines = [preface.strip(), "", "## Claims", ""]
    lines += ["| figure | claim | in the paper | it reports | verdict | where it held |"]
    lines += ["|---" * 6 + "|"]
    for chapter, findings in found:
        lines += [f"| [{chapter.name}](#{chapter.name}) {_row(finding)}" for finding in findings]
    for chapter, findings in found:
        lines += ["", f'<a id="{chapter.name}"></a>', "", f"## {chapter.title}", ""]
        lines += [chapter.note, ""] if chapter.note else []
        lines += [f"![{chapter.title}]({chapter.name}.svg)", ""]
        lines += [line for panel in chapter.panels for line in _table(chapter.study, panel)]
        lines += [_evidence(finding, chapter.study) for finding in findings]
        lines += ["", foundation(chapter.study)]
    return "\n".join(lines) + "\n"


def _row(finding: Finding) -> str:
    """A line of the card."""
    claim = finding.claim
    cells = [claim.says, claim.where or "-", reported(claim), f"**{finding.verdict}**"]
    return f"| {' | '.join(map(_plain, cells))} | {where_held(finding)} |"


def _plain(text: str) -> str:
    """Text that ends no cell of a table."""
    return text.replace("|", "\\|")


def _evidence(finding: Finding, study: Study) -> str:
    """A claim with the medians that decide it."""
    claim = finding.claim
    found = [(setting(study, one), said(claim, one)) for one in finding.measured]
    texts = "; ".join(f"{at}: {text}" if at else text for at, text in found)
    return f"- *{claim.says}*: **{finding.verdict}**. {measured_by(claim)}: {texts}."


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
    read = numbers.duration if metric.endswith("seconds") else partial(value, metric)
    middle, low, high = (read(value) for value in (point.mean, point.low, point.high))
    text = f"{middle} [{low}, {high}]"
    return f"{text} ({point.runs - point.missing}/{point.runs})" if point.missing else text
