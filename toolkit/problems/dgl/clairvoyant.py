"""The optimum of an episode that is known in advance, where two servers' caches are few."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from toolkit.arrays import Data, Decision
from toolkit.errors import UserError
from toolkit.problems import TOLERANCE
from toolkit.problems.dgl_slot.tables import Tables, tables

from .inner import Counted, dominated, targets
from .known import Known
from .slots import flat, shared, slots_of

SUBSETS = 200  # of services that fit a server; the tables have their square
SERVICES = 16  # of which subsets are listed


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
        if len(limit) != 2 or limit[0] != limit[1]:
            return "it takes two servers with equal caches"
        if np.any(self.data["capacity"] < limit):
            return "a cache above its capacity has a price"
        if len(size) > SERVICES or len(subsets_that_fit(size, limit[0])) > SUBSETS:
            return f"more than {SUBSETS} subsets of services fit a server"
        if self.counted is None:
            return "users lose more or less when they compute, so that slots cannot be listed"
        return None

    @cached_property
    def counted(self) -> Counted | None:
        counted = Counted.of(self.found, self.slots["cell"])
        return counted if counted is not None and np.ptp(counted.worth) == 0 else None

    @cached_property
    def subsets(self) -> Subsets:
        return Subsets.of(np.asarray(self.data["size"]), float(self.data["limit"][0]))

    @cached_property
    def table(self) -> np.ndarray:
        """Reward of each step's slots for all pairs of caches, (steps, subsets, subsets)."""
        from toolkit.problems.dgl_slot import _count_kernels

        counted = self.counted
        assert counted is not None
        steps, slots, users = np.shape(self.data["service"])
        shape, some = (steps, slots, users), len(self.subsets.masks)
        root, service = counted.root.reshape(shape), np.asarray(self.data["service"], np.int64)
        worth, level = (x.reshape(steps, slots) for x in (counted.worth, counted.level))
        table, cell = np.zeros((steps, some, some)), counted.cell[0]
        for t in range(steps):
            args = (root[t], cell, service[t], worth[t], level[t], self.subsets.masks)
            _count_kernels.slot_tables(*args, table[t])
        return self.unit * table

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
        from . import _path_kernels

        price = np.asarray(self.data["load_price"])
        args = (self.table, self.subsets.less, self.subsets.more, price)
        value, path = _path_kernels.best_path(*args)
        bits = (self.subsets.masks[path][..., None] >> np.arange(len(price))) & 1
        return float(self.base + value), decided(self.data, bits.astype(float))


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
