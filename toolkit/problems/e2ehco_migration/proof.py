"""What re-proves certificates: every user's best path at the prices, in whole numbers.

Prices are rounded to multiples of 2^-SCALE, costs down to these, so that sums are exact; nothing is
shared with the compiled programmes but the state machine's own numbers. The values are those of
`_dual_kernels` without `strict`, for all states of a server at once.

Two roundings remain. The machine adds CPU and bandwidth up in floats: a relative 1e-9 of them is
given away. Rates without blocks are rounded up to sixteenths of an upload.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from toolkit.arrays import Data, Decision
from toolkit.problems._proof import How, Prices

from .machine import counted, first_servers
from .policies import ceiling, migrating_completes

SCALE = 20
ONE = 1 << SCALE
DEAREST = 1 << 30  # a price in these units; an episode's sums stay far below 2^62
FORBIDDEN = 1 << 50
LONGEST = 1 << 20  # seconds of an episode
SLACK = 1e-9
PARTS = 16  # of an upload that does not go in blocks
LEAST = -(1 << 55)  # below it values are raised: a bound stays one


@dataclass(frozen=True)
class Region:
    """What is known of where users are: (user, second, server, whether there)."""

    known: tuple[tuple[int, int, int, bool], ...] = ()


class EpisodeProof:
    """The `Proof` of an episode. Losses are completions with a minus."""

    def __init__(self, data: Data) -> None:
        rate, upload = counted(data)
        if not data["block"] > 0:
            rate, upload = np.ceil(rate * (1 + SLACK) / upload * PARTS), PARTS
        self.blocks = int(upload)
        self.rate = np.minimum(rate, upload).astype(np.int64)  # (seconds, users, servers)
        self.seconds, self._users, self.servers = self.rate.shape
        self.first = first_servers(data)
        self.tail = int(np.ceil(float(data["download"]) / float(data["receive"])))
        self.until = min(int(np.ceil(float(data["patience"]))) - 1, self.seconds)
        self.places = int(np.floor(float(data["limit"])))
        self.work, self.shares = _work(float(data["process"]), float(data["server_cpu"]))
        self.needs = _needs(data, self.servers)
        self._ceiling = ceiling(data)
        self._closed = migrating_completes(data) or self.seconds > LONGEST

    def root(self) -> Region:
        return Region()

    def split(self, region: Region, how: How) -> Sequence[Region]:
        """A user is at a server in a second, or is not: {"user": i, "second": t, "server": m}.

        {"again": true} splits nothing: the same region, at other prices.
        """
        if isinstance(how, Mapping) and how.get("again") is True:
            return [region]
        at = [how.get(key) if isinstance(how, Mapping) else None for key in WHERE]
        sizes = (self._users, self.seconds, self.servers)
        if not all(type(k) is int and 0 <= k < n for k, n in zip(at, sizes, strict=True)):
            raise ValueError(f"A split names a user, a second and a server; {how!r} does not.")
        return [Region((*region.known, (*at, there))) for there in (True, False)]  # type: ignore[arg-type]

    def bound(self, region: Region, prices: Prices) -> float:
        """- the completions that no decision of the region exceeds: a whole number."""
        if self._closed or not prices:
            return -self._ceiling
        told = _told(prices, self)
        place = np.repeat(told.place[None], self._users, 0)
        apart = np.zeros((self._users, self.seconds), np.int64)
        for user, second, server, there in region.known:
            own = place[user, second, server]
            if there:
                place[user, second], apart[user, second] = FORBIDDEN, FORBIDDEN
            place[user, second, server] = own if there else FORBIDDEN
        total = told.total + _Users(self, place, apart, told).worth()
        return -min(float(max(total, 0) // ONE), self._ceiling)

    def bound_each(self, discrete: Decision) -> np.ndarray:
        """The servers that users name, alone, bound no more than all decisions together."""
        return np.full(len(discrete["target"]), self.bound(self.root(), {}))


WHERE = ("user", "second", "server")


def _work(work: float, cpu: float) -> tuple[tuple[int, int], tuple[int, int]]:
    """How work may be left, (whole seconds of a server + 1, rests + 1), and what share of a server
    each of both takes, in units of 2^-30.

    At linear prices the cheapest seconds are taken whole, and one in part: no other split costs
    less, so that these are all.
    """
    much = work * (1 - SLACK) / cpu
    whole = int(much)
    share = ((1 - SLACK), max(much - whole, 0.0) * (1 - SLACK))
    return (whole + 1, 2), (int(share[0] * (1 << 30)), int(share[1] * (1 << 30)))


def _needs(data: Data, servers: int) -> np.ndarray:
    """(servers, servers): seconds of a link that a migration takes, in units of 2^-SCALE, not more
    than DEAREST; -1: it carries none."""
    order = np.subtract.outer(np.arange(servers), np.arange(servers))
    rate = np.where(order < 0, float(data["link"]), float(data["link_back"]))
    rate[order == 0] = 0.0
    with np.errstate(divide="ignore"):
        long = float(data["migrate"]) * (1 - SLACK) / rate
    whole = np.floor(np.minimum(long * ONE, DEAREST)).astype(np.int64)
    return np.where(rate > 0, whole, -1)


@dataclass(frozen=True, eq=False)
class _Told:
    """Costs in whole units of 2^-SCALE, and what all capacities are worth at their prices."""

    place: np.ndarray  # (seconds, servers), of one place
    whole: np.ndarray  # (seconds, servers), of all a server's CPU
    rest: np.ndarray  # (seconds, servers), of the work that is left beside whole seconds
    road: np.ndarray  # (seconds, servers, servers), of a migration
    total: int


def _told(prices: Prices, proof: "EpisodeProof") -> _Told:
    """Of a certificate; ValueError where they are none. Prices that are missing are 0."""
    seconds, servers = proof.seconds, proof.servers
    every = prices.get("every", seconds)
    if type(every) is not int or every < 1:
        raise ValueError("Prices hold for a whole number of seconds.")
    when = np.arange(seconds) // every
    spans = int(when[-1]) + 1
    place = _whole(prices.get("place"), (spans, servers))[when]
    cpu = _whole(prices.get("cpu"), (spans, servers))[when]
    road = _whole(prices.get("road"), (spans, servers, servers))[when]
    road = np.where(proof.needs >= 0, road, 0)
    total = sum(int(part.sum()) for part in (place * (proof.places > 0), cpu, road))
    one = place // proof.places if proof.places else np.full_like(place, FORBIDDEN)
    crossing = np.where(proof.needs < 0, FORBIDDEN, (road * proof.needs) >> SCALE)
    whole, rest = ((cpu * need) >> 30 for need in proof.shares)
    return _Told(one, whole, rest, crossing, total)


def _whole(value: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Prices as whole numbers, negative ones as 0, none dearer than DEAREST."""
    if value is None:
        return np.zeros(shape, np.int64)
    array = np.asarray(value, float)
    if array.shape != shape or not np.isfinite(array).all():
        raise ValueError(f"Prices must be {shape} finite numbers.")
    return np.asarray(np.clip(np.floor(array * ONE), 0, DEAREST).astype(np.int64))


