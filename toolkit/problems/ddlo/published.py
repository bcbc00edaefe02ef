"""The authors' file MUMT_data_3x3.mat: sizes in MB, optimal costs and choices, one row a slot.

Its optima are those of the preset ``paper``: equal shares, constants as in the published code.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from toolkit.errors import UserError
from toolkit.problems._knowledge import Published

from .problem import MEGABYTE

if TYPE_CHECKING:
    from .problem import Ddlo


def read(problem: "Ddlo", arrays: Mapping[str, np.ndarray]) -> Published:
    """Rows of `task_size` (rows, users * tasks), with `gain_min` and `gain_mode` where given.

    The columns go user by user, as many tasks each as the problem has.
    """
    if "task_size" not in arrays or np.ndim(arrays["task_size"]) != 2:
        raise UserError("The file has no task_size of shape (rows, users x tasks); give another.")
    size = np.asarray(arrays["task_size"], float)
    rows, columns = size.shape
    if not rows or not np.all(np.isfinite(size) & (size > 0)):
        raise UserError("task_size must hold positive numbers of MB.")
    shape = (rows, *_users_and_tasks(problem, columns))
    sized = replace(problem, n_users=shape[1], n_tasks=shape[2])
    objective = _column(arrays, "gain_min", rows)
    mode = _column(arrays, "gain_mode", rows * columns)
    choices = None if mode is None else {"offload": mode.reshape(shape)}
    return Published(sized, sized.data_of(size.reshape(shape) * MEGABYTE), objective, choices)


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
    if name not in arrays:
        return None
    value = np.asarray(arrays[name], float).ravel()
    if value.size != count:
        raise UserError(f"{name} has {value.size} numbers, expected {count}; give another file.")
    return value
