"""A decision taken in turns: for algorithms that know one categorical action."""

from typing import cast

import numpy as np
from gymnasium import spaces

from toolkit.arrays import Data, Decision
from toolkit.envs._play import LIMIT
from toolkit.errors import UserError
from toolkit.problems import HasCompletion, HasOptions, Problem

from ._completing import block
from ._sb3 import CLIP


class TurnStage:
    """An instance decided user by user, in order: one categorical action a turn.

    A user sees its options beside what those before it have chosen. A turn is paid what it takes
    off the loss, users who have not had theirs counted at their lowest option (local), in units of
    the lowest choice's loss over the number of users: an instance pays the same in whatever order.
    """

    ends = True

    def __init__(self, problem: Problem) -> None:
        data = {key: value[None] for key, value in problem.instance().data.items()}
        var = block(problem, data)
        if var is None or not isinstance(problem, HasOptions):
            raise UserError(f"{problem.name} does not say what options are worth in turn.")
        if not isinstance(problem, HasCompletion):
            raise UserError(f"{problem.name} has no completion of discrete choices.")
        self._problem, self._name, self._users = problem, var.name, var.size
        self.steps = var.size
        self._lowest = float(np.min(var.lower))
        size = self._see(data).shape[-1]
        self.observation_space = spaces.Box(-LIMIT, LIMIT, (size,), np.float32)
        self.action_space = spaces.Discrete(int(np.max(var.upper) - self._lowest) + 1)

    def begin(self, data: Data) -> np.ndarray:
        seen = self._see(data)
        loss, _ = self._worth()
        self._loss, self._unit = loss, np.maximum(np.abs(loss), 1e-300) / self._users
        return seen

    def step(self, action: np.ndarray) -> tuple[np.ndarray, np.ndarray, Decision]:
        self._chosen[:, self._turn] = action
        self._turn += 1
        before, (self._loss, decision) = self._loss, self._worth()
        return self._shown(), (before - self._loss) / self._unit, decision

    def unit(self) -> tuple[float, float, float]:
        return 0.0, 1.0, CLIP

    def _see(self, data: Data) -> np.ndarray:
        rows = len(next(iter(data.values())))
        self._data, self._turn = data, 0
        self._choices = cast(HasOptions, self._problem).options(data)
        self._chosen = np.full((rows, self._users), -1)
        return self._shown()

    def _shown(self) -> np.ndarray:
        """What the user sees whose turn it is; the last one's view again when all have chosen."""
        rows, turn = len(self._chosen), min(self._turn, self._users - 1)
        left = np.tile(np.arange(turn, self._users), (rows, 1))
        seen = self._choices.see(np.arange(rows), self._chosen, left)[:, 0]
        flat: np.ndarray = np.clip(seen.reshape(rows, -1), -LIMIT, LIMIT)
        return flat.astype(np.float32)

    def _worth(self) -> tuple[np.ndarray, Decision]:
        """(loss, decision) with those who have not chosen at their lowest option."""
        choice = np.maximum(self._chosen, 0) + self._lowest
        whole = cast(HasCompletion, self._problem).complete(self._data, {self._name: choice})
        found = self._problem.evaluate(self._data, whole)
        loss: np.ndarray = self._problem.sign * np.asarray(found.objective, float)
        return loss, whole
