"""What a policy may see of an instance: dimensionless, equivariant, the same for all units."""

import numpy as np

from toolkit.arrays import Data

from . import _feature_kernels
from .allocation import tables

WEIGHTS = ("deadline", "bandwidth", "weight_delay", "weight_energy", "p_max")


def features(data: Data) -> np.ndarray:
    """(*batch, n, FEATURES), float32. All costs in units of the mean local cost.

    Around one set of users, the cheapest prefix of a ranking by marginal cost, every user has its
    costs, its margin (local less remote cost at the set's bandwidth price, with what its presence
    costs the others), the margin of flipping it alone, its distance to the weakest member and to
    the strongest outsider, its rank, and how hard its deadline presses.
    """
    shape = np.shape(data["size"])
    scalars = [np.ascontiguousarray(data[key], float).reshape(-1) for key in WEIGHTS]
    seen: np.ndarray = _feature_kernels.describe(tables(data), *scalars)
    return seen.reshape(*shape, seen.shape[-1])
