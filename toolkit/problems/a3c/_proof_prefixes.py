"""Decisions of the first tasks once more, for the proof: servers event by event, in any order of
arrivals, and prices for what is still to come."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ._proof_labels import Tables
from .known import Known

REACH, PASSES = 30, 5  # rows before one that it is compared with; how often
# Of a time that is before another one whatever is rounded: work is summed up in order of arrival,
# service in its own order, and one unit in the last place may let an own task go first.
SURE = 1 - 1e-9


@dataclass(frozen=True, eq=False)
class Queue:
    """A device or a server, its tasks in order of arrival and its values before each of them."""

    mode: int  # that of tasks which come here: 0, or 1 + the server's number
    tasks: np.ndarray
    size: np.ndarray
    paid: np.ndarray  # without waits, less prices
    own: np.ndarray  # whether a task goes before those that are not
    values: Tables

    @property
    def ranked(self) -> bool:
        """Whether some tasks go before others."""
        return bool(self.own.any() and not self.own.all())


class Prefixes:
    """One row a decision of the first tasks, in order of arrival at their own servers.

    Of a queue a row knows until when it is taken by what has begun, and by own tasks (`busy`), and
    of servers where some go first which others wait (`waiting`), how much work there is (`until`),
    and when own tasks alone would be done (`mine`). Others may begin at the next arrival's time at
    the earliest: which of them go first is settled only then.
    """

    def __init__(self, known: Known, queues: Sequence[Queue], price: float) -> None:
        self._known, self._queues, self._price = known, queues, price
        tasks, count = len(known.cell), len(queues)
        self._turn = [0] * count
        self._modes = np.zeros((1, tasks), np.int16)
        self._live = np.zeros((1, tasks), np.int16)  # 1 + mode where it still matters
        self._waiting = np.zeros((1, tasks), np.int16)  # the mode of a task that waits for others
        self._paid = np.zeros(1)
        self._busy, self._until, self._mine = (np.zeros((1, count)) for _ in range(3))
        self._ahead = np.zeros((1, count))
        self._rest = np.zeros((1, count))  # what those waiting wait if no more come
        for q, queue in enumerate(queues):
            self._ahead[:, q] = queue.values.values[0][0, 0]

    def least(self, above: float, most: int) -> float:
        """A cost that no decision is below: `above`, or less where rows had to be dropped."""
        known, least = self._known, above
        order = known.arrivals
        place = np.argsort(order)
        ready = [np.maximum.accumulate(place[queue.tasks]) for queue in self._queues]
        for k, i in enumerate(order):
            self._decide(int(i))
            for q in range(len(self._queues)):
                while self._turn[q] < len(ready[q]) and ready[q][self._turn[q]] <= k:
                    self._come(q)
            bound = self._price + self._paid + (self._ahead + self._rest).sum(axis=1)
            rows = np.flatnonzero(bound < above)
            for _ in range(PASSES):  # what is left out brings others within reach
                good = self._undominated(rows, i)
                rows, done = rows[good], len(good) == len(rows)
                if done:
                    break
            if len(rows) > most:
                parts = np.argpartition(bound[rows], most)
                least = min(least, float(bound[rows[parts[most:]]].min()))
                rows = rows[parts[:most]]
            self._keep(rows)
            if not len(rows):
                return least
        return min(least, float((self._price + self._paid + self._rest.sum(axis=1)).min()))

    def _decide(self, i: int) -> None:
        """All ways of one task, as far as they are allowed."""
        known, before = self._known, len(self._paid)
        modes = [0, *(1 + np.flatnonzero(np.isfinite(known.cost[i])))]
        rows, chosen = np.tile(np.arange(before), len(modes)), np.repeat(modes, before)
        if known.limit == 1:
            alike = (known.slot == known.slot[i]) & (known.home == known.home[i])
            sent = self._modes[:, alike].max(axis=1)[rows]
            fits = (chosen == 0) | (sent == 0) | (sent == chosen)
            rows, chosen = rows[fits], chosen[fits]
        self._keep(rows)
        self._modes[:, i] = chosen
        self._live[:, i] = chosen + 1

    def _come(self, q: int) -> None:
        """A queue comes to its next task."""
        queue, turn = self._queues[q], self._turn[q]
        self._turn[q] += 1
        j, at = queue.tasks[turn], queue.values.at[turn]
        here = self._modes[:, j] == queue.mode
        self._paid += np.where(here, queue.paid[turn], 0.0)
        last = turn + 1 == len(queue.tasks)
        later = np.inf if last else queue.values.at[turn + 1]
        if queue.ranked:
            self._serve(q, turn, here)
            idle = self._until[:, q] < later * SURE
            done = queue.tasks[: turn + 1]
            over = idle[:, None] & (self._live[:, done] == queue.mode + 1)
            self._live[:, done] = np.where(over, 0, self._live[:, done])
        else:
            begun = np.maximum(self._busy[:, q], at)
            self._paid += np.where(here, self._known.weight * (begun - at), 0.0)
            busy = np.where(here, begun + queue.size[turn], self._busy[:, q])
            self._busy[:, q] = np.maximum(busy, 0.0 if last else later)
            self._until[:, q] = self._busy[:, q]
            self._live[here, j] = 0
        if last:
            self._ahead[:, q] = 0.0
            self._busy[:, q] = self._busy[:, q] if queue.ranked else 0.0
        elif queue.values.values[0].shape[1] == 1:
            self._ahead[:, q] = queue.values.of(turn + 1, self._until[:, q])
        else:
            own = self._mine[:, q]
            self._ahead[:, q] = queue.values.of(turn + 1, self._until[:, q], own)

    def _serve(self, q: int, turn: int, here: np.ndarray) -> None:
        """What began before a task came; then the task, if it is taken; what others wait."""
        queue, w = self._queues[q], self._known.weight
        j, at = queue.tasks[turn], queue.values.at[turn]
        past, size = queue.tasks[: turn + 1], queue.size[: turn + 1]
        arrived = queue.values.at[: turn + 1]
        while True:
            waiting = self._waiting[:, past] == queue.mode
            first = waiting.argmax(axis=1)
            begun = np.maximum(self._busy[:, q], arrived[first])
            rows = np.flatnonzero(waiting.any(axis=1) & (begun < at))
            if not len(rows):
                break
            first, begun = first[rows], begun[rows]
            self._paid[rows] += w * (begun - arrived[first])
            self._busy[rows, q] = begun + size[first]
            self._waiting[rows, past[first]] = 0
        if queue.own[turn]:
            begun = np.maximum(self._busy[:, q], at)
            self._paid += np.where(here, w * (begun - at), 0.0)
            self._busy[:, q] = np.where(here, begun + size[turn], self._busy[:, q])
            alone = np.maximum(self._mine[:, q], at) + size[turn]
            self._mine[:, q] = np.where(here, alone, self._mine[:, q])
        else:
            self._waiting[here, j] = queue.mode
        work = np.maximum(self._until[:, q], at) + size[turn]
        self._until[:, q] = np.where(here, work, self._until[:, q])
        self._rest[:, q] = w * self._drained(q, past, size, arrived)

    def _drained(
        self, q: int, past: np.ndarray, size: np.ndarray, arrived: np.ndarray
    ) -> np.ndarray:
        """Seconds that those who wait will wait, one after the other, if no more come."""
        waiting = self._waiting[:, past] == self._queues[q].mode
        some = np.flatnonzero(waiting.any(axis=0))
        free, out = self._busy[:, q].copy(), np.zeros(len(waiting))
        for k in some:
            begun = np.maximum(free, arrived[k])
            out += np.where(waiting[:, k], begun - arrived[k], 0.0)
            free = np.where(waiting[:, k], begun + size[k], free)
        return out

    def _keep(self, rows: np.ndarray) -> None:
        names = ("modes", "live", "waiting", "paid", "busy", "until", "mine", "ahead", "rest")
        for name in names:
            setattr(self, f"_{name}", getattr(self, f"_{name}")[rows])

    def _undominated(self, rows: np.ndarray, i: int) -> np.ndarray:
        """Those that none shortly before makes useless: one with the same tasks wherever some go
        first, which are not over, and whose other queues are free no later, for no more. Task i
        was decided last."""
        if len(rows) < 2:
            return np.arange(len(rows))
        live = np.concatenate([self._live[rows], self._bound_to(rows, i)], axis=1)
        columns = np.flatnonzero(live.any(axis=0))
        live = live[:, columns]
        names = np.random.default_rng(20261122).standard_normal(len(columns))
        worth = (self._paid + self._rest.sum(axis=1))[rows]
        order = np.lexsort((worth, np.round(live @ names, 6)))  # alike ones are neighbours
        live, worth = live[order], worth[order]
        plain = [q for q, queue in enumerate(self._queues) if not queue.ranked]
        times = self._busy[rows][order][:, plain]
        good = np.ones(len(order), bool)
        for apart in range(1, min(REACH, len(order) - 1) + 1):
            at = np.flatnonzero(good[apart:])
            at = at[(live[at] == live[at + apart]).all(axis=1)]
            if not len(at):
                break
            at = at[(worth[at] <= worth[at + apart]) & (times[at] <= times[at + apart]).all(axis=1)]
            good[at + apart] = False
        return order[good]

    def _bound_to(self, rows: np.ndarray, i: int) -> np.ndarray:
        """Where regions send what they offload, of slots some of whose tasks are not decided."""
        known = self._known
        if known.limit != 1:
            return np.zeros((len(rows), 0), int)
        place = np.argsort(known.arrivals)
        out = []
        for slot in np.unique(known.slot[place > place[i]]):
            for home in range(known.servers):
                group = (known.slot == slot) & (known.home == home)
                out.append(self._modes[rows][:, group].max(axis=1, initial=0))
        return np.array(out).reshape(len(out), len(rows)).T
