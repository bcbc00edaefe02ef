"""What is known of an episode for sure: of all slots, doubles that no number of a loss is below."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
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

    @cached_property
    def idle(self) -> np.ndarray:
        """Who need not offload whatever others do, (steps, slots, users): alone in its cell and on
        its server it loses no less than by computing, what rounding may do included."""
        squares = self.root**2 + (self.level**2)[..., None]
        served = self.served[..., None]
        margin = 8 * EPS * (np.abs(served) + np.abs(self.local) + squares)
        return np.asarray(served + squares - self.local >= margin)

    @cached_property
    def asked(self) -> np.ndarray:
        """`service`, and one that nobody has where users are idle."""
        return np.where(self.idle, len(self.data["size"]), self.service)

    @cached_property
    def _home(self) -> np.ndarray:
        """What those who are not idle lose by computing, at most, (steps, slots)."""
        return np.asarray(np.where(self.idle, self.local.min(), self.local).max(-1))

    @property
    def alike(self) -> bool:
        """Whether users who are not idle lose the same when they compute, in every slot."""
        return bool((self.idle | (self.local == self._home[..., None])).all())

    def numbers(self, t: int, s: int) -> tuple[float, float]:
        """Where users are alike: what an offloader is worth, at most, and the square of a server's
        load of one, at least."""
        worth = self._home[t, s] - self.served[t, s]
        return float(np.nextafter(worth, np.inf)), float(np.nextafter(self.level[t, s] ** 2, 0))

    @property
    def unit(self) -> float:
        """Reward of a unit of QoE in one slot, rounded up."""
        return float(np.nextafter(self.data["qoe_weight"] / self.service.shape[1], np.inf))

    @property
    def slack(self) -> float:
        """What rounding may add to an episode's reward: of each slot's sums of some terms a user,
        none of them larger than `most`, and of what is paid for caches: who pays more than twice
        what can be had is far below nothing cached, however it is rounded."""
        steps, slots, users = self.service.shape
        most = slots * self.unit * users * float(np.abs(self.served).max() + self._loss)
        return float((users + 64) * EPS * steps * 3 * most * 16)

    @cached_property
    def _loss(self) -> float:
        return float(np.abs(self.local).max())

    @property
    def base(self) -> float:
        """Reward where everybody computes."""
        return -self.unit * float(self.local.sum())

    def ceiling(self, best: float, others: float) -> float:
        """The reward that no decision exceeds, where caches add `best` at most, and all that are
        not empty throughout add `others`. If these surely lose, and nobody saves energy at home,
        that is nothing, exactly."""
        if others < -self.slack and self._loss == 0.0:
            return 0.0
        return float(max(best, 0.0) + self.base + self.slack)

    @property
    def rooms(self) -> np.ndarray:
        """Bytes that a cache holds at most, (servers,); what passes for feasible included."""
        return np.asarray(self.data["limit"] * (1 + 2 * TOLERANCE))

    def charges(self, bits: np.ndarray) -> np.ndarray:
        """What a step's caches (caches, services) cost at least on each server, (servers, caches):
        what is above the capacity has a price, and what is above the limit an infinite one."""
        stored = bits @ np.asarray(self.data["size"])
        above = stored * (1 - 64 * EPS) - np.asarray(self.data["capacity"])[:, None]
        price = float(self.data["overflow_price"]) * (1 - 8 * EPS)
        return np.where(stored > self.rooms[:, None], np.inf, price * np.maximum(above, 0.0))

    def worth_of(self, discrete: Decision) -> np.ndarray:
        """Rewards that rows of caches and targets do not exceed; -inf where caches do not fit."""
        cache, target = (np.asarray(discrete[key]).round() for key in ("cache", "target"))
        qoe = self._qoe(cache, target)
        new = np.maximum(np.diff(cache, axis=-3, prepend=0 * cache[:, :1]), 0)
        loading = (self.data["load_price"] * new).sum((-3, -2, -1))
        stored = (self.data["size"] * cache).sum(-1)
        above = np.maximum(stored - self.data["capacity"], 0)
        overflow = float(self.data["overflow_price"]) * above.sum((-2, -1))
        margin = 4096 * EPS * (self.unit * np.abs(qoe) + loading + overflow)
        worth = self.unit * qoe - loading - overflow + margin
        return np.where((stored > self.rooms).any((-2, -1)), -np.inf, worth)

    def _qoe(self, cache: np.ndarray, target: np.ndarray) -> np.ndarray:
        """QoE that rows of caches (rows, steps, servers, services) and targets (rows, steps, slots,
        users) do not exceed, of all slots."""
        steps, users = np.arange(len(self.service))[:, None, None], self.service.shape[-1]
        lost = np.where(target > 0, self.detour, self.local)
        squares = np.zeros(len(cache))
        for m in range(cache.shape[2]):
            has = cache[:, steps, m, self.service] > 0.5
            here = (target == m + 1) & has
            lost = np.where(here, self.served[..., None], lost)
            band = (self.root * ((self.cell == m) & (target > 0))).sum(-1)
            load = self.level * here.sum(-1)
            squares = squares + (band**2).sum((-2, -1)) + (load**2).sum((-2, -1))
        size = squares + np.abs(lost).sum((-3, -2, -1))
        total = squares + lost.sum((-3, -2, -1))
        # sums of large squares round more: a decision with a large loss has a larger slack
        return np.asarray(-total + (users + 64) * EPS * 16 * size)
