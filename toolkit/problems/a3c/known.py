"""An episode's numbers as the proof takes them, and what its decisions cost; nothing is shared
with the solvers."""

from dataclasses import dataclass, replace

import numpy as np

from toolkit.arrays import Data

EPS = 2.0**-52


@dataclass(frozen=True, eq=False)
class Known:
    """Tasks by number of their cell; costs are weighted, waits left out."""

    cell: np.ndarray
    slot: np.ndarray
    device: np.ndarray
    home: np.ndarray
    start: np.ndarray
    local: np.ndarray
    local_cost: np.ndarray
    at: np.ndarray  # (tasks, servers)
    size: np.ndarray
    cost: np.ndarray  # inf: not allowed
    weight: float
    limit: int
    own_first: bool
    detour: float
    devices: int

    @classmethod
    def of(cls, data: Data) -> "Known":
        has = np.asarray(data["has"]) > 0.5
        slot, device = np.nonzero(has)
        bits, cycles = (np.asarray(data[key], float)[has] for key in ("bits", "cycles"))
        rate, cpu = (np.asarray(data[key], float)[device] for key in ("rate", "cpu"))
        number = {k: float(v) for k, v in data.items() if np.ndim(v) == 0}
        w, e = number["weight_delay"], number["weight_energy"]
        start, home = slot * number["slot"], np.asarray(data["region"])[device].astype(int)
        server_cpu = np.asarray(data["server_cpu"], float)
        foreign = np.arange(len(server_cpu)) != home[:, None]
        limit, sending = int(number["forwarding"]), bits / rate
        detour = np.where(foreign, number["forward_delay"], 0.0)
        busy = cycles[:, None] / server_cpu
        paid = w * (sending[:, None] + detour + busy) + e * number["send_power"] * sending[:, None]
        heat = number["kappa"] * cycles * cpu * cpu
        return cls(
            cell=slot * has.shape[1] + device,
            slot=slot,
            device=device,
            home=home,
            start=start,
            local=cycles / cpu,
            local_cost=w * cycles / cpu + e * heat,
            at=(start + sending)[:, None] + detour,  # the judge's sums: ties are ties
            size=busy,
            cost=np.where(foreign & (limit == 0), np.inf, paid),
            weight=w,
            limit=limit,
            own_first=number["own_first"] > 0.5,
            detour=number["forward_delay"],
            devices=has.shape[1],
        )

    @property
    def servers(self) -> int:
        return int(self.at.shape[1])

    @property
    def own_at(self) -> np.ndarray:
        return np.asarray(self.at[np.arange(len(self.home)), self.home])

    @property
    def arrivals(self) -> np.ndarray:
        """Tasks as they reach their own servers."""
        return np.argsort(self.own_at, kind="stable")

    @property
    def one_order(self) -> bool:
        """Whether tasks of earlier slots arrive earlier, wherever they may go."""
        free = self.detour == 0 or self.limit == 0
        return free and bool((np.diff(self.slot[self.arrivals]) >= 0).all())

    def alone(self, region: int) -> "Known":
        """A region with its server, whose tasks may go nowhere else."""
        mine = np.flatnonzero(self.home == region)
        rows = {
            key: getattr(self, key)[mine]
            for key in ("cell", "slot", "device", "start", "local", "local_cost")
        }
        own = {key: getattr(self, key)[mine][:, [region]] for key in ("at", "size", "cost")}
        home = np.zeros(len(mine), int)
        return replace(self, home=home, own_first=False, detour=0.0, **rows, **own)

    def slack(self, top: float, price: np.ndarray) -> float:
        """What rounding may come to in a programme over these tasks.

        A value takes at most 40 roundings a task, each of numbers no larger than `size`. Times are
        sums of at most n numbers and off by at most n half units of the latest one, places on a
        grid by four more; values grow with time by at most the weight times the number of tasks.
        """
        n = len(self.cell)
        if not n:
            return 0.0
        costs = np.where(np.isfinite(self.cost), self.cost, 0.0)
        size = float((costs.max(1) + self.local_cost + np.abs(price)).sum())
        size += self.weight * n * top
        latest = float(self.at.max() + self.size.max(1).sum() + self.local.sum())
        return EPS * (40 * n * size + 4 * n * n * self.weight * latest)

    def costs(self, modes: np.ndarray) -> np.ndarray:
        """Of decisions modes (rows, tasks): queues event by event, all rows at once; inf where
        one is not allowed."""
        tasks = np.arange(len(self.cell))
        every = np.column_stack([self.local_cost, self.cost])
        total = every[tasks, modes].sum(axis=1)
        for u in range(self.devices):
            total += self.weight * self._device(u, modes)
        for s in range(self.servers):
            total += self.weight * self._server(s, modes)
        if self.limit == 1:
            total[self._split(modes)] = np.inf
        return np.asarray(total)

    def _device(self, u: int, modes: np.ndarray) -> np.ndarray:
        free, waited = np.zeros((2, len(modes)))
        for k in np.flatnonzero(self.device == u):
            here = modes[:, k] == 0
            begun = np.maximum(free, self.start[k])
            waited += here * (begun - self.start[k])
            free = np.where(here, begun + self.local[k], free)
        return waited

    def _server(self, s: int, modes: np.ndarray) -> np.ndarray:
        """The server takes what is there, own tasks first, until nothing is left."""
        open_, rows = modes == s + 1, np.arange(len(modes))
        now, waited = np.zeros((2, len(modes)))
        at, size = self.at[:, s], self.size[:, s]
        rank = np.empty(len(at))
        rank[np.argsort(at, kind="stable")] = np.arange(len(at))
        behind = len(at) * (self.home != s) if self.own_first else np.zeros(len(at))
        for _ in range(int(open_.sum(1).max(initial=0))):
            first = np.where(open_, at, np.inf).min(1)
            now = np.maximum(now, first)
            there = open_ & (at <= now[:, None])
            k = np.where(there, rank + behind, np.inf).argmin(1)
            on = open_.any(1)
            waited += np.where(on, now - at[k], 0.0)
            now = np.where(on, now + size[k], 0.0)
            open_[rows, k] = False
        return waited

    def _split(self, modes: np.ndarray) -> np.ndarray:
        """Whether a region sends tasks of a slot to more than one server."""
        out = np.zeros(len(modes), bool)
        for slot, home in set(zip(self.slot.tolist(), self.home.tolist(), strict=True)):
            some = modes[:, (self.slot == slot) & (self.home == home)]
            most = some.max(1)
            out |= ((some > 0) & (some != most[:, None])).any(1)
        return out
