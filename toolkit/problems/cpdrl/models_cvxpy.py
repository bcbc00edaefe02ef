"""Convex models: the exponential-cone program of a fixed mask, and relaxations of the whole.

With x = 1/b and upload time t, the upload's energy (t/h)(2^(D x/t) - 1) is jointly convex and
homogeneous; it is written as the exponential cone t exp(y* (X/T - 1)) <= Z in units of x and t in
which X/T = 1 at the best power p*, y* = ln(1 + p* h).
"""

from typing import Any

import numpy as np

from toolkit.arrays import Data, Decision
from toolkit.problems._knowledge import ConicPiece, ConvexModel, Pieces
from toolkit.problems._proof import Prices

from ._fixed_k import Users

EDGE = 1e-4  # how far sum a stays from where it would leave the cone program no interior


class _Uploads:
    """Upload variables of some users: bandwidth b, 1/b and time, scaled to O(1), as CVXPY has them.

    `rules` hold for an offloader whatever its bandwidth; `cost` is lambda1 t + lambda2 e, (m,).
    """

    def __init__(self, users: Users, which: np.ndarray) -> None:
        import cvxpy as cp

        m = len(which)
        h, nats = users.h[which], users.nats[which]
        best_y = nats / (users.time[which] * users.q[which])  # ln(1 + p* h)
        self.b_unit = users.total / max(1.0, users.n / 2)
        self.t_unit = nats / (self.b_unit * best_y)
        self.inverse, self.time = cp.Variable(m, nonneg=True), cp.Variable(m, nonneg=True)
        self.heat = cp.Variable(m)
        self.power_at_best = np.expm1(best_y) / h
        self.users, self.which, self.best_y, self.h = users, which, best_y, h
        exponent = cp.multiply(best_y, self.inverse - self.time)
        self.rules = [
            cp.ExpCone(exponent, self.time, self.heat),
            cp.multiply(best_y / users.y_max[which], self.inverse) <= self.time,  # p <= Pmax
        ]
        energy = cp.multiply(self.power_at_best + 1 / h, self.heat) - cp.multiply(1 / h, self.time)
        self.cost = cp.multiply(self.t_unit, users.delay * self.time + users.energy * energy)
        self.late: Any = 0.0  # seconds beyond the room, in units of time; they may be paid for
        if users.late < np.inf:
            self.late = cp.Variable(m, nonneg=True)
            self.cost = self.cost + cp.multiply(self.t_unit * users.late, self.late)

    def power(self) -> np.ndarray:
        """p of the solution, (m,)."""
        y = self.best_y * self.inverse.value / self.time.value
        return np.asarray(np.expm1(y) / self.h)


def exponential_cone(data: Data, offload: np.ndarray) -> ConvexModel:
    """min (10) over bandwidth, power and frequency for one mask (n,): formulation, item 4.

    Frequencies of local users are variables too, so that nothing rests on a closed form.
    """
    import cvxpy as cp

    users, mask = Users(data), np.asarray(offload) > 0.5
    remote, local = np.flatnonzero(mask), np.flatnonzero(~mask)
    k = len(remote)
    rules: list[Any] = []
    cost: Any = float(users.delay * users.work[remote].sum() * k)
    uploads = speed = None
    if k:
        uploads = _Uploads(users, remote)
        shares = cp.sum(cp.inv_pos(uploads.inverse))
        rules += [
            *uploads.rules,
            uploads.time <= users.room(k)[remote] / uploads.t_unit + uploads.late,
            shares <= users.total / uploads.b_unit,
        ]
        cost = cost + cp.sum(uploads.cost)
    if len(local):
        speed = cp.Variable(len(local), nonneg=True)  # in units of f_max
        work, f_max = (data["size"] * data["cycles"])[local], data["f_max"][local]
        delay, hot = work / f_max, users.energy * data["kappa"] * work * f_max**2
        rules.append(speed <= 1)
        if users.late < np.inf:
            over = cp.pos(cp.multiply(delay, cp.inv_pos(speed)) - users.deadline)
            cost = cost + users.late * cp.sum(over)
        else:
            rules.append(speed >= delay / users.deadline)
        cost = cost + cp.sum(
            cp.multiply(users.delay * delay, cp.inv_pos(speed)) + cp.multiply(hot, cp.square(speed))
        )

    def read() -> Decision:
        decision = {key: np.zeros(users.n) for key in ("bandwidth", "power", "frequency")}
        if uploads is not None:
            decision["bandwidth"][remote] = uploads.b_unit / uploads.inverse.value
            decision["power"][remote] = uploads.power()
        if speed is not None:
            decision["frequency"][local] = speed.value * data["f_max"][local]
        return {"offload": mask.astype(float), **decision}

    return ConvexModel(cp.Problem(cp.Minimize(cost), rules), read)


def conic_pieces(data: Data) -> Pieces[ConicPiece]:
    """The convex relaxation of the whole at every feasible k; all share one CVXPY problem."""
    users = Users(data)
    relaxed: list[_Relaxed] = []

    def piece(k: int) -> ConicPiece:
        if not relaxed:
            relaxed.append(_Relaxed(users))
        return relaxed[0].piece(k)

    return users.pieces(piece)


class _Relaxed:
    """0 <= a <= 1 with sum a = k, uploads in perspective (b x >= a^2), k a parameter."""

    def __init__(self, users: Users) -> None:
        import cvxpy as cp

        n = users.n
        self._users, up = users, _Uploads(users, np.arange(n))
        self._room, self._execution = cp.Parameter(n), cp.Parameter(n, nonneg=True)
        self._count, self._usable = cp.Parameter(), cp.Parameter(n, nonneg=True)
        self._offload, bandwidth = cp.Variable(n), cp.Variable(n, nonneg=True)
        a, local = self._offload, np.where(users.forced, 0.0, users.local)
        self._budget = cp.sum(bandwidth) <= users.total / up.b_unit
        rules = [
            *up.rules,
            self._budget,
            cp.SOC(bandwidth + up.inverse, cp.vstack([2 * a, bandwidth - up.inverse]), axis=0),
            up.time <= cp.multiply(self._room, a) + up.late,
            a >= users.forced.astype(float),
            a <= self._usable,
        ]
        if not users.forced.all():
            rules.append(cp.sum(a) == self._count)
        cost = cp.sum(up.cost) + cp.sum(cp.multiply(self._execution - local, a)) + local.sum()
        self._uploads, self._problem = up, cp.Problem(cp.Minimize(cost), rules)

    def piece(self, k: int) -> ConicPiece:
        """Sets the parameters; the piece is good until the next one is asked for."""
        users = self._users
        self._room.value = users.room(k) / self._uploads.t_unit
        self._execution.value = users.delay * users.work * k
        self._usable.value = users.usable(k).astype(float)
        fewest, most = int(users.forced.sum()), int(users.usable(k).sum())
        edge = EDGE if fewest < most else 0.0
        self._count.value = min(max(k, fewest + edge), most - edge)
        return ConicPiece(self._problem, lambda: self._prices(k), self._candidates)

    def _prices(self, k: int) -> Prices:
        """s from the dual of the bandwidth's budget, a guess where there is none."""
        dual = self._budget.dual_value
        price = float(np.max(dual)) / self._uploads.b_unit if dual is not None else np.nan
        s = float(np.sqrt(price)) if price >= 0 and np.isfinite(price) else self._users.guess(k)
        return self._users.prices(s, k)

    def _candidates(self) -> Decision | None:
        a = self._offload.value
        return None if a is None or not np.isfinite(a).all() else self._users.rounded(a)
