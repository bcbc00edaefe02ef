"""What re-proves certificates of episodes: nothing is shared with the solvers but the slots' data.

Numbers of each slot come from `dgl_slot.rigorous`, doubles that no number of the loss is below;
what is computed from them here is in doubles, and what rounding may come to is added (`slack`).

Three kinds of prices. {"above": x}: two servers; the programme over all pairs of caches is run
again (`_pairs`). {"union": x}: more servers; the same over unions of caches (`_unions`). {"band",
"cpu", "store"}: multipliers of the cells' loads, the servers' counts and the caches' room; services
then are apart (`_apart`). Any numbers give a bound.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from toolkit.arrays import Data, Decision
from toolkit.problems._proof import Arithmetic, How, Prices
from toolkit.problems.dgl_slot.rigorous import lower

from ._apart import apart_bound
from ._pairs import pairs_bound
from ._unions import unions_bound
from .known import Known

Region = None


class EpisodeProof:
    """The `Proof` of one episode: its only region are all decisions."""

    def __init__(self, data: Data, arithmetic: Arithmetic = "float") -> None:
        self._known = Known.of(data, lower)

    def root(self) -> Any:
        return Region

    def split(self, region: Any, how: How) -> Sequence[Any]:
        raise ValueError("Episodes are not split.")

    def bound(self, region: Any, prices: Prices) -> float:
        """- the reward that no feasible decision exceeds."""
        if set(prices) == {"above"}:
            return -pairs_bound(self._known, float(prices["above"]))
        if set(prices) == {"union"}:
            return -unions_bound(self._known, float(prices["union"]))
        return -apart_bound(self._known, prices)

    def bound_each(self, discrete: Decision) -> np.ndarray:
        """Of every row of caches and targets."""
        return -self._known.worth_of(discrete)
