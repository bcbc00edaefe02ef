"""Which instances belong to which suite, by their digests."""

from collections.abc import Iterable

from toolkit.errors import UserError
from toolkit.reports.record import Record

from ._files import Suite, names


def suites_of(records: Iterable[Record]) -> dict[str, frozenset[str]]:
    """{suite: digests of all its instances}, of the toolkit's suites that runs are on."""
    ran: dict[str, set[str]] = {}
    for record in records:
        ran.setdefault(record.problem, set()).add(record.digest)
    found = {name: digests_of(name) for name in names() if name.partition("/")[0] in ran}
    return {
        name: digests for name, digests in found.items() if digests & ran[name.partition("/")[0]]
    }


def digests_of(name: str) -> frozenset[str]:
    """Of all instances of a suite; of none where it is not frozen yet."""
    try:
        return frozenset(row.digest for row in Suite.read(name).rows)
    except UserError:
        return frozenset()
