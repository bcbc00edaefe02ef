"""Published data as instances: `--data FILE --rows A:B`."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from toolkit.errors import UserError
from toolkit.instances import Instance, read_arrays
from toolkit.problems import Frames, HasPublished, Problem, Published


def published(problem: Problem, file: str, fields: Mapping[str, Any]) -> Published:
    """The rows of a file; UserError where the problem cannot read it, or it says otherwise.

    `fields` are the generator's fields that were asked for: the file must leave them as they are.
    """
    if not isinstance(problem, HasPublished):
        raise UserError(f"{problem.name!r} knows no published data; leave out --data.")
    arrays = read_arrays(Path(file))  # what it says of a file names the file
    try:
        found = problem.published(arrays)
    except UserError as error:
        raise UserError(f"--data {file!r}: {error}") from None
    for name, value in fields.items():
        if name in found.drawn:
            raise UserError(
                f"--data {file!r} takes the place of what {name} draws; leave {name} out."
            )
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
    read = re.fullmatch(r"([0-9]{0,15}):([0-9]{0,15})", text)
    if read is None:
        raise UserError(f"Cannot read --rows {text!r}; write A:B, rows A to B - 1, from 0 on.")
    start, stop = int(read[1] or 0), int(read[2] or total)
    if start >= stop and read[2]:
        raise UserError(f"--rows {text} names no row; write A:B, rows A to B - 1, with A < B.")
    if max(start + 1, stop) > total:
        raise UserError(f"--rows is {text}, but the data have {total} rows; end at {total}.")
    return range(start, stop)


def instances_of(found: Published, file: str, rows: range) -> list[Instance]:
    """An instance a row, named after the file and the row, admitted by its problem."""
    _admit(found, file, rows)
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


def episodes_of(found: Published, problem: Frames, file: str, rows: range) -> list[Instance]:
    """An instance for every `problem.frames` rows in their order, named after file and rows."""
    frames, stem = problem.frames, Path(file).stem
    if len(rows) % frames:
        raise UserError(
            f"{len(rows)} rows make no whole number of episodes of {frames} frames; "
            "give --rows A:B with a multiple of --frames."
        )
    _admit(found, file, rows)
    return [
        problem.admit(
            Instance(
                problem.name,
                problem.version,
                {key: value[start : start + frames] for key, value in found.data.items()},
                problem.params,
                f"{stem}-t{frames}-{start}",
            )
        )
        for start in rows[::frames]
    ]


def _admit(found: Published, file: str, rows: range) -> None:
    """UserError where these rows, not others, hold what is no number or no choice."""
    if fault := found.fault(rows):
        raise UserError(f"--data {file!r}: {fault}")


def chosen_rows(found: Published, file: str, rows: range) -> Published:
    """The same with some of the rows."""
    _admit(found, file, rows)
    part = slice(rows.start, rows.stop)
    cut: dict[str, np.ndarray] = {key: value[part] for key, value in found.data.items()}
    return replace(
        found,
        data=cut,
        objective=None if found.objective is None else found.objective[part],
        choices=None if found.choices is None else {k: v[part] for k, v in found.choices.items()},
    )
