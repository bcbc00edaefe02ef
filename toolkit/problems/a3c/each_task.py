"""Episodes a task at a time: each is decided with those before it in its slot known."""

from collections.abc import Callable
from functools import cached_property

import numpy as np

from toolkit.arrays import Data, Decision
from toolkit.problems import Space, Var

from .dynamics import Choices, Episodes, Seen, Sights


class EachTask(Episodes):
    """One step a task: each row's next one. Rows with fewer tasks than others wait at the end."""

    def __init__(
        self, data: Data, reward: str = "cost", burst: tuple[int, int] | None = None
    ) -> None:
        super().__init__(data, reward, burst)
        self.steps = self.line.where.shape[-1]
        self.space = Space((Var("mode", (), "integer", 0, self.top),))
        self._begin()

    def _begin(self) -> None:
        line = self.line
        self.task = np.where(self.at < line.count, self.at, -1)
        line.advance(
            np.where(self.task >= 0, line.of(line.tasks.release, self.task), line.queues.now)
        )
        self.own = line.of(line.tasks.region, self.task)
        self.server = line.ordered(self.own)
        slot, self.device = np.divmod(line.of(line.where, self.task), line.devices)
        self.slot = np.where(self.task >= 0, slot, line.slots)
        vars(self).pop("choices", None)

    @cached_property
    def choices(self) -> Choices:
        """Of the task to decide."""
        return self._choices(self.task, self.server)

    def observe(self, *names: str) -> Seen:
        """Of each row's next task, every array (*batch, …); `servers` are in the order of modes:
        the own one first, then the others, those with the least work first.

        slot from 0; left 1 … 0 of the episode; density; local_work (devices,) s still to compute;
        has 1, or 0: the row has no task left, and what is the task's is 0; device from 0; upload s;
        local_time s and server_time (servers,) s of work; local_energy J; send_energy J; server
        (servers,) from 0; work (servers, 3) s: the rest of the task in service, pending own ones,
        pending ones of others, in flight too; burden (servers,) 1: more work than the article's
        signal wants; coming (servers,) s: of this slot's later tasks of each region on its server;
        marginal (modes,): what each mode adds to the cost of all; delay (modes,) s of the task
        itself if nobody came after it; allowed (modes,) 1 or 0.
        """
        return super().observe(*names)

    def _sights(self) -> Sights:
        line, tasks, task = self.line, self.line.tasks, self.task
        return {
            **self._general(self.slot),
            "has": lambda: task >= 0,
            "device": lambda: self.device,
            "upload": lambda: line.of(tasks.upload, task),
            "local_time": lambda: line.of(tasks.here, task),
            "server_time": self.server_time,
            "local_energy": lambda: line.of(tasks.local_energy, task),
            "send_energy": lambda: line.of(tasks.send_energy, task),
            "server": lambda: self.server,
            "work": lambda: self.in_order(line.queues.load),
            "burden": lambda: self.in_order(self.article.up(line.queues.load)),
            "coming": lambda: self.in_order(self._coming()),
            "marginal": lambda: self.choices.marginal,
            "delay": lambda: self.choices.delay,
            "allowed": lambda: self.choices.allowed,
        }

    def server_time(self) -> np.ndarray:
        """Work (rows, servers) of the task in s, the servers in the order of modes."""
        cycles = self.line.of(self.line.tasks.cycles, self.task)
        return np.asarray(cycles[:, None] / self.in_order(self.line.tasks.server_cpu))

    def in_order(self, values: np.ndarray) -> np.ndarray:
        """Values (rows, servers, …) in the order of modes."""
        return np.asarray(values[self.rows[:, None], self.server])

    def _coming(self) -> np.ndarray:
        """Work (rows, servers) in s of the later tasks of the slot, each on its own server."""
        later = np.arange(self.line.devices) > self.device[:, None]
        some = (self.task >= 0)[:, None]
        slot = np.minimum(self.slot, self.line.slots - 1)
        cycles = self.data["cycles"][self.rows, slot] * later * some
        own = np.asarray(self.data["region"])[..., None] == np.arange(self.line.servers)
        return np.asarray((cycles[..., None] * own).sum(-2) / self.line.tasks.server_cpu)

    def allowed(self) -> np.ndarray:
        """Which modes (rows, modes) keep within the limits of forwarding."""
        return self.line.allowed(self.task, self.server[:, : self.top])

    def consistent(self, raw: Decision) -> Decision:
        """The mode itself where it is allowed, else the first server that is."""
        mode = self._allowed(self._point(raw, "mode"), self.allowed())
        return {"mode": self._shaped(mode)}

    def step(self, action: Decision) -> np.ndarray:
        """Decides a task in each row that has one left; what that pays, (*batch,)."""
        mode = self._given(action, "mode").astype(np.int64)
        if self._burst[1]:
            mode = self._wrong(self.choices, mode, self.slot)
        paid = self._take(self.task, self.server, mode)
        self.at += 1
        self._begin()
        return self._shaped(paid)


def played(data: Data, score: Callable[[EachTask], np.ndarray], single: bool = False) -> Decision:
    """The decision that takes the mode of the lowest score, task by task; `single`: modes 0, 1."""
    play = EachTask(data)
    if single:
        play.top = 1
    while play.at < play.steps:
        mode = np.where(play.allowed(), score(play), np.inf).argmin(-1)
        play.step({"mode": mode.reshape(play.batch)})
    return play.decision()
