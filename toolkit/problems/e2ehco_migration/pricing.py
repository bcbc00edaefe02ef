"""Prices of places, CPU and links: the dual of an episode, by columns.

At any prices >= 0 every user's best path bounds what it can be worth, so that their sum, and the
prices of all that there is, bound the completions of every decision. A path that was found is a
column of a linear program, whose duals are the next prices; these are drawn towards the best so
far. Prices hold for `every` seconds, and are kept per capacity: all places of a server, all its
CPU, a link's rate.
"""

from dataclasses import dataclass

import numpy as np

from .paths import Costs, Network, Path

SPANS = 12  # of an episode, each with prices of its own
STEP = 0.5  # from the best prices towards the program's
ROUNDS = 60  # at most, of programs
CLOSE = 0.05  # completions between the program and the bound: prices are good enough


@dataclass(frozen=True, eq=False)
class Prices:
    """In completions for each capacity: (spans, servers) twice, and (spans, servers, servers)."""

    every: int
    place: np.ndarray
    cpu: np.ndarray
    road: np.ndarray

    def flat(self) -> np.ndarray:
        return np.concatenate([self.place.ravel(), self.cpu.ravel(), self.road.ravel()])

    def moved_to(self, flat: np.ndarray) -> "Prices":
        a, b = self.place.size, self.place.size + self.cpu.size
        parts = (flat[:a], flat[a:b], flat[b:])
        shapes = (self.place.shape, self.cpu.shape, self.road.shape)
        return Prices(self.every, *(p.reshape(s) for p, s in zip(parts, shapes, strict=True)))


def free(network: Network) -> Prices:
    """Prices of nothing."""
    every = max(1, network.seconds // SPANS)
    spans, m = -(-network.seconds // every), network.servers
    return Prices(every, np.zeros((spans, m)), np.zeros((spans, m)), np.zeros((spans, m, m)))


def costs(network: Network, prices: Prices, share: float = 1.0) -> Costs:
    """What users pay a second; infinite for a migration over a link that carries nothing."""
    when = np.arange(network.seconds) // prices.every
    with np.errstate(divide="ignore", invalid="ignore"):
        road = np.where(network.roads > 0, share * prices.road[when] / network.roads, np.inf)
    place = share * prices.place[when] / max(network.places, 1)
    if network.places < 1:
        place = np.full_like(place, np.inf)
    return Costs(place, share * prices.cpu[when] / network.cpu, road)


@dataclass(frozen=True)
class Masks:
    """Where users have to be, and must not be, at a second: (user, second, server, whether)."""

    known: tuple[tuple[int, int, int, bool], ...] = ()

    def applied(self, user: int, price: Costs) -> tuple[Costs, np.ndarray]:
        """The costs of a user, and those of being nowhere (seconds,); forbidden ones infinite."""
        apart = np.zeros(len(price.place))
        mine = [k for k in self.known if k[0] == user]
        if not mine:
            return price, apart
        place = price.place.copy()
        for _, second, server, there in mine:
            if there:
                own = place[second, server]
                place[second], apart[second] = np.inf, np.inf
                place[second, server] = own
            else:
                place[second, server] = np.inf
        return Costs(place, price.cpu, price.road), apart


class Columns:
    """Paths that were found for a region, and the program that mixes them."""

    def __init__(self, network: Network, masks: Masks, prices: Prices) -> None:
        self.network, self.masks, self.prices = network, masks, prices
        self.value = np.inf  # the best bound, at `prices`
        self.paths: list[tuple[int, Path]] = []
        self.shares = np.zeros(0)
        self._used: list[np.ndarray] = []
        self._most = np.zeros((network.users, prices.flat().size))  # any of a user's paths uses
        begins = np.arange(len(prices.place)) * prices.every
        self._begins = begins
        long, m = np.diff(np.append(begins, network.seconds)).astype(float), network.servers
        self._room = np.concatenate([np.repeat(long, n) for n in (m, m, m * m)])

    def improve(self, enough: float, rounds: int = ROUNDS) -> bool:
        """Better and better prices, until the bound is `enough` or nothing is gained (True)."""
        flat = self.prices.flat()
        if self.paths and np.isfinite(self.value):
            flat = flat + STEP * (self._mix()[1] - flat)
        for _ in range(rounds):
            value = self.priced(self.prices.moved_to(flat))
            if value < self.value:
                self.value, self.prices = value, self.prices.moved_to(flat)
            worth, dual = self._mix()
            settled = np.floor(self.value) <= np.floor(worth)  # completions are whole
            if self.value <= enough or settled or self.value - worth < CLOSE:
                return True
            best = self.prices.flat()
            flat = best + STEP * (dual - best)
        return False

    def fractions(self) -> np.ndarray:
        """(users, seconds, servers): how much of the mixed paths has a place where."""
        net = self.network
        out = np.zeros((net.users, net.seconds, net.servers))
        for share, (user, path) in zip(self.shares, self.paths, strict=True):
            at = np.flatnonzero(path.where >= 0)
            out[user, at, path.where[at]] += share
        return out

    def priced(self, prices: Prices) -> float:
        """The bound at these prices; its paths become columns."""
        net, price = self.network, costs(self.network, prices)
        total = float(self._room @ prices.flat())
        for user in range(net.users):
            used = Costs.zeros(net.seconds, net.servers)
            path = net.best(user, *self.masks.applied(user, price), used)
            total += path.worth
            self.paths.append((user, path))
            self._used.append(self._needs(used))
            self._most[user] = np.maximum(self._most[user], self._used[-1])
        return total

    def _needs(self, used: Costs) -> np.ndarray:
        """What is used of every capacity in every span."""
        net = self.network
        with np.errstate(divide="ignore", invalid="ignore"):
            road = np.where(net.roads > 0, used.road / net.roads, 0.0)
        parts = (used.place / max(net.places, 1), used.cpu / net.cpu, road)
        return np.concatenate([np.add.reduceat(p, self._begins).ravel() for p in parts])

    def _mix(self) -> tuple[float, np.ndarray]:
        """The best mixture of the paths, what it is worth, and the prices that go with it."""
        from scipy.optimize import linprog

        owner = np.array([user for user, _ in self.paths])
        one = (owner == np.arange(self.network.users)[:, None]).astype(float)
        scarce = np.flatnonzero(self._most.sum(0) > self._room)  # the others cost nothing
        used = np.stack(self._used, axis=1)[scarce]
        rows, room = np.vstack([used, one]), np.append(self._room[scarce], np.ones(len(one)))
        worth = np.array([-float(path.done) for _, path in self.paths])
        found = linprog(worth, A_ub=rows, b_ub=room, method="highs")
        self.shares = found.x
        dual = np.zeros(len(self._room))
        dual[scarce] = -found.ineqlin.marginals[: len(scarce)]
        return -float(found.fun), dual
