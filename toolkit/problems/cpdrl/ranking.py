"""A few offload masks that are likely to be optimal: for each number of offloaders the best users.

Notation as in `_kernels`; s is the square root of the bandwidth price.
"""

import numpy as np

from toolkit.arrays import Data

from . import _ranking_kernels
from .allocation import user_table

MOST = 64  # numbers k of offloaders that are tried
ENTRIES = 1 << 21  # of the masks of one ranking


def ranked_masks(data: Data) -> np.ndarray:
    """For each number k of offloaders two masks: best users at share B/k, then at a price.

    The k users of largest gain, local less remote cost: first with the remote cost at bandwidth
    B/k, then with s^2 b + cost(b) at its best b, for the price at which the first mask uses up B.
    Shape (rows, n), the all-local mask first. Users that cannot run locally are in every mask, so
    that k starts at their number. All k are tried up to n = 64; beyond, at most 64 (fewer where
    the masks would have over 2^22 entries) around the k at which a coarse-to-fine scan finds the
    second mask cheapest.
    """
    users = _Users(data)
    first, second, _ = users.masks(_window(users))
    local = np.zeros((0 if users.forced else 1, users.n))
    return np.concatenate([local, first, second])


class _Users:
    """The constants of one instance's users, and the masks that they suggest."""

    def __init__(self, data: Data) -> None:
        self.table = user_table(data)
        self.n = self.table.shape[1]
        self.forced = int(np.isinf(self.table[0]).sum())
        names = ("deadline", "bandwidth", "weight_delay", "weight_energy", "p_max")
        self._scalars = tuple(float(data[name]) for name in names)

    def masks(self, ks: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The masks of `ranked_masks` for every k, (len(ks), n) each, and the second's losses.

        A loss is the dual value at the mask's price, less the cost of all-local; +inf: infeasible.
        """
        k = ks.astype(float)
        first = _top(_ranking_kernels.gains(k, np.zeros(len(k)), self.table, *self._scalars), ks)
        price = _ranking_kernels.prices(first, k, self.table, *self._scalars)
        second = _top(_ranking_kernels.gains(k, price, self.table, *self._scalars), ks)
        return first, second, _ranking_kernels.losses(second, k, price, self.table, *self._scalars)


def _window(users: _Users) -> np.ndarray:
    """The numbers of offloaders to try, ascending."""
    size = min(MOST, max(4, ENTRIES // users.n))
    start = low = max(1, users.forced)
    high = users.n
    while high - low >= size:
        grid = np.unique(np.linspace(low, high, 9).astype(int))
        best = int(np.argmin(users.masks(grid)[2]))
        low, high = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
    first = max(start, min((low + high - size) // 2 + 1, users.n - size + 1))
    return np.arange(first, min(first + size, users.n + 1))


def _top(value: np.ndarray, ks: np.ndarray) -> np.ndarray:
    """Row j marks the ks[j] largest values of its row."""
    masks = np.zeros_like(value)
    for row, k, mask in zip(value, ks, masks, strict=True):
        mask[np.argpartition(row, len(row) - k)[len(row) - k :]] = 1.0
    return masks
