"""The table of a run, as text."""

import textwrap
from collections.abc import Iterable, Sequence

from toolkit.reports import numbers
from toolkit.reports._aligned import WIDTH, align
from toolkit.reports.compare import (
    Comparison,
    Row,
    Summary,
    compare,
    contradictions,
    formulas,
    refusals,
    relabelled,
    summarise,
    workload,
)
from toolkit.reports.learners import tables as _lessons
from toolkit.reports.learners.lessons import lessons
from toolkit.reports.record import Record

HEAD = (
    ("", "solver"),
    ("", "status"),
    ("", "verdict"),
    ("", "objective"),
    ("proven", "bound"),
    ("proven", "gap"),
    ("gap to", "best known"),
    ("worst", "violation"),
    ("", "seconds"),
    ("", "evaluations"),
)
SUMMARY_HEAD = (
    ("", "solver"),
    ("", "runs"),
    ("", "feasible"),
    ("proved", "optimal"),
    ("at best", "known"),
    ("median gap", "to best"),
    ("worst gap", "to best"),
    ("median", "seconds"),
    ("", "evaluations"),
    ("", "failed"),
)
CLAIMED = "( ) the solver's own claim, not checked"


def render(records: Iterable[Record], asked: bool = True, references: Iterable[Record] = ()) -> str:
    """One table an instance, a summary over several, one of learners, and how to read them.

    Solvers that refused are rows where they were asked for, otherwise one line at the end.
    """
    comparisons = compare(relabelled(list(records)), references)
    if not comparisons:
        return "Nothing ran."
    blocks = [_instance(comparison, asked) for comparison in comparisons]
    if len(comparisons) > 1:
        blocks.append(_summary(summarise(comparisons), len(comparisons)))
    blocks.append(_legend(comparisons))
    blocks += _learners(comparisons)
    if not asked and (refused := refusals(comparisons)):
        said = "; ".join(f"{name} ({why.rstrip('.')})" for name, why in refused.items())
        blocks.append(_wrap(f"not run: {said}"))
    return "\n\n".join(blocks)


def _instance(comparison: Comparison, asked: bool) -> str:
    """Title, table, and a line for each run that did not come to an answer."""
    rows = comparison.rows if asked else comparison.ran
    heads = [*HEAD, *((unit, term) for term, unit in comparison.terms.items())]
    drawn = align(heads, [[*_cells(row), *_terms(comparison, row)] for row in rows], left=range(3))
    lines = [_title(comparison), drawn]
    for row in rows:
        ended = row.record.failed or row.record.refused
        if said := row.record.message if ended else row.record.details.get("note"):
            lines.append(_wrap(f"{row.record.label}: {said}", "  "))
    for known in comparison.references:
        worth, bound = numbers.number(known.objective, 12), numbers.number(known.bound, 12)
        said = f"{known.label}: {known.verdict or known.status}, objective {worth}, bound {bound}"
        lines.append(_wrap(said, "  "))
    records = [row.record for row in rows]
    for run, best in contradictions([*records, *comparison.references]):
        told = f"{best.label} has {numbers.number(best.objective, 12)}, better than the bound of"
        lines.append(_wrap(f"refuted: {told} {run.label}", "  "))
    if comparison.why:
        lines.append(_wrap(f"infeasible: {comparison.why}", "  "))
    return "\n".join(lines)


def _title(comparison: Comparison) -> str:
    goal = "minimise" if comparison.sense == "min" else "maximise"
    best = f"best known {numbers.number(comparison.best)}{'*' * comparison.optimal}"
    if comparison.best is None:
        best = "proven infeasible" if comparison.infeasible else "no feasible decision found"
    what = f"{comparison.instance} · {comparison.size}"
    return f"{what} · {goal} · {best} · digest {comparison.digest}"


def _cells(row: Row) -> list[str]:
    r = row.record
    bound, gap = numbers.number(r.bound), numbers.gap(r.gap)
    if not r.proven:
        bound, gap = (text if text == "-" else f"({text})" for text in (bound, gap))
    if r.refused:
        return [r.label, r.status, *["-"] * 8]
    return [
        r.label,
        r.status,
        r.said,
        numbers.number(r.objective),
        bound,
        gap,
        numbers.gap(row.gap_to_best),
        numbers.violation(r.violation),
        numbers.seconds(r.seconds),
        str(r.evaluations),
    ]


def _terms(comparison: Comparison, row: Row) -> list[str]:
    return [numbers.number(row.record.terms.get(term), 4) for term in comparison.terms]


def _summary(summaries: Sequence[Summary], instances: int) -> str:
    rows = [
        [
            s.label,
            str(s.runs),
            f"{s.feasible}/{s.runs}",
            f"{s.optimal}/{s.runs}",
            f"{s.at_best}/{s.runs}",
            numbers.gap(s.median_gap),
            numbers.gap(s.worst_gap),
            numbers.seconds(s.median_seconds),
            str(s.evaluations),
            str(s.failed),
        ]
        for s in summaries
    ]
    return f"all {instances} instances\n" + align(SUMMARY_HEAD, rows, left=range(1))


def _learners(comparisons: Sequence[Comparison]) -> list[str]:
    """The tables of learners, each with its legend, and what is wrong with any of them."""
    found = lessons(comparisons)
    blocks = []
    for table in _lessons.tables(found):
        rows = [[label, *(text for text, _ in cells)] for label, cells in table.rows]
        drawn = f"{table.title}\n{align(table.heads, rows, left=range(1))}"
        blocks.append("\n".join([drawn, "", *map(_wrap, table.legend)]))
    if warnings := _lessons.warnings(found):
        blocks.append("\n".join(map(_wrap, warnings)))
    return blocks


def _legend(comparisons: Sequence[Comparison]) -> str:
    known = any(comparison.references for comparison in comparisons)
    lines = list(formulas(comparisons[0].sense, known))
    if measure := comparisons[0].about.get("objective"):
        lines.insert(0, f"objective = {measure}")
    if any(comparison.optimal for comparison in comparisons):
        lines[-1] += " (* proven optimal)"
    records = [row.record for comparison in comparisons for row in comparison.ran]
    if any(r.said.startswith("(") or (r.bound is not None and not r.proven) for r in records):
        lines.append(CLAIMED)
    if timed := workload(records):
        lines.append(
            f"reference workload {timed} over the study: how fast the host was, and how steady"
        )
    return "\n".join(_wrap(line) for line in lines)


def _wrap(text: str, indent: str = "") -> str:
    return textwrap.fill(text, WIDTH, initial_indent=indent, subsequent_indent=indent + "  ")
