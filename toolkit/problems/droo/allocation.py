"""The best charging time and slots for given modes."""

import numpy as np

from toolkit.arrays import Data, Decision

from . import _kernels
from .problem import coefficients


def tables(data: Data) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`coefficients` local, snr and rate of every instance, each (instances, n)."""
    found = coefficients(data)
    parts = [np.ascontiguousarray(found[key], float) for key in ("local", "snr", "rate")]
    if not parts[0].shape == parts[1].shape == parts[2].shape:
        parts = [np.ascontiguousarray(part) for part in np.broadcast_arrays(*parts)]
    n = parts[0].shape[-1]
    return parts[0].reshape(-1, n), parts[1].reshape(-1, n), parts[2].reshape(-1, n)


def complete(data: Data, offload: np.ndarray) -> Decision:
    """Charge and slots that maximise the weighted sum rate for each mode, offload (*batch, n).

    For a mode the problem is concave, and its price of time is the root of one monotone equation:
    section 4.5 (i) of the formulation; given it, all shares are in closed form.
    """
    n, many = offload.shape[-1], np.shape(data["noise"])
    cases = offload.shape[:-1]
    if many:
        cases = np.broadcast_shapes(many, cases)
        offload = np.broadcast_to(offload, (*cases, n))
    masks = np.ascontiguousarray(offload, float).reshape(-1, n)
    which = np.zeros(len(masks), np.int64)
    if many:
        which[:] = np.broadcast_to(np.arange(np.prod(many)).reshape(many), cases).ravel()
    charge, slot = np.empty(len(masks)), np.empty(masks.shape)
    _kernels.allocate(masks, which, *tables(data), charge, slot)
    return {
        "offload": masks.reshape(*cases, n),
        "charge": charge.reshape(cases),
        "slot": slot.reshape(*cases, n),
    }
