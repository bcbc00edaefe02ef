"""What every user of a slot spends and how content it is: the one formula, NumPy and torch alike.

All arrays may have any leading axes that broadcast: instances, choices, steps and slots. A number
of an instance (a batch of them) has its own leading axes only.
"""

from math import log
from typing import Any, NamedTuple

from toolkit.arrays import Array, Data, Decision

FLOOR = 1e-12  # the share that counts where nothing is given
LN2 = log(2.0)


def rate(xp: Any, data: Data, share: Array) -> Array:
    """bit/s of users who have these shares of their cell's band.

    b W log2(1 + snr) where the noise is that of the whole band; b W log2(1 + snr / b) where it is
    that of the part in use.
    """
    band = share * data["bandwidth"][..., None]
    if noise_is_fixed(data):
        return band * data["efficiency"]
    snr, fixed = xp.expm1(data["efficiency"] * LN2), data["noise_fixed"][..., None]
    return band * (xp.log1p(snr / (fixed + (1 - fixed) * share)) / LN2)


def upload(xp: Any, data: Data, share: Array) -> Array:
    """Seconds of sending with these shares."""
    if noise_is_fixed(data):
        return data["bits"] / rate(xp, data, 1 + 0 * data["bits"]) / share
    return data["bits"] / rate(xp, data, share)


def noise_is_fixed(data: Data) -> bool:
    """Whether the noise is that of the whole band in all instances."""
    return bool((data["noise_fixed"] == 1).all())


def references(xp: Any, data: Data) -> tuple[Array, Array, Array]:
    """What delays and energies are measured by: T (s), E (J); and the energy of computing locally.

    E is what sending costs where every user has as much bandwidth as any other, or what computing
    costs where that is more (2.3 of the formulation).
    """
    cpu = data["local_cpu"][..., None]
    burnt = data["kappa"][..., None] * cpu**2 * data["cycles"]
    equal = data["cached"].shape[-2] / data["bits"].shape[-1] + 0 * data["bits"]
    sent = data["energy_power"][..., None] * data["bits"] / rate(xp, data, equal)
    return data["cycles"] / cpu, xp.maximum(sent, burnt), burnt


def reach(xp: Any, data: Data) -> Array:
    """1 where a server has cached what a user asks for, else 0: (*batch, servers, users)."""
    return data["cached"] @ _marked(xp, data["service"], data["cached"].mT)


def cells(xp: Any, data: Data) -> Array:
    """1 where a user is of a cell, else 0: (*batch, servers, users)."""
    return _marked(xp, data["cell"], data["cached"])


def _marked(xp: Any, value: Array, like: Array) -> Array:
    """1 where a whole number (*batch, n) is the row of `like`, from 0: (*batch, rows, n)."""
    index = xp.arange(like.shape[-2], dtype=like.dtype)
    return xp.astype(value[..., None, :] == index[:, None], like.dtype)


def cloud(data: Data) -> Array:
    """Seconds of a detour over the cloud, (*batch, users)."""
    wired = data["bits"] / data["cloud_rate"][..., None]
    return wired + data["cycles"] / data["cloud_cpu"][..., None] + data["cloud_delay"][..., None]


def sums(xp: Any, value: Array, member: Array) -> Array:
    """Of each group, (*batch, groups), from (*batch, n) and members (*batch, groups, n).

    Row by row, not as a product of matrices: there equal decisions could differ in the last bit.
    """
    groups = range(member.shape[-2])
    return xp.stack([xp.vecdot(value, member[..., g, :]) for g in groups], axis=-1)


def handed(xp: Any, value: Array, member: Array) -> Array:
    """To each member the value (*batch, groups) of its only group, else 0: (*batch, n).

    Decisions along an axis on which all data are the same are one product of matrices.
    """
    if member.shape[-2] == 1:
        return value * member[..., 0, :]
    value = xp.astype(value, xp.result_type(value, member))
    member = xp.astype(member, value.dtype)
    if member.ndim == 2:
        return value @ member
    if member.shape[-3] == 1 and value.ndim > 1:
        return value @ member[..., 0, :, :]
    return (value[..., None, :] @ member)[..., 0, :]


