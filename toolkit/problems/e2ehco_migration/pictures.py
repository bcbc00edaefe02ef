"""Why a decision is good or bad: who is at which server when, who migrates, what is completed."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from toolkit.arrays import Data, Decision
from toolkit.problems._pictures import (
    HOME,
    MOST,
    STAR,
    Marks,
    Picture,
    Scale,
    heaviest,
    level,
    tone,
)

from . import _kernels
from .machine import counted, first_servers, sizes_of

if TYPE_CHECKING:
    from .problem import E2ehcoMigration

MOST_STRETCHES = 300  # of a user at a server
MOST_USERS = 30  # that have a line each
MOST_MAPPED = 12  # users whose way is drawn
MOST_STEPS = 40  # places of a way


class Played(NamedTuple):
    """Second by second, (seconds, users): the server (-1: none), who migrates, completions."""

    server: np.ndarray
    migrating: np.ndarray
    completed: np.ndarray


def played(data: Data, decision: Decision) -> Played:
    """The state machine that `judge` runs, looked at after every second."""
    (rate, upload), first = counted(data), first_servers(data)
    sizes = sizes_of(data, upload)
    seconds, users, servers = rate.shape
    whole, left, done = np.zeros((users, 6), np.int64), np.zeros((users, 5)), np.zeros(users)
    room, link = np.empty(servers), np.empty((servers, servers))
    out = np.empty((3, seconds, users))
    target = decision["target"].astype(np.int64) - 1
    _kernels.begin(first, whole, left, sizes)
    for t in range(seconds):
        asked = decision["cpu"][t], decision["bandwidth"][t], target[t]
        _kernels.second(rate[t], *asked, whole, left, room, link, done, sizes)
        out[0, t], out[2, t] = whole[:, _kernels.GROUP], done
        out[1, t] = whole[:, _kernels.STATE] == _kernels.MIGRATING
    return Played(out[0].astype(int), out[1] > 0, np.diff(out[2], axis=0, prepend=0.0))


def pictures(problem: "E2ehcoMigration", data: Data, decision: Decision) -> list[Picture]:
    """A line of time for every user, the map, loads and completions."""
    found = played(data, decision)
    users = [str(i + 1) for i in range(found.server.shape[1])]
    done = found.completed.sum(0)
    kept, said = heaviest(done, f"users the {MOST_USERS} with the most completions", MOST_USERS)
    names = [users[i] for i in kept]
    bars = Marks(label="completions", x=np.arange(len(kept)), y=done[kept])
    return [
        _timeline(Played(*(part[:, kept] for part in found)), names, said),
        _map(data),
        _doing(found),
        _connections(found, float(data["limit"]), len(data["site"])),
        Picture(
            title="Completed requests", x=Scale(label="user", names=names),
            y=Scale(label="completions"), marks=[bars], caption=said,
        ),
    ]  # fmt: skip


def _timeline(found: Played, names: list[str], said: str) -> Picture:
    """Who is at which server from when to when, migrations in grey, completions as points."""
    state = np.where(found.migrating, -2, found.server)
    user, begin, end, what = _stretches(state)
    until = len(state)
    if len(begin) > MOST_STRETCHES:
        until = max(1, int(np.sort(begin)[MOST_STRETCHES]))
        said = f"The first {until:,} of {len(state):,} seconds are drawn. {said}".strip()
    marks = []
    for k in np.unique(what):
        at = np.flatnonzero((what == k) & (begin < until))
        marks.append(
            Marks(
                label=f"server {k + 1}" if k >= 0 else "migrating", x=begin[at], y=user[at],
                x2=np.minimum(end[at], until), y2=user[at], style="segments", thick=True,
                category=tone(int(k)) if k >= 0 else HOME,
            )
        )  # fmt: skip
    when, who = np.nonzero(found.completed[:until])
    marks.append(Marks(label="completed", x=when, y=who, style="points", category=STAR))
    return Picture(
        title="Who is served by which server", x=Scale(label="time (s)"),
        y=Scale(label="user", names=names), marks=marks, caption=said,
    )  # fmt: skip


def _stretches(state: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """User, begin, end and what of every stretch of time in one state other than -1."""
    change = np.diff(state, axis=0, prepend=np.full((1, state.shape[1]), -9)) != 0
    user, begin = np.nonzero(change.T)
    end = np.append(begin[1:], 0)
    end[np.append(user[1:] != user[:-1], True)] = len(state)
    what = state[begin, user]
    there = what != -1
    return user[there], begin[there], end[there], what[there]


def _map(data: Data) -> Picture:
    """Where servers are and users go."""
    position, site = np.asarray(data["position"]), np.asarray(data["site"])
    users = min(position.shape[1], MOST_MAPPED)
    at = np.unique(np.linspace(0, len(position) - 1, MOST_STEPS).astype(int))
    marks = []
    for i in range(users):
        x, y = position[at, i].T
        label = f"user {i + 1}"
        marks.append(Marks(label=label, x=x, y=y, style="line", category=HOME, faint=True))
    for m, (x, y) in enumerate(site):
        marks.append(Marks(label=f"server {m + 1}", x=[x], y=[y], style="points", category=tone(m)))
    most = position.shape[1]
    said = f"Of {most:,} users the first {users} are drawn. " * (users < most)
    radius = float(data["radius"])
    said += f"A server reaches {radius:,.0f} m." * (radius < 1e6)
    return Picture(
        title="Map: where users go", x=Scale(label="x (m)"), y=Scale(label="y (m)"), marks=marks,
        caption=said.strip(),
    )  # fmt: skip


def _doing(found: Played) -> Picture:
    """How many users are connected, migrate or wait: every second, or some hundred times."""
    at = np.unique(np.linspace(0, len(found.server) - 1, 150).astype(int))
    away = found.migrating[at]
    there = (found.server[at] >= 0) & ~away
    kinds = {"connected": (there, 0), "migrating": (away, HOME), "waiting": (~there & ~away, 1)}
    marks = [
        Marks(label=name, x=at, y=members.sum(-1), style="step", category=category)
        for name, (members, category) in kinds.items()
    ]
    return Picture(
        title="What users are doing", x=Scale(label="time (s)"), y=Scale(label="users"), marks=marks
    )


def _connections(found: Played, limit: float, servers: int) -> Picture:
    """How full every server is, on average over the episode."""
    here = np.where(found.migrating, -1, found.server)
    mean = np.bincount(here[here >= 0], minlength=servers) / len(here)
    kept, said = heaviest(mean, f"servers the {MOST} with the most connections")
    marks = [
        Marks(label="mean", x=np.arange(len(kept)), y=mean[kept]),
        level("limit", limit, len(kept)),
    ]
    names = [str(m + 1) for m in kept]
    return Picture(
        title="Connections of every server", x=Scale(label="server", names=names),
        y=Scale(label="connections"), marks=marks, caption=said,
    )  # fmt: skip
