"""Claims of papers, measured again: a row a claim, and the figures that the plans ask for."""

from collections import Counter

from toolkit.reports.content import Cell, Column, Mark, Section, Table, slug, words
from toolkit.reports.frame import Report
from toolkit.reports.papers._findings import (
    HELD,
    ends,
    foundation,
    interval_of,
    measured_by,
    reported,
    setting,
    unit_of,
    where_held,
)
from toolkit.reports.papers._panel_values import panel_chart, panel_table
from toolkit.reports.papers._panels import NAMES
from toolkit.reports.papers.card import Chapter
from toolkit.reports.papers.study import ENOUGH, Finding, Measured
from toolkit.reports.record import finite

ORDER = 80
MARKS: dict[str, Mark] = {
    "reproduced": "good",
    "partly reproduced": "warn",
    "not reproduced": "bad",
    "not decided": "warn",
}
HOLDS: dict[bool | None, Cell] = {
    True: words("yes", "good"),
    False: words("no", "bad"),
    None: words("open", "warn"),
}
HOW = (
    "Reproduced: the 95 % interval of the median supports the claim at every setting; partly: at "
    "some; not reproduced: it speaks against it somewhere, and for it nowhere; not decided: "
    f"neither, or fewer than {ENOUGH} instances. Gaps are to the proven optimum.",
    "Over several settings each is held to a stricter level, so that all of them are right at "
    "95 %. Over the claims of a card nothing is corrected: of 20 verdicts one may be wrong.",
    "A run that failed, or found no feasible decision, is as bad as can be.",
)
COLUMNS = [
    Column(name="claim", text=True),
    Column(name="in the paper", text=True, note="where it stands there; ours: nowhere"),
    Column(name="the paper reports", text=True),
    Column(
        name="ours",
        note="the median with its interval, where it speaks for the claim least; of two methods "
        "the difference: below 0 where the first has less",
    ),
    Column(name="settings", text=True, note="how many speak for the claim, against it, or neither"),
    Column(name="verdict", text=True),
    Column(name="figure", text=True, note="with what decides the claim, setting by setting"),
]
EVERY = [
    Column(name="claim", text=True),
    Column(name="measured", text=True, note="what decides the claim"),
    Column(name="ours", note="the median, with its interval"),
    Column(name="supports it", text=True),
]


def of_report(report: Report) -> list[Section]:
    """A card of all claims, then a section a plan; nothing where there are no plans."""
    if not report.studies:
        return []
    return [_card(report.studies), *map(_section, report.studies)]


def _card(chapters: tuple[Chapter, ...]) -> Section:
    rows = [_row(chapter, found) for chapter in chapters for found in chapter.findings]
    made = [f"{each.name} is made by: {each.command}" for each in chapters if each.command]
    table = Table(name="claims", title="Claims", columns=COLUMNS, rows=rows, notes=[*HOW, *made])
    says = _says([found for chapter in chapters for found in chapter.findings])
    return Section(name="claims", title="Claims of the papers", says=says, tables=[table])


def _says(found: list[Finding]) -> list[str]:
    """How many held, of the papers' and of ours."""
    ours = [each for each in found if each.claim.own]
    papers = [each for each in found if not each.claim.own]
    given = sum(bool(each.claim.paper) for each in papers)
    both = ((papers, "of papers"), (ours, "of our own"))
    lines = [f"{_claims(each)} {whose}: {_counts(each)}." for each, whose in both if each]
    if given < len(papers):
        lines.append(f"What the paper itself reports is given here for {given} of {len(papers)}.")
    return lines


def _claims(found: list[Finding]) -> str:
    return f"{len(found)} claim{'s' * (len(found) != 1)}"


def _counts(found: list[Finding]) -> str:
    counts = Counter(each.verdict for each in found)
    return ", ".join(f"{counts[verdict]} {verdict}" for verdict in MARKS if counts[verdict])


def _row(chapter: Chapter, found: Finding) -> list[Cell]:
    claim = found.claim
    return [
        words(claim.says),
        words("ours" if claim.own else claim.where or "-"),
        words(reported(claim)),
        _least(chapter, found),
        words(where_held(found)),
        words(found.verdict, MARKS[found.verdict]),
        words(chapter.name, link=f"overview.{_name(chapter)}"),  # a place of the page
    ]


def _least(chapter: Chapter, found: Finding) -> Cell:
    """Where it speaks against the claim, else where it is open, else where it is nearest to it."""
    rank = {False: 0, None: 1, True: 2}
    one = min(found.measured, key=lambda each: (rank[each.held], -each.high))
    cell, at = _median(found, one), setting(chapter.study, one)
    text = f"{cell.text} at {at} {_swept(chapter)}" if at else cell.text
    return Cell(value=cell.value, text=text, low=cell.low, high=cell.high)


def _median(found: Finding, one: Measured, plain: bool = False) -> Cell:
    """`plain`: where other cells tell the unit, and whether it holds."""
    value, low, high = (finite(end) for end in ends(found.claim, one))
    text = interval_of(found.claim, one)
    text += "" if plain else f"{unit_of(found.claim)}{HELD[one.held]}"
    return Cell(value=value, text=text, low=low, high=high)


def _swept(chapter: Chapter) -> str:
    field = chapter.study.field or ""
    return NAMES.get(field, field)


def _section(chapter: Chapter) -> Section:
    """A plan's figures, and the medians at each of its settings."""
    name, study = _name(chapter), chapter.study
    drawn = [
        (panel, study.series(panel), f"{name}-{place}-{slug(panel.y)}")
        for place, panel in enumerate(chapter.panels, 1)
    ]
    tables = [panel_table(study, *each) for each in drawn]
    return Section(
        name=name,
        title=chapter.title,
        says=_about(chapter),
        tables=[_settings(chapter, name), *filter(None, tables)],
        charts=[panel_chart(study, *each) for each in drawn],
    )


def _about(chapter: Chapter) -> list[str]:
    made = [f"Made by: {chapter.command}"] if chapter.command else []
    return [*filter(None, [chapter.note]), foundation(chapter.study), *made]


def _name(chapter: Chapter) -> str:
    return f"claims-{slug(chapter.name)}"


def _settings(chapter: Chapter, name: str) -> Table:
    """What decides every claim at every setting."""
    swept = len(chapter.study.values) > 1
    columns = [*EVERY[:2], *[Column(name=_swept(chapter))] * swept, *EVERY[2:]]
    rows = [
        [
            words(found.claim.says),
            words(measured_by(found.claim)),
            *[_at(chapter, one)] * swept,
            _median(found, one, plain=True),
            HOLDS[one.held],
        ]
        for found in chapter.findings
        for one in found.measured
    ]
    return Table(name=f"{name}-settings", title="What decides", columns=columns, rows=rows)


def _at(chapter: Chapter, one: Measured) -> Cell:
    return Cell(value=one.x, text=setting(chapter.study, one) or "all")
