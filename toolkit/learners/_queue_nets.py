"""Networks of learners of queues: what each mode is worth, and what an episode will still cost."""

import copy
from typing import cast

import torch
from torch import Tensor, nn

from ._queue_views import LATER, MODES, Seen

NEVER = -1e9  # of a mode that is not allowed
SMALL = 0.01  # of last layers at first: they begin with what is known without them


class Scores(nn.Module):
    """Three numbers for the modes of each entity.

    Of the entity alone, through two layers; or `together` with a trunk that takes the mean over
    all entities, so that each knows of the others what the article's global state tells.
    """

    def __init__(self, inputs: int, outputs: int, width: int, together: bool) -> None:
        super().__init__()
        self.trunk = None
        if together:
            self.trunk = nn.ModuleList([nn.Linear(inputs, 2 * width), nn.Linear(2 * width, width)])
        self.layers = nn.Sequential(
            nn.Linear(inputs + width * together, width),
            nn.ReLU(),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Linear(width, outputs),
        )
        last = cast(nn.Linear, self.layers[-1])
        with torch.no_grad():
            last.weight.mul_(SMALL)
            last.bias.zero_()

    def forward(self, x: Tensor) -> Tensor:
        """(…, entities, inputs) to (…, entities, outputs)."""
        if self.trunk is not None:
            first, second = self.trunk
            pooled = second(first(x).relu().mean(-2, keepdim=True)).relu()
            x = torch.cat([x, pooled.expand(*x.shape[:-1], pooled.shape[-1])], -1)
        return cast(Tensor, self.layers(x))


class ActorCritic(nn.Module):
    """Scores of modes, and of what an episode will still pay, in units of the tasks to come."""

    def __init__(self, inputs: int, width: int, together: bool, residual: float) -> None:
        super().__init__()
        self.actor = Scores(inputs, MODES, width, together)
        self.critic = Scores(inputs + LATER, 1, width, together)
        self.residual = residual

    def logits(self, x: Tensor, marginal: Tensor, allowed: Tensor) -> Tensor:
        """(…, entities, MODES): residual times the marginal costs, less what is learnt."""
        found = self.actor(x) - self.residual * marginal
        return cast(Tensor, found.masked_fill(~allowed, NEVER))

    def value(self, x: Tensor, later: Tensor, ahead: Tensor) -> Tensor:
        """(…,): of all the entities together; ahead (…,) is the expected number of tasks to come,
        discounted."""
        each = self.critic(torch.cat([x, later], -1)).mean((-1, -2))
        return cast(Tensor, ahead * each)


def tensors(seen: Seen, kind: torch.dtype = torch.float32) -> tuple[Tensor, Tensor, Tensor]:
    """(x, marginal above the least, allowed) for `logits`."""
    marginal = seen.marginal - seen.marginal.min(-1, keepdims=True)
    parts = (torch.from_numpy(part).to(kind) for part in (seen.x, marginal))
    return (*parts, torch.from_numpy(seen.allowed))  # type: ignore[return-value]


def precise(net: nn.Module) -> nn.Module:
    """The same network in float64: what it decides for a row does not hang on rows beside it."""
    return copy.deepcopy(net).double().eval()
