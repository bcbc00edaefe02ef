"""Several servers, all of whose requests are known: good caches, and a bound from their unions."""

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from toolkit.arrays import Decision
from toolkit.errors import UserError
from toolkit.problems._proof import Prices

from ._unions import packable, packings, why_not
from .clairvoyant import CHEAPER, Clairvoyant, decided

if TYPE_CHECKING:
    from .known import Known

TURNS, PAIRS = 4, 3  # rounds of servers one by one, and pairs of servers together
SUBSETS = 64  # that fit a server, up to which pairs are tried
SURE = 1e-8  # relative: the proof's search for prices may end elsewhere by rounding
FAR = 20.0  # slacks below nothing: the proof then looks at all that is not surely below it


def refused(whole: Clairvoyant) -> str:
    """Why unions do not apply; empty: they do."""
    return why_not(whole.known) or ("" if whole.alike is not None else "Users are too different.")


class Unions:
    """One episode of equal servers whose users lose the same when they compute."""

    def __init__(self, whole: Clairvoyant) -> None:
        self._whole = whole
        self._known: Known = whole.known
        self._price = np.asarray(whole.data["load_price"])
        if reason := refused(whole):
            raise UserError(reason)
        assert whole.alike is not None
        shape = self._known.root.shape
        self._root = whole.alike.root.reshape(shape)
        self._worth, self._level = (x.reshape(shape[:2]) for x in whole.alike[1:])

    def caches(self) -> Decision:
        """Caches and targets from paths of one and of two servers at a time."""
        from . import _blocks_kernels

        known, subsets = self._known, self._whole.subsets
        path = np.zeros((len(known.root), len(known.rooms)), np.int64)
        worth = np.ascontiguousarray(known.local - known.served[..., None])
        slots = (self._root, worth, known.service, self._level)
        ways = (subsets.masks, subsets.less, subsets.more, self._price)
        pairs = PAIRS if len(subsets.masks) <= SUBSETS else 0
        _blocks_kernels.better_paths(slots, known.cell, self._whole.unit, *ways, TURNS, pairs, path)
        bits = (subsets.masks[path][..., None] >> np.arange(len(self._price))) & 1
        return decided(self._whole.data, bits.astype(float))

    @cached_property
    def even(self) -> np.ndarray:
        """QoE that offloading adds at most with each union, (steps, slots, unions)."""
        from . import _unions_kernels

        known, servers = self._known, len(self._known.rooms)
        out = np.empty((*known.level.shape, 1 << len(self._price)))
        for t, s in np.ndindex(*known.level.shape):
            slot = (self._root[t, s], known.cell, known.service[t, s])
            numbers = (self._worth[t, s], self._level[t, s], servers)
            _unions_kernels.even(*slot, *numbers, out[t, s])
        return out

    def bound(self) -> tuple[float, Prices]:
        """The reward that no decision exceeds, and from what it is proved."""
        found = self._whole.base + max(self._most(self._price), 0.0)
        if found == 0 and self._most((1 - CHEAPER) * self._price) <= 0:
            return 0.0, {"union": -FAR * self._known.slack}
        found += self._known.slack + SURE * abs(found)
        return found, {"union": found}

    def _most(self, price: np.ndarray) -> float:
        """What caches add at most: unions of the best path are looked at closely, until all are
        that."""
        from . import _unions_kernels

        subsets, servers = self._whole.subsets.masks, len(self._known.rooms)
        fits = packable(subsets, servers, len(self._price))
        table = self._whole.unit * self.even.sum(1)
        ways: dict[int, np.ndarray] = {}
        unseen = np.ones(table.shape, bool)
        while True:
            value, path = _unions_kernels.best_unions(table, fits, price)
            todo = [(t, u) for t, u in enumerate(path.tolist()) if unseen[t, u]]
            if not todo:
                return float(value)
            for t, u in todo:
                if u not in ways:
                    ways[u] = packings(u, subsets, servers)
                table[t, u] = min(table[t, u], self._closely(t, ways[u], self.even[t, :, u]))
                unseen[t, u] = False

    def _closely(self, t: int, ways: np.ndarray, even: np.ndarray) -> float:
        """Reward of a step's slots with the best of the packings, at most."""
        from . import _unions_kernels

        if not len(ways):
            return np.inf
        known = self._known
        slots = (self._root[t], known.cell, known.service[t], self._worth[t], self._level[t])
        return self._whole.unit * float(_unions_kernels.packed(*slots, ways, even.copy()))
