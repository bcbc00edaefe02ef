"""What every user of a decision spends: the one formula, NumPy and torch alike."""

from math import log
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
    there, used = _chosen(xp, data, server, decision.get("share"))
    away = xp.sqrt(
        (data["position"][..., 0] - there["x"]) ** 2 + (data["position"][..., 1] - there["y"]) ** 2
    )
    most = data["power_max"][..., None]
    power = xp.where(power > 0, power, FLOOR * most + 0 * power)
    snr = radio.gain(xp, data, away, 1) / data["noise"] * power
    off, nothing = server > 0, 0 * (server + power)
    upload = xp.where(off, data["bits"] / (data["bandwidth"] * (xp.log1p(snr) / LN2)), nothing)
    remote = xp.where(off, data["cycles"] / (there["share"] * there["cpu"]), nothing)
    local = xp.where(off, nothing, data["cycles"] / data["local_cpu"])
    burnt = xp.where(off, nothing, data["kappa"] * data["local_cpu"] ** 2 * data["cycles"])
    waited = data["idle_power"][..., None] * remote
    seconds = {"upload": upload, "remote": remote, "local": local}
    return {**seconds, "sent": power * upload, "waited": waited, "burnt": burnt}, used


def _chosen(
    xp: Any, data: Data, server: Array, share: Array | None
) -> tuple[dict[str, Array], Array | None]:
    """Place, CPU and share of every user's server; and the largest sum of shares of a server.

    Equal parts where `share` is None. Local users have a share and a CPU of 1 at the origin.
    """
    nothing = 0 * server
    found = {"x": nothing, "y": nothing, "cpu": nothing + 1, "share": nothing + 1}
    if share is not None:
        found["share"] = xp.where(share > 0, share, FLOOR + 0 * share)
    sums = []
    for m in range(data["site"].shape[-2]):
        here = server == m + 1
        for key, value in (("x", data["site"][..., m, 0]), ("y", data["site"][..., m, 1])):
            found[key] = xp.where(here, value[..., None] + nothing, found[key])
        cpu = data["server_cpu"][..., m, None] + nothing
        found["cpu"] = xp.where(here, cpu, found["cpu"])
        if share is None:
            count = xp.sum(xp.where(here, nothing + 1, nothing), axis=-1)[..., None]
            found["share"] = xp.where(
                here, 1 / (count + 0 * nothing + (count == 0)), found["share"]
            )
        else:
            # what is negative within the tolerance of the domain must not buy CPU for others
            sums.append(xp.sum(xp.where(here, positive(share), 0 * share), axis=-1))
    if share is None:
        return found, None
    return found, xp.max(xp.stack(sums, axis=-1), axis=-1)
