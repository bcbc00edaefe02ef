"""What re-proves certificates: the congestion's proof on lower bounds of an instance's table."""

from dataclasses import replace

import numpy as np

from toolkit.arrays import Data, Decision
from toolkit.problems._congestion.proof import CongestionProof, Enclosure, Region
from toolkit.problems._proof import Arithmetic, Prices

from .problem import shares_are_decided
from .rigorous import lower_computing, lower_tables


class StepProof(CongestionProof):
    """The `Proof` of one step.

    The loss of every choice is at least that of a table whose costs and weights are exactly the
    lower bounds of its own: so that table's bounds are bounds of the step.
    """

    def __init__(self, data: Data, arithmetic: Arithmetic = "float") -> None:
        cost, weight = lower_tables(data)
        users, options = cost.shape
        touched = np.broadcast_to(np.arange(-1, options - 1)[:, None], (users, options, 1))
        known = Enclosure(cost, np.stack([weight, weight]), touched)
        super().__init__(known, lambda decision: decision["server"], arithmetic)


class EqualProof(StepProof):
    """Where servers are split equally: k users of a server cost k sum a / F.

    That is at least the square of the load, on which all other bounds rest; a region of a single
    choice, and single choices, have what they cost.
    """

    def __init__(self, data: Data, arithmetic: Arithmetic = "float") -> None:
        super().__init__(data, arithmetic)
        self._price = lower_computing(data)

    def bound(self, region: Region, prices: Prices) -> float:
        bound = super().bound(replace(region, floor=np.inf), prices)
        if np.isfinite(bound) and (region.allowed.sum(1) == 1).all():
            bound = max(bound, float(self._each(region.allowed.argmax(1)[None])[0]))
        return min(bound, region.floor)

    def bound_each(self, discrete: Decision) -> np.ndarray:
        squares = super().bound_each(discrete)
        return np.asarray(np.maximum(squares, self._each(np.asarray(discrete["server"], int))))

    def _each(self, choice: np.ndarray) -> np.ndarray:
        """Lower bounds of choices (rows, users).

        n + M terms, each at least 0, of at most n + 2 roundings: n + 4 units of 2^-53 a sum of n,
        so that 2 n + M + 8 of them, and as many again, cover all.
        """
        users, servers = self._price.shape
        everyone = np.arange(users)
        total = self._known.cost[everyone, choice].sum(-1)
        for m in range(servers):
            on = choice == m + 1
            total = total + on.sum(-1) * (on * self._price[:, m]).sum(-1)
        return np.asarray(total * (1 - 2 * (2 * users + servers + 8) * 2.0**-53))


def proof(data: Data, arithmetic: Arithmetic) -> StepProof:
    """Of one instance."""
    return (StepProof if shares_are_decided(data) else EqualProof)(data, arithmetic)
