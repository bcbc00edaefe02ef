"""The answer first: which method, at what proven gap, in what time; failures counted."""

import math
from collections import Counter
from statistics import median
from typing import Any

from toolkit.reports import numbers
from toolkit.reports._bootstrap import median_of
from toolkit.reports._cells import Values
from toolkit.reports.compare import Summary, best_known, certified
from toolkit.reports.content import Cell, Column, Section, Table, count, gap, seconds, words
from toolkit.reports.frame import Group
from toolkit.reports.record import finite
from toolkit.reports.sections._reach import Reach, nearest, prover, reaches
from toolkit.reports.sections._runs import listed

ORDER = 10
COLUMNS = [
    Column(name="method", text=True),
    Column(name="runs"),
    Column(name="failed", note="runs that raised, died, or were killed"),
    Column(name="feasible", note="runs with a feasible decision, recomputed"),
    Column(
        name="proved optimal",
        note="runs whose own bound was re-proved and closes the gap, or shows that nothing is "
        "feasible",
    ),
    Column(name="at best known", note="runs within 1e-6 of the best known decision"),
    Column(
        name="median gap to best",
        note="of the feasible runs, with a 95 % bootstrap interval over the instances",
    ),
    Column(name="worst gap to best", note="of the feasible runs"),
    Column(
        name="proven within",
        note="median of the feasible runs: gap to the best re-proved bound of each instance; no "
        "decision is better than this one by more",
    ),
    Column(name="median seconds", unit="s", note="the solver's own; failed runs left out"),
]
REFUSED = Column(name="refused", note="runs on instances that the method does not take")
GIVEN = Column(name="instances", note="that the method was given, of all")
NOTHING = "Where the best known is 0, gaps have no scale: any other objective shows as >10000%."


def of_group(group: Group) -> Section:
    """A sentence or two, and a row a method, the best first."""
    found = reaches(group)
    table = Table(
        name=f"{group.name}-methods",
        title=f"All methods on {_instances(group)}",
        **_content(group, found),
        notes=[*group.notes, *[NOTHING] * any(c.best == 0 for c in group.comparisons)],
    )
    return Section(name="answer", title="The answer", says=_says(group, found), tables=[table])


def _content(group: Group, found: dict[str, Reach]) -> dict[str, Any]:
    """Columns and rows; who was given or refused how much, where that differs."""
    refused = Counter(record.label for record in group.records if record.refused)
    rows, columns = [_row(group, summary) for summary in group.summaries], list(COLUMNS)
    total = len(group.comparisons)
    if any(_given(summary, found) < total for summary in group.summaries):
        columns.append(GIVEN)
        for row, summary in zip(rows, group.summaries, strict=True):
            given = _given(summary, found)
            row.append(count(given, total, "warn" if given < total else ""))
    if refused:
        columns.append(REFUSED)
        for row in rows:
            row.append(count(refused[row[0].text]))
    return {"columns": columns, "rows": rows}


def _row(group: Group, summary: Summary) -> list[Cell]:
    _, low, high = median_of(_gaps(group, summary.label))
    runs = summary.runs
    return [
        words(summary.label),
        count(runs),
        count(summary.failed, mark="bad" if summary.failed else ""),
        count(summary.feasible, runs, "" if summary.feasible == runs else "warn"),
        count(summary.optimal, runs, "good" if summary.optimal == runs else ""),
        count(summary.at_best, runs),
        gap(summary.median_gap, low, high),
        gap(summary.worst_gap),
        gap(_proven(group, summary.label)),
        seconds(summary.median_seconds),
    ]


def _gaps(group: Group, label: str) -> Values:
    rows = (row for c in group.comparisons for row in c.ran if row.record.label == label)
    found = ((row.record, row.gap_to_best) for row in rows)
    return {(run.digest, run.seed): value for run, value in found if value is not None}


