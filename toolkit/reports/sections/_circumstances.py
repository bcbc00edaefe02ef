"""What runs were made with and under, as tables: hosts, versions, limits, generator fields."""

import hashlib
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from toolkit.reports.content import Cell, Column, Table, count, number, words
from toolkit.reports.frame import Group, Report, limit
from toolkit.reports.record import Record
from toolkit.reports.sections._apart import fields, text

HOST = ("processor", "cores", "memory", "platform")
FIRST = ("toolkit", "commit", "python", "blas", "numpy", "scipy", "numba")
ASIDE = (*HOST, "threads", "jobs")  # in tables of their own
SEVERAL = 12  # values of a generator's field that are listed


def host_table(records: Sequence[Record]) -> Table:
    """A row a machine: how fast it was by the reference workload, and how busy."""
    hosts: dict[tuple[Any, ...], list[Record]] = defaultdict(list)
    for record in records:
        hosts[tuple(record.environment.get(name) for name in HOST)].append(record)
    return Table(
        name="hosts",
        title="Machines",
        columns=[
            Column(name="processor", text=True),
            Column(name="cores", note="that the runs could use"),
            Column(name="memory", unit="GiB"),
            Column(name="system", text=True),
            Column(name="runs"),
            Column(name="reference workload", unit="ms", note="median, and the extremes"),
            Column(name="load", note="load average over a minute as runs began: median, and most"),
        ],
        rows=[_host(host, found) for host, found in hosts.items()],
        notes=["The reference workload takes as long on an equal, idle machine: slower is busier."],
    )


def _host(host: tuple[Any, ...], records: list[Record]) -> list[Cell]:
    processor, cores, memory, platform = host
    load = [record.load for record in records if record.load is not None]
    return [
        words(str(processor or "not told")),
        number(cores),
        number(memory and memory / 2**30, 3),
        words(str(platform or "not told")),
        count(len(records)),
        _spread([1e3 * r.yardstick for r in records if r.yardstick]),
        _spread(load, least=False),
    ]


def _spread(values: list[float], least: bool = True) -> Cell:
    """31 (28 to 35); a dash where no run tells."""
    if not values:
        return words("-")
    middle, low, high = statistics.median(values), min(values), max(values)
    ends = f"{low:.3g} to {high:.3g}" if least else f"at most {high:.3g}"
    return Cell(value=middle, text=f"{middle:.3g} ({ends})", low=low, high=high)


def version_table(records: Sequence[Record]) -> Table:
    """Every version that occurs, and in how many runs."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for record in records:
        for name, value in record.environment.items():
            if name not in ASIDE:
                found[name][_version(value)] += 1
    order = [*(name for name in FIRST if name in found), *sorted(found.keys() - set(FIRST))]
    return Table(
        name="versions",
        title="Versions",
        columns=[
            Column(name="of", text=True),
            Column(name="version", text=True),
            Column(name="runs", note="that tell it: solvers' packages are told by their own runs"),
        ],
        rows=[
            [words(name), words(value), count(runs)]
            for name in order
            for value, runs in found[name].most_common()
        ],
        notes=["A commit with + had changes that were not committed."] if "commit" in order else [],
    )


def _version(value: object) -> str:
    return "not installed" if value is None else str(value)


def limit_table(groups: Iterable[Group]) -> Table:
    """Under what runs of each problem were made."""
    found = Counter(
        (group.title, limit(r.limits), _told(r, "threads"), _told(r, "jobs"))
        for group in groups
        for r in group.ran
    )
    return Table(
        name="limits",
        title="Limits, threads, concurrency",
        columns=[
            Column(name="runs of", text=True),
            Column(name="limits of a run", text=True),
            Column(name="threads a run", text=True),
            Column(name="runs at once", text=True),
            Column(name="runs"),
        ],
        rows=[[*map(words, place), count(runs)] for place, runs in found.items()],
    )


def _told(record: Record, name: str) -> str:
    value = record.environment.get(name)
    return "not told" if value is None else str(value)


def suite_table(report: Report) -> list[Table]:
    """The frozen suites that instances are of; nothing where they are of none."""
    ran = {record.digest for record in report.records}
    if not report.suites:
        return []
    return [
        Table(
            name="suites",
            title="Suites",
            columns=[
                Column(name="suite", text=True),
                Column(name="instances here", note="of all that the suite has"),
                Column(name="digest", text=True, note="of the suite"),
            ],
            rows=[
                [words(name), _here(len(ran & digests), len(digests)), words(digest_of(digests))]
                for name, digests in report.suites.items()
            ],
            notes=[
                "Digest: the first 16 digits of the SHA-256 of the digests of its instances, "
                "sorted, a line each."
            ],
        )
    ]


def _here(ran: int, every: int) -> Cell:
    return count(ran, every, "good" if ran == every else "")


def digest_of(digests: Iterable[str]) -> str:
    """The name of a set of instances, whatever their order."""
    return hashlib.sha256("\n".join(sorted(digests)).encode()).hexdigest()[:16]


def field_table(groups: Iterable[Group]) -> Table:
    """The generator's fields; those that vary within a group with how many values."""
    rows = [
        [words(group.title), words(name), *_values(values)]
        for group in groups
        for name, values in _fields(group).items()
    ]
    return Table(
        name="fields",
        title="Fields of the generators",
        columns=[
            Column(name="instances of", text=True),
            Column(name="field", text=True),
            Column(name="value", text=True),
            Column(name="different values"),
        ],
        rows=rows,
    )


def _fields(group: Group) -> dict[str, list[str]]:
    """Every value of every field, each once."""
    found: dict[str, dict[str, Any]] = defaultdict(dict)
    for comparison in group.comparisons:
        for name, value in fields(comparison).items():
            found[name][text(value)] = value
    return {name: sorted(values, key=_by_size(values)) for name, values in found.items()}


def _by_size(values: dict[str, Any]) -> Any:
    """Numbers by their size, all else as it came."""
    if all(isinstance(value, int | float) for value in values.values()):
        return lambda text: values[text]
    return lambda text: 0


def _values(values: list[str]) -> list[Cell]:
    shown = ", ".join(values[:SEVERAL]) + ", …" * (len(values) > SEVERAL)
    return [words(shown, "warn" if len(values) > 1 else ""), count(len(values))]
