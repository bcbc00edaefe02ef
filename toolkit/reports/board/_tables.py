"""The tables of a leaderboard: who is ranked, who ran on a part, who is out, and whose runs."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from toolkit.reports.board._entries import Entry, Source, version_of
from toolkit.reports.board._standing import SHIFT, Standing, scores
from toolkit.reports.compare import Comparison, Row, formulas, workload
from toolkit.reports.content import (
    Cell,
    Column,
    Mark,
    Section,
    Table,
    count,
    gap,
    number,
    seconds,
    share,
    words,
)
from toolkit.reports.record import Record, finite

FROM = [
    Column(name="version", text=True, note="of the toolkit, with the commit; + : altered since"),
    Column(name="runs of", text=True, note="the days on which they were kept, UTC"),
    Column(name="store", text=True),
]
RANKED = [
    Column(name="method", text=True),
    Column(name="rank", note="with a 95 % bootstrap interval over the instances"),
    Column(name="answered", note="runs with a feasible decision, or a proof that there is none"),
    Column(name="proved", note="runs whose own bound was re-proved and closes the gap"),
    Column(
        name="median gap",
        note="to the best known, an instance counts once, with a 95 % bootstrap interval",
    ),
    Column(name="worst gap"),
    Column(name="workloads", note="mean time, in times of the reference workload on that host"),
    Column(name="mean seconds", unit="s", note="unanswered counted as the limit"),
    Column(name="mean seconds of answered", unit="s", note="unanswered left out"),
    Column(name="failed", note="runs that raised, died or were killed"),
    *FROM,
]
PARTLY = [
    Column(name="method", text=True),
    Column(name="instances", note="on which it ran, of all"),
    Column(name="answered"),
    Column(name="proved"),
    Column(name="median gap"),
    Column(name="failed"),
    Column(name="refused", note="instances that it does not take"),
    *FROM,
]
OUT = [
    Column(name="method", text=True),
    Column(name="runs"),
    Column(name="refuted", note="runs with a claim that is wrong"),
    Column(name="why", text=True, note="of the first of them"),
    *FROM,
]
SOURCES = [
    Column(name="store", text=True),
    Column(name="runs"),
    Column(name="refuted"),
    Column(name="first run", text=True),
    Column(name="last run", text=True),
    Column(name="versions", text=True),
    Column(name="processors", text=True),
    Column(name="reference workload", text=True, note="the median, the least and the longest"),
]
RULES = [
    "Ranked are methods with a run on every instance, none of them refuted. The order: the share "
    "of runs that answered, the median gap to the best known, the share that proved its optimum, "
    "the worst gap, the mean time: in workloads where hosts differ. Gaps up to 1e-6 count as none.",
    f"Mean times are shifted geometric means, exp(mean log(s + {SHIFT:g})) - {SHIFT:g} s. Leaving "
    "unanswered instances out favours who fails: both are shown.",
    "Seconds of different hosts cannot be compared; workloads, times of a small piece of work that "
    "never changes, roughly can.",
    "Intervals: percentile bootstrap over the instances, the same draws for all methods. Where the "
    "intervals of two ranks overlap, these instances do not tell the two apart.",
]


@dataclass(frozen=True)
class Place:
    """An entry on a board: the instances it ran on, and the runs that are refuted, with why."""

    entry: Entry
    rows: Mapping[str, Sequence[Row]]
    refuted: Sequence[tuple[Record, str]]


def ranked_table(
    name: str, standing: Sequence[tuple[Place, Standing]], compared: Sequence[Comparison]
) -> list[Table]:
    if not standing:
        return []
    sense, known = compared[0].sense, any(c.references for c in compared)
    return [
        Table(
            name=f"{name}-ranking",
            title="Methods that ran on all instances",
            columns=RANKED,
            rows=[_row(place, found) for place, found in standing],
            notes=[
                f"{formulas(sense, known)[1]}.".replace("of this run", "of these stores"),
                *RULES,
            ],
        )
    ]


def _row(place: Place, found: Standing) -> list[Cell]:
    entry = place.entry
    failed = sum(record.failed for record in entry.ran)
    return [
        words(entry.label),
        _rank(found),
        share(found.answered),
        share(found.proved),
        gap(*map(finite, found.gap)),
        gap(finite(found.worst)),
        number(_workloads(entry, found.seconds), 3),
        seconds(found.seconds),
        seconds(finite(found.seconds_answered)),
        count(failed, mark="bad" if failed else ""),
        *_from(entry),
    ]


def _rank(found: Standing) -> Cell:
    value, low, high = found.rank
    one = low == high or not math.isfinite(low)
    text = f"{value:.0f}" if one else f"{value:.0f} [{low:.0f}, {high:.0f}]"
    mark: Mark = "good" if value == 1 and found.answered else ""
    return Cell(value=int(value), text=text, low=finite(low), high=finite(high), mark=mark)


def _workloads(entry: Entry, mean: float) -> float | None:
    """The mean time in times of the reference workload; None where no run tells that."""
    taken = yardstick(entry)
    return None if taken is None else mean / taken


def yardstick(entry: Entry) -> float | None:
    """Seconds that the reference workload took beside these runs: the median."""
    taken = [record.yardstick for record in entry.ran if record.yardstick]
    return median(taken) if taken else None


def _from(entry: Entry) -> list[Cell]:
    days = entry.since if entry.since == entry.until else f"{entry.since} to {entry.until}"
    return [words(" or ".join(entry.versions)), words(days), words(", ".join(entry.stores))]


def partly_table(
    name: str, places: Sequence[Place], by_digest: Mapping[str, Comparison], needed: int
) -> list[Table]:
    """Who ran on the most instances first."""
    if not places:
        return []
    chosen = sorted(places, key=lambda place: (-len(place.rows), place.entry.label))
    return [
        Table(
            name=f"{name}-partly",
            title="Methods that ran on a part of the instances: not ranked",
            columns=PARTLY,
            rows=[_partly_row(place, by_digest, needed) for place in chosen],
            notes=["An easier part gives smaller gaps: these rows cannot be set against others."],
        )
    ]


def _partly_row(place: Place, by_digest: Mapping[str, Comparison], needed: int) -> list[Cell]:
    refused = {r.digest for r in place.entry.records if r.refused}
    failed = sum(record.failed for record in place.entry.ran)
    lead = [words(place.entry.label), count(len(place.rows), needed, "warn")]
    tail = [count(failed, mark="bad" if failed else ""), count(len(refused)), *_from(place.entry)]
    if not place.rows:
        return [*lead, share(None), share(None), gap(None), *tail]
    found = scores([(by_digest[d], rows) for d, rows in place.rows.items()], 0.0)
    told = share(found.answered.mean()), share(found.proved.mean()), gap(finite(median(found.gaps)))
    return [*lead, *told, *tail]


def out_table(name: str, places: Sequence[Place]) -> list[Table]:
    if not places:
        return []
    rows = [
        [
            words(place.entry.label),
            count(len(place.entry.ran)),
            count(len(place.refuted), mark="bad"),
            words(f"{place.refuted[0][0].instance}: {place.refuted[0][1]}"),
            *_from(place.entry),
        ]
        for place in places
    ]
    return [Table(name=f"{name}-disqualified", title="Disqualified", columns=OUT, rows=rows)]


def stores_section(sources: Sequence[Source]) -> Section:
    table = Table(
        name="stores",
        title="Stores",
        columns=SOURCES,
        rows=[_source(source) for source in sources],
        notes=["The verdicts are those of the checker when the runs were made; verify STORE anew."],
    )
    return Section(name="stores", title="Where the runs are from", tables=[table])


def _source(source: Source) -> list[Cell]:
    records = [record for _, record in source.runs]
    days = sorted(time[:10] for time, _ in source.runs) or ["-"]
    refuted = sum(record.refuted for record in records)
    versions = Counter(version_of(record.environment) for record in records)
    hosts = Counter(str(record.environment.get("processor") or "") for record in records)
    return [
        words(source.name),
        count(len(records)),
        count(refuted, mark="bad" if refuted else ""),
        words(days[0]),
        words(days[-1]),
        words(", ".join(filter(None, versions)) or "-"),
        words(", ".join(filter(None, hosts)) or "-"),
        words(workload(records) or "-"),
    ]
