"""Networks that learners share."""

import torch
from torch import Tensor, nn


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

    def forward(self, features: Tensor) -> Tensor:
        h = torch.relu(self.enter(features))
        for own, shared in zip(self.own, self.shared, strict=True):
            pooled = torch.cat([h.mean(-2, keepdim=True), h.amax(-2, keepdim=True)], -1)
            h = h + torch.relu(own(h) + shared(pooled))
        score: Tensor = self.score(h).squeeze(-1)
        return score
