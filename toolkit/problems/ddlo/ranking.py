"""Choices worth a try without any search: the largest tasks of every user, up to a limit."""

import numpy as np

from toolkit.arrays import Data

PARTS = 33  # of a user's total size, from nothing to all of it


def ranked_choices(data: Data) -> np.ndarray:
    """Choices (PARTS + 1, users, tasks): one for every part, then every user's own best part.

    For a part theta a user offloads its tasks, the largest first, as far as they fit into theta of
    its total size. The last choice takes every user's cheapest part at an equal share.
    """
    size = np.asarray(data["size"], float)
    total = size.sum(-1)
    order = np.argsort(-size, axis=-1, kind="stable")
    parts = np.linspace(0.0, 1.0, PARTS)[:, None]
    chosen, used = np.zeros((PARTS, *size.shape)), np.zeros((PARTS, len(size)))
    users = np.arange(len(size))
    for task in order.T:
        fits = used + size[users, task] <= parts * total * (1 + 1e-12)
        chosen[:, users, task] = fits
        used += fits * size[users, task]
    best = np.argmin(_costs(data, total, used), axis=0)
    return np.concatenate([chosen, chosen[best, users][None]])


def _costs(data: Data, total: np.ndarray, used: np.ndarray) -> np.ndarray:
    """Every user's cost at an equal share of the uplink, (PARTS, users)."""
    rate = float(data["capacity"]) / len(total)
    delay = np.maximum(data["local_time"] * (total - used), used / rate + data["edge_time"] * used)
    energy = (data["edge_energy"] + data["transmit_energy"]) * used
    energy = energy + data["local_energy"] * (total - used)
    return np.asarray(energy + data["weight_delay"] * delay)
