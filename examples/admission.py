"""A problem as a plug-in: which tasks an edge server of limited capacity takes.

Every user has one task and computes it itself (time c/f, energy kappa c f^2, the model of Burd and
Brodersen, 1996) or uploads it to a server that has `budget` cycles left for all of them:

    min  sum_i  (1 - x_i) l_i + x_i e_i     subject to  sum_i x_i c_i <= budget,  x_i in {0, 1},
    l = c/f + w kappa c f^2,                e = (1 + w p) s/r + c/F.

It is the knapsack problem; its bound is Dantzig's (Discrete-variable extremum problems, Operations
Research 5, 1957). For ANY price v >= 0 of a cycle, no decision is worth less than

    sum_i min(l_i, e_i + v c_i) - v budget.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from toolkit.arrays import at_most
from toolkit.problems import TOLERANCE, Bounded, Evaluation, Field, Problem, Space, Var

FREE, LOCAL, EDGE = 0, -1, 1  # of a user in a node


@dataclass(frozen=True, kw_only=True)
class Admission(Problem):
    """Tasks that compete for the cycles of one edge server; weighted sum of time and energy."""

    title = "Admission at an edge server"
    paper = "an example; Dantzig (1957) on the knapsack problem"
    sense = "min"
    version = 1
    presets = {"tiny": {"n_users": 4}, "paper": {}, "scarce": {"share": 0.15}}  # noqa: RUF012
    fields = {  # noqa: RUF012
        "cycles": Field("work of the task", "cycles", ("users",)),
        "size": Field("what is uploaded of it", "bit", ("users",)),
        "rate": Field("uplink", "bit/s", ("users",)),
        "speed": Field("processor of the device", "Hz", ("users",)),
        "power": Field("while transmitting", "W", ("users",)),
        "kappa": Field("energy of a cycle over the square of the speed", "J s^2"),
        "server_speed": Field("what the server gives every task", "Hz"),
        "budget": Field("cycles that the server has left", "cycles"),
        "weight_energy": Field("of a joule, in seconds", "s/J"),
    }

    n_users: int = 12
    share: float = 0.4  # of all cycles that the server can take
    weight_energy: float = 0.5  # s/J

    def sample(
        self, rng: np.random.Generator, batch: tuple[int, ...] = ()
    ) -> dict[str, np.ndarray]:
        users = (*batch, self.n_users)
        cycles = rng.uniform(0.2e9, 1.2e9, users)
        return {
            "cycles": cycles,
            "size": rng.uniform(0.8e6, 4e6, users),
            "rate": rng.uniform(2e6, 20e6, users),
            "speed": rng.uniform(0.5e9, 1.5e9, users),
            "power": rng.uniform(0.1, 0.3, users),
            "kappa": np.full(batch, 1e-27),
            "server_speed": np.full(batch, 10e9),
            "budget": self.share * cycles.sum(-1),
            "weight_energy": np.full(batch, self.weight_energy),
        }

    def space(self, data: Mapping[str, Any]) -> Space:
        return Space((Var("offload", (data["cycles"].shape[-1],), "binary"),))

    def judge(self, data: Mapping[str, Any], decision: Mapping[str, Any]) -> Evaluation:
        """The formula above; sums run along the last axis alone, so that batches work."""
        local, edge = costs(data)
        x = decision["offload"]
        work, budget = (x * data["cycles"]).sum(-1), data["budget"]
        return Evaluation(
            objective=(local + x * (edge - local)).sum(-1),
            violations={"budget": at_most(work, budget, budget)},
        )

    # What follows is knowledge that solvers and learners look for; none of it is needed.

    def complete(
        self, data: Mapping[str, Any], discrete: Mapping[str, Any]
    ) -> dict[str, np.ndarray]:
        """There is nothing but discrete choices: they are the whole decision."""
        return {"offload": np.array(discrete["offload"], float)}

    def fitted(self, data: Mapping[str, Any], discrete: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Of those who offload, the most worthwhile, as many as the server takes."""
        x = np.asarray(discrete["offload"], float)
        order = np.argsort(np.where(x > 0.5, -worth(data), np.inf), axis=-1, kind="stable")
        work = np.take_along_axis(x * data["cycles"], order, -1).cumsum(-1)
        fits = work <= np.asarray(data["budget"])[..., None] * (1 + TOLERANCE / 2)
        keep = np.zeros_like(x)
        np.put_along_axis(keep, order, fits.astype(float), -1)
        return {"offload": x * keep}

    def ranking(self, data: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """The 0, 1, 2, … most worthwhile users, (n + 1, n)."""
        place = np.argsort(np.argsort(-worth(data), kind="stable"))
        return {"offload": (place < np.arange(len(place) + 1)[:, None]).astype(float)}

    def features(self, data: Mapping[str, Any]) -> np.ndarray:
        """Dimensionless, (*batch, users, 3): what a user saves and takes, and its rank."""
        local, edge = costs(data)
        density = worth(data)
        scale = np.abs(density).mean(-1, keepdims=True)
        room = np.asarray(data["budget"])[..., None]
        parts = [1 - edge / local, data["cycles"] / room, density / scale]
        return np.stack(np.broadcast_arrays(*parts), -1).astype(np.float32)

    def relaxation(self, data: Mapping[str, Any]) -> "Fractional":
        return Fractional(data)

    def proof(self, data: Mapping[str, Any], arithmetic: str = "float") -> "Knapsack":
        """Exact fractions: as good as either arithmetic."""
        return Knapsack(data)


def costs(data: Mapping[str, Any]) -> tuple[Any, Any]:
    """Of every user at home and at the edge, in seconds; NumPy and torch alike."""
    weight, kappa, server = (data[k][..., None] for k in ("weight_energy", "kappa", "server_speed"))
    cycles, speed = data["cycles"], data["speed"]
    local = cycles / speed + weight * kappa * cycles * speed**2
    edge = (1 + weight * data["power"]) * data["size"] / data["rate"] + cycles / server
    return local, edge


def worth(data: Mapping[str, Any]) -> np.ndarray:
    """What offloading a user saves, for each cycle that it takes."""
    local, edge = costs(data)
    found: np.ndarray = (local - edge) / data["cycles"]
    return found


class Fractional:
    """Branch and bound's nodes of one instance: an array (n,) of FREE, LOCAL and EDGE."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.local, self.edge = costs(data)
        self.cycles, self.budget = np.asarray(data["cycles"]), float(data["budget"])
        self.worth = worth(data)
        self.order = np.argsort(-self.worth, kind="stable")

    def root(self) -> np.ndarray:
        return np.full(len(self.cycles), FREE)

    def bound(self, node: np.ndarray, cutoff: float) -> Bounded:
        room = self._room(node)
        if room < -1e-9 * self.budget:
            return Bounded(np.inf)
        price, whole = self._fill(node, room)
        each = np.minimum(self.local, self.edge + price * self.cycles)
        each = np.where(node == EDGE, self.edge + price * self.cycles, each)
        each = np.where(node == LOCAL, self.local, each)
        return Bounded(float(each.sum() - price * self.budget), {"offload": whole[None]})

    def branch(
        self, node: np.ndarray, cutoff: float
    ) -> tuple[Mapping[str, Any], Sequence[np.ndarray]]:
        """On the user that the server can take in part only, or else on any that is free."""
        free = self.order[node[self.order] == FREE]
        if not len(free):
            return {}, []
        taken = self.cycles[free].cumsum() <= self._room(node)
        user = int(free[min(int(taken.sum()), len(free) - 1)])
        children = []
        for side in (EDGE, LOCAL):
            child = node.copy()
            child[user] = side
            children.append(child)
        return {"user": user}, children

    def prices(self, node: np.ndarray) -> Mapping[str, Any]:
        return {"cycle": self._fill(node, self._room(node))[0]}

    def _room(self, node: np.ndarray) -> float:
        return self.budget - float(self.cycles[node == EDGE].sum())

    def _fill(self, node: np.ndarray, room: float) -> tuple[float, np.ndarray]:
        """The price of a cycle, and the users who go to the edge as a whole, (n,)."""
        whole = (node == EDGE).astype(float)
        for user in self.order[node[self.order] == FREE]:
            if self.worth[user] <= 0:
                break
            if self.cycles[user] > room:
                return float(self.worth[user]), whole
            room -= self.cycles[user]
            whole[user] = 1.0
        return 0.0, whole


class Knapsack:
    """What re-proves bounds (`toolkit.problems._proof.Proof`); shares nothing with `Fractional`.

    A region is a mapping from users to LOCAL or EDGE. Every double is a fraction, and so nothing
    is rounded but the costs of users and the bound itself, and these downwards.
    """

    def __init__(self, data: Mapping[str, Any]) -> None:
        one = {k: Fraction(float(v)) for k, v in data.items() if np.ndim(v) == 0}
        many = {k: list(map(Fraction, v.tolist())) for k, v in data.items() if np.ndim(v) == 1}
        self.cycles, self.budget, weight = many["cycles"], one["budget"], one["weight_energy"]
        self.local, self.edge = [], []
        for c, s, r, f, p in zip(*(many[k] for k in PER_USER), strict=True):
            self.local.append(Fraction(_down(c / f + weight * one["kappa"] * c * f**2)))
            self.edge.append(Fraction(_down((1 + weight * p) * s / r + c / one["server_speed"])))

    def root(self) -> Mapping[int, int]:
        return {}

    def split(
        self, region: Mapping[int, int], how: Mapping[str, Any]
    ) -> Sequence[Mapping[int, int]]:
        """{"user": i}: to the edge, at home."""
        user = how.get("user")
        if type(user) is not int or not 0 <= user < len(self.cycles) or user in region:
            raise ValueError(f"{how!r} splits at no free user.")
        return [{**region, user: EDGE}, {**region, user: LOCAL}]

    def bound(self, region: Mapping[int, int], prices: Mapping[str, Any]) -> float:
        price = prices.get("cycle")
        if not isinstance(price, float) or not 0 <= price < math.inf:
            raise ValueError(f"The price of a cycle is {price!r}; it must be finite and >= 0.")
        if sum(self.cycles[i] for i, side in region.items() if side == EDGE) > self.budget:
            return math.inf
        v, total = Fraction(price), Fraction(0)
        for i, (local, edge, c) in enumerate(zip(self.local, self.edge, self.cycles, strict=True)):
            at = {LOCAL: local, EDGE: edge + v * c, FREE: min(local, edge + v * c)}
            total += at[region.get(i, FREE)]
        return _down(total - v * self.budget)

    def bound_each(self, discrete: Mapping[str, Any]) -> np.ndarray:
        """What is infeasible by more than the tolerance is worth nothing."""
        return np.array([self._one(row > 0.5) for row in np.asarray(discrete["offload"])])

    def _one(self, mask: np.ndarray) -> float:
        work = sum(c for c, x in zip(self.cycles, mask, strict=True) if x)
        if work > self.budget * (1 + Fraction(TOLERANCE)):
            return math.inf
        rows = zip(self.local, self.edge, mask, strict=True)
        return _down(sum((edge if x else local for local, edge, x in rows), Fraction(0)))


PER_USER = ("cycles", "size", "rate", "speed", "power")


def _down(value: Fraction) -> float:
    """The greatest double that is not above a fraction, or the one below it."""
    near = float(value)
    return near if Fraction(near) <= value else math.nextafter(near, -math.inf)
