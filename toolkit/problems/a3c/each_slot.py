"""Episodes a slot at a time: what all devices do is decided at once."""

from functools import cached_property

import numpy as np

from toolkit.arrays import Data, Decision
from toolkit.problems import Space, Var

from .dynamics import Choices, Episodes, Seen, Sights


class EachSlot(Episodes):
    """One step a slot: the modes of all devices, relative to the servers' work as it begins.

    Where forwarding is one bit a server and slot, an action has the article's bits: `offload` of
    each device, and `forward` of each server, to the other one with the least work.
    """

    def __init__(
        self, data: Data, reward: str = "cost", burst: tuple[int, int] | None = None
    ) -> None:
        super().__init__(data, reward, burst)
        self.steps = self.line.slots
        devices, servers = self.line.devices, self.line.servers
        self.bits = bool((self.line.forwarding == 1).all())
        bits = Var("offload", (devices,), "binary"), Var("forward", (servers,), "binary")
        mode = Var("mode", (devices,), "integer", 0, self.top)
        self.space = Space(bits if self.bits else (mode,))
        self.region = np.asarray(self.data["region"], np.int64)
        self._begin()

    def _begin(self) -> None:
        line, now = self.line, self.at * self.data["slot"]
        nothing = np.full((len(self.rows), line.devices), -1)
        self.task = line.number[:, self.at] if self.at < self.steps else nothing
        line.advance(now)
        self.slot = np.full(len(self.rows), min(self.at, self.steps - 1))
        orders = [line.ordered(np.full(len(self.rows), s)) for s in range(line.servers)]
        self.server = np.stack(orders, axis=1)[self.rows[:, None], self.region]
        vars(self).pop("choices", None)

    @cached_property
    def choices(self) -> list[Choices]:
        """Of each device's task alone, as if the others of the slot had none."""
        return [self._choices(self.task[:, u], self.server[:, u]) for u in range(self.line.devices)]

    def observe(self, *names: str) -> Seen:
        """Of the slot, every array (*batch, …), named as in `EachTask`: slot, left, density,
        local_work; of the devices' new tasks has, upload, local_time, local_energy, send_energy
        (devices,), server_time and server (devices, servers), the servers in the device's order
        of modes; marginal, delay and allowed (devices, modes), each as if the slot had no other
        task; work (servers, 3) and burden (servers,) in the servers' own order.
        """
        return super().observe(*names)

    def _sights(self) -> Sights:
        line, tasks = self.line, self.line.tasks
        return {
            **self._general(self.slot),
            "has": lambda: self.task >= 0,
            "upload": lambda: self._new(tasks.upload),
            "local_time": lambda: self._new(tasks.here),
            "server_time": self._server_time,
            "local_energy": lambda: self._new(tasks.local_energy),
            "send_energy": lambda: self._new(tasks.send_energy),
            "server": lambda: self.server,
            "work": lambda: line.queues.load,
            "burden": lambda: self.article.up(line.queues.load),
            "marginal": lambda: self._each("marginal"),
            "delay": lambda: self._each("delay"),
            "allowed": lambda: self._each("allowed"),
        }

    def _new(self, values: np.ndarray) -> np.ndarray:
        """The entries of values (rows, tasks) of the devices' new tasks, 0 where there is none."""
        return np.where(self.task >= 0, values[self.rows[:, None], self.task], 0.0)

    def _server_time(self) -> np.ndarray:
        speed = self.line.tasks.server_cpu[self.rows[:, None, None], self.server]
        return np.asarray(self._new(self.line.tasks.cycles)[..., None] / speed)

    def _each(self, key: str) -> np.ndarray:
        return np.stack([getattr(choices, key) for choices in self.choices], axis=1)

    def consistent(self, raw: Decision) -> Decision:
        """Bits from halves; modes that are allowed, device after device."""
        if self.bits:
            bits = ((key, self._point(raw, key)) for key in ("offload", "forward"))
            return {key: self._shaped((point > 0.5) * 1.0) for key, point in bits}
        return {"mode": self._shaped(self._together(self._point(raw, "mode")))}

    def _together(self, mode: np.ndarray) -> np.ndarray:
        """Modes (rows, devices) that keep within the limits of forwarding, as near as may be."""
        out, line = np.empty(mode.shape, np.int64), self.line
        for u in range(line.devices):
            task, server = self.task[:, u], self.server[:, u, : self.top]
            out[:, u] = self._allowed(mode[:, u], line.allowed(task, server))
            line.fix(task, np.where(out[:, u] > 0, server[self.rows, out[:, u] - 1] + 1, 0))
        line.fixed[:] = -1
        return out

    def step(self, action: Decision) -> np.ndarray:
        """Decides the tasks of a slot, device after device; what that pays, (*batch,)."""
        mode, paid = self._modes(action), np.zeros(len(self.rows))
        if self._burst[1]:
            each = zip(self.choices, mode.T, strict=True)
            wrong = [self._wrong(choice, one, self.slot) for choice, one in each]
            mode = self._together(np.stack(wrong, axis=-1))
        for u in range(self.line.devices):
            paid = paid + self._take(self.task[:, u], self.server[:, u], mode[:, u])
        self.at += 1
        self._begin()
        return self._shaped(paid)

    def _modes(self, action: Decision) -> np.ndarray:
        """(rows, devices)."""
        if not self.bits:
            return self._given(action, "mode").astype(np.int64)
        offload = self._given(action, "offload") > 0.5
        forward = self._given(action, "forward")[self.rows[:, None], self.region]
        return offload * np.where(forward > 0.5, min(2, self.top), 1)
