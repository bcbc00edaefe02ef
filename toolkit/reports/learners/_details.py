"""The details of records as reports read them: what is of a wrong type is left out.

Plug-ins write details too, and stores keep whatever was written.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from toolkit.reports.record import Record, finite


class Final(NamedTuple):
    """What the policy left at the end of a run is worth; where feasible, it has an objective."""

    feasible: bool
    objective: float | None


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _amount(value: Any) -> bool:
    return _number(value) and finite(value) is not None and value >= 0


def _size(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _flag(value: Any) -> bool:
    return isinstance(value, bool)


def _text(value: Any) -> bool:
    return isinstance(value, str)


SOUND = {
    "training_seconds": _amount,
    "training_steps": _amount,
    "batch": _size,
    "batch_seconds": _amount,
    "explored": _amount,
    "explored_feasible": _amount,
    "first_feasible": _flag,
    "choice": _text,
    "uniform": _flag,
}


def value(record: Record, key: str) -> Any:
    """What a record's details have under a key of SOUND; None where that is nothing sound."""
    found = record.details.get(key)
    return found if SOUND[key](found) else None


def values(records: Iterable[Record], key: str) -> list[Any]:
    """The sound values of a key, records without one left out."""
    return [found for record in records if (found := value(record, key)) is not None]


def both(records: Iterable[Record], first: str, second: str) -> list[tuple[Any, Any]]:
    """The values of two keys, of the records that have both."""
    found = [(value(record, first), value(record, second)) for record in records]
    return [pair for pair in found if None not in pair]


def final(record: Record) -> Final | None:
    """The policy left at the end, where the record tells of one."""
    end = record.details.get("final")
    if not isinstance(end, dict) or not _flag(end.get("feasible")):
        return None
    objective = end.get("objective")
    known = finite(objective) if _number(objective) else None
    if known is None and end["feasible"]:
        return None
    return Final(end["feasible"], known)


def curve(record: Record) -> dict[str, list[float | None]]:
    """The training curve by name: lines of numbers, None where stores had to drop a NaN."""
    lines = record.details.get("curve")
    if not isinstance(lines, dict):
        return {}
    return {name: line for name, line in lines.items() if _line(line)}


def _line(line: Any) -> bool:
    return isinstance(line, list) and all(value is None or _number(value) for value in line)
