"""The dual of (10) at a fixed number of offloaders k: what relaxations at one k have in common.

Offloaders pay s^2 for a unit of bandwidth and theta for being one of k; then users are separate.
"""

from collections.abc import Callable
from typing import TypeVar

import numpy as np
from scipy.optimize import brentq
from scipy.special import lambertw

from toolkit.arrays import Data, Decision
from toolkit.problems._knowledge import Pieces
from toolkit.problems._proof import Prices

from .allocation import user_table

MARGIN = 1e-9  # relative: what is this close to feasible is left to the proof
CLEARED = 1e-12  # relative: so near to B the shares count as summing to it
STEEPEST = 30.0  # in log s, above the price of slack users: there all users are at full power

P = TypeVar("P")


class Users:
    """Per-user constants of one instance, and the dual at one k."""

    def __init__(self, data: Data) -> None:
        table = user_table(data)
        self.local, _, self.q, _, self.time, self.work, self.nats, self.h, self.y_max = table[:9]
        self.late = float(data.get("weight_late", np.inf))  # cost of a second; inf: not to be had
        self.q_late, self.time_late = table[9:11] if len(table) > 9 else (self.q, self.time)
        self.n = len(self.q)
        self.deadline, self.total = float(data["deadline"]), float(data["bandwidth"])
        self.delay, self.energy = float(data["weight_delay"]), float(data["weight_energy"])
        self.forced = np.isinf(self.local)

    def room(self, k: float) -> np.ndarray:
        """Time left for the upload when k users offload, (n,)."""
        left: np.ndarray = self.deadline - self.work * k
        return left

    def need(self, k: int) -> np.ndarray:
        """Least bandwidth with which the upload ends in time, at full power; inf where none."""
        if self.late < np.inf:
            return np.zeros(self.n)
        room = self.room(k)
        safe = np.where(room > 0, room, 1.0)
        return np.where(room > 0, self.nats / (self.y_max * safe), np.inf)

    def usable(self, k: int) -> np.ndarray:
        """Whether a user meets the deadline with all of B when k users offload, (n,)."""
        usable: np.ndarray = self.need(k) <= self.total * (1 + MARGIN)
        return usable

    def span(self) -> tuple[int, int]:
        """Least and largest k that some users can meet the deadline with; (k, k - 1) if none."""
        low, high = int(self.forced.sum()), self.n + 1
        if not self._fits(low):
            return low, low - 1
        least = low
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._fits(middle) else (low, middle)
        return least, low

    def _fits(self, k: int) -> bool:
        need = self.need(k)
        others = np.sort(need[~self.forced])[: k - int(self.forced.sum())]
        return bool(need[self.forced].sum() + others.sum() <= self.total * (1 + MARGIN))

    def _at_price(self, s: float, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Shares b and costs v(b) + s^2 b of the uploads at bandwidth price s^2, (n,) each.

        A Lambert W value where the deadline binds; nan where no time is left. Where lateness is
        dear, but not too dear, its weight is one of delay.
        """
        if self.late < np.inf and np.any(over := s * self.time_late >= self.room(k)):
            share, cost = self._in_time(s, np.where(over, np.nan, self.room(k)))
            late = 2 * s * self.q_late - self.late * self.room(k)
            return np.where(over, self.q_late / s, share), np.where(over, late, cost)
        return self._in_time(s, np.where(self.room(k) > 0, self.room(k), np.nan))

    def _in_time(self, s: float, room: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """`_at_price` of users who have that much time, and need no more; nan: they have none."""
        y = 2 * lambertw(0.5 * s * np.sqrt(self.nats * self.h / self.energy) / room).real
        y = np.minimum(y, self.y_max)
        with np.errstate(invalid="ignore", divide="ignore"):
            slack, share = s * self.time <= room, self.nats / (y * room)
            tight = room * (self.delay + self.energy * np.expm1(y) / self.h) + s**2 * share
            share = np.where(slack, self.q / s, share)
        return share, np.where(slack, 2 * s * self.q, tight)

    def upload(self, s: float, k: int) -> np.ndarray:
        """Cost of the upload at bandwidth price s^2, bandwidth paid for; inf: impossible."""
        return np.where(self.usable(k), self._at_price(s, k)[1], np.inf)

    def value(self, s: float, k: int) -> np.ndarray:
        """Cost of offloading at bandwidth price s^2, (n,): upload and execution."""
        total: np.ndarray = self.upload(s, k) + self.delay * self.work * k
        return total

    def clearing(self, a: np.ndarray, k: int) -> float:
        """The s at which the shares, weighted by a, sum to B (at least what slack users take).

        inf where they take more than B at any price, because even full power asks for more.
        """
        some = a > 0

        def excess(log_s: float) -> float:
            shares = self._at_price(np.exp(log_s), k)[0][some]
            return float(np.log(a[some] @ shares / self.total))

        start = high = float(np.log(a @ self.q / self.total))
        while excess(high) > CLEARED:
            high += 1
            if high - start > STEEPEST:
                return np.inf
        if high == start or excess(high) >= 0:
            return float(np.exp(high))
        return float(np.exp(brentq(excess, high - 1, high, xtol=1e-13)))

    def guess(self, k: int) -> float:
        """The s of k average users whose deadlines are slack."""
        return max(k, 1) * float(self.q.mean()) / self.total

    def prices(self, s: float, k: int, fixed: np.ndarray | None = None) -> Prices:
        """The prices (s, theta), theta midway between the k-th and the next user in order.

        fixed (n,): 1 for users that offload, 0 for those that do not, nan for the free ones.
        """
        fixed = np.where(self.forced, 1.0, np.nan) if fixed is None else fixed
        free = np.isnan(fixed)
        gain = np.sort((self.value(s, k) - np.where(self.forced, 0.0, self.local))[free])
        wanted = k - int(np.nansum(fixed))
        return {"s1": float(s), "theta1": _midway(gain[np.isfinite(gain)], wanted)}

    def pieces(self, piece: Callable[[int], P]) -> Pieces[P]:
        """The relaxations of every k, as `piece` makes them."""
        return Pieces(
            whole=(0, self.n),
            inside=self.span(),
            empty={"infeasible": True},
            cut=lambda k: {"at": k},
            piece=piece,
            between=_between,
        )

    def rounded(self, a: np.ndarray) -> Decision:
        """The k users nearest to offloading, and the same with the last replaced by the next."""
        a = np.where(self.forced, 2.0, a)
        order = np.argsort(-a, kind="stable")
        k = int(np.round(np.minimum(a, 1).sum()))
        masks = np.zeros((2, self.n))
        masks[:, order[:k]] = 1.0
        if 0 < k < self.n:
            masks[1, order[k - 1]], masks[1, order[k]] = 0.0, 1.0
        return {"offload": masks}


def _midway(ordered: np.ndarray, k: int) -> float:
    """Between entries k - 1 and k; beyond an end by half of the last step."""
    if not len(ordered):
        return 0.0
    k = min(max(k, 0), len(ordered))
    step = 0.5 * float(np.ptp(ordered)) / len(ordered)
    low = ordered[k - 1] if k > 0 else ordered[0] - 2 * step
    high = ordered[k] if k < len(ordered) else ordered[-1] + 2 * step
    return float(0.5 * (low + high))


def _between(low: tuple[int, Prices], high: tuple[int, Prices]) -> Prices:
    """Prices linear in k between two cardinalities, at the ends of the stretch between them."""
    (k1, p1), (k2, p2) = low, high
    out = {}
    for end, k in (("1", k1 + 1), ("2", k2 - 1)):
        t = (k - k1) / (k2 - k1)
        for name in ("s", "theta"):
            out[name + end] = (1 - t) * p1[name + "1"] + t * p2[name + "1"]
    return out
