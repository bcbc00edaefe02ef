"""Lower bounds of the table form in ball arithmetic: what the certificates of a step rest on.

Nothing is shared with `tables`. A loss is the sum of what options cost and of squared loads, and it
grows with each of these numbers, so the loss of their lower bounds is a lower bound of the loss.

A transmission of D bits over B hertz costs (D ln 2 / B) (w1 + w2 p) / ln(1 + g p) at the power p.
The tangent of the concave ln(1 + g p) at ANY power q is above it,

    L(p) = ln(1 + g q) + g (p - q) / (1 + g q) > 0,

and (w1 + w2 p) / L(p), linear over linear, is monotone: it is least at one of the bounds of p. At
the best power q the bound is what the transmission costs.

Where a server is split equally among its k users, computing costs them k sum a / F: at least
(sum sqrt a)^2 / F, by Cauchy and Schwarz, the load of a whole server that is shared freely.
"""

import math
from typing import Any

import numpy as np
from flint import arb
from scipy.special import lambertw

from toolkit.arrays import Data
from toolkit.problems._balls import precision
from toolkit.problems._congestion.proof import LARGEST


def lower_tables(data: Data) -> tuple[np.ndarray, np.ndarray]:
    """Doubles that no cost (users, servers + 1) and no weight (users, servers) is below."""
    with precision():
        one = {key: arb(float(v)) for key, v in data.items() if np.ndim(v) == 0}
        many = {key: _balls(v) for key, v in data.items() if np.ndim(v) == 1}
        users, servers = len(data["bits"]), len(data["site"])
        cost = np.empty((users, servers + 1))
        cost[:, 0] = [_down(_local(one, many, i)) for i in range(users)]
        cost[:, 1:] = _sent(data, one, many)
        whole = one["share_budget"] if one["share_budget"] > 0 else arb(1)
        price = one["weight_delay"] + one["weight_energy"] * one["idle_power"]
        weight = [
            [_down((cycles * price / (whole * cpu)).sqrt()) for cpu in many["server_cpu"]]
            for cycles in many["cycles"]
        ]
    return cost, np.array(weight)


def lower_computing(data: Data) -> np.ndarray:
    """Doubles that no a / F is below, (users, servers): k times their sum is a server's cost."""
    with precision():
        one = {
            key: arb(float(data[key])) for key in ("weight_delay", "weight_energy", "idle_power")
        }
        price = one["weight_delay"] + one["weight_energy"] * one["idle_power"]
        cpus = _balls(data["server_cpu"])
        return np.array([[_down(c * price / f) for f in cpus] for c in _balls(data["cycles"])])


def _local(one: dict[str, Any], many: dict[str, Any], i: int) -> Any:
    """Cost of local computing: w1 C / f + w2 kappa f^2 C."""
    cycles, cpu = many["cycles"][i], many["local_cpu"][i]
    seconds = one["weight_delay"] * cycles / cpu
    return seconds + one["weight_energy"] * many["kappa"][i] * cpu * cpu * cycles


def _sent(data: Data, one: dict[str, Any], many: dict[str, Any]) -> np.ndarray:
    """Lower bounds of the cost of transmissions, (users, servers)."""
    places, sites = (np.asarray(data[key]).tolist() for key in ("position", "site"))
    sites = [[arb(x) for x in site] for site in sites]
    out = np.empty((len(places), len(sites)))
    ends = one["power_min"], one["power_max"]
    for i, place in enumerate(places):
        x, y = map(arb, place)
        scale = many["bits"][i] * arb(2).log() / many["bandwidth"][i]
        snr = [_gain(one, x - u, y - v) / many["noise"][i] for u, v in sites]
        for m, (g, q) in enumerate(zip(snr, _guesses(data, snr), strict=True)):
            out[i, m] = _down(scale * _least(one, g, arb(q), ends))
    return out


def _gain(one: dict[str, Any], dx: Any, dy: Any) -> Any:
    away = (dx * dx + dy * dy).sqrt() + one["loss_offset"]
    return one["loss_gain"] * away.max(one["loss_nearest"]) ** -one["loss_exponent"]


def _least(one: dict[str, Any], g: Any, q: Any, ends: tuple[Any, Any]) -> Any:
    """The lesser of (w1 + w2 p) / L(p) at the bounds of p, L the tangent at q."""
    there = 1 + g * q
    low, high = (
        (one["weight_delay"] + one["weight_energy"] * p) / ((g * q).log1p() + g * (p - q) / there)
        for p in ends
    )
    return low.min(high)


def _guesses(data: Data, snr: list[Any]) -> list[float]:
    """Powers near the best ones, by the closed form of 1.2.9; any would do."""
    g = np.array([float(ball.mid()) for ball in snr])
    ratio = float(data["weight_delay"]) / float(data["weight_energy"])
    with np.errstate(all="ignore"):
        nats = 1 + lambertw((ratio * g - 1) / math.e).real
        best = np.nan_to_num(np.expm1(nats) / g, nan=0.0, posinf=np.inf)
    found: list[float] = np.clip(best, float(data["power_min"]), float(data["power_max"])).tolist()
    return found


def _balls(values: Any) -> list[Any]:
    return [arb(v) for v in np.asarray(values, float).tolist()]


def _down(ball: Any) -> float:
    """A double that no number of the ball is below; not negative, as what is bounded, and not so
    large that products overflow."""
    if not ball.is_finite():
        return 0.0
    return min(LARGEST, max(0.0, math.nextafter(float(ball.lower()), -math.inf)))
