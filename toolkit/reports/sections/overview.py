"""All groups of a report in one table: who proves, and who comes nearest without a proof."""

from statistics import median

from toolkit.reports.content import Cell, Column, Section, Table, count, gap, seconds, words
from toolkit.reports.frame import Group, Report
from toolkit.reports.sections._reach import Reach, nearest, prover, reaches

ORDER = 5
COLUMNS = [
    Column(name="instances of", text=True),
    Column(name="proven", note="instances whose optimum, or that there is none, is proven"),
    Column(name="failed", note="runs that raised, died, or were killed"),
    Column(name="proves the most", text=True, note="the fastest, where several do"),
    Column(name="on", note="instances that each of its runs has proved"),
    Column(name="seconds to the proof", unit="s", note="median"),
    Column(name="nearest without a proof", text=True),
    Column(name="median gap to best"),
    Column(name="worst gap to best"),
    Column(name="median seconds", unit="s"),
]


def of_report(report: Report) -> Section | None:
    """A row a group; of one group its own answer tells all of it."""
    if len(report.groups) < 2:
        return None
    table = Table(
        name="overview",
        title="Every problem in a row",
        columns=COLUMNS,
        rows=[_row(group) for group in report.groups],
        notes=list(dict.fromkeys(note for group in report.groups for note in group.notes)),
    )
    return Section(name="overview", title="At a glance", tables=[table])


def _row(group: Group) -> list[Cell]:
    found, total = reaches(group), len(group.comparisons)
    proven = sum(c.optimal or c.infeasible for c in group.comparisons)
    failed = sum(summary.failed for summary in group.summaries)
    return [
        words(group.title, link=group.name),
        count(proven, total, "good" if proven == total else ""),
        count(failed, len(group.ran), "bad" if failed else ""),
        *_proof(found, total),
        *_near(group, found),
    ]


def _proof(found: dict[str, Reach], total: int) -> list[Cell]:
    label = prover(found)
    if label is None:
        return [words("-"), count(0, total), seconds(None)]
    reach = found[label]
    return [words(label), count(reach.proofs, total), seconds(median(reach.took))]


def _near(group: Group, found: dict[str, Reach]) -> list[Cell]:
    one = nearest(group.summaries, found)
    if one is None:
        return [words("-"), gap(None), gap(None), seconds(None)]
    best = one[0]
    return [
        words(best.label),
        gap(best.median_gap),
        gap(best.worst_gap),
        seconds(best.median_seconds),
    ]
