"""Choices of servers that are likely to be good, without any bound."""

import numpy as np

from toolkit.arrays import Data

from . import _choice_kernels as kernels
from .allocation import tables

STARTS = 6  # numbers of offloaders from which to improve


def ranked_choices(data: Data) -> np.ndarray:
    """Distinct choices (rows, users), the plainest first: nearest servers, greedy insertion of
    users by what offloading saves them alone, and both improved by moves and exchanges."""
    table, total = tables(data), np.asarray(data["bandwidth"], float)
    scalars = scalars_of(data)
    n = table.shape[2]
    alone = table[:, 2] ** 2 / total[:, None] + scalars[1] * table[:, 5]
    order = np.argsort(alone.min(0) - table[0, 0], kind="stable")
    found = [np.where(np.isinf(table[0, 0]), 1, 0)]
    for limit in (n, -(-n // (len(total) + 1))):
        found.append(_nearest(limit, table))
    for most in np.unique(np.linspace(0, n, STARTS + 1).astype(int)):
        found.append(np.empty(n, np.int64))
        kernels.insert(order, int(most), table, total, scalars, found[-1])
    for start in list(found):
        found.append(start.astype(np.int64))
        kernels.descend(found[-1], True, table, total, scalars)
    every = np.array(found)
    _, first = np.unique(every, axis=0, return_index=True)
    return np.asarray(every[np.sort(first)], float)


def nearest(data: Data, limit: int = 0) -> np.ndarray:
    """Every user's server of the cheapest upload, (*batch, users); with a limit, in order."""
    many = np.shape(data["deadline"])
    rows = [
        _nearest(limit or data["size"].shape[-1], tables({k: v[at] for k, v in data.items()}))
        for at in np.ndindex(many)
    ]
    return np.asarray(rows, float).reshape(np.shape(data["size"]))


def polished(data: Data, server: np.ndarray, pairs: bool) -> np.ndarray:
    """Choices (*batch, users) after moves and, with `pairs`, exchanges; of `data` with no axes, or
    as many as the choices have before their users."""
    many = np.shape(data["deadline"])
    single = {at: {k: v[at] for k, v in data.items()} for at in np.ndindex(many)}
    table = {at: tables(one) for at, one in single.items()}
    cases = np.broadcast_shapes(many, server.shape[:-1])
    out = np.rint(np.broadcast_to(server, (*cases, server.shape[-1]))).astype(np.int64)
    for row in np.ndindex(out.shape[:-1]):
        at = row if many else ()
        total, x = np.asarray(single[at]["bandwidth"], float), out[row].copy()
        kernels.descend(x, pairs, table[at], total, scalars_of(single[at]))
        out[row] = x
    return np.asarray(out, float)


def scalars_of(data: Data) -> tuple[float, float, float, float]:
    """(deadline, lambda1, lambda2, Pmax) of one instance, as the kernels take them."""
    delay, energy = float(data["weight_delay"]), float(data["weight_energy"])
    return float(data["deadline"]), delay, energy, float(data["p_max"])


def _nearest(limit: int, table: np.ndarray) -> np.ndarray:
    x = np.empty(table.shape[2], np.int64)
    kernels.nearest(limit, table, x)
    return x
