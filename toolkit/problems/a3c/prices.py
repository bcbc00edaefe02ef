"""The prices of the rule `drift`: tuned on episodes of the same law that nothing else draws.

What a second of work adds for others grows with how many of them come, so prices are kept in units
of that: `weight_delay` times the tasks a second that come to a server, or to a device. Those of the
presets stand in `tuned`, written by benchmarks/a3c_drift.py; others are tuned when asked for.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from toolkit.arrays import Data, Decision
from toolkit.instances import rng_for

from .each_task import EachTask, played
from .tuned import PRICES

if TYPE_CHECKING:
    from .problem import A3c

DENSITIES = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)  # between them prices are interpolated
SERVERS = (0.0, 0.06, 0.1, 0.17, 0.3, 0.4, 0.55, 0.75, 1.0, 1.4, 1.7, 2.2, 3.0, 4.5, 7.0, 10.0)
DEVICES = (0.0, 0.03, 0.1, 0.2, 0.4, 0.7, 1.2, 2.0, 3.5, 6.0, 10.0)
LADDER = ((0.1, 0.0), (0.3, 0.0), (0.75, 0.1), (1.4, 0.4))  # prices for a search to begin with
STAGES = ((None, 1), (24, 4), (6, 16))  # pairs that are left, episodes for each in the first's
EFFORT = 150_000  # tasks to decide a stage, about
SHORTEST, LONGEST = 5, 60  # slots of an episode to tune on
ROOM = 500_000  # tasks to which an episode is shortened, of all pairs together
MOST = 500  # devices; more would take too long: they have the prices of the usual law
NEAR = 2e-4  # of the pairs whose cost is so near to the best's, that of the lowest prices
OTHER = ("density", "density_to", "tolerance", "forwarding", "n_users")  # fields beside the law

Pair = tuple[float, float]  # the prices of servers' and of devices' work, in their units


@dataclass(frozen=True)
class Tuned:
    """What tuning found at one density; costs are of a task."""

    cost: Mapping[Pair, float]  # of the pairs that were left, (0, 0) among them: greedy

    @property
    def best(self) -> Pair:
        return min(self.cost, key=lambda pair: self.cost[pair])

    @property
    def chosen(self) -> Pair:
        least = self.cost[self.best] * (1 + NEAR)
        good = [pair for pair, cost in self.cost.items() if cost <= least]
        return min(good, key=lambda pair: (sum(pair), self.cost[pair]))


def priced(play: EachTask, server: np.ndarray, device: np.ndarray) -> np.ndarray:
    """Greedy's scores, and theta p (backlog + p / 2) for p seconds of work: by so much half the
    square of the queue grows; prices (rows,) of servers and of devices in their units."""
    line, task = play.line, play.task
    per_server, per_device = units(play.data)
    work = play.server_time()
    backlog = play.in_order(line.queues.load).sum(-1)
    lengthened = (server * per_server)[:, None] * (work * (backlog + work / 2))[:, : play.top]
    own, here = play.local_work()[play.rows, play.device], line.of(line.tasks.here, task)
    kept = device * per_device * here * (own + here / 2)
    prices = np.concatenate([kept[:, None], lengthened], axis=-1)
    return np.asarray(play.choices.marginal + prices)


def units(data: Data) -> tuple[np.ndarray, np.ndarray]:
    """(rows,) 1/s^2 for a server and for a device: what waiting costs, times tasks a second."""
    each = data["weight_delay"] * data["density"] / data["slot"]
    share = np.shape(data["cpu"])[-1] / np.shape(data["server_cpu"])[-1]
    return np.asarray(each * share), np.asarray(each)


def prices(problem: "A3c", density: np.ndarray, single: bool) -> tuple[np.ndarray, np.ndarray]:
    """Prices (rows,) of servers and of devices at densities (rows,), interpolated."""
    at = np.interp(density, DENSITIES, np.arange(len(DENSITIES)))
    kind = "single" if single else problem.forwarding
    law = law_of(problem)
    if law not in PRICES and problem.n_users > MOST:
        law = law_of(type(problem)())
    known = PRICES.get(law, {}).get(kind)
    pairs = np.zeros((len(DENSITIES), 2))
    for k in np.unique([np.floor(at), np.ceil(at)]).astype(int):
        drawn = replace(problem, density=DENSITIES[k], density_to=0.0, forwarding=kind)
        pairs[k] = known[k] if known else _tuned(replace(drawn, tolerance=0.0))
    server, device = (np.interp(at, np.arange(len(DENSITIES)), each) for each in pairs.T)
    return server, device


def law_of(problem: "A3c") -> str:
    """A hash of what episodes are drawn from, their density apart: fields that are not usual."""
    usual = {f.name: f.default for f in fields(problem)}
    given = {k: v for k, v in problem.params.items() if k not in OTHER and v != usual[k]}
    if problem.n_users != sum(problem.regions):
        given["n_users"] = problem.n_users
    return hashlib.sha256(json.dumps(given, sort_keys=True).encode()).hexdigest()[:12]


@lru_cache(maxsize=64)
def _tuned(problem: "A3c") -> Pair:
    return tune(problem).chosen


def tune(problem: "A3c", effort: int = 0) -> Tuned:
    """Every pair of prices decides the same episodes; fewer and fewer go on to more episodes.
    `effort`: tasks to decide a stage, 0: the usual."""
    left: list[Pair] = list(product(SERVERS, DEVICES))
    each = len(left) * max(1e-3, problem.n_users * problem.density)  # tasks of a slot
    slots = min(problem.slots, LONGEST, max(SHORTEST, int(ROOM / each)))
    short = replace(problem, slots=slots)
    least = max(1, round((effort or EFFORT) / max(len(left), slots * each)))  # episodes
    cost: dict[Pair, float] = {}
    for keep, more in STAGES:
        first = sorted(left, key=lambda pair: cost.get(pair, 0.0))[:keep]
        left = [*first, *({(0.0, 0.0)} - set(first))]
        data = short.sample(rng_for("a3c", "prices"), (least * more,))
        cost = dict(zip(left, _costs(short, data, left), strict=True))
    return Tuned(cost)


def ladder(data: Data) -> np.ndarray:
    """Targets (pairs, slots, users) of one episode at each pair of prices of `LADDER`."""
    one = {key: np.asarray(value)[None] for key, value in data.items()}
    return np.asarray(_played(one, LADDER)[1]["target"])


def _costs(problem: "A3c", data: Data, pairs: Sequence[Pair]) -> list[float]:
    """The mean cost of a task at each pair of prices."""
    found = problem.judge(*_played(data, pairs)).objective
    cost = np.reshape(found, (len(pairs), -1)).sum(-1) / max(1.0, data["has"].sum())
    return [float(each) for each in cost]


def _played(data: Data, pairs: Sequence[Pair]) -> tuple[Data, Decision]:
    """Episodes (pairs times rows, …) and what is decided of them: each pair, all rows."""
    many = {key: np.concatenate([value] * len(pairs)) for key, value in data.items()}
    theta = np.repeat(np.array(pairs), len(data["density"]), axis=0)
    return many, played(many, lambda play: priced(play, *theta.T))
