"""What all kinds of `td3_hybrid` share: choices drawn from scores, judged, and critics in pairs."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from toolkit.arrays import Data, Decision
from toolkit.problems import Evaluation, HasCompletion, Problem

COOL, LEAST_EXPLORE = 0.4, 0.1  # of the first heat and exploration, at the end of a run
WORST = 15.0  # units of loss: what is worse is as bad
TINY = 1e-9  # keeps the logarithm of a draw finite


def straight_through(logits: Tensor, heat: float) -> Tensor:
    """One option each, drawn from the softmax; slopes are those of the softmax at that draw.

    Jang, Gu and Poole, Categorical Reparameterization with Gumbel-Softmax (2017).
    """
    soft = torch.softmax((logits + gumbel(logits)) / heat, -1)
    hard = torch.zeros_like(soft).scatter_(-1, soft.argmax(-1, keepdim=True), 1.0)
    return hard + soft - soft.detach()


def gumbel(like: Tensor) -> Tensor:
    """Gumbel noise in the shape of a tensor, from torch's generator."""
    return -torch.log(-torch.log(torch.rand_like(like).clamp(TINY, 1 - 1e-7)))


def drawn(logits: np.ndarray, explore: float) -> np.ndarray:
    """Options (rows, users): of the softmax, a share of them uniform; from torch's generator."""
    scores = torch.from_numpy(np.asarray(logits))
    chosen = (scores + gumbel(scores)).argmax(-1)
    anything = torch.randint(scores.shape[-1], chosen.shape)
    return torch.where(torch.rand(chosen.shape) < explore, anything, chosen).numpy()


def along(first: float, last: float, progress: float) -> float:
    """From first to last in even steps."""
    return first + (last - first) * progress


def completed(problem: Problem, data: Data, choice: np.ndarray) -> Decision:
    """Whole decisions of options (rows, users), counted from the lowest value."""
    (var,) = problem.space(data).discrete
    assert isinstance(problem, HasCompletion)
    return problem.complete(data, {var.name: choice + np.asarray(var.lower, float)})


def losses(problem: Problem, found: Evaluation) -> np.ndarray:
    """Of judged decisions, (rows,)."""
    return np.asarray(problem.sign * np.asarray(found.objective, float))


def regression(critics: Sequence[nn.Module], seen: Tensor, action: Tensor, aim: Tensor) -> Tensor:
    """The squared errors of both critics, summed."""
    errors = [(critic(seen, action) - aim).square().mean() for critic in critics]
    return torch.stack(errors).sum()


def descend(optimiser: torch.optim.Optimizer, loss: Tensor, most: float = 0.0) -> None:
    """One step of the optimiser's own parameters; slopes longer than `most` are shortened."""
    optimiser.zero_grad()
    torch.autograd.backward(loss)
    if most:
        own = [p for group in optimiser.param_groups for p in group["params"]]
        nn.utils.clip_grad_norm_(own, most)
    optimiser.step()
