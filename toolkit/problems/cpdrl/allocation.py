"""Exact allocation for given offload masks, and the masks that a price suggests."""

import numpy as np

from toolkit.arrays import Data, Decision

from . import _kernels

PER_USER = ("size", "cycles", "f_max", "gain")
SCALARS = ("deadline", "f_server", "p_max", "noise", "kappa", "weight_delay", "weight_energy")


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
    lead, n = offload.shape[:-1], offload.shape[-1]
    cases = np.broadcast_shapes(np.shape(data["deadline"]), lead)
    masks = np.ascontiguousarray(np.broadcast_to(offload, (*cases, n)), float).reshape(-1, n)
    flat = {k: np.reshape(v, (-1, n) if k in PER_USER else -1) for k, v in data.items()}
    tables = np.stack(
        [user_table({k: v[i] for k, v in flat.items()}) for i in range(flat["deadline"].size)]
    )
    index = np.arange(flat["deadline"].size).reshape(np.shape(data["deadline"]))
    which = np.ascontiguousarray(np.broadcast_to(index, cases)).ravel()
    bandwidth, power, frequency = (np.zeros(masks.shape) for _ in range(3))
    _kernels.allocate(
        masks,
        which,
        tables,
        flat["deadline"],
        flat["bandwidth"],
        flat["p_max"],
        flat["weight_energy"],
        bandwidth,
        power,
        frequency,
    )
    shape = (*cases, n)
    return {
        "offload": masks.reshape(shape),
        "bandwidth": bandwidth.reshape(shape),
        "power": power.reshape(shape),
        "frequency": frequency.reshape(shape),
    }


def ranked_masks(data: Data) -> np.ndarray:
    """For every cardinality k the k users that gain most, at share B/k and at the price it implies.

    recipe-learners, section 1: shape (2n + 1, n), the all-local mask first. Users that cannot run
    locally gain infinitely much; cardinalities beyond 256 above the cheapest are not tried.
    """
    table = dict(zip(_kernels.COLUMNS, user_table(data), strict=True))
    n = len(table["q"])
    ks = np.arange(1, n + 1)[:, None]
    local, q, work = table["local"], table["q"], table["work"]
    delay, total = float(data["weight_delay"]), float(data["bandwidth"])
    equal_share = local - q**2 * ks / total - delay * work * ks
    first = _top(equal_share, ks)
    price = (first @ q)[:, None] / total
    second = _top(local - 2 * q * price - delay * work * ks, ks)
    return np.concatenate([np.zeros((1, n)), first, second])


def _top(value: np.ndarray, ks: np.ndarray) -> np.ndarray:
    """Row j marks the ks[j] largest values of its row."""
    rank = np.argsort(np.argsort(-value, axis=-1, kind="stable"), axis=-1)
    return (rank < ks).astype(float)
