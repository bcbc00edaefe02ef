"""Imitation: a network that learns the masks of a teacher."""

from dataclasses import dataclass

import numpy as np
from torch import nn

from toolkit.errors import UserError

from ._masks import MaskLearner, block
from ._train import Training


@dataclass(frozen=True, kw_only=True)
class Imitate(MaskLearner):
    """Learns a teacher's masks (`--teacher`, `exact` by default) on instances of many sizes.

    Labels are made once for a pool of batches, as they are needed, and used again and again.
    """

    pool: int = 100  # batches with labels

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.pool < 1:
            raise ValueError(f"pool is {self.pool}; it must be at least 1.")

    @property
    def taught(self) -> bool:
        return True

    def train(self, net: nn.Module, run: Training) -> None:
        optimiser = self.optimiser(net)
        known: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        for step in run.steps(net, optimiser=optimiser):
            lap, place = divmod(step, self.pool)
            number = int(run.rng("order", lap).permutation(self.pool)[place])
            if number not in known:
                known[number] = self.labelled(run, number)
            seen, labels = known[number]
            if len(labels):
                self.descend(net, optimiser, run, seen, labels)

    def labelled(self, run: Training, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Features and masks of the instances of a batch that the teacher can solve."""
        if run.teacher is None:
            raise UserError("imitate needs a teacher; name a solver with --teacher.")
        problem, data = self.draw(run, number)
        choices, solved = run.teacher(problem, data)
        var = block(problem, data)
        assert var is not None
        return self.features(problem, data)[solved], choices[var.name][solved] > 0.5
