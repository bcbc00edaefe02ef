"""The checker's sums over users in NumPy doubles, with a proved bound of every rounding error.

What is assumed: + - * / and sqrt are correctly rounded (IEEE 754), so a result differs from the
exact one by a factor 1 + d, |d| <= U = 2^-53; numpy's log1p errs by at most 8 units in the last
place (16 U relative). All other functions only make guesses. The data lie in `RANGE`, guesses of
z and t in bounds such that nothing that must not be too small underflows.

Upper bounds, per user:

* l = w r / phi with r^3 >= mu P h / k, which is tested: the right side errs by 3 U, the cube by
  2 U; 16 U are asked for. Two roundings more: 4 U are added.
* c = w B / (v_u ln 2) errs by 5 U, G = mu P h^2 / N_0 by 4 U. z passes where log1p(z) - z / (1 + z)
  + 32 U log1p(z) <= v / c (1 - 8 U): the left side errs by 16 U log1p + 3 U (quotient and
  difference), the right one by 6 U. Where a guess fails, z = 0 does not. g = c G / (1 + z) with at
  most 13 roundings: 24 U are added.
* l' and g': three roundings, 8 U are added. Sums of k positive numbers in any order err by k U: for
  n users (n + 8) U are added.

Between two break points f(t) = v + A t - (v - S) t^3. Where v > S it is concave: below its tangent
at any r, v + A t - (v - S) r^2 (3 t - 2 r), which is largest at an end; else convex, largest at an
end: r = t there. The rounding of that line is at most 16 U (v + A t + (v + S) r^2 (3 t + 2 r)).
"""

from typing import Any

import numpy as np

from toolkit.arrays import Data

from .guesses import exponent, price

U = 2.0**-53
RANGE = (1e-30, 1e30)
NEAREST = 1e-40  # the least break point
CELLS = 1 << 17  # entries of a batch of modes that are worked on at a time
LN2 = float(np.log(2.0))


def in_range(data: Data) -> bool:
    """Whether every datum is so moderate that the error analysis holds."""
    return all(bool(np.all((v >= RANGE[0]) & (v <= RANGE[1]))) for v in data.values())


class FloatUsers:
    """Upper bounds of one instance's rates; see the module for why they hold."""

    def __init__(self, data: Data) -> None:
        one = {key: float(data[key]) for key in data if np.ndim(data[key]) == 0}
        gain, weight = np.asarray(data["gain"], float), np.asarray(data["weight"], float)
        power = one["efficiency"] * one["ap_power"]
        energy = power * gain / np.asarray(data["kappa"], float)
        root = np.cbrt(energy) * (1 + 12 * U)
        root = np.where(root * root * root >= energy * (1 + 16 * U), root, np.inf)
        self.local = weight * root / one["cycles"] * (1 + 4 * U)
        self.snr = power * (gain * gain) / one["noise"]
        self.rate = weight * one["bandwidth"] / (one["overhead"] * LN2)
        self.values, self.member = np.unique(self.rate, return_inverse=True)
        self.n = len(gain)

    def _drops(self, u: np.ndarray) -> np.ndarray:
        """1 / (1 + z) for proved z, of any shape, from lower bounds u of v / c."""
        y = exponent(u)
        z = np.expm1(y)
        # as much below the guess as the test may err: its left side grows by z / (1 + z)^2
        z = np.maximum(z - 64 * U * np.maximum(y * (1 + z) ** 2 / z, z), 0.0)
        log = np.log1p(z)
        proved = log - z / (1 + z) + 32 * U * log <= u
        return 1 / (1 + np.where(proved, z, 0.0))

    def most(self, v: float, t1: float, t2: float, state: np.ndarray) -> float:
        """No decision with t1^3 <= a <= t2^3 and these users forced has a larger rate, bit/s."""
        drop = self._drops(v / self.values * (1 - 8 * U))[self.member]
        gain = self.rate * self.snr * drop * (1 + 24 * U)
        at = np.clip(np.sqrt(self.local / gain), max(t1, NEAREST), max(t2, NEAREST))
        square = at * at
        local = np.maximum(self.local, gain * square * (state == 0)) * (1 + 8 * U)
        gain = np.maximum(gain, self.local / square * (state == 0)) * (1 + 8 * U)
        order = np.argsort(np.where(state == 0, at, np.inf), kind="stable")
        order = order[: int(np.sum(state == 0))]
        points = np.concatenate([[t1], np.clip(at[order], t1, t2), [t2]])
        grow = 1 + (self.n + 8) * U
        forced = float(gain[state == 1].sum()), float(local[state == -1].sum())
        gains = np.concatenate([[0.0], np.cumsum(gain[order])]) + forced[0]
        locals_ = np.concatenate([np.cumsum(local[order][::-1])[::-1], [0.0]]) + forced[1]
        return float(np.max(_highest(v, locals_ * grow, gains * grow, points[:-1], points[1:])))

    def each(self, masks: np.ndarray) -> np.ndarray:
        """The same for every mode of a batch (rows, n), at its own price."""
        step = max(1, CELLS // self.n)
        parts = [self._each(masks[i : i + step]) for i in range(0, len(masks), step)]
        return np.concatenate(parts) if parts else np.zeros(0)

    def _each(self, masks: np.ndarray) -> np.ndarray:
        classes = np.eye(len(self.values))[self.member]  # (n, m)
        local = ((1 - masks) * self.local).sum(-1)
        v = price(local, (masks * self.snr) @ classes, self.values)
        drop = self._drops(v[:, None] / self.values * (1 - 8 * U))
        gain = (masks * (self.rate * self.snr * drop[:, self.member])).sum(-1) * (1 + 24 * U)
        grow = 1 + (self.n + 8) * U
        return _highest(v, local * grow, gain * grow, np.zeros_like(v), np.ones_like(v))


def _highest(v: Any, local: Any, gain: Any, p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Upper bounds of v + A t - (v - S) t^3 for p <= t <= q, elementwise."""
    concave = v > gain
    best = np.sqrt(local / np.where(concave, 3 * (v - gain), 1.0))
    best = np.clip(best, p, q)
    ends = []
    for t in (p, q):
        r = np.where(concave, best, t)
        line = v + local * t - (v - gain) * (r * r * (3 * t - 2 * r))
        ends.append(line + 16 * U * (v + local * t + (v + gain) * (r * r * (3 * t + 2 * r))))
    return np.asarray(np.maximum(*ends))
