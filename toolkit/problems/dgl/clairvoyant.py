"""The optimum of an episode that is known in advance, where two servers' caches are few."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from toolkit.arrays import Data, Decision
from toolkit.errors import UserError
from toolkit.problems import TOLERANCE
from toolkit.problems._proof import Prices
from toolkit.problems.dgl_slot.counting import Alike, alike, dominated
from toolkit.problems.dgl_slot.tables import Tables, tables

from .inner import targets
from .known import Known
from .slots import flat, shared, slots_of

SUBSETS = 200  # of services that fit a server; the tables have their square
SERVICES = 16  # of which subsets are listed
SLACKS = 3.0  # times what the proof allows for rounding, for that of both
CHEAPER = 1e-3  # where loading were that much cheaper and still did not pay, it surely does not


def subsets_that_fit(size: np.ndarray, limit: float) -> np.ndarray:
    """Masks (bit k: service k) of the subsets within a limit, the empty one first."""
    masks = np.arange(1 << len(size))
    bits = (masks[:, None] >> np.arange(len(size))) & 1
    return np.asarray(masks[bits @ size <= limit * (1 + TOLERANCE)])


@dataclass(frozen=True, eq=False)
class Subsets:
    """The subsets of services that fit, and the ways between them."""

    masks: np.ndarray  # (subsets,)
    less: np.ndarray  # (subsets, services): the subset without the service, -1: it has it not
    more: np.ndarray  # (subsets, services): with it, -1: it has it or has no room

    @classmethod
    def of(cls, size: np.ndarray, limit: float) -> "Subsets":
        masks = subsets_that_fit(size, limit)
        number = np.full(1 << len(size), -1)
        number[masks] = np.arange(len(masks))
        bit = 1 << np.arange(len(size))
        has = (masks[:, None] & bit) > 0
        without = np.where(has, number[masks[:, None] & ~bit], -1)
        return cls(masks, without, np.where(has, -1, number[masks[:, None] | bit]))


class Clairvoyant:
    """One episode, all of whose requests are known."""

    def __init__(self, data: Data) -> None:
        self.data = data
        self.slots, _ = flat({**shared(data), "cached": all_cached(data)})
        self.found: Tables = tables(self.slots)

    def refuses(self) -> str | None:
        """Why the programme does not apply, or None."""
        limit, size = np.asarray(self.data["limit"]), np.asarray(self.data["size"])
        if len(limit) != 2:
            return "it takes two servers"
        if len(size) > SERVICES or len(subsets_that_fit(size, limit.max())) > SUBSETS:
            return f"more than {SUBSETS} subsets of services fit a server"
        if self.alike is None:
            return "users lose more or less when they compute, so that slots cannot be listed"
        return None

    @cached_property
    def alike(self) -> Alike | None:
        """The slots where users differ by their links alone and need no cloud; else None."""
        return alike(self.found) if dominated(self.found) else None

    @cached_property
    def subsets(self) -> Subsets:
        return Subsets.of(np.asarray(self.data["size"]), float(self.data["limit"].max()))

    @cached_property
    def table(self) -> np.ndarray:
        """Reward of each step's slots for all pairs of caches, less what is paid for what is above
        the capacities, (steps, subsets, subsets)."""
        from toolkit.problems.dgl_slot import _count_kernels

        assert self.alike is not None
        shape, some = np.shape(self.data["service"]), len(self.subsets.masks)
        service, cell = (np.asarray(self.data[key], np.int64) for key in ("service", "cell"))
        root = self.alike.root.reshape(shape)
        worth, level = (x.reshape(shape[:2]) for x in (self.alike.worth, self.alike.level))
        table = np.zeros((shape[0], some, some))
        for t in range(shape[0]):
            args = (root[t], cell, service[t], worth[t], level[t], self.subsets.masks)
            _count_kernels.slot_tables(*args, table[t])
        charge: np.ndarray = self._charges[0][:, None] + self._charges[1]
        return np.asarray(self.unit * table - charge)

    @cached_property
    def _charges(self) -> np.ndarray:
        """What subsets cost on each server, (servers, subsets); infinite: they do not fit."""
        size, price = np.asarray(self.data["size"]), float(self.data["overflow_price"])
        stored = ((self.subsets.masks[:, None] >> np.arange(len(size))) & 1) @ size
        above = stored - np.asarray(self.data["capacity"])[:, None]
        room = np.asarray(self.data["limit"])[:, None] * (1 + TOLERANCE)
        return np.where(stored > room, np.inf, price * np.maximum(above, 0.0))

    @cached_property
    def known(self) -> Known:
        """The slots' numbers as the bound with services apart takes them, as they are."""
        steps, slots, users = np.shape(self.data["service"])
        found, shape = self.found, (steps, slots, users)
        weights = self.slots["weight_delay"] + self.slots["weight_energy"]
        whole = np.broadcast_to(weights, (steps * slots,))[:, None]
        return Known(
            local=np.reshape(found.local - whole, shape),
            served=-whole.reshape(steps, slots),
            detour=np.reshape(found.detour - whole, shape),
            root=np.ascontiguousarray(found.root).reshape(shape),
            level=np.sqrt(np.broadcast_to(found.level, whole[:, 0].shape)).reshape(steps, slots),
            vain=dominated(found),
            service=np.asarray(self.data["service"], np.int64),
            cell=np.asarray(self.data["cell"], np.int64),
            data=self.data,
        )

    @property
    def unit(self) -> float:
        """Reward of a unit of QoE in one slot."""
        slots: int = np.shape(self.data["service"])[-2]
        return float(self.data["qoe_weight"]) / slots

    @cached_property
    def base(self) -> float:
        """Reward where everybody computes."""
        w = self.slots["weight_delay"] + self.slots["weight_energy"]
        saved = np.asarray(w[:, None] - self.found.local)
        return self.unit * float(saved.sum())

    @cached_property
    def solved(self) -> tuple[float, Decision]:
        """The optimum, and caches and targets that reach it."""
        value, path = self._best(np.asarray(self.data["load_price"]))
        bits = (self.subsets.masks[path][..., None] >> np.arange(len(self.data["size"]))) & 1
        return float(self.base + value), decided(self.data, bits.astype(float))

    def _best(self, price: np.ndarray) -> tuple[float, np.ndarray]:
        from . import _path_kernels

        found: tuple[float, np.ndarray] = _path_kernels.best_path(
            self.table, self.subsets.less, self.subsets.more, price
        )
        return found

    def bound(self) -> tuple[float, Prices]:
        """The reward that no decision exceeds, and from what it is proved."""
        slack, (value, _) = SLACKS * self.known.slack, self.solved
        if value == 0 and self._best((1 - CHEAPER) * self.data["load_price"])[0] <= 0:
            return 0.0, {"above": -slack}
        return value + slack, {"above": value - slack}


def all_cached(data: Data) -> np.ndarray:
    """Caches (1, 1, servers, services) of servers that have everything."""
    return np.ones((1, 1, np.shape(data["limit"])[-1], np.shape(data["size"])[-1]))


def decided(data: Data, cache: np.ndarray) -> Decision:
    """Caches (steps, servers, services), and the best targets known for them."""
    rows, lead = flat(slots_of(data, cache))
    return {"cache": cache, "target": targets(rows).reshape(*lead, -1)}


def clairvoyant(data: Data) -> Clairvoyant:
    """UserError where the programme does not apply."""
    found = Clairvoyant(data)
    if (reason := found.refuses()) is not None:
        raise UserError(f"The dynamic programme over caches does not apply: {reason}.")
    return found
