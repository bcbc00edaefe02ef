"""Episodes that are decided step by step, for a batch of instances at once."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from toolkit.arrays import Data, Decision
from toolkit.errors import UserError, unknown
from toolkit.problems import Space

from .online import Online
from .rewards import reward_of

Seen = dict[str, np.ndarray]
Sights = Mapping[str, Callable[[], np.ndarray]]


class Choices(NamedTuple):
    """What is known of the modes of a task in each row."""

    marginal: np.ndarray  # (rows, modes): what it adds to the cost of all
    delay: np.ndarray  # (rows, modes) s, of the task itself if nobody came after it
    allowed: np.ndarray  # (rows, modes)


class Episodes:
    """What both timescales share: the queues, what is paid, and a burst of wrong decisions.

    A mode is relative: 0 the device, 1 its own server, 2 the other server with the least work
    (in flight too), 3 the one with the next least, and so on. The article knows 0, 1 and 2.
    """

    def __init__(
        self, data: Data, reward: str = "cost", burst: tuple[int, int] | None = None
    ) -> None:
        self.batch = np.shape(data["slot"])
        self.data = {
            k: np.reshape(v, (-1, *np.shape(v)[len(self.batch) :])) for k, v in data.items()
        }
        self.line = Online(self.data)
        self._by_cost, self.article = reward_of(reward)
        self._burst = _window(burst)
        self.rows = np.arange(len(self.line.count))
        single = (self.line.forwarding == 0).all()
        self.top = 1 if single else self.line.servers  # the highest mode
        self.at, self.steps = 0, 0
        self.space = Space(())

    def decision(self) -> Decision:
        """The whole decision, of the tasks that are decided; 0 in the others."""
        grid = (*self.batch, self.line.slots, self.line.devices)
        return {"target": self.line.target.reshape(grid)}

    def observe(self, *names: str) -> Seen:
        """What is known, (*batch, …) each: what is named, or all."""
        sights = self._sights()
        for name in names:
            if name not in sights:
                raise unknown("sight of an episode", name, sights)
        return {name: self._shaped(sights[name]()) for name in names or sights}

    def _given(self, action: Decision, name: str) -> np.ndarray:
        """A block of an action of one step, (rows, *shape), once it is within the box."""
        block, var = self._point(action, name), self.space[name]
        if self.at >= self.steps:
            raise UserError("The episodes are over: there is no step left to decide.")
        if not ((block >= 0) & (block <= var.upper) & (block == np.rint(block))).all():
            raise UserError(
                f"An action's {name!r} must hold whole numbers from 0 to {var.upper:g}; "
                "`consistent` makes any point of the box one."
            )
        return block

    def _point(self, action: Decision, name: str) -> np.ndarray:
        """A block of a point of the box, (rows, *shape)."""
        if name not in action:
            raise UserError(f"An action of this step lacks {name!r}.")
        shape = (*self.batch, *self.space[name].shape)
        try:
            block = np.asarray(action[name], float)
        except (TypeError, ValueError):
            block = np.array(np.nan)
        if block.shape != shape or np.isnan(block).any():
            raise UserError(f"An action's {name!r} must hold numbers, an array of shape {shape}.")
        return np.reshape(block, (len(self.rows), *self.space[name].shape))

    def _sights(self) -> Sights:
        raise NotImplementedError

    def _shaped(self, value: np.ndarray) -> np.ndarray:
        return np.reshape(np.array(value, float), (*self.batch, *np.shape(value)[1:]))

    def _general(self, slot: np.ndarray) -> Sights:
        """What both timescales see of slot (rows,)."""
        line = self.line
        return {
            "slot": lambda: slot,
            "left": lambda: (line.slots - slot) / line.slots,
            "density": lambda: self.data["density"],
            "local_work": self.local_work,
        }

    def local_work(self) -> np.ndarray:
        """(rows, devices) s that devices have still to compute."""
        left = self.line.queues.idle - self.line.queues.now[:, None]
        return np.asarray(np.maximum(0.0, left))

    def _choices(self, task: np.ndarray, server: np.ndarray) -> Choices:
        server = server[:, : self.top]
        return Choices(*self.line.look(task, server), self.line.allowed(task, server))

    def _wrong(self, choices: Choices, mode: np.ndarray, slot: np.ndarray) -> np.ndarray:
        """The modes themselves; in a burst those that cost the most."""
        first, last = self._burst
        worst = np.where(choices.allowed, choices.marginal, -np.inf).argmax(-1)
        return np.asarray(np.where((slot >= first) & (slot < last), worst, mode))

    def _take(self, task: np.ndarray, server: np.ndarray, mode: np.ndarray) -> np.ndarray:
        """Decides a task (rows,) and returns what that pays, (rows,)."""
        target = np.where(mode > 0, server[self.rows, np.maximum(mode - 1, 0)] + 1, 0)
        if self._by_cost:
            return -self.line.decide(task, target)
        paid = self.article.pay(self.line, task, target)
        self.line.decide(task, target)
        return paid

    def _allowed(self, mode: np.ndarray, allowed: np.ndarray) -> np.ndarray:
        """The modes (rows,) that are allowed; for others the first server that is."""
        mode = np.clip(np.round(mode), 0, self.top).astype(np.int64)
        return np.asarray(np.where(allowed[self.rows, mode], mode, allowed[:, 1:].argmax(-1) + 1))


def _window(burst: tuple[int, int] | None) -> tuple[int, int]:
    """The slots from and to (excluded) which a burst lasts; (0, 0): there is none."""
    if burst is None:
        return 0, 0
    whole = np.ndim(burst) == 1 and all(isinstance(slot, int | np.integer) for slot in burst)
    if not (whole and len(burst) == 2 and 0 <= burst[0] < burst[1]):
        raise UserError(f"burst is {burst}; give the first slot, and the one after its last.")
    return burst
