"""Good decisions of an episode by local search."""

from functools import cached_property

import numpy as np

from . import _improve_kernels as kernels
from .tasks import Tasks

WINDOW = 12  # tasks within which two are changed at once
PAIRS = 30_000_000  # visits of queues in a sweep of pairs; more: only single changes
KICKED, AROUND = 4, 15  # tasks changed by a kick, and tasks on either side that are improved


class Improver:
    """Decisions are modes (tasks,): 0 local, s + 1 server s; all that are met are allowed."""

    def __init__(self, tasks: Tasks) -> None:
        self.tasks = tasks
        local = tasks.local_cost[:, None]
        self._cost = np.concatenate([local, tasks.cost], axis=1)
        self._parts = (tasks.home, tasks.device, tasks.start, tasks.local)
        self._queues = (tasks.orders, tasks.at, tasks.size, tasks.own_first)
        n, modes = len(tasks), tasks.servers + 1
        self._window = WINDOW if n * WINDOW * modes**2 * n <= PAIRS else 1

    def cost(self, modes: np.ndarray) -> float:
        """Of the whole episode."""
        base = float(np.take_along_axis(self._cost, modes[:, None], 1).sum())
        return base + self.tasks.weight * float(self.waits(modes).sum())

    def waits(self, modes: np.ndarray) -> np.ndarray:
        """(servers + devices,): seconds."""
        count = self.tasks.servers + int(self.tasks.device.max()) + 1
        out = np.empty(count)
        kernels.waits(modes, self._parts, *self._queues, out)
        return out

    def descend(self, modes: np.ndarray, first: int = 0, last: int = -1) -> np.ndarray:
        """Changes tasks from first to last until none helps."""
        t, out = self.tasks, modes.copy()
        last = len(modes) if last < 0 else last
        rules = (self._cost, t.weight, t.slot, t.limit)
        kernels.descend(out, first, last, self._window, *rules, self._parts, *self._queues)
        return out

    def kick(self, modes: np.ndarray, rng: np.random.Generator, times: int) -> np.ndarray:
        """Changes a few tasks near each other at random and improves around them, so many times;
        what is worse is taken back."""
        best, worth = modes, self.cost(modes)
        for _ in range(times):
            first = int(rng.integers(len(modes)))
            last = min(len(modes), first + 2 * KICKED)
            trial = best.copy()
            for k in rng.integers(first, last, KICKED):
                self._set(trial, k, int(rng.choice(self._allowed[k])))
            trial = self.descend(trial, max(0, first - AROUND), min(len(modes), last + AROUND))
            cost = self.cost(trial)
            if cost < worth - 1e-11:
                best, worth = trial, cost
        return best

    @cached_property
    def _allowed(self) -> list[np.ndarray]:
        return [np.flatnonzero(np.isfinite(row)) for row in self._cost]

    def _set(self, modes: np.ndarray, k: int, mode: int) -> None:
        t = self.tasks
        touched = np.zeros(t.servers + 1, bool)
        kernels._put(k, mode, modes, t.slot, t.home, t.limit, touched)

    @cached_property
    def start(self) -> np.ndarray:
        """The better of two descents: from the own servers, and from the devices."""
        if not len(self.tasks):
            return np.zeros(0, np.int64)
        own = self.descend(self.tasks.home + 1)
        if self._window == 1:  # many tasks
            return own
        home = self.descend(np.zeros(len(self.tasks), np.int64))
        return min((own, home), key=self.cost)

    def longest(self, modes: np.ndarray) -> tuple[float, float]:
        """The longest backlogs that any device and any server has after an arrival."""
        t, device, server = self.tasks, 0.0, 0.0
        free = np.zeros(t.grid[1])
        for k in range(len(t)):
            if modes[k] == 0:
                u = t.device[k]
                free[u] = max(free[u], t.start[k]) + t.local[k]
                device = max(device, free[u] - t.start[k])
        for s, order in enumerate(t.orders):
            now = 0.0
            for k in order[modes[order] == s + 1]:
                now = max(now, t.at[k, s]) + t.size[k, s]
                server = max(server, now - t.at[k, s])
        return device, server
