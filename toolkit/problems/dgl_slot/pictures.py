"""Why a decision is good or bad: who is served where, with what shares, and how content it is."""

from typing import TYPE_CHECKING

import numpy as np

from toolkit.arrays import Data, Decision
from toolkit.problems._pictures import MOST, Marks, Picture, Scale, Users, tone

from .costs import loads, served, spent

if TYPE_CHECKING:
    from .problem import DglSlot

HOW = {0: "on the device", 1: "own cell's server", 2: "another server", 3: "passed to the cloud"}


def how(data: Data, target: np.ndarray) -> np.ndarray:
    """How a request is served, a key of HOW: (*batch, users)."""
    own, cached = target == data["cell"] + 1, served(np, data, target) > 0
    return np.asarray(np.where(target <= 0, 0, np.where(~cached, 3, np.where(own, 1, 2))))


def pictures(problem: "DglSlot", data: Data, decision: Decision) -> list[Picture]:
    """Delays, contentment and shares of the users; what servers have cached, and how full they
    are."""
    each, off = spent(np, data, decision), decision["target"] > 0
    kind = how(data, decision["target"])
    users = Users.of(kind, HOW, each["delay"], "the largest delay")
    given = {"band of the cell": decision["bandwidth"] * off, "server's CPU": decision["cpu"] * off}
    return [
        users.bars("Delay, by where a request is served", "delay (s)", each["delay"]),
        users.stacked(
            "What every user adds to the objective",
            "quality of experience",
            {"delay saved": each["time"], "energy saved": each["effort"]},
        ),
        users.compared("What everybody is given", "share of all", given),
        _caches(data, decision["target"]),
        _loads(data, decision),
    ]


def _caches(data: Data, target: np.ndarray) -> Picture:
    """What servers have cached; in words how many of those who go there ask for it."""
    marks = []
    for m, cached in enumerate(data["cached"]):
        asked = data["service"][target == m + 1]
        have = np.flatnonzero(cached > 0)
        told = [f"{int((asked == k).sum())} requests sent here" for k in have]
        marks.append(
            Marks(
                label=f"server {m + 1}", x=have, y=np.full(len(have), m), style="points",
                texts=told, category=tone(m),
            )
        )  # fmt: skip
    services, servers = (range(data["cached"].shape[k]) for k in (1, 0))
    return Picture(
        title="What servers have cached",
        x=Scale(label="service", names=[str(k + 1) for k in services]),
        y=Scale(label="server", names=[str(m + 1) for m in servers]),
        marks=marks,
    )


def _loads(data: Data, decision: Decision) -> Picture:
    """How much of every cell's band and every server's CPU is given out."""
    held = loads(np, data, decision)
    servers = min(len(data["cached"]), MOST // 2)
    marks = [
        Marks(label=label, x=2 * np.arange(servers) + k, y=held[key][:servers], category=tone(k))
        for k, (key, label) in enumerate((("band", "bands of cells"), ("cpu", "CPUs of servers")))
    ]
    names = [f"{what} {m + 1}" for m in range(servers) for what in ("band", "CPU")]
    most = len(data["cached"])
    return Picture(
        title="How full cells and servers are", x=Scale(label="", names=names),
        y=Scale(label="share given out"), marks=marks,
        caption=f"Of {most} servers the first {servers} are drawn." * (servers < most),
    )  # fmt: skip
