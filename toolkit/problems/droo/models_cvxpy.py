"""Convex models: the exponential-cone program of a fixed mode, and relaxations of the whole.

tau ln(1 + G a / tau) is jointly concave and homogeneous: an exponential cone. With tau = sigma s
its entries are O(1). Where the SNR is so small that the cone's tolerance would hide what a slot
is worth, G a - (G a)^2 / (2 tau) takes its place, which is less by a third of its square, relative.
"""

from typing import Any

import numpy as np

from toolkit.arrays import Data, Decision
from toolkit.problems._knowledge import ConicPiece, ConvexModel, Pieces
from toolkit.problems._proof import How, Prices

from .allocation import tables

FAINT = 1e-5  # G below this has the quadratic form
RUNGS = 32  # intervals of the charging time


class _Uploads:
    """Slots and rates of some users that a charge (an expression each) is spent on."""

    def __init__(self, snr: np.ndarray, charge: Any) -> None:
        import cvxpy as cp

        m, total = len(snr), float(snr.sum())
        typical = np.sqrt(2 * total) + total / (1 + np.log1p(total))  # an SNR
        self.unit = snr / typical  # sigma
        self.slot, self.nats = cp.Variable(m, nonneg=True), cp.Variable(m, nonneg=True)
        faint = snr < FAINT
        self.rules = []
        if not faint.all():
            i = np.flatnonzero(~faint)
            # s exp(x / s) <= s + (G / sigma) a, x = typical * nats the rate over sigma c
            received = self.slot[i] + typical * charge[i]
            self.rules.append(cp.ExpCone(typical * self.nats[i], self.slot[i], received))
        for j in np.flatnonzero(faint):
            lost = typical / 2 * cp.quad_over_lin(charge[j], self.slot[j])
            self.rules.append(self.nats[j] <= charge[j] - lost)
        self.time = self.unit @ self.slot  # nats are ln(1 + SNR) of a slot, over G

    def slots(self) -> np.ndarray:
        """tau of the solution, (m,)."""
        return np.asarray(self.unit * np.maximum(self.slot.value, 0.0))


def exponential_cone(data: Data, offload: np.ndarray) -> ConvexModel:
    """max Q over the charge and the slots of one mode (n,)."""
    import cvxpy as cp

    local, snr, rate = (part[0] for part in tables(data))
    mask = np.asarray(offload) > 0.5
    remote = np.flatnonzero(mask)
    charge = cp.Variable(nonneg=True)
    scale = float(local[~mask].sum() + (rate * np.log1p(snr))[mask].sum())
    worth: Any = float(local[~mask].sum() / scale) * cp.power(charge, 1 / 3)
    used: Any = charge
    uploads = None
    if len(remote):
        uploads = _Uploads(snr[remote], charge * np.ones(len(remote)))
        worth = worth + ((rate * snr)[remote] / scale) @ uploads.nats
        used = used + uploads.time
    rules = [used <= 1, *(uploads.rules if uploads else [])]

    def read() -> Decision:
        slot = np.zeros(len(mask))
        if uploads is not None:
            slot[remote] = uploads.slots()
        return {"offload": mask.astype(float), "charge": np.asarray(charge.value), "slot": slot}

    return ConvexModel(cp.Problem(cp.Maximize(worth), rules), read)


def conic_pieces(data: Data) -> Pieces[ConicPiece]:
    """The convex relaxation of the whole on intervals of the charging time, one after another."""
    relaxed: list[_Relaxed] = []

    def piece(m: int) -> ConicPiece:
        if not relaxed:
            relaxed.append(_Relaxed(data))
        return relaxed[0].piece(m)

    return Pieces(
        whole=(0, RUNGS - 1),
        inside=(0, RUNGS - 1),
        empty={"v": 1.0},  # no region is empty: everybody local is feasible at any charge
        cut=_cut,
        piece=piece,
        between=lambda low, high: {"v": 0.5 * (low[1]["v"] + high[1]["v"])},
    )


def _cut(m: int) -> How:
    return {"a": (m + 1) / RUNGS}


class _Relaxed:
    """The convex hull of each user's two ways, for charges in an interval that is a parameter.

    A user's bit is relaxed to x; its charge a is e + d, e for offloading with low x <= e <= high x,
    d for computing with low (1 - x) <= d <= high (1 - x), worth l d^(1/3) (1 - x)^(2/3).
    """

    def __init__(self, data: Data) -> None:
        import cvxpy as cp

        local, snr, rate = (part[0] for part in tables(data))
        n = len(local)
        self._low, self._high = cp.Parameter(nonneg=True), cp.Parameter(nonneg=True)
        self._x, charge = cp.Variable(n), cp.Variable()
        sent, computed, root = (cp.Variable(n, nonneg=True) for _ in range(3))
        uploads = _Uploads(snr, sent)
        self._scale = float(local.sum() + (rate * np.log1p(snr)).sum())
        self._frame = charge + uploads.time <= 1
        rules = [
            *uploads.rules,
            self._frame,
            sent + computed == charge * np.ones(n),
            sent >= self._low * self._x,
            sent <= self._high * self._x,
            computed >= self._low * (1 - self._x),
            computed <= self._high * (1 - self._x),
            cp.PowCone3D(computed, 1 - self._x, root, np.full(n, 1 / 3)),
        ]
        worth = (local @ root + (rate * snr) @ uploads.nats) / self._scale
        self._problem = cp.Problem(cp.Maximize(worth), rules)

    def piece(self, m: int) -> ConicPiece:
        """Sets the interval; the piece is good until the next one is asked for."""
        self._low.value, self._high.value = m / RUNGS, (m + 1) / RUNGS
        return ConicPiece(self._problem, self._prices, self._candidates)

    def _prices(self) -> Prices:
        """v from the dual of the frame; half of all rates where there is none."""
        dual = self._frame.dual_value
        v = float(np.max(dual)) * self._scale if dual is not None else np.nan
        return {"v": v if np.isfinite(v) and v > 0 else 0.5 * self._scale}

    def _candidates(self) -> Decision | None:
        x = self._x.value
        if x is None or not np.isfinite(x).all():
            return None
        return {"offload": np.stack([x > level for level in (0.3, 0.5, 0.7)]).astype(float)}
