"""A2C: advantage actor-critic, whole batches of episodes at once."""

import sys
from dataclasses import dataclass
from typing import ClassVar, cast

from torch import nn

from ._actor_critic import ActorCriticLearner, play
from ._adam import Adam, flushed
from ._queue_nets import ActorCritic
from ._train import Training

LOG_EVERY = 20  # steps


@dataclass(frozen=True, kw_only=True)
class A2c(ActorCriticLearner):
    """Advantage actor-critic, synchronous: a batch of episodes, then one update; see a3c.

    It decides task by task (heads=task), seeing what each mode adds to the cost of all, from which
    it starts as the greedy rule; or slot by slot as in the article (heads=slot). Advantages are
    generalised; the critic, which only training has, knows the tasks that will come
    (Mao and others, Variance Reduction for Input-Driven Environments, 2019).
    """

    practice: ClassVar[int] = 60

    trace: float = 0.98  # lambda, a step
    value: float = 1.0  # weight of the critic's loss

    def __post_init__(self) -> None:
        super().__post_init__()
        self._shares("trace")
        self._at_least(0, "value")

    def train(self, net: nn.Module, run: Training) -> None:
        net = cast(ActorCritic, net)
        optimiser = Adam(net.parameters(), self.rate)
        with flushed():
            for step in run.steps(net, optimiser=optimiser):
                optimiser.rate = self.rate_at(run.progress)
                bonus = self.entropy * (1 - run.progress)
                rng = run.rng("batch", step)
                view = self.begin(run.problem, rng)
                trail = play(net, view, sys.maxsize, rng)
                actor, critic, doubt = self.losses(net, view, trail, self.trace)
                optimiser.descend(actor + self.value * critic - bonus * doubt)
                if step % LOG_EVERY == 0:
                    paid = float(trail.reward.sum() / max(1.0, view.data["has"].sum()))
                    run.log(reward=paid, entropy=doubt.item(), critic=critic.item())
