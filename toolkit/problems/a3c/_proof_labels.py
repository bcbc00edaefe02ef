"""Partial decisions once more, for the proof: all that could lead to less than a given cost."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ._proof_values import Axis, look
from .known import Known

REACH = 100  # labels before one that it is compared with
PASSES = 40  # until none is left out, or nearly


@dataclass(frozen=True, eq=False)
class Tables:
    """Values of a queue before each of its tasks."""

    values: list[np.ndarray]
    at: np.ndarray
    step: float

    def of(self, k: int, free: np.ndarray, other: np.ndarray | None = None) -> np.ndarray:
        """Before task k of the queue; its last arrival stands for what comes after all."""
        table, at = self.values[k], self.at[min(k, len(self.at) - 1)]
        return look(table, Axis(len(table), self.step, at), free, other)


class Labels:
    """One row a label: cost, when servers and devices are free, what regions chose in the slot."""

    def __init__(
        self, known: Known, devices: Mapping[int, Tables], servers: Tables, pair: bool
    ) -> None:
        self._known, self._devices, self._servers, self._pair = known, devices, servers, pair
        self._turn = dict.fromkeys(devices, 0)
        n = known.servers
        self._cost = np.zeros(1)
        self._free, self._sent = np.zeros((1, n)), np.zeros((1, n), int)
        self._busy = np.zeros((1, known.devices))
        self._rest = np.array([sum(t.values[0][0, 0] for t in devices.values())])

    def least(self, above: float, most: int) -> float:
        """A cost that no decision is below: `above`, or less where labels had to be dropped."""
        known, least = self._known, above
        order = known.arrivals
        ahead = np.append(np.cumsum(known.local_cost[order][::-1])[::-1][1:], 0.0)
        for k, i in enumerate(order):
            if not len(self._cost):
                return least
            bounds = self._decide(k, i, float(ahead[k]), above)
            if len(bounds) > most:
                least = min(least, float(bounds[most]))
                self._keep(np.arange(most))
        return min(least, float(self._cost.min(initial=np.inf)))

    def _decide(self, k: int, i: int, ahead: float, above: float) -> np.ndarray:
        """All ways of one task; the bounds of the labels that are left, in order."""
        known, u = self._known, int(self._known.device[i])
        mine, turn = self._devices[u], self._turn[u]
        self._turn[u] += 1
        rest = self._rest - mine.of(turn, self._busy[:, u])
        parts = []
        for mode in range(known.servers + 1):
            cost, free, busy = self._cost.copy(), self._free.copy(), self._busy.copy()
            sent, rows = self._sent.copy(), np.ones(len(cost), bool)
            if mode == 0:
                begun = np.maximum(busy[:, u], known.start[i])
                cost += known.local_cost[i] + known.weight * (begun - known.start[i])
                busy[:, u] = begun + known.local[i]
            else:
                s, home, at = mode - 1, known.home[i], known.at[i, mode - 1]
                rows &= bool(np.isfinite(known.cost[i, s]))
                if known.limit == 1:
                    rows &= (sent[:, home] == 0) | (sent[:, home] == mode)
                begun = np.maximum(free[:, s], at)
                cost += known.cost[i, s] + known.weight * (begun - at)
                free[:, s] = begun + known.size[i, s]
                sent[:, home] = mode
            left = rest + mine.of(turn + 1, busy[:, u])
            bound = cost + left + ahead + self._ahead(k + 1, free)
            rows &= bound < above
            parts.append([x[rows] for x in (bound, cost, left, free, busy, sent)])
        bound, *state = (np.concatenate(x) for x in zip(*parts, strict=True))
        self._cost, self._rest, self._free, self._busy, self._sent = state
        self._forget(k)
        order = np.argsort(bound, kind="stable")
        self._keep(order)
        bound = bound[order]
        for _ in range(PASSES):  # what is left out brings others within reach
            good = self._undominated()
            self._keep(good)
            bound = bound[good]
            if len(good) == good.max(initial=-1) + 1:
                break
        return np.asarray(bound)

    def _ahead(self, k: int, free: np.ndarray) -> np.ndarray:
        if self._pair:
            return self._servers.of(k, free[:, 0], free[:, 1])
        return self._servers.of(k, free[:, 0])

    def _forget(self, k: int) -> None:
        """Times that do not matter any more become one; so do choices of a slot that is over."""
        known, order = self._known, self._known.arrivals
        for u, turn in self._turn.items():
            at = self._devices[u].at
            floor = at[turn] if turn < len(at) else np.inf
            self._busy[:, u] = np.maximum(self._busy[:, u], floor)
        done = k + 1 == len(order)
        soonest = np.inf if done else float(known.own_at[order[k + 1]])
        self._free = np.maximum(self._free, soonest)
        if done or known.limit != 1 or known.slot[order[k]] != known.slot[order[k + 1]]:
            self._sent[:] = 0

    def _keep(self, rows: np.ndarray) -> None:
        self._cost, self._rest = self._cost[rows], self._rest[rows]
        self._free, self._busy = self._free[rows], self._busy[rows]
        self._sent = self._sent[rows]

    def _undominated(self) -> np.ndarray:
        """Rows that none shortly before is at least as good as, in all."""
        good = np.ones(len(self._cost), bool)
        columns = [self._cost, *self._free.T, *self._busy.T]
        for apart in range(1, min(REACH, len(good) - 1) + 1):
            rows = np.flatnonzero(good[apart:])
            for column in columns:
                rows = rows[column[rows] <= column[rows + apart]]
            for sent in self._sent.T if self._known.limit == 1 else ():
                rows = rows[(sent[rows] == 0) | (sent[rows] == sent[rows + apart])]
            good[rows + apart] = False
        return np.flatnonzero(good)
