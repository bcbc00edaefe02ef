"""Guesses in plain floats that make the checker's bounds tight: multipliers, powers, prices.

Nothing here has to be right. Every bound that is built on a guess holds for any guess, so a wrong
one can only make a bound weaker. Nothing is shared with the solvers' own formulas on purpose.

Notation: h = g / sigma^2; y = ln(1 + p h); w = D C / F; q = sqrt(c); s = sqrt(bandwidth price);
mu = multiplier of a user's deadline; room = tau - w k, the time that is left for the upload.
"""

from collections.abc import Sequence
from math import log
from typing import Any

import numpy as np

from toolkit.arrays import Data

LN2 = log(2.0)
TINY, HUGE = 1e-60, 1e100  # guesses stay between these, so that no rigorous step can overflow

Which = Any  # an index array of users, or slice(None) for all


class Guesses:
    """One instance's users, shape (n,), and what is likely to be best for them."""

    def __init__(self, data: Data) -> None:
        self.tau, self.total = float(data["deadline"]), float(data["bandwidth"])
        self.delay, self.energy = float(data["weight_delay"]), float(data["weight_energy"])
        self.p_max = float(data["p_max"])
        self.ceiling = float(data.get("weight_late", HUGE))  # of mu: what a late second costs
        self.soft = "weight_late" in data
        cycles = np.asarray(data["size"] * data["cycles"], float)
        self.h = np.asarray(data["gain"] / data["noise"], float)
        self.nats = np.asarray(data["size"] * LN2, float)
        self.work = cycles / float(data["f_server"])
        self.y_max = np.log1p(self.p_max * self.h)
        self.rise = np.sqrt(self.nats * self.h / self.energy) / 2
        self.y = self.exponent(np.zeros_like(self.h))
        power = np.minimum(np.expm1(self.y) / self.h, self.p_max)
        self.q = np.sqrt((self.delay + self.energy * power) * self.nats / self.y)
        self.time = self.nats / (self.y * self.q)  # of an upload, per unit of s, deadline slack
        self._compute(cycles, np.asarray(data["f_max"], float), 2 * self.energy * data["kappa"])
        if self.soft:
            full = np.full_like(self.h, self.ceiling)
            self.y_late = self.exponent(full)
            power = np.minimum(np.expm1(self.y_late) / self.h, self.p_max)
            dear = self.delay + self.ceiling + self.energy * power
            self.q_late = np.sqrt(dear * self.nats / self.y_late)

    def _compute(self, cycles: np.ndarray, f_max: np.ndarray, heat: float) -> None:
        """The local frequency, its cost, and the multiplier of the deadline there."""
        best, in_time = np.cbrt(self.delay / heat), cycles / self.tau
        dear = np.cbrt((self.delay + self.ceiling) / heat) if self.soft else HUGE
        f = np.minimum(np.maximum(best, np.minimum(in_time, dear)), f_max)
        self.frequency: np.ndarray = f
        self.local = cycles * (self.delay / f + heat / 2 * f * f)
        self.local_mu = np.zeros_like(f)
        if self.soft:
            self.local += self.ceiling * np.maximum(cycles / f - self.tau, 0.0)
            at_kink = np.where(f > best, np.clip(heat * f**3 - self.delay, 0.0, self.ceiling), 0.0)
            self.local_mu = np.where(cycles > self.tau * f * (1 + 1e-12), self.ceiling, at_kink)

    def exponent(self, mu: np.ndarray, which: Which = slice(None)) -> np.ndarray:
        """The y <= y_max of the power that minimises (lambda1 + mu + lambda2 p) / ln(1 + p h).

        Root of y e^y - (e^y - 1) = (lambda1 + mu) h / lambda2, by Newton from above: convex.
        """
        goal, top = (self.delay + mu) * self.h[which] / self.energy, self.y_max[which]
        y = np.minimum(np.minimum(np.sqrt(2 * goal), 1 + np.log1p(goal)), top)
        for _ in range(60):
            grown = np.expm1(y)
            step = (y * (grown + 1) - grown - goal) / ((grown + 1) * y)
            following = np.clip(y - step, TINY, top)
            done = np.all(np.abs(following - y) <= 2e-15 * y)
            y = following
            if done:
                break
        return np.asarray(y)

    def room(self, k: Any, which: Which = slice(None)) -> np.ndarray:
        """Seconds left for the upload when k users offload."""
        return np.asarray(self.tau - self.work[which] * k)

    def tight(self, s: Any, k: Any) -> np.ndarray:
        """Users who could offload, but not at the slack power and share: the deadline binds."""
        room = self.room(k)
        binds: np.ndarray = ((room > 0) | self.soft) & (s * self.time > room)
        return binds

    def costs(self, s: Any, k: Any) -> np.ndarray:
        """Cost of offloading at price s, deadline ignored (theta not subtracted)."""
        cost: np.ndarray = 2 * s * self.q + self.delay * k * self.work
        return cost

    def late(self, k: Any) -> np.ndarray:
        """Users who may be unable to meet the deadline with k offloaders even with all of B."""
        room = self.room(k)
        if self.soft:
            return np.zeros(len(room), bool)
        return (room <= 0) | (self.nats > room * self.y_max * (self.total * 0.999))

    def exponent_in(self, s: Any, room: np.ndarray, which: Which = slice(None)) -> np.ndarray:
        """y where the deadline binds and the upload takes exactly `room`: 2 W0(s rise / room)."""
        top = self.y_max[which]
        x = np.minimum(s * self.rise[which] / room, top / 2 * np.exp(top / 2))
        return np.asarray(np.clip(2 * lambert(x), TINY, top))

    def multiplier(
        self, s: Any, k: Any, which: Which = slice(None)
    ) -> tuple[np.ndarray, np.ndarray]:
        """(mu, y) of each user's deadline at one price and cardinality; mu = 0 where it is slack.

        mu = 0 also where no room is left, because there no finite mu is best.
        """
        room = np.maximum(self.room(k, which), TINY)
        binds = (room > TINY) & (s * self.time[which] > room)
        y = self.exponent_in(s, room, which)
        grown, top = np.expm1(y), self.y_max[which]
        inner = self.energy * (y * (grown + 1) - grown) / self.h[which] - self.delay
        with np.errstate(over="ignore"):
            at_top = s * s * self.nats[which] / (top * room * room)
        at_top = at_top - self.delay - self.energy * self.p_max
        mu = np.where(y >= top, at_top, inner)
        mu = np.where(binds, np.clip(mu, 0, self.ceiling), 0.0)
        y = np.where(binds, y, self.y[which])
        if self.soft:
            late = self.is_late(s, k, which)
            mu, y = np.where(late, self.ceiling, mu), np.where(late, self.y_late[which], y)
        return mu, y

    def is_late(self, s: Any, k: Any, which: Which = slice(None)) -> np.ndarray:
        """Who would rather pay for lateness than be in time, where that can be paid for."""
        upload = s * self.nats[which] / (self.y_late[which] * self.q_late[which])
        return np.asarray(upload >= self.room(k, which))

    def terms(
        self,
        mu: np.ndarray,
        ends: Sequence[tuple[int, float, float]],
        cap: np.ndarray,
        which: np.ndarray,
    ) -> np.ndarray:
        """The sum of each user's terms of A3 at all ends (k, s, theta) with these multipliers."""
        y = self.exponent(mu, which)
        power = np.minimum(np.expm1(y) / self.h[which], self.p_max)
        root = np.sqrt((self.delay + mu + self.energy * power) * self.nats[which] / y)
        total = np.zeros(len(which))
        for k, s, theta in ends:
            load = (self.delay + mu) * self.work[which] * k
            total += np.minimum(2 * s * root + load - mu * self.tau - theta, cap)
        return total

    def price(self, masks: np.ndarray, k: np.ndarray) -> np.ndarray:
        """For each mask (rows, n) the s at which the offloaders' shares sum to B, or a large s."""
        s = np.maximum(masks @ self.q / self.total, TINY)
        low, high = s.copy(), np.full(len(s), HUGE)
        rows = np.flatnonzero((masks * self.tight(s[:, None], k[:, None])).any(-1))
        for _ in range(60):
            if not len(rows):
                break
            used, slope = self._used(masks[rows], s[rows], k[rows])
            over = used > self.total
            low[rows] = np.where(over, s[rows], low[rows])
            high[rows] = np.where(over, high[rows], s[rows])
            with np.errstate(divide="ignore", over="ignore"):
                move = np.exp(-np.log(used / self.total) * used / slope)
            inside = (s[rows] * move > low[rows]) & (s[rows] * move < high[rows])
            middle = np.sqrt(low[rows] * np.minimum(high[rows], 4 * low[rows]))
            open_ = np.abs(used - self.total) > 1e-13 * self.total
            s[rows] = np.where(inside, s[rows] * move, np.where(open_, middle, s[rows]))
            rows = rows[open_ & (high[rows] - low[rows] > 1e-14 * low[rows])]
        return np.asarray(s)

    def _used(
        self, masks: np.ndarray, s: np.ndarray, k: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Bandwidth that each mask's users ask for at its s, and its slope in ln s."""
        room = np.maximum(self.room(k[:, None]), TINY)
        binds = s[:, None] * self.time > room
        y = self.exponent_in(s[:, None], room)
        share = np.where(binds, self.nats / (y * room), self.q / s[:, None]) * masks
        bend = np.where(binds, np.where(y < self.y_max, -2 / (2 + y), -TINY), -1.0)
        if self.soft:
            late = self.is_late(s[:, None], k[:, None])
            share = np.where(late, self.q_late / s[:, None] * masks, share)
            bend = np.where(late, -1.0, bend)
        return share.sum(-1), (share * bend).sum(-1)


def lambert(x: np.ndarray) -> np.ndarray:
    """W0(x) for x >= 0 by Halley's steps from a logarithmic start."""
    start = np.log1p(x)
    w = start * (1 - np.log1p(start) / (2 + start))
    for _ in range(4):
        grown = np.exp(w)
        miss = w * grown - x
        w = w - miss / (grown * (w + 1) - (w + 2) * miss / (2 * w + 2))
    return np.asarray(w)
