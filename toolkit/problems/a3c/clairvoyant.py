"""The optimum of an episode that is known in advance, or a bound of it: efforts one by one."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from toolkit.arrays import Data
from toolkit.instances import rng_for

from .blocks import Block, apart, ascend, devices, fine, fitting, joint, total
from .improve import Improver
from .labels import Search
from .tasks import BITS, SINGLE, Tasks

HAIR = 2e-10  # relative: decisions so much below the best are not looked for
# steps of the servers' grids, in mean sizes; labels that are kept
LABELS = ((0.35, 1_000), (0.12, 5_000), (0.06, 30_000), (0.04, 150_000), (0.02, 400_000))
# the same steps; rounds of prices on them; kicks
APART = ((0.35, 30, 50), (0.175, 25, 150), (0.09, 15, 300), (0.045, 0, 300))
MANY = 1_500  # tasks times servers: beyond, rounds are fewer
ROOMIER = 10  # labels that the proof may keep, to those that are kept here
ROUNDS, ROOM = 300, 0.1  # of prices on lines; how far the bound is thought to be, at first


@dataclass(frozen=True, eq=False)
class Part:
    """Queues that have nothing to do with others: all of an episode, or those of a region."""

    tasks: Tasks
    numbers: np.ndarray  # of its tasks in the episode

    @cached_property
    def improver(self) -> Improver:
        return Improver(self.tasks)

    @cached_property
    def labelled(self) -> bool:
        """Whether labels apply: one order of arrivals, first come, first served."""
        t = self.tasks
        return t.in_step and not t.own_first and t.servers <= 2

    @property
    def efforts(self) -> int:
        """How many; values know nothing of bits, so that labels and their proof soon take long."""
        few = self.tasks.limit == BITS and self.tasks.servers > 1
        return (2 if few else len(LABELS)) if self.labelled else len(APART)

    @cached_property
    def haste(self) -> float:
        """The part of all rounds of prices that an episode of many tasks is given."""
        return min(1.0, MANY / (len(self.tasks) * self.tasks.servers))

    @cached_property
    def twin(self) -> "Part | None":
        """The same where servers serve first come, first served, if labels then apply."""
        other = Part(replace(self.tasks, own_first=False), self.numbers)
        return other if self.tasks.own_first and other.labelled else None

    @property
    def mean_local(self) -> float:
        return float(self.tasks.local.mean())

    def tops(self, modes: np.ndarray) -> tuple[float, float]:
        """Backlogs of devices and of servers up to which values are known."""
        device, server = self.improver.longest(modes)
        return 1.2 * device + 2 * self.mean_local, 1.2 * server + 2 * self.tasks.backlog


class Clairvoyant:
    """One episode, all of whose tasks are known. Each effort bounds it again, with more work."""

    def __init__(self, data: Data) -> None:
        self.tasks = Tasks.of(data)
        self.parts = [part for part in _parts(self.tasks) if len(part.tasks)]
        self.best = [part.improver.start for part in self.parts]
        self._prices: dict[int, np.ndarray] = {}
        self._closed: set[int] = set()
        self._rng = rng_for("a3c", "kicks")

    @property
    def efforts(self) -> int:
        return max((part.efforts for part in self.parts), default=1)

    @property
    def modes(self) -> np.ndarray:
        """Of the best decision so far."""
        out = np.zeros(len(self.tasks), np.int64)
        for part, best in zip(self.parts, self.best, strict=True):
            home = self.tasks.home[part.numbers] + 1
            alone = len(self.parts) > 1 or self.tasks.limit == SINGLE
            out[part.numbers] = np.where(best > 0, home, 0) if alone else best
        return out

    def effort(self, level: int) -> tuple[float, list[dict[str, Any]]]:
        """A bound of the cost, and for each part the numbers from which it is had again."""
        found = [self._effort(p, min(level, part.efforts - 1)) for p, part in enumerate(self.parts)]
        return sum(bound for bound, _ in found), [numbers for _, numbers in found]

    def _effort(self, p: int, level: int) -> tuple[float, dict[str, Any]]:
        part = self.parts[p]
        if not part.labelled:
            return self._apart(p, part, level)
        bound, numbers, self.best[p] = labelled(part, self.best[p], level)
        if numbers["above"] >= part.improver.cost(self.best[p]) * (1 - 2 * HAIR):
            self._closed.add(p)
        return bound, numbers

    @property
    def closed(self) -> bool:
        """Whether nothing but rounding is left of the gap."""
        return len(self._closed) == len(self.parts)

    def _apart(self, p: int, part: Part, level: int) -> tuple[float, dict[str, Any]]:
        t, (coarse, rounds, kicks) = part.tasks, APART[level]
        if level == 0 and part.twin is not None:
            alike = part.improver.descend(labelled(part.twin, self.best[p], level)[2])
            self.best[p] = min((self.best[p], alike), key=part.improver.cost)
        self.best[p] = part.improver.kick(self.best[p], self._rng, kicks)
        device_top, top = part.tops(self.best[p])
        near, line = fine(part.mean_local, device_top, len(t)), fine(t.backlog, top, len(t))
        blocks = devices(t, device_top)
        count = len(blocks)
        if p not in self._prices:
            self._prices[p] = self._guess(p, part, blocks)
        blocks = blocks + apart(t, top)
        many = len(t) * t.servers
        planes = fitting(coarse * t.backlog, top, many) if t.own_first else line
        steps = [near] * count + [planes] * (len(blocks) - count)
        bound, price = total(blocks, self._prices[p], steps)[0], self._prices[p]
        rounds = int(np.ceil(rounds * part.haste))
        if rounds:
            bound, price = ascend(blocks, price, steps, rounds, 0.005 * abs(bound))
        self._prices[p] = price
        numbers: dict[str, Any] = {"device": [near, device_top], "server": [planes, top]}
        bound -= t.rounding(max(device_top, top))
        return bound, numbers | {"price": price.tolist()}

    def _guess(self, p: int, part: Part, local: list[Block]) -> np.ndarray:
        """Prices of queues apart, first come, first served."""
        t, cost = part.tasks, part.improver.cost(self.best[p])
        device_top, top = part.tops(self.best[p])
        blocks = local + apart(t, top, in_order=True)
        steps = [4 * fine(part.mean_local, device_top, len(t))] * len(local)
        steps += [4 * fine(t.backlog, top, len(t))] * (len(blocks) - len(local))
        price = np.minimum(t.local_cost, 1.3 * t.cost.min(axis=1))
        return ascend(blocks, price, steps, max(20, int(ROUNDS * part.haste)), ROOM * cost)[1]


def _parts(tasks: Tasks) -> list[Part]:
    if tasks.limit != SINGLE:
        return [Part(tasks, np.arange(len(tasks)))]
    regions = range(tasks.servers)
    return [Part(tasks.region(r), np.flatnonzero(tasks.home == r)) for r in regions]


def labelled(part: Part, modes: np.ndarray, level: int) -> tuple[float, dict[str, Any], np.ndarray]:
    """A bound by labels, the numbers from which it is had again, and the best modes by then."""
    t, (coarse, most) = part.tasks, LABELS[level]
    device_top, top = part.tops(modes)
    if t.servers == 2:
        servers: list[Block] = [joint(t, top)]
        step = fitting(coarse * t.backlog, top, len(t))
    else:
        servers, step = apart(t, top), fine(t.backlog, top, len(t))
    blocks = devices(t, device_top)
    near = fine(part.mean_local, device_top, len(t))
    steps = [near] * len(blocks) + [step] * len(servers)
    blocks, price = blocks + servers, t.local_cost
    root, values = total(blocks, price, steps)
    search = Search(t, blocks, values, (near, step), price)
    worth = part.improver.cost(modes)
    found = search.below(worth * (1 - HAIR), most)
    if found.cost < worth:
        assert found.modes is not None
        modes, worth = found.modes, found.cost
    bound = max(root, min(found.bound, worth * (1 - HAIR)))
    numbers: dict[str, Any] = {"device": [near, device_top], "server": [step, top]}
    numbers |= {"above": bound, "labels": ROOMIER * most}
    return bound - t.rounding(max(device_top, top)), numbers, modes
