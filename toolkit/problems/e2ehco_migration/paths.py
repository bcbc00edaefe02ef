"""What the dynamic programmes of users need of an instance, and their compiled runs."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from toolkit.arrays import Data

from . import _dual_kernels as kernels
from .machine import counted, first_servers

GRID = 16  # parts of an upload where it does not go in blocks
MOST_PIECES = 12  # of a request's processing, for decisions
Rule = Literal["free", "never", "nearest"]
HAIR = 1e-9  # relative: kept free of a server's CPU, which is never given out whole


@dataclass(frozen=True, eq=False)
class Moves:
    """Ways to spend CPU: from state to state, the bytes that it takes, and where states begin."""

    states: int
    pairs: np.ndarray  # (n, 2)
    amount: np.ndarray  # (n,)
    span: np.ndarray  # (states + 1,)

    @classmethod
    def of(cls, states: int, known: list[tuple[int, int, float]]) -> "Moves":
        known = sorted(known)
        start = np.searchsorted([row[0] for row in known], np.arange(states + 1))
        pairs = np.array([row[:2] for row in known], np.int64).reshape(-1, 2)
        return cls(states, pairs, np.array([row[2] for row in known]), start.astype(np.int64))


def relaxed_moves(blocks: int, work: float, cpu: float) -> Moves:
    """Whole seconds of a server and one rest: at prices, no other split of the work is cheaper."""
    whole = int(work * (1 - HAIR) // cpu)
    rest = work - whole * cpu > HAIR * work
    number = {
        left: blocks + i
        for i, left in enumerate(sorted(_parts(whole, rest), key=lambda p: (-sum(p), p)))
    }
    known = []
    for (a, b), at in number.items():
        if a:
            known.append((at, number[a - 1, b], cpu))
        if b:
            known.append((at, number[a, b - 1], work - whole * cpu))
    return Moves.of(blocks + len(number), known)


def _parts(whole: int, rest: bool) -> Iterator[tuple[int, int]]:
    """(whole seconds, rests) that may be left."""
    for a in range(whole + 1):
        for b in range(1 + rest):
            yield a, b


def strict_moves(blocks: int, work: float, cpu: float) -> Moves:
    """Equal pieces of the work, as many as fill a server best, one or more a second."""
    room = cpu * (1 - HAIR)
    fits = {q: int(room * q / work) for q in range(1, MOST_PIECES + 1)}
    least = int(np.ceil(work / room))
    fits = {q: n for q, n in fits.items() if n} or {least: 1}
    pieces = max(fits, key=lambda q: (fits[q] / q, -q))
    each = work / pieces * (1 + 1e-12)
    known = [
        (blocks + i, blocks + i + n, n * each)
        for i in range(pieces)
        for n in range(1, min(fits[pieces], pieces - i) + 1)
    ]
    return Moves.of(blocks + pieces + 1, known)


@dataclass(eq=False)
class Costs:
    """What users pay, or have paid: of places, CPU (a byte) and migrations."""

    place: np.ndarray  # (seconds, servers)
    cpu: np.ndarray  # (seconds, servers)
    road: np.ndarray  # (seconds, servers, servers)

    @classmethod
    def zeros(cls, seconds: int, servers: int) -> "Costs":
        return cls(
            np.zeros((seconds, servers)),
            np.zeros((seconds, servers)),
            np.zeros((seconds, servers, servers)),
        )


@dataclass(frozen=True, eq=False)
class Path:
    """One user's way through an episode."""

    worth: float  # completions less what was paid
    done: int
    asked: np.ndarray  # (seconds,) bytes of CPU; -1: it does not want to be let in
    target: np.ndarray  # (seconds,) servers from 0; -1: the next that is named
    where: np.ndarray  # (seconds,) the server where it has a place; -1: none
    moving: np.ndarray  # (seconds,) whether it sends its migration


@dataclass(eq=False)
class Network:
    """An instance as the programmes see it.

    By the rule "never" nobody migrates; by "nearest" a user has places at the nearest server alone,
    so that a request migrates or is given up where another one becomes the nearest.
    """

    data: Data
    rule: Rule = "free"
    reach: np.ndarray = field(init=False)  # (users, seconds, servers) blocks a second
    first: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        data = self.data
        rate, upload = counted(data)
        if not data["block"] > 0:
            rate, upload = np.ceil(rate * (1 + HAIR) / upload * GRID), GRID
        self.blocks = int(upload)
        self.reach = np.ascontiguousarray(
            np.minimum(rate, self.blocks).transpose(1, 0, 2).astype(np.int64)
        )
        self.first = first_servers(data)
        self.users, self.seconds, self.servers = self.reach.shape
        self.tail = int(np.ceil(float(data["download"]) / float(data["receive"])))
        self.places = int(np.floor(float(data["limit"])))
        self.cpu, self.work = float(data["server_cpu"]), float(data["process"])
        upper = np.triu(np.ones((self.servers, self.servers), bool))
        links = np.where(upper, float(data["link"]), float(data["link_back"]))
        np.fill_diagonal(links, 0.0)
        self.roads = links / float(data["migrate"])  # migrations a second
        patience = int(np.ceil(float(data["patience"])))
        self._plan = [self.blocks, self.tail, patience, 0, 0]
        self.relaxed = relaxed_moves(self.blocks, self.work, self.cpu)
        self.strict = strict_moves(self.blocks, self.work, self.cpu)

    def _ruled(self, user: int, costs: Costs) -> Costs:
        """The costs, infinite where the rule forbids."""
        if self.rule == "never":
            return Costs(costs.place, costs.cpu, np.full_like(costs.road, np.inf))
        if self.rule == "nearest":
            away = ((self.data["position"][:, user, None] - self.data["site"]) ** 2).sum(-1)
            nearest = np.arange(self.servers) == away.argmin(-1)[:, None]
            return Costs(np.where(nearest, costs.place, np.inf), costs.cpu, costs.road)
        return costs

    def best(
        self,
        user: int,
        costs: Costs,
        apart: np.ndarray,
        spent: Costs,
        left: np.ndarray | None = None,
    ) -> Path:
        """A best path of a user at these costs; what it uses is added to `spent`.

        With the CPU that is `left` (seconds, servers) it is a plan for a decision.
        """
        strict, costs = left is not None, self._ruled(user, costs)
        moves = self.strict if strict else self.relaxed
        plan = np.array(self._plan, np.int64)
        plan[kernels.FIRST], plan[kernels.STRICT] = self.first[user], strict
        shape = (self.seconds + 1, self.servers, moves.states)
        points: tuple[Any, ...] = (
            np.empty(shape),
            np.empty(shape),
            np.empty((shape[0], self.servers, *shape[1:])),
            np.empty(self.seconds + 1),
        )
        room = np.full_like(costs.cpu, np.inf) if left is None else left
        given = (self.reach[user], costs.place, apart, costs.cpu, room, costs.road)
        known = (*given, moves.pairs, moves.amount, moves.span, plan, *points)
        worth = kernels.values(*known)
        asked = np.empty(self.seconds)
        target, where = np.empty((2, self.seconds), np.int64)
        roads = spent.road.sum((1, 2))
        done = kernels.follow(*known, spent.place, spent.cpu, spent.road, asked, target, where)
        return Path(worth, done, asked, target, where, spent.road.sum((1, 2)) > roads)
