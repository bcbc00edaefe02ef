"""What a policy may see of an instance: dimensionless, equivariant, the same for all units.

Every user has features for each of its options, local computing (option 0) and the servers: a
policy that knows this takes `by_option`; to any other a user is one long row.
"""

import numpy as np

from toolkit.arrays import Data

from . import _feature_kernels
from .tables import tables

OPTION = _feature_kernels.OPTION


def features(data: Data) -> np.ndarray:
    """(*batch, users, (servers + 1) * OPTION), float32: `by_option`, the options side by side."""
    seen = by_option(data)
    return seen.reshape(*seen.shape[:-2], -1)


def by_option(data: Data) -> np.ndarray:
    """(*batch, users, servers + 1, OPTION), float32, around the best responses to greedy choices.

    Whether the option is local, and chosen there; its cost without load (of the local option: how
    the local cost stands to the mean), by itself, and beside the others there, all less the local
    cost and in its units; how far it is from the best option, with the others and without; what
    the user would load the server with, and with what it is loaded already; users to a server;
    the share of local users.
    """
    cost, weight = tables(data, quick=True)
    flat = [np.ascontiguousarray(t).reshape(-1, *t.shape[-2:]) for t in (cost, weight)]
    seen: np.ndarray = _feature_kernels.describe(*flat)
    return seen.reshape(*cost.shape, OPTION)
