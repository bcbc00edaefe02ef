"""The authors' file MUMT_data_3x3.mat: sizes in MB, optimal costs and choices, one row a slot.

Its optima are those of the preset ``paper``: equal shares, constants as in the published code.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from toolkit.errors import UserError
from toolkit.problems._published import Published, numbers_of, stated_for

from .problem import MEGABYTE

if TYPE_CHECKING:
    from .problem import Ddlo


DRAWN = ("size_low", "size_high", "size_unit")
NAMES = {"size": "task_size", "objective": "gain_min", "offload": "gain_mode"}


def read(problem: "Ddlo", arrays: Mapping[str, np.ndarray]) -> Published:
    """Rows of `task_size` (rows, users * tasks), with `gain_min` and `gain_mode` where given.

    The columns go user by user, as many tasks each as the problem has.
    """
    size = numbers_of(arrays, "task_size")
    if size is None:
        raise UserError("The file has no task_size of shape (rows, users x tasks); give another.")
    if size.ndim != 2 or not size.size:
        raise UserError(f"task_size has shape {size.shape}, expected (rows, users x tasks).")
    rows, columns = size.shape
    shape = (rows, *_users_and_tasks(problem, columns))
    sized = replace(problem, n_users=shape[1], n_tasks=shape[2])
    objective = _column(arrays, "gain_min", rows)
    mode = _column(arrays, "gain_mode", rows * columns)
    note = "" if objective is None else stated_for(sized, _stated(sized))
    return Published(
        sized,
        sized.data_of(size.reshape(shape) * MEGABYTE),
        None if note else objective,
        None if mode is None else {"offload": mode.reshape(shape)},
        {k: v for k, v in NAMES.items() if v in arrays and not (note and k == "objective")},
        DRAWN,
        note,
    )


def _stated(problem: "Ddlo") -> dict[str, Any]:
    """The fields for which the authors computed their optima."""
    own = type(problem)().params
    return {name: v for name, v in own.items() if name not in (*DRAWN, "n_users", "n_tasks")}


def _users_and_tasks(problem: "Ddlo", columns: int) -> tuple[int, int]:
    """How many users and tasks a row holds: tasks as the problem has, users as many as fit."""
    if columns % problem.n_tasks == 0:
        return columns // problem.n_tasks, problem.n_tasks
    raise UserError(
        f"task_size has {columns} columns, no multiple of n_tasks = {problem.n_tasks}; "
        "give --set n_tasks=M."
    )


def _column(arrays: Mapping[str, np.ndarray], name: str, count: int) -> np.ndarray | None:
    """An array of `count` numbers, flat; None where the file lacks it."""
    value = numbers_of(arrays, name, bits=name == "gain_mode")
    if value is None:
        return None
    if value.size != count:
        raise UserError(f"{name} has {value.size} numbers, expected {count}; give another file.")
    return np.asarray(value.ravel())
