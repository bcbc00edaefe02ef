"""Published data as instances: `--data FILE --rows A:B`."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from toolkit.errors import UserError
from toolkit.instances import Instance, read_arrays
from toolkit.problems import HasPublished, Problem, Published


def published(problem: Problem, file: str, fields: Mapping[str, Any]) -> Published:
    """The rows of a file; UserError where the problem cannot read it, or it says otherwise.

    `fields` are the generator's fields that were asked for: the file must leave them as they are.
    """
    if not isinstance(problem, HasPublished):
        raise UserError(f"{problem.name!r} knows no published data; leave out --data.")
    try:
        found = problem.published(read_arrays(Path(file)))
    except UserError as error:
        raise UserError(f"--data {file!r}: {error}") from None
    for name, value in fields.items():
        if found.problem.params[name] != value:
            raise UserError(
                f"--data {file!r} has {name} = {found.problem.params[name]!r}, not {value!r}; "
                f"leave {name} out."
            )
    return found


def rows_of(text: str | None, total: int, most: int | None) -> range:
    """The rows A <= i < B of "A:B", either end left out; without it the first `most`, or all."""
    if text is None:
        return range(total if most is None else min(most, total))
    first, colon, last = text.partition(":")
    try:
        start, stop = int(first or 0), int(last or total)
    except ValueError:
        start, stop = -1, -1
    if not (colon and 0 <= start < stop):
        raise UserError(f"Cannot read --rows {text!r}; write A:B, rows A to B - 1, from 0 on.")
    if stop > total:
        raise UserError(f"--rows is {text}, but the data have {total} rows; end at {total}.")
    return range(start, stop)


def instances_of(found: Published, file: str, rows: range) -> list[Instance]:
    """An instance a row, named after the file and the row, admitted by its problem."""
    problem, stem = found.problem, Path(file).stem
    return [
        problem.admit(
            Instance(
                problem.name,
                problem.version,
                {key: value[row] for key, value in found.data.items()},
                problem.params,
                f"{stem}-{row}",
            )
        )
        for row in rows
    ]


def chosen_rows(found: Published, rows: range) -> Published:
    """The same with some of the rows."""
    part = slice(rows.start, rows.stop)
    cut: dict[str, np.ndarray] = {key: value[part] for key, value in found.data.items()}
    return replace(
        found,
        data=cut,
        objective=None if found.objective is None else found.objective[part],
        choices=None if found.choices is None else {k: v[part] for k, v in found.choices.items()},
    )
