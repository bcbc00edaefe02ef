"""The tasks of one episode, as the programmes over its queues want them."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from toolkit.arrays import Data

SINGLE, BITS = 0, 1  # of `forwarding`


@dataclass(frozen=True, eq=False)
class Tasks:
    """Tasks by slot and device; costs are weighted, times in seconds, waits left out."""

    cell: np.ndarray  # (tasks,): slot * devices + device
    slot: np.ndarray
    device: np.ndarray
    home: np.ndarray  # own server
    start: np.ndarray
    local: np.ndarray  # time on the device
    local_cost: np.ndarray
    at: np.ndarray  # (tasks, servers): arrival
    size: np.ndarray  # (tasks, servers): time there
    cost: np.ndarray  # (tasks, servers); inf: not allowed
    weight: float  # of a second's wait
    grid: tuple[int, int]  # slots, devices
    detour: float
    own_first: bool
    limit: int  # `forwarding`

    @classmethod
    def of(cls, data: Data) -> "Tasks":
        d = {key: np.asarray(value, float) for key, value in data.items()}
        devices = d["has"].shape[-1]
        cell = np.flatnonzero(d["has"].ravel() > 0.5)
        slot, device = np.divmod(cell, devices)
        start = slot * d["slot"]
        cycles, send = d["cycles"].ravel()[cell], d["bits"].ravel()[cell] / d["rate"][device]
        home = d["region"].astype(np.int64)[device]
        away = home[:, None] != np.arange(len(d["server_cpu"]))
        detour = d["forward_delay"] * away
        size = cycles[:, None] / d["server_cpu"]
        local, w, e = cycles / d["cpu"][device], d["weight_delay"], d["weight_energy"]
        cost = w * (send[:, None] + detour + size) + e * (d["send_power"] * send)[:, None]
        limit = int(d["forwarding"])
        return cls(
            cell=cell,
            slot=slot,
            device=device,
            home=home,
            start=start,
            local=local,
            local_cost=w * local + e * d["kappa"] * cycles * d["cpu"][device] ** 2,
            at=(start + send)[:, None] + detour,  # the judge's sums: ties are ties
            size=size,
            cost=np.where(away & (limit == SINGLE), np.inf, cost),
            weight=float(w),
            grid=(int(d["has"].shape[-2]), int(devices)),
            detour=float(d["forward_delay"]),
            own_first=bool(d["own_first"]) and limit != SINGLE,
            limit=limit,
        )

    def __len__(self) -> int:
        return len(self.cell)

    @property
    def servers(self) -> int:
        return int(self.at.shape[1])

    @cached_property
    def orders(self) -> np.ndarray:
        """(servers, tasks): tasks as they reach each server, ties by number."""
        return np.argsort(self.at.T, axis=1, kind="stable")

    @cached_property
    def order(self) -> np.ndarray:
        """Tasks as they reach their own servers."""
        own = self.at[np.arange(len(self)), self.home]
        return np.argsort(own, kind="stable")

    @cached_property
    def in_step(self) -> bool:
        """Whether no task reaches a server before one of an earlier slot: then `order` is one in
        which to decide that all queues agree with."""
        detours = self.detour > 0 and self.limit != SINGLE
        return not detours and bool(np.all(np.diff(self.slot[self.order]) >= 0))

    @cached_property
    def backlog(self) -> float:
        """A mean size on a server: what grids of time are measured by."""
        return float(self.size.mean()) if len(self) else 1.0

    def region(self, server: int) -> "Tasks":
        """The tasks of a region alone, with its own server and its own devices."""
        mine = np.flatnonzero(self.home == server)
        each = ("cell", "slot", "start", "local", "local_cost")
        some = {key: getattr(self, key)[mine] for key in each}
        alone = {key: getattr(self, key)[mine][:, [server]] for key in ("at", "size", "cost")}
        known, device = np.unique(self.device[mine], return_inverse=True)
        grid = (self.grid[0], len(known))
        home = np.zeros(len(mine), np.int64)
        return replace(self, **some, **alone, device=device, home=home, grid=grid)

    def target(self, modes: np.ndarray) -> np.ndarray:
        """Decisions (*batch, slots, devices) from modes (*batch, tasks)."""
        out = np.zeros((*modes.shape[:-1], self.grid[0] * self.grid[1]))
        out[..., self.cell] = modes
        return out.reshape(*modes.shape[:-1], *self.grid)

    def rounding(self, top: float) -> float:
        """More than what rounding comes to in a programme over these tasks, and in its proof."""
        n = len(self)
        costs = float(np.where(np.isfinite(self.cost), self.cost, 0.0).sum())
        costs += 4 * float(self.local_cost.sum()) + self.weight * n * top
        latest = float(self.at.max() + self.size.sum() + self.local.sum())
        return 2.0**-51 * (50 * n * costs + 3 * n * n * self.weight * latest)
