"""What a policy may see of an instance: dimensionless, equivariant, the same for all units."""

import numpy as np

from toolkit.arrays import Data

from . import _feature_kernels
from .allocation import tables


def features(data: Data) -> np.ndarray:
    """(*batch, n, FEATURES), float32: every user's margins between offloading and computing.

    At the price of time and the charge of the dual's two solutions and of the best mode they
    suggest; whether the user is in these; its rates in units of the whole, its SNR; and for all
    users alike the charge, the share of offloaders and the dual's gap.
    """
    shape = np.shape(data["gain"])
    seen: np.ndarray = _feature_kernels.describe(*tables(data))
    return seen.reshape(*shape, seen.shape[-1])
