"""Distributed deep learning-based offloading."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from toolkit.problems import Problem

from ._frames import Deciders, FrameLearner, Settings, whole_number
from ._quantise import nearest, relaxed

MOST_GUESSES = 1000  # of a network, and networks


@dataclass(frozen=True, kw_only=True)
class DdloLearner(FrameLearner):
    """Parallel networks propose bits; the best by the objective is what all of them learn.

    Huang, Feng, Zhang, Qian and Wu, Distributed Deep Learning-based Offloading for Mobile Edge
    Computing Networks (2018), Algorithm 1. Each network draws its own batch from one memory. The
    paper explores by differences between networks alone; tuned, each has several guesses.
    """

    presets: ClassVar[Mapping[str, Settings]] = {
        "paper": Settings(
            init="paper",
            rate=1e-2,
            beta1=0.09,
            start=512,
            inputs="size:1.1920928955078125e-06:-200",  # 10 for each MB of 2^23 bits, less 200
        ),
        "tuned": Settings(every=1, frames=5),
    }

    nets: int = 3  # K
    guesses: int | None = None  # of each network; 1 in the paper, 8 tuned

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, value in (("nets", self.nets), ("guesses", self.each)):
            if not whole_number(value, 1, MOST_GUESSES):
                raise ValueError(
                    f"{name} is {value!r}; it must be a whole number from 1 to {MOST_GUESSES:,}."
                )

    @property
    def each(self) -> int:
        """Guesses of a network: its bits, then the others nearest to its relaxed decision."""
        return self.guesses if self.guesses is not None else 1 if self.preset == "paper" else 8

    def networks(self) -> int:
        return self.nets

    def build(self, problem: Problem) -> Deciders:
        net = super().build(problem)
        net.tries.fill_(self.nets * min(self.each, 2**net.bits))
        return net

    def candidates(self, net: Deciders, logits: np.ndarray, k: int) -> np.ndarray:
        """The first guesses of all networks, then the second ones …: (rows, at most k, n)."""
        each = min(self.each, -(-k // self.nets))
        found = np.stack([nearest(relaxed(row), each) for row in logits], axis=2)
        return found.reshape(len(found), -1, net.bits)[:, :k]