def picked(xp: Any, target: Array, servers: int) -> list[Array]:
    """For every server 1 where it is a user's target, else 0: (*batch, users) each."""
    return [xp.astype(target == m + 1, target.dtype) for m in range(servers)]


class Uses(NamedTuple):
    """What offloading takes of every user, (*batch, users); all 0 for who stays at home."""

    off: Array  # 1 for who offloads
    upload: Array  # seconds of sending
    edge: Array  # seconds on a server that has cached the service
    passed: Array  # 1 where the cloud has to compute


def uses(xp: Any, data: Data, decision: Decision, chosen: list[Array] | None = None) -> Uses:
    """The formula; what users spend, and what that is worth, is linear in it. `chosen` is what
    `picked` says of the targets, if that is at hand."""
    target, least = decision["target"], FLOOR + 0 * data["bits"]
    off, cached = xp.astype(target > 0, target.dtype), served(xp, data, target, chosen)
    alone = data["cycles"] / data["server_cpu"][..., None]
    return Uses(
        off,
        off * upload(xp, data, xp.maximum(decision["bandwidth"], least)),
        # who is not served may have no share of the CPU
        cached * (alone / xp.maximum(decision["cpu"], least)),
        off - cached,
    )


def spent(xp: Any, data: Data, decision: Decision) -> dict[str, Array]:
    """Of every user, (*batch, users): "delay" (s), "energy" (J), and what they are worth, "time"
    and "effort": weighted parts of the references that are saved, whose sum is the user's QoE.
    """
    late, most, burnt = references(xp, data)
    used = uses(xp, data, decision)
    home = 1 - used.off
    delay = used.upload + used.edge + used.passed * cloud(data) + home * late
    energy = data["energy_power"][..., None] * used.upload + home * burnt
    return {
        "delay": delay,
        "energy": energy,
        "time": data["weight_delay"][..., None] * ((late - delay) / late),
        "effort": data["weight_energy"][..., None] * ((most - energy) / most),
    }


def judged(xp: Any, data: Data, decision: Decision) -> tuple[dict[str, Array], dict[str, Array]]:
    """What `saved` and `loads` say."""
    chosen = picked(xp, decision["target"], data["cached"].shape[-2])
    return saved(xp, data, decision, chosen), loads(xp, data, decision, chosen)


def saved(
    xp: Any, data: Data, decision: Decision, chosen: list[Array] | None = None
) -> dict[str, Array]:
    """The sums over users of "time" and "effort" of `spent`, (*batch,)."""
    late, most, burnt = references(xp, data)
    used, power = uses(xp, data, decision, chosen), data["energy_power"][..., None]
    gone = xp.sum(used.off, axis=-1) - xp.vecdot(used.upload + used.edge, 1 / late)
    sent = xp.vecdot(used.off, burnt / most) - xp.vecdot(used.upload, power / most)
    detour = xp.vecdot(used.passed, cloud(data) / late)
    home = xp.sum((most - burnt) / most, axis=-1)
    return {
        "time": data["weight_delay"] * (gone - detour),
        "effort": data["weight_energy"] * (home + sent),
    }


def loads(
    xp: Any, data: Data, decision: Decision, chosen: list[Array] | None = None
) -> dict[str, Array]:
    """Sums of the offloaders' shares, of each cell ("band") and each server ("cpu"), (*batch,
    servers). Negative ones count as nothing."""
    target, nothing = decision["target"], 0 * data["bits"]
    band, cpu = (xp.maximum(decision[key], nothing) for key in ("bandwidth", "cpu"))
    chosen = chosen or picked(xp, target, data["cached"].shape[-2])
    return {
        "band": sums(xp, xp.astype(target > 0, band.dtype) * band, cells(xp, data)),
        "cpu": xp.stack([xp.vecdot(here, cpu) for here in chosen], axis=-1),
    }


def served(xp: Any, data: Data, target: Array, chosen: list[Array] | None = None) -> Array:
    """1 where a user's target has cached its service, else 0: (*batch, users)."""
    known, chosen = reach(xp, data), chosen or picked(xp, target, data["cached"].shape[-2])
    found = chosen[0] * known[..., 0, :]
    for m, here in enumerate(chosen[1:], 1):
        found = found + here * known[..., m, :]
    return found
