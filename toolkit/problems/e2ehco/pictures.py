"""Why a decision is good or bad: who goes to which server, how full these are, what it costs."""

from typing import TYPE_CHECKING

import numpy as np

from toolkit.arrays import Data, Decision
from toolkit.problems._pictures import HOME, STAR, Marks, Picture, Scale, Users, places, tone

from .costs import spent

if TYPE_CHECKING:
    from .problem import E2ehco


def pictures(problem: "E2ehco", data: Data, decision: Decision) -> list[Picture]:
    """A map, what delays and energies are made of, and the servers' loads."""
    each, _ = spent(np, data, decision)
    server, delay = decision["server"].astype(int), each["upload"] + each["remote"] + each["local"]
    names = places(len(data["site"]))
    users = Users.of(server, names, delay, "the largest delay")
    seconds = {
        "upload": each["upload"],
        "at the server": each["remote"],
        "on the device": each["local"],
    }
    joules = {"sending": each["sent"], "waiting": each["waited"], "computing": each["burnt"]}
    given = {"power": decision["power"] / data["power_max"] * (server > 0)}
    if "share" in decision:
        given["server's CPU"] = decision["share"] * (server > 0)
    return [
        travel_map("Map: who goes to which server", users, data["position"], data["site"]),
        users.stacked("What delays are made of", "delay (s)", seconds),
        users.stacked("What energies are made of", "energy (J)", joules),
        users.compared("What everybody is given", "share of the largest", given),
        _loads(server, decision.get("share"), len(data["site"])),
    ]


def travel_map(title: str, users: Users, position: np.ndarray, site: np.ndarray) -> Picture:
    """Users, servers, and lines from one to the other in the colour of the server."""
    at, kind = position[users.kept], users.kind
    marks = []
    for k in range(1, len(site) + 1):
        here, there = at[kind == k], site[k - 1]
        if len(here):
            end = np.broadcast_to(there, here.shape).T
            marks.append(
                Marks(
                    label=f"to server {k}", x=here[:, 0], y=here[:, 1], x2=end[0], y2=end[1],
                    style="segments", category=tone(k - 1), faint=True,
                )
            )  # fmt: skip
    told = [f"server {m + 1}" for m in range(len(site))]
    marks += users.split(at[:, 0], at[:, 1], "points")
    marks.append(
        Marks(
            label="servers", x=site[:, 0], y=site[:, 1], style="points", texts=told, category=STAR
        )
    )
    axes = Scale(label="x (m)"), Scale(label="y (m)")
    return Picture(title=title, x=axes[0], y=axes[1], marks=marks, caption=users.said)


def _loads(server: np.ndarray, share: np.ndarray | None, servers: int) -> Picture:
    """How many users each server has, and how many stay at home."""
    count = np.bincount(server, minlength=servers + 1)
    names = ["on the device", *(f"server {m + 1}" for m in range(servers))]
    marks = [Marks(label="users", x=np.arange(servers + 1), y=count, category=HOME)]
    said = "Every server's CPU is split equally among its users."
    if share is not None:
        used = np.bincount(server, share, minlength=servers + 1)[1:]
        parts = ", ".join(f"{100 * part:.3g} %" for part in used)
        said = f"Of the servers' CPUs {parts} are given out."
    return Picture(
        title="Users of every server", x=Scale(label="", names=names), y=Scale(label="users"),
        marks=marks, caption=said,
    )  # fmt: skip
