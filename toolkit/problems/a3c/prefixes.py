"""The best decisions of an episode, task by task, whatever its discipline: servers exactly as they
serve, and for what is still to come the queues' values at prices."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from toolkit.instances import rng_for

from . import _prefix_kernels as kernels
from .blocks import Block, Plane
from .clock import Clock, Pace
from .labels import Found
from .tasks import BITS, Tasks

WINDOW = 30  # rows that a new one is compared with
PIECE = 2_000  # rows in one go
NO_LINES, NO_PLANES = np.zeros((0, 2)), np.zeros((0, 2, 2))


@dataclass(frozen=True, eq=False)
class Prefixes:
    """Rows are decisions of the first tasks in order of arrival at their own servers.

    A queue comes to a task when all that reach it before are decided. What a row has paid is what
    its tasks cost if no more came; that no own task waits for a later one makes it grow by exactly
    what each task costs the others, too, and values bound that from below.
    """

    tasks: Tasks
    blocks: Sequence[Block]
    values: Sequence[np.ndarray]
    steps: tuple[float, float]  # of the grids of devices, of servers
    price: np.ndarray
    clock: Clock

    @cached_property
    def _devices(self) -> list[int]:
        return [int(u) for u in np.unique(self.tasks.device)]

    @cached_property
    def _kinds(self) -> list[int]:
        count = len(self._devices)
        queues = self.blocks[count:]
        far = [kernels.RANK if isinstance(b, Plane) else kernels.SERVER for b in queues]
        return [kernels.DEVICE] * count + far

    @cached_property
    def _events(self) -> list[list[tuple[int, int]]]:
        """For every task in order the (queue, turn) that follow its decision."""
        place = np.empty(len(self.tasks), np.int64)
        place[self.tasks.order] = np.arange(len(place))
        out: list[list[tuple[int, int]]] = [[] for _ in place]
        for q, block in enumerate(self.blocks):
            for turn, k in enumerate(np.maximum.accumulate(place[block.tasks])):
                out[k].append((q, turn))
        return out

    @cached_property
    def _marks(self) -> np.ndarray:
        """Random numbers (tasks, modes) that a sum of tells apart."""
        t = self.tasks
        whole = rng_for("a3c", "marks").integers(1, 2**63 - 1, (len(t), t.servers + 1))
        return np.asarray(whole, np.int64)

    def below(self, cutoff: float, most: int) -> Found:
        """Looks for decisions below the cutoff with at most so many rows at a time."""
        pace, least, dropped = Pace(self.clock, most), np.inf, False
        rows, total = self._begin(), float(self.price.sum())
        for k in range(len(self.tasks)):
            keep = pace.most(len(rows[0]), len(self.tasks) - k)
            rows, bound, left = self._step(k, rows, cutoff - total)
            least = min(least, left)
            if len(bound) > keep:
                order = np.argpartition(bound, keep)
                least, dropped = min(least, float(bound[order[keep:]].min())), True
                rows = [x[order[:keep]] for x in rows]
        if not len(rows[0]):
            return Found(least + total, np.inf, None, dropped)
        best = int(np.argmin(rows[0]))
        cost = float(rows[0][best])
        modes = rows[8][best].astype(np.int64)
        return Found(min(least, cost) + total, cost + total, modes, dropped)

    def _begin(self) -> list[np.ndarray]:
        return [np.zeros(1), np.zeros(1, np.int64), *self._empty(1)[2:]]

    def _empty(self, rows: int) -> list[np.ndarray]:
        """paid, mark, ahead, free, own_free, waited, seal, begun, modes."""
        queues, servers = len(self.blocks), self.tasks.servers
        shapes = (
            *((rows,), (rows,), (rows, queues), (rows, queues)),
            *((rows, servers) for _ in range(4)),
            (rows, len(self.tasks)),
        )
        kinds = {1: np.int64, 6: np.int64, 7: np.int64, 8: np.int16}
        out = [np.zeros(shape, kinds.get(x, np.float64)) for x, shape in enumerate(shapes)]
        out[2][:] = [float(v[0].flat[0]) for v in self.values]
        return out

    def _step(
        self, k: int, rows: list[np.ndarray], cutoff: float
    ) -> tuple[list[np.ndarray], np.ndarray, float]:
        """Decides one task in all rows: rows, their bounds, and the least that was left out."""
        t, i = self.tasks, int(self.tasks.order[k])
        options = np.append(True, np.isfinite(t.cost[i]))
        events, numbers, tables = self._coming(k)
        parts = (i, options, self._marks, events, numbers, *tables, np.array(self.steps))
        rules = (t.orders, t.home, t.at, t.size, t.slot, t.limit, t.weight, cutoff)
        count, least, found = 0, np.inf, []
        for low in self.clock.pieces(len(rows[0]), PIECE):
            high = min(low + PIECE, len(rows[0]))
            room = (high - low) * int(options.sum()) + 1
            out = (*self._empty(room), np.empty(room), np.empty(room, np.int64))
            count, left = kernels.spread(*rows, *parts, *rules, low, high, 0, out)
            least = min(least, left)
            found.append([x[:count] for x in out[:10]])
        *rows, bound = (
            (np.concatenate(x) for x in zip(*found, strict=True))
            if found
            else (*self._empty(0), np.zeros(0))
        )
        kept = self._undominated(k, rows)
        return [x[kept] for x in rows], bound[kept], least

    def _coming(self, k: int) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
        """Of the queues that come to tasks, as the kernel wants them."""
        t, first = self.tasks, len(self._devices)
        events, numbers, lists = [], [], ([], [], [])  # type: ignore[var-annotated]
        for q, turn in self._events[k]:
            block, kind = self.blocks[q], self._kinds[q]
            j, last = int(block.tasks[turn]), turn + 1 == len(block.tasks)
            base = t.local_cost[j] if q < first else t.cost[j, q - first]
            size = t.local[j] if q < first else t.size[j, q - first]
            events.append((q, j, max(q - first + 1, 0), turn, len(lists[kind]), kind))
            later = np.inf if last else block.at[turn + 1]
            numbers.append((base - self.price[j], size, block.at[turn], later))
            lists[kind].append(self.values[q][turn + 1])
        none = (NO_LINES, NO_LINES, NO_PLANES)
        stacks = [np.stack(x) if x else empty for x, empty in zip(lists, none, strict=True)]
        return (
            np.array(events, np.int64).reshape(-1, 6),
            np.array(numbers, float).reshape(-1, 4),
            stacks,
        )

    def _undominated(self, k: int, rows: list[np.ndarray]) -> np.ndarray:
        """Rows that matter once the k-th task is decided."""
        paid, mark, free = rows[0], rows[1], rows[3]
        if self.tasks.limit == BITS:
            mark = mark + self._bound_to(k, rows[8])
        order, kept = np.lexsort((paid, mark)), np.empty(len(paid), np.int64)
        merged = np.array(self._kinds) == kernels.RANK
        count = kernels.undominated(order, WINDOW, paid, mark, free, merged, kept)
        return kept[:count]

    def _bound_to(self, k: int, modes: np.ndarray) -> np.ndarray:
        """Marks of where regions send what they offload, of slots that are not over."""
        t, out = self.tasks, np.zeros(len(modes), np.int64)
        for slot in np.unique(t.slot[t.order[k + 1 :]]):
            for home in range(t.servers):
                group = np.flatnonzero((t.slot == slot) & (t.home == home))
                if len(group):
                    sent = modes[:, group].max(axis=1)
                    out += np.where(sent > 0, self._marks[group[0]][sent] // 3, 0)
        return out
