"""A network for tables of users and options, of any number of either."""

from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ._option_kernels import option_sets


class OptionSets(nn.Module):
    """A score for every option of every user; permute users or options, and the scores follow.

    h + relu(A h + B [mean, max over the users] + C [mean, max over the options]) in every layer,
    after Hartford et al., Deep Models of Interactions Across Sets (2018). From
    (*batch, users, options, features) to (*batch, users, options).
    """

    def __init__(self, features: int, width: int, layers: int) -> None:
        super().__init__()
        self.enter = nn.Linear(features, width)
        self.own = nn.ModuleList(nn.Linear(width, width) for _ in range(layers))
        self.users = nn.ModuleList(nn.Linear(2 * width, width) for _ in range(layers))
        self.options = nn.ModuleList(nn.Linear(2 * width, width) for _ in range(layers))
        self.score = nn.Linear(width, 1)
        self.direct = nn.Linear(features, 1, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        h = torch.relu(self.enter(features))
        for own, users, options in zip(self.own, self.users, self.options, strict=True):
            h = h + torch.relu(own(h) + users(_pooled(h, -3)) + options(_pooled(h, -2)))
        score: Tensor = (self.score(h) + self.direct(features)).squeeze(-1)
        return score

    def scores(self, seen: np.ndarray) -> np.ndarray:
        """`forward` without torch, the same for an instance whatever stands beside it."""
        found: np.ndarray = option_sets(np.ascontiguousarray(seen, np.float32), *_views(self))
        return found


def _pooled(h: Tensor, axis: int) -> Tensor:
    return torch.cat([h.mean(axis, keepdim=True), h.amax(axis, keepdim=True)], -1)


@lru_cache(maxsize=8)
def _views(net: OptionSets) -> tuple[Any, ...]:
    """The weights as `option_sets` takes them: the memory of the network itself, no copies."""

    def pair(linear: nn.Module) -> tuple[np.ndarray, ...]:
        return tuple(value.detach().numpy() for value in linear.parameters())

    layers = (tuple(map(pair, some)) for some in (net.own, net.users, net.options))
    return (pair(net.enter), *layers, pair(net.score), pair(net.direct)[0])
