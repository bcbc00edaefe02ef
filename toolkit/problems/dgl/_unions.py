"""The programme over unions of caches: what the servers together have, of any number of servers.

A union costs one loading of each service that is new, at least, and its slots are worth at most
what they were if servers were even. Unions that a path worth more than a given number could pass
are looked at closely: there the best of all ways to pack the union into the servers counts. Any
number gives a bound; one that is reached gives itself.
"""

import itertools
import math

import numpy as np

from .known import Known

SERVICES, SERVERS = 12, 6
PACKINGS = 2000  # of a union; where it has more, its bound of even servers stays
PART = 0.1  # of what is above the number: so far below the best path unions are looked at


def packings(union: int, subsets: np.ndarray, servers: int) -> np.ndarray:
    """All ways to cover a union by subsets within it that cannot grow, (ways, servers) of masks; a
    service may be there several times. The order of servers is left out. No rows: too many."""
    inside = sorted({int(subset) & union for subset in subsets})
    full = [a for a in inside if not any(a != b and a & b == a for b in inside)]
    if math.comb(len(full) + servers - 1, servers) > 50 * PACKINGS:
        return np.empty((0, servers), np.int64)
    ways = itertools.combinations_with_replacement(full, servers)
    found = np.array(list(ways), np.int64)
    found = found[np.bitwise_or.reduce(found, axis=1) == union]
    return np.asarray(found if len(found) <= PACKINGS else found[:0])


def packable(subsets: np.ndarray, servers: int, services: int) -> np.ndarray:
    """Which unions (all masks) the servers can have together."""
    out = np.zeros(1 << services, bool)
    out[0] = True
    for _ in range(servers):
        out[np.flatnonzero(out)[:, None] | subsets] = True
    return out


def unions_bound(known: Known, above: float) -> float:
    """The reward that no decision exceeds; ValueError where the argument does not apply."""
    if reason := why_not(known):
        raise ValueError(reason)
    services, servers = len(known.data["size"]), len(known.rooms)
    bits = (np.arange(1 << services)[:, None] >> np.arange(services)) & 1
    subsets = np.flatnonzero(bits @ known.data["size"] <= known.rooms[0])
    fits = packable(subsets, servers, services)
    even = _even(known, np.pad(bits > 0, ((0, 0), (0, 1))))
    most = np.where(fits, known.unit * even.sum(1), -np.inf)
    ways: dict[int, np.ndarray] = {}
    unseen = fits & np.ones(most.shape, bool)
    while True:
        through = _through(most, known)
        top = float(through.max())
        beyond = above - known.base
        todo = np.argwhere(unseen & (through > top - PART * max(top - beyond, 0.0)))
        if top <= beyond or not len(todo):
            return known.ceiling(top, float(through[:, 1:].max()))
        for t, union in todo.tolist():
            if union not in ways:
                ways[union] = packings(union, subsets, servers)
            most[t, union] = min(most[t, union], _closely(known, t, ways[union], even[t, :, union]))
            unseen[t, union] = False


def _through(most: np.ndarray, known: Known) -> np.ndarray:
    """The best path's worth through each union, (steps, unions)."""
    before, ahead = np.full_like(most, -np.inf), np.zeros_like(most)
    before[0, 0] = 0.0
    before[0] = _moved(before[0], known, back=False)
    for t in range(1, len(most)):
        before[t] = _moved(before[t - 1] + most[t - 1], known, back=False)
    for t in range(len(most) - 2, -1, -1):
        ahead[t] = _moved(most[t + 1] + ahead[t + 1], known, back=True)
    return np.asarray(before + most + ahead)


def why_not(known: Known) -> str:
    """Why the argument does not apply; empty: it does."""
    rooms, services = known.rooms, len(known.data["size"])
    if services > SERVICES or len(rooms) > SERVERS or np.ptp(rooms) > 0 or not known.vain:
        return f"Unions are of equal servers, at most {SERVERS}, and {SERVICES} services."
    if not known.alike:
        return "Unions are for users who lose the same when they compute."
    return ""


def _moved(value: np.ndarray, known: Known, back: bool) -> np.ndarray:
    """The best over the unions that one comes from, or (back) goes to: drop first, then load."""
    every = np.arange(len(value))
    value = value.copy()
    for loading in (back, not back):
        for k, price in enumerate(known.data["load_price"]):
            has, without = every[every >> k & 1 > 0], every[every >> k & 1 == 0]
            source, goal = (without, has) if loading != back else (has, without)
            value[goal] = np.maximum(value[goal], value[source] - (price if loading else 0.0))
    return value


def _even(known: Known, bits: np.ndarray) -> np.ndarray:
    """QoE (steps, slots, unions) that offloading adds at most if servers were even; bits (unions,
    services and one that nobody has)."""
    steps, slots, _ = known.root.shape
    out = np.empty((steps, slots, len(bits)))
    servers = len(known.rooms)
    for t, s in np.ndindex(steps, slots):
        worth, level = known.numbers(t, s)
        root = known.root[t, s]
        on = bits[:, known.asked[t, s]]
        gain = np.full(on.shape, -np.inf)
        for g in range(servers):
            mine = np.flatnonzero(known.cell == g)
            mine = mine[np.argsort(root[mine])]
            sums = np.cumsum(root[mine] * on[:, mine], axis=1)
            lost = root[mine] * (2 * sums - root[mine])
            gain[:, mine] = np.where(on[:, mine], worth - lost, -np.inf)
        gain = -np.sort(-gain, axis=1) - level * (2 * (np.arange(on.shape[1]) // servers) + 1)
        out[t, s] = np.maximum(gain, 0.0).sum(1)
    return out


def _closely(known: Known, t: int, ways: np.ndarray, even: np.ndarray) -> float:
    """Reward of a step's slots with the best of the packings, at most."""
    from . import _packed_kernels

    if not len(ways):
        return np.inf
    numbers = np.array([known.numbers(t, s) for s in range(len(even))])
    slots = (known.root[t], known.cell, known.asked[t], numbers[:, 0].copy())
    most = _packed_kernels.most_packed(*slots, numbers[:, 1].copy(), ways, even.copy())
    return known.unit * float(most)
