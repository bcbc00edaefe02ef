"""The runs of a report in groups that may be compared: pure values, made from records."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import msgspec

from toolkit.reports._sound import sound
from toolkit.reports.compare import (
    Comparison,
    Summary,
    compare,
    formulas,
    relabelled,
    shortened,
    summarise,
)
from toolkit.reports.content import slug
from toolkit.reports.record import Record

Drawn = tuple[Any, Any]  # a problem and an instance of it
LookUp = Callable[[str], Drawn | None]  # by digest; None where it cannot be had


def nowhere(digest: str) -> None:
    """No instance can be had."""


@dataclass(frozen=True)
class Group:
    """The runs on instances of one problem and preset, the newest of each; refusals too.

    title   cpdrl paper: unique in a report; `name` is the same as a fragment
    labels  the methods, in the order of the summary: the place of one is its colour
    files   the full names of policies that tables shorten
    look_up the problem and the instance of a digest
    share   of the report's runs, for what a page has room for
    """

    problem: str
    preset: str | None
    title: str
    records: tuple[Record, ...]
    comparisons: tuple[Comparison, ...]
    summaries: tuple[Summary, ...]
    files: Mapping[str, str]
    look_up: LookUp = nowhere
    share: float = 1.0

    @property
    def name(self) -> str:
        return slug(self.title)

    @property
    def sense(self) -> str:
        return self.records[0].sense

    @cached_property
    def labels(self) -> list[str]:
        return [summary.label for summary in self.summaries]

    def colour(self, label: str) -> int:
        return self.labels.index(label)

    @cached_property
    def ran(self) -> tuple[Record, ...]:
        """The runs that were not refused."""
        return tuple(record for record in self.records if not record.refused)

    @cached_property
    def by_digest(self) -> dict[str, Comparison]:
        return {comparison.digest: comparison for comparison in self.comparisons}

    @cached_property
    def notes(self) -> list[str]:
        """What every table of gaps or times has to tell: formulas, limits, threads, concurrency."""
        references = any(comparison.references for comparison in self.comparisons)
        return [
            *(f"{text}." for text in formulas(self.sense, references)),
            f"Limits of a run: {_limits(self.ran)}; {_threads(self.ran)}.",
        ]


@dataclass(frozen=True)
class Report:
    """All that a report is made of.

    title       what its reader looks at: a store's name
    studies     plans of papers over these runs, by name
    older       runs that a newer one of the same method, instance, seed and limits replaces
    look_up     the problem and the instance of a digest; None where it cannot be had
    suites      {suite: digests of its instances}
    """

    title: str
    groups: tuple[Group, ...]
    studies: tuple[Any, ...] = ()
    older: int = 0
    look_up: LookUp = nowhere
    suites: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @cached_property
    def records(self) -> list[Record]:
        return [record for group in self.groups for record in group.records]


def make_groups(
    records: Iterable[Record], references: Iterable[Record] = (), look_up: LookUp = nowhere
) -> tuple[tuple[Group, ...], int]:
    """The groups, and how many older runs were left out. Records come oldest first."""
    every = [sound(record) for record in records]
    newest = {_place(record): record for record in every}
    sets: dict[tuple[str, str | None, int], list[Record]] = defaultdict(list)
    for record in newest.values():
        sets[record.problem, record.preset, record.version].append(record)
    known = list(references)
    groups = []
    for key, found in sets.items():
        group = _group(found, _title(key, sets), known)
        groups.append(replace(group, look_up=look_up, share=len(found) / len(newest)))
    return tuple(groups), len(every) - len(newest)


def _place(record: Record) -> tuple[Any, ...]:
    """What a run is a repetition of, whatever the toolkit's sources were."""
    limits = tuple(sorted(record.limits.items()))
    same = (record.problem, record.preset, record.version, record.digest)
    return (*same, record.label, record.seed, limits)


def _title(key: tuple[str, str | None, int], sets: Iterable[tuple[str, str | None, int]]) -> str:
    problem, preset, version = key
    several = len({other[2] for other in sets if other[:2] == key[:2]}) > 1
    parts = [problem, preset, f"version {version}" if several else None]
    return " ".join(filter(None, parts))


def _group(records: list[Record], title: str, references: list[Record]) -> Group:
    names = shortened(records)
    records = _by_limits(relabelled(records))
    digests = {record.digest for record in records}
    comparisons = compare(records, [r for r in references if r.digest in digests])
    return Group(
        problem=records[0].problem,
        preset=records[0].preset,
        title=title,
        records=tuple(records),
        comparisons=tuple(comparisons),
        summaries=tuple(summarise(comparisons)),
        files={short: full for full, short in names.items() if short != full},
    )


def _by_limits(records: list[Record]) -> list[Record]:
    """Runs of one label under several limits are several methods: their labels tell the limits."""
    several: dict[str, set[str]] = defaultdict(set)
    for record in records:
        several[record.label].add(limit(record.limits))
    return [
        msgspec.structs.replace(record, label=f"{record.label} ({limit(record.limits)})")
        if len(several[record.label]) > 1
        else record
        for record in records
    ]


def limit(limits: Mapping[str, float | None]) -> str:
    """10 s, 500 evaluations, 2 GB; no limit."""
    said = [_amount(name, value) for name, value in limits.items() if value is not None]
    return ", ".join(said) or "no limit"


def _amount(name: str, value: float) -> str:
    if name == "seconds":
        return f"{value:,g} s"
    return f"{value / 2**30:.3g} GiB" if name == "memory" else f"{value:,.0f} {name}"


def _limits(records: Sequence[Record]) -> str:
    """All that occur."""
    return " or ".join(dict.fromkeys(limit(record.limits) for record in records)) or "none"


def _threads(records: Sequence[Record]) -> str:
    """one thread, 2 runs at once: as far as the records tell."""
    threads = _told(records, "threads")
    jobs = _told(records, "jobs")
    said = f"{threads} thread{'s' * (threads != '1')} a run" if threads else "one thread a run"
    return f"{said}, {jobs} at once" if jobs else said


def _told(records: Sequence[Record], name: str) -> str:
    values = {record.environment.get(name) for record in records} - {None}
    found = sorted(map(str, values), key=lambda text: [int(p) for p in re.findall(r"\d+", text)])
    return " or ".join(found)
