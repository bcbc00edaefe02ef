"""Choices worth a try without any search: local, own servers, greedy, and moves from there."""

import math
from collections.abc import Callable

import numpy as np

from toolkit.arrays import Data, Decision
from toolkit.problems._congestion import _polish_kernels as kernels
from toolkit.problems._congestion._price_kernels import price_all

from .tables import Form, form


def ranked_choices(data: Data) -> np.ndarray:
    """Choices (rows, users), every one once, from the plainest to the best polished."""
    table = form(data)
    local, own = np.zeros(len(data["bits"])), nearest(data)
    light = np.argsort(table.root, kind="stable")
    greedy = local.astype(np.int64)
    kernels.greedy(light, *_arrays(table), greedy)
    starts = np.stack([local, own, greedy])
    every = np.concatenate([starts, polished(data, starts)])
    _, first = np.unique(every, axis=0, return_index=True)
    return np.asarray(every[np.sort(first)])


def nearest(data: Data, limit: int = 0) -> np.ndarray:
    """Every user's own server, (*batch, users): sending to all servers costs the same.

    With a `limit` users choose in order, and who finds theirs full stays local.
    """
    cell = np.asarray(data["cell"], float)
    if not limit:
        return cell + 1
    before = np.stack(
        [(cell[..., :i] == cell[..., i, None]).sum(-1) for i in range(cell.shape[-1])], axis=-1
    )
    return np.where(before < limit, cell + 1, 0.0)


def polished(data: Data, target: np.ndarray, pairs: bool = True) -> np.ndarray:
    """Choices (*batch, users) after moves of single users and, with `pairs`, of two at once.

    `data` is one instance, or one of as many axes as the choices have before their users. Each
    move lowers the loss of the choice, completed, with noise of the whole band.
    """
    table = form(data)
    flat, index = _rows(table, target)
    top = np.ascontiguousarray(table.top).reshape(-1, table.top.shape[-1])
    kernels.polish_all(flat, index, *_flat(table), top, pairs)
    return np.asarray(flat.astype(float).reshape(np.shape(target)))


def pricing(data: Data) -> Callable[[Decision], np.ndarray]:
    """The loss of choices, completed, with noise of the whole band; data as in `polished`."""
    table = form(data)
    _, *arrays = _flat(table)

    def loss(discrete: Decision) -> np.ndarray:
        flat, index = _rows(table, discrete["target"])
        out = np.empty(len(flat))
        price_all(flat, index, *arrays, out)
        return out.reshape(np.shape(discrete["target"])[:-1])

    return loss


def _rows(table: Form, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Targets as options (rows, users), and which of the slots each row is of."""
    many, cases = table.root.shape[:-1], np.shape(target)[:-1]
    index = np.broadcast_to(np.arange(math.prod(many)).reshape(many), cases)
    flat = np.rint(np.asarray(target)).astype(np.int64).reshape(-1, table.root.shape[-1])
    return flat, np.ascontiguousarray(index).ravel()


def _flat(table: Form) -> list[np.ndarray]:
    """What the kernels read, slots along one axis."""
    lead = table.root.ndim - 1
    return [part.reshape(-1, *part.shape[lead:]) for part in _arrays(table)]


def _arrays(table: Form) -> tuple[np.ndarray, ...]:
    """What the kernels read, contiguous."""
    parts = (~table.spare, table.cost, table.resource, table.weight)
    return tuple(np.ascontiguousarray(part) for part in parts)
