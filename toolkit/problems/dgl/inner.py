"""The best that is known of slots: exact where users are alike but for their links."""

import numpy as np

from toolkit.arrays import Data, Decision
from toolkit.problems.dgl_slot.counting import counted, dominated
from toolkit.problems.dgl_slot.tables import Tables, tables

from .slots import SLOT

SWAPS = 100  # users up to which pairs are exchanged


def best(slots: Data, rng: np.random.Generator | None = None) -> Decision:
    """Targets and shares of rows of slots: optimal by six counters where they apply, else a
    greedy choice, improved by changes of one user and of pairs."""
    return SLOT.complete(slots, {"target": targets(slots)})


def targets(slots: Data) -> np.ndarray:
    """Targets of rows of slots, (rows, users)."""
    found = tables(slots)
    exact = counted(found, slots["cell"])
    if exact is not None:
        return exact
    good = improved(found, slots["cell"])
    # a cloud that is better than to compute is used through any server: by the slots' own search
    return good if dominated(found) else SLOT.polish(slots, {"target": good})["target"]


def improved(found: Tables, cell: np.ndarray) -> np.ndarray:
    """Good targets of rows of slots, by the best change again and again."""
    from . import _greedy_kernels

    shape = found.root.shape
    level, target = np.array(np.broadcast_to(found.level, shape[:1])), np.zeros(shape, np.int64)
    parts = [np.ascontiguousarray(part) for part in (found.local, found.root)]
    cells = np.array(np.broadcast_to(cell, shape), np.int64)
    reach, swaps = np.ascontiguousarray(found.reach), shape[1] <= SWAPS
    _greedy_kernels.improved(*parts, cells, reach, level, swaps, target)
    return target.astype(float)
