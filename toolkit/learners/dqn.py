"""DQN: values of modes, learnt from a memory of tasks and a network that follows slowly."""

import copy
from dataclasses import dataclass, replace
from typing import ClassVar, cast

import numpy as np
import torch
from torch import Tensor, nn

from toolkit.arrays import Data, Decision
from toolkit.problems import Problem

from ._adam import Adam, flushed
from ._base import Learner
from ._queue_learner import QueueLearner, features
from ._queue_nets import NEVER, Scores, precise
from ._queue_views import MODES, Pick, Seen, View, followed
from ._replay import Replay
from ._train import Training

LOG_EVERY = 20  # steps
LEAST = 1000  # tasks in memory before anything is learnt


class Values(nn.Module):
    """What a mode will pay, itself and all tasks after it, discounted, (…, 1, MODES)."""

    def __init__(self, inputs: int, width: int, residual: float) -> None:
        super().__init__()
        self.scores, self.residual = Scores(inputs, MODES, width, together=False), residual

    def forward(self, x: Tensor, marginal: Tensor, allowed: Tensor, ahead: Tensor) -> Tensor:
        """ahead (…, 1, 1) is the number of tasks that are expected to come, discounted."""
        found = (1 + ahead) * self.scores(x) - self.residual * marginal
        return cast(Tensor, found.masked_fill(~allowed, NEVER))


@dataclass(frozen=True, kw_only=True)
class Dqn(QueueLearner):
    """Deep Q-learning task by task: on the device or on its own server (modes=3: any).

    Mnih and others (2015), with double estimates (van Hasselt and others, 2016): a memory of
    tasks, and a target network. A value is less the mode's own marginal cost, which is known
    (residual=0: not), plus what is learnt, in units of the tasks to come.
    """

    practice: ClassVar[int] = 60

    modes: int = 2
    residual: float = 1.0
    batch: int = 32  # episodes that are played side by side; a step of training plays them once
    sample: int = 256  # tasks of an update
    every: int = 2  # decisions in each of the episodes, then an update
    memory: int = 50_000  # tasks
    discount: float = 0.9  # a slot
    explore: float = 0.3  # chance of a mode at random, at first; `last_explore` from half on
    last_explore: float = 0.02
    follow: float = 0.01  # part of the way that the target network goes at every update

    def __post_init__(self) -> None:
        super().__post_init__()
        self._at_least(1, "batch", "sample", "every", "memory")
        self._at_least(0, "residual")
        self._shares("explore", "last_explore", "follow")

    def modest(self) -> Learner:
        return replace(self, batch=16, width=16, every=4)

    def refuses(self, problem: Problem) -> str | None:
        return self._refused(problem, "task")

    def build(self, problem: Problem) -> nn.Module:
        return Values(features(problem, "task"), self.width, self.residual)

    def train(self, net: nn.Module, run: Training) -> None:
        inputs = features(run.problem, "task")
        optimiser, target = Adam(net.parameters(), self.rate), copy.deepcopy(net)
        state = (inputs, MODES, MODES, 1)  # of `_state`
        memory = Replay(1, self.memory, (*state, *state, 3))
        parts = {"optimiser": optimiser, "target": target, "memory": memory}
        with flushed():
            for step in run.steps(net, **parts):
                done = run.progress
                optimiser.rate = self.rate_at(done)
                chance = max(0.0, 1 - 2 * done)
                chance = self.last_explore + (self.explore - self.last_explore) * chance
                values = self._episodes(run, step, chance, net, target, memory, optimiser)
                if step % LOG_EVERY == 0:
                    run.log(**values)

    def _episodes(
        self,
        run: Training,
        step: int,
        chance: float,
        net: nn.Module,
        target: nn.Module,
        memory: Replay,
        optimiser: Adam,
    ) -> dict[str, float]:
        """A batch of episodes, with updates meanwhile."""
        rng = run.rng("batch", step)
        drawn = self.drawn(run.problem, self.batch, rng)
        view = View(run.problem, drawn, "task", self.reward, modes=self.modes)
        paid, wrong = 0.0, 0.0
        while not view.over:
            seen, state = view.see(), self._state(view, view.see())
            mode = _greedy(net, state)
            random = np.where(seen.allowed[:, 0], rng.uniform(size=(len(mode), MODES)), -1)
            mode = np.where(rng.uniform(size=len(mode)) < chance, random.argmax(-1), mode)
            reward = view.step(mode[:, None])
            paid += float(reward.sum())
            then = view.see()
            factor = then.active[:, 0] * self.discount ** (then.slot - seen.slot)
            end = np.stack([mode, reward, factor], axis=-1)
            some = seen.active[:, 0]
            columns = (*state, *self._state(view, then), end)
            memory.extend(*(column[some] for column in columns))
            if view.play.at % self.every == 0 and len(memory) >= min(LEAST, self.memory):
                wrong = self._learn(net, target, memory, optimiser)
        tasks = max(1.0, float(drawn["has"].sum()))
        return {"reward": paid / tasks, "wrong": wrong, "explored": chance}

    def _state(self, view: View, seen: Seen) -> tuple[np.ndarray, ...]:
        """What `Values` reads of the task of each row, (rows, …)."""
        ahead = self.ahead(view, seen.slot).numpy()[:, None]
        allowed = seen.allowed[:, 0] & (np.arange(MODES) < self.modes)
        return seen.x[:, 0], seen.marginal[:, 0], allowed, ahead

    def _learn(self, net: nn.Module, target: nn.Module, memory: Replay, optimiser: Adam) -> float:
        """An update of double Q-learning."""
        x, cost, allowed, ahead, *then, end = (part[0] for part in memory.sample(self.sample))
        mode, reward, factor = end.unbind(-1)
        with torch.no_grad():
            best = _values(net, *then).argmax(-1, keepdim=True)
            beyond = _values(target, *then).gather(-1, best).squeeze(-1)
            aim = reward + factor * beyond.clamp(min=-1e6)
        found = _values(net, x, cost, allowed, ahead)
        taken = found.gather(-1, mode.long().unsqueeze(-1)).squeeze(-1)
        loss = nn.functional.smooth_l1_loss(taken, aim)
        optimiser.descend(loss)
        with torch.no_grad():
            for slow, fast in zip(target.parameters(), net.parameters(), strict=True):
                slow.lerp_(fast, self.follow)
        return loss.item()

    def act(self, net: nn.Module, problem: Problem, data: Data, k: int = 1) -> Decision:
        """The mode of the highest value each time, (rows, 1, …)."""
        return followed(View(problem, data, "task", modes=self.modes), self.picks(net))

    def picks(self, net: nn.Module) -> Pick:
        """The modes of the highest values of what a view shows, among those that it may take."""
        exact = precise(net)
        return lambda view: _greedy(exact, self._state(view, view.see()))[:, None]


def _values(net: nn.Module, x: Tensor, cost: Tensor, allowed: Tensor, ahead: Tensor) -> Tensor:
    """(rows, MODES) of tasks (rows, …)."""
    parts = (x, cost, allowed > 0.5, ahead)
    return cast(Tensor, net(*(part.unsqueeze(1) for part in parts))).squeeze(1)


def _greedy(net: nn.Module, state: tuple[np.ndarray, ...]) -> np.ndarray:
    kind = next(net.parameters()).dtype
    with torch.no_grad():
        found = _values(net, *(torch.from_numpy(part).to(kind) for part in state))
    return np.asarray(found.argmax(-1).numpy())
