"""The authors' files data_N.mat: gains of a frame, its best mode, charge, slots and rate.

Rows 20,000 to 29,999 of data_10 repeat rows 10,000 to 19,999.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from toolkit.errors import UserError
from toolkit.problems._knowledge import Published

if TYPE_CHECKING:
    from .problem import Droo


def read(problem: "Droo", arrays: Mapping[str, np.ndarray]) -> Published:
    """Rows of `input_h` (rows, n), with `output_obj` (bit/s) and `output_mode` where given."""
    gain = _rows(arrays, "input_h", None)
    if gain is None:
        raise UserError("The file has no input_h of shape (rows, users); give another file.")
    if not np.all(np.isfinite(gain) & (gain > 0)):
        raise UserError("input_h must hold positive numbers: channel power gains.")
    if problem.continuous_weights or problem.scale_with_users:
        raise UserError(
            "Published frames have alternating weights and the paper's constants; leave "
            "continuous_weights and scale_with_users false."
        )
    rows, n = gain.shape
    objective, mode = (
        _rows(arrays, "output_obj", (rows, 1)),
        _rows(arrays, "output_mode", (rows, n)),
    )
    sized = replace(problem, n_users=n)
    return Published(
        sized,
        sized.data_of(gain),
        None if objective is None else objective[:, 0],
        None if mode is None else {"offload": mode},
    )


def _rows(
    arrays: Mapping[str, np.ndarray], name: str, shape: tuple[int, int] | None
) -> np.ndarray | None:
    """An array of two axes, of the shape asked for; None where the file lacks it."""
    if name not in arrays:
        return None
    value = np.asarray(arrays[name], float)
    if value.ndim == 1 and shape == (len(value), 1):
        value = value[:, None]
    if value.ndim != 2 or not value.size or (shape is not None and value.shape != shape):
        raise UserError(f"{name} has shape {value.shape}, expected {shape or '(rows, users)'}.")
    return value
