"""What re-proves certificates: the congestion's proof on lower bounds of an instance's table."""

from dataclasses import replace

import numpy as np

from toolkit.arrays import Data
from toolkit.problems._congestion.proof import CongestionProof, Enclosure, Region
from toolkit.problems._proof import Arithmetic

from .rigorous import lower
from .tables import spare, touched


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
        table = Enclosure(
            np.concatenate([known.local[:, None], cost], axis=1),
            np.stack([weight, weight]),
            touched(cell, cached),
        )
        super().__init__(table, lambda decision: decision["target"], arithmetic)

    def root(self) -> Region:
        """Every choice that can be the best one."""
        whole = super().root()
        return replace(whole, allowed=whole.allowed & ~self._spare)


def proof(data: Data, arithmetic: Arithmetic) -> SlotProof:
    """Of one instance."""
    return SlotProof(data, arithmetic)
