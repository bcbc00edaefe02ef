"""The authors' files data_N.mat: gains of a frame, its best mode, charge, slots and rate.

Rows 20,000 to 29,999 of data_10 repeat rows 10,000 to 19,999.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from toolkit.errors import UserError
from toolkit.problems._published import Published, numbers_of, stated_for

if TYPE_CHECKING:
    from .problem import Droo


DRAWN = ("antenna", "path_loss", "spacing", "bandwidth_decades", "noise_decades")
NAMES = {"gain": "input_h", "objective": "output_obj", "offload": "output_mode"}
SAMPLE = 64  # rows that show which weights a file is of
AGREES = 1e-6  # relative, of what is stated and what its bits are worth: the same weights


def read(problem: "Droo", arrays: Mapping[str, np.ndarray]) -> Published:
    """Rows of `input_h` (rows, n), with `output_obj` (bit/s) and `output_mode` where given."""
    gain = _rows(arrays, "input_h", None)
    if gain is None:
        raise UserError("The file has no input_h of shape (rows, users); give another file.")
    if problem.continuous_weights or problem.scale_with_users:
        raise UserError(
            "Published frames have alternating weights and the paper's constants; leave "
            "continuous_weights and scale_with_users false."
        )
    rows, n = gain.shape
    objective = _rows(arrays, "output_obj", (rows, 1))
    mode = _rows(arrays, "output_mode", (rows, n))
    sized = replace(problem, n_users=n)
    note = "" if objective is None else stated_for(sized, _stated(sized, gain, objective, mode))
    return Published(
        sized,
        sized.data_of(gain),
        None if objective is None or note else objective[:, 0],
        None if mode is None else {"offload": mode},
        {k: v for k, v in NAMES.items() if v in arrays and not (note and k == "objective")},
        DRAWN,
        note,
    )


def _stated(
    problem: "Droo", gain: np.ndarray, objective: np.ndarray, mode: np.ndarray | None
) -> dict[str, Any]:
    """The fields for which the authors computed their optima.

    One of their files has the weights in the other order, and does not say so: but its values do.
    """
    paper = type(problem)(n_users=problem.n_users)
    other = replace(paper, weight_odd=paper.weight_even, weight_even=paper.weight_odd)
    agree = [_agreeing(weighted, gain, objective, mode) for weighted in (paper, other)]
    own = (other if agree[1] > agree[0] else paper).params
    drawn = (*DRAWN, "n_users", "continuous_weights", "scale_with_users")
    return {name: value for name, value in own.items() if name not in drawn}


def _agreeing(
    problem: "Droo", gain: np.ndarray, objective: np.ndarray, mode: np.ndarray | None
) -> int:
    """How many of the first rows state what their bits are worth to this problem."""
    if mode is None:
        return 0
    usable = np.all(np.isfinite(gain) & (gain > 0) & np.isin(mode, (0, 1)), axis=1)
    rows = np.flatnonzero(usable & np.isfinite(objective[:, 0]))[:SAMPLE]
    if not len(rows):
        return 0
    data = problem.data_of(gain[rows])
    worth = problem.evaluate(data, problem.complete(data, {"offload": mode[rows]})).objective
    return int(np.sum(np.abs(worth - objective[rows, 0]) <= AGREES * np.abs(worth)))


def _rows(
    arrays: Mapping[str, np.ndarray], name: str, shape: tuple[int, int] | None
) -> np.ndarray | None:
    """An array of two axes, of the shape asked for; None where the file lacks it."""
    value = numbers_of(arrays, name, bits=name == "output_mode")
    if value is None:
        return None
    if value.ndim == 1 and shape == (len(value), 1):
        value = value[:, None]
    if value.ndim != 2 or not value.size or (shape is not None and value.shape != shape):
        raise UserError(f"{name} has shape {value.shape}, expected {shape or '(rows, users)'}.")
    return np.asarray(value)
