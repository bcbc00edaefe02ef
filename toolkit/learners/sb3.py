"""Stable-Baselines3's algorithms as learners: an independent yardstick for our own.

The algorithms, their networks and their settings are those of the packages stable-baselines3 and
sb3-contrib, but for what the fields say. What is ours here is the way in and out: environments in
one batch, a cycle that can be checkpointed, and global generators that are put back.

    view      an action is                                  an episode is
    reduced   the discrete variables, `complete` does the   one decision on an instance of its own:
              rest; a box in [0, 1] is rounded (sac, td3,   no decision changes what comes after it,
              ddpg), or all choices are numbered (dqn)      so there is nothing to look ahead for
    scores    the same, a score in [0, 1] for every value   the same
              of a variable: the largest decides
    turns     one user's choice, users in turn; what they   an instance, a turn for every user: what
              choose loads those who come later             is chosen counts for the rest, so set
                                                            gamma=0.99 or so
    steps     the problem's own step, where it   the problem's own, seen as by toolkit/…-steps-v0:
              unfolds in time: one integer is a  set gamma=0.99 or so; a cycle is at least a whole
              category, else a box in [-1, 1]    episode
    full      all variables in [-1, 1]                      one decision
    paper     shares of cpdrl's maxima in [0, 1]            `rollout` decisions on one instance; the
                                                            process of our own `ddpg`, tuned preset
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import ceil, inf
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np
import torch
from torch import nn

from toolkit.arrays import Data, Decision
from toolkit.envs import Rules
from toolkit.envs._rules import View
from toolkit.errors import UserError
from toolkit.problems import Problem
from toolkit.problems.cpdrl.problem import Cpdrl

from ._base import Learner
from ._train import Training

if TYPE_CHECKING:
    from ._sb3 import Stage

ON_POLICY, OFF_POLICY = ("ppo", "a2c", "trpo"), ("sac", "td3", "ddpg", "dqn")
CONTINUOUS = ("sac", "td3", "ddpg")
VIEWS = ("reduced", "scores", "turns", "steps", "full", "paper")
UNIT = 20  # of `rollout`: a2c learns after 5 decisions, dqn after 4, ppo from halves
BUFFER = 100_000  # transitions that the off-policy algorithms keep (Table I of cpdrl's paper)
SETTLE = 10  # decisions after which view `paper` has left the starting state


@dataclass(frozen=True, kw_only=True)
class Sb3(Learner):
    """Stable-Baselines3: sb3[algorithm=ppo], a2c, trpo, sac, td3, ddpg or dqn.

    It learns for one number of users. A step of training is `rollout` decisions in each of `envs`
    environments, with the algorithm's own updates between them or after them.
    """

    requires: ClassVar[tuple[str, ...]] = ("stable_baselines3", "sb3_contrib")
    one_size: ClassVar[bool] = True
    practice: ClassVar[int] = 30

    algorithm: str = "ppo"
    view: str = "reduced"  # or scores, turns, steps, full, paper; see above
    rate: float = 0.0  # of learning; 0: the package's own
    batch: int = 0  # of an update, all but a2c; 0: the package's own, or half a rollout (ppo, trpo)
    width: tuple[int, ...] = ()  # of the layers of all networks; none: the package's own
    gamma: float = 0.0  # of views `paper`, `turns`, `steps`; elsewhere an episode is one decision
    envs: int = 8  # side by side in training; one where it learns on an instance
    rollout: int = 100
    noise: float = 0.1  # td3 and ddpg: standard deviation on actions in [-1, 1]
    penalty: float = 10.0  # of the environments' reward

    def __post_init__(self) -> None:
        if not isinstance(self.width, list | tuple) or not all(_whole(w) for w in self.width):
            raise ValueError(f"width is {self.width!r}; it must be a list such as [64,64].")
        object.__setattr__(self, "width", tuple(self.width))  # JSON knows lists only
        for key, known in (("algorithm", ON_POLICY + OFF_POLICY), ("view", VIEWS)):
            if getattr(self, key) not in known:
                raise ValueError(f"{key} is {getattr(self, key)!r}; known: {', '.join(known)}.")
        if self.rollout < UNIT or self.rollout % UNIT:
            raise ValueError(f"rollout is {self.rollout}; it must be a multiple of {UNIT}.")
        if self.envs < 1 or self.batch < 0:
            raise ValueError("envs must be at least 1, and batch at least 0.")
        if min(self.rate, self.noise, self.penalty) < 0 or not 0 <= self.gamma < 1:
            raise ValueError("rate, noise and penalty must be at least 0, gamma below 1 too.")

    def refuses(self, problem: Problem) -> str | None:
        if package := self.missing():
            return f"it needs the package {package!r}: pip install {package}"
        if self.view == "paper" and not isinstance(problem, Cpdrl):
            return "the paper's process is that of cpdrl; take view=reduced or view=full"
        if self.algorithm == "dqn" and self.view not in ("reduced", "turns", "steps"):
            return "dqn numbers the discrete choices; take view=reduced, view=turns or view=steps"
        if self.algorithm in CONTINUOUS and self.view == "turns":
            return f"{self.algorithm} takes no categorical action; take view=scores or view=reduced"
        try:
            self._stage(problem)
        except UserError as error:
            return str(error).rstrip(".")
        return None

    def modest(self) -> "Sb3":
        return replace(self, rollout=UNIT, envs=2, batch=2 * UNIT, rate=3e-3)

    def build(self, problem: Problem) -> nn.Module:
        from ._sb3 import Episodes

        stage = self._stage(problem)
        alone = replace(self, batch=0)  # `batch` suits `envs`, of which here is one
        policy: nn.Module = alone._model(Episodes(stage, 1, 1, None)).policy
        if self.view == "steps":  # it keeps the units in which it sees
            policy.register_buffer("units", torch.from_numpy(cast(Any, stage).units))
        return policy

    def train(self, net: nn.Module, run: Training) -> None:
        """Every episode has instances of its own."""
        from ._sb3 import Episodes, Memory

        env = Episodes(self._stage(run.problem), self.envs, self._horizon, run.problem)
        with _own_numpy():
            model = self._model(env, net, run)
            for _ in run.steps(net, sb3=Memory(model)):
                self._cycle(model, env, inf)
                run.log(reward=env.mean_reward())

    def explore(
        self, net: nn.Module, run: Training, data: Data, execute: Callable[[Decision], object]
    ) -> None:
        """Learns on the instances of `data`, each in an environment of its own."""
        from ._sb3 import Episodes, Memory

        count = len(next(iter(data.values())))
        env = Episodes(self._stage(run.problem), count, self._horizon, data, execute)
        with _own_numpy():
            model = self._model(env, net, run)
            for step in run.steps(net, sb3=Memory(model)):
                if step >= env.decided:  # a step is a decision, but they come in cycles
                    self._cycle(model, env, run.max_steps - step)
                    run.log(reward=env.mean_reward())

    def act(self, net: Any, problem: Problem, data: Data, k: int = 1) -> Decision:
        """The decision of the policy without noise, one whatever k."""
        stage = self._stage(problem)
        if self.view == "steps" and len(net.units) == stage.observation_space.shape[0]:
            cast(Any, stage).units = net.units.numpy()
        seen = stage.begin(data)
        if seen.shape[-1:] != net.observation_space.shape:
            raise UserError(f"{self} was trained for another number of users; train it again.")
        for _ in range(SETTLE if self.view == "paper" else stage.steps):
            action, _ = net.predict(seen, deterministic=True)
            seen, _, decision = stage.step(action)
        return {name: np.asarray(block, float)[:, None] for name, block in decision.items()}

    @property
    def _horizon(self) -> int:
        """Decisions of an episode; 0: those that the stage has."""
        return self.rollout if self.view == "paper" else 0

    def _stage(self, problem: Problem) -> "Stage":
        from ._sb3 import PaperStage, PlayStage
        from ._steps import StepStage
        from ._turns import TurnStage

        if self.view == "paper":
            assert isinstance(problem, Cpdrl)
            return PaperStage(problem)
        if self.view == "turns":
            return TurnStage(problem)
        if self.view == "steps":
            return StepStage(problem, self.algorithm in CONTINUOUS, self.algorithm == "dqn")
        view: View = "full" if self.view == "full" else "reduced"
        rules = Rules(view=view, state="features", penalty=self.penalty)
        how = self.algorithm in CONTINUOUS, self.algorithm == "dqn", self.view == "scores"
        return PlayStage(problem, rules, *how)

    def _model(self, env: Any, net: nn.Module | None = None, run: Training | None = None) -> Any:
        """The package's algorithm, with `net` for a policy where there is one."""
        import sb3_contrib
        import stable_baselines3
        from stable_baselines3.common.logger import Logger

        def ready(*args: Any, **kwargs: Any) -> Any:
            return net

        package = sb3_contrib if self.algorithm == "trpo" else stable_baselines3
        algorithm = getattr(package, self.algorithm.upper())
        policy = "MlpPolicy" if net is None else ready
        model = algorithm(policy, env, gamma=self.gamma, device="cpu", **self._settings(env))
        model.set_logger(Logger(None, []))  # it prints nothing
        if self.algorithm == "dqn" and run is not None:  # its own counts from cycle to cycle
            model.exploration_schedule = lambda _: _exploration(model, run.progress)
        return model

    def _settings(self, env: Any) -> dict[str, Any]:
        """What differs from the package's defaults, beside gamma."""
        given: dict[str, Any] = {"learning_rate": self.rate} if self.rate else {}
        if self.width:
            given["policy_kwargs"] = {"net_arch": list(self.width)}
        if self.algorithm in OFF_POLICY:
            given["buffer_size"] = BUFFER
        if self.algorithm in ("ppo", "trpo"):  # their 2,048 would be two updates in 4,500 decisions
            given["n_steps"] = self._cycle_of(env)
            given["batch_size"] = given["n_steps"] // 2
        if self.batch and self.algorithm != "a2c":
            given["batch_size"] = self.batch
        if self.algorithm in ("td3", "ddpg"):  # without noise they would not explore
            from stable_baselines3.common.noise import NormalActionNoise

            size = env.action_space.shape
            given["action_noise"] = NormalActionNoise(np.zeros(size), np.full(size, self.noise))
        return given

    def _cycle_of(self, env: Any) -> int:
        """Decisions of a cycle in each environment: as it begins new episodes, whole ones."""
        episode = env.usual_steps if self.view == "steps" else 0
        return max(self.rollout, UNIT * ceil(episode / UNIT))

    def _cycle(self, model: Any, env: Any, most: float) -> None:
        """A cycle of decisions in each environment, or `most` without an update after the last.

        It begins new episodes, and draws seeds for all its generators from torch's: so nothing of
        them need be kept between cycles.
        """
        seed = int(torch.randint(2**31 - 1, ()))
        np.random.seed(seed)  # noqa: NPY002  the package draws from it
        env.rng = np.random.default_rng(seed)
        env.action_space.seed(seed)
        cycle = self._cycle_of(env)
        stop = env.decided + most if most < cycle else inf
        model.set_env(env)
        model.learn(
            cycle * env.num_envs,
            callback=lambda *_: env.decided < stop,
            log_interval=None,
            reset_num_timesteps=False,
        )


def _exploration(model: Any, progress: float) -> float:
    """dqn's share of random decisions: it falls linearly, over the first tenth of a run."""
    done = min(progress / model.exploration_fraction, 1.0)
    return float((1 - done) * model.exploration_initial_eps + done * model.exploration_final_eps)


def _whole(width: object) -> bool:
    return isinstance(width, int) and width >= 1


@contextmanager
def _own_numpy() -> Iterator[None]:
    """Leaves NumPy's global generator, from which the package draws, as it was."""
    before = np.random.get_state()  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(before)  # noqa: NPY002
