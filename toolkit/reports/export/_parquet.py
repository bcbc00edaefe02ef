"""Tables as Parquet: typed columns; title and notes are in the file's metadata."""

import importlib.util
import io
import json

from toolkit.errors import UserError
from toolkit.reports.content import Table, Value
from toolkit.reports.export._plain import Plain, columns_of

TYPES = {bool: "bool", int: "int64", float: "float64", str: "string"}
LARGEST = 2**63


def ensure_available() -> None:
    """UserError where pyarrow is not installed."""
    if importlib.util.find_spec("pyarrow") is None:
        raise UserError(
            "Parquet needs the package 'pyarrow', which is not installed: pip install pyarrow, or "
            "take --format csv."
        )


def render(table: Table) -> bytes:
    import pyarrow
    from pyarrow import parquet

    columns = columns_of(table)
    told = {"title": table.title, "notes": json.dumps(table.notes)}
    fields = [(c.heading, pyarrow.type_for_alias(_type(c))) for c in columns]
    schema = pyarrow.schema(fields, metadata=told)
    arrays = [
        pyarrow.array([_cell(value, c) for value in c.values], field.type)
        for c, field in zip(columns, schema, strict=True)
    ]
    file = io.BytesIO()
    parquet.write_table(pyarrow.table(arrays, schema=schema), file, compression="zstd")
    return file.getvalue()


def _type(column: Plain) -> str:
    large = column.kind is int and any(abs(v or 0) >= LARGEST for v in _ints(column))
    return "string" if large else TYPES[column.kind]


def _ints(column: Plain) -> list[int]:
    return [value for value in column.values if isinstance(value, int)]


def _cell(value: Value, column: Plain) -> Value:
    if value is None:
        return None
    if _type(column) == "string":
        return str(value).encode(errors="replace").decode()
    return float(value) if column.kind is float else value
