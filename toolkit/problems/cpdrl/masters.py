"""Linear relaxations of (10) at a fixed number of offloaders k, for outer approximation.

At fixed k a user that offloads with bandwidth b costs v(b) + lambda1 w k, v convex and decreasing:
c/b while its deadline is slack, then power rises so that the upload just fits. Columns: offload a,
bandwidth b and upload cost z (both in units of an average offloader's), each (n,). A tangent of v,
made homogeneous in (a, b, z), is valid whatever a is; that of slope -s^2 is z + s^2 b >=
min_b (v(b) + s^2 b) a. In the best continuous part all users have the same s, so cuts are made
for all users at one s at a time.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.sparse import csr_array, diags_array, hstack, vstack

from toolkit.arrays import Data, Decision
from toolkit.problems._knowledge import Master, Pieces
from toolkit.problems._proof import How, Prices

from ._fixed_k import Users

FIRST_CUTS = (0.25, 0.5, 0.75, 1.0, 1.5, 2.5)  # of the price of average users
CLOSE = 1e-9  # relative: a master this far below the cost of its own point is tight


def pieces(data: Data) -> Pieces[Master]:
    """A master for every cardinality that some users can meet the deadline with."""
    users = Users(data)
    return users.pieces(lambda k: CardinalityMaster(users, k))


class CardinalityMaster:
    """The master of k offloaders (`toolkit.problems._knowledge.Master`)."""

    def __init__(self, users: Users, k: int) -> None:
        self._users, self._k = users, k
        n, need = users.n, users.need(k)
        self._usable = users.usable(k)
        self._b_unit = users.total / max(k, 1)
        self._z_unit = 2 * users.guess(k) * float(users.q.mean())
        local = np.where(users.forced, 0.0, users.local)
        self.cost = np.concatenate(
            [users.delay * users.work * k - local, np.zeros(n), np.full(n, self._z_unit)]
        )
        self.offset = float(local.sum())
        # no bound on b but that of the sum, whose dual is then the whole price of bandwidth
        upper = np.concatenate([self._usable.astype(float), np.full(2 * n, np.inf)])
        self.box = (np.concatenate([users.forced.astype(float), np.zeros(2 * n)]), upper)
        self.integer = np.arange(n)
        self.matrix, self.rows = self._rows(np.where(self._usable, need, 0.0) / self._b_unit)

    def _rows(self, need: np.ndarray) -> tuple[Any, tuple[np.ndarray, np.ndarray]]:
        """sum b <= B, sum a = k, b >= need a, and the first tangents."""
        n, eye = self._users.n, diags_array(np.ones(self._users.n))
        zero, ones = csr_array((n, n)), csr_array(np.ones((1, n)))
        none = csr_array((1, n))
        tangents = [self._tangents(r * self._users.guess(self._k)) for r in FIRST_CUTS]
        matrix = vstack(
            [
                hstack([none, ones, none]),
                hstack([ones, none, none]),
                hstack([diags_array(-need), eye, zero]),
                *tangents,
            ]
        ).tocsr()
        many = matrix.shape[0] - 2
        low = np.concatenate([[-np.inf, self._k], np.zeros(many)])
        return matrix, (low, np.concatenate([[max(self._k, 1), self._k], np.full(many, np.inf)]))

    def _tangents(self, s: float) -> Any:
        """Rows z + s^2 b - min (v + s^2 b) a >= 0 of all users that can offload at this k."""
        user, n = np.flatnonzero(self._usable), self._users.n
        row, flat = np.arange(len(user)), np.ones(len(user))
        upload = self._users.upload(s, self._k)[user] / self._z_unit
        values = np.concatenate([-upload, s**2 * self._b_unit / self._z_unit * flat, flat])
        columns = np.concatenate([user, user + n, user + 2 * n])
        return csr_array((values, (np.tile(row, 3), columns)), shape=(len(user), 3 * n))

    def cuts(self, x: np.ndarray) -> tuple[Any, np.ndarray]:
        """Tangents at the price that clears the bandwidth for the point's own a."""
        n, u = self._users.n, self._users
        a = np.where(self._usable, np.clip(x[:n], 0.0, 1.0), 0.0)
        rows = csr_array((0, 3 * n))
        some = a > 0
        s = u.clearing(a, self._k) if some.any() else np.inf
        if np.isfinite(s):  # without a price that clears, the point is left to the proof
            cost = a[some] @ u.upload(s, self._k)[some] - s**2 * u.total
            if cost - self._z_unit * x[2 * n :].sum() > CLOSE * abs(self.offset + self.cost @ x):
                rows = self._tangents(s)
        return rows, np.zeros(rows.shape[0])

    def candidates(self, x: np.ndarray) -> Decision:
        """The k users nearest to offloading, and a neighbour of that set."""
        return self._users.rounded(x[: self._users.n])

    def prices(
        self, x: np.ndarray, duals: np.ndarray, box: tuple[np.ndarray, np.ndarray]
    ) -> Prices:
        """s from the dual of the bandwidth row; theta for that s."""
        s = float(np.sqrt(max(0.0, -duals[0]) / self._b_unit))
        low, high = (end[: self._users.n] for end in box)
        return self._users.prices(s, self._k, np.where(low == high, low, np.nan))

    def guess(self) -> Prices:
        """Prices for want of better ones."""
        return self._users.prices(self._users.guess(self._k), self._k)

    def branch(self, column: int) -> tuple[How, Sequence[float]]:
        """The user in, then out."""
        return {"user": int(column)}, (1.0, 0.0)
