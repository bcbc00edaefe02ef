"""A few offload masks that are likely to be optimal: for each number of offloaders the best users.

Notation as in `_kernels`; s is the square root of the bandwidth price.
"""

from math import exp, inf

import numpy as np
from numba import njit

from toolkit.arrays import Data

from . import _kernels
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
        first = _top(_gains(k, np.zeros(len(k)), self.table, *self._scalars), ks)
        price = _prices(first, k, self.table, *self._scalars)
        second = _top(_gains(k, price, self.table, *self._scalars), ks)
        return first, second, _losses(second, k, price, self.table, *self._scalars)


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


@njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _gains(ks, prices, table, deadline, total, delay, energy, p_max):  # type: ignore[no-untyped-def]
    """Local less remote cost, (len(ks), n), at the price s where it is positive, else at B/k."""
    rows, n = ks.shape[0], table.shape[1]
    gains = np.empty((rows, n))
    for r in range(rows):
        for i in range(n):
            if prices[r] > 0.0:
                cost = _kernels.minorant(
                    prices[r], ks[r], table, i, deadline, delay, energy, p_max
                )[0]
            else:
                cost = _remote(total / ks[r], ks[r], table, i, deadline, delay, energy)
            gains[r, i] = inf if table[0, i] == inf else table[0, i] - cost
    return gains


@njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _remote(b, k, table, i, deadline, delay, energy):  # type: ignore[no-untyped-def]
    """Cost of user i with bandwidth b among k offloaders; where it is late, as if B were larger."""
    work = table[5, i] * k
    room = deadline - work
    if room <= 0.0:
        return inf
    if table[4, i] * table[2, i] <= b * room:
        return table[2, i] ** 2 / b + delay * work
    y = table[6, i] / (b * room)
    scale = max(1.0, y / table[8, i])
    y = min(y, table[8, i])
    return delay * deadline + scale * energy * room * (exp(y) - 1.0) / table[7, i]


@njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _prices(masks, ks, table, deadline, total, delay, energy, p_max):  # type: ignore[no-untyped-def]
    """For each mask the s at which its users' demand is B; that of slack deadlines if none is."""
    out = np.empty(masks.shape[0])
    for r in range(masks.shape[0]):
        out[r] = _kernels._price(masks[r], ks[r], table, deadline, total, energy)
        if out[r] == inf:
            out[r] = np.sum(masks[r] * table[2]) / total
    return out


@njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _losses(masks, ks, prices, table, deadline, total, delay, energy, p_max):  # type: ignore[no-untyped-def]
    """For each mask and price the dual value less the local costs of all, +inf if infeasible."""
    out = np.empty(masks.shape[0])
    for r in range(masks.shape[0]):
        s, k, need = prices[r], ks[r], 0.0
        out[r] = -s * s * total
        for i in range(masks.shape[1]):
            if masks[r, i] > 0.5:
                local = 0.0 if table[0, i] == inf else table[0, i]
                cost = _kernels.minorant(s, k, table, i, deadline, delay, energy, p_max)[0]
                out[r] += cost - local
                room = deadline - table[5, i] * k
                need += table[6, i] / (table[8, i] * room) if room > 0.0 else inf
        if need > total:
            out[r] = inf
    return out
