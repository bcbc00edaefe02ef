"""The checker's sums over users in NumPy doubles, with a proved bound of every rounding error.

What is assumed: + - * / and sqrt are correctly rounded (IEEE 754), so a result differs from the
exact one by a factor 1 + d, |d| <= U = 2^-53; numpy's log1p errs by at most 8 units in the last
place (16 U relative; 1 is what one measures). All other transcendental functions only make
guesses. The data lie in `RANGE` and guesses in [1e-60, 1e100], so that no intermediate value
of a per-user constant under- or overflows.

Per user (all lower bounds; `x` = z - 1 for any guess z > 0 of 1 + p h, P = Pmax h):

* ln(1 + p h) <= T(p) = log1p(x) + (p h - x) / (1 + x), the tangent in z. (lambda1 + mu + lambda2 p)
  / T(p) is monotone in p, so c(mu) >= D ln 2 min{(lambda1 + mu) / T(0), (lambda1 + mu +
  lambda2 Pmax) / T(Pmax)}. With V = log1p(x) + (P + x) / (1 + x) the float T(0), T(Pmax) err by at
  most (16 log1p + 5.1 quotient + 2 sums) U V < 24 U V; 32 U V is added. The rest is at most 7
  roundings of c and 2 after the root: q loses 16 U.
* lambda1 / f + lambda2 kappa f^2 >= A + E + (2 E - A) r with A, E its two terms at the guess f0
  and r = f / f0 - 1, the tangent; it is least at an end of W / tau <= f <= f_max; beyond 2 f0 the
  cost is at least 4 E instead. The errors of 2 E - A (4.1 U) and of r (4.1 U (1 + |r|)), their
  product, A + E and the sums stay below 16 U (2 E + A)(1 + |r|); 24 U of it are subtracted. W times
  that, 2 roundings: 4 U more. Where lateness
  has a price, lambda1 + mu stands for lambda1 (one rounding more, within the 24 U), mu tau is
  subtracted for any 0 <= mu <= that price, and f may be as low as 0.
* w = D C / F: 2 roundings, 4 U off. The need D ln 2 / (ln(1 + P) room): room = tau - w k errs by
  5 U (tau + w k), 8 U are added; ln(1 + P) by 19 U, 32 U are added; 5 more roundings, 8 U off.

Sum over users (A3) of m = min(loc, 2 s q + k slope - theta - mu tau), slope = (lambda1 + mu) w:
with M = sum of 2 s q + k slope + |theta| + mu tau (+ loc of those kept local), at most 7
roundings err by 8 U M in all, |m| sums to at most M, sums in blocks of `BLOCK` addends in any order
err by BLOCK U M, and `math.fsum` of the blocks by 2 U M. M itself is a float sum, off by less than
n U < 1 %. So (BLOCK + 12) U 1.01 M covers everything but underflow: 4 products of at most 2^-1074
a user. Where M is not finite there is no bound.
"""

import math
from fractions import Fraction
from typing import Any

import numpy as np

from toolkit.arrays import Data

from .exact import EDGE
from .guesses import LN2, Guesses

U = 2.0**-53
BLOCK = 64
RANGE = (1e-30, 1e30)
CELLS = 1 << 17  # entries of a batch of masks that are worked on at a time


def in_range(data: Data) -> bool:
    """Whether every datum is so moderate that the error analysis holds."""
    return all(bool(np.all((v >= RANGE[0]) & (v <= RANGE[1]))) for v in data.values())


class Lines:
    """Per user the lower bound 2 s q + k slope - fixed of the cost of offloading, and its sums."""

    def __init__(self, q: np.ndarray, slope: np.ndarray, fixed: Any) -> None:
        self.q, self.slope, self.fixed = q, slope, fixed
        self.sums = (float(q.sum()), float(slope.sum()), float(np.sum(fixed)))


