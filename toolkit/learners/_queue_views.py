"""What learners of queues see: of one task at a time, or of all devices of a slot at once.

Both views have an axis of entities: the one task, or the devices. Every entity picks a mode, 0 its
device, 1 its own server, 2 the other server with the least work, as the problem's dynamics number
them; further servers are not looked at.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, Protocol, cast, runtime_checkable

import numpy as np

from toolkit.arrays import Data, Decision
from toolkit.problems import Dynamics, Problem

MODES = 3
SEEN_SERVERS = MODES - 1
TRACES = (0.5, 0.8, 0.95)  # discounts, by slot, of what comes later; critics alone may know that
LATER = SEEN_SERVERS * len(TRACES)
HEADS = {"task": "one decision a task, in turn", "slot": "all devices of a slot at once"}
GLOBAL = ("slot", "left", "density", "local_work", "work")
EACH = (
    *("has", "upload", "local_time", "server_time", "local_energy", "send_energy"),
    *("server", "marginal", "delay", "allowed"),
)


@runtime_checkable
class HasQueues(Protocol):
    """Knows episodes of tasks that queue at their devices or at the servers of regions.

    Its timescales are `task` and `slot`, its observations have what GLOBAL and EACH name.
    """

    regions: tuple[int, ...]
    slots: int
    cycles: float  # of a task, on average
    density: float
    forwarding: str
    timescales: Mapping[str, str]
    rewards: Mapping[str, str]

    def dynamics(
        self, data: Data, scale: str = ..., *, reward: str = ..., burst: Any = ...
    ) -> Dynamics:
        """Episodes of a batch of instances."""


class Seen(NamedTuple):
    """Of every entity, (rows, entities, …)."""

    x: np.ndarray  # (…, features), float32
    marginal: np.ndarray  # (…, MODES): what each mode adds to the cost of all
    allowed: np.ndarray  # (…, MODES) bool
    active: np.ndarray  # (…) bool: there is a task
    slot: np.ndarray  # (rows,), the number of slots once a row's tasks are decided
    later: np.ndarray  # (…, LATER) float32: what critics are told of the future, if they are


def refusal(problem: Problem) -> str | None:
    """Why a learner of queues cannot take a problem, or None."""
    if isinstance(problem, HasQueues):
        return None
    return "the problem has no queues of devices and servers that are decided task by task"


def spread(problem: Problem, densities: Sequence[float]) -> Problem:
    """The problem, its episodes' densities uniform between two; as it is where none are given."""
    if not densities:
        return problem
    low, high = densities
    return replace(problem, density=low, density_to=high)  # type: ignore[call-arg]


