"""The entries of a leaderboard: a method, of a version of the toolkit, on a host, from stores."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from toolkit.reports.compare import relabelled
from toolkit.reports.record import Record

MACHINE = {"platform", "memory", "blas", "threads", "jobs"}  # that make no other version


@dataclass(frozen=True)
class Source:
    """A store: its name, and its runs with the time when each was kept, the oldest first."""

    name: str
    runs: tuple[tuple[str, Record], ...]


@dataclass(frozen=True)
class Entry:
    """The runs of one method that belong together, the newest of each; they bear its label.

    stores    where they come from
    versions  of the toolkit, with the commit: 0.1.0 df16882a
    hosts     processors
    since     the day of the first run, `until` of the last: 2026-11-23
    """

    label: str
    records: tuple[Record, ...]
    stores: tuple[str, ...]
    versions: tuple[str, ...]
    hosts: tuple[str, ...]
    since: str
    until: str

    @property
    def ran(self) -> list[Record]:
        return [record for record in self.records if not record.refused]


Dated = tuple[str, str, Record]  # time, store, run
Made = frozenset[str]


def entries(sources: Sequence[Source]) -> list[Entry]:
    """One a method and store; stores in which it was made with the same are taken together.

    Where a method has several entries, their labels tell the stores.
    """
    every = [(time, s.name, record) for s in sources for time, record in s.runs]
    named = relabelled([record for _, _, record in every])
    dated = [(time, name, r) for (time, name, _), r in zip(every, named, strict=True)]
    found: dict[tuple[str, Made], list[Dated]] = defaultdict(list)
    for label, parts in _by_store(dated).items():
        for part in parts.values():
            found[label, frozenset(made_with(r.environment) for _, _, r in part)] += part
    several: dict[str, int] = defaultdict(int)
    for label, _ in found:
        several[label] += 1
    return [_entry(label, runs, several[label] > 1) for (label, _), runs in found.items()]


def _by_store(dated: Iterable[Dated]) -> dict[str, dict[str, list[Dated]]]:
    """By method, with its limits, and by store."""
    groups: dict[str, dict[str, list[Dated]]] = defaultdict(lambda: defaultdict(list))
    limits: dict[str, set[str]] = defaultdict(set)
    runs = list(dated)
    for _, _, record in runs:
        limits[record.label].add(limits_of(record))
    for run in runs:
        record = run[2]
        told = f" ({limits_of(record)})" if len(limits[record.label]) > 1 else ""
        groups[record.label + told][run[1]].append(run)
    return groups


def limits_of(record: Record) -> str:
    """10 s, 500 evaluations; no limit. Memory is told by no one."""
    seconds, evaluations = (record.limits.get(name) for name in ("seconds", "evaluations"))
    said = [f"{seconds:g} s"] if seconds is not None else []
    said += [f"{evaluations:,.0f} evaluations"] if evaluations is not None else []
    return ", ".join(said) or "no limit"


def made_with(environment: Mapping[str, Any]) -> str:
    """What makes two runs of a method different entries: versions, and the processor."""
    kept = {name: value for name, value in environment.items() if name not in MACHINE}
    return msgspec.json.encode(kept, order="deterministic").decode()


def _entry(label: str, runs: Sequence[Dated], told: bool) -> Entry:
    stores = tuple(dict.fromkeys(store for _, store, _ in runs))
    name = f"{label} · {', '.join(stores)}" if told else label
    newest = {
        (r.digest, r.seed): msgspec.structs.replace(r, label=name)
        for _, _, r in sorted(runs, key=lambda run: run[0])
    }
    records = tuple(newest.values())
    times = sorted(time[:10] for time, _, _ in runs)
    return Entry(
        label=name,
        records=records,
        stores=stores,
        versions=_told(records, version_of),
        hosts=_told(records, lambda made: str(made.get("processor") or "")),
        since=times[0],
        until=times[-1],
    )


def _told(records: Iterable[Record], read: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, (read(record.environment) for record in records))))


def version_of(environment: Mapping[str, Any]) -> str:
    """0.1.0 df16882a, with + where the sources differed from the commit."""
    commit = str(environment.get("commit") or "")
    short = commit[:8] + "+" * commit.endswith("+")
    return " ".join(filter(None, (str(environment.get("toolkit") or ""), short)))
