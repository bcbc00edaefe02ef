"""The law of tasks, requests, places and links: arrays of any leading axes (2.1, 2.3)."""

from math import log2

import numpy as np

KIB, MIB, GIB = 2.0**10, 2.0**20, 2.0**30
REACH = 100  # m: users stand within so far of their server along each axis
NEAREST = 1.0  # m: who is nearer counts as that far
LOSS_AT_KM, LOSS_PER_DECADE = 128.1, 37.6  # dB
FAINTEST = 1e-9  # a fading below has no place in an instance


def bits_of(services: int) -> np.ndarray:
    """Input of a task of each service, 500 k KiB, (services,)."""
    return 500.0 * np.arange(1, services + 1) * KIB * 8


def cycles_of(services: int) -> np.ndarray:
    """Its cycles: 400 + 50 k a bit, a tenth of it."""
    return np.asarray((400.0 + 50.0 * np.arange(1, services + 1)) * bits_of(services) / 10)


def sizes_of(services: int) -> np.ndarray:
    """Bytes of a service in a cache, 2000 k MiB, (services,)."""
    return 2000.0 * np.arange(1, services + 1) * MIB


def zipf(services: int, exponent: float) -> np.ndarray:
    """Popularities, the largest first, (services,)."""
    mass = np.arange(1, services + 1) ** -exponent
    return np.asarray(mass / mass.sum())


def published_popularity(services: int, exponent: float) -> np.ndarray:
    """As the published code has it: a law over twice as many items, cut off.

    The first items are the services from the last to the first; all that is missing falls on
    the first service, which so is the most popular.
    """
    mass = zipf(2 * services, exponent)[:services][::-1].copy()
    mass[0] += 1 - mass.sum()
    return np.asarray(mass)


def requests(
    rng: np.random.Generator, popularity: np.ndarray, shape: tuple[int, ...]
) -> np.ndarray:
    """The service (from 0) that each user asks for; `popularity` (*, services) fits `shape`."""
    edges = np.cumsum(popularity, axis=-1)[..., :-1]
    drawn = rng.uniform(size=shape)
    return np.asarray((drawn[..., None] >= edges).sum(-1), float)


def cells(users: int, servers: int) -> np.ndarray:
    """Blocks of consecutive users as equal as can be, (users,), from 0."""
    return np.asarray(np.arange(users) * servers // users, float)


def distances(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """From users to their cell's server, m: whole metres along each axis."""
    apart = rng.integers(-REACH, REACH, (2, *shape))
    return np.asarray(np.maximum(np.hypot(*apart), NEAREST))


def fading(rng: np.random.Generator, kind: str, shape: tuple[int, ...]) -> np.ndarray:
    """What multiplies a power gain: "power" is exponential, as a Rayleigh channel has it;
    "amplitude" the Rayleigh amplitude that the published code puts there; "none" is 1."""
    if kind == "none":
        return np.ones(shape)
    drawn = rng.exponential(size=shape) if kind == "power" else rng.rayleigh(size=shape)
    return np.asarray(np.maximum(drawn, FAINTEST))


def efficiencies(distance: np.ndarray, faded: np.ndarray, snr_at_1: float) -> np.ndarray:
    """bit/s/Hz over the whole band; `snr_at_1` is transmit power over the noise of it."""
    loss = LOSS_AT_KM + LOSS_PER_DECADE * np.log10(distance / 1e3)
    return np.asarray(np.log1p(snr_at_1 * faded * 10 ** (-loss / 10)) * log2(np.e))


def placements(
    rng: np.random.Generator, sizes: np.ndarray, capacity: float, shape: tuple[int, ...]
) -> np.ndarray:
    """Caches (*shape, services) of servers filled in random order: what still fits is taken."""
    order = np.argsort(rng.uniform(size=(*shape, len(sizes))), axis=-1)
    cached, room = np.zeros(order.shape), np.full(shape, float(capacity))
    for k in np.moveaxis(order, -1, 0):
        fits = sizes[k] <= room
        room = room - sizes[k] * fits
        np.put_along_axis(cached, k[..., None], fits[..., None] * 1.0, axis=-1)
    return cached
