"""The tables of a store, and how those of older toolkits become them."""

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

from toolkit.errors import UserError

from ._cells import FIELDS, canonical, column, digest_of

SCHEMA = 3
OURS = {"runs", "instances"}  # the tables of every schema

RUNS = (
    f"CREATE TABLE runs ({', '.join(map(column, FIELDS))}, "
    "created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ')), PRIMARY KEY (key))"
)
INSTANCES = (
    "CREATE TABLE instances (digest TEXT PRIMARY KEY, name TEXT NOT NULL, content TEXT NOT NULL)"
)
# What queries ask for is read from the content, which is all that there is to keep.
READ = ("processor", "cores", "memory", "platform", "python", "toolkit", "commit", "threads")
ENVIRONMENTS = (
    "CREATE TABLE environments (digest TEXT PRIMARY KEY, content TEXT NOT NULL, "
    + ", ".join(f"\"{name}\" AS (json_extract(content, '$.{name}'))" for name in READ)
    + ")"
)
REFERENCES = (
    'CREATE TABLE "references" (id TEXT PRIMARY KEY, digest TEXT NOT NULL, lower REAL, upper REAL, '
    "kind TEXT NOT NULL, method TEXT NOT NULL, solution TEXT NOT NULL, certificate TEXT NOT NULL, "
    "date TEXT NOT NULL, audited_by TEXT NOT NULL, supersedes TEXT NOT NULL)"
)


def version_of(base: sqlite3.Connection, path: Path, instead: str) -> int:
    """The schema of a database, 0 of an empty one; UserError, which says what to do `instead`,
    where it is none of ours."""
    (version,) = base.execute("PRAGMA user_version").fetchone()
    tables = {name for (name,) in base.execute("SELECT name FROM sqlite_master")}
    foreign = version < 0 or (not tables >= OURS if version else bool(tables))
    if version > SCHEMA or foreign:
        whose = "by a newer toolkit" if version > SCHEMA else "by another program"
        raise UserError(f"The store {str(path)!r} was written {whose}; {instead}.")
    return int(version)


def is_current(base: sqlite3.Connection, version: int) -> bool:
    """Whether its tables are as this toolkit writes them."""
    return version == SCHEMA and not _lacking(base)


def bring_up(base: sqlite3.Connection, version: int) -> None:
    """Makes the tables, or makes those of an older schema today's, inside a transaction."""
    for number in range(version, SCHEMA):
        if number in STEPS:
            STEPS[number](base)
    for name in _lacking(base):
        base.execute(f"ALTER TABLE runs ADD COLUMN {column(name)}")


def _lacking(base: sqlite3.Connection) -> list[str]:
    known = {row[1] for row in base.execute("PRAGMA table_info(runs)")}
    return [name for name in FIELDS if name not in known]


def _create(base: sqlite3.Connection) -> None:
    """The two tables that every schema has."""
    base.execute(RUNS)
    base.execute(INSTANCES)


def _share_environments(base: sqlite3.Connection) -> None:
    """Schema 3 keeps every environment once; there are references."""
    base.execute(ENVIRONMENTS)
    base.execute(REFERENCES)
    for (text,) in base.execute("SELECT DISTINCT environment FROM runs").fetchall():
        content = canonical(json.loads(text))
        digest = digest_of(content)
        base.execute(
            "INSERT OR IGNORE INTO environments (digest, content) VALUES (?, ?)", (digest, content)
        )
        base.execute("UPDATE runs SET environment = ? WHERE environment = ?", (digest, text))


# STEPS[n] leads from schema n to the next; from 1 to 2 no more than a column came.
STEPS: dict[int, Callable[[sqlite3.Connection], None]] = {0: _create, 2: _share_environments}
