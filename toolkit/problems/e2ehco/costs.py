"""What every user of a decision spends: the one formula, NumPy and torch alike."""

from math import log, prod
from typing import Any

from toolkit.arrays import Array, Data, Decision, positive

from . import radio

FLOOR = 1e-12  # part of a server, or of the largest power, that counts where nothing is given
LN2 = log(2.0)


def spent(xp: Any, data: Data, decision: Decision) -> tuple[dict[str, Array], Array | None]:
    """What every user spends, each (*batch, users), and the fullest server's shares together.

    Seconds: upload, remote, local; joules: sent, waited, burnt. What a user does not do is 0.
    """
    server, power = decision["server"], decision["power"]
    index = _index(xp, server, data["site"].shape[-2])
    share, used = _shares(xp, data, index, decision.get("share"))
    most = data["power_max"][..., None]
    power = xp.where(power > 0, power, FLOOR * most + 0 * power)
    snr = _snr(xp, data, index) * power
    off, nothing = server > 0, 0 * (server + power)
    upload = xp.where(off, data["bits"] / (data["bandwidth"] * (xp.log1p(snr) / LN2)), nothing)
    cpu = _picked(xp, _behind(xp, data["server_cpu"], 1), index, 1)
    remote = xp.where(off, data["cycles"] / (share * cpu), nothing)
    local = xp.where(off, nothing, data["cycles"] / data["local_cpu"])
    burnt = xp.where(off, nothing, data["kappa"] * data["local_cpu"] ** 2 * data["cycles"])
    waited = data["idle_power"][..., None] * remote
    seconds = {"upload": upload, "remote": remote, "local": local}
    return {**seconds, "sent": power * upload, "waited": waited, "burnt": burnt}, used


def _index(xp: Any, server: Array, servers: int) -> Array:
    """Whole numbers of users' servers, from 1; 0 for who is local, or where there is none."""
    whole = xp.astype(xp.where((server > 0) & (server <= servers), server, 0 * server), xp.int64)
    return whole * (whole == server)


def _behind(xp: Any, value: Array, first: float) -> Array:
    """What servers have (*batch, servers), behind what stands for none of them."""
    return xp.concat([0 * value[..., :1] + first, value], axis=-1)


def _picked(xp: Any, table: Array, index: Array, axes: int) -> Array:
    """Entries of rows (*batch, columns), `axes` of whose last axes are columns and, before them,
    users where these have rows of their own: every user's, (*cases, users)."""
    lead = tuple(table.shape[:-1])
    rows = xp.reshape(xp.arange(prod(lead), dtype=index.dtype), lead if axes == 2 else (*lead, 1))
    at = rows * table.shape[-1] + index
    found = xp.take(xp.reshape(table, (-1,)), xp.reshape(at, (-1,)), axis=0)
    return xp.reshape(found, tuple(at.shape))


def _snr(xp: Any, data: Data, index: Array) -> Array:
    """Signal-to-noise ratio per watt of every user at its server, (*cases, users).

    Where there are more cases than servers, those of all pairs first. Users who have no server are
    as at the origin.
    """
    x, y = (_behind(xp, data["site"][..., axis], 0) for axis in (0, 1))
    pairs = x.shape[-1] * prod(data["bits"].shape)
    if prod(index.shape) >= pairs:
        site = xp.stack([x, y], axis=-1)[..., None, :, :]
        return _picked(xp, radio.snr_table(xp, data, site), index, 2)
    own = xp.stack([_picked(xp, part, index, 1) for part in (x, y)], axis=-1)
    return radio.snr_table(xp, data, own[..., None, :])[..., 0]


def _shares(xp: Any, data: Data, index: Array, share: Array | None) -> tuple[Array, Array | None]:
    """Of every user's server; and the largest sum of a server's. Equal parts where None is given:
    then there is no sum."""
    users = [index == m + 1 for m in range(data["site"].shape[-2])]
    if share is None:
        counts = [xp.sum(xp.astype(here, data["bits"].dtype), axis=-1) for here in users]
        return 1 / _picked(xp, _behind(xp, xp.stack(counts, axis=-1), 1), index, 1), None
    # what is negative within the tolerance of the domain must not buy CPU for others
    own = positive(share)
    sums = [xp.sum(here * own, axis=-1) for here in users]
    return xp.where(share > 0, share, FLOOR + 0 * share), xp.max(xp.stack(sums, axis=-1), axis=-1)
