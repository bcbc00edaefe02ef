"""Self-labelling: a network that learns the best of its own guesses."""

from dataclasses import dataclass

import numpy as np
from torch import nn

from ._masks import MaskLearner, best_of, likeliest, prefixes
from ._train import Training


@dataclass(frozen=True, kw_only=True)
class SelfLabel(MaskLearner):
    """Learns the best of its own guesses, completed and judged: no teacher, no labels.

    Huang, Bi and Zhang, Deep Reinforcement Learning for Online Computation Offloading (DROO,
    2020), with the likeliest masks beside the order-preserving ones and new instances at
    every step in place of a memory.
    """

    likely: int = 12  # guesses an instance
    cuts: int = 12

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.likely < 1 or self.cuts < 0:
            raise ValueError("likely must be at least 1, cuts at least 0.")

    def train(self, net: nn.Module, run: Training) -> None:
        optimiser = self.optimiser(net)
        for step in run.steps(net, optimiser=optimiser):
            problem, data = self.draw(run, step)
            seen = self.features(problem, data)
            scores = self.score(net, seen)
            tried = [likeliest(scores, self.likely), prefixes(scores, self.cuts)]
            labels, known = best_of(problem, data, np.concatenate(tried, axis=1))
            if known.any():
                self.descend(net, optimiser, run, seen[known], labels[known])
