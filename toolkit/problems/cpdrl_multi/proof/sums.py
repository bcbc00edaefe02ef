"""The checker's sums over users and servers: `cpdrl`'s terms, each user at its best option.

`FloatSums` is NumPy with a proved error bound. A term m = 2 s q + k slope - theta - mu tau errs by
at most 8 U M, M the sum of its parts' sizes (see `cpdrl`'s `floats`); so the least of a user's
terms errs by at most 8 U times the sum of its options' M, and is no larger than that sum. The sum
over users in blocks then errs by (BLOCK + 12) U 1.01 times the M of all users and options.
`ArbSums` is python-flint's balls: the reference, also where data are too extreme.
"""

from fractions import Fraction
from typing import Any, Protocol

import numpy as np

from toolkit.arrays import Data
from toolkit.problems._balls import precision
from toolkit.problems._proof import Arithmetic
from toolkit.problems.cpdrl.proof.exact import EDGE, rounded_down
from toolkit.problems.cpdrl.proof.floats import BLOCK, CELLS, FloatUsers, U, block_sum, in_range
from toolkit.problems.cpdrl.proof.guesses import Guesses
from toolkit.problems.cpdrl_multi.allocation import at_server

from .boxes import End

Tight = tuple[np.ndarray, np.ndarray, np.ndarray]  # users, their mu > 0, their ln(1 + p h)


class Sums(Protocol):
    """Rigorous sums; `stuck` cannot compute in time."""

    stuck: np.ndarray

    def lines(self, tight: list[Tight | None]) -> list[Any]: ...

    def total(self, lines: list[Any], at: list[End], allowed: np.ndarray) -> Fraction | None: ...

    def late(self, m: int, k: int) -> np.ndarray: ...

    def needs(self, m: int, k: int, which: np.ndarray) -> np.ndarray: ...

    def exceeds(self, m: int, k: int, forced: np.ndarray, free: np.ndarray) -> bool: ...

    def binding(self, m: int, ends: list[End], allowed: np.ndarray) -> Tight | None: ...

    def each(self, server: np.ndarray) -> np.ndarray: ...


def sums(data: Data, arithmetic: Arithmetic) -> Sums:
    """In the arithmetic asked for; in balls where the float analysis does not hold."""
    return FloatSums(data) if arithmetic == "float" and in_range(data) else ArbSums(data)


class _Servers:
    """What both arithmetics have in common: the users of `cpdrl` at every server."""

    users: list[Any]

    def __init__(self, data: Data) -> None:
        single = [at_server(data, m) for m in range(np.shape(data["gain"])[-1])]
        self.guesses = [Guesses(one) for one in single]
        self.users = [self._users(one, g) for one, g in zip(single, self.guesses, strict=True)]
        self.stuck: np.ndarray = self.users[0].stuck
        self._late: dict[tuple[int, int], np.ndarray] = {}

    def _users(self, data: Data, guesses: Guesses) -> Any:
        raise NotImplementedError

    def lines(self, tight: list[Tight | None]) -> list[Any]:
        """Every server's lines at these multipliers."""
        return [
            users.slack if one is None else users.lines(one)
            for users, one in zip(self.users, tight, strict=True)
        ]

    def late(self, m: int, k: int) -> np.ndarray:
        """Users whom no bandwidth serves in time at a server with k offloaders, (n,)."""
        if (m, k) not in self._late:
            late: np.ndarray = self.guesses[m].late(k)
            which = np.flatnonzero(late)
            late[which] = self.users[m].needs(k, which) > self.guesses[m].total * EDGE
            self._late[m, k] = late
        return self._late[m, k]

    def needs(self, m: int, k: int, which: np.ndarray) -> np.ndarray:
        """Lower bounds of the bandwidth of the users `which`; inf: none suffices."""
        return np.asarray(self.users[m].needs(k, which))

    def exceeds(self, m: int, k: int, forced: np.ndarray, free: np.ndarray) -> bool:
        """Whether k offloaders, `forced` and the least needy of `free`, need more than there is."""
        if k == 0:
            return False
        return bool(self.users[m].exceeds(k, forced, free, max(k - len(forced), 0)))

    def binding(self, m: int, ends: list[End], allowed: np.ndarray) -> Tight | None:
        """Users whose deadline binds at an end, with the multiplier that serves both ends best."""
        g = self.guesses[m]
        cap = np.where(allowed[:, 0], g.local, np.inf)
        tempts, binds = np.zeros((2, len(allowed)), bool)
        for k, s, theta in ends:
            tempts |= g.costs(s, k) - theta < cap
            binds |= g.tight(s, k)
        which = np.flatnonzero(allowed[:, m + 1] & tempts & binds)
        if not len(which):
            return None
        mus = [g.multiplier(s, k, which)[0] for k, s, _ in ends]
        mus[-1] = np.where(g.room(ends[-1][0], which) > 0, mus[-1], mus[0])
        tried = [(mus[0] + mus[-1]) / 2, *mus, np.zeros(len(which))]
        worth = [g.terms(mu, ends, cap[which], which) for mu in tried]
        mu = np.choose(np.argmax(worth, axis=0), tried)
        return which, mu, g.exponent(mu, which)