class _Users:
    """The values of all users' programmes, second by second, the last first."""

    def __init__(self, proof: "EpisodeProof", place: np.ndarray, apart: np.ndarray, told: _Told):
        self.p, self.place, self.apart, self.told = proof, place, apart, told
        n, m, states = len(place), proof.servers, proof.blocks + np.prod(proof.work)
        self.here = np.zeros((n, m, states), np.int64)
        self.leaving = np.zeros_like(self.here)
        self.going = np.zeros((n, m, m, states), np.int64)
        self.free = np.zeros((proof.seconds + proof.tail + 2, n), np.int64)
        self.begin = np.zeros(n, np.int64)

    def worth(self) -> int:
        """Of all users together."""
        for t in range(self.p.seconds - 1, -1, -1):
            self._second(t)
        return int(self.begin.sum())

    def _second(self, t: int) -> None:
        p, last = self.p, t + 1 == self.p.seconds
        near = p.rate[t] > 0  # (users, servers)
        rest, after = self._rest(t, last)
        if not last:
            ways = self.going - self.told.road[t][:, :, None]
            ways[:, np.arange(p.servers), np.arange(p.servers)] = LEAST
            stay = self.leaving - self.apart[:, t + 1, None, None]
            self.leaving = np.maximum(stay, ways.max(2))
        served = np.maximum(rest, self._spent(after, self.told.whole[t], self.told.rest[t]))
        if p.servers > 1:
            served = np.maximum(served, self.leaving)
        self.here = np.maximum(served - self.place[:, t, :, None], LEAST)
        self._arrive(t, near, rest, after)
        joined = np.where(near, self.here[:, :, 0], LEAST)
        self.free[t] = np.maximum(self.free[t + 1] - self.apart[:, t], joined.max(1))
        first = joined[np.arange(len(joined)), p.first]
        waiting = np.maximum(self.begin - self.apart[:, t], first)
        self.begin = waiting if t < p.until else self.free[t].copy()

    def _arrive(self, t: int, near: np.ndarray, rest: np.ndarray, after: np.ndarray) -> None:
        """Migrations paid for; from a later server CPU is still that server's."""
        p, alone = self.p, self.apart[:, t, None, None]
        self.going = np.maximum(self.going - alone[..., None], LEAST)
        for origin in range(p.servers):
            own = np.full(p.servers, self.told.whole[t, origin])
            left = np.full(p.servers, self.told.rest[t, origin])
            late = np.maximum(rest, self._spent(after, own, left)) - alone
            arrived = np.where((origin < np.arange(p.servers))[:, None], self.here, late)
            arrived = np.where(near[..., None], arrived, LEAST)
            self.going[:, origin] = np.maximum(self.going[:, origin], arrived)

    def _rest(self, t: int, last: bool) -> tuple[np.ndarray, np.ndarray]:
        """(users, servers, states): second t without CPU; and the value of states after it."""
        p = self.p
        if last:
            return np.zeros_like(self.here), np.zeros_like(self.here)
        near, lost = (p.rate[t + 1] > 0)[..., None], self.free[t + 1][:, None, None]
        after = np.where(near, self.here, lost)
        state = np.arange(after.shape[2])
        gone = np.minimum(state + p.rate[t + 1][..., None], p.blocks)
        rest = np.take_along_axis(after, np.where(state < p.blocks, gone, state), axis=2)
        over = t + 1 + p.tail
        done = self.free[over] + ONE if over < p.seconds else np.zeros_like(self.free[t])
        down = done[:, None] - self.place[:, t + 1]
        rest[..., -1] = np.where(near[..., 0], down, lost[..., 0])
        return rest, after

    def _spent(self, after: np.ndarray, whole: np.ndarray, rest: np.ndarray) -> np.ndarray:
        """The best use of CPU at costs (servers,) of a whole second and of the rest."""
        p, n = self.p, len(after)
        out = np.full_like(after, LEAST)
        then = after[..., p.blocks :].reshape(n, p.servers, *p.work)
        best = out[..., p.blocks :].reshape(then.shape)
        best[:, :, :-1] = then[:, :, 1:] - whole[:, None, None]
        part = then[..., 1:] - rest[:, None, None]
        best[..., :-1] = np.maximum(best[..., :-1], part)
        out[..., p.blocks :] = best.reshape(n, p.servers, -1)
        return out
