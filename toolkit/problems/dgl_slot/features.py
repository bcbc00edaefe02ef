"""What a policy may see of a slot: dimensionless, equivariant, the same for all units."""

import numpy as np

from toolkit.arrays import Data

from .tables import Tables, tables

OWN, SERVER = 9, 4  # features of a user itself, and of each server


def features(data: Data) -> np.ndarray:
    """(*batch, users, OWN + servers * SERVER), float32.

    Of the user: what it loses locally, by sending alone, by a detour; how its root stands in its
    cell: rank, part of all, part of the dearest that pays if the cell were all there is, and
    whether it is one of those; its cell's part of the users. Of every server: whether it serves
    the user, whether it is its own, how many users it could serve, and how many share it with the
    user's cell.
    """
    table, cell = tables(data), np.asarray(data["cell"])
    weights = (data["weight_delay"] + data["weight_energy"])[..., None]
    same = cell[..., :, None] == cell[..., None, :]
    own = _own(table, same, np.any(table.reach, axis=-1))
    own[..., :3] /= weights[..., None]
    servers = np.arange(table.reach.shape[-1])
    part = np.broadcast_to(table.reach.mean(-2)[..., None, :], table.reach.shape)
    mates = (same[..., None] * table.reach[..., None, :, :]).mean(-2)
    home = cell[..., None] == servers
    each = np.stack([table.reach, home, part, mates], axis=-1)
    flat = each.reshape(*each.shape[:-2], -1)
    return np.concatenate([own, flat], axis=-1).astype(np.float32)


def _own(table: Tables, same: np.ndarray, served: np.ndarray) -> np.ndarray:
    """The features of users themselves, (*batch, users, OWN); the first three in units of loss."""
    root, level = table.root, table.level[..., None]
    lighter = same & served[..., None, :] & (root[..., None, :] <= root[..., :, None])
    before = (lighter * root[..., None, :]).sum(-1)  # of its cell, with itself, the lightest first
    number = lighter.sum(-1)
    # what it adds to the squares where all who are lighter send too, and servers are alike
    added = root * (2 * before - root) + level * (2 * number - 1) / table.reach.shape[-1]
    whole = (same * root[..., None, :]).sum(-1)
    parts = (
        table.local,
        root**2,
        np.minimum(table.detour, 4 * table.local),
        served,
        number / same.sum(-1),
        root / whole,
        np.tanh(added / table.local),
        served & (added < table.local),
        same.mean(-1),
    )
    return np.stack(np.broadcast_arrays(*parts), axis=-1).astype(float)
