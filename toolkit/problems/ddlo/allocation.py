"""Exact uplink rates for given choices of tasks, and the bits behind them."""

import numpy as np

from toolkit.arrays import Data, Decision

from . import _kernels


def complete(data: Data, offload: np.ndarray) -> Decision:
    """Rates that minimise the sum of delays for each choice, offload (*batch, users, tasks).

    A rate beyond U / (T_L (S - U) - T_C U) helps nobody: the device is the slower one then. Below
    it, a price nu of the uplink makes sqrt(p U / nu) the best rate. So the best rates are min(need,
    level sqrt(U)), with the level at which they sum to C.
    """
    offload, rows, which, size = _rows(data, np.asarray(offload, float))
    names = ("capacity", "local_time", "edge_time")
    scalars = (np.asarray(data[k], float).reshape(-1) for k in names)
    rate = _kernels.best_rates(rows, which, size, *scalars)
    return {"offload": rows.reshape(offload.shape), "uplink": rate.reshape(offload.shape[:-1])}


def split_bits(data: Data, offload: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Every user's bits at the edge and on its device, each (*batch, users)."""
    offload, rows, which, size = _rows(data, offload)
    remote, local = _kernels.split_bits(rows, which, size)
    return remote.reshape(offload.shape[:-1]), local.reshape(offload.shape[:-1])


def _rows(data: Data, offload: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(choices with the axes of instances, the same as rows, whose instance each is, sizes)."""
    size = np.ascontiguousarray(data["size"], float)
    many, inner = size.shape[:-2], size.shape[-2:]
    cases = offload.shape[:-2]
    if not many:
        rows = np.ascontiguousarray(offload).reshape(-1, *inner)
        return offload, rows, np.zeros(len(rows), np.int64), size[None]
    cases = np.broadcast_shapes(many, cases)
    offload = np.broadcast_to(offload, (*cases, *inner))
    instances = np.arange(int(np.prod(many))).reshape(many)
    which = np.ascontiguousarray(np.broadcast_to(instances, cases)).ravel()
    rows = np.ascontiguousarray(offload).reshape(-1, *inner)
    return offload, rows, which, size.reshape(-1, *inner)
