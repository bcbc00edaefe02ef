"""How generated walks differ from real ones: two-sample Kolmogorov–Smirnov distances."""

from collections.abc import Mapping

import numpy as np

from . import Walks
from ._region import PERIOD

MEASURES = {
    "speed": "speed over 30 s (m/s)",
    "moved_5": "displacement in 5 min (m)",
    "moved_45": "displacement in 45 min (m)",
    "x": "position x (m)",
    "y": "position y (m)",
    "apart": "distance between two users (m)",
}
STEPS, USERS = 100, 10


def measured(model: Walks, seed: int, episodes: int = 200) -> dict[str, np.ndarray]:
    """Samples of every measure, over episodes of 50 minutes with 10 users."""
    path = model.positions(np.random.default_rng(seed), USERS, STEPS, (episodes,))
    return {
        "speed": _moved(path, 1) / PERIOD,
        "moved_5": _moved(path, 10),
        "moved_45": _moved(path, 90),
        "x": path[..., 0].ravel(),
        "y": path[..., 1].ravel(),
        "apart": np.hypot(*np.moveaxis(path[..., 1:, :] - path[..., :1, :], -1, 0)).ravel(),
    }


def compared(real: Mapping[str, np.ndarray], made: Mapping[str, np.ndarray]) -> dict[str, float]:
    """The Kolmogorov–Smirnov distance of every measure, from 0 to 1."""
    return {name: distance(real[name], made[name]) for name in MEASURES}


def distance(one: np.ndarray, other: np.ndarray) -> float:
    """The greatest difference of two empirical distribution functions."""
    points = np.concatenate([one, other])
    shares = [np.searchsorted(np.sort(part), points, "right") / len(part) for part in (one, other)]
    return float(np.max(np.abs(shares[0] - shares[1])))


def _moved(path: np.ndarray, rows: int) -> np.ndarray:
    """Distances between positions so many rows apart, one flat array of metres."""
    gone = path[:, rows:] - path[:, :-rows]
    return np.asarray(np.hypot(gone[..., 0], gone[..., 1])).ravel()
