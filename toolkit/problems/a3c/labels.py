"""The best decisions of an episode by labels: servers first come, first served, in one order."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from . import _label_kernels as kernels
from .blocks import Block, Line
from .clock import Clock, Pace
from .tasks import Tasks

WINDOW = 100  # labels that a new one is compared with
PIECE = 10_000  # labels in one go
NEVER = 1e300
NOBODY = np.zeros((0, 1))


@dataclass(frozen=True, eq=False)
class Found:
    """What a search for decisions below a cutoff came to."""

    bound: float  # no decision is below it and below the cutoff
    cost: float  # of the best that was met; inf: none
    modes: np.ndarray | None
    dropped: bool  # more labels than may be kept


class Search:
    """Partial decisions task by task; `values` are those of all devices, then of the servers."""

    def __init__(
        self,
        tasks: Tasks,
        blocks: Sequence[Block],
        values: Sequence[np.ndarray],
        steps: tuple[float, float],  # of the grids of devices, of servers
        price: np.ndarray,
        clock: Clock,
    ) -> None:
        self._tasks, self._order, self._steps = tasks, tasks.order, steps
        self._clock = clock
        self._count = len(np.unique(tasks.device))
        self._devices = dict(zip(np.unique(tasks.device), blocks, strict=False))
        self._values = dict(zip(np.unique(tasks.device), values, strict=False))
        self._servers = values[self._count :]
        ahead = np.cumsum(price[self._order][::-1])[::-1]
        self._ahead = np.append(ahead[1:], 0.0)
        own = tasks.at[np.arange(len(tasks)), tasks.home][self._order]
        self._next_at = np.append(own[1:], own[-1:])

    def below(self, cutoff: float, most: int) -> Found:
        """Looks for decisions below the cutoff with at most so many labels at a time; with fewer
        where time gets short."""
        t, past, pace = self._tasks, [], Pace(self._clock, most)
        state = self._begin()
        turn = dict.fromkeys(self._devices, 0)
        least, dropped = np.inf, False
        for k in range(len(t)):
            most = pace.most(len(state[0]), len(t) - k)
            state, parent, chosen, left, cut = self._step(k, turn, state, cutoff, most)
            least, dropped = min(least, left), dropped or cut
            past.append((parent, chosen))
        cost = state[0]
        if not len(cost):
            return Found(least, np.inf, None, dropped)
        best = int(np.argmin(cost))
        modes = self._modes(past, best)
        return Found(min(least, float(cost[best])), float(cost[best]), modes, dropped)

    def _begin(self) -> list[np.ndarray]:
        """Cost, rest, free, busy and sent of the one label of an empty decision."""
        t = self._tasks
        rest = np.array([sum(float(v[0, 0]) for v in self._values.values())])
        shapes = ((1, t.servers), (1, t.grid[1]))
        return [np.zeros(1), rest, *map(np.zeros, shapes), np.zeros((1, t.servers), np.int64)]

    def _numbers(self, k: int, turn: int) -> np.ndarray:
        """Of a task, as the kernels want them."""
        t, i = self._tasks, self._order[k]
        starts = self._line(k).at
        later = starts[min(turn + 1, len(starts) - 1)]
        own = t.at[i, t.home[i]]
        mine = (t.local_cost[i], t.local[i], t.start[i], own)
        return np.array([*mine, later, self._next_at[k], self._ahead[k], t.weight])

    def _line(self, k: int) -> Line:
        line = self._devices[self._tasks.device[self._order[k]]]
        assert isinstance(line, Line)
        return line

    def _until(self, k: int, turn: dict[int, int]) -> np.ndarray:
        """When each device's next task starts, and the next task reaches its server."""
        out = np.full(self._tasks.grid[1] + 1, NEVER)
        for u, line in self._devices.items():
            if turn[u] < len(line.at):
                out[u] = line.at[turn[u]]
        if k + 1 < len(self._tasks):
            out[-1] = self._next_at[k]
        return out

    def _step(
        self, k: int, turn: dict[int, int], state: list[np.ndarray], cutoff: float, most: int
    ) -> tuple[list[np.ndarray], np.ndarray, np.ndarray, float, bool]:
        """Decides one task in all labels."""
        t, i = self._tasks, self._order[k]
        u = t.device[i]
        task, mine = self._numbers(k, turn[u]), self._values[u][turn[u] : turn[u] + 2]
        turn[u] += 1
        cost, rest, free, busy, sent = state
        room = len(cost) * (t.servers + 1) + 1
        found, parent, chosen = np.empty((3, room)), *np.empty((2, room), np.int64)
        who = (u, t.home[i])
        rows, table = NOBODY, NOBODY[None][:0]
        if self._servers[0].ndim == 3:
            table = self._servers[0][k + 1][None]
        else:
            rows = np.stack([v[k + 1] for v in self._servers])
        count, least = 0, np.inf
        for low in self._clock.pieces(len(cost), PIECE):
            count, left = kernels.grow(
                *(cost, rest, free, busy, sent, task, t.cost[i], t.size[i], who, t.limit, mine),
                *(rows, table, self._steps, cutoff, found, parent, chosen),
                *(low, min(low + PIECE, len(cost)), count),
            )
            least = min(least, left)
        order = np.argsort(found[0, :count], kind="stable")
        last = k + 1 == len(t)
        new_slot = not last and t.slot[self._order[k + 1]] != t.slot[i]
        new = [np.empty((count + 1, *x.shape[1:]), x.dtype) for x in state]
        kept = np.empty(count + 1, np.int64)
        some = 0
        for low in self._clock.pieces(count, PIECE):
            some = kernels.settle(
                *(order[low : low + PIECE], WINDOW, found, parent, chosen, free, busy, sent, task),
                *(t.size[i], who, new_slot, self._until(k, turn), *new, kept, some),
            )
        cut = some > most
        if cut:
            least, some = min(least, found[0, kept[most]]), most
        ids = kept[:some]
        kinds = parent[ids].astype(np.int32), chosen[ids].astype(np.int16)
        return [x[:some].copy() for x in new], *kinds, float(least), cut

    def _modes(self, past: list[tuple[np.ndarray, np.ndarray]], label: int) -> np.ndarray:
        out = np.zeros(len(past), np.int64)
        for k in reversed(range(len(past))):
            parent, chosen = past[k]
            out[self._order[k]] = chosen[label]
            label = int(parent[label])
        return out
