"""What DROO's published code does: bisection for every mode of all 2^N, and coordinate descent.

Written anew after `optimization.py` of that repository: the same bisection of the dual value to
0.005 bit/s with SciPy's Lambert W, one mode at a time.
"""

import itertools
import time

import numpy as np
from scipy.special import lambertw

from toolkit.instances import Instance
from toolkit.problems import Problem
from toolkit.problems.droo.problem import coefficients

from .answers import Found, Peer

PRECISION, HIGHEST = 0.005, 1e9  # bit/s


def bisection(one: dict[str, np.ndarray], mode: np.ndarray) -> tuple[float, float, np.ndarray]:
    """(rate, charge, slots of the offloaders) of one mode."""
    on = mode > 0.5
    local, snr, rate = one["local"][~on].sum(), one["snr"][on], one["rate"][on]
    low, high = 0.0, HIGHEST
    a, slot = 1.0, np.zeros(0)
    while high - low > PRECISION:
        v = (low + high) / 2
        q = -lambertw(-np.exp(-1 - v / rate)).real
        slot = snr / (1 / q - 1)
        a = 1 / (1 + slot.sum())
        if local * a ** (-2 / 3) / 3 + (rate * snr * q).sum() > v:
            low = v
        else:
            high = v
    tau = a * slot
    worth = local * a ** (1 / 3) + (rate * tau * np.log1p(snr * a / tau)).sum()
    return float(worth), a, tau


class _Droo(Peer):
    def refuses(self, problem: Problem, instance: Instance) -> str | None:
        return None if problem.name == "droo" else "DROO only"

    def solve(self, problem: Problem, instance: Instance, gap: float, seconds: float) -> Found:
        one, until = coefficients(instance.data), time.monotonic() + seconds
        with np.errstate(all="ignore"):
            mode, said = self._search(one, instance.data["gain"].size, until)
            _, charge, tau = bisection(one, mode)
        slot = np.zeros(len(mode))
        slot[mode > 0.5] = tau
        # the frame is kept to the last digit, which the bisection's slots exceed by some ulps
        used = charge + slot.sum()
        charge, slot = charge / max(used, 1.0), slot / max(used, 1.0)
        return Found({"offload": mode, "charge": np.asarray(charge), "slot": slot}, None, said)

    def _search(
        self, one: dict[str, np.ndarray], n: int, until: float
    ) -> tuple[np.ndarray, str]: ...


class Bisection(_Droo):
    name = "bisection"

    def _search(self, one: dict[str, np.ndarray], n: int, until: float) -> tuple[np.ndarray, str]:
        best, found = -np.inf, np.zeros(n)
        for bits in itertools.product((0.0, 1.0), repeat=n):
            mode = np.array(bits)
            if (worth := bisection(one, mode)[0]) > best:
                best, found = worth, mode
            if time.monotonic() > until:
                return found, "time"
        return found, "optimal"


class CoordinateDescent(_Droo):
    name = "coordinate-descent"

    def _search(self, one: dict[str, np.ndarray], n: int, until: float) -> tuple[np.ndarray, str]:
        """The best change of one user, as long as one helps, from a random mode."""
        mode = np.random.default_rng(0).integers(0, 2, n).astype(float)
        worth = bisection(one, mode)[0]
        while time.monotonic() < until:
            others = np.abs(mode - np.eye(n))
            tried = [bisection(one, other)[0] for other in others]
            if max(tried) <= worth:
                return mode, "heuristic"
            worth, mode = max(tried), others[int(np.argmax(tried))]
        return mode, "time"
