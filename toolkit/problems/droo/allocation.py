"""The best charging time and slots for given modes."""

import numpy as np

from toolkit.arrays import Data, Decision

from . import _kernels
from .problem import coefficients


def tables(data: Data) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`coefficients` local, snr and rate of every instance, each (instances, n)."""
    found = coefficients(data)
    shape = np.broadcast_shapes(*(np.shape(part) for part in found.values()))
    local, snr, rate = (
        np.ascontiguousarray(np.broadcast_to(found[key], shape), float).reshape(-1, shape[-1])
        for key in ("local", "snr", "rate")
    )
    return local, snr, rate


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
    charge, slot = np.zeros(len(masks)), np.zeros(masks.shape)
    _kernels.allocate(masks, which, *tables(data), charge, slot)
    return {
        "offload": masks.reshape(*cases, n),
        "charge": charge.reshape(cases),
        "slot": slot.reshape(*cases, n),
    }
