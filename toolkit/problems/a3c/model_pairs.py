"""Tasks and the ways they may go, processor by processor: what the algebraic model is made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from toolkit.arrays import Data

from . import _queue_kernels as kernels
from .queues import Tables

Chosen = Mapping[tuple[int, int], float]  # (task, way) -> 1 or 0


class Pair(NamedTuple):
    """A task and a way, at the processor where that leads."""

    task: int
    way: int  # 0: the device; s + 1: server s
    arrive: float  # s
    work: float  # s
    foreign: bool


@dataclass(frozen=True, eq=False)
class Processor:
    """Pairs in order of arrival, and what is known of them whatever is decided."""

    pairs: tuple[Pair, ...]
    own_first: bool
    most: tuple[float, ...]  # the backlog of each pair if all came here
    passes: tuple[tuple[int, int, float], ...]  # f, o, and the longest that f may wait before o

    @classmethod
    def of(cls, pairs: list[Pair], own_first: bool) -> "Processor":
        pairs = sorted(pairs, key=lambda p: (p.arrive, own_first and p.foreign, p.task))
        every = {(p.task, p.way): 1.0 for p in pairs}
        most = backlogs(pairs, every)
        passes = []
        for f in [k for k, p in enumerate(pairs) if own_first and p.foreign]:
            wait = most[f]
            for o in range(f + 1, len(pairs)):
                if pairs[o].arrive > pairs[f].arrive + wait:
                    break
                if not pairs[o].foreign:
                    passes.append((f, o, wait))
                    wait += pairs[o].work
        return cls(tuple(pairs), own_first, tuple(most), tuple(passes))

    def gap(self, k: int) -> float:
        """From the arrival of the pair before to that of pair k > 0."""
        return self.pairs[k].arrive - self.pairs[k - 1].arrive


def backlogs(pairs: Sequence[Pair], chosen: Chosen) -> list[float]:
    """The work in front of every pair, of those that are chosen."""
    out, left, before = [], 0.0, 0.0
    for pair in pairs:
        left = max(0.0, left - (pair.arrive - before))
        out.append(left)
        left, before = left + pair.work * chosen[pair.task, pair.way], pair.arrive
    return out


class Episode:
    """One instance: its tasks' ways, what these cost without waiting, and where they lead."""

    def __init__(self, data: Data) -> None:
        self._tables = Tables.of(data)
        order, count = self._tables.orders[0, kernels.TASKS], self._tables.counts[0]
        self.shape = np.shape(data["has"])
        self.tasks = [int(c) for c in order[:count]]
        self.servers = range(1, len(data["server_cpu"]) + 1)
        self.limit = int(data["forwarding"])
        self.weight_delay = float(data["weight_delay"])
        self.weight_energy = float(data["weight_energy"])
        self.fixed: dict[tuple[int, int], float] = {}
        queues: dict[tuple[bool, int], list[Pair]] = {}
        for c in self.tasks:
            for way in self.ways(c):
                pair = self._pair(c, way)
                self.fixed[c, way] = self._cost(pair)
                where = (True, way) if way else (False, c % self.shape[1])
                queues.setdefault(where, []).append(pair)
        first = bool(data["own_first"])
        self.processors = [Processor.of(p, first and served) for (served, _), p in queues.items()]

    def ways(self, task: int) -> list[int]:
        """0: the device; s + 1: server s, where forwarding may send it."""
        return [0, *(self.servers if self.limit else [self.home(task)])]

    def home(self, task: int) -> int:
        """The number of its own server, from 1."""
        return int(self._tables.homes[0, task])

    def groups(self) -> dict[tuple[int, int], list[int]]:
        """Tasks of each slot and own server, which go to one server where one bit serves them."""
        out: dict[tuple[int, int], list[int]] = {}
        for c in self.tasks if self.limit == 1 else ():
            out.setdefault((c // self.shape[1], self.home(c)), []).append(c)
        return out

    def _pair(self, c: int, way: int) -> Pair:
        cell = self._tables.cells[0, :, c]
        if way == 0:
            return Pair(c, way, cell[kernels.START], cell[kernels.LOCAL], False)
        foreign = way != self.home(c)
        arrive = cell[kernels.FAR if foreign else kernels.OWN]
        work = cell[kernels.CYCLES] / self._tables.server_cpu[0, way - 1]
        return Pair(c, way, float(arrive), float(work), foreign)

    def _cost(self, pair: Pair) -> float:
        cell = self._tables.cells[0, :, pair.task]
        energy = cell[kernels.SEND_ENERGY if pair.way else kernels.LOCAL_ENERGY]
        took = pair.arrive - cell[kernels.START] + pair.work
        return float(self.weight_delay * took + self.weight_energy * energy)
