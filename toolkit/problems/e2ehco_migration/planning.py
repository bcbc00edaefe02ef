"""Decisions: users planned one after the other at prices, in what the others leave; and replanned.

Every plan keeps to what the state machine gives for sure (`STRICT` of `_dual_kernels`), so that the
decision made of all plans completes what they say.
"""

from dataclasses import dataclass, field

import numpy as np

from toolkit.arrays import Decision

from .paths import HAIR, Costs, Network, Path

CHEAP = 1e-4  # share of the prices where nobody is left to keep anything for


@dataclass(eq=False)
class Plans:
    """Plans of all users, and what is left beside them."""

    network: Network
    paths: list[Path | None] = field(init=False)

    def __post_init__(self) -> None:
        net = self.network
        self.paths = [None] * net.users
        self._spent = [self._nothing() for _ in range(net.users)]
        self._used = self._nothing()

    @property
    def done(self) -> int:
        return sum(path.done for path in self.paths if path is not None)

    def _nothing(self) -> Costs:
        return Costs.zeros(self.network.seconds, self.network.servers)

    def put(self, user: int, path: Path | None, spent: Costs) -> None:
        """Takes a plan in place of the user's own."""
        for name in ("place", "cpu", "road"):
            used = getattr(self._used, name)
            used += getattr(spent, name) - getattr(self._spent[user], name)
        self.paths[user], self._spent[user] = path, spent

    def drop(self, user: int) -> tuple[Path | None, Costs]:
        """Takes a user's plan out; returns it."""
        old = self.paths[user], self._spent[user]
        self.put(user, None, self._nothing())
        return old

    def plan(self, user: int, price: Costs) -> None:
        """Plans a user anew, in what the others leave."""
        net, used = self.network, self._used
        full = used.place + 1 > net.places
        most = (1 - HAIR) * net.cpu
        road = np.where(used.road + 1 > net.roads, np.inf, price.road)
        open_ = Costs(np.where(full, np.inf, price.place), price.cpu, road)
        spent = self._nothing()
        left = np.maximum(most - used.cpu, 0.0)
        path = net.best(user, open_, np.zeros(net.seconds), spent, left)
        self.put(user, path, spent)

    def improve(self, price: Costs, rounds: int, rng: np.random.Generator) -> None:
        """Replans users in random order, alone and in pairs; what is worse is taken back."""
        users = self.network.users
        for _ in range(rounds):
            for user in rng.permutation(users):
                self._again((int(user),), price)
            for user in rng.permutation(users):
                other = int(rng.integers(users - 1)) if users > 1 else int(user)
                self._again((int(user), other + (other >= user)) if users > 1 else (0,), price)

    def _again(self, group: tuple[int, ...], price: Costs) -> None:
        """The group planned anew, in this order."""
        before = self.done
        old = [self.drop(user) for user in group]
        for user in group:
            self.plan(user, price)
        if self.done < before:
            for user, (path, spent) in zip(group, old, strict=True):
                self.put(user, path, spent)

    def decision(self) -> Decision:
        """The decision (seconds, users) of all plans."""
        return decision_of(self.network, [path for path in self.paths if path is not None])


def decision_of(network: Network, paths: list[Path]) -> Decision:
    """Who does not want to be let in asks for a whole server; links carry whole migrations."""
    asked = np.stack([path.asked for path in paths], axis=1)
    target = np.stack([_named(path.target) for path in paths], axis=1)
    moving = np.stack([path.moving for path in paths], axis=1)
    return {
        "cpu": np.where(asked < 0, network.cpu, asked),
        "bandwidth": np.where(moving, float(network.data["migrate"]), 0.0),
        "target": target + 1.0,
    }


def _named(target: np.ndarray) -> np.ndarray:
    """(seconds,): where none is named the next one is, for which the request waits."""
    out, later = target.copy(), 0
    for t in range(len(out) - 1, -1, -1):
        later = out[t] if out[t] >= 0 else later
        out[t] = later
    return out


def planned(network: Network, price: Costs, rounds: int, seed: int) -> Plans:
    """Price-directed greedy plans, improved: in order of fewest servers in reach."""
    plans, rng = Plans(network), np.random.default_rng(seed)
    for user in np.argsort((network.reach > 0).sum((1, 2)), kind="stable"):
        plans.plan(int(user), price)
    plans.improve(scaled(price, CHEAP), rounds, rng)
    return plans


def scaled(price: Costs, share: float) -> Costs:
    """The same costs, all of them smaller; what is forbidden stays so."""
    parts = (price.place, price.cpu, price.road)
    return Costs(*(np.where(np.isinf(p), p, share * np.minimum(p, 1e9)) for p in parts))
