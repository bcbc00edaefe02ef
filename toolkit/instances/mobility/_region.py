"""Where users walk, and how often they are seen."""

import numpy as np

PERIOD = 30.0  # seconds from one position to the next
LOW, HIGH = np.array([-809.0, -455.0]), np.array([1312.0, 1106.0])  # x and y in metres
FASTEST = 27.0  # m/s: what a generator's user may do; the fastest sample of the traces has 26.4


def clipped(points: np.ndarray) -> np.ndarray:
    """The nearest points of the region, (..., 2) in metres."""
    return np.asarray(np.clip(points, LOW, HIGH))


def folded(points: np.ndarray) -> np.ndarray:
    """Paths that went straight on, as if the region's borders had reflected them, (..., 2)."""
    width = HIGH - LOW
    inside = width - np.abs((points - LOW) % (2 * width) - width) + LOW
    return clipped(inside)  # rounding


def anywhere(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Uniform points of the region, (*shape, 2)."""
    return rng.uniform(LOW, HIGH, (*shape, 2))
