"""Choices worth a try without any search: nearest, greedy, best responses, pairs of moves."""

import numpy as np

from toolkit.arrays import Data

from . import _ranking_kernels as kernels
from .tables import tables

LIMIT = 4  # users on a server: the published priority rule's


def ranked_choices(data: Data) -> np.ndarray:
    """Choices of servers (rows, users), every one once, from the plainest to the best polished."""
    cost, weight = tables(data)
    heavy = np.argsort(-weight.mean(axis=-1), kind="stable")
    every = kernels.ranked(heavy, LIMIT, cost, weight)
    _, first = np.unique(every, axis=0, return_index=True)
    return np.asarray(every[np.sort(first)], float)


def nearest(data: Data, limit: int = 0) -> np.ndarray:
    """Every user's server of the cheapest transmission, (*batch, users).

    With a `limit` users choose in order, a server that has so many is full, and who finds all of
    them full stays local: the published priority rule.
    """
    cost, _ = tables(data)
    flat = np.ascontiguousarray(cost).reshape(-1, *cost.shape[-2:])
    found = kernels.nearest_all(limit or cost.shape[-2] + 1, flat)
    return np.asarray(found.astype(float).reshape(cost.shape[:-1]))


def polished(data: Data, server: np.ndarray, pairs: bool = True) -> np.ndarray:
    """Choices (*batch, users) after best responses and, with `pairs`, moves of two users at once.

    `data` is one instance, or one of as many axes as the choices have before their users. Each
    step lowers the cost of the choice, completed; at most 300 users move in pairs.
    """
    cost, weight = tables(data)
    many, cases = cost.shape[:-2], np.shape(server)[:-1]
    index = np.broadcast_to(np.arange(int(np.prod(many))).reshape(many), cases)
    flat = np.rint(np.asarray(server)).astype(np.int64).reshape(-1, cost.shape[-2])
    kernels.polish_all(
        flat,
        np.ascontiguousarray(index).ravel(),
        np.ascontiguousarray(cost).reshape(-1, *cost.shape[-2:]),
        np.ascontiguousarray(weight).reshape(-1, *weight.shape[-2:]),
        pairs,
    )
    return np.asarray(flat.astype(float).reshape(np.shape(server)))
