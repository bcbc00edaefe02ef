"""What learning cost, what it decides, when it pays, and on which sizes it holds."""

from collections.abc import Callable, Iterable, Sequence
from itertools import compress

import numpy as np

from toolkit.reports._bootstrap import spread, weighted_mean
from toolkit.reports.content import (
    Axis,
    Cell,
    Chart,
    Column,
    Section,
    Series,
    Table,
    points,
    slug,
    thinned,
    words,
)
from toolkit.reports.frame import Group
from toolkit.reports.learners import tables as _lessons
from toolkit.reports.learners._details import final, value
from toolkit.reports.learners._generalise import policies
from toolkit.reports.learners.lessons import Band, Lesson, bands, lessons
from toolkit.reports.record import Record
from toolkit.reports.sections._break_even import (
    break_even_says,
    break_even_table,
    cost_chart,
    paying,
)
from toolkit.reports.sections._generalisation import size_chart, size_table

ORDER = 60
BESIDE = 0.12  # of the way to the next learner, between what is told of one
FALLING = ("critic_loss",)  # curves that fall over orders of magnitude


def of_group(group: Group) -> Section | None:
    """None where nothing has learnt."""
    found = lessons(group.comparisons)
    if not found:
        return None
    pays, met = paying(found), policies(group.comparisons)
    tables = [_table(group, table) for table in _lessons.tables(found)]
    return Section(
        name="learning",
        title="What learning costs, and what comes of it",
        says=[*break_even_says(pays), *(f"{line}." for line in _lessons.warnings(found))],
        tables=[*tables, *break_even_table(group, pays), *size_table(group, met)],
        charts=[
            *_curves(group),
            *_before_repair(group, found),
            *cost_chart(group, pays),
            *size_chart(group, met),
        ],
    )


def _table(group: Group, table: _lessons.Table) -> Table:
    """A table of the terminal with the same numbers; columns that nobody has are left out."""
    heads = [" ".join(filter(None, head)) for head in table.heads[1:]]
    told = [
        any(cells[place][1] is not None for _, cells in table.rows) for place in range(len(heads))
    ]
    return Table(
        name=f"{group.name}-{slug(table.title.partition(' (')[0])}",
        title=f"{table.title[0].upper()}{table.title[1:]}",
        columns=[
            Column(name="method", text=True),
            *(Column(name=h) for h in compress(heads, told)),
        ],
        rows=[
            [
                words(label),
                *(Cell(value=number, text=text) for text, number in compress(cells, told)),
            ]
            for label, cells in table.rows
        ],
        notes=[
            f"{line}." for line in table.legend if line == line.lstrip()
        ],  # the rest: break-even
    )


def _curves(group: Group) -> list[Chart]:
    return [
        Chart(
            name=f"{group.name}-training-{slug(what)}",
            title=f"Training curves: {what.replace('_', ' ')}",
            x=Axis(label="training steps"),
            y=Axis(label=what.replace("_", " "), log=what in FALLING and _positive(lines)),
            series=[_band(group, band) for band in lines],
            caption="The median over the runs of a method, and a band between their quartiles.",
        )
        for what, lines in bands(group.ran).items()
    ]


def _positive(lines: Iterable[Band]) -> bool:
    return all(number > 0 for band in lines for number in band.low)


def _band(group: Group, band: Band) -> Series:
    drawn = thinned(list(zip(band.steps, band.low, band.middle, band.high, strict=True)))
    return Series(
        label=band.label,
        x=points(point[0] for point in drawn),
        low=points(point[1] for point in drawn),
        y=points(point[2] for point in drawn),
        high=points(point[3] for point in drawn),
        colour=group.colour(band.label),
    )


def _before_repair(group: Group, found: Sequence[Lesson]) -> list[Chart]:
    """How often learners are feasible by themselves; nothing where only answers tell, or where all
    always are."""
    learners = [lesson.label for lesson in found if lesson.learner]
    runs = {label: [r for r in group.ran if r.label == label] for label in learners}
    told = {what: _shares(runs, tell) for what, tell in FEASIBLE.items()}
    before = [
        ends[0] for what, shares in told.items() if what != ANSWER for ends in shares.values()
    ]
    if all(share == 1.0 for share in before):
        return []
    return [
        Chart(
            name=f"{group.name}-feasible",
            title="Feasible before repair",
            x=Axis(label="learner", names=learners),
            y=Axis(label="feasible", share=True),
            series=[
                _points(what, place, shares)
                for place, (what, shares) in enumerate(told.items())
                if shares
            ],
            caption="The share of feasible ones among first guesses, before any repair; among "
            "decisions tried while learning; among policies left at the end; and among answers. "
            "95 % bootstrap intervals over the instances.",
        )
    ]


Ends = tuple[float, float, float]  # a share, and the ends of its interval


def _shares(
    runs: dict[str, list[Record]], tell: Callable[[Record], float | None]
) -> dict[int, Ends]:
    """By the learner's place, of those that tell."""
    known = [
        [(share, r.digest) for r in each if (share := tell(r)) is not None]
        for each in runs.values()
    ]
    return {place: _mean(found) for place, found in enumerate(known) if found}


def _mean(found: list[tuple[float, str]]) -> Ends:
    """Of shares on instances, with its interval."""
    shares = np.array([share for share, _ in found], float)
    if (shares == shares[0]).all():
        return (float(shares[0]),) * 3
    instances = np.unique([digest for _, digest in found], return_inverse=True)[1]
    return spread(shares, instances, weighted_mean)


def _points(what: str, place: int, shares: dict[int, Ends]) -> Series:
    return Series(
        label=what,
        style="points",
        x=points(learner + BESIDE * (place - 1.5) for learner in shares),
        y=points(ends[0] for ends in shares.values()),
        low=points(ends[1] for ends in shares.values()),
        high=points(ends[2] for ends in shares.values()),
        colour=place,
    )


def _final(record: Record) -> float | None:
    end = final(record)
    return None if end is None else float(end.feasible)


ANSWER = "answer"
FEASIBLE: dict[str, Callable[[Record], float | None]] = {
    "first guess": lambda record: value(record, "first_feasible"),
    "tried while learning": lambda record: value(record, "explored_feasible"),
    "final policy": _final,
    ANSWER: lambda record: float(record.feasible),
}
