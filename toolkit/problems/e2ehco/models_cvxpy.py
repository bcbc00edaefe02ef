"""Convex models: of given servers, and the relaxation that mixes them.

For given servers powers are decided by an exponential cone, shares by their inverses.

The cost of a transmission is only quasi-convex in the power. In its time t and its energy e = p t
it is linear, and what they send, B t log2(1 + g e / t) >= D, is the perspective of a logarithm:
jointly concave. So powers are decided through t and e, with p_min t <= e <= p_max t.
"""

from typing import Any

import numpy as np

from toolkit.arrays import Data, Decision
from toolkit.problems._knowledge import ConicPiece, ConvexModel, Pieces
from toolkit.problems._proof import How, Prices

from .costs import LN2
from .problem import shares_are_decided
from .radio import snr_table
from .tables import computing, tables


def allocation(data: Data, server: np.ndarray) -> ConvexModel:
    """min cost over times and energies of transmission and, where they are decided, shares."""
    import cvxpy as cp

    choice = np.rint(np.asarray(server)).astype(np.int64)
    busy = np.flatnonzero(choice)
    there = choice[busy] - 1
    local = tables(data)[0][:, 0].sum() - tables(data)[0][busy, 0].sum()
    uploads = _Uploads(data, busy, there)
    price = computing(data)[busy, there]
    share, rules, waiting = None, uploads.rules, np.sum(price * _crowd(there))
    if shares_are_decided(data) and len(busy):
        share = cp.Variable(len(busy), nonneg=True)
        waiting = price @ cp.inv_pos(share)
        budget = float(data["share_budget"])
        rules = [*rules, *(cp.sum(share[there == m]) <= budget for m in np.unique(there))]

    def read() -> Decision:
        power = np.full(len(choice), float(data["power_min"]))
        power[busy] = uploads.power()
        out = {"server": choice.astype(float), "power": power}
        if shares_are_decided(data):
            out["share"] = np.zeros(len(choice))
            out["share"][busy] = 0.0 if share is None else share.value
        return out

    return ConvexModel(cp.Problem(cp.Minimize(local + uploads.cost + waiting), rules), read)


class _Uploads:
    """Times and energies of the transmissions, in units of those at the largest power."""

    def __init__(self, data: Data, busy: np.ndarray, there: np.ndarray) -> None:
        import cvxpy as cp

        low, high = float(data["power_min"]), float(data["power_max"])
        w1, w2 = float(data["weight_delay"]), float(data["weight_energy"])
        snr = snr_table(np, data)[busy, there] * high
        nats = np.log1p(snr)
        seconds = data["bits"][busy] * LN2 / (data["bandwidth"][busy] * nats)
        self._high, self._time, self._energy = high, None, None
        self.rules: list[Any] = []
        self.cost = np.sum((w1 + w2 * high) * seconds)
        if low >= high or not len(busy):
            return
        self._time, self._energy = (cp.Variable(len(busy), nonneg=True) for _ in range(2))
        # t exp(nats (1 - t) / t) <= (t + snr e) / (1 + snr): an equality at t = e = 1
        received = cp.multiply(1 / (1 + snr), self._time)
        received += cp.multiply(snr / (1 + snr), self._energy)
        cone = cp.ExpCone(cp.multiply(nats, 1 - self._time), self._time, received)
        ends = [self._energy <= self._time, self._energy >= low / high * self._time]
        self.rules = [cone, *ends]
        self.cost = w1 * seconds @ self._time + w2 * high * seconds @ self._energy

    def power(self) -> Any:
        """Of the solution, W."""
        if self._time is None or self._energy is None:
            return self._high
        return self._high * self._energy.value / self._time.value


def _crowd(there: np.ndarray) -> np.ndarray:
    """How many users each user's server has."""
    return np.asarray((there[:, None] == there).sum(-1))


RIVALS = 8  # users whose second option is tried, the least decided first


def relaxed(data: Data) -> Pieces[ConicPiece]:
    """One relaxation of the whole: every user a mixture of its options, loads squared.

    At its optimum twice a server's load is the price of its load.
    """
    import cvxpy as cp

    cost, weight = tables(data)
    mixture, load = cp.Variable(cost.shape, nonneg=True), cp.Variable(weight.shape[1])
    carried = cp.sum(cp.multiply(weight, mixture[:, 1:]), axis=0)
    rules = [cp.sum(mixture, axis=1) == 1, load == carried]
    loss = cp.sum(cp.multiply(cost, mixture)) + cp.sum_squares(load)
    model = cp.Problem(cp.Minimize(loss), rules)

    def prices() -> Prices:
        """Of what was solved; else none."""
        found = np.zeros(weight.shape[1]) if load.value is None else 2.0 * load.value
        return _prices(np.nan_to_num(found, posinf=0.0, neginf=0.0))

    def candidates() -> Decision | None:
        return None if mixture.value is None else {"server": _rounded(mixture.value)}

    def cut(m: int) -> How:
        raise ValueError("The space is not cut.")

    def between(*ends: Any) -> Prices:
        raise ValueError("There is one piece only.")

    piece, empty = ConicPiece(model, prices, candidates), _prices(np.zeros(weight.shape[1]))
    return Pieces((0, 0), (0, 0), empty, cut, lambda _: piece, between)


def _prices(load: np.ndarray) -> Prices:
    return {"load": load.tolist(), "count": [0.0] * len(load)}


def _rounded(mixture: np.ndarray) -> np.ndarray:
    """Every user's largest option; and the same but for one undecided user, (rows, users)."""
    order = np.argsort(-mixture, axis=1, kind="stable")
    first, second = order[:, 0], order[:, 1]
    lead = np.take_along_axis(mixture, order[:, :2], axis=1) @ (1.0, -1.0)
    rivals = np.argsort(lead, kind="stable")[:RIVALS]
    rows = np.repeat(first[None], 1 + len(rivals), axis=0)
    rows[1 + np.arange(len(rivals)), rivals] = second[rivals]
    return rows.astype(float)
