"""Between Stable-Baselines3 and our problems: environments, and what is kept of a run."""

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.vec_env import VecEnv

from toolkit.arrays import Data, Decision
from toolkit.envs import Rules
from toolkit.envs._play import Play
from toolkit.errors import UserError
from toolkit.problems import Problem
from toolkit.problems.cpdrl.paper_mdp import PaperMdp
from toolkit.problems.cpdrl.problem import Cpdrl

from ._ddpg_settings import PRESETS

MOST = 4096  # choices that dqn numbers
CLIP = 10.0  # of rewards, as VecNormalize clips them
COUNTERS = ("num_timesteps", "_n_updates", "_n_calls", "exploration_rate")
TRANSITION = ("observations", "next_observations", "actions", "rewards", "dones", "timeouts")


class Stage(Protocol):
    """What is decided on, in one batch."""

    observation_space: Any
    action_space: Any
    steps: int  # of an episode, the usual number before one has begun
    ends: bool  # nothing comes after an episode's last decision; else only the clock ends it

    def begin(self, data: Data) -> np.ndarray:
        """Observations of instances, (rows, size)."""

    def step(self, action: np.ndarray) -> tuple[np.ndarray, np.ndarray, Decision]:
        """(observations, rewards, decisions) of an action for every row."""

    def unit(self) -> tuple[float, float, float]:
        """(zero, size, clip) of the rewards' unit; ask before `begin`."""


class PlayStage:
    """The environments of `toolkit.envs`, rewards in units of what random actions bring:

    (reward - median) / interquartile range, clipped: neither the size of a problem nor the tail of
    its violations should decide whether a package's default settings suit it.
    """

    steps, ends = 1, True

    def __init__(
        self,
        problem: Problem,
        rules: Rules,
        continuous: bool,
        numbered: bool,
        scored: bool = False,
    ) -> None:
        self._play = Play(problem, rules)
        self.observation_space = self._play.observation_space
        self.action_space = theirs = self._play.action_space
        self._counts = self._table = None
        if not isinstance(theirs, spaces.Box) and (continuous or numbered):
            counts = theirs.nvec if isinstance(theirs, spaces.MultiDiscrete) else 2
            self._counts = np.broadcast_to(counts, theirs.shape)
        self._options = 0  # of every variable, where the largest of as many scores decides
        if scored:
            self._options = _options(problem, theirs)
            size = self._options * theirs.shape[0]
            self.action_space = spaces.Box(0.0, 1.0, (size,), np.float32)
        elif self._counts is not None and continuous:
            self.action_space = spaces.Box(0.0, 1.0, theirs.shape, np.float32)
        elif self._counts is not None:
            self._table = _numbered(problem, self._counts)
            self.action_space = spaces.Discrete(len(self._table))

    def begin(self, data: Data) -> np.ndarray:
        return self._play.begin(data)

    def step(self, action: np.ndarray) -> tuple[np.ndarray, np.ndarray, Decision]:
        if self._options:
            action = action.reshape(len(action), -1, self._options).argmax(-1)
        elif self._table is not None:
            action = self._table[action]
        elif self._counts is not None:  # equal parts of [0, 1]: a bit is 1 from one half upwards
            action = np.minimum(np.floor(action * self._counts), self._counts - 1)
        seen, reward, info = self._play.step(action)
        return seen, reward, info["decision"]

    def unit(self) -> tuple[float, float, float]:
        """Median and interquartile range of the reward of random actions, always the same ones."""
        seen, actions = self._play.begin(self._play.usual.data), self._play.action_space
        actions.seed(0)
        _, reward, _ = self._play.step(np.stack([actions.sample() for _ in seen]))
        low, middle, high = np.quantile(reward, [0.25, 0.5, 0.75])
        return float(middle), float(high - low) or 1.0, CLIP


class PaperStage:
    """The decision process of our own `ddpg`, with the settings of its preset `tuned`."""

    steps, ends = 1, False

    def __init__(self, problem: Cpdrl) -> None:
        self._settings = PRESETS["tuned"]
        self._problem, users = problem, problem.n_users
        self.observation_space = spaces.Box(0.0, np.inf, (2 * users,), np.float32)
        self.action_space = spaces.Box(0.0, 1.0, (4 * users,), np.float32)

    def begin(self, data: Data) -> np.ndarray:
        s = self._settings
        clip, letter = s.clip or np.inf, s.reward == "letter"
        self._mdp = PaperMdp(self._problem, data, clip, letter, bandwidth=s.bandwidth)
        return _flat(self._mdp.start())

    def step(self, action: np.ndarray) -> tuple[np.ndarray, np.ndarray, Decision]:
        # an exact zero would break (11) for a user who needs the resource
        shares = np.maximum(action.astype(float), 1e-6).reshape(len(action), 4, -1)
        if least := self._settings.least_power:
            shares[:, 2] = least ** (1.0 - shares[:, 2])
        decision = self._mdp.decision(shares)
        outcome = self._mdp.outcome(decision)
        return _flat(outcome), self._mdp.reward(shares, decision, outcome), decision

    def unit(self) -> tuple[float, float, float]:
        """Rewards are as the paper has them."""
        return 0.0, 1.0, np.inf


