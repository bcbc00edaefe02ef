"""Exact uplink rates for given choices of tasks, and the water level behind them."""

import numpy as np

from toolkit.arrays import Data, Decision


def complete(data: Data, offload: np.ndarray) -> Decision:
    """Rates that minimise the sum of delays for each choice, offload (*batch, users, tasks).

    A rate beyond U / (T_L (S - U) - T_C U) helps nobody: the device is the slower one then. Below
    it, a price nu of the uplink makes sqrt(p U / nu) the best rate. So the best rates are min(need,
    level sqrt(U)), with the level at which they sum to C.
    """
    offload = np.asarray(offload, float)
    size, capacity = np.asarray(data["size"], float), np.asarray(data["capacity"], float)
    remote = np.sum(size * offload, axis=-1)
    need = needed(data, np.sum(size * (1 - offload), axis=-1), remote)
    root = np.sqrt(remote)
    # where instances are many, so are the choices
    shape = np.broadcast_shapes(remote.shape[:-1], capacity.shape)
    level = water_level(need, root, capacity)[..., None]
    with np.errstate(invalid="ignore"):  # no level is 0 * inf where nobody is short of uplink
        rate = np.where(level * root >= need, need, level * root)
    rate = np.where(root > 0, rate, 0.0)
    return {
        "offload": np.broadcast_to(offload, (*shape, *offload.shape[-2:])).copy(),
        "uplink": rate,
    }


def needed(data: Data, local: np.ndarray, remote: np.ndarray) -> np.ndarray:
    """The rate beyond which a user is no faster, from its local and remote bits; inf: none."""
    local_time, edge_time = (np.asarray(data[k])[..., None] for k in ("local_time", "edge_time"))
    room = local_time * local - edge_time * remote
    need = np.divide(remote, room, out=np.full(np.shape(room), np.inf), where=room > 0)
    return np.where(remote > 0, need, 0.0)


def water_level(need: np.ndarray, root: np.ndarray, capacity: np.ndarray) -> np.ndarray:
    """The level with sum min(need, level root) = C, (*batch,); inf where the needs fit into C.

    The sum is concave and piecewise linear in the level, so Newton's steps from zero only grow,
    pass a kink each, and end at the root itself: exact after at most as many steps as users.
    """
    level = np.zeros(np.broadcast_shapes(need.shape[:-1], capacity.shape))
    for _ in range(need.shape[-1] + 1):
        with np.errstate(invalid="ignore", divide="ignore"):
            full = level[..., None] * root >= need
            full |= root == 0
            left = capacity - np.sum(np.where(full, need, 0.0), axis=-1)
            slope = np.sum(np.where(full, 0.0, root), axis=-1)
            following = np.where(slope > 0, left / slope, np.inf)
        if not np.any(following > level):
            break
        level = np.maximum(level, following)
    return level
