"""What the numbers were made with, and which runs have none: refused, failed, replaced."""

from collections import Counter
from collections.abc import Callable, Iterable

from toolkit.reports.compare import workload
from toolkit.reports.content import Column, Section, Table, count, words
from toolkit.reports.frame import Group, Report
from toolkit.reports.record import Record
from toolkit.reports.sections._circumstances import (
    field_table,
    host_table,
    limit_table,
    suite_table,
    version_table,
)

ORDER = 90
LONGEST = 300  # characters of a message
Place = tuple[str, ...]


def of_report(report: Report) -> Section | None:
    """None where there are no runs."""
    if not report.records:
        return None
    ran = [record for group in report.groups for record in group.ran]
    return Section(
        name="made-with",
        title="What it was made with",
        says=_says(report, ran),
        tables=[
            *_failures(report.groups),
            *_refusals(report.groups),
            _ends(report.groups),
            limit_table(report.groups),
            *([host_table(ran), version_table(ran)] if ran else []),
            *suite_table(report),
            *_files(report.groups),
            field_table(report.groups),
        ],
    )


def _says(report: Report, ran: list[Record]) -> list[str]:
    refused, failed = len(report.records) - len(ran), sum(record.failed for record in ran)
    gone = [f"{failed:,} of them failed"] * bool(failed) + [f"{refused:,} more were refused"] * (
        refused > 0
    )
    said = [f"{'; '.join([_many(len(ran), 'run'), *gone])}."]
    if timed := workload(ran):
        said.append(f"The reference workload took {timed}: how fast the machines were, and steady.")
    if report.older:
        said.append(
            f"{_many(report.older, 'older run')} left out: newer ones of the same method, "
            "instance, seed and limits replace them."
        )
    if dirty := len({c for r in ran if (c := str(r.environment.get("commit"))).endswith("+")}):
        said.append(
            f"Sources that were not committed were at work: {_many(dirty, 'commit')} with +."
        )
    return said


def _many(amount: int, noun: str) -> str:
    return f"{amount:,} {noun}{'s' * (amount != 1)}"


def _failures(groups: Iterable[Group]) -> list[Table]:
    """The runs that broke off, by how and with what message; nothing where none did."""
    heads = ["method", "runs of", "status", "stop", "signal", "message"]
    return _counted(
        "failures",
        "Failed runs",
        heads,
        groups,
        lambda group, r: (r.label, group.title, r.status, r.stop, r.signal or "-", _short(r)),
        lambda record: record.failed,
        bad=True,
    )


def _refusals(groups: Iterable[Group]) -> list[Table]:
    """What was refused, and why."""
    heads = ["method", "instances of", "why"]
    return _counted(
        "refused",
        "Not run",
        heads,
        groups,
        lambda group, r: (r.label, group.title, _short(r)),
        lambda record: record.refused,
    )


def _ends(groups: Iterable[Group]) -> Table:
    (table,) = _counted(
        "ends",
        "How runs ended",
        ["runs of", "status", "stop"],
        groups,
        lambda group, r: (group.title, r.status, r.stop),
        lambda record: True,
    )
    return table


def _counted(
    name: str,
    title: str,
    heads: list[str],
    groups: Iterable[Group],
    place: Callable[[Group, Record], Place],
    meant: Callable[[Record], bool],
    bad: bool = False,
) -> list[Table]:
    """How many runs there are of each kind, the most frequent first; nothing where none is."""
    found = Counter(place(group, r) for group in groups for r in group.records if meant(r))
    if not found:
        return []
    columns = [*(Column(name=head, text=True) for head in heads), Column(name="runs")]
    rows = [
        [*map(words, kind), count(runs, mark="bad" if bad else "")]
        for kind, runs in found.most_common()
    ]
    return [Table(name=name, title=title, columns=columns, rows=rows)]


def _short(record: Record) -> str:
    """A message on one line, as far as a table has room."""
    text = " ".join(record.message.split()) or "-"
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _files(groups: Iterable[Group]) -> list[Table]:
    """The full names of policies whose tables have short ones."""
    found = {short: full for group in groups for short, full in group.files.items()}
    if not found:
        return []
    columns = [Column(name="policy", text=True), Column(name="file", text=True)]
    rows = [[words(short), words(full)] for short, full in found.items()]
    return [Table(name="policies", title="Policies and their files", columns=columns, rows=rows)]
