"""Every instance with its runs, and why a run's decision is good: drawn, where there is room."""

import zlib
from statistics import median
from typing import Any

import msgspec

from toolkit.problems import units
from toolkit.reports.compare import Comparison
from toolkit.reports.content import Cell, Column, Section, Table, count, gap, words
from toolkit.reports.frame import Group
from toolkit.reports.sections._apart import apart
from toolkit.reports.sections._instances.facts import facts
from toolkit.reports.sections._instances.rows import best, columns, entry
from toolkit.reports.sections._instances.views import drawings

ORDER = 80
MOST_ROWS = 100  # of the table
MOST_TOLD = 3000  # runs of a report of which all facts are told
COLUMNS = [
    Column(name="instance", text=True),
    Column(name="size", text=True, note="and what differs where instances have one name"),
    Column(name="best known", note="the best feasible objective; green: proven optimal"),
    Column(name="proven", text=True, note="what the re-proved bounds show"),
    Column(name="best method", text=True, note="the fastest of those with the best objective"),
    Column(name="runs"),
    Column(name="feasible"),
    Column(name="failed"),
    Column(name="median gap", note="of the feasible runs to the best known"),
    Column(name="worst gap", note="of the feasible runs to the best known"),
]


def of_group(group: Group) -> Section:
    """A table of the instances; their runs and drawn decisions for those who look closer."""
    terms = list(dict.fromkeys(term for record in group.ran for term in record.terms))
    unit = _units(group)
    sizes = _sizes(group)
    entries = [entry(group, c, terms, sizes[c.digest]) for c in group.comparisons]
    drawn = _add_views(group, entries, unit)
    return Section(
        name="instances",
        title="Every instance",
        says=_says(group, drawn),
        tables=[_table(group, sizes)],
        details={"columns": columns(terms, unit), "instances": entries},
    )


def _units(group: Group) -> dict[str, str]:
    """Of the terms, as the problem tells them; as the runs do where it is not at hand."""
    first = group.comparisons[0]
    drawn = group.look_up(first.digest)
    return {**({} if drawn is None else units(drawn[0])), **first.terms}


def _add_views(group: Group, entries: list[dict[str, Any]], unit: dict[str, str]) -> int:
    """Adds what is told of each run, and its charts; how many decisions are drawn."""
    few = len(group.records) <= MOST_TOLD * group.share
    used = len(zlib.compress(msgspec.json.encode(entries), 6))
    told = [
        [facts(row.record, unit) if few or row.record.failed else None for row in comparison.rows]
        for comparison in group.comparisons
    ]
    used += len(zlib.compress(msgspec.json.encode(told), 6))
    found = drawings(group, used)
    for i, (comparison, instance) in enumerate(zip(group.comparisons, entries, strict=True)):
        for k, row in enumerate(comparison.rows):
            drawing = found.get((i, k))
            own = told[i][k]
            if drawing is None and own is None:
                continue
            own = facts(row.record, unit) if own is None else own
            if drawing is not None and drawing.why:
                own = [*own, ["not drawn", drawing.why]]
            charts = [] if drawing is None else drawing.charts
            instance["views"].append({"row": k, "facts": own, "charts": charts})
    return sum(bool(drawing.charts) for drawing in found.values())


def _says(group: Group, drawn: int) -> list[str]:
    """How many decisions are drawn, and which where there was no room for all."""
    having = sum(bool(record.decision) for record in group.records)
    said = f"Decisions of {drawn:,} of {having:,} runs that have one are drawn"
    if drawn < having:
        return [f"{said}, those of the best run of each instance first."]
    return [f"{said}."]


def _sizes(group: Group) -> dict[str, str]:
    """Of each instance its size, and what tells it from others of its name."""
    names = apart(group.comparisons)
    said = {c.digest: (c.size, names.get(c.digest)) for c in group.comparisons}
    return {digest: "; ".join(filter(None, parts)) for digest, parts in said.items()}


def _table(group: Group, sizes: dict[str, str]) -> Table:
    shown = _most_telling(group.comparisons)
    notes = list(group.notes)
    if len(shown) < len(group.comparisons):
        notes.insert(
            0,
            f"Of {len(group.comparisons):,} instances the {MOST_ROWS} on which runs differ most.",
        )
    return Table(
        name=f"{group.name}-instances",
        title="Instances",
        columns=COLUMNS,
        rows=[_row(comparison, sizes[comparison.digest]) for comparison in shown],
        notes=notes,
    )


def _most_telling(comparisons: tuple[Comparison, ...]) -> list[Comparison]:
    """All, or those on which runs are farthest apart, in the order in which they stand."""
    order = sorted(range(len(comparisons)), key=lambda i: -_worst(comparisons[i]))
    return [comparisons[i] for i in sorted(order[:MOST_ROWS])]


def _gaps(comparison: Comparison) -> list[float]:
    return [row.gap_to_best for row in comparison.ran if row.gap_to_best is not None]


def _worst(comparison: Comparison) -> float:
    return max(_gaps(comparison), default=0.0)


def _row(comparison: Comparison, size: str) -> list[Cell]:
    ran, gaps = comparison.ran, _gaps(comparison)
    failed = sum(row.record.failed for row in ran)
    return [
        words(comparison.instance, link=f"instance={comparison.digest}"),
        words(size),
        best(comparison),
        _proven(comparison),
        words(ran[0].record.label if gaps else "-"),
        count(len(ran)),
        count(len(gaps), len(ran)),
        count(failed, mark="bad" if failed else ""),
        gap(median(gaps) if gaps else None),
        gap(max(gaps, default=None)),
    ]


def _proven(comparison: Comparison) -> Cell:
    if comparison.optimal:
        return words("optimal", "good")
    if comparison.infeasible:
        return words("infeasible", "good")
    bounded = any(row.record.proven and row.record.bound is not None for row in comparison.rows)
    return words("a bound" if bounded else "nothing")