class FloatUsers:
    """Rigorous sums over one instance's users; see the module for why they hold."""

    def __init__(self, data: Data, guesses: Guesses) -> None:
        self.guesses, self.data = guesses, data
        g = guesses
        self.cycles = np.asarray(data["size"] * data["cycles"], float)
        self.peak = g.p_max * data["gain"] / data["noise"]
        self.top = np.log1p(self.peak) * (1 + 32 * U)
        self.nats = np.asarray(data["size"] * LN2, float)
        self.load = self.cycles / float(data["f_server"])
        self.work = self.load * (1 - 4 * U)
        self.local = self._local()
        self.stuck = self._stuck()
        self.slack = self.lines(None)

    def _local(self) -> np.ndarray:
        """Lower bounds of the cost of local execution."""
        f, g = self.guesses.frequency, self.guesses
        slow, hot = (g.delay + g.local_mu) / f, g.energy * float(self.data["kappa"]) * (f * f)
        least = np.zeros_like(f) if g.soft else self.cycles / g.tau / f
        ends = [least - 1, np.minimum(self.data["f_max"] / f - 1, 1.0)]
        tilt = 2 * hot - slow
        tangent = slow + hot + np.minimum(tilt * ends[0], tilt * ends[1])
        tangent = np.where(ends[1] < 1, tangent, np.minimum(tangent, 4 * hot))
        reach = 1 + np.maximum(np.abs(ends[0]), np.abs(ends[1]))
        tangent -= 24 * U * (2 * hot + slow) * reach
        cost, given = self.cycles * tangent * (1 - 4 * U), g.local_mu * g.tau
        return np.asarray(np.maximum(cost - given - 4 * U * (cost + given), 0.0))

    def _stuck(self) -> np.ndarray:
        """Users for whom D C > tau f_max, by more than 4 roundings and doubt: by `EDGE`."""
        stuck: np.ndarray = self.cycles > self.guesses.tau * self.data["f_max"] * EDGE
        return np.zeros_like(stuck) if self.guesses.soft else stuck

    def _root_cost(self, mu: Any, y: np.ndarray, which: Any = slice(None)) -> np.ndarray:
        """Lower bound of sqrt(c(mu)) from any guess y of ln(1 + p h)."""
        g, x, peak = self.guesses, np.expm1(y), self.peak[which]
        log, whole = np.log1p(x), 1 + x
        margin = 32 * U * (log + (peak + x) / whole)
        idle = log - x / whole + margin
        full = log + (peak - x) / whole + margin
        weight = g.delay + mu
        ratio = np.minimum(weight / idle, (weight + g.energy * g.p_max) / full)
        root: np.ndarray = np.sqrt(self.nats[which] * ratio) * (1 - 16 * U)
        return root

    def lines(self, tight: tuple[np.ndarray, np.ndarray, np.ndarray] | None) -> Lines:
        """The lines at multipliers mu with guesses y for the users `which`, else at mu = 0."""
        g = self.guesses
        if tight is None:
            return Lines(self._root_cost(0.0, g.y), g.delay * self.work * (1 - 2 * U), 0.0)
        which, mu, y = tight
        q, slope, fixed = self.slack.q.copy(), self.slack.slope.copy(), np.zeros_like(g.q)
        q[which] = self._root_cost(mu, y, which)
        slope[which] = (g.delay + mu) * self.work[which] * (1 - 4 * U)
        fixed[which] = mu * g.tau
        return Lines(q, slope, fixed)

    def total(
        self, lines: Lines, s: float, k: int, theta: float, inside: np.ndarray, outside: np.ndarray
    ) -> Fraction | None:
        """Lower bound of the sum over users in A3; None: the prices are too large for one."""
        n = len(self.local)
        size = 2 * s * lines.sums[0] + k * lines.sums[1] + lines.sums[2] + n * abs(theta)
        size += float(self.local[outside].sum())
        if not size < 1e300:
            return None
        value = lines.q * (2 * s)
        value += lines.slope * float(k)
        value -= lines.fixed + theta
        kept = np.minimum(value, self.local)
        kept[inside] = value[inside]
        kept[outside] = self.local[outside]
        margin = Fraction((BLOCK + 12) * U * 1.01 * size)
        return Fraction(block_sum(kept)) - margin - n * Fraction(1, 2**1070)

    def needs(self, k: Any, which: Any = slice(None)) -> np.ndarray:
        """Lower bounds of the bandwidth that each user needs when k offload; inf: none suffices."""
        if self.guesses.soft:
            return np.zeros(np.broadcast_shapes(np.shape(k), self.load[which].shape))
        load = self.load[which] * k
        room = self.guesses.tau - load + 8 * U * (self.guesses.tau + load)
        least = self.nats[which] / (self.top[which] * np.where(room > 0, room, 1.0)) * (1 - 8 * U)
        return np.where(room > 0, least, np.inf)

    def exceeds(self, k: int, forced: np.ndarray, free: np.ndarray, count: int) -> bool:
        """Whether the forced users and the `count` least needy free ones need more than B."""
        need = self.needs(k)
        least = np.partition(need[free], count - 1)[:count] if count else need[:0]
        # every addend is positive, so that block_sum errs by less than 2 BLOCK U, relatively
        total = block_sum(np.concatenate([need[forced], least]))
        return total * (1 - 2 * BLOCK * U) > self.guesses.total * EDGE

    def each(self, masks: np.ndarray) -> np.ndarray:
        """Lower bound of the loss for every mask (rows, n); inf where it is infeasible."""
        step = max(1, CELLS // masks.shape[1])
        parts = [self._each(masks[i : i + step]) for i in range(0, len(masks), step)]
        return np.concatenate(parts) if parts else np.zeros(0)

    def _each(self, masks: np.ndarray) -> np.ndarray:
        k, g, n = masks.sum(-1), self.guesses, masks.shape[1]
        need = np.where(masks > 0, self.needs(k[:, None]), 0.0).sum(-1)
        empty = ((masks == 0) & self.stuck).any(-1) | (need * (1 - (n + 8) * U) > g.total * EDGE)
        rows = np.flatnonzero(~empty)
        out, masks, k = np.full(len(masks), np.inf), masks[rows], k[rows]
        s = g.price(masks, k)
        tight = (masks * g.tight(s[:, None], k[:, None])).any(-1)
        slack = ~tight
        none = self.slack
        out[rows[slack]] = self._dual(masks[slack], k[slack], s[slack], none.q, none.slope, 0.0)
        mu, y = g.multiplier(s[tight, None], k[tight, None])
        q, slope = self._root_cost(mu, y), (g.delay + mu) * self.work * (1 - 4 * U)
        out[rows[tight]] = self._dual(masks[tight], k[tight], s[tight], q, slope, mu * g.tau)
        return out

    def _dual(
        self,
        masks: np.ndarray,
        k: np.ndarray,
        s: np.ndarray,
        q: np.ndarray,
        slope: np.ndarray,
        fixed: Any,
    ) -> np.ndarray:
        """-B s^2 + sum over the mask of the lines + local costs; n + 10 roundings of its size."""
        upload, wait = 2 * s * (masks * q).sum(-1), k * (masks * slope).sum(-1)
        late, rest = (masks * fixed).sum(-1), ((1 - masks) * self.local).sum(-1)
        price = self.guesses.total * (s * s)
        size = upload + wait + late + rest + price
        margin = (masks.shape[1] + 16) * U * 1.01 * size
        return np.where(size < 1e300, upload + wait + rest - late - price - margin, -np.inf)


def block_sum(values: np.ndarray) -> float:
    """Sum that errs by at most (BLOCK + 1) U sum|values|: short blocks, then an exact sum."""
    width = len(values) // BLOCK
    body = values[: width * BLOCK].reshape(BLOCK, width).sum(axis=0)
    return math.fsum([*body.tolist(), *values[width * BLOCK :].tolist()])
