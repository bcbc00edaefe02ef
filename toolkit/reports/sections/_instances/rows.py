"""The runs on one instance side by side: what a drill-down tells first."""

from collections.abc import Sequence
from typing import Any

from toolkit.reports import numbers
from toolkit.reports.compare import Comparison, Row, contradictions
from toolkit.reports.content import Cell, Column, Mark, count, gap, number, seconds, words
from toolkit.reports.frame import Group
from toolkit.reports.record import Record

MARKS: dict[str, Mark] = {"proved": "good", "refuted": "bad"}
COLUMNS = [
    Column(name="run", text=True),
    Column(name="seed"),
    Column(name="status", text=True),
    Column(name="verdict", text=True, note="the checker's; a solver's own word in brackets"),
    Column(name="objective", note="recomputed"),
    Column(name="proven bound", note="in brackets: claimed, checked by nothing"),
    Column(name="proven gap", note="in brackets: claimed"),
    Column(name="gap to best", note="to the best decision known of the instance"),
    Column(name="worst violation", note="relative; feasible up to 1e-6"),
    Column(name="seconds", unit="s", note="the solver's own"),
    Column(name="evaluations"),
]


def columns(terms: Sequence[str], unit: dict[str, str]) -> list[Column]:
    """Those of all problems, and the terms of this one."""
    return [*COLUMNS, *(Column(name=term, unit=unit.get(term, "")) for term in terms)]


def cells(row: Row, terms: Sequence[str]) -> list[Cell]:
    """A run under `columns`."""
    record = row.record
    return [
        words(record.label),
        count(record.seed),
        words(record.status, "bad" if record.failed else ""),
        words(record.said, MARKS.get(record.verdict, "")),
        number(record.objective),
        _claimed(record, number(record.bound)),
        _claimed(record, gap(record.gap)),
        gap(row.gap_to_best),
        _violation(record),
        seconds(None if record.refused else record.seconds),
        count(record.evaluations),
        *(number(record.terms.get(term), 5) for term in terms),
    ]


def _claimed(record: Record, cell: Cell) -> Cell:
    """In brackets where nobody has re-proved it."""
    known = record.proven or cell.value is None
    return cell if known else Cell(value=cell.value, text=f"({cell.text})")


def _violation(record: Record) -> Cell:
    mark: Mark = "" if record.feasible or record.violation is None else "warn"
    value = number(record.violation).value
    return Cell(value=value, text=numbers.violation(record.violation), mark=mark)


def best(comparison: Comparison) -> Cell:
    """The best objective that is known, marked where it is proven optimal."""
    if comparison.best is None:
        return words("infeasible" if comparison.infeasible else "none found")
    found = number(comparison.best)
    mark: Mark = "good" if comparison.optimal else ""
    return Cell(value=found.value, text=found.text, mark=mark)


def entry(group: Group, comparison: Comparison, terms: Sequence[str], size: str) -> dict[str, Any]:
    """An instance of a drill-down, its views left open; `size` tells it from its namesakes too."""
    return {
        "digest": comparison.digest,
        "name": comparison.instance,
        "size": size,
        "sense": group.sense,
        "best": best(comparison),
        "says": says(comparison),
        "rows": [cells(row, terms) for row in comparison.rows],
        "views": [],
    }


def says(comparison: Comparison) -> list[str]:
    """What is known of an instance, and who contradicts whom."""
    known = [*(row.record for row in comparison.rows), *comparison.references]
    out = [_known(comparison, known)]
    for run, better in contradictions(known):
        out.append(
            f"Refuted: {better.label} has {numbers.number(better.objective, 12)}, better than the "
            f"bound of {run.label}."
        )
    for each in comparison.references:
        worth = numbers.number(each.objective, 12)
        out.append(f"{each.label}: {each.verdict or each.status}, objective {worth}.")
    return out


def _known(comparison: Comparison, known: Sequence[Record]) -> str:
    if comparison.best is None:
        if comparison.infeasible:
            return f"It is proven that no feasible decision exists. {comparison.why}".strip()
        return "No run has found a feasible decision."
    worth = numbers.number(comparison.best)
    bounds = [r for r in known if r.proven and r.bound is not None]
    if comparison.optimal:
        by = dict.fromkeys(r.label for r in bounds if r.verdict == "proved")
        return f"The optimum, {worth}, is proven{', by ' * bool(by)}{_listed(list(by))}."
    if not bounds:
        return f"The best known is {worth}; no bound is proven."
    close = max(bounds, key=lambda r: r.sign * (r.bound or 0.0))
    said = f"no feasible decision is better than {numbers.number(close.bound)} (by {close.label})"
    return f"The best known is {worth}; it is proven that {said}."


def _listed(labels: list[str], most: int = 4) -> str:
    more = f" and {len(labels) - most} others" if len(labels) > most else ""
    return ", ".join(labels[:most]) + more
