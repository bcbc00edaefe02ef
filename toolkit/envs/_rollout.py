"""Problems that unfold in time as environments: one step is one of the problem's own.

import gymnasium, toolkit.envs
env = gymnasium.make("toolkit/dgl-steps-v0", preset="clean")
many = gymnasium.make_vec("toolkit/dgl-steps-v0", num_envs=64, scale="slot")

An action in [-1, 1] is a point of the box of the step's variables, made `consistent`; where a step
decides one integer, numbered=True takes its values as categories, from 0. The rewards of an episode
add up to the problem's own evaluation of it, unless `reward` names another one of the problem's.
The last step ends an episode: nothing comes after it.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space

from toolkit import problems
from toolkit.arrays import Data, Decision
from toolkit.errors import UserError
from toolkit.instances import Instance, rng_for
from toolkit.problems import Dynamics, HasDynamics, HasRewards, Problem, Space

Inner = Callable[[Data, np.random.Generator], Decision]
LIMIT = 100.0  # observations are clipped at it
SOME = 16  # episodes played at random to learn what is usual


class Rollout:
    """Episodes of a batch of instances; what both kinds of environment share."""

    def __init__(
        self,
        problem: str | Problem,
        preset: str | None,
        scale: str,
        inner: Inner | None,
        reward: str,
        numbered: bool,
        given: Any,
    ) -> None:
        if not isinstance(problem, Problem):
            problem = problems.load(problem, preset, **given)
        elif preset or given:
            raise UserError("Give either a built problem or its name with preset and parameters.")
        if not isinstance(problem, HasDynamics):
            raise UserError(f"{problem.name} does not unfold in time; use toolkit/{problem.name}.")
        self.problem, self.inner = problem, inner
        self.scale = scale or next(iter(problem.timescales))
        if self.scale not in problem.timescales:
            known = ", ".join(problem.timescales)
            raise UserError(f"{problem.name} has no timescale {scale!r}; it has {known}.")
        if reward and not isinstance(problem, HasRewards):
            raise UserError(f"{problem.name} has one reward only; leave out reward.")
        self._paid: dict[str, Any] = {"reward": reward} if reward else {}
        self.usual = _usual(problem, self.scale)
        self.units = dict(self.usual.units)
        size = sum(int(np.size(unit)) for unit in self.units.values())
        self.observation_space = spaces.Box(-LIMIT, LIMIT, (size,), np.float32)
        some = problem.dynamics(problem.sample(rng_for("sizes"), (1,)), self.scale, **self._paid)
        self.one_integer = _one_integer(some.space)
        self.action_space: spaces.Space[Any] = spaces.Box(-1.0, 1.0, (some.space.size,), np.float32)
        if numbered:
            self.action_space = _categories(problem, some)
        self.numbered = numbered
        self.data: Data = {}
        self.dynamics: Dynamics | None = None

    def begin(self, data: Data, rng: np.random.Generator) -> np.ndarray:
        """New episodes of data (rows, …)."""
        assert isinstance(self.problem, HasDynamics)
        self.data = data
        self.dynamics = self.problem.dynamics(data, self.scale, self.inner, rng, **self._paid)
        return self.observation()

    def observation(self) -> np.ndarray:
        """(rows, size): all that is known, in units of what is usual."""
        assert self.dynamics is not None
        seen = self.dynamics.observe()
        parts = [
            np.reshape(seen[key] / unit, (len(seen[key]), -1)) for key, unit in self.units.items()
        ]
        return np.asarray(np.clip(np.concatenate(parts, axis=-1), -LIMIT, LIMIT), np.float32)

    def step(self, action: np.ndarray) -> tuple[np.ndarray, np.ndarray, bool, dict[str, Any]]:
        """(observation, reward, over, info) of actions (rows, size), numbered ones (rows,)."""
        play = self.dynamics
        if play is None or play.at == play.steps:
            raise ResetNeeded("The episode is over or has not begun; call reset() first.")
        raw = (_category if self.numbered else _point)(play, action)
        reward = play.step(play.consistent(raw))
        over, info = play.at == play.steps, {}
        if over:
            found = self.problem.evaluate(self.data, play.decision())
            info = {"objective": found.objective, "violation": found.violation}
        return self.observation(), reward, over, info


class RolloutEnv(gymnasium.Env[np.ndarray, np.ndarray]):
    """One episode at a time. `reset` draws an instance unless one is given as
    reset(options={"instance": …}); the last step's info has the evaluation."""

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012 (Gymnasium declares it so)

    def __init__(
        self,
        problem: str | Problem,
        preset: str | None = None,
        *,
        scale: str = "",
        inner: Inner | None = None,
        reward: str = "",
        numbered: bool = False,
        render_mode: str | None = None,
        **given: Any,
    ) -> None:
        self.play = Rollout(problem, preset, scale, inner, reward, numbered, given)
        self.render_mode = render_mode
        self.problem = self.play.problem
        self.action_space = self.play.action_space
        self.observation_space = self.play.observation_space

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        given = (options or {}).get("instance")
        drawn = [given] if given is not None else None
        data = _data(self.problem, drawn, 1, self.np_random)
        return self.play.begin(data, self.np_random)[0], {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        seen, reward, over, info = self.play.step(np.asarray(action)[None])
        plain = {key: value[0].item() for key, value in info.items()}
        return seen[0], float(reward[0]), over, False, plain


class RolloutVectorEnv(gymnasium.vector.VectorEnv[np.ndarray, np.ndarray, np.ndarray]):
    """Many episodes, in step: every call is one batch. reset(options={"instance": …}) takes a
    sequence with one for each. The call of `step` after an episode's end begins the next."""

    metadata: dict[str, Any] = {"autoreset_mode": AutoresetMode.NEXT_STEP}  # noqa: RUF012

    def __init__(
        self,
        problem: str | Problem,
        preset: str | None = None,
        *,
        num_envs: int = 1,
        scale: str = "",
        inner: Inner | None = None,
        reward: str = "",
        numbered: bool = False,
        **given: Any,
    ) -> None:
        self.play = Rollout(problem, preset, scale, inner, reward, numbered, given)
        self.num_envs = num_envs
        self.problem = self.play.problem
        self.single_action_space = self.play.action_space
        self.single_observation_space = self.play.observation_space
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self._over = False

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        self._over = False
        data = _data(self.problem, (options or {}).get("instance"), self.num_envs, self.np_random)
        return self.play.begin(data, self.np_random), {}

    def step(
        self, actions: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        never, over = np.zeros((2, self.num_envs), bool)
        if self._over:
            seen, info = self.reset()
            return seen, np.zeros(self.num_envs), never, over, info
        seen, reward, self._over, info = self.play.step(np.asarray(actions))
        over[:] = self._over
        marks = {f"_{key}": np.ones(self.num_envs, bool) for key in info}
        return seen, np.asarray(reward, float), over, never, {**info, **marks}


def _point(play: Dynamics, action: np.ndarray) -> Decision:
    """The point of the box that actions in [-1, 1] stand for."""
    shape = (len(action), play.space.size)
    if action.shape != shape or not np.isfinite(action).all():
        raise UserError(f"An action must be finite numbers of shape {shape[1:]}.")
    low, high = play.space.bounds()
    part = (np.clip(action.astype(float), -1, 1) + 1) / 2
    raw = play.space.unflatten(low + part * (high - low))
    names = {var.name for var in play.space.vars if var.kind == "integer"}
    return {key: np.round(value) if key in names else value for key, value in raw.items()}


def _one_integer(space: Space) -> bool:
    """Whether a step decides one integer and nothing else."""
    return space.size == 1 and any(var.size and var.discrete for var in space.vars)


def _categories(problem: Problem, play: Dynamics) -> spaces.Discrete:
    """The values of a step's one integer; UserError where it decides something else."""
    if not _one_integer(play.space):
        raise UserError(f"A step of {problem.name} is no single integer; leave out numbered.")
    var = play.space.vars[0]
    return spaces.Discrete(int(np.max(var.upper) - np.min(var.lower)) + 1)


def _category(play: Dynamics, action: np.ndarray) -> Decision:
    """The value of the one integer that actions, counted from 0, stand for."""
    var = play.space.vars[0]
    low, high = float(np.min(var.lower)), float(np.max(var.upper))
    count = int(high - low) + 1
    if action.ndim != 1 or not np.isin(action, np.arange(count)).all():
        raise UserError(f"An action must be a whole number from 0 to {count - 1}.")
    return {var.name: low + action.reshape(-1, *var.shape).astype(float)}


def _data(
    problem: Problem, given: Sequence[Instance] | None, rows: int, rng: np.random.Generator
) -> Data:
    """(rows, …) of the instances that are given, else drawn."""
    if given is None:
        return problem.sample(rng, (rows,))
    if len(given) != rows:
        raise UserError(f"{len(given)} instances for {rows} environments.")
    admitted = [problem.admit(instance).data for instance in given]
    return {key: np.stack([data[key] for data in admitted]) for key in problem.fields}


class Usual(NamedTuple):
    """What episodes are like that are played at random."""

    units: dict[str, np.ndarray]  # the largest size of each entry of what is observed
    paid: tuple[float, float]  # mean and spread of a step's reward
    steps: int


@lru_cache(maxsize=32)
def _usual(problem: Problem, scale: str) -> Usual:
    """Of a few episodes, always the same ones."""
    assert isinstance(problem, HasDynamics)
    rng = rng_for("usual", problem.name, problem.version, sorted(problem.params.items()))
    play = problem.dynamics(problem.sample(rng, (SOME,)), scale, rng=rng)
    most: dict[str, np.ndarray] = {}
    paid = []
    while play.at < play.steps:
        for key, value in play.observe().items():
            large = np.abs(value).max(axis=0)
            most[key] = np.maximum(large, most.get(key, large))
        paid.append(play.step(play.consistent(play.space.sample(rng, (SOME,)))))
    units = {key: np.full(v.shape, max(1e-9, float(v.max()))) for key, v in most.items()}
    return Usual(units, (float(np.mean(paid)), float(np.std(paid)) or 1.0), play.steps)
