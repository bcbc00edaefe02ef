"""The convex model of given servers: powers by an exponential cone, shares by their inverses.

The cost of a transmission is only quasi-convex in the power. In its time t and its energy e = p t
it is linear, and what they send, B t log2(1 + g e / t) >= D, is the perspective of a logarithm:
jointly concave. So powers are decided through t and e, with p_min t <= e <= p_max t.
"""

from typing import Any

import numpy as np

from toolkit.arrays import Data, Decision
from toolkit.problems._knowledge import ConvexModel

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
