"""A learner as a plug-in: a linear score of users, found by the cross-entropy method.

Rubinstein, The cross-entropy method for combinatorial and continuous optimization, Methodology and
Computing in Applied Probability 1 (1999). No gradient, no teacher: weights are drawn, those whose
decisions are best on average say where the next ones are drawn.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, cast

import numpy as np
import torch
from torch import Tensor, nn

from toolkit.learners import Learner, Training
from toolkit.problems import TOLERANCE, HasCompletion, HasFeatures, HasFitting, Problem

Data = Mapping[str, Any]
LOG_EVERY = 10  # steps


class Weights(nn.Module):
    """Where weights are drawn: what a checkpoint keeps."""

    centre: Tensor
    spread: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.register_buffer("centre", torch.zeros(size, dtype=torch.float64))
        self.register_buffer("spread", torch.ones(size, dtype=torch.float64))


@dataclass(frozen=True, kw_only=True)
class Entropy(Learner):
    """Offloads whoever has a score above 0; the score is linear in what a user shows."""

    practice: ClassVar[int] = 30

    instances: int = 64  # that weights are tried on
    drawn: int = 40  # weights a step
    elite: int = 8  # of them, which say where to go
    pace: float = 0.7  # of the way there

    def __post_init__(self) -> None:
        if not 1 <= self.elite <= self.drawn or self.instances < 1:
            raise ValueError("elite must be between 1 and drawn, instances at least 1.")

    def modest(self) -> Learner:
        return replace(self, instances=32)

    def refuses(self, problem: Problem) -> str | None:
        if not (isinstance(problem, HasCompletion) and isinstance(problem, HasFeatures)):
            return "the problem has no completion, or no features of users"
        data = problem.instance().data
        blocks = problem.space(data).discrete
        users = problem.features(data).shape[-2]
        if len(blocks) != 1 or blocks[0].kind != "binary" or blocks[0].shape != (users,):
            return "it decides one bit a user, and the discrete part is another"
        return None

    def build(self, problem: Problem) -> nn.Module:
        return Weights(1 + cast(HasFeatures, problem).features(problem.instance().data).shape[-1])

    def train(self, net: nn.Module, run: Training) -> None:
        assert isinstance(net, Weights)
        data = run.problem.sample(run.rng("instances"), (self.instances,))
        seen = _seen(run.problem, data)
        for step in run.steps(net):
            centre, spread = net.centre.numpy(), net.spread.numpy()
            noise = run.rng("weights", step).standard_normal((self.drawn, len(centre)))
            weights = centre + spread * noise
            masks = seen @ weights.T > 0  # (instances, users, drawn)
            merit = _places(run.problem, data, np.moveaxis(masks, -1, 1)).mean(0)
            best = weights[np.argsort(merit, kind="stable")[: self.elite]]
            net.centre += self.pace * (torch.from_numpy(best.mean(0)) - net.centre)
            net.spread += self.pace * (torch.from_numpy(best.std(0) + 0.01) - net.spread)
            if step % LOG_EVERY == 0:
                run.log(spread=float(net.spread.mean()))

    def act(self, net: nn.Module, problem: Problem, data: Data, k: int = 1) -> dict[str, Any]:
        """Whoever scores above 0; then one user more, one less, two more …, by their scores."""
        assert isinstance(net, Weights)
        scores = _seen(problem, data) @ net.centre.numpy()
        place = np.argsort(np.argsort(-scores, axis=-1, kind="stable"), axis=-1)
        turn = np.arange(k)
        step = np.where(turn % 2, (turn + 1) // 2, -turn // 2)
        sizes = np.clip((scores > 0).sum(-1, keepdims=True) + step, 0, scores.shape[-1])
        return _whole(problem, data, place[:, None] < sizes[..., None])


def _seen(problem: Problem, data: Data) -> np.ndarray:
    """Features of every user, and a one for the threshold, (rows, users, features + 1)."""
    seen = np.asarray(cast(HasFeatures, problem).features(data), float)
    return np.concatenate([seen, np.ones((*seen.shape[:-1], 1))], -1)


def _whole(problem: Problem, data: Data, masks: np.ndarray) -> dict[str, Any]:
    """Decisions for masks (rows, k, users) of a batch of instances (rows, …)."""
    spread = {key: value[:, None] for key, value in data.items()}
    (block,) = problem.space({key: value[0] for key, value in data.items()}).discrete
    choice = {block.name: masks.astype(float)}
    if isinstance(problem, HasFitting):
        choice = problem.fitted(spread, choice)
    return dict(cast(HasCompletion, problem).complete(spread, choice))


def _places(problem: Problem, data: Data, masks: np.ndarray) -> np.ndarray:
    """Which place each mask has among those of its instance, (rows, k): 0 is the best.

    Places, not losses: instances count alike, and what is infeasible comes after all that is not.
    """
    spread = {key: value[:, None] for key, value in data.items()}
    found = problem.evaluate(spread, _whole(problem, data, masks))
    loss = problem.sign * np.asarray(found.objective, float)
    excess = np.where(np.asarray(found.violation) > TOLERANCE, found.violation, 0.0)
    order = np.lexsort((np.nan_to_num(loss, nan=np.inf), np.nan_to_num(excess, nan=np.inf)), axis=1)
    return np.argsort(order, axis=1)
