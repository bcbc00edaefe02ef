"""What every user of a decision spends and breaks: the one formula, NumPy and torch alike.

`server` names a user's server from 1 on, 0 for local. With one server this is `cpdrl`'s formula,
operation by operation.
"""

from math import log
from typing import Any

from toolkit.arrays import Array, Data, Decision, at_most

FLOOR = 1e-12  # share of its maximum that a resource counts as where none is given


def spent(xp: Any, data: Data, one: Data, there: Data, decision: Decision) -> tuple[Array, Array]:
    """Delay (s) and energy (J) of every user, (1)-(9) at its own server, two arrays (*batch, n)."""
    offload, work = there["offload"], data["size"] * data["cycles"]
    bandwidth = _floored(xp, decision["bandwidth"], there["bandwidth"])
    power = _floored(xp, decision["power"], one["p_max"])
    frequency = _floored(xp, decision["frequency"], data["f_max"])
    rate = bandwidth * xp.log1p(power * there["gain"] / one["noise"]) / log(2.0)  # (3)
    upload = data["size"] / rate  # (5)
    delay = (1 - offload) * work / frequency + offload * (
        upload + work * there["users"] / there["f_server"]
    )  # (1)(7)(8)
    energy = (1 - offload) * one["kappa"] * work * frequency**2 + offload * (
        power * upload
    )  # (2)(6)(9)
    return delay, energy


def chosen(xp: Any, data: Data, decision: Decision) -> dict[str, Array]:
    """What users find at their servers, (*batch, n): offload (0 or 1), gain, f_server, bandwidth,
    the number of users there; of local users, the first server's. And `full` (*batch,): by how
    much the bandwidths of the fullest server exceed what it has."""
    server, share = decision["server"], decision["bandwidth"]
    nothing = 0 * (server + share)
    found = dict.fromkeys(("gain", "f_server", "bandwidth", "users"), nothing)
    full = xp.sum(nothing, axis=-1)
    for m in range(data["gain"].shape[-1]):
        here = server == m + 1 if m else server < 1.5  # the rounded 0 and 1
        on = xp.where(server == m + 1, nothing + 1, nothing)
        own = {
            "gain": data["gain"][..., m],
            "f_server": data["f_server"][..., m, None],
            "bandwidth": data["bandwidth"][..., m, None],
            "users": xp.sum(on, axis=-1)[..., None],
        }
        found = {key: xp.where(here, value + nothing, found[key]) for key, value in own.items()}
        have = data["bandwidth"][..., m]
        full = xp.maximum(full, at_most(xp.sum(share * on, axis=-1), have, have))
    return {**found, "offload": xp.where(server > 0, nothing + 1, nothing), "full": full}


def inconsistency(xp: Any, data: Data, one: Data, there: Data, decision: Decision) -> Array:
    """Per user, how far (11) is from holding: shares that must be zero, zeros that must not."""
    offload = there["offload"]
    bandwidth = decision["bandwidth"] / there["bandwidth"]
    power = decision["power"] / one["p_max"]
    frequency = decision["frequency"] / data["f_max"]

    def absent(share: Array) -> Array:
        return xp.where(share > 0, xp.zeros_like(share), xp.ones_like(share))

    local = abs(bandwidth) + abs(power) + absent(frequency)
    remote = abs(frequency) + absent(bandwidth) + absent(power)
    return (1 - offload) * local + offload * remote


def _floored(xp: Any, value: Array, most: Array) -> Array:
    """FLOOR of its maximum in place of nothing: an absent resource has a huge, finite cost."""
    return xp.where(value > 0, value, FLOOR * most + 0 * value)
