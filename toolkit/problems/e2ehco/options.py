"""What options are worth while some users have not chosen.

Users who have chosen a server add 2 w L to what it costs a user of weight w, L being their load:
the others are left with a step of their own, and what they see of it says all that counts.
"""

import numpy as np

from toolkit.arrays import Data

from . import _option_kernels
from .tables import tables


class StepOptions:
    """Options of the users of a batch of steps: local computing, and the servers."""

    def __init__(self, data: Data) -> None:
        cost, weight = tables(data)
        self._cost = np.ascontiguousarray(cost).reshape(-1, *cost.shape[-2:])
        self._weight = np.ascontiguousarray(weight).reshape(-1, *weight.shape[-2:])

    def see(self, which: np.ndarray, chosen: np.ndarray, users: np.ndarray) -> np.ndarray:
        """(rows, u, servers + 1, SEEN), as `toolkit.problems.Options` has it."""
        seen: np.ndarray = _option_kernels.describe_open(
            *(np.ascontiguousarray(part, np.int64) for part in (which, chosen, users)),
            self._cost,
            self._weight,
        )
        return seen
