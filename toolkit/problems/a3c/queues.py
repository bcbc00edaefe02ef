"""From data and decisions to the queues of `_queue_kernels`, whole batches at once."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from toolkit.arrays import Array, Data

from . import _queue_kernels as kernels

TASK = {"has": 2, "bits": 2, "cycles": 2, "rate": 1, "region": 1, "cpu": 1, "server_cpu": 1}
SCALARS = (
    *("slot", "send_power", "kappa", "forward_delay"),
    *("own_first", "forwarding", "tolerance"),
)


@dataclass(frozen=True, eq=False)
class Tables:
    """Episodes as the kernels want them, along one axis."""

    batch: tuple[int, ...]
    slots: int
    cells: np.ndarray  # (episodes, 7, slots * devices): START, OWN, … of the kernels
    orders: np.ndarray  # (episodes, 3, slots * devices): of their tasks, then of what is none
    counts: np.ndarray  # (episodes,): of tasks
    homes: np.ndarray  # (episodes, slots * devices): own server, from 1
    server_cpu: np.ndarray  # (episodes, servers)
    rules: np.ndarray  # (episodes, 4): FORWARD, PRIORITY, LIMIT, TOLERANCE

    @classmethod
    def of(cls, data: Data) -> "Tables":
        """A task of slot t starts at t slot, is at its own server bits / rate later, and at
        others `forward_delay` after that; exactly these sums, so that ties are ties."""
        batch, d = _flat(data)
        episodes, slots, devices = d["has"].shape
        start = np.arange(slots)[:, None] * d["slot"][:, None, None]
        sending = d["bits"] / d["rate"][:, None]
        own = start + sending
        parts = (
            *(start, own, own + d["forward_delay"][:, None, None]),
            *(d["cycles"] / d["cpu"][:, None], d["cycles"]),
            d["kappa"][:, None, None] * d["cycles"] * d["cpu"][:, None] ** 2,
            d["send_power"][:, None, None] * sending,
        )
        shape = (episodes, slots, devices)
        cells = np.stack([np.broadcast_to(part, shape) for part in parts], axis=1)
        cells = cells.reshape(episodes, len(parts), slots * devices)
        has = d["has"].reshape(episodes, -1) > 0.5
        homes = np.array(np.broadcast_to(d["region"].astype(np.int64)[:, None] + 1, shape))
        rules = np.stack(
            [d[k] for k in ("forward_delay", "own_first", "forwarding", "tolerance")], axis=-1
        )
        return cls(
            batch,
            slots,
            cells,
            _orders(cells, has, d["forward_delay"].any()),
            has.sum(-1),
            homes.reshape(episodes, -1),
            d["server_cpu"].copy(),
            rules,
        )

    def play(self, target: Array, times: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """Results (*cases, 4) of decisions (*cases, slots, devices), which broadcast with the
        batch; with `times` also when tasks are done, like `target`, NaN where there is none."""
        wish = plain(target)
        grid = wish.shape[-2:]
        cases = np.broadcast_shapes(self.batch, wish.shape[:-2])
        each = np.arange(len(self.counts)).reshape(self.batch)
        number = np.array(np.broadcast_to(each, cases)).ravel()
        rows = np.broadcast_to(wish, (*cases, *grid)).reshape(len(number), -1)
        rows = np.require(rows, requirements=["C", "W"])  # one type, compiled once
        out = np.empty((len(number), 4))
        done = np.full((len(number) if times else 1, rows.shape[1]), np.nan)
        tables = (self.cells, self.orders, self.counts, self.homes, self.server_cpu, self.rules)
        kernels.episodes(number, rows, self.slots, *tables, out, done)
        when = done.reshape(*cases, *grid) if times else done
        return out.reshape(*cases, 4), when


def _orders(cells: np.ndarray, has: np.ndarray, detours: Any) -> np.ndarray:
    """Tasks by number, by arrival at their own server, and at others; ties by number."""
    never = np.where(has, 0.0, np.inf)
    by = [np.argsort(key, axis=-1, kind="stable") for key in (never, cells[:, kernels.OWN] + never)]
    far = np.argsort(cells[:, kernels.FAR] + never, axis=-1, kind="stable") if detours else by[1]
    return np.stack([*by, far], axis=1)


def _flat(data: Data) -> tuple[tuple[int, ...], dict[str, np.ndarray]]:
    """The axes of the batch, and data with these as one."""
    values = {key: plain(data[key]) for key in (*TASK, *SCALARS)}
    leads = {key: v.shape[: v.ndim - TASK.get(key, 0)] for key, v in values.items()}
    batch = np.broadcast_shapes(*leads.values())
    return batch, {
        key: np.broadcast_to(v, (*batch, *v.shape[len(leads[key]) :])).reshape(
            -1, *v.shape[len(leads[key]) :]
        )
        for key, v in values.items()
    }


def plain(value: Array) -> np.ndarray:
    """A NumPy array of doubles; torch's tensors lose their gradients."""
    return np.asarray(value.detach() if hasattr(value, "detach") else value, dtype=float)
