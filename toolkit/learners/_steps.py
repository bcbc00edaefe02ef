"""A problem's own steps, one after another: for algorithms that know environments."""

import numpy as np

from toolkit.arrays import Data, Decision
from toolkit.envs._rollout import Rollout
from toolkit.problems import Problem

from ._sb3 import CLIP


class StepStage:
    """Episodes of a problem that unfolds in time, at its first timescale.

    A step is an action: a category where it decides one integer, unless the algorithm wants a
    box. Rewards are in units of what random steps are paid: how many steps there are does not
    depend on what is decided, so it does no harm that their mean is taken off.
    """

    ends = True

    def __init__(self, problem: Problem, continuous: bool, numbered: bool) -> None:
        self._play = Rollout(problem, None, "", None, "", numbered, {})
        if not continuous and not numbered and self._play.one_integer:
            self._play = Rollout(problem, None, "", None, "", True, {})
        self.steps = self._play.usual.steps
        self.observation_space = self._play.observation_space
        self.action_space = self._play.action_space

    @property
    def units(self) -> np.ndarray:
        """Of what is observed, (size,): a policy keeps those that it was trained with."""
        return np.concatenate([np.ravel(unit) for unit in self._play.units.values()])

    @units.setter
    def units(self, flat: np.ndarray) -> None:
        ends = np.cumsum([unit.size for unit in self._play.units.values()])[:-1]
        parts = zip(self._play.units.items(), np.split(flat, ends), strict=True)
        self._play.units = {key: part.reshape(unit.shape) for (key, unit), part in parts}

    def begin(self, data: Data) -> np.ndarray:
        seen = self._play.begin(data, np.random.default_rng(0))
        assert self._play.dynamics is not None
        self.steps = self._play.dynamics.steps
        return seen

    def step(self, action: np.ndarray) -> tuple[np.ndarray, np.ndarray, Decision]:
        seen, reward, _, _ = self._play.step(action)
        assert self._play.dynamics is not None
        return seen, reward, self._play.dynamics.decision()

    def unit(self) -> tuple[float, float, float]:
        """Mean and spread of what random steps are paid."""
        return *self._play.usual.paid, CLIP
