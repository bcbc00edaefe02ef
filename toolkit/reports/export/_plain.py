"""A table as columns of plain values: intervals in columns of their own, units in the names."""

from dataclasses import dataclass

from toolkit.reports.content import Cell, Column, Table, Value


@dataclass(frozen=True)
class Plain:
    """A column under its heading; the values as the table has them, not as people read them."""

    heading: str
    values: list[Value]

    @property
    def kind(self) -> type:
        """bool, int, float or str: what all values are that are there."""
        found = {type(value) for value in self.values} - {type(None)}
        if found == {int, float}:
            return float
        return found.pop() if len(found) == 1 else str


def columns_of(table: Table) -> list[Plain]:
    """The columns; of those with intervals three: value, low, high. Headings are unique."""
    found: list[Plain] = []
    for place, column in enumerate(table.columns):
        found += _of_column(column, [row[place] for row in table.rows])
    return _unique(found)


def _of_column(column: Column, cells: list[Cell]) -> list[Plain]:
    unit = f" ({column.unit})" if column.unit else ""
    name = column.name or "name"
    found = [Plain(name + unit, [cell.value for cell in cells])]
    if any(cell.low is not None or cell.high is not None for cell in cells):
        found.append(Plain(f"{name} low{unit}", [cell.low for cell in cells]))
        found.append(Plain(f"{name} high{unit}", [cell.high for cell in cells]))
    return found


def _unique(columns: list[Plain]) -> list[Plain]:
    found: dict[str, Plain] = {}
    for column in columns:
        heading, number = column.heading, 2
        while heading in found:
            heading, number = f"{column.heading} {number}", number + 1
        found[heading] = Plain(heading, column.values)
    return list(found.values())
