"""Exact allocation for given offload masks."""

from collections.abc import Sequence

import numpy as np

from toolkit.arrays import Array, Data, Decision

from . import _kernels, _subset_kernels

PER_USER = ("size", "cycles", "f_max", "gain")
SCALARS = ("deadline", "f_server", "p_max", "noise", "kappa", "weight_delay", "weight_energy")
PRICED = ("deadline", "bandwidth", "weight_delay", "weight_energy", "p_max")
ALLOCATED = ("deadline", "bandwidth", "p_max", "weight_energy")


def user_table(data: Data) -> np.ndarray:
    """The constants of `_kernels.COLUMNS` (or `LATE_COLUMNS`) of one instance, (9 or 13, n)."""
    arrays = [np.ascontiguousarray(data[key], float) for key in PER_USER]
    late = float(data.get("weight_late", np.inf))
    table: np.ndarray = _kernels.prepare(*arrays, *(float(data[key]) for key in SCALARS), late)
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
    found = allocated(data, masks, which, tables(data))
    return {key: value.reshape((*cases, n)) for key, value in found.items()}


def allocated(data: Data, masks: np.ndarray, which: np.ndarray, users: np.ndarray) -> Decision:
    """`complete` of masks (rows, n) of the instances `which`, their `tables` being known."""
    bandwidth, power, frequency = (np.zeros(masks.shape) for _ in range(3))
    scalars = [np.reshape(data[key], -1) for key in ALLOCATED]
    _kernels.allocate(masks, which, users, *scalars, bandwidth, power, frequency)
    return {"offload": masks, "bandwidth": bandwidth, "power": power, "frequency": frequency}


def tables(data: Data) -> np.ndarray:
    """`user_table` of every instance, shape (instances, 9 or 13, n)."""
    n = data["size"].shape[-1]
    users = [np.ascontiguousarray(data[key], float).reshape(-1, n) for key in PER_USER]
    scalars = [np.ascontiguousarray(data[key], float).reshape(-1) for key in SCALARS]
    late = np.reshape(data.get("weight_late", np.full(len(users[0]), np.inf)), -1)
    every: np.ndarray = _kernels.prepare_all(*users, *scalars, late)
    return every


def best(data: Data, head: Sequence[int], below: Array) -> Decision | None:
    """The cheapest masks that begin with `head`, allocated: see `Cpdrl.best`."""
    cases, n = np.shape(data["deadline"]), data["size"].shape[-1]
    users = tables(data)
    scalars = np.stack([np.ravel(data[name]) for name in PRICED], axis=-1).astype(float)
    local = users[:, 0]
    stuck = np.isinf(local)
    fixed = np.full(n, -1)
    fixed[: len(head)] = head
    masks = stuck.astype(float)  # if any set is feasible, this one is: more offloaders only hurt
    masks[:, : len(head)] = head
    cost = np.broadcast_to(below, cases).ravel() - np.where(stuck, 0.0, local).sum(axis=1)
    found = cost.copy()
    _subset_kernels.cheapest(users, scalars, fixed, found, masks)
    if np.all(found == cost) and np.all(np.isfinite(cost)):
        return None
    best = allocated(data, masks, np.arange(len(masks)), users)
    return {key: value.reshape((*cases, n)) for key, value in best.items()}
