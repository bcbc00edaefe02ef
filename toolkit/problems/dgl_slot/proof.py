"""What re-proves certificates: the congestion's proof on lower bounds of an instance's table."""

from dataclasses import replace
from functools import cache

import numpy as np

from toolkit.arrays import Data, Decision
from toolkit.errors import UserError
from toolkit.problems._congestion.proof import CongestionProof, Enclosure, Region
from toolkit.problems._proof import Arithmetic, Prices

from .rigorous import Bands, lower
from .tables import spare, touched

MOST_SETS = 1 << 16  # of a cell's users, in a batch of choices: each is bounded in balls


class SlotProof(CongestionProof):
    """The `Proof` of one slot.

    Who is not served is the same on all such servers. So there is a best decision in which such a
    user is on the first of them; and one in which it is on none, where that is proved to cost no
    less than to compute locally: the root holds no other.
    """

    def __init__(self, data: Data, arithmetic: Arithmetic = "float") -> None:
        known = lower(data)
        cached = np.asarray(data["cached"])[:, np.asarray(data["service"], int)].T > 0
        users, servers = cached.shape
        cost = np.where(cached, known.served, known.detour[:, None])
        everyone, cell = np.arange(users), np.asarray(data["cell"], int)
        weight = np.zeros((users, 2 * servers))
        weight[everyone, cell] = known.root
        weight[:, servers:] = known.level
        self._spare = spare(cached, known.vain)
        cost = np.concatenate([known.local[:, None], cost], axis=1)
        table = Enclosure(cost, np.stack([weight, weight]), touched(cell, cached))
        super().__init__(table, lambda decision: decision["target"], arithmetic)

    def root(self) -> Region:
        """Every choice that can be the best one."""
        whole = super().root()
        return replace(whole, allowed=whole.allowed & ~self._spare)


class BandProof(SlotProof):
    """Where the noise is that of the part of a band in use: squares of loads are only bounds.

    A region of a single choice, and single choices, have what the users of each cell lose.
    """

    def __init__(self, data: Data, arithmetic: Arithmetic = "float") -> None:
        super().__init__(data, arithmetic)
        self._lost, self._cell = cache(Bands(data).least), np.asarray(data["cell"], int)
        weight = self._known.weight.copy()
        weight[:, :, : len(data["cached"])] = 0.0
        apart = replace(self._known, weight=weight)
        self._rest = CongestionProof(apart, self._options, arithmetic)

    def bound(self, region: Region, prices: Prices) -> float:
        bound = super().bound(replace(region, floor=np.inf), prices)
        if np.isfinite(bound) and (region.allowed.sum(1) == 1).all():
            bound = max(bound, float(self._each(region.allowed.argmax(1)[None])[0]))
        return min(bound, region.floor)

    def bound_each(self, discrete: Decision) -> np.ndarray:
        squares = super().bound_each(discrete)
        return np.asarray(np.maximum(squares, self._each(np.asarray(discrete["target"], int))))

    def _each(self, choice: np.ndarray) -> np.ndarray:
        """Lower bounds of choices (rows, users): each sum is rounded down."""
        total = self._rest.bound_each({"target": choice})
        for g in np.unique(self._cell):
            users = np.flatnonzero(self._cell == g)
            sets, which = np.unique(choice[:, users] > 0, axis=0, return_inverse=True)
            if len(sets) > MOST_SETS:
                raise UserError(f"A cell has more than {MOST_SETS:,} sets of users to bound.")
            lost = [self._lost(tuple(users[s].tolist())) for s in sets]
            total = np.nextafter(total + np.array(lost)[which.ravel()], -np.inf)
        return np.asarray(total)


def proof(data: Data, arithmetic: Arithmetic) -> SlotProof:
    """Of one instance."""
    return (SlotProof if data["noise_fixed"] == 1 else BandProof)(data, arithmetic)
