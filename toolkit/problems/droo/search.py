"""The best modes of many instances at once, by branch and bound in one compiled call."""

from typing import NamedTuple

import numpy as np

from toolkit.arrays import Data

from . import _search_kernels
from .allocation import tables

MOST_NODES = 100_000  # of one instance's tree


class Modes(NamedTuple):
    """What a search found for every instance, arrays (*batch, …)."""

    modes: np.ndarray  # (*batch, n) of zeros and ones
    rates: np.ndarray  # bit/s
    bounds: np.ndarray  # bit/s: no mode is worth more, to rounding; not re-proved by anyone
    nodes: np.ndarray  # of the trees


def best_modes(data: Data, gap: float, most: int = MOST_NODES) -> Modes:
    """Modes that are optimal to the relative gap, unless a tree has more than `most` nodes."""
    batch = np.shape(data["gain"])[:-1]
    found = _search_kernels.best_modes(*tables(data), gap, most)
    return Modes(*(part.reshape((*batch, *part.shape[1:])) for part in found))
