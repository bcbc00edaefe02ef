"""The optimum of an episode that is known in advance, or a bound of it: efforts one by one."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from toolkit.arrays import Data
from toolkit.instances import rng_for

from .blocks import Block, apart, ascend, devices, fine, fitting, joint, total
from .clock import Clock, LateError
from .improve import Improver
from .labels import Search
from .prefixes import Prefixes
from .tasks import BITS, SINGLE, Tasks

HAIR = 2e-10  # relative: decisions so much below the best are not looked for
# steps of the servers' grids, in mean sizes; labels that are kept
LABELS = ((0.35, 1_000), (0.12, 5_000), (0.06, 30_000), (0.04, 150_000), (0.02, 400_000))
# the same steps; rounds of prices on them; kicks; rows of decisions that are kept, times tasks
APART = (
    (0.35, 30, 50, 60_000),
    (0.175, 25, 150, 200_000),
    (0.09, 15, 300, 1_000_000),
    (0.045, 5, 300, 2_000_000),
)
FEWEST, WORK = 100, 30  # rows; modes times queues of the default
MANY = 1_500  # tasks times servers: beyond, rounds are fewer
ROOMIER = 10  # labels that the proof may keep, to those that are kept here
ROUNDS, ROOM = 300, 0.1  # of prices on lines; how far the bound is thought to be, at first
PLAIN = 2  # efforts before those with labels or prices: nothing, and local search
RATE = 8e6  # numbers of a plane in a second, about
KICKS, GUESS, CLIMB = 0.3, 0.3, 0.6  # parts of the time that is left, one after the other
Known = tuple[float, dict[str, Any]]  # a bound, and the numbers from which it is had again


@dataclass(frozen=True, eq=False)
class Part:
    """Queues that have nothing to do with others: all of an episode, or those of a region."""

    tasks: Tasks
    numbers: np.ndarray  # of its tasks in the episode
    clock: Clock

    @cached_property
    def improver(self) -> Improver:
        return Improver(self.tasks, self.clock)

    @cached_property
    def labelled(self) -> bool:
        """Whether labels apply: one order of arrivals, first come, first served."""
        t = self.tasks
        return t.in_step and not t.own_first and t.servers <= 2 and not self.bound_together

    @property
    def bound_together(self) -> bool:
        """Whether a slot's tasks share a choice, of which values for labels know nothing."""
        return self.tasks.limit == BITS and self.tasks.servers > 1

    @property
    def pair(self) -> bool:
        """Whether labels apply all the same, and are not all there is to try."""
        t = self.tasks
        return self.bound_together and t.in_step and not t.own_first and t.servers == 2

    @property
    def efforts(self) -> int:
        return PLAIN + len(LABELS if self.labelled else APART)

    @cached_property
    def haste(self) -> float:
        """The part of all rounds of prices that an episode of many tasks is given."""
        return min(1.0, MANY / (len(self.tasks) * self.tasks.servers))

    @cached_property
    def twin(self) -> "Part | None":
        """The same where servers serve first come, first served, if labels then apply."""
        other = Part(replace(self.tasks, own_first=False), self.numbers, self.clock)
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
        self.tasks, self.clock = Tasks.of(data), Clock()
        self.parts = [part for part in _parts(self.tasks, self.clock) if len(part.tasks)]
        self.best = [part.improver.plain for part in self.parts]
        self.known = [plain(part) for part in self.parts]
        self._prices: dict[int, np.ndarray] = {}
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
        for p, part in enumerate(self.parts):
            if 0 < level < part.efforts and not self._closed(p):
                self.clock.start()
                self._effort(p, part, level)
        return sum(bound for bound, _ in self.known), [numbers for _, numbers in self.known]

    @property
    def closed(self) -> bool:
        """Whether nothing but rounding is left of the gap."""
        return all(self._closed(p) for p in range(len(self.parts)))

    def _closed(self, p: int) -> bool:
        """Of one part: nothing below the best decision is left to look for."""
        cost = self.parts[p].improver.cost(self.best[p])
        return bool(self.known[p][1].get("above", -np.inf) >= cost * (1 - 2 * HAIR))

    def _effort(self, p: int, part: Part, level: int) -> None:
        """As far as there is time."""
        with suppress(LateError):
            if level == 1:
                self._better(p, part.improver.start)
            elif part.labelled:
                for known, modes in labelled(part, self.best[p], level - PLAIN):
                    self._found(p, known, modes)
            else:
                self._apart(p, part, level - PLAIN)

    def _found(self, p: int, known: Known, modes: np.ndarray | None = None) -> None:
        """Keeps a bound and a decision that are better."""
        self.known[p] = max(self.known[p], known, key=lambda one: one[0])
        if modes is not None:
            self._better(p, modes)

    def _better(self, p: int, modes: np.ndarray) -> None:
        self.best[p] = min((self.best[p], modes), key=self.parts[p].improver.cost)

    def _apart(self, p: int, part: Part, level: int) -> None:
        t, (coarse, rounds, kicks, most) = part.tasks, APART[level]
        if level == 0 and part.twin is not None:
            with suppress(LateError):
                for _, modes in labelled(part.twin, self.best[p], level, KICKS):
                    self._better(p, part.improver.descend(modes, part=KICKS))
        if level < 2 and part.pair:
            with suppress(LateError):
                for known, modes in labelled(part, self.best[p], level, KICKS):
                    self._found(p, known, modes)
        self._better(p, part.improver.descend(self.best[p], part=KICKS / 2))
        self._better(p, part.improver.kick(self.best[p], self._rng, kicks, KICKS))
        rounds = int(np.ceil(rounds * part.haste))
        device_top, top = part.tops(self.best[p])
        blocks = devices(t, device_top)
        if p not in self._prices:
            self._prices[p] = self._guess(part, self.best[p], blocks)
        many, room = len(t) * t.servers, RATE * part.clock.left / (rounds + 3)
        near = fine(part.mean_local, device_top, len(t))
        server = fitting(coarse * t.backlog, top, many, room)
        server = server if t.own_first else fine(t.backlog, top, many)
        steps = [near] * len(blocks)
        blocks = blocks + apart(t, top)
        steps += [server] * (len(blocks) - len(steps))
        price, cost = self._prices[p], part.improver.cost(self.best[p])
        if rounds:
            clock, room = part.clock.part(CLIMB), 0.005 * cost
            bound, price = ascend(blocks, price, steps, rounds, room, clock)
            self._prices[p] = price
        numbers: dict[str, Any] = {"device": [near, device_top], "server": [server, top]}
        numbers["price"] = price.tolist()
        less = t.rounding(max(device_top, top))
        if rounds:
            self._found(p, (bound - less, numbers))
        bound, values = total(blocks, price, steps, part.clock)
        self._found(p, (bound - less, numbers))
        each = len(t) * (t.servers + 1) * len(blocks) / WORK  # of following a row
        most = max(FEWEST, int(most / each))
        search = Prefixes(t, blocks, values, (near, server), price, part.clock)
        found = search.below(cost * (1 - HAIR), most)
        above = max(bound, min(found.bound, found.cost, cost) * (1 - HAIR))
        numbers = numbers | {"above": above, "labels": 2 * most}
        self._found(p, (above - less, numbers), found.modes)

    def _guess(self, part: Part, modes: np.ndarray, local: list[Block]) -> np.ndarray:
        """Prices of queues apart, first come, first served."""
        t, cost = part.tasks, part.improver.cost(modes)
        device_top, top = part.tops(modes)
        blocks = local + apart(t, top, in_order=True)
        steps = [4 * fine(part.mean_local, device_top, len(t))] * len(local)
        steps += [4 * fine(t.backlog, top, len(t))] * (len(blocks) - len(local))
        rounds = max(20, int(ROUNDS * part.haste))
        clock = part.clock.part(GUESS)
        return ascend(blocks, cheapest(t), steps, rounds, ROOM * cost, clock)[1]


