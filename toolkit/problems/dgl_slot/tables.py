"""The table form of a slot: what is lost where users compute, and what they load.

With the best shares (`allocation`) users who pick local computing or servers lose, of the weighted
references weight_delay + weight_energy that each has,

    sum of local over those who compute + sum over cells of (sum of root)^2
        + sum over servers of level n^2 + sum of detour over offloaders who are not served

where n is the number of users whom a server serves; the root counts for the user's cell. So a slot
is an assignment with convex congestion (`Form`). With noise of the part of the band in use that is
an upper bound: then a share meets less noise than is counted here.
"""

from typing import Any, NamedTuple

import numpy as np

from toolkit.arrays import Array, Data

from .costs import cloud, reach, references

SURE = 1e-9  # relative: by how much detours must be dearer to be left out, for rounding's sake


class Tables(NamedTuple):
    """Of a slot, or of slots along any leading axes."""

    local: np.ndarray  # (*batch, users)
    root: np.ndarray  # (*batch, users): square roots of what sending over a whole band loses
    reach: np.ndarray  # (*batch, users, servers), bool: the server has cached the user's service
    level: np.ndarray  # (*batch,)
    detour: np.ndarray  # (*batch, users): what the cloud adds to sending


class Form(NamedTuple):
    """Options 0 (local) and m (target m) as `toolkit.problems._congestion` has them, batched.

    Cell g is resource g, server m is resource S + m - 1.
    """

    cost: np.ndarray  # (*batch, users, S + 1): the loss itself, minus QoE
    resource: np.ndarray  # (*batch, users, S + 1, 2)
    weight: np.ndarray  # (*batch, users, 2 S)
    spare: np.ndarray  # (*batch, users, S + 1), bool: need not be tried
    top: np.ndarray  # (*batch, 2 S): the weights of servers, on which all users weigh the same
    root: np.ndarray  # (*batch, users)


def tables(data: Data) -> Tables:
    """With noise of the whole band."""
    late, most, burnt = references(np, data)
    w1, w2 = (np.asarray(data[key]) for key in ("weight_delay", "weight_energy"))
    return Tables(
        w1[..., None] + w2[..., None] * (burnt / most),
        np.asarray(roots(np, data)),
        np.asarray(reach(np, data).mT) > 0,
        w1 * data["local_cpu"] / data["server_cpu"],
        w1[..., None] * cloud(data) / late,
    )


def roots(xp: Any, data: Data) -> Array:
    """Square roots of what sending over a whole band loses, (*batch, users)."""
    late, most, _ = references(xp, data)
    price = data["weight_delay"][..., None] / late
    price = price + (data["weight_energy"] * data["energy_power"])[..., None] / most
    seconds = data["bits"] / (data["bandwidth"][..., None] * data["efficiency"])
    return xp.sqrt(price * seconds)


def form(data: Data) -> Form:
    """The congestion of slots."""
    table = tables(data)
    servers, cell = table.reach.shape[-1], np.asarray(data["cell"], np.int64)
    weights = (data["weight_delay"] + data["weight_energy"])[..., None]
    away = np.where(table.reach, 0.0, table.detour[..., None]) - weights[..., None]
    heavy = np.repeat(np.sqrt(table.level)[..., None], servers, axis=-1)
    of_cell = (cell[..., None] == np.arange(servers)) * table.root[..., None]
    return Form(
        np.concatenate([(table.local - weights)[..., None], away], axis=-1),
        touched(cell, table.reach),
        np.concatenate([of_cell, np.broadcast_to(heavy[..., None, :], of_cell.shape)], axis=-1),
        spare(table.reach, table.detour >= table.local * (1 + SURE)),
        np.concatenate([0 * heavy, heavy], axis=-1),
        table.root,
    )


def touched(cell: np.ndarray, reached: np.ndarray) -> np.ndarray:
    """What options load, (*batch, users, S + 1, 2), from cells and bools (*batch, users, S)."""
    shape = np.shape(reached)
    out = np.full((*shape[:-1], shape[-1] + 1, 2), -1)
    out[..., 1:, 0] = cell[..., None]
    out[..., 1:, 1] = np.where(reached, shape[-1] + np.arange(shape[-1]), -1)
    return out


def spare(reached: np.ndarray, vain: np.ndarray) -> np.ndarray:
    """Options that need not be tried, (*batch, users, S + 1): who is not served is the same on all
    such servers; and better off at home where detours are in vain, bool (*batch, users)."""
    out = np.zeros((*reached.shape[:-1], reached.shape[-1] + 1), bool)
    again = np.cumsum(~reached, axis=-1) > 1
    out[..., 1:] = ~reached & (vain[..., None] | again)
    return out
