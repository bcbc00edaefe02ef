"""What re-proves certificates of episodes: nothing is shared with the solvers.

Prices are numbers of the parts of an episode (its regions where nothing is forwarded, else one):
the grids of devices and servers (step, and backlog above which a value stays as it is), and either
`price`, one for each task, for queues apart; or `above` and `labels`, for all partial decisions
that could cost less than `above`, as long as they are no more than `labels`. Any numbers give a
bound. It is computed in doubles, and what rounding may come to is taken off (`Known.slack`).
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from toolkit.arrays import Data, Decision
from toolkit.problems._proof import Arithmetic, How, Prices

from ._proof_labels import Labels, Tables
from ._proof_values import Way, tables
from .known import Known

Region = None
NUMBERS, MOST = 100_000_000, 10_000_000  # of a table; labels at a time


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
    device = _grid(numbers["device"], len(known.cell), 1)
    square = known.own_first or ("above" in numbers and known.servers == 2)
    server = _grid(numbers["server"], len(known.cell), 2 if square else 1)
    labelled = "above" in numbers
    price = known.local_cost if labelled else np.asarray(numbers["price"], float)
    if price.shape != known.local_cost.shape or not np.isfinite(price).all():
        raise ValueError("There is not one price for each task.")
    local = {int(u): _device(known, u, price, *device) for u in np.unique(known.device)}
    slack = known.slack(max(device[1], server[1]), price)
    if labelled:
        return _labelled(known, numbers, local, server, price) - slack
    total = float(price.sum() + sum(t.values[0][0, 0] for t in local.values()))
    for s in range(known.servers):
        total += float(_apart(known, s, price, *server).values[0][0, 0])
    return total - slack


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
    if not numbers["labels"] >= 1:
        raise ValueError("Labels are counted from 1.")
    most = min(int(numbers["labels"]), MOST)
    return Labels(known, local, servers, pair).least(float(numbers["above"]), most)


def _grid(numbers: Sequence[float], tasks: int, axes: int) -> tuple[float, float]:
    """Step and top, if they make a grid, and tables that fit in memory."""
    step, top = (float(x) for x in numbers)
    fits = step > 0 and 0 <= top < np.inf and (top / step + 2) ** axes * (tasks + 1) < NUMBERS
    if not fits:
        raise ValueError(f"A grid up to {top} in steps of {step} cannot be made.")
    return step, top


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


def _apart(known: Known, s: int, price: np.ndarray, step: float, top: float) -> Tables:
    """One server alone."""
    mine = np.flatnonzero(np.isfinite(known.cost[:, s]))
    mine = mine[np.argsort(known.at[mine, s], kind="stable")]
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
