"""A few modes that are likely to be optimal: threshold sets.

For a price v of time users offload in the order of l / g: with equal weights, of their gains. A
larger price bends the order between weights, a larger charge lengthens the set.
"""

import numpy as np

from toolkit.arrays import Data

from . import _dual_kernels, _kernels
from .allocation import tables

ALL = 32  # up to so many users every threshold is tried
WINDOW = 12  # set sizes on either side of the dual's own, beyond
BENT = (0.5, 0.7, 0.85, 1.0, 1.2, 1.5, 2.0)  # prices, in units of the dual's best


def ranked_modes(data: Data) -> np.ndarray:
    """All-local, all-offload, the sets of the dual's solution, and prefixes of the orders of
    seven prices around it, (rows, n), every mode once."""
    local, snr, rate = (part[0] for part in tables(data))
    member, values = _kernels.classes(rate)
    n, free = len(local), np.zeros(len(local), np.int8)
    start = _dual_kernels.first_price(local, snr, values, member)
    _, v, _, sets, _, found = _dual_kernels.best_price(
        start, 0.0, 1.0, free, 0.0, local, snr, member, values
    )
    modes = [np.zeros((1, n)), np.ones((1, n)), sets, found[None]]
    sizes = _sizes(n, int(found.sum()))
    for price in v * np.array(BENT):
        y = np.array([_dual_kernels.exponent_of(price / value) for value in values])[member]
        order = np.argsort(local / (rate * snr * np.exp(-y)), kind="stable")
        rank = np.empty(n)
        rank[order] = np.arange(n)
        modes.append((rank < sizes[:, None]).astype(float))
    every = np.concatenate(modes)
    _, first = np.unique(np.packbits(every > 0.5, axis=-1), axis=0, return_index=True)
    return every[np.sort(first)]


def _sizes(n: int, size: int) -> np.ndarray:
    """The set sizes to try."""
    if n <= ALL:
        return np.arange(1, n)
    return np.arange(max(1, size - WINDOW), min(n, size + WINDOW + 1))
