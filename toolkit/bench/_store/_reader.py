"""A store that is only read: while a run goes on, from a read-only disk, of an older schema."""

import contextlib
import json
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from toolkit.errors import UserError
from toolkit.reports.record import Record

from . import _reference
from ._cells import FIELDS, SHARED, from_row, parsed
from ._reference import Reference
from ._schema import bring_up, is_current, version_of

MAGIC = b"SQLite format 3\0"
PATIENCE = 30.0  # seconds that SQLite waits for another process
NAMES = ", ".join(f'"{name}"' for name in FIELDS)
CELLS = ", ".join(
    "COALESCE(environments.content, '{}')" if name == SHARED else f'runs."{name}"'
    for name in FIELDS
)
SELECT = f"SELECT {CELLS} FROM runs LEFT JOIN environments ON environments.digest = environment"
ROWS = f"SELECT created_at, {CELLS} {SELECT.partition(CELLS)[2]} ORDER BY created_at, runs.key"


def is_store(path: Path) -> bool:
    """Whether the file begins like an SQLite database."""
    if not path.is_file():  # a pipe would be waited for
        return False
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


class Reader:
    """The runs of a file, which is left as it is: one of an older schema is copied first."""

    instead = "name another file"  # what to do where it cannot be used

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.exists():
            raise UserError(f"There is no store {str(path)!r}; name one with runs.")
        if not is_store(path):
            raise UserError(f"{str(path)!r} is no store; name a file that a run has written.")
        with self.explained():
            self._base = _open(path)
            version = version_of(self._base, path, self.instead)
            if not is_current(self._base, version):
                self._base = _copy(self._base, version)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: object, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        with contextlib.suppress(sqlite3.Error):
            self._base.close()

    def find(self, keys: Iterable[str]) -> dict[str, Record]:
        """The runs with these keys, as far as they are there."""
        found = {}
        with self.explained():
            for key in keys:
                row = self._base.execute(f"{SELECT} WHERE runs.key = ?", (key,)).fetchone()
                if row is not None:
                    found[key] = from_row(row)
        return found

    def __len__(self) -> int:
        with self.explained():
            return int(self._base.execute("SELECT count(*) FROM runs").fetchone()[0])

    def __iter__(self) -> Iterator[Record]:
        """All runs, oldest first."""
        return (record for _, record in self.dated())

    def dated(self) -> Iterator[tuple[str, Record]]:
        """The same, each with the time when it was kept: ISO 8601, UTC."""
        with self.explained():
            for created_at, *row in self._base.execute(ROWS):
                yield created_at, from_row(tuple(row))

    def state(self) -> tuple[int, str, int]:
        """What tells whether runs or references have come or been replaced."""
        with self.explained():
            query = "SELECT count(*), coalesce(max(created_at), '') FROM runs"
            runs, last = self._base.execute(query).fetchone()
            (known,) = self._base.execute('SELECT count(*) FROM "references"').fetchone()
            return int(runs), str(last), int(known)

    def created(self, key: str) -> str:
        """The time when a run was kept."""
        with self.explained():
            query = "SELECT created_at FROM runs WHERE key = ?"
            return str(self._base.execute(query, (key,)).fetchone()[0])

    def instance(self, digest: str) -> Any:
        """The content of the instance file with this digest."""
        with self.explained():
            query = "SELECT content FROM instances WHERE digest = ?"
            row = self._base.execute(query, (digest,)).fetchone()
            if row is None:
                raise UserError(f"The store {str(self.path)!r} lacks the instance {digest}.")
            return parsed(row[0])

    def instances(self) -> Iterator[tuple[str, str, str]]:
        """Digest, name and content, as text, of every instance."""
        with self.explained():
            yield from self._base.execute("SELECT digest, name, content FROM instances")

    def references(self) -> Iterator[Reference]:
        """All of them, the superseded ones too, instance by instance, oldest first."""
        names = ", ".join(_reference.NAMES)
        with self.explained():
            query = f'SELECT {names} FROM "references" ORDER BY digest, date, rowid'
            for row in self._base.execute(query):
                yield _reference.from_cells(row)

    def reference(self, digest: str) -> Reference | None:
        """The one in force of an instance: the last that no other supersedes."""
        known = [each for each in self.references() if each.digest == digest]
        superseded = {each.supersedes for each in known}
        return next((each for each in reversed(known) if each.id not in superseded), None)

    @contextlib.contextmanager
    def explained(self) -> Iterator[None]:
        """Turns what SQLite and the disk complain about into one sentence."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise UserError(
                f"The store {str(self.path)!r} cannot be used ({error}); {self.instead}."
            ) from None
        except (msgspec.DecodeError, json.JSONDecodeError, RecursionError) as error:
            raise UserError(f"The store {str(self.path)!r} is damaged ({error}).") from None


def _open(path: Path) -> sqlite3.Connection:
    """For reading alone. SQLite puts files of its own beside the store, and clears them away; where
    it can put none and none is there, the store is taken as it stands."""
    real = path.resolve()
    base = _connect(f"{real.as_uri()}?mode=rw")
    try:
        base.execute("SELECT count(*) FROM sqlite_master")
    except sqlite3.OperationalError as error:
        base.close()
        if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
            raise  # somebody writes, and what they write must not be read half
        log = real.with_name(f"{real.name}-wal")
        if log.exists() and log.stat().st_size:
            raise  # the last runs are there, and must not be missed
        base = _connect(f"{real.as_uri()}?mode=ro&immutable=1")
    base.execute("PRAGMA query_only = ON")
    return base


def _connect(address: str) -> sqlite3.Connection:
    return sqlite3.connect(address, uri=True, timeout=PATIENCE, isolation_level=None)


def _copy(base: sqlite3.Connection, version: int) -> sqlite3.Connection:
    """A temporary database with the same runs, and the tables of today."""
    copy = sqlite3.connect("", isolation_level=None)
    base.backup(copy)
    base.close()
    bring_up(copy, version)
    return copy