class FloatSums(_Servers):
    """In NumPy doubles; see the module for why its margins hold."""

    def _users(self, data: Data, guesses: Guesses) -> Any:
        return FloatUsers(data, guesses)

    def total(self, lines: list[Any], at: list[End], allowed: np.ndarray) -> Fraction | None:
        """Lower bound of the sum over users; None: the prices are too large for one."""
        n, local = len(allowed), self.users[0].local
        kept = np.where(allowed[:, 0], local, np.inf)
        size = float(local.sum())
        for m, (line, (k, s, theta)) in enumerate(zip(lines, at, strict=True)):
            size += 2 * s * line.sums[0] + k * line.sums[1] + line.sums[2] + n * abs(theta)
            if not size < 1e300:
                return None
            value = line.q * (2 * s)
            value += line.slope * float(k)
            value -= line.fixed + theta
            kept = np.where(allowed[:, m + 1], np.minimum(kept, value), kept)
        margin = Fraction((BLOCK + 12) * U * 1.01 * size)
        return Fraction(block_sum(kept)) - margin - n * len(at) * Fraction(1, 2**1070)

    def each(self, server: np.ndarray) -> np.ndarray:
        """Lower bound of the loss for every choice (rows, n); inf where it is infeasible."""
        step = max(1, CELLS // server.shape[1])
        parts = [self._each(server[i : i + step]) for i in range(0, len(server), step)]
        return np.concatenate(parts) if parts else np.zeros(0)

    def _each(self, server: np.ndarray) -> np.ndarray:
        n, at_home = server.shape[1], server == 0
        local = (at_home * self.users[0].local).sum(-1)
        out = local * (1 - (n + 4) * U)
        out[(at_home & self.stuck).any(-1)] = np.inf
        for m in range(len(self.users)):
            rows = np.flatnonzero(np.isfinite(out) & (server == m + 1).any(-1))
            value = out[rows] + self._at_server(m, (server[rows] == m + 1).astype(float))
            out[rows] = np.where(value > 0, value * (1 - 2 * U), value * (1 + 2 * U))
        return np.asarray(out)

    def _at_server(self, m: int, masks: np.ndarray) -> np.ndarray:
        """What a server's offloaders cost at their own prices, n + 16 roundings of its size."""
        k, g, users, n = masks.sum(-1), self.guesses[m], self.users[m], masks.shape[1]
        need = np.where(masks > 0, users.needs(k[:, None]), 0.0).sum(-1)
        s = g.price(masks, k)
        mu, y = g.multiplier(s[:, None], k[:, None])
        mu = mu * masks
        y = np.where(mu > 0, y, g.y)
        q, slope = users._root_cost(mu, y), (g.delay + mu) * users.work * (1 - 4 * U)
        upload, wait = 2 * s * (masks * q).sum(-1), k * (masks * slope).sum(-1)
        late, price = (masks * mu * g.tau).sum(-1), g.total * (s * s)
        size = upload + wait + late + price
        least = upload + wait - late - price - (n + 16) * U * 1.01 * size
        least = np.where(size < 1e300, least, -np.inf)
        return np.asarray(np.where(need * (1 - (n + 8) * U) > g.total * EDGE, np.inf, least))


class ArbSums(_Servers):
    """In python-flint's balls, one user at a time."""

    def _users(self, data: Data, guesses: Guesses) -> Any:
        from toolkit.problems.cpdrl.proof.balls import ArbUsers

        return ArbUsers(data, guesses)

    def total(self, lines: list[Any], at: list[End], allowed: np.ndarray) -> Fraction | None:
        """Lower bound of the sum over users; None: the balls have become too wide for one."""
        from flint import arb

        from toolkit.problems.cpdrl.proof.balls import exact

        with precision():
            prices = [(arb(s), arb(k), arb(theta)) for k, s, theta in at]
            total = arb(0)
            for i, row in enumerate(allowed.tolist()):
                least = self.users[0].local[i] if row[0] else None
                for line, (s, k, theta), may in zip(lines, prices, row[1:], strict=True):
                    if may:
                        value = s * line.q2[i] + k * line.slope[i] - line.fixed[i] - theta
                        least = value if least is None else least.min(value)
                total += least
            return exact(total.lower())

    def each(self, server: np.ndarray) -> np.ndarray:
        """Lower bound of the loss for every choice (rows, n); inf where it is infeasible."""
        return np.array([self._one(row) for row in server], float)

    def _one(self, row: np.ndarray) -> float:
        allowed = row[:, None] == np.arange(len(self.users) + 1)
        none, at, tight = np.zeros(0, int), [], []
        if self.stuck[row == 0].any():
            return float("inf")
        for m, (users, g) in enumerate(zip(self.users, self.guesses, strict=True)):
            which = np.flatnonzero(row == m + 1)
            k = len(which)
            if users.exceeds(k, which, none, 0):
                return float("inf")
            s = float(g.price(allowed[None, :, m + 1].astype(float), np.array([float(k)]))[0])
            at.append((k, s if k else 0.0, 0.0))
            mu, y = g.multiplier(s, float(k), which)
            binds = mu > 0
            tight.append((which[binds], mu[binds], y[binds]) if k and binds.any() else None)
        users_cost = self.total(self.lines(tight), at, allowed)
        if users_cost is None:
            return float("-inf")
        for g, (_, s, _) in zip(self.guesses, at, strict=True):
            users_cost -= Fraction(g.total) * Fraction(s) ** 2
        return rounded_down(users_cost)
