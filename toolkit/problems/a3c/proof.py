"""What re-proves certificates of episodes: nothing is shared with the solvers.

Prices are numbers of the parts of an episode (its regions where nothing is forwarded, else one):
the grids of devices and servers (step, and backlog above which a value stays as it is), and either
`price`, one for each task, for queues apart; or `above` and `labels`, for all partial decisions
that could cost less than `above`, as long as they are no more than `labels` (two servers at once,
first come, first served); or all three, for partial decisions and queues apart. Any numbers give a
bound. It is computed in doubles, and what rounding may come to is taken off (`Known.slack`).
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from toolkit.arrays import Data, Decision
from toolkit.problems._proof import Arithmetic, How, Prices

from ._proof_labels import Labels, Tables
from ._proof_prefixes import Prefixes, Queue
from ._proof_values import Way, tables
from .known import Known

Region = None
NUMBERS, MOST = 100_000_000, 20_000_000  # of all tables; of all labels
LARGE = 1e30  # in seconds or costs; beyond, numbers overflow


class EpisodeProof:
    """The `Proof` of one episode: its only region are all decisions."""

    def __init__(self, data: Data, arithmetic: Arithmetic = "float") -> None:
        whole = Known.of(data)
        regions = range(whole.servers) if whole.limit == 0 else ()
        parts = [whole.alone(r) for r in regions] or [whole]
        self._whole, self._parts = whole, [part for part in parts if len(part.cell)]

    def root(self) -> Any:
        return Region

    def split(self, region: Any, how: How) -> Sequence[Any]:
        """{"again": effort}: the same region once more."""
        if set(how) != {"again"}:
            raise ValueError("An episode is not split; it is tried again with more effort.")
        return [region]

    def bound(self, region: Any, prices: Prices) -> float:
        """The cost that no decision is below."""
        parts = prices["parts"]
        if len(parts) != len(self._parts):
            raise ValueError(f"There are {len(self._parts)} parts, not {len(parts)}.")
        pairs = zip(self._parts, parts, strict=True)
        return float(sum(_bound(known, numbers) for known, numbers in pairs))

    def bound_each(self, discrete: Decision) -> np.ndarray:
        """Of every row of decisions, event by event."""
        target = np.asarray(discrete["target"])
        flat = target.reshape(*target.shape[:-2], -1)[..., self._whole.cell]
        modes = np.rint(flat.reshape(math.prod(flat.shape[:-1]), flat.shape[-1])).astype(int)
        slack = self._whole.slack(0.0, np.zeros(len(self._whole.cell)))
        return np.asarray(self._whole.costs(modes) - slack).reshape(flat.shape[:-1])


def _bound(known: Known, numbers: Mapping[str, Any]) -> float:
    """Of one part."""
    priced = "price" in numbers
    price = np.asarray(numbers["price"], float) if priced else known.local_cost
    if price.shape != known.local_cost.shape or not (np.abs(price) <= LARGE).all():
        raise ValueError("There is not one price for each task.")
    device, server = _grids(known, numbers, joint=not priced and known.servers == 2)
    local = {int(u): _device(known, u, price, *device) for u in np.unique(known.device)}
    slack = known.slack(max(device[1], server[1]), price)
    if not priced:
        return _labelled(known, numbers, local, server, price) - slack
    servers = [_apart(known, s, price, *server) for s in range(known.servers)]
    if "above" in numbers:
        return _searched(known, numbers, local, servers, price) - slack
    return float(price.sum() + sum(t.values[0][0, 0] for t in [*local.values(), *servers])) - slack


def _searched(
    known: Known,
    numbers: Mapping[str, Any],
    local: Mapping[int, Tables],
    servers: Sequence[Tables],
    price: np.ndarray,
) -> float:
    """Of any servers, by all decisions of the first tasks."""
    queues = []
    for u, values in local.items():
        mine = np.flatnonzero(known.device == u)
        paid, own = known.local_cost[mine] - price[mine], np.zeros(len(mine), bool)
        queues.append(Queue(0, mine, known.local[mine], paid, own, values))
    for s, values in enumerate(servers):
        mine = _arriving(known, s)
        own = known.own_first & (known.home[mine] == s)
        paid = known.cost[mine, s] - price[mine]
        queues.append(Queue(s + 1, mine, known.size[mine, s], paid, own, values))
    above, most = _search(known, numbers, 3 * len(known.cell) + 6 * len(queues))
    return Prefixes(known, queues, float(price.sum())).least(above, most)


def _search(known: Known, numbers: Mapping[str, Any], width: int) -> tuple[float, int]:
    """The cost below which is searched, and how many rows of so many numbers may be kept."""
    above, most = float(numbers["above"]), float(numbers["labels"])
    if not most >= 1:
        raise ValueError("Labels are counted from 1.")
    if math.isnan(above):
        raise ValueError("The cost below which is searched is a number.")
    return above, int(min(most, max(1, MOST // width)))


def _labelled(
    known: Known,
    numbers: Mapping[str, Any],
    local: Mapping[int, Tables],
    grid: tuple[float, float],
    price: np.ndarray,
) -> float:
    """Of two servers, or one, first come, first served."""
    pair = known.servers == 2
    if not known.one_order or known.own_first or known.servers > 2:
        raise ValueError("Labels are of servers that serve in one order of arrivals.")
    servers = _joint(known, price, *grid) if pair else _apart(known, 0, price, *grid)
    above, most = _search(known, numbers, 3 + 2 * known.servers + known.devices)
    return Labels(known, local, servers, pair).least(above, most)


Grid = tuple[float, float]  # step, top


def _grids(known: Known, numbers: Mapping[str, Any], joint: bool) -> tuple[Grid, Grid]:
    """Those of devices and servers, if they are some, and all tables fit in memory."""
    device, server = ((float(x) for x in numbers[key]) for key in ("device", "server"))
    (near, low), (step, top) = device, server
    if not (0 < min(near, step) <= max(near, step) <= LARGE and min(low, top) >= 0):
        raise ValueError("A grid has a step above 0 and a top, both numbers.")
    tasks, square = len(known.cell), joint or known.own_first
    cells = (low / near + float(known.local.max()) / near + 6) * tasks
    points = top / step + float(known.size.max()) / step + 6
    cells += points * (points if square else 1) * tasks * (1 if joint else known.servers)
    if not cells < NUMBERS:
        raise ValueError(f"Grids of {cells:.1g} points cannot be made.")
    return (near, low), (step, top)


def _points(step: float, top: float) -> int:
    return max(2, int(np.ceil(top / step)) + 1)


def _device(known: Known, u: int, price: np.ndarray, step: float, top: float) -> Tables:
    mine = np.flatnonzero(known.device == u)
    w = known.weight
    ways = [
        [Way(0.0), Way(known.local_cost[k] - price[k], (w, 0.0), (known.local[k], 0.0))]
        for k in mine
    ]
    at = known.start[mine]
    return Tables(tables(ways, at, 0 * at, step, _points(step, top)), at, step)


def _joint(known: Known, price: np.ndarray, step: float, top: float) -> Tables:
    """Both servers at once."""
    order, w = known.arrivals, known.weight
    ways = [
        [
            Way(0.0),
            Way(known.cost[k, 0] - price[k], (w, 0.0), (known.size[k, 0], 0.0)),
            Way(known.cost[k, 1] - price[k], (0.0, w), (0.0, known.size[k, 1])),
        ]
        for k in order
    ]
    at = known.own_at[order]
    return Tables(tables(ways, at, 0 * at, step, _points(step, top)), at, step)


def _arriving(known: Known, s: int) -> np.ndarray:
    """The tasks that a server may have, as they reach it."""
    mine = np.flatnonzero(np.isfinite(known.cost[:, s]))
    return np.asarray(mine[np.argsort(known.at[mine, s], kind="stable")])


def _apart(known: Known, s: int, price: np.ndarray, step: float, top: float) -> Tables:
    """One server alone."""
    mine = _arriving(known, s)
    own, w = known.home[mine] == s, known.weight
    ranked = known.own_first and not own.all()
    ways = []
    for k, first in zip(mine, own, strict=True):
        size = known.size[k, s]
        add = (size, size if ranked and first else 0.0)
        way = Way(known.cost[k, s] - price[k], (w, 0.0), add, size * (ranked and first))
        ways.append([Way(0.0), way])
    at = known.at[mine, s]
    most = np.maximum.accumulate(np.where(own, 0.0, known.size[mine, s]))
    return Tables(tables(ways, at, most, step, _points(step, top)), at, step)
