"""Why a decision is good or bad: when servers and devices are busy with what, and what waits."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from toolkit.arrays import Data, Decision
from toolkit.problems._pictures import (
    CROSS,
    HOME,
    Marks,
    Picture,
    Scale,
    by_kind,
    heaviest,
    places,
    tone,
)

from . import _queue_kernels as kernels
from .queues import Tables

if TYPE_CHECKING:
    from .problem import A3c

MOST_TASKS = 200  # that are drawn one by one
MOST_LANES = 24  # devices
MOST_TIMES = 120


@dataclass(frozen=True)
class Played:
    """The tasks of an episode after a decision, each (tasks,): seconds, and where they ran."""

    device: np.ndarray
    where: np.ndarray  # 0 on the device, s + 1 on server s
    home: np.ndarray  # the own server, from 1
    came: np.ndarray
    ready: np.ndarray  # when it is at its server
    began: np.ndarray
    done: np.ndarray

    @property
    def delay(self) -> np.ndarray:
        return np.asarray(self.done - self.came)

    @classmethod
    def of(cls, data: Data, target: np.ndarray) -> "Played":
        """From the same queues as `judge`."""
        tables = Tables.of(data)
        done = tables.play(target, times=True)[1].ravel()
        at = np.flatnonzero(np.asarray(data["has"]).ravel() > 0.5)
        cell, home = tables.cells[0][:, at], tables.homes[0][at]
        where = np.rint(target.ravel()[at]).astype(int)
        speed = np.asarray(data["server_cpu"])[np.maximum(where, 1) - 1]
        took = np.where(where > 0, cell[kernels.CYCLES] / speed, cell[kernels.LOCAL])
        arrived = np.where(where == home, cell[kernels.OWN], cell[kernels.FAR])
        came = cell[kernels.START]
        return cls(
            device=at % target.shape[-1],
            where=where,
            home=home,
            came=came,
            ready=np.where(where > 0, arrived, came),
            began=done[at] - took,
            done=done[at],
        )


def pictures(problem: "A3c", data: Data, decision: Decision) -> list[Picture]:
    """Gantt charts of servers and devices, the delay of every task, and what waits."""
    played = Played.of(data, decision["target"])
    late = played.delay > data["tolerance"]
    servers = len(data["server_cpu"])
    gantt = [
        _servers(played, late, servers),
        _devices(played, late, decision["target"].shape[-1]),
    ]
    return [
        *(picture for picture in gantt if picture.marks),
        _delays(played, float(data["tolerance"]), servers),
        _backlog(played, servers),
    ]


def _servers(played: Played, late: np.ndarray, servers: int) -> Picture:
    """Every server's tasks by the region that they come from."""
    at = np.flatnonzero(played.where > 0)
    names = {k: f"from region {k}" for k in range(1, servers + 1)}
    return _gantt(
        "Servers: tasks by the region they come from", played, late, at, played.where[at] - 1,
        played.home[at], names, Scale(label="server", names=_counted(servers)),
    )  # fmt: skip


def _devices(played: Played, late: np.ndarray, devices: int) -> Picture:
    """What devices compute themselves."""
    local = played.where == 0
    busy = np.bincount(played.device[local], minlength=devices)
    kept, _ = heaviest(busy, "devices", MOST_LANES)
    at = np.flatnonzero(local & np.isin(played.device, kept))
    lane = np.searchsorted(kept, played.device[at])
    names = [str(i + 1) for i in kept]
    return _gantt(
        "Devices: tasks that they compute themselves", played, late, at, lane,
        np.zeros(len(at), int), {0: "on the device"}, Scale(label="device", names=names),
    )  # fmt: skip


def _counted(number: int) -> list[str]:
    return [str(k + 1) for k in range(number)]


def _gantt(
    title: str,
    played: Played,
    late: np.ndarray,
    at: np.ndarray,
    lane: np.ndarray,
    kind: np.ndarray,
    names: dict[int, str],
    y: Scale,
) -> Picture:
    """A bar a task from its start to its end on its lane, the late ones with a mark at the end."""
    first = np.argsort(played.began[at], kind="stable")[:MOST_TASKS]
    said = f"Of {len(at):,} tasks the first {MOST_TASKS} are drawn." * (len(at) > MOST_TASKS)
    at, lane, kind = at[first], lane[first], kind[first]
    marks = []
    for k, name in names.items():
        own = np.flatnonzero(kind == k)
        if not len(own):
            continue
        task = at[own]
        told = [f"device {played.device[c] + 1}, came at {played.came[c]:g} s" for c in task]
        marks.append(
            Marks(
                label=name, x=played.began[task], y=lane[own], x2=played.done[task], y2=lane[own],
                style="segments", thick=True, category=tone(k - 1) if k else HOME,
                texts=told,
            )
        )  # fmt: skip
    behind = np.flatnonzero(late[at])
    if len(behind):
        marks.append(
            Marks(
                label="late", x=played.done[at[behind]], y=lane[behind], style="points",
                category=CROSS,
            )
        )  # fmt: skip
    return Picture(title=title, x=Scale(label="time (s)"), y=y, marks=marks, caption=said)


def _delays(played: Played, tolerance: float, servers: int) -> Picture:
    """The delay of every task by when it came."""
    kept, said = heaviest(
        played.delay, f"tasks the {MOST_TASKS} with the largest delay", MOST_TASKS
    )
    told = [f"device {i + 1}" for i in played.device[kept]]
    marks = by_kind(
        played.where[kept], places(servers), played.came[kept], played.delay[kept], "points", told
    )
    ends = [played.came.min(initial=0.0), played.came.max(initial=0.0)]
    marks.append(Marks(label="tolerance", x=ends, y=[tolerance] * 2, style="line", category=HOME))
    return Picture(
        title="Delay of every task", x=Scale(label="when it came (s)"),
        y=Scale(label="delay (s)"), marks=marks, caption=said,
    )  # fmt: skip


def _backlog(played: Played, servers: int) -> Picture:
    """Tasks that wait or are being computed, at servers and at all devices together."""
    times = np.linspace(0, float(played.done.max(initial=1.0)), MOST_TIMES)
    marks = []
    for k, name in places(servers, "all devices").items():
        own = played.where == k
        came, left = (np.sort(part[own]) for part in (played.ready, played.done))
        inside = np.searchsorted(came, times, "right") - np.searchsorted(left, times, "right")
        category = tone(k - 1) if k else HOME
        marks.append(Marks(label=name, x=times, y=inside, style="step", category=category))
    return Picture(
        title="What is there and not done", x=Scale(label="time (s)"), y=Scale(label="tasks"),
        marks=marks,
    )  # fmt: skip