def _proven(group: Group, label: str) -> float | None:
    """The median of what is proven of the runs with a feasible decision; None where half or more
    of them lie on instances without a bound."""
    every = ((c, row) for c in group.comparisons for row in c.ran if row.record.label == label)
    ends = [certified(c, row)[1] for c, row in every if row.gap_to_best is not None]
    value = median(math.inf if end is None else end for end in ends) if ends else math.inf
    return finite(value)


def _instances(group: Group) -> str:
    number = len(group.comparisons)
    return f"{number:,} instance{'s' * (number != 1)}"


def _says(group: Group, found: dict[str, Reach]) -> list[str]:
    """What is known of the optima, who proves them first, who comes nearest without a proof."""
    said = [_known(group), _provers(group, found), _nearest(group, found)]
    return [*filter(None, [*said, _failures(group), _missed(group, found)])]


def _known(group: Group) -> str:
    proven = sum(c.optimal for c in group.comparisons)
    total = len(group.comparisons)
    shown = "every one" if proven == total else f"{proven} of {total}"
    none = sum(c.infeasible and c.best is None for c in group.comparisons)
    without = f"; of {none} it is proven that no feasible decision exists" if none else ""
    return f"{_instances(group)}: the optimum of {shown} is proven{_helped(group)}{without}."


def _helped(group: Group) -> str:
    """Of how many it takes what a suite knows."""
    alone = (best_known(row.record for row in c.rows)[1] for c in group.comparisons if c.optimal)
    helped = sum(not optimal for optimal in alone)
    return f" ({helped} of them by the suite's references)" if helped else ""


def _provers(group: Group, found: dict[str, Reach]) -> str:
    """Who proves all instances, or the most of them, each run of the method on them counted."""
    best, total = prover(found), len(group.comparisons)
    if best is None:
        some = any(summary.optimal for summary in group.summaries)
        return f"No method proves an optimum{' in all of its runs on an instance' * some}."
    proofs, took = found[best].proofs, numbers.duration(median(found[best].took))
    if proofs == total:
        return f"{best} proves all of them, in {took} (median)."
    return f"No method proves all of them; {best} proves the most, {proofs}, in {took} (median)."


def _nearest(group: Group, found: dict[str, Reach]) -> str:
    """The best method among those that prove no optimum."""
    one = nearest(group.summaries, found)
    if one is None:
        return ""
    best, rivals = one
    took = numbers.duration(best.median_seconds or 0.0)
    which = _which(group, len(found[best.label].known))
    start = f"Of the {rivals} methods that prove no optimum and were given {which}, {best.label}"
    if rivals == 1:
        alone = which.removeprefix("the same ")
        start = f"Of methods that prove no optimum, {best.label} alone was given {alone}"
    return (
        f"{start}{' comes nearest' * (rivals > 1)}: median gap to the best known "
        f"{numbers.gap(best.median_gap)}, worst {numbers.gap(best.worst_gap)}, in {took} (median), "
        f"feasible in {best.feasible} of {found[best.label].asked} runs."
    )


def _which(group: Group, given: int) -> str:
    """On which instances methods are compared."""
    known = sum(c.best is not None for c in group.comparisons)
    if given < known:
        return f"the same {given} of {known} instances with a known decision"
    return "all instances" + " with a known decision" * (known < len(group.comparisons))


def _missed(group: Group, found: dict[str, Reach]) -> str:
    """Whose medians stand on other instances."""
    total = len(group.comparisons)
    some = [
        f"{s.label} ({n} of {total})" for s in group.summaries if (n := _given(s, found)) < total
    ]
    if not some:
        return ""
    return (
        f"Not given all instances: {listed(some)}; medians over other instances are not to be "
        "compared."
    )


def _given(summary: Summary, found: dict[str, Reach]) -> int:
    return found[summary.label].instances


def _failures(group: Group) -> str:
    failed = sum(summary.failed for summary in group.summaries)
    refuted = sum(record.refuted for record in group.records)
    said = [f"{failed} of {len(group.ran)} runs failed"] if failed else []
    said += [f"{refuted} made a claim that is refuted"] if refuted else []
    return f"{', '.join(said)}." if said else ""
