"""Records as reports can read them: where a store may hold anything, it may hold nonsense.

Plug-ins write what a problem says of itself, hosts what they are; files are edited by hand.
"""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from toolkit.reports.record import Record, finite

ROW = 4  # numbers of an improvement
LETTERS = 200  # of what an environment tells
AMOUNTS = ("cores", "memory")  # of an environment


def sound(record: Record) -> Record:
    """The record itself; without what is of a wrong kind, where anything is."""
    kept = {
        "about": _about(record.about),
        "environment": {name: _told(name, each) for name, each in record.environment.items()},
        "limits": {name: _positive(each) for name, each in record.limits.items()},
        "trace": [row for row in record.trace if len(row) == ROW],
    }
    changed = {name: each for name, each in kept.items() if each != getattr(record, name)}
    return replace(record, **changed) if changed else record


def _about(about: Mapping[str, Any]) -> dict[str, Any]:
    terms = about.get("terms")
    told = _texts({name: text for name, text in about.items() if name != "terms"})
    return {**told, **({"terms": _texts(terms)} if isinstance(terms, dict) else {})}


def _texts(values: Mapping[str, Any]) -> dict[str, str]:
    return {name: text for name, text in values.items() if isinstance(text, str)}


def _told(name: str, value: Any) -> Any:
    number = isinstance(value, int | float)
    if number or name in AMOUNTS or value is None:
        return value if number and finite(value) is not None else None
    return str(value)[:LETTERS]


def _positive(limit: float | None) -> float | None:
    return limit if limit is None or limit > 0 else None
