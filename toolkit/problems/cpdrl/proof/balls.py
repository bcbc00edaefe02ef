"""The checker's sums over users in python-flint's ball arithmetic: slow, and the reference.

The same bounds as in `floats`, one user at a time; here the library encloses every rounding.
"""

from fractions import Fraction
from typing import Any

import numpy as np
from flint import arb

from toolkit.arrays import Data
from toolkit.problems._balls import precision

from .exact import EDGE, rounded_down
from .guesses import Guesses

Column = list[Any]  # one arb a user


class Lines:
    """Per user the ball 2 s q + k slope - fixed, a lower bound of the cost of offloading."""

    def __init__(self, q2: Column, slope: Column, fixed: Column) -> None:
        self.q2, self.slope, self.fixed = q2, slope, fixed


class ArbUsers:
    """Rigorous sums over one instance's users."""

    def __init__(self, data: Data, guesses: Guesses) -> None:
        self.guesses = guesses
        self.n = len(guesses.h)
        with precision():
            one = {k: arb(float(v)) for k, v in data.items() if np.ndim(v) == 0}
            self.tau, self.total_bandwidth = one["deadline"], Fraction(float(data["bandwidth"]))
            self.delay, self.energy = one["weight_delay"], one["weight_energy"]
            self.p_max, self.kappa = one["p_max"], one["kappa"]
            self.size, cycles, f_max, gain = (
                [arb(v) for v in np.asarray(data[k], float).tolist()]
                for k in ("size", "cycles", "f_max", "gain")
            )
            self.cycles = [d * c for d, c in zip(self.size, cycles, strict=True)]
            self.work = [w / one["f_server"] for w in self.cycles]
            self.peak = [self.p_max * g / one["noise"] for g in gain]
            self.top = [peak.log1p() for peak in self.peak]
            late = [w > self.tau * f * EDGE for w, f in zip(self.cycles, f_max, strict=True)]
            self.stuck = np.array([bool(w) and not guesses.soft for w in late])
            guessed = (guesses.frequency.tolist(), guesses.local_mu.tolist())
            self.local = [
                self._local(w, f, arb(at), arb(mu))
                for w, f, at, mu in zip(self.cycles, f_max, *guessed, strict=True)
            ]
        self.slack = self.lines(None)

    def _local(self, cycles: Any, f_max: Any, at: Any, mu: Any) -> Any:
        """Cost of local execution: the tangent at a guessed frequency, at its smaller end."""
        slow, hot = (self.delay + mu) / at, self.energy * self.kappa * at * at
        tilt = 2 * hot - slow
        least = 0 if self.guesses.soft else cycles / self.tau / at
        low, high = least - 1, (f_max / at - 1).min(arb(1))
        tangent = slow + hot + (tilt * low).min(tilt * high)
        # beyond twice the guess the second term alone is four times as large
        return cycles * (tangent if high < 1 else tangent.min(4 * hot)) - mu * self.tau

    def _root_cost(self, i: int, mu: Any, x: Any) -> Any:
        """sqrt of the tangent's bound of c(mu), from any guess x of p h."""
        log, whole = x.log1p(), 1 + x
        idle, full = log - x / whole, log + (self.peak[i] - x) / whole
        weight = self.delay + mu
        ratio = (weight / idle).min((weight + self.energy * self.p_max) / full)
        return (self.size[i] * arb.const_log2() * ratio).sqrt()

    def lines(self, tight: tuple[np.ndarray, np.ndarray, np.ndarray] | None) -> Lines:
        """The lines at multipliers mu with guesses y for the users `which`, else at mu = 0."""
        with precision():
            if tight is None:
                zero, guess = arb(0), np.expm1(self.guesses.y).tolist()
                q2 = [2 * self._root_cost(i, zero, arb(x)) for i, x in enumerate(guess)]
                return Lines(q2, [self.delay * w for w in self.work], [zero] * self.n)
            q2, slope, fixed = (list(c) for c in vars(self.slack).values())
            for i, mu, y in zip(*(a.tolist() for a in tight), strict=True):
                q2[i] = 2 * self._root_cost(i, arb(mu), arb(y).expm1())
                slope[i] = (self.delay + arb(mu)) * self.work[i]
                fixed[i] = arb(mu) * self.tau
            return Lines(q2, slope, fixed)

    def total(
        self, lines: Lines, s: float, k: int, theta: float, inside: np.ndarray, outside: np.ndarray
    ) -> Fraction | None:
        """Lower bound of the sum over users in A3; None: the balls have become too wide for one."""
        forced = [0] * self.n
        for group, word in ((inside, 1), (outside, -1)):
            for i in group.tolist():
                forced[i] = word
        with precision():
            price, many, toll, total = arb(s), arb(k), arb(theta), arb(0)
            for q2, slope, fixed, local, word in zip(
                lines.q2, lines.slope, lines.fixed, self.local, forced, strict=True
            ):
                if word < 0:
                    total += local
                else:
                    value = price * q2 + many * slope - fixed - toll
                    total += value if word else value.min(local)
            return exact(total.lower())

    def _need(self, i: int, k: int) -> float:
        """Lower bound of the bandwidth that user i needs when k offload; inf: none suffices."""
        if self.guesses.soft:
            return 0.0
        room = self.tau - self.work[i] * k
        if room <= 0:
            return float("inf")
        if not room > 0:
            return 0.0  # too close to call: a need that proves nothing
        need = exact((self.size[i] * arb.const_log2() / (self.top[i] * room)).lower())
        return 0.0 if need is None else rounded_down(need)

    def needs(self, k: int, which: np.ndarray) -> np.ndarray:
        """`_need` of the users `which`."""
        with precision():
            return np.array([self._need(i, k) for i in which.tolist()], float)

    def exceeds(self, k: int, forced: np.ndarray, free: np.ndarray, count: int) -> bool:
        """Whether the forced users and the `count` least needy free ones need more than B."""
        with precision():
            need = [self._need(i, k) for i in forced.tolist()]
            need += sorted(self._need(i, k) for i in free.tolist())[:count] if count else []
        most = self.total_bandwidth * Fraction(EDGE)
        return float("inf") in need or sum(map(Fraction, need)) > most

    def each(self, masks: np.ndarray) -> np.ndarray:
        """Lower bound of the loss for every mask (rows, n); inf where it is infeasible."""
        k = masks.sum(-1)
        s = self.guesses.price(masks, k)
        mu, y = self.guesses.multiplier(s[:, None], k[:, None])
        return np.array([self._one(masks[r], s[r], int(k[r]), mu[r], y[r]) for r in range(len(k))])

    def _one(self, mask: np.ndarray, s: float, k: int, mu: np.ndarray, y: np.ndarray) -> float:
        """A3 for one mask, every user forced."""
        chosen = mask > 0
        inside, outside = np.flatnonzero(chosen), np.flatnonzero(~chosen)
        none = np.zeros(0, int)
        if self.stuck[outside].any() or self.exceeds(k, inside, none, 0):
            return float("inf")
        tight = inside[mu[inside] > 0]
        lines = self.lines((tight, mu[tight], y[tight])) if len(tight) else self.slack
        users = self.total(lines, float(s), k, 0.0, inside, outside)
        if users is None:
            return float("-inf")
        return rounded_down(users - self.total_bandwidth * Fraction(float(s)) ** 2)


def exact(value: Any) -> Fraction | None:
    """The fraction that a ball without radius stands for; None where it is not finite."""
    if not value.is_finite():
        return None
    mantissa, exponent = value.man_exp()
    return Fraction(int(mantissa)) * Fraction(2) ** int(exponent)
