"""The store: one SQLite file with a row a run, and the instances that the runs are of."""

import contextlib
import json
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from toolkit.errors import UserError
from toolkit.instances import Instance
from toolkit.reports.record import Record

SCHEMA = 2
KINDS = {"int": "INTEGER", "float": "REAL", "str": "TEXT"}
MAGIC = b"SQLite format 3\0"

# Plain fields are columns of their own type; tables, lists and None-able tables are JSON text.
FIELDS = tuple(field.name for field in msgspec.structs.fields(Record))
NESTED = {
    *("problem_params", "params", "terms", "limits", "environment"),
    *("decision", "certificate", "trace", "details", "about"),
}
# columns that older stores lack, and what their runs have there
EMPTY = {"details": "{}", "about": "{}"}


def is_store(path: Path) -> bool:
    """Whether the file begins like an SQLite database."""
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


class Store:
    """Rows are committed one by one: what was finished stays, whatever happens next."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._explained():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._base = sqlite3.connect(path, timeout=30.0)
            self._prepare()

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(sqlite3.Error):
            self._base.close()

    def add(self, record: Record, instance: Instance) -> None:
        """Keeps a run (in place of an older one of the same key) and its instance."""
        row = [_to_cell(name, getattr(record, name)) for name in FIELDS]
        marks = ",".join("?" * len(FIELDS))
        text = msgspec.json.encode(instance.as_json()).decode()
        with self._explained(), self._base:
            self._base.execute(
                "INSERT OR IGNORE INTO instances (digest, name, content) VALUES (?, ?, ?)",
                (instance.digest, instance.name, text),
            )
            self._base.execute(
                f"INSERT OR REPLACE INTO runs ({_names()}) VALUES ({marks})",
                row,
            )

    def find(self, keys: Iterable[str]) -> dict[str, Record]:
        """The runs with these keys, as far as they are there."""
        found = {}
        with self._explained():
            for key in keys:
                query = f"SELECT {_names()} FROM runs WHERE key = ?"
                row = self._base.execute(query, (key,)).fetchone()
                if row is not None:
                    found[key] = _from_row(row)
        return found

    def __iter__(self) -> Iterator[Record]:
        """All runs, oldest first."""
        with self._explained():
            for row in self._base.execute(f"SELECT {_names()} FROM runs ORDER BY created_at, key"):
                yield _from_row(row)

    def instance(self, digest: str) -> Any:
        """The content of the instance file with this digest."""
        with self._explained():
            query = "SELECT content FROM instances WHERE digest = ?"
            row = self._base.execute(query, (digest,)).fetchone()
        if row is None:
            raise UserError(f"The store {str(self.path)!r} lacks the instance {digest}.")
        return msgspec.json.decode(row[0])

    def _prepare(self) -> None:
        """Checks that the file is one of ours, and makes its tables where it is new."""
        (version,) = self._base.execute("PRAGMA user_version").fetchone()
        tables = self._base.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if version > SCHEMA or (version == 0 and tables):
            whose = "by a newer toolkit" if version > SCHEMA else "by another program"
            raise UserError(
                f"The store {str(self.path)!r} was written {whose}; name another file with --store."
            )
        self._base.execute("PRAGMA journal_mode = WAL")
        columns = ", ".join(map(_column, FIELDS))
        with self._base:
            self._base.execute(
                f"CREATE TABLE IF NOT EXISTS runs ({columns}, "
                "created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ')), "
                "PRIMARY KEY (key))"
            )
            self._base.execute(
                "CREATE TABLE IF NOT EXISTS instances "
                "(digest TEXT PRIMARY KEY, name TEXT NOT NULL, content TEXT NOT NULL)"
            )
            self._add_columns()
            self._base.execute(f"PRAGMA user_version = {SCHEMA}")

    def _add_columns(self) -> None:
        """Brings a store of an older schema up to this one."""
        known = {row[1] for row in self._base.execute("PRAGMA table_info(runs)")}
        for name in set(EMPTY) - known:
            self._base.execute(f"ALTER TABLE runs ADD COLUMN {_column(name)}")
            self._base.execute(f'UPDATE runs SET "{name}" = ?', (EMPTY[name],))

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        """Turns what SQLite and the disk complain about into one sentence."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise UserError(
                f"The store {str(self.path)!r} cannot be used ({error}); "
                "name another file with --store."
            ) from None
        except msgspec.DecodeError as error:
            raise UserError(f"The store {str(self.path)!r} is damaged ({error}).") from None


def _names() -> str:
    return ", ".join(f'"{name}"' for name in FIELDS)


def _column(name: str) -> str:
    if name in NESTED:
        return f'"{name}" TEXT'
    text = str(Record.__annotations__[name])
    kind = next((sql for python, sql in KINDS.items() if python in text), "TEXT")
    return f'"{name}" {kind}'


def _to_cell(name: str, value: Any) -> Any:
    return msgspec.json.encode(value).decode() if name in NESTED else value


def _from_row(row: tuple[Any, ...]) -> Record:
    cells = zip(FIELDS, row, strict=True)
    fields = {name: _parsed(v) if name in NESTED else v for name, v in cells}
    return msgspec.convert(fields, Record)


def _parsed(text: str) -> Any:
    """A cell of JSON; NaN and Infinity too, which are no JSON: the checker says what is wrong."""
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        with contextlib.suppress(ValueError, RecursionError):
            return json.loads(text)
        raise
