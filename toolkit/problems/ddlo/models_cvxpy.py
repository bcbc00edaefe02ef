"""Convex models: the rates of a fixed choice, and the relaxation whose dual prices the uplink.

The uplink is measured in equal shares C / n, so that all rates are O(1).
"""

from typing import Any

import numpy as np

from toolkit.arrays import Data, Decision
from toolkit.problems._knowledge import ConicPiece, ConvexModel, Pieces
from toolkit.problems._proof import How, Prices

from . import _dual_kernels as kernels
from .problem import shares_are_decided
from .relaxation import subset_sums


def rates(data: Data, offload: np.ndarray) -> ConvexModel:
    """min Q over the delays and, where they are decided, the rates; offload (users, tasks)."""
    import cvxpy as cp

    offload, unit = np.asarray(offload, float), float(data["capacity"]) / len(data["size"])
    local, remote = ((data["size"] * x).sum(-1) for x in (1 - offload, offload))
    energy = (data["edge_energy"] + data["transmit_energy"]) * remote
    energy = energy + data["local_energy"] * local
    delay, rate = cp.Variable(len(local)), cp.Variable(len(local), nonneg=True)
    busy = np.flatnonzero(remote)
    rules = [delay >= data["local_time"] * local]
    decided = shares_are_decided(data)
    if decided:
        slowness = cp.inv_pos(rate[busy]) if len(busy) else np.zeros(0)
        rules.append(cp.sum(rate) <= len(local))
    else:
        slowness = unit / (data["share"][busy] * data["capacity"])
    if len(busy):
        upload = cp.multiply(remote[busy] / unit, slowness)
        rules.append(delay[busy] >= upload + data["edge_time"] * remote[busy])
    cost = energy.sum() + float(data["weight_delay"]) * cp.sum(delay)

    def read() -> Decision:
        uplink = {"uplink": rate.value * unit * (remote > 0)} if decided else {}
        return {"offload": offload, **uplink}

    return ConvexModel(cp.Problem(cp.Minimize(cost), rules), read)


def relaxed(data: Data) -> Pieces[ConicPiece]:
    """One relaxation of the whole: every user a mixture of its subset sums, each with its rate.

    That is the dual of the uplink's budget in primal form, so that no convex relaxation which
    keeps the users apart is stronger.
    """

    def cut(m: int) -> How:
        raise ValueError("The space is not cut.")

    def between(*ends: Any) -> Prices:
        raise ValueError("There is one piece only.")

    sums = subset_sums(np.ascontiguousarray(data["size"], float))
    whole = (0, 0)
    return Pieces(whole, whole, {"nu": 0.0}, cut, lambda _: _Mixtures(data, *sums).piece(), between)


class _Mixtures:
    """Weights m of all users' sums U, in one array: rate c and transmission w with w c >= U m^2."""

    def __init__(self, data: Data, first: np.ndarray, sums: np.ndarray, masks: np.ndarray) -> None:
        import cvxpy as cp

        size = np.asarray(data["size"], float)
        self._data, (self._n, self._tasks) = data, size.shape
        self._unit = float(data["capacity"]) / self._n
        self._first, self._masks = first, masks
        self._user = np.repeat(np.arange(self._n), np.diff(self._first))
        local = size.sum(-1)[self._user] - sums
        self._weight = cp.Variable(len(sums), nonneg=True)
        delay, self._rules = cp.Variable(len(sums)), []
        self._rules += [
            cp.multiply(data["local_time"] * local, self._weight) <= delay,
            self._upload(sums) + cp.multiply(data["edge_time"] * sums, self._weight) <= delay,
        ]
        start = self._first[:-1]
        for user in range(self._n):
            self._rules.append(cp.sum(self._weight[start[user] : self._first[user + 1]]) == 1)
        energy = (data["edge_energy"] + data["transmit_energy"]) * sums
        energy = energy + data["local_energy"] * local
        cost = energy @ self._weight + float(data["weight_delay"]) * cp.sum(delay)
        self._problem = cp.Problem(cp.Minimize(cost), self._rules)

    def _upload(self, sums: np.ndarray) -> Any:
        """The transmission times of all mixtures; adds the rules of the rates."""
        import cvxpy as cp

        data, self._budget = self._data, None
        if not shares_are_decided(data):
            rate = data["share"][self._user] * data["capacity"]
            return cp.multiply(sums / rate, self._weight)
        upload = cp.Variable(len(sums), nonneg=True)
        rate = cp.Variable(len(sums), nonneg=True)
        root = 2.0 * np.sqrt(sums / self._unit)
        cone = cp.vstack([cp.multiply(root, self._weight), upload - rate])
        self._budget = cp.sum(rate) <= self._n
        self._rules += [cp.SOC(upload + rate, cone, axis=0), self._budget]
        return upload

    def piece(self) -> ConicPiece:
        return ConicPiece(self._problem, self._prices, self._candidates)

    def _prices(self) -> Prices:
        """The dual of the budget; nothing where it was not solved."""
        dual = None if self._budget is None else self._budget.dual_value
        price = 0.0 if dual is None else float(np.max(dual)) / self._unit
        return {"nu": price if 0 <= price < np.inf else 0.0}

    def _candidates(self) -> Decision | None:
        """Every user's heaviest sum; and the lighter and the heavier of its two heaviest."""
        weight = self._weight.value
        if weight is None or not np.isfinite(weight).all():
            return None
        picks = np.zeros((3, self._n), np.int64)
        for user in range(self._n):
            own = weight[self._first[user] : self._first[user + 1]]
            order = np.argsort(-own, kind="stable")[:2]
            rivals = order if own[order[-1]] > 1e-6 else order[:1]
            picks[:, user] = self._first[user] + [order[0], min(rivals), max(rivals)]
        return {"offload": kernels.choices_of(picks, self._masks, self._tasks)}
