"""A store that is written: by one command at a time, a row as soon as it is known."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from toolkit.instances import Instance
from toolkit.reports.record import Record

from . import _reference
from ._cells import FIELDS, SHARED, as_text, digest_of, to_row
from ._lock import Lock
from ._reader import NAMES, PATIENCE, Reader
from ._reference import Reference
from ._schema import SCHEMA, bring_up, is_current, version_of

MARKS = ", ".join("?" * len(FIELDS))
NOW = "strftime('%Y-%m-%dT%H:%M:%fZ')"


class Store(Reader):
    """Rows are committed one by one: what was finished stays, whatever happens next."""

    instead = "name another file with --store"

    def __init__(self, path: Path) -> None:
        self.path = path
        with contextlib.ExitStack() as stack, self.explained():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = Lock(path)
            stack.callback(self._lock.release)
            self._base = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)
            stack.callback(self._base.close)
            self._prepare()
            stack.pop_all()

    def close(self) -> None:
        super().close()
        self._lock.release()

    def add(self, record: Record, instance: Instance) -> None:
        """Keeps a run (in place of an older one of the same key) and its instance."""
        with self.writing():
            self.put_instance(instance.digest, instance.name, as_text(instance.as_json()))
            self.put_run(record)

    def refer(self, reference: Reference, instance: Instance) -> None:
        """Keeps a reference and its instance."""
        with self.writing():
            self.put_instance(instance.digest, instance.name, as_text(instance.as_json()))
            self.put_reference(reference)

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """A transaction around what `put_…` writes: all of it is kept, or nothing."""
        with self.explained():
            self._base.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._base.execute("COMMIT")
            finally:
                if self._base.in_transaction:
                    self._base.execute("ROLLBACK")

    def settle(self) -> None:
        """Moves all of it into the one file, from the log that SQLite keeps beside it."""
        with self.explained():
            self._base.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def put_instance(self, digest: str, name: str, content: str) -> None:
        self._base.execute(
            "INSERT OR IGNORE INTO instances (digest, name, content) VALUES (?, ?, ?)",
            (digest, name, content),
        )

    def put_run(self, record: Record, created_at: str | None = None) -> None:
        """A run of now, or of another time."""
        cells = to_row(record)
        place = FIELDS.index(SHARED)
        content, digest = cells[place], digest_of(cells[place])
        cells[place] = digest
        self._base.execute(
            "INSERT OR IGNORE INTO environments (digest, content) VALUES (?, ?)", (digest, content)
        )
        self._base.execute(
            f"INSERT OR REPLACE INTO runs ({NAMES}, created_at) "
            f"VALUES ({MARKS}, COALESCE(?, {NOW}))",
            [*cells, created_at],
        )

    def put_reference(self, reference: Reference) -> None:
        names = ("id", *_reference.NAMES)
        self._base.execute(
            f'INSERT OR IGNORE INTO "references" ({", ".join(names)}) '
            f"VALUES ({', '.join('?' * len(names))})",
            [reference.id, *_reference.to_cells(reference)],
        )

    def _prepare(self) -> None:
        """Checks that the file is one of ours and can be written, and brings its tables up."""
        version = version_of(self._base, self.path, self.instead)
        self._base.execute("PRAGMA journal_mode = WAL")
        with self.writing():
            if not is_current(self._base, version):
                bring_up(self._base, version)
            self._base.execute(f"PRAGMA user_version = {SCHEMA}")  # a disk that refuses tells now
