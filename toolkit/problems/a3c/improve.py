"""Good decisions of an episode by local search."""

from functools import cached_property

import numpy as np

from . import _improve_kernels as kernels
from .clock import Clock
from .tasks import BITS, Tasks

WINDOW = 12  # tasks within which two are changed at once
PAIRS = 30_000_000  # visits of queues in a sweep of pairs; more: only single changes
PIECE = 6_000_000  # visits of tasks in one go, about
SWEEPS = 3  # in one go
START = 0.2  # the part of the time that is left for each of two first descents
KICKED, AROUND = 4, 15  # tasks changed by a kick, and tasks on either side that are improved


class Improver:
    """Decisions are modes (tasks,): 0 local, s + 1 server s; all that are met are allowed."""

    def __init__(self, tasks: Tasks, clock: Clock | None = None) -> None:
        self.tasks, self._clock = tasks, clock or Clock()
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

    def descend(
        self, modes: np.ndarray, first: int = 0, last: int = -1, part: float = 1.0
    ) -> np.ndarray:
        """Changes tasks from first to last until none helps, or that part of the time is over."""
        t, out, clock = self.tasks, modes.copy(), self._clock.part(part)
        last = len(modes) if last < 0 else last
        rules = (self._cost, t.weight, t.slot, t.limit, self._parts, *self._queues)
        again = True
        while again and not clock.over:
            again = False
            for low in range(first, max(last - self._window, first) + 1, self._some):
                high = min(last, low + self._some + self._window)
                more = True
                while more and not clock.over:
                    gained, more = kernels.descend(out, low, high, SWEEPS, self._window, *rules)
                    again = again or (gained > 0 and high - low < last - first)
        return out

    @cached_property
    def _some(self) -> int:
        """Tasks from one piece of work to the next."""
        n, modes = len(self.tasks), self.tasks.servers + 1
        each = self._window * modes ** min(self._window, 2) * n
        return max(10, int(PIECE // (each * SWEEPS)))

    def kick(
        self, modes: np.ndarray, rng: np.random.Generator, times: int, part: float = 1.0
    ) -> np.ndarray:
        """Changes a few tasks near each other at random and improves around them, so many times,
        and in so large a part of the time; what is worse is taken back."""
        best, worth, clock = modes, self.cost(modes), self._clock.part(part)
        for _ in range(times):
            if clock.over:
                break
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
    def plain(self) -> np.ndarray:
        """The best of all at their own servers, all on their devices, and each where it alone
        fares best as it comes."""
        own = self.tasks.home + 1
        return min((own, np.zeros_like(own), self._selfish()), key=self.cost)

    def _selfish(self) -> np.ndarray:
        """Tasks as they arrive, each by what it costs itself, servers first come, first served."""
        t, out = self.tasks, np.zeros(len(self.tasks), np.int64)
        free, busy = np.zeros(t.servers), np.zeros(t.grid[1])
        sent: dict[tuple[int, int], int] = {}  # server of a slot and region that must agree
        for k in t.order:
            u, group = t.device[k], (int(t.slot[k]), int(t.home[k]))
            worth = t.cost[k] + t.weight * np.maximum(free - t.at[k], 0.0)
            s = int(worth.argmin()) if t.limit != BITS else sent.get(group, int(worth.argmin()))
            if worth[s] < t.local_cost[k] + t.weight * max(busy[u] - t.start[k], 0.0):
                out[k], sent[group] = s + 1, s
                free[s] = max(free[s], t.at[k, s]) + t.size[k, s]
            else:
                busy[u] = max(busy[u], t.start[k]) + t.local[k]
        return out

    @cached_property
    def start(self) -> np.ndarray:
        """The better of two descents: from the own servers, and from the devices; of many tasks,
        from the best plain decision."""
        if self._window == 1:  # many tasks
            return self.descend(self.plain, part=2 * START)
        own = self.descend(self.tasks.home + 1, part=START)
        home = self.descend(np.zeros(len(self.tasks), np.int64), part=START)
        return min((own, home, self.plain), key=self.cost)

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