class View:
    """Episodes as a learner sees and decides them."""

    def __init__(
        self,
        problem: Problem,
        data: Data,
        heads: str,
        reward: str = "cost",
        burst: tuple[int, int] | None = None,
        modes: int = MODES,
        tell: bool = False,
    ) -> None:
        """`modes` limits the choice to the first ones; with `tell` critics are told the future."""
        assert isinstance(problem, HasQueues)
        self.play: Any = problem.dynamics(data, heads, reward=reward, burst=burst)
        self.data, self.modes, self.single = data, modes, heads == "task"
        self._names = (*GLOBAL, *EACH, *(("device", "coming") if self.single else ()))
        self._rows = np.arange(len(data["slot"]))[:, None]
        self._unit = data["slot"][:, None]  # s
        self._slots = data["has"].shape[1]
        servers = data["server_cpu"].shape[-1]
        self._home = (data["region"][:, :, None] == np.arange(servers)) * 1.0  # (rows, U, servers)
        size = self._home.sum(1)
        self._members = np.maximum(1, size)
        work = problem.cycles * size / data["server_cpu"] / self._unit
        self._demand = data["density"][:, None] * work  # of servers, by their regions' new tasks
        self._later = later(data) if tell else None
        self._seen: Seen | None = None

    @property
    def over(self) -> bool:
        return bool(self.play.at >= self.play.steps)

    def see(self) -> Seen:
        """What is to decide now."""
        if self._seen is None:
            self._seen = self._look()
        return self._seen

    def _look(self) -> Seen:
        found: dict[str, np.ndarray] = self.play.observe(*self._names)
        if self.single:
            each = {key: found[key][:, None] for key in EACH}
            here = np.take_along_axis(found["local_work"], found["device"][:, None].astype(int), 1)
        else:
            each, here = {key: found[key] for key in EACH}, found["local_work"]
        each["allowed"] = each["allowed"] * (np.arange(each["allowed"].shape[-1]) < self.modes)
        server = each["server"].astype(int)[..., :SEEN_SERVERS]
        marginal, allowed = (_padded(each[key]) for key in ("marginal", "allowed"))
        active = each["has"] > 0
        parts = [*self._general(found, server), *_own(each, here, self._unit[..., None])]
        if self.single:
            parts.append(
                np.log1p(_padded(found["coming"][:, None], SEEN_SERVERS) / self._unit[..., None])
            )
        x, slot = np.concatenate(parts, axis=-1).astype(np.float32), found["slot"].astype(int)
        return Seen(x, marginal, allowed > 0, active, slot, self._told(slot, server))

    def _told(self, slot: np.ndarray, server: np.ndarray) -> np.ndarray:
        """(rows, entities, LATER) in the order of modes."""
        rows, entities = server.shape[:2]
        if self._later is None:
            return np.zeros((rows, entities, LATER), np.float32)
        known = self._later[self._rows[:, 0], slot]  # (rows, servers, traces)
        flat = known[self._rows[..., None], server].reshape(rows, entities, -1)
        return _padded(flat, LATER).astype(np.float32)

    def _general(self, found: dict[str, np.ndarray], server: np.ndarray) -> list[np.ndarray]:
        """Of the episode, and of the servers that an entity sees, (rows, entities, …) each."""
        rows, entities = server.shape[:2]
        once = np.stack([found["left"], found["density"]], axis=-1)[:, None]
        kept = found["local_work"] / self._unit
        home = np.moveaxis(self._home, 1, 2)  # (rows, servers, U)
        means = [(home @ some[..., None])[..., 0] / self._members for some in (kept, kept < 0.5)]
        work = found["work"]
        # of a task they are in its order of servers already
        ordered = work[:, None, :SEEN_SERVERS]
        loads = ordered if self.single else work[self._rows[..., None], server]
        near = [some[self._rows[..., None], server] for some in (*means, self._demand)]
        near[0] = np.log1p(near[0])
        flat = np.log1p(loads / self._unit[:, None, None]).reshape(rows, entities, -1)
        shaped = [np.broadcast_to(once, (rows, entities, 2))]
        return [
            *shaped,
            *(_padded(some, SEEN_SERVERS) for some in near),
            _padded(flat, 3 * SEEN_SERVERS),
        ]

    def step(self, mode: np.ndarray) -> np.ndarray:
        """Decides modes (rows, entities); what that pays, (rows,)."""
        self._seen, chosen = None, mode[:, 0] if self.single else mode
        action = self.play.consistent({"mode": chosen})
        return cast(np.ndarray, self.play.step(action))


Pick = Callable[[View], np.ndarray]  # modes (rows, entities)


def followed(view: View, pick: Pick) -> Decision:
    """The whole decision, (rows, 1, …), of modes that are picked one after another."""
    while not view.over:
        view.step(pick(view))
    return {name: block[:, None] for name, block in view.play.decision().items()}


def _own(each: dict[str, np.ndarray], here: np.ndarray, unit: np.ndarray) -> list[np.ndarray]:
    """Of the entities themselves."""
    times = np.stack([here, each["upload"], each["local_time"]], axis=-1) / unit
    served = _padded(each["server_time"], SEEN_SERVERS) / unit
    joules = np.stack([each["local_energy"], each["send_energy"]], axis=-1)
    cost, delay = _padded(each["marginal"]), _padded(each["delay"]) / unit
    least = np.where(_padded(each["allowed"]) > 0, cost, np.inf).min(-1, keepdims=True)
    above = cost - np.where(np.isfinite(least), least, 0.0)
    signs = [np.sign(some) * np.log1p(abs(some)) for some in (cost, above, delay)]
    return [np.log1p(times), np.log1p(served), joules, *signs, each["has"][..., None]]


def _padded(value: np.ndarray, width: int = MODES) -> np.ndarray:
    """The first `width` numbers of the last axis, zeros where there are fewer."""
    lacks = width - value.shape[-1]
    if lacks <= 0:
        return value[..., :width].copy()
    return np.concatenate([value, np.zeros((*value.shape[:-1], lacks))], axis=-1)


def later(data: Data) -> np.ndarray:
    """log(1 + work) that will come to the servers' own regions after each slot, discounted, in
    slots of server time; (rows, slots + 1, servers, traces)."""
    servers = data["server_cpu"].shape[-1]
    home = (data["region"][:, :, None] == np.arange(servers)) * 1.0
    work = data["cycles"] @ home / data["server_cpu"][:, None] / data["slot"][:, None, None]
    rows, slots, _ = work.shape
    out = np.zeros((rows, slots + 1, servers, len(TRACES)))
    for t in range(slots - 2, -1, -1):
        out[:, t] = work[:, t + 1, :, None] + np.array(TRACES) * out[:, t + 1]
    return np.log1p(out)
