"""Lower bounds of the table form in ball arithmetic: what the certificates of a slot rest on.

Nothing is shared with `tables`. A loss is the sum of what options cost and of squared loads, and it
grows with each of these numbers, so the loss of their lower bounds is a lower bound of the loss.

Where the noise is that of the part b of a band in use, sending loses c / (b ln(1 + snr / b)). Let
v(q) be the least of that and of q b, a price q of the band paid: by weak duality a cell whose users
T send loses at least sum over T of v(q) - q, for any q. v(q) / (2 sqrt q) falls with q (put
b = t / sqrt q). So with Q the square of all roots of the cell with noise of the whole band, and a
root r = v(Q) / (2 sqrt Q), the loss is at least 2 sqrt(q) sum r - q for all q up to Q: at least
(sum r)^2, since r is at most the root with more noise, and so that square at most Q. Of known users
T, sum of v(q) - q at the best price is what they lose (`Bands`).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from flint import arb

from toolkit.arrays import Data
from toolkit.errors import UserError
from toolkit.problems._balls import precision
from toolkit.problems._congestion.proof import LARGEST

NUMBERS = (
    "bandwidth", "server_cpu", "local_cpu", "kappa", "energy_power", "cloud_rate", "cloud_cpu",
    "cloud_delay", "noise_fixed", "weight_delay", "weight_energy",
)  # fmt: skip


ROUNDS = 20  # of a map that contracts to a tenth
LEAST = 1e-100  # of a guessed share


@dataclass(frozen=True, eq=False)
class Lower:
    """Doubles that no number is below; and where a detour is proved to be no better than home."""

    local: np.ndarray  # (users,): cost of computing locally, minus its QoE
    served: float  # of an offloader, without its loads: minus both weights
    detour: np.ndarray  # (users,): of an offloader who is not served
    root: np.ndarray  # (users,): load of the cell
    level: float  # load of the server
    vain: np.ndarray  # (users,), bool: a detour costs at least what computing locally does


def lower(data: Data) -> Lower:
    """Of one instance."""
    with precision():
        one = {key: arb(float(data[key])) for key in NUMBERS}
        equal = arb(len(data["cached"])) / len(data["bits"])
        arrays = (np.asarray(data[k], float).tolist() for k in ("bits", "cycles", "efficiency"))
        each = [_user(one, equal, *map(arb, task)) for task in zip(*arrays, strict=True)]
        if one["noise_fixed"] != 1:
            each = _with_less_noise(data, each)
        local, detour, root = (np.array([_down(u[k]) for u in each]) for k in range(3))
        level = (one["weight_delay"] * one["local_cpu"] / one["server_cpu"]).sqrt()
        vain = np.array([bool(u[1] >= u[0]) for u in each])
        return Lower(local, _down(_served(one)), detour, root, _down(level), vain)


def _user(
    one: Mapping[str, Any], equal: Any, bits: Any, cycles: Any, efficiency: Any
) -> tuple[Any, Any, Any]:
    """Balls of what local computing and a detour cost, and of the root."""
    late, seconds = cycles / one["local_cpu"], bits / (one["bandwidth"] * efficiency)
    burnt = one["kappa"] * one["local_cpu"] * one["local_cpu"] * cycles
    sent = one["energy_power"] * seconds / equal
    if one["noise_fixed"] != 1:
        sent *= efficiency * arb(2).log() / (_snr(efficiency) / equal).log1p()
    most = burnt if burnt >= sent else sent.max(burnt)  # the same ball: nothing is saved at home
    local = arb(0) if burnt >= sent else -one["weight_energy"] * (1 - burnt / most)
    wired = bits / one["cloud_rate"] + cycles / one["cloud_cpu"] + one["cloud_delay"]
    detour = _served(one) + one["weight_delay"] * wired / late
    price = one["weight_delay"] / late + one["weight_energy"] * one["energy_power"] / most
    return local, detour, (price * seconds).sqrt()


def _with_less_noise(data: Data, each: list[tuple[Any, Any, Any]]) -> list[tuple[Any, Any, Any]]:
    """The users with the roots for noise of the part of the band in use."""
    cell = np.asarray(data["cell"], int).tolist()
    total = {
        g: sum((u[2] for u, h in zip(each, cell, strict=True) if h == g), arb(0)) for g in cell
    }
    snrs = [_snr(arb(x)) for x in np.asarray(data["efficiency"], float).tolist()]
    out = []
    for user, snr, g in zip(each, snrs, cell, strict=True):
        worth, price = user[2] ** 2 * snr.log1p(), total[g] ** 2
        share = _guess(*(float(ball.mid()) for ball in (worth, snr, price)))
        out.append((*user[:2], _least(worth, snr, price, share) / (2 * total[g])))
    return out


class Bands:
    """What sending loses where the noise is that of the band in use, of users who are known."""

    def __init__(self, data: Data) -> None:
        with precision():
            one = {key: arb(float(data[key])) for key in NUMBERS}
            equal = arb(len(data["cached"])) / len(data["bits"])
            arrays = (np.asarray(data[k], float).tolist() for k in ("bits", "cycles", "efficiency"))
            roots = [_user(one, equal, *map(arb, task))[2] for task in zip(*arrays, strict=True)]
            self._snr = [_snr(arb(x)) for x in np.asarray(data["efficiency"], float).tolist()]
            self._worth = [r**2 * snr.log1p() for r, snr in zip(roots, self._snr, strict=True)]
        self._plain = [
            (float(worth.mid()), float(snr.mid()))
            for worth, snr in zip(self._worth, self._snr, strict=True)
        ]

    def least(self, users: tuple[int, ...]) -> float:
        """A double that these users of a cell do not lose less than, sharing its band."""
        if not users:
            return 0.0
        shares, price = self._shares(users)
        with precision():
            paid = -arb(price)
            for i, share in zip(users, shares, strict=True):
                paid += _least(self._worth[i], self._snr[i], arb(price), share)
            return max(0.0, _down(paid)) if paid.is_finite() else 0.0

    def _shares(self, users: tuple[int, ...]) -> tuple[list[float], float]:
        """Shares near the best ones, and a price near theirs of the band; any would do.

        A share is sqrt(worth g(snr / share) / price), g as in `_curvature`, and they sum to 1.
        """
        shares, total = [1.0 / len(users) for _ in users], 0.0
        for _ in range(ROUNDS):
            wish = [
                math.sqrt(self._plain[i][0] * _curvature(self._plain[i][1] / share))
                for i, share in zip(users, shares, strict=True)
            ]
            total = sum(wish)
            shares = [min(1.0, max(w / total, LEAST)) for w in wish]
        return shares, total * total


def _curvature(x: float) -> float:
    """(ln(1 + x) - x / (1 + x)) / ln(1 + x)^2, a guess; by a series where terms would cancel."""
    nats = math.log1p(x)
    fall = x * x * (0.5 - x * (2 / 3 - 0.75 * x)) if x < 1e-4 else nats - x / (1 + x)
    return fall / nats**2


def _snr(efficiency: Any) -> Any:
    return (efficiency * arb(2).log()).expm1()


def _least(worth: Any, snr: Any, price: Any, share: float) -> Any:
    """A ball not above f(b) = worth / (b ln(1 + snr / b)) + price b for any b in (0, 1].

    f is convex: it is above its tangent at any share, and near its least one that is close.
    """
    at = arb(share)
    nats = (snr / at).log1p()
    rate = at * nats
    slope = price - worth * (nats - snr / (at + snr)) / rate**2
    return worth / rate + price * at + (-slope * at).min(slope * (1 - at))


def _guess(worth: float, snr: float, price: float) -> float:
    """A share near the best one at a price; any would do."""
    share = 1.0
    for _ in range(ROUNDS):
        wish = math.sqrt(worth * _curvature(snr / share) / price)
        share = min(1.0, max(wish, LEAST))
    return share


def _served(one: Mapping[str, Any]) -> Any:
    return -(one["weight_delay"] + one["weight_energy"])


def _down(ball: Any) -> float:
    """A double that no number of the ball is below, and not so large that products overflow."""
    if not ball.is_finite():
        raise UserError("The numbers of the slot are too extreme to be bounded.")
    return min(LARGEST, math.nextafter(float(ball.lower()), -math.inf)) if ball != 0 else 0.0
