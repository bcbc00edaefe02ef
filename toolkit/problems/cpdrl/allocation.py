"""Exact allocation for given offload masks."""

import numpy as np

from toolkit.arrays import Data, Decision

from . import _kernels

PER_USER = ("size", "cycles", "f_max", "gain")
SCALARS = ("deadline", "f_server", "p_max", "noise", "kappa", "weight_delay", "weight_energy")
ALLOCATED = ("deadline", "bandwidth", "p_max", "weight_energy")


def user_table(data: Data) -> np.ndarray:
    """The constants of `_kernels.COLUMNS` for one instance, shape (9, n)."""
    arrays = [np.ascontiguousarray(data[key], float) for key in PER_USER]
    table: np.ndarray = _kernels.prepare(*arrays, *(float(data[key]) for key in SCALARS))
    return table


def complete(data: Data, offload: np.ndarray) -> Decision:
    """Bandwidth, power and frequency that minimise (10) for each mask, shape (*batch, n).

    The bandwidth price is the root of one monotone equation; given it, every user's share is in
    closed form: sqrt(c/nu) while its deadline is slack, a Lambert W value where it binds.
    """
    n, many = offload.shape[-1], np.shape(data["deadline"])
    cases = offload.shape[:-1]
    if many:
        cases = np.broadcast_shapes(many, cases)
        offload = np.broadcast_to(offload, (*cases, n))
    masks = np.ascontiguousarray(offload, float).reshape(-1, n)
    which = np.zeros(len(masks), np.int64)
    if many:
        which[:] = np.broadcast_to(np.arange(np.prod(many)).reshape(many), cases).ravel()
    bandwidth, power, frequency = (np.zeros(masks.shape) for _ in range(3))
    scalars = [np.reshape(data[key], -1) for key in ALLOCATED]
    _kernels.allocate(masks, which, tables(data), *scalars, bandwidth, power, frequency)
    shape = (*cases, n)
    return {
        "offload": masks.reshape(shape),
        "bandwidth": bandwidth.reshape(shape),
        "power": power.reshape(shape),
        "frequency": frequency.reshape(shape),
    }


def tables(data: Data) -> np.ndarray:
    """`user_table` of every instance, shape (instances, 9, n)."""
    n = data["size"].shape[-1]
    users = [np.ascontiguousarray(data[key], float).reshape(-1, n) for key in PER_USER]
    scalars = [np.ascontiguousarray(data[key], float).reshape(-1) for key in SCALARS]
    every: np.ndarray = _kernels.prepare_all(*users, *scalars)
    return every
