"""TD3 on sets: options are scored, and a critic that knows how a system's cost is made up.

The cost of a choice is the sum of what users pay by themselves, and of what they cost each other
on a server: so the critic is sum_i a(e_i) + sum_m phi(sum of psi(e_i) over the users i on m),
with e_i what is seen of user i's option. Nothing is carried from frame to frame: gamma is 0.
"""

import math
from itertools import pairwise
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from toolkit.arrays import Data, Decision
from toolkit.instances import rng_for
from toolkit.problems import HasOptions, Problem

from . import _td3 as td3
from ._bits import Stream
from ._masks import one_cycle
from ._option_nets import OptionSets
from ._replay import Replay
from ._td3_settings import Settings
from ._train import Training

WIDTH, LAYERS, LOADS = 48, 3, 16  # of the actor; loads that a critic adds up
DRAWS = 4  # of the actor's choice for an instance of a batch, in a step of learning
LONGEST = 1.0  # slope of a step
LOG_EVERY = 20


class Critic(nn.Module):
    """The loss of choices (…, users, options) of instances, as their features tell it."""

    def __init__(self, features: int, width: int) -> None:
        super().__init__()
        self.enter = nn.Sequential(
            nn.Linear(features, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU()
        )
        self.alone = nn.Linear(width, 1)
        self.load = nn.Linear(width, LOADS)
        # congestion is often a square: given, it need not be pieced together
        self.crowd = nn.Sequential(
            nn.Linear(2 * LOADS, width), nn.ReLU(), nn.Linear(width, 1, bias=False)
        )
        self.direct = nn.Linear(2 * LOADS, 1, bias=False)

    def forward(self, seen: Tensor, action: Tensor) -> Tensor:
        """(rows, draws): of actions (rows, draws, users, options)."""
        e = self.enter(seen)
        alone = torch.einsum("rkio,rio->rk", action, self.alone(e).squeeze(-1))
        load = torch.einsum("rkio,riol->rkol", action, self.load(e)) / math.sqrt(seen.shape[1])
        both = torch.cat([load, load.square()], -1)
        crowd = (self.crowd(both) + self.direct(both)).sum((-2, -1))
        loss: Tensor = alone / seen.shape[1] + crowd
        return loss


class SetNet(nn.Module):
    """The actor and two critics; there is nothing to look ahead for, so there are no targets."""

    def __init__(self, problem: Problem) -> None:
        super().__init__()
        data = {key: value[None] for key, value in problem.instance().data.items()}
        features = see(problem, data).shape[-1]
        self.actor = OptionSets(features, WIDTH, LAYERS)
        self.critics = nn.ModuleList(Critic(features, WIDTH) for _ in range(2))


class Rows:
    """Instances as rows of one table, so that a memory can keep them."""

    def __init__(self, data: Data) -> None:
        """`data` has one leading axis."""
        self._shapes = {key: value.shape[1:] for key, value in data.items()}
        ends = np.cumsum([0, *(math.prod(shape) for shape in self._shapes.values())])
        self._places, self.width = [slice(*ends) for ends in pairwise(ends)], int(ends[-1])

    def table(self, data: Data) -> np.ndarray:
        count = len(next(iter(data.values())))
        return np.concatenate([np.reshape(data[key], (count, -1)) for key in self._shapes], 1)

    def data(self, table: np.ndarray) -> dict[str, np.ndarray]:
        wide = table.astype(float)
        return {
            key: wide[:, place].reshape(-1, *shape)
            for (key, shape), place in zip(self._shapes.items(), self._places, strict=True)
        }


def see(problem: Problem, data: Data) -> np.ndarray:
    """What is seen of every option while nobody has chosen, (rows, users, options, features)."""
    rows, users = len(next(iter(data.values()))), problem.users(data)
    everyone = np.tile(np.arange(users), (rows, 1))
    options = cast(HasOptions, problem).options(data)
    return options.see(np.arange(rows), np.full((rows, users), -1), everyone)


def train(net: SetNet, run: Training, s: Settings) -> None:
    """Frames arrive, are decided, judged and kept; the critics and the actor learn from memory."""
    problem = run.problem
    stream = Stream(run, s.frames)
    first, _ = stream.take(0)
    rows, users = Rows(first), problem.users(first)
    memory = Replay(1, s.memory, [rows.width, users, 1])
    actor = torch.optim.Adam(net.actor.parameters(), lr=s.rate)
    critic = torch.optim.Adam(net.critics.parameters(), lr=s.rate)
    parts: dict[str, Any] = {"actor": actor, "critic": critic, "memory": memory}
    for step in run.steps(net, **parts):
        data, _ = stream.take(step)
        explore = td3.along(s.explore, td3.LEAST_EXPLORE * s.explore, run.progress)
        choice = td3.drawn(net.actor.scores(see(problem, data)), explore)
        whole = td3.completed(problem, data, choice)
        loss = _relative(problem, data, whole)
        if run.decided:
            run.decided(step * s.frames, whole, len(choice))
        memory.extend(rows.table(data), choice, loss[:, None])
        for optimiser in (actor, critic):
            for group in optimiser.param_groups:
                group["lr"] = s.rate * (one_cycle(run.progress) if s.cosine else 1.0)
        table, kept, paid = (part[0] for part in memory.sample(s.batch))
        seen = torch.from_numpy(see(problem, rows.data(table.numpy())))
        taken = nn.functional.one_hot(kept.long(), seen.shape[2]).float()[:, None]
        error = td3.regression(list(net.critics), seen, taken, paid)
        td3.descend(critic, error, LONGEST)
        if (step + 1) % s.delay == 0:
            heat = td3.along(s.heat, td3.COOL * s.heat, run.progress)
            td3.descend(actor, _expected(net, seen, heat), LONGEST)
        if step % LOG_EVERY == 0:
            run.log(loss=float(loss.mean()), critic_loss=error.item() / 2)


def _expected(net: SetNet, seen: Tensor, heat: float) -> Tensor:
    """What the first critic says of the actor's choices."""
    logits = net.actor(seen)
    action = td3.straight_through(logits[:, None].expand(-1, DRAWS, -1, -1), heat)
    said: Tensor = net.critics[0](seen, action)
    return said.mean()


def _relative(problem: Problem, data: Data, whole: Decision) -> np.ndarray:
    """Losses in units of what the lowest choice (all local) loses, clipped at td3.WORST."""
    count = len(next(iter(data.values())))
    (var,) = problem.space(data).discrete
    lowest = td3.completed(problem, data, np.zeros((count, *var.shape)))
    unit = np.abs(td3.losses(problem, problem.evaluate(data, lowest)))
    loss = td3.losses(problem, problem.evaluate(data, whole)) / np.maximum(unit, 1e-300)
    return np.asarray(
        np.nan_to_num(loss, nan=td3.WORST, posinf=td3.WORST).clip(-td3.WORST, td3.WORST)
    )


def act(net: SetNet, problem: Problem, data: Data, k: int) -> Decision:
    """The choice of the best options, and k - 1 draws from the softmax; completed."""
    scores = net.actor.scores(see(problem, data)).astype(float)
    noise = rng_for("samples").gumbel(size=(k, *scores.shape[1:]))
    noise[0] = 0.0
    choice = (scores[:, None] + noise).argmax(-1)
    spread = {key: value[:, None] for key, value in data.items()}
    return td3.completed(problem, spread, choice)
