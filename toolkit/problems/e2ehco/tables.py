"""The table form of an instance: what each option of a user costs, and how it loads a server.

With the best powers and shares the cost of a choice x of options is

    sum cost[i, x_i] + sum over servers m of (sum over i on m of weight[i, m])^2,

an assignment with convex congestion. Where servers are split equally it is at least that much.
"""

import numpy as np

from toolkit.arrays import Array, Data

from . import _kernels, radio
from .costs import LN2
from .problem import shares_are_decided

LARGE = 9.0  # ln(w1 g / w2) from which one step is enough: 4.8e-8


def tables(data: Data, quick: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """(cost (*batch, users, servers + 1), option 0 is local; weight (*batch, users, servers)).

    With `quick` costs may be too high by 1e-13 of themselves: powers are `quick_powers`.
    """
    w1, w2 = (np.asarray(data[key])[..., None] for key in ("weight_delay", "weight_energy"))
    burnt = data["kappa"] * data["local_cpu"] ** 2 * data["cycles"]
    local = w1 * (data["cycles"] / data["local_cpu"]) + w2 * burnt
    snr = radio.snr_table(np, data)
    power = quick_powers(data, snr) if quick else powers(data, snr)
    rate = np.asarray(data["bandwidth"])[..., None] * (np.log1p(snr * power) / LN2)
    upload = np.asarray(data["bits"])[..., None] / rate
    sent = (w1[..., None] + w2[..., None] * power) * upload
    budget = np.asarray(data["share_budget"])[..., None, None]
    whole = budget if shares_are_decided(data) else 1.0
    load = roots(data)[..., None] / np.sqrt(whole * np.asarray(data["server_cpu"])[..., None, :])
    return np.concatenate([local[..., None], sent], axis=-1), load


def roots(data: Data) -> np.ndarray:
    """Square roots of what cycles cost at 1 Hz, C (w1 + w2 idle power); (*batch, users)."""
    price = data["weight_delay"] + data["weight_energy"] * data["idle_power"]
    return np.asarray(np.sqrt(data["cycles"] * np.asarray(price)[..., None]))


def powers(data: Data, snr: Array) -> np.ndarray:
    """The best transmit power (W) of every user to every server, in the shape of `snr`."""
    batch = snr.shape[:-2]
    flat = np.ascontiguousarray(snr, float).reshape(-1, snr.shape[-2] * snr.shape[-1])
    return np.asarray(_kernels.best_powers(flat, *limits(data, batch)).reshape(snr.shape))


def quick_powers(data: Data, snr: Array) -> np.ndarray:
    """`powers` to 1e-7 of themselves; a cost, which is least there, is off by the square of that.

    One step of Newton's method from the same start, for all entries at once, where that is
    enough: where w1 g / w2 is large. `powers` for the others.
    """
    batch = snr.shape[:-2]
    ratio, low, high = (value.reshape(*batch, 1, 1) for value in limits(data, batch))
    level = np.log(ratio * snr)
    beyond = np.maximum(level, LARGE) - 1.0
    s = beyond + 1.0 - np.log(beyond) * (1.0 - 1.0 / beyond)
    idle = np.exp(-s)
    lack = s - 1.0 + idle
    s += (level - np.log(lack) - s) / (1.0 + (1.0 - idle) / lack)
    power = np.clip((np.exp(s) - 1.0) / snr, low, high)
    if (small := level < LARGE).any():
        ends = (np.broadcast_to(value, snr.shape)[small] for value in (ratio, low, high))
        power[small] = _kernels.best_powers(snr[small][:, None], *ends)[:, 0]
    return np.asarray(power)


def limits(data: Data, batch: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """w1 / w2, the least and the largest power of every instance of a batch, flat."""
    values = (data["weight_delay"] / data["weight_energy"], data["power_min"], data["power_max"])
    ratio, low, high = (np.array(np.broadcast_to(v, batch), float).reshape(-1) for v in values)
    return ratio, low, high


def computing(data: Data) -> np.ndarray:
    """What a whole server's computing costs a user, a / F, (*batch, users, servers)."""
    return np.asarray(roots(data)[..., None] ** 2 / np.asarray(data["server_cpu"])[..., None, :])
