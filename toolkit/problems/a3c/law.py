"""The law of episodes: where devices stand, and what tasks come to them."""

import numpy as np

from toolkit.instances import rng_for


def regions_of(devices: int, parts: tuple[int, ...]) -> np.ndarray:
    """The server of each device, (devices,): as many in a region as `parts` says, or in this
    proportion; what is left over goes to the largest remainders."""
    exact = devices * np.array(parts, float) / sum(parts)
    count = np.floor(exact).astype(int)
    first = np.argsort(count - exact, kind="stable")[: devices - count.sum()]
    count[first] += 1
    return np.repeat(np.arange(len(parts)), count)


def topology(
    seed: int, within: tuple[float, float], cpus: tuple[float, ...], devices: int
) -> tuple[np.ndarray, np.ndarray]:
    """Distances (m) and CPUs (cycle/s) of devices, (devices,) each: as many of each CPU."""
    rng = rng_for("a3c", "topology", seed, devices)
    away = rng.uniform(*within, devices)
    return away, rng.permutation(np.resize(np.array(cpus, float), devices))


def rates(distance: np.ndarray, bandwidth: float, snr_at_1: float) -> np.ndarray:
    """Uplink W log2(1 + p d^-4 / N0), bit/s."""
    return np.asarray(bandwidth * np.log2(1 + snr_at_1 / distance**4))


def arrivals(rng: np.random.Generator, density: np.ndarray, slots: int, devices: int) -> np.ndarray:
    """1 where a task comes, (*batch, slots, devices): the same numbers serve every density
    (*batch,), so that a denser episode has the tasks of a thinner one."""
    drawn = rng.uniform(size=(*density.shape, slots, devices))
    return (drawn < density[..., None, None]).astype(float)


def sizes(
    rng: np.random.Generator, mean: float, spread: float, shape: tuple[int, ...]
) -> np.ndarray:
    """Uniform from (1 - spread) to (1 + spread) times the mean."""
    return mean * rng.uniform(1 - spread, 1 + spread, shape)


def on_grid(work: float, speed: np.ndarray, quantum: float) -> np.ndarray:
    """The speeds nearest to those given at which `work` takes a whole multiple of `quantum`."""
    steps = np.maximum(1, np.rint(work / speed / quantum))
    return np.asarray(work / (steps * quantum))
