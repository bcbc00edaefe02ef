"""Episodes of single tasks, played by compiled code: several times as fast as `View`, and alike."""

from typing import Any

import numpy as np
from torch import Tensor, nn

from toolkit.arrays import Data
from toolkit.problems import Problem

from . import _queue_play_kernels as kernels
from ._queue_nets import ActorCritic
from ._queue_views import MODES, SEEN_SERVERS, Seen, View

FEATURES = 33


class QuickView(View):
    """A `View` of single tasks, rewards being costs, that is also played by its twin."""

    def __init__(self, problem: Problem, data: Data, tell: bool, modes: int = MODES) -> None:
        super().__init__(problem, data, "task", modes=modes, tell=tell)
        line = self.play.line
        self._line: Any = line
        # one layout of memory, so that the kernel is compiled once
        self._tasks = type(line.tasks)(*map(np.ascontiguousarray, line.tasks))
        self.steps, self.at = int(line.count.max(initial=0)), 0
        self._episodes = kernels.Episodes(
            tasks=line.count,
            place=np.ascontiguousarray(line.where),
            home=np.ascontiguousarray(data["region"], np.int64),
            members=self._members,
            demand=self._demand,
            density=np.asarray(data["density"], float),
            unit=np.asarray(data["slot"], float),
            single=(data["forwarding"] == 0) | (modes < MODES),
            slots=line.slots,
            top=self.play.top,
        )

    @property
    def over(self) -> bool:
        return self.at >= self.steps

    def advance(
        self, net: ActorCritic, steps: int, rng: np.random.Generator
    ) -> tuple[Seen, np.ndarray, np.ndarray]:
        """At most so many steps with drawn modes: what was seen, in the end too, (steps + 1, rows,
        1, …), modes (steps, rows, 1) and rewards (steps, rows)."""
        steps = min(steps, self.steps - self.at)
        rows = len(self._rows)
        found = _empty(steps, rows, self._line.slots)
        noise = rng.gumbel(size=(steps, rows, MODES))
        layers = [module for module in net.actor.layers if isinstance(module, nn.Linear)]
        weights = [(_plain(one.weight.T), _plain(one.bias)) for one in layers]
        queues = (self._tasks, self._line.queues)
        kernels.play(self._episodes, *queues, self.at, noise, float(net.residual), *weights, found)
        self.at += steps
        told = self._told_of(found)
        x, marginal, allowed, active, known = (
            part[:, :, None]
            for part in (found.x, found.marginal, found.allowed, found.active, told)
        )
        seen = Seen(x, marginal, allowed, active, found.slot, known)
        return seen, found.mode[:, :, None], found.reward

    def _told_of(self, found: kernels.Found) -> np.ndarray:
        seen = min(SEEN_SERVERS, self._line.servers)
        parts = [
            self._told(slot, server[:, None, :seen])[:, 0]
            for slot, server in zip(found.slot, found.server, strict=True)
        ]
        return np.stack(parts)


def _empty(steps: int, rows: int, slots: int) -> kernels.Found:
    shape = (steps + 1, rows)
    return kernels.Found(
        x=np.zeros((*shape, FEATURES), np.float32),
        marginal=np.zeros((*shape, MODES)),
        allowed=np.ones((*shape, MODES), bool),
        active=np.zeros(shape, bool),
        slot=np.full(shape, slots),
        server=np.zeros((*shape, SEEN_SERVERS), np.int64),
        mode=np.zeros((steps, rows), np.int64),
        reward=np.zeros((steps, rows)),
    )


def _plain(value: Tensor) -> np.ndarray:
    return value.detach().contiguous().numpy()
