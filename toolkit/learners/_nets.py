"""Networks that learners share."""

from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ._net_kernels import deep_sets


class DeepSets(nn.Module):
    """A score for every element of a set: permute the elements, and the scores are permuted.

    Zaheer et al., Deep Sets (2017): h + relu(A h + B [mean h, max h]) in every layer, the mean
    and the maximum over the set. From (*batch, elements, features) to (*batch, elements).
    """

    def __init__(self, features: int, width: int, layers: int) -> None:
        super().__init__()
        self.enter = nn.Linear(features, width)
        self.own = nn.ModuleList(nn.Linear(width, width) for _ in range(layers))
        self.shared = nn.ModuleList(nn.Linear(2 * width, width) for _ in range(layers))
        self.score = nn.Linear(width, 1)
        self.direct = nn.Linear(features, 1, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        h = torch.relu(self.enter(features))
        for own, shared in zip(self.own, self.shared, strict=True):
            pooled = torch.cat([h.mean(-2, keepdim=True), h.amax(-2, keepdim=True)], -1)
            h = h + torch.relu(own(h) + shared(pooled))
        score: Tensor = (self.score(h) + self.direct(features)).squeeze(-1)
        return score

    def scores(self, seen: np.ndarray) -> np.ndarray:
        """`forward` without torch, which costs more than the sums where instances are few."""
        seen = np.ascontiguousarray(seen, np.float32)
        found: np.ndarray = deep_sets(seen.reshape(-1, *seen.shape[-2:]), *_views(self))
        return found.reshape(seen.shape[:-1])


@lru_cache(maxsize=8)
def _views(net: DeepSets) -> tuple[Any, ...]:
    """The weights as `deep_sets` takes them: the memory of the network itself, no copies."""

    def pair(linear: nn.Module) -> tuple[np.ndarray, ...]:
        return tuple(value.detach().numpy() for value in linear.parameters())

    own, shared = (tuple(map(pair, some)) for some in (net.own, net.shared))
    return pair(net.enter), own, shared, pair(net.score), pair(net.direct)[0]
