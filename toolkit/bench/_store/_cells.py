"""A record as a row of the table `runs`, and back."""

import contextlib
import hashlib
import json
from typing import Any

import msgspec

from toolkit.reports.record import Record

KINDS = {"int": "INTEGER", "float": "REAL", "str": "TEXT"}

# Plain fields are columns of their own type; tables and lists are JSON text.
_SPECS = {field.name: field for field in msgspec.structs.fields(Record)}
FIELDS = tuple(_SPECS)
NESTED = {name for name, spec in _SPECS.items() if str(spec.type).startswith(("dict", "list"))}
SHARED = "environment"  # by its digest: it is a table of its own


def column(name: str) -> str:
    """A field's column in SQL; a row that was written without it has the field's default."""
    return f'"{name}" {_kind(name)} DEFAULT {_literal(name)}'


def to_row(record: Record) -> list[Any]:
    """The cells of a record in the order of FIELDS, the environment in place of its digest."""
    return [_to_cell(name, getattr(record, name)) for name in FIELDS]


def from_row(row: tuple[Any, ...]) -> Record:
    """The record of such cells; msgspec.DecodeError where they are damaged."""
    cells = zip(FIELDS, row, strict=True)
    fields = {name: parsed(v) if name in NESTED else v for name, v in cells}
    return msgspec.convert(fields, Record)


def canonical(value: Any) -> str:
    """JSON text that is the same for equal values."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def digest_of(text: str) -> str:
    """SHA-256, 16 digits, as an instance's."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def as_text(value: Any) -> str:
    """JSON text; also of strings with half a character, which UTF-8 has no bytes for."""
    try:
        return msgspec.json.encode(value).decode()
    except UnicodeEncodeError:
        return json.dumps(value)


def parsed(text: str) -> Any:
    """A cell of JSON; NaN and Infinity too, which are no JSON: the checker says what is wrong."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        with contextlib.suppress(ValueError, RecursionError):
            return json.loads(text)
        raise


def _to_cell(name: str, value: Any) -> Any:
    if name == SHARED:
        return canonical(value)
    if name in NESTED:
        return as_text(value)
    return value.encode(errors="replace").decode() if isinstance(value, str) else value


def _kind(name: str) -> str:
    if name in NESTED:
        return "TEXT"
    text = str(_SPECS[name].type)
    return next((sql for python, sql in KINDS.items() if python in text), "TEXT")


def _literal(name: str) -> str:
    """The field's default as SQL has it; NULL where it has none."""
    spec = _SPECS[name]
    if spec.default_factory is not msgspec.NODEFAULT:
        return f"'{as_text(spec.default_factory())}'"
    if spec.default is msgspec.NODEFAULT:
        return "NULL"
    cell = _to_cell(name, spec.default)
    if cell is None:
        return "NULL"
    return f"'{cell}'" if isinstance(cell, str) else repr(cell)
