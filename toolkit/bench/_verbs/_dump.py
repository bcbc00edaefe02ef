"""The verb `dump`: the runs of a store as a table for other programs."""

import csv
import importlib.util
import os
import sys
from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import chain, islice
from pathlib import Path
from typing import IO, Any

import msgspec

from toolkit.bench._command._flags import RUN_FORMATS
from toolkit.bench._store import Reader, is_store
from toolkit.bench._store._cells import as_text, canonical, digest_of
from toolkit.errors import UserError
from toolkit.reports.record import Record

INT, FLOAT, TEXT, JSON = "int64", "float64", "string", "json"
Column = tuple[str, str]  # its name, and of what kind it is
Row = dict[str, Any]

LIMITS: tuple[Column, ...] = (("seconds", FLOAT), ("evaluations", INT), ("memory", INT))
MACHINE: tuple[Column, ...] = (
    *((name, TEXT) for name in ("toolkit", "commit", "python", "platform", "processor")),
    *(("cores", INT), ("memory", INT), ("blas", TEXT), ("threads", INT), ("jobs", INT)),
)
LARGE = ("decision", "certificate", "trace", "log")  # with --full
ROW_GROUP = 5_000  # rows that are in memory at once, as Parquet


def _kind(annotation: Any) -> str:
    text = str(annotation)
    if text.startswith(("dict", "list")):
        return JSON
    return next((kind for word, kind in (("int", INT), ("float", FLOAT)) if word in text), TEXT)


def _columns() -> tuple[Column, ...]:
    """The record's fields in their order; its limits and its environment are columns of theirs."""
    found: list[Column] = []
    for field in msgspec.structs.fields(Record):
        if field.name == "limits":
            found += [(f"limit_{name}", kind) for name, kind in LIMITS]
        elif field.name == "environment":
            found += [("environment", TEXT), *((_of_host(name), kind) for name, kind in MACHINE)]
            found.append(("packages", JSON))
        else:
            found.append((field.name, _kind(field.type)))
    return (*found, ("created_at", TEXT))


def _of_host(name: str) -> str:
    """Memory is a limit's, too."""
    return f"host_{name}" if name == "memory" else name


COLUMNS = _columns()


def dump(args: Namespace) -> int:
    """Writes the runs of a store, oldest first, to a file or to standard output."""
    out = Path(args.out) if args.out else None
    write = WRITERS[_format(args.format, out)]
    columns = tuple(c for c in COLUMNS if args.full or c[0] not in LARGE)
    with Reader(Path(args.store)) as store:
        rows = (row_of(record, created) for created, record in store.dated())
        if out is None:
            write(rows, columns, sys.stdout.buffer)
            return 0
        _to_file(out, lambda file: write(rows, columns, file))
        print(f"{out}: {len(store)} runs")
    return 0


def row_of(record: Record, created_at: str) -> Row:
    """Every column of COLUMNS, by name; tables and lists as they are."""
    made = dict(record.environment)
    row: Row = {name: getattr(record, name) for name in record.__struct_fields__}
    row["environment"] = digest_of(canonical(made))
    row |= {f"limit_{name}": record.limits.get(name) for name, _ in LIMITS}
    row |= {_of_host(name): made.pop(name, None) for name, _ in MACHINE}
    return {**row, "packages": made, "created_at": created_at}


def _format(asked: str | None, out: Path | None) -> str:
    """The format that was named, or the one of the file's ending; CSV."""
    found = asked or (out.suffix[1:] if out and out.suffix[1:] in RUN_FORMATS else "csv")
    if found == "parquet" and out is None:
        raise UserError("Parquet is no text for a terminal; name a file with --out.")
    if found == "parquet" and importlib.util.find_spec("pyarrow") is None:
        raise UserError(
            "Parquet needs the package 'pyarrow', which is not installed: pip install pyarrow, or "
            "take --format csv."
        )
    return found


def _to_file(out: Path, write: Callable[[IO[bytes]], None]) -> None:
    """The whole file, or none: what was there stays until the new one is complete."""
    if is_store(out) or (out.exists() and not out.is_file()):
        what = "a store" if is_store(out) else "no file"
        raise UserError(f"{str(out)!r} is {what}, and cannot be replaced; name another with --out.")
    scratch = out.with_name(out.name + ".part")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with scratch.open("wb") as file:
            write(file)
        os.replace(scratch, out)
    except OSError as error:
        raise UserError(
            f"Cannot write to --out {str(out)!r} ({error.strerror or error}); free some space or "
            "name another file."
        ) from None
    finally:
        with suppress(OSError):
            scratch.unlink(missing_ok=True)


def _flat(rows: Iterable[Row], columns: tuple[Column, ...]) -> Iterator[list[Any]]:
    """The cells of each row; JSON as text."""
    for row in rows:
        cells = [(row[name], kind) for name, kind in columns]
        yield [as_text(v) if kind == JSON and v is not None else v for v, kind in cells]


def _csv(rows: Iterable[Row], columns: tuple[Column, ...], file: IO[bytes]) -> None:
    lines = csv.writer(_Encoded(file), lineterminator="\n")
    lines.writerow([name for name, _ in columns])
    lines.writerows(_flat(rows, columns))


class _Encoded:
    """Text as UTF-8, without a buffer of its own that would have to be closed."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def write(self, text: str) -> int:
        return self._file.write(text.encode(errors="replace"))


def _jsonl(rows: Iterable[Row], columns: tuple[Column, ...], file: IO[bytes]) -> None:
    for row in rows:
        file.write(as_text({name: row[name] for name, _ in columns}).encode() + b"\n")


def _parquet(rows: Iterable[Row], columns: tuple[Column, ...], file: IO[bytes]) -> None:
    import pyarrow
    from pyarrow import parquet

    kinds = [(name, TEXT if kind == JSON else kind) for name, kind in columns]
    schema = pyarrow.schema([(name, pyarrow.type_for_alias(kind)) for name, kind in kinds])
    flat = _flat(rows, columns)
    with parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        for first in flat:
            part = zip(*chain([first], islice(flat, ROW_GROUP - 1)), strict=True)
            arrays = [pyarrow.array(c, f.type) for c, f in zip(part, schema, strict=True)]
            writer.write_table(pyarrow.table(arrays, schema=schema))


WRITERS = {"csv": _csv, "jsonl": _jsonl, "parquet": _parquet}
