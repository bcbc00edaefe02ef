"""The checker's sums over users in python-flint's ball arithmetic: slow, and the reference.

The same bounds as in `floats`, one user at a time; here the library encloses every rounding.
"""

from fractions import Fraction
from typing import Any

import numpy as np
from flint import arb

from toolkit.arrays import Data
from toolkit.problems._balls import precision

from .guesses import exponent, price

SHRINK = (1 - 2.0**-46, 1 - 2.0**-36, 0.0)  # of a guessed z, until it is proved to be valid
RANGE = (1e-140, 1e140)  # of guesses


class ArbUsers:
    """Upper bounds of one instance's rates."""

    def __init__(self, data: Data) -> None:
        with precision():
            one = {k: arb(float(v)) for k, v in data.items() if np.ndim(v) == 0}
            power = one["efficiency"] * one["ap_power"]
            per_bit = one["overhead"] * arb(2).log()
            self.local, self.snr, self.rate = [], [], []
            columns = (np.asarray(data[k], float).tolist() for k in ("gain", "weight", "kappa"))
            for gain, weight, kappa in zip(*map(_balls, columns), strict=True):
                self.local.append(weight * (power * gain / kappa).root(3) / one["cycles"])
                self.snr.append(power * gain * gain / one["noise"])
                self.rate.append(weight * one["bandwidth"] / per_bit)
            # plain doubles for guesses
            self.plain = [np.array([float(x) for x in row]) for row in (self.local, self.snr)]
            weights = np.asarray(data["weight"], float)
            _, self.first, self.member = np.unique(weights, return_index=True, return_inverse=True)
            self.values = np.array([float(self.rate[i]) for i in self.first])

    def _drops(self, v: Any, guesses: np.ndarray) -> list[Any]:
        """1 / (1 + z) for a proved z of every class."""
        return [
            1 / (1 + _proved(v / self.rate[i], float(z)))
            for i, z in zip(self.first, guesses, strict=True)
        ]

    def most(self, v: float, t1: float, t2: float, state: np.ndarray) -> float:
        """No decision with t1^3 <= a <= t2^3 and these users forced has a larger rate, bit/s."""
        with precision():
            z = np.expm1(exponent(np.clip(v / self.values, *RANGE)))
            drop = self._drops(arb(v), z)
            gains, rest, crossing = arb(0), arb(0), []
            for i, side in enumerate(state.tolist()):
                gain = self.rate[i] * self.snr[i] * drop[self.member[i]]
                if side == 1:
                    gains += gain
                elif side == -1:
                    rest += self.local[i]
                else:
                    point = float((self.local[i] / gain).sqrt())
                    point = min(max(point, t1, RANGE[0]), max(t2, RANGE[0]))
                    square = arb(point) * arb(point)
                    local = self.local[i].max(gain * square)
                    crossing.append((point, local, gain.max(self.local[i] / square)))
            crossing.sort(key=lambda c: c[0])
            return _scan(arb(v), (t1, t2), gains, rest, crossing)

    def each(self, masks: np.ndarray) -> np.ndarray:
        """The same for every mode of a batch (rows, n), at its own price."""
        local, snr = self.plain
        classes = np.eye(len(self.values))[self.member]
        v = price(((1 - masks) * local).sum(-1), (masks * snr) @ classes, self.values)
        z = np.expm1(exponent(np.clip(v[:, None] / self.values, *RANGE)))
        with precision():
            rows = zip(masks > 0.5, v.tolist(), z, strict=True)
            return np.array([self._one(mask, arb(price_), z_) for mask, price_, z_ in rows])

    def _one(self, mask: np.ndarray, v: Any, z: np.ndarray) -> float:
        drop, gains, rest = self._drops(v, z), arb(0), arb(0)
        for i, remote in enumerate(mask.tolist()):
            if remote:
                gains += self.rate[i] * self.snr[i] * drop[self.member[i]]
            else:
                rest += self.local[i]
        return _highest(v, rest, gains, 0.0, 1.0)


def _scan(v: Any, ends: tuple[float, float], gains: Any, rest: Any, crossing: list[Any]) -> float:
    """The largest bound of all segments between break points; `rest` never crosses."""
    still = [rest]
    for _, local, _ in reversed(crossing):
        still.append(still[-1] + local)
    most, left = -np.inf, ends[0]
    for point, _, gain in [*crossing, (ends[1], None, arb(0))]:
        right = min(max(point, ends[0]), ends[1])
        most = max(most, _highest(v, still.pop(), gains, left, right))
        left, gains = right, gains + gain
    return most


def _balls(column: list[float]) -> list[Any]:
    return [arb(value) for value in column]


def _proved(u: Any, guess: float) -> Any:
    """A z, near the guess or 0, with ln(1 + z) - z / (1 + z) <= u."""
    for factor in SHRINK:
        z = arb(guess) * arb(factor)
        if bool(z.log1p() - z / (1 + z) <= u):
            break
    return z


def _highest(v: Any, local: Any, gain: Any, p: float, q: float) -> float:
    """Upper bound of v + A t - (v - S) t^3 for p <= t <= q."""
    concave = bool(v > gain)
    best = 0.0
    if concave:
        best = min(max(float((local / (3 * (v - gain))).sqrt()), p), q)
    elif not bool(v <= gain):
        gain = gain.max(v)  # undecided by a hair: as if convex, with no less
    highest = -np.inf
    for t in (p, q):
        r = arb(best if concave else t)
        line = v + local * arb(t) - (v - gain) * r * r * (3 * arb(t) - 2 * r)
        highest = max(highest, rounded_up(line))
    return highest


def rounded_up(value: Any) -> float:
    """A double that is not below a ball."""
    top = value.upper()
    near = float(top)
    if not np.isfinite(near):
        return np.inf
    mantissa, power = top.man_exp()
    exact = Fraction(int(mantissa)) * Fraction(2) ** int(power)
    return near if Fraction(near) >= exact else float(np.nextafter(near, np.inf))
