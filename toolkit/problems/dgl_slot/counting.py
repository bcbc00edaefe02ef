"""Slots whose users differ by their links alone; with two servers six counters settle them."""

from typing import NamedTuple

import numpy as np

from .tables import SURE, Tables


class Alike(NamedTuple):
    """Users of slots who may gain by offloading all lose the same by computing."""

    root: np.ndarray  # (*batch, users); infinite: never gains
    worth: np.ndarray  # (*batch,): what those who may gain lose by computing
    level: np.ndarray  # (*batch,)


def alike(table: Tables) -> Alike | None:
    """What slots are in which users go to servers in reach alone; None where users who may gain by
    that lose more or less than each other by computing.

    Who offloads adds (band + a)^2 - band^2 >= a^2 to the loss of its cell and level (2 n + 1) >=
    level to that of its server. Where a^2 + level is not below what it loses by computing, any
    choice is as good with the user at home: so there is a best one in which all such users are.
    Their own loss is then a constant, and may be any.
    """
    level = np.array(np.broadcast_to(table.level, table.root.shape[:-1]))
    idle = table.root**2 + level[..., None] >= table.local * (1 + SURE)
    worth = np.where(idle, 0.0, table.local).max(-1)
    if np.any(~idle & (table.local != worth[..., None])):
        return None
    return Alike(np.where(idle, np.inf, table.root), worth, level)


def dominated(table: Tables) -> bool:
    """Whether no user ever gains by offloading to a server that has not cached its service."""
    return bool((table.detour >= table.local).all())


def counted(table: Tables, cell: np.ndarray) -> np.ndarray | None:
    """The best targets of slots, (*batch, users), by six counters.

    None unless there are two servers, users are alike, and no detour helps: then who of a cell and
    a set of servers offloads is known by its number.
    """
    found = alike(table) if table.reach.shape[-1] == 2 and dominated(table) else None
    if found is None:
        return None
    from . import _count_kernels

    kind = (table.reach[..., 0] + 2 * table.reach[..., 1]).astype(np.int64)
    cells = np.broadcast_to(cell, kind.shape).astype(np.int64)
    rows = (-1, kind.shape[-1])
    target, gain = np.zeros(kind.shape, np.int64).reshape(rows), np.empty(found.worth.size)
    users = (np.ascontiguousarray(part).reshape(rows) for part in (found.root, cells, kind))
    _count_kernels.best_slots(*users, found.worth.ravel(), found.level.ravel(), gain, target)
    return np.asarray(target.astype(float).reshape(kind.shape))
