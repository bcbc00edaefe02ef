"""From a relaxed decision to vectors of bits."""

import functools
import itertools

import numpy as np


def relaxed(logits: np.ndarray) -> np.ndarray:
    """Their sigmoids, float64: a relaxed decision."""
    found: np.ndarray = 0.5 + 0.5 * np.tanh(0.5 * logits.astype(float))
    return found


def order_preserving(relaxed: np.ndarray, k: int) -> np.ndarray:
    """Thresholds at 0.5, then at the entries nearest to it: (rows, n) to (rows, k, n), k <= n.

    Entries keep their order: who is above a threshold is so with all that are above him.
    """
    order = np.argsort(np.abs(relaxed - 0.5), axis=-1, kind="stable")[:, : k - 1]
    cut = np.take_along_axis(relaxed, order, -1)[..., None]
    value = relaxed[:, None]
    others = np.where(cut > 0.5, value > cut, value >= cut)
    return np.concatenate([value > 0.5, others], axis=1).astype(float)


def nearest(relaxed: np.ndarray, k: int) -> np.ndarray:
    """The k vectors of bits at the least Euclidean distances, (rows, n) to (rows, k, n)."""
    first, doubt = relaxed > 0.5, np.abs(relaxed - 0.5)
    flips = _flips(relaxed.shape[-1], k)
    unsure = np.argsort(doubt, axis=-1, kind="stable")[:, : flips.shape[-1]]
    price = np.take_along_axis(doubt, unsure, -1) @ flips.T.astype(float)
    chosen = np.argsort(price, axis=-1, kind="stable")[:, :k]
    bits = np.repeat(first[:, None], chosen.shape[1], axis=1)
    where = np.broadcast_to(unsure[:, None], flips[chosen].shape)
    np.put_along_axis(bits, where, np.take_along_axis(bits, where, -1) ^ flips[chosen], -1)
    return bits.astype(float)


@functools.lru_cache(maxsize=64)
def _flips(n: int, k: int) -> np.ndarray:
    """Sets of the most uncertain bits among which the k nearest vectors are, (sets, at most n).

    A flip of the j-th most uncertain bit is dearer than j others (none, and each before it), and
    a set is dearer than its own subsets: so j < k, and 2^size <= k.
    """
    width = min(n, max(k - 1, 1))
    sizes = range(min(width, k.bit_length() - 1) + 1)
    sets = [s for size in sizes for s in itertools.combinations(range(width), size)]
    flips = np.zeros((len(sets), width), bool)
    for row, chosen in enumerate(sets):
        flips[row, list(chosen)] = True
    return flips


QUANTISERS = {"order": order_preserving, "knn": nearest}
