"""The bound with services apart: any multipliers of what servers and cells share give one.

(sum a)^2 >= 2 l sum a - l^2 for a cell's load, (v n)^2 >= 2 u v n - u^2 for a server's count, and a
price p of a byte in a cache. What is left is a sum over services: each has a best path through the
sets of servers that cache it, and a user goes where the price is least (2.9 iii, UB2).
"""

from typing import Any

import numpy as np

from toolkit.problems._proof import Prices

from .known import EPS, Known

SERVERS = 6  # sets of servers are listed
LARGEST = 1e6  # multipliers


def apart_bound(known: Known, prices: Prices) -> float:
    """The reward that no decision exceeds; ValueError where prices are not such."""
    steps, slots, users = known.service.shape
    servers = len(known.data["limit"])
    if servers > SERVERS:
        raise ValueError(f"Sets of at most {SERVERS} servers are listed.")
    band, cpu = (_array(prices, key, (steps, slots, servers)) for key in ("band", "cpu"))
    store = _array(prices, "store", (steps, servers))
    toll = 2 * band[..., known.cell] * known.root
    served = known.local - known.served[..., None] - toll
    else_ = np.maximum(0.0, known.local - known.detour - toll)
    worth = _by_service(known, served, else_, 2 * known.level[..., None] * cpu)
    capacity, least = known.data["capacity"], float(known.data["overflow_price"])
    free = np.minimum(store, least)
    room = (free * capacity + (store - free) * known.rooms).sum()
    fixed = known.unit * (-known.local.sum() + (band**2).sum() + (cpu**2).sum()) + room
    best = _paths(known, known.unit * worth, store)
    size = np.abs(known.local).sum() + np.abs(known.served).sum() * users + toll.sum()
    size = known.unit * (size + (band**2).sum() + (cpu**2).sum() * users) + room
    size = size + (store * known.data["size"].sum()).sum()
    return float(fixed + best + known.slack + (users + 64) * EPS * 64 * size)


def _array(prices: Prices, key: str, shape: tuple[int, ...]) -> np.ndarray:
    value = np.asarray(prices.get(key, 0.0), float)
    value = np.zeros(shape) if value.ndim == 0 else value
    if value.shape != shape or not (np.abs(value) <= LARGEST).all() or set(prices) - KEYS:
        raise ValueError(f"Prices {key} are {shape} numbers of at most {LARGEST:g}.")
    return np.maximum(value, 0.0)


KEYS = {"band", "cpu", "store"}


def _by_service(known: Known, served: Any, else_: Any, price: np.ndarray) -> np.ndarray:
    """QoE (steps, sets, services) of the users of each service whom a set of servers caches."""
    steps, _, _ = known.service.shape
    servers, services = price.shape[-1], len(known.data["size"])
    out = np.zeros((steps, 1 << servers, services))
    for b in range(1 << servers):
        inside = [m for m in range(servers) if b >> m & 1]
        gain = else_
        if inside:
            gain = np.maximum(else_, served - price[..., inside].min(-1)[..., None])
        for k in range(services):
            out[:, b, k] = (gain * (known.service == k)).sum((1, 2))
    return out


def _paths(known: Known, worth: np.ndarray, store: np.ndarray) -> float:
    """The sum over services of the best paths from nothing cached."""
    sets = np.arange(worth.shape[1])
    bits = (sets[:, None] >> np.arange(store.shape[1])) & 1
    size, price = known.data["size"], known.data["load_price"]
    new = np.array([[(~a & b).bit_count() for b in sets.tolist()] for a in sets.tolist()])
    ahead = np.zeros((len(sets), len(size)))
    for t in range(len(worth) - 1, -1, -1):
        here = worth[t] - (bits @ store[t])[:, None] * size + ahead
        ahead = (here[None] - new[..., None] * price).max(1)
    return float(ahead[0].sum())
