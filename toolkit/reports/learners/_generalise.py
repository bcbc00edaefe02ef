"""How a policy that is trained once does on several numbers of users."""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from toolkit.reports._bootstrap import median_of
from toolkit.reports.compare import Comparison, Row
from toolkit.reports.record import Record

USERS = re.compile(r"\bn_users=(\d+)")


@dataclass(frozen=True)
class Size:
    """A policy on the instances of one size: the median gap to the best known of its feasible
    runs with its interval, None where no run is feasible."""

    users: int
    runs: int
    feasible: int
    gap: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Policy:
    """A policy on every size that it met, smallest first; `trained` where its runs tell that."""

    label: str
    trained: int | None
    sizes: tuple[Size, ...]


def policies(comparisons: Iterable[Comparison]) -> list[Policy]:
    """Those that met several numbers of users with the same weights."""
    met: dict[str, dict[int, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for comparison in comparisons:
        for row in comparison.ran:
            if _is_one(row.record):
                met[row.record.label][comparison.n_users].append(row)
    return [
        Policy(label, _trained(sizes), tuple(_size(n, rows) for n, rows in sorted(sizes.items())))
        for label, sizes in met.items()
        if len(sizes) > 1
    ]


def _is_one(record: Record) -> bool:
    """Whether the weights are of a file, or trained on a size of their own: others are trained
    anew for each."""
    return bool(record.params.get("checkpoint")) or _users(record) is not None


def _users(record: Record) -> int | None:
    found = USERS.search(str(record.params.get("on", "")))
    return int(found[1]) if found else None


def _trained(sizes: dict[int, list[Row]]) -> int | None:
    return _users(next(iter(sizes.values()))[0].record)


def _size(users: int, rows: list[Row]) -> Size:
    gaps = {(r.record.digest, r.record.seed): r.gap_to_best for r in rows}
    known = {place: gap for place, gap in gaps.items() if gap is not None}
    value, low, high = median_of(known) if known else (None, None, None)
    return Size(users, len(rows), sum(r.record.feasible for r in rows), value, low, high)
