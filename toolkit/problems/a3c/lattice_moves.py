"""What may be decided in a slot of a lattice of times, where that leads, and what it costs."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np


@dataclass(frozen=True)
class Times:
    """What the costs and queues of an episode depend on, besides which tasks come; in quanta."""

    slots: int
    slot: int
    upload: int
    local: tuple[int, ...]  # a task on each device
    server: tuple[int, ...]  # … and on each server
    region: tuple[int, ...]
    forwarding: int  # as in the data
    density: float
    delay_price: float  # of a quantum
    local_price: tuple[float, ...]  # of the energy of a task on each device
    send_price: float
    # the longest queues as a slot begins, in slots, but one and a half tasks of a device and three
    # of a server at least: what leads further is forbidden
    device_room: float = 2.5
    server_room: float = 3.0

    @property
    def sizes(self) -> tuple[np.ndarray, np.ndarray]:
        """How many lengths each device's and each server's queue may have as a slot begins.

        A device that is done with a task within a slot has none: it gets one a slot at most.
        """
        local, server = np.array(self.local), np.array(self.server)
        device = np.maximum(int(self.device_room * self.slot), 3 * local // 2)
        server = np.maximum(int(self.server_room * self.slot), 3 * server)
        return device * (local > self.slot) + 1, server + 1


@dataclass(frozen=True, eq=False)
class Choices:
    """All that may be decided in a slot, by the pattern of its tasks; what costs and leads the same
    once, with as few tasks sent on as can be."""

    first: np.ndarray  # (patterns + 1,)
    keep: np.ndarray  # (choices,), a row of `sets`
    share: np.ndarray  # (choices,), a row of `shares`
    sets: np.ndarray  # (2^devices, devices) 0/1
    shares: np.ndarray  # (shares, servers)
    target: np.ndarray  # (choices, devices)

    @property
    def tables(self) -> tuple[np.ndarray, ...]:
        """What the kernels take."""
        return self.first, self.keep, self.share, self.sets, self.shares


Dimension = tuple[np.ndarray, np.ndarray, np.ndarray]  # sizes; steps, costs (dims, picks, digits)


def patterns(has: np.ndarray) -> np.ndarray:
    """Numbers (…, slots) of who has tasks (…, slots, devices)."""
    return np.asarray((has > 0.5) @ (1 << np.arange(has.shape[-1])), np.int64)


def bits(devices: int) -> np.ndarray:
    """(2^devices, devices) 0/1, row m the bits of m."""
    return np.arange(2**devices)[:, None] >> np.arange(devices) & 1


@lru_cache(maxsize=2)
def choices_of(times: Times) -> Choices:
    """Every pattern's choices that the limits of forwarding allow; kept for further episodes."""
    devices, servers = len(times.local), len(times.server)
    every = itertools.product(range(devices + 1), repeat=servers)
    shares = [row for row in every if sum(row) <= devices]
    number = {row: v for v, row in enumerate(shares)}
    first, pairs, targets = [0], list[tuple[int, int]](), list[np.ndarray]()
    for has in bits(devices):
        found: dict[tuple[int, int], np.ndarray] = {}
        for target in sorted(_targets(times, has), key=lambda target: _sent_on(times, target)):
            sent = np.bincount(target, minlength=servers + 1)[1:]
            kept = int(patterns((has > 0) & (target == 0)))
            found.setdefault((kept, number[tuple(map(int, sent))]), target)
        pairs += found.keys()
        targets += found.values()
        first.append(len(pairs))
    keep, share = np.array(pairs, np.int64).T.copy()
    rows = (bits(devices), np.array(shares), np.array(targets, float))
    return Choices(np.array(first), keep, share, *rows)


def _sent_on(times: Times, target: np.ndarray) -> int:
    """How many tasks go to servers of other regions."""
    return int(((target > 0) & (target != np.array(times.region) + 1)).sum())


def _targets(times: Times, has: np.ndarray) -> Iterator[np.ndarray]:
    """Targets (devices,) of the tasks of a pattern (devices,) that forwarding allows."""
    region = np.array(times.region)
    servers = range(len(times.server) + 1)
    for row in itertools.product(*(servers if one else (0,) for one in has)):
        target = np.array(row)
        sent = target > 0
        if times.forwarding == 0 and (target[sent] != region[sent] + 1).any():
            continue
        if times.forwarding == 1 and any(
            len(set(target[sent & (region == s)])) > 1 for s in range(len(times.server))
        ):
            continue
        yield target


def dimensions(times: Times) -> tuple[Dimension, Dimension]:
    """What becomes of a device's queue with or without its task, and of a server's with n tasks."""
    device, server = times.sizes
    strides = np.cumprod([1, *np.concatenate([device, server])[:0:-1]])[::-1]
    kept, sent = _empty(device, 1), _empty(server, len(device))
    for u, span in enumerate(times.local):
        queue, n = np.arange(device[u]), np.arange(2)[:, None]
        cost = n * (times.delay_price * (queue + span) + times.local_price[u])
        _fill(kept, u, strides[u], queue + n * span - times.slot, cost)
    for s, span in enumerate(times.server):
        queue, n = np.arange(server[s]), np.arange(len(device) + 1)[:, None]
        wait = np.maximum(queue - times.upload, 0)
        delay = n * (times.upload + wait) + span * n * (n + 1) / 2
        cost = times.delay_price * delay + n * times.send_price
        left = wait + n * span - (times.slot - times.upload)
        _fill(sent, s, strides[len(device) + s], left, cost)
    return kept, sent


def _empty(sizes: np.ndarray, most: int) -> Dimension:
    """Of dimensions with 0 to `most` tasks a slot, to be filled."""
    shape = (len(sizes), most + 1, int(sizes.max()))
    return sizes.astype(np.int64), np.full(shape, -1), np.zeros(shape)


def _fill(tables: Dimension, d: int, stride: int, left: np.ndarray, cost: np.ndarray) -> None:
    """Of dimension d: what is left (picks, digits) as the next slot begins, and costs."""
    sizes, step, price = tables
    left = np.maximum(left, 0)
    step[d, :, : sizes[d]] = np.where(left < sizes[d], left * stride, -1)
    price[d, :, : sizes[d]] = cost
