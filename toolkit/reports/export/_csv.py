"""Tables as CSV: full precision, an empty cell where there is no value."""

import csv
import io

from toolkit.reports.content import Table, Value
from toolkit.reports.export._plain import columns_of


def render(table: Table) -> bytes:
    """UTF-8, a header, a line a row; numbers as Python writes them, so that they read back."""
    columns = columns_of(table)
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow([column.heading for column in columns])
    lines.writerows(
        [_cell(column.values[row]) for column in columns] for row in range(len(table.rows))
    )
    return text.getvalue().encode(errors="replace")


def _cell(value: Value) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):  # a bare carriage return is not quoted, and would end the line
        return "\n".join(value.splitlines()) if "\r" in value else value
    return "" if value is None else repr(value) if isinstance(value, float) else str(value)