def _parts(tasks: Tasks, clock: Clock) -> list[Part]:
    if tasks.limit != SINGLE:
        return [Part(tasks, np.arange(len(tasks)), clock)]
    regions = range(tasks.servers)
    return [Part(tasks.region(r), np.flatnonzero(tasks.home == r), clock) for r in regions]


def cheapest(tasks: Tasks) -> np.ndarray:
    """A first guess of prices: what tasks cost where they do not wait, or a little more."""
    return np.asarray(np.minimum(tasks.local_cost, 1.3 * tasks.cost.min(axis=1)))


def plain(part: Part) -> Known:
    """A bound that takes no time: hardly more than that no task waits."""
    t = part.tasks
    price = np.minimum(t.local_cost, t.cost.min(axis=1))
    grids = {"device": [part.mean_local / 2, 0.0], "server": [t.backlog / 2, 0.0]}
    blocks = devices(t, 0.0)
    steps = [part.mean_local / 2] * len(blocks)
    blocks = blocks + apart(t, 0.0)
    steps += [t.backlog / 2] * (len(blocks) - len(steps))
    bound = total(blocks, price, steps, Clock())[0]
    return bound - t.rounding(0.0), {**grids, "price": price.tolist()}


def labelled(
    part: Part, modes: np.ndarray, level: int, share: float = 1.0
) -> Iterator[tuple[Known, np.ndarray]]:
    """Bounds by labels, the numbers from which they are had again, and the best modes by then;
    first the bound that values give at once."""
    t, (coarse, most), clock = part.tasks, LABELS[level], part.clock.part(share)
    device_top, top = part.tops(modes)
    if t.servers == 2:
        servers: list[Block] = [joint(t, top)]
        room = 0.3 * RATE * clock.left
        step = fitting(coarse * t.backlog, top, len(t), room)
    else:
        servers, step = apart(t, top), fine(t.backlog, top, len(t))
    blocks = devices(t, device_top)
    near = fine(part.mean_local, device_top, len(t))
    steps = [near] * len(blocks) + [step] * len(servers)
    blocks, price = blocks + servers, t.local_cost
    root, values = total(blocks, price, steps, clock)
    numbers: dict[str, Any] = {"device": [near, device_top], "server": [step, top]}
    numbers["labels"] = ROOMIER * most
    less = t.rounding(max(device_top, top))
    yield (root - less, numbers | {"above": root}), modes
    search = Search(t, blocks, values, (near, step), price, clock)
    worth = part.improver.cost(modes)
    found = search.below(worth * (1 - HAIR), most)
    if found.cost < worth:
        assert found.modes is not None
        modes, worth = found.modes, found.cost
    bound = max(root, min(found.bound, worth * (1 - HAIR)))
    yield (bound - less, numbers | {"above": bound}), modes
