"""What a policy may see of an instance: dimensionless, equivariant, the same for all units."""

import numpy as np

from toolkit.arrays import Data

from . import _feature_kernels
from .allocation import tables

WEIGHTS = ("deadline", "bandwidth", "weight_delay", "weight_energy", "p_max")


def features(data: Data, view: str = "context") -> np.ndarray:
    """(*batch, n, features), float32. All costs in units of the mean local cost.

    "context": around one set of users, the cheapest prefix of a ranking by marginal cost, every
    user has its costs, its margin (local less remote cost at the set's bandwidth price, with what
    its presence costs the others), the margin of flipping it alone, its distance to the weakest
    member and to the strongest outsider, its rank, how hard its deadline presses, and how full
    the bandwidth is. The set is nearly optimal by itself: two views tell what learning adds.
    "rank": every user's own costs, and its rank by how many could share the resources before it
    gained nothing. "plain": its own costs alone.
    """
    shape = np.shape(data["size"])
    scalars = [np.ascontiguousarray(data[key], float).reshape(-1) for key in WEIGHTS]
    if view == "context":
        seen: np.ndarray = _feature_kernels.describe(tables(data), *scalars)
    else:
        seen = _feature_kernels.describe_plainly(tables(data), *scalars)
        seen = seen if view == "rank" else seen[..., : _feature_kernels.PLAIN]
    return seen.reshape(*shape, seen.shape[-1])
