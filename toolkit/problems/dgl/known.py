"""What is known of an episode for sure: of all slots, doubles that no number of a loss is below."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from toolkit.arrays import Data, Decision
from toolkit.problems import TOLERANCE

from .slots import flat, shared

EPS = 2.0**-53


@dataclass(frozen=True, eq=False)
class Known:
    """Of steps and slots: what users lose at most little, and an episode's prices."""

    local: np.ndarray  # (steps, slots, users): minus the QoE of who computes
    served: np.ndarray  # (steps, slots): of offloaders, without loads
    detour: np.ndarray  # (steps, slots, users): of offloaders who are not served
    root: np.ndarray  # (steps, slots, users): load of the cell
    level: np.ndarray  # (steps, slots): load of the server
    vain: bool  # no detour is better than to compute
    service: np.ndarray  # (steps, slots, users)
    cell: np.ndarray  # (users,)
    data: Data

    @classmethod
    def of(cls, data: Data, lower: Callable[[Data], Any]) -> "Known":
        servers, services = np.shape(data["limit"])[-1], np.shape(data["size"])[-1]
        rows, lead = flat({**shared(data), "cached": np.ones((1, 1, servers, services))})
        each = [lower({k: v[r] for k, v in rows.items()}) for r in range(len(rows["service"]))]
        parts = {
            key: np.array([getattr(one, key) for one in each])
            for key in ("local", "served", "detour", "root", "level")
        }
        shaped = {k: np.reshape(v, (*lead, *v.shape[1:])) for k, v in parts.items()}
        vain = all(bool(one.vain.all()) for one in each)
        service = np.asarray(data["service"], np.int64)
        cell = np.asarray(data["cell"], np.int64)
        return cls(**shaped, vain=vain, service=service, cell=cell, data=data)

    @property
    def unit(self) -> float:
        """Reward of a unit of QoE in one slot, rounded up."""
        return float(np.nextafter(self.data["qoe_weight"] / self.service.shape[1], np.inf))

    @property
    def slack(self) -> float:
        """What rounding may add to an episode's reward: of each slot's sums of some terms a user,
        none of them larger than `most`, and of what is paid for caches."""
        steps, slots, users = self.service.shape
        most = users * float(np.abs(self.served).max() + np.abs(self.local).max())
        paid = float(np.sum(self.data["load_price"])) * len(self.data["limit"])
        rounding = steps * (slots * self.unit * most + paid) * 16
        return float((users + 64) * EPS * rounding)

    @property
    def rooms(self) -> np.ndarray:
        """Bytes that a cache holds at most, (servers,); what passes for feasible included."""
        return np.asarray(self.data["limit"] * (1 + 2 * TOLERANCE))

    def worth_of(self, discrete: Decision) -> np.ndarray:
        """Rewards that rows of caches and targets do not exceed."""
        cache, target = (np.asarray(discrete[key]).round() for key in ("cache", "target"))
        qoe = np.array([self._qoe(c, t) for c, t in zip(cache, target, strict=True)])
        new = np.maximum(np.diff(cache, axis=-3, prepend=0 * cache[:, :1]), 0)
        loading = (self.data["load_price"] * new).sum((-3, -2, -1))
        above = np.maximum((self.data["size"] * cache).sum(-1) - self.data["capacity"], 0)
        overflow = float(self.data["overflow_price"]) * above.sum((-2, -1))
        margin = 4096 * EPS * (self.unit * np.abs(qoe) + loading + overflow)
        return np.asarray(self.unit * qoe - loading - overflow + margin)

    def _qoe(self, cache: np.ndarray, target: np.ndarray) -> float:
        """QoE that caches (steps, servers, services) and targets do not exceed, of all slots."""
        steps, slots, users = self.service.shape
        servers = cache.shape[1]
        asked = self.service.reshape(steps, 1, -1)
        has = np.take_along_axis(cache, np.repeat(asked, servers, 1), -1)
        has = has.reshape(steps, servers, slots, users) > 0.5
        lost = np.where(target > 0, self.detour, self.local)
        for m in range(servers):
            here = (target == m + 1) & has[:, m]
            lost = np.where(here, self.served[..., None], lost)
        total, size = lost.sum(), np.abs(lost).sum()
        for m in range(servers):
            band = (self.root * ((self.cell == m) & (target > 0))).sum(-1)
            load = self.level * ((target == m + 1) & has[:, m]).sum(-1)
            squares = (band**2).sum() + (load**2).sum()
            total, size = total + squares, size + squares
        # sums of large squares round more: a decision with a large loss has a larger slack
        return float(-total + (users + 64) * EPS * 16 * size)
