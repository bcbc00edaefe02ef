"""A3C: actors and critics that learn on one shared network, each at its own pace."""

import copy
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import ClassVar, cast

import torch
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped,unused-ignore]
from torch import Tensor, multiprocessing, nn

from ._actor_critic import ActorCriticLearner, play
from ._adam import flushed
from ._base import Learner
from ._queue_nets import ActorCritic
from ._train import Training
from ._workers import Crew, Round, SharedAdam, Told, Values, Worker

LOG_EVERY = 20  # steps


@dataclass(frozen=True, kw_only=True)
class A3c(ActorCriticLearner):
    """Asynchronous advantage actor-critic: processes that learn on one shared network; see a2c.

    Mnih and others, Asynchronous Methods for Deep Reinforcement Learning (2016): each worker
    copies the shared weights, plays `n_steps` steps, and moves the shared weights by n-step
    returns and a bonus of entropy. A step of training is a worker's batch of episodes. One worker
    needs no other process, and the same seed gives the same weights; so it is where a process may
    have no children. A worker that is killed loses its batch, which is played again.
    """

    practice: ClassVar[int] = 60

    workers: int = 2
    batch: int = 16
    n_steps: int = 32  # decisions in each of the batch's episodes, then an update
    value: float = 1.0  # weight of the critic's loss
    clip: float = 5.0  # of the slope's length

    def __post_init__(self) -> None:
        super().__post_init__()
        self._at_least(1, "workers", "n_steps")
        self._at_least(0, "value", "clip")

    def modest(self) -> Learner:
        return replace(self, workers=1, width=16)

    def train(self, net: nn.Module, run: Training) -> None:
        shared = SharedAdam(net.parameters(), self.rate)
        alone = self.workers == 1 or multiprocessing.current_process().daemon
        rounds = self._alone if alone else self._together
        with flushed(), rounds(cast(ActorCritic, net), run, shared) as following:
            for step in run.steps(net, optimiser=shared):
                values = next(following)
                if step % LOG_EVERY == 0:
                    run.log(**values)
        shared.release()

    @contextmanager
    def _alone(
        self, net: ActorCritic, run: Training, shared: SharedAdam
    ) -> Iterator[Iterator[Values]]:
        one = begin(self, copy.deepcopy(net), run, shared)
        yield (one(run.step, run.progress) for _ in iter(int, 1))

    @contextmanager
    def _together(
        self, net: ActorCritic, run: Training, shared: SharedAdam
    ) -> Iterator[Iterator[Values]]:
        """… in processes, which are started once the weights are those to begin with."""
        shared.share()
        about = Training(problem=run.problem, seed=run.seed)  # what is drawn, and no files
        crews: list[Crew] = []

        def rounds() -> Iterator[Values]:
            told = Told(joined, (self, copy.deepcopy(net), about), shared.tensors)
            crews.append(Crew(self.workers, told, run.step, run.max_steps))
            while True:
                yield {**crews[0].round(run.progress), "lost": float(crews[0].lost)}

        try:
            yield rounds()
        finally:
            for crew in crews:
                crew.end()


def joined(learner: A3c, net: ActorCritic, run: Training, tensors: list[Tensor]) -> Round:
    """The rounds of another process's shared weights."""
    threadpool_limits(1)
    shared = SharedAdam(net.parameters(), learner.rate)
    shared.join(tensors)
    return begin(learner, net, run, shared)


def begin(learner: A3c, net: ActorCritic, run: Training, shared: SharedAdam) -> Round:
    worker = Worker(net, shared, learner.clip)

    def one(number: int, progress: float) -> Values:
        """A batch of episodes, an update every few steps."""
        rate, bonus = learner.rate_at(progress), learner.entropy * (1 - progress)
        rng, begun = run.rng("batch", number), time.process_time()
        view, paid, doubts = learner.begin(run.problem, rng), 0.0, [0.0]
        while not view.over:
            worker.pull()
            trail = play(net, view, learner.n_steps, rng)
            actor, critic, doubt = learner.losses(net, view, trail, 1.0)
            worker.push(actor + learner.value * critic - bonus * doubt, rate)
            paid += float(trail.reward.sum())
            doubts.append(doubt.item())
        tasks = max(1.0, float(view.data["has"].sum()))
        return {
            "reward": paid / tasks,
            "entropy": float(torch.tensor(doubts[1:]).mean()),
            "tasks": tasks,
            "cpu": time.process_time() - begun,
        }

    return one
