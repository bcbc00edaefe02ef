"""Gymnasium's two interfaces to `Play`: one episode, and many in step."""

from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space

from toolkit.arrays import Data
from toolkit.errors import UserError
from toolkit.instances import Instance
from toolkit.problems import Frames, Problem

from ._play import Play
from ._rules import steps_of, table


class ProblemEnv(gymnasium.Env[np.ndarray, np.ndarray]):
    """A problem as an environment: an episode is `horizon` decisions on one instance, or, with
    `frames`, a decision for each frame of an instance.

    `reset` draws an instance from the generator, unless one is given to the constructor or as
    reset(options={"instance": …}). Episodes end by truncation: no decision is the last.
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012 (Gymnasium declares it so)

    def __init__(
        self,
        problem: str | Problem,
        preset: str | None = None,
        *,
        instance: Instance | None = None,
        render_mode: str | None = None,
        **given: Any,
    ) -> None:
        self.problem, self.rules = table(problem, preset, instance, given)
        self.render_mode = render_mode
        self.play = Play(self.problem, self.rules)
        self.action_space = self.play.action_space
        self.observation_space = self.play.observation_space
        self._fixed = instance
        self._horizon = steps_of(self.problem, self.rules)
        self._left = 0  # steps until the episode ends

    @property
    def instance(self) -> Instance:
        """The instance of this episode: solvers take it."""
        data = {key: self.play.whole[key] for key in self.problem.fields}
        return Instance(self.problem.name, self.problem.version, data, self.problem.params)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        given = (options or {}).get("instance", self._fixed)
        self._left = self._horizon
        if given is None:
            return self.play.begin(self.problem.sample(self.np_random)), {}
        return self.play.begin(_admitted(self.problem, self.play, given)), {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        if not self._left:
            raise ResetNeeded("The episode is over or has not begun; call reset() first.")
        observation, reward, info = self.play.step(action)
        self._left -= 1
        return observation, float(reward), False, self._left == 0, _plain(info)


class ProblemVectorEnv(gymnasium.vector.VectorEnv[np.ndarray, np.ndarray, np.ndarray]):
    """Many episodes of a problem, in step: every call is one batch to the problem.

    All instances come from one generator, in one draw. `instance` is one for all episodes, or
    a sequence with one for each. The call of `step` after an episode's end begins the next.
    """

    metadata: dict[str, Any] = {"autoreset_mode": AutoresetMode.NEXT_STEP}  # noqa: RUF012

    def __init__(
        self,
        problem: str | Problem,
        preset: str | None = None,
        *,
        num_envs: int = 1,
        instance: Instance | Sequence[Instance] | None = None,
        **given: Any,
    ) -> None:
        first = instance[0] if isinstance(instance, Sequence) else instance
        self.problem, self.rules = table(problem, preset, first, given)
        self.num_envs = num_envs
        self.play = Play(self.problem, self.rules)
        self.single_action_space = self.play.action_space
        self.single_observation_space = self.play.observation_space
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self._fixed = instance
        self._begun = False
        self._horizon = steps_of(self.problem, self.rules)
        self._left = 0

    @property
    def data(self) -> Data:
        """The instances of these episodes, one leading axis."""
        return self.play.whole

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        given = (options or {}).get("instance", self._fixed)
        self._begun, self._left = True, self._horizon
        if given is None:
            return self.play.begin(self.problem.sample(self.np_random, (self.num_envs,))), {}
        return self.play.begin(self._stacked(given)), {}

    def step(
        self, actions: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        if not self._begun:
            raise ResetNeeded("No episode has begun; call reset() first.")
        never, over = np.zeros((2, self.num_envs), bool)
        if not self._left:
            observation, info = self.reset()
            return observation, np.zeros(self.num_envs), never, over, info
        observation, reward, info = self.play.step(actions)
        self._left -= 1
        over[:] = self._left == 0
        return observation, reward, never, over, _marked(info, self.num_envs)

    def _stacked(self, given: Instance | Sequence[Instance]) -> Data:
        """The data of one instance for each episode."""
        several = [given] * self.num_envs if isinstance(given, Instance) else list(given)
        if len(several) != self.num_envs:
            raise UserError(f"{len(several)} instances for {self.num_envs} environments.")
        rows = [_admitted(self.problem, self.play, instance) for instance in several]
        return {key: np.stack([row[key] for row in rows]) for key in self.problem.fields}


def _admitted(problem: Problem, play: Play, instance: Instance) -> Data:
    """The data of an instance, once it has the sizes that the spaces were made for."""
    data = problem.admit(instance).data
    lead = (problem.frames,) if isinstance(problem, Frames) else ()
    for key, usual in play.usual.data.items():
        if data[key].shape != (shape := (*lead, *usual.shape[1:])):
            raise UserError(
                f"{instance.name or 'The instance'}: {key!r} has shape {data[key].shape}, the "
                f"environment was made for {shape}; make one with its parameters."
            )
    return data


def _plain(info: dict[str, Any]) -> dict[str, Any]:
    """Python numbers instead of arrays without axes."""
    out: dict[str, Any] = {}
    for key, value in info.items():
        if isinstance(value, dict):
            out[key] = _plain(value)
        else:
            out[key] = value.item() if np.ndim(value) == 0 else value
    return out


def _marked(info: dict[str, Any], count: int) -> dict[str, Any]:
    """Beside every entry, Gymnasium's mark of the episodes that have it: all of them."""
    out: dict[str, Any] = {}
    for key, value in info.items():
        out[key] = _marked(value, count) if isinstance(value, dict) else value
        out[f"_{key}"] = np.ones(count, bool)
    return out
