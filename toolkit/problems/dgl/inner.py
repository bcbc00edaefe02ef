"""The best that is known of slots: exact where users are alike but for their links."""

from dataclasses import dataclass

import numpy as np

from toolkit.arrays import Data, Decision
from toolkit.problems.dgl_slot.tables import Tables, tables

from .slots import SLOT

SWAPS = 100  # users up to which pairs are exchanged


@dataclass(frozen=True, eq=False)
class Counted:
    """Slots of two cells and two servers whose users all lose the same when they compute."""

    root: np.ndarray  # (rows, users)
    cell: np.ndarray  # (rows, users)
    worth: np.ndarray  # (rows,)
    level: np.ndarray  # (rows,)

    @classmethod
    def of(cls, found: Tables, cell: np.ndarray) -> "Counted | None":
        """None where slots are not so, or offloading to who has not cached could help."""
        root = np.ascontiguousarray(found.root)
        worth = found.local[:, 0]
        alike = bool((found.local == worth[:, None]).all())
        if found.reach.shape[-1] != 2 or not alike or not dominated(found):
            return None
        level = np.broadcast_to(found.level, worth.shape)
        return cls(root, cell.astype(np.int64), np.array(worth), np.array(level))


def dominated(found: Tables) -> bool:
    """Whether no user ever gains by offloading to a server that has not cached its service."""
    return bool((found.detour >= found.local).all())


def best(slots: Data, rng: np.random.Generator | None = None) -> Decision:
    """Targets and shares of rows of slots: optimal by six counters where they apply, else a
    greedy choice, improved by changes of one user and of pairs."""
    return SLOT.complete(slots, {"target": targets(slots)})


def targets(slots: Data) -> np.ndarray:
    """Targets of rows of slots, (rows, users)."""
    from toolkit.problems.dgl_slot import _count_kernels

    found = tables(slots)
    shape = found.root.shape
    cell = np.array(np.broadcast_to(slots["cell"], shape), np.int64)
    counted, target = Counted.of(found, cell), np.zeros(shape, np.int64)
    if counted is None:
        return _improved(found, cell, target)
    kind = np.asarray(found.reach[..., 0] + 2 * found.reach[..., 1], np.int64)
    gain = np.empty(shape[0])
    args = (counted.root, counted.cell, kind, counted.worth, counted.level)
    _count_kernels.best_slots(*args, gain, target)
    return target.astype(float)


def _improved(found: Tables, cell: np.ndarray, target: np.ndarray) -> np.ndarray:
    from . import _greedy_kernels

    level = np.array(np.broadcast_to(found.level, target.shape[:1]))
    parts = [np.ascontiguousarray(part) for part in (found.local, found.root)]
    reach, swaps = np.ascontiguousarray(found.reach), target.shape[1] <= SWAPS
    _greedy_kernels.improved(*parts, cell, reach, level, swaps, target)
    return target.astype(float)