class Episodes(VecEnv):  # type: ignore[misc,valid-type]
    """Environments in step, as the package wants them: an episode's end begins the next."""

    def __init__(
        self,
        stage: Stage,
        count: int,
        horizon: int,  # of an episode; 0: the stage's steps
        source: Any,  # a problem, whose instances are drawn, or the data of one for each row
        execute: Callable[[Decision], object] | None = None,
    ) -> None:
        super().__init__(count, stage.observation_space, stage.action_space)
        self._stage, self._horizon, self._source, self._execute = stage, horizon, source, execute
        self.rng = np.random.default_rng(0)  # every cycle brings its own
        self.usual_steps = stage.steps
        self._zero, self._size, self._clip = stage.unit()
        self.decided = 0  # in each environment
        self._paid: list[float] = []

    def reset(self) -> np.ndarray:
        source = self._source
        drawn = source.sample(self.rng, (self.num_envs,)) if isinstance(source, Problem) else source
        seen = self._stage.begin(drawn)
        self._left = self._horizon or self._stage.steps
        return seen

    def step_async(self, actions: np.ndarray) -> None:
        self._actions = actions

    def step_wait(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[dict[str, Any]]]:
        seen, raw, decision = self._stage.step(self._actions)
        reward = np.clip((raw - self._zero) / self._size, -self._clip, self._clip)
        self.decided += 1
        self._left -= 1
        self._paid.append(float(reward.mean()))
        if self._execute is not None:
            self._execute(decision)
        over = np.full(self.num_envs, self._left == 0)
        infos: list[dict[str, Any]] = [{} for _ in seen]
        if self._left == 0:
            if not self._stage.ends:  # an end by the clock: what would have come still counts
                infos = [{"TimeLimit.truncated": True, "terminal_observation": s} for s in seen]
            seen = self.reset()
        return seen, reward.astype(np.float32), over, infos

    def mean_reward(self) -> float:
        """Since the last call."""
        mean, self._paid = float(np.mean(self._paid)), []
        return mean

    def close(self) -> None: ...

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        return [getattr(self, attr_name, None)] * self.num_envs

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        setattr(self, attr_name, value)

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **more: Any) -> Any:
        raise NotImplementedError(method_name)

    def env_is_wrapped(self, wrapper_class: type, indices: Any = None) -> list[bool]:
        return [False] * self.num_envs


class Memory:
    """What an algorithm needs to go on beside its policy's weights, as a part of a run."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._entropy = getattr(model, "log_ent_coef", None)  # sac: learnt beside the policy
        self._buffer = getattr(model, "replay_buffer", None)

    def state_dict(self) -> dict[str, Any]:
        model, buffer = self._model, self._buffer
        optimisers = {k: v for k, v in model.get_parameters().items() if k != "policy"}
        counters = {k: getattr(model, k) for k in COUNTERS if hasattr(model, k)}
        state = {"optimisers": optimisers, "counters": counters}
        if self._entropy is not None:
            state["entropy"] = self._entropy.detach().clone()
        if buffer is not None:
            kept = {k: getattr(buffer, k)[: buffer.size()].copy() for k in TRANSITION}
            state["rows"] = {k: torch.from_numpy(v) for k, v in kept.items()}
            state["place"] = {"pos": buffer.pos, "full": buffer.full}
        return state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._model.set_parameters(state["optimisers"], exact_match=False)
        for name, value in state["counters"].items():
            setattr(self._model, name, value)
        if self._entropy is not None:
            self._entropy.data.copy_(state["entropy"])
        if self._buffer is not None:
            for name, rows in state["rows"].items():
                getattr(self._buffer, name)[: len(rows)] = rows.numpy()
            self._buffer.pos, self._buffer.full = state["place"]["pos"], state["place"]["full"]


def _options(problem: Problem, theirs: Any) -> int:
    """How many values every variable has; UserError where they are not integers of one range."""
    if isinstance(theirs, spaces.MultiBinary):
        return 2
    if not isinstance(theirs, spaces.MultiDiscrete) or len(set(theirs.nvec.tolist())) > 1:
        raise UserError(f"{problem.name} decides integers of different ranges; take view=reduced.")
    return int(theirs.nvec[0])


def _numbered(problem: Problem, counts: np.ndarray) -> np.ndarray:
    """Every choice, one a row; UserError where there are too many."""
    total = float(np.prod(counts.astype(float)))
    if total > MOST:
        raise UserError(
            f"{problem.name} has {total:.3g} discrete choices, and dqn numbers {MOST} at most; "
            "take view=turns, or algorithm=ppo."
        )
    return np.stack(np.unravel_index(np.arange(int(total)), tuple(counts)), -1)


def _flat(outcome: np.ndarray) -> np.ndarray:
    """(rows, users, 2) as a network takes it, (rows, 2 users)."""
    return outcome.reshape(len(outcome), -1).astype(np.float32)
