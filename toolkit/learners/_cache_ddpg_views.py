"""What caching actors see before a large step: recent requests, or the published statistics."""

from typing import Protocol

import numpy as np

from toolkit.arrays import Data
from toolkit.problems._dynamics import Dynamics
from toolkit.problems.dgl.slots import slots_of
from toolkit.problems.dgl_slot.costs import spent

from ._cache_ddpg_settings import Settings
from ._caching import newest


class View(Protocol):
    width: int

    def see(self, play: Dynamics) -> np.ndarray:
        """(rows, width), before a step is decided; asked once a step."""


def view_of(s: Settings, data: Data) -> View:
    """A view of a batch of episodes, (rows, …), at their first step."""
    kind = Counts if s.sees == "counts" else Statistics
    return kind(data, s.own_cache)


class Counts:
    """Requests of the last step as multiples of an even share; the time; the caches.

    All that a network knows of earlier steps it has to remember, or to read off its own caches.
    """

    def __init__(self, data: Data, own_cache: bool) -> None:
        self._own = own_cache
        servers, services = data["limit"].shape[-1], data["size"].shape[-1]
        self.width = services + 2 + servers * services * own_cache

    def see(self, play: Dynamics) -> np.ndarray:
        seen = play.observe()
        rows = len(seen["step"])
        when = seen["step"][:, None] / seen["counts"].shape[1]
        own = seen["cache"].reshape(rows, -1)[:, : None if self._own else 0]
        return np.concatenate([newest(seen)[:, 0], when, own], 1)


class Statistics:
    """As published: cache bits, a number for the gain of each service, and popularity.

    Popularity of a service at a server is how many users it served so far in the episode; the gain
    is overwritten by its own inverted spread in every slot and then added to, as the code does.
    Both are turned round: the most popular is 0. Zero at the first step.
    """

    def __init__(self, data: Data, own_cache: bool) -> None:
        rows = len(data["service"])
        self._data, self._own = data, own_cache
        self._shape = data["limit"].shape[-1], data["size"].shape[-1]
        self._served = np.zeros((rows, *self._shape))
        self._gain = np.zeros((rows, self._shape[1]))
        self.width = self._shape[1] * (1 + self._shape[0] * (1 + own_cache))

    def see(self, play: Dynamics) -> np.ndarray:
        rows = len(self._gain)
        if play.at:
            self._count(play)
        popular = turned(self._served.reshape(rows, -1)) if play.at else self._served
        own = play.observe()["cache"].reshape(rows, -1)[:, : None if self._own else 0]
        return np.concatenate([own, self._gain, popular.reshape(rows, -1)], 1)

    def _count(self, play: Dynamics) -> None:
        """Adds what the last step's slots brought."""
        last = slice(play.at - 1, play.at)
        whole = play.decision()
        part = {**self._data, **{k: self._data[k][:, last] for k in ("service", "efficiency")}}
        slots = slots_of(part, whole["cache"][:, last])
        small = {k: whole[k][:, last] for k in ("target", "bandwidth", "cpu")}
        gain = (_worth(slots, small) - _worth(slots, {k: 0 * v for k, v in small.items()}))[:, 0]
        service, target = part["service"][:, 0], small["target"][:, 0]
        for k in range(self._shape[1]):
            for m in range(self._shape[0]):
                hits = ((service == k) & (target == m + 1)).sum((-2, -1))
                self._served[:, m, k] += hits * whole["cache"][:, play.at - 1, m, k]
        for slot in range(service.shape[1]):
            hit = (service[:, slot, :, None] == np.arange(self._shape[1])) * gain[:, slot, :, None]
            self._gain = turned(self._gain + hit.sum(-2))


def _worth(slots: Data, small: Data) -> np.ndarray:
    """QoE of every user, (rows, 1, slots, users)."""
    found = spent(np, slots, small)
    return np.asarray(found["time"] + found["effort"])


def turned(x: np.ndarray) -> np.ndarray:
    """(max - x) / (max - min) along the last axis, a least of 0 taken for 0.1, as published; 0
    where all are equal (there the code divides by zero)."""
    most, least = x.max(-1, keepdims=True), x.min(-1, keepdims=True)
    spread = most - np.where(least == 0, 0.1, least)
    out: np.ndarray = np.where(spread == 0, 0.0, (most - x) / np.where(spread == 0, 1.0, spread))
    return out
