"""Deep reinforcement learning-based online offloading."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from toolkit.problems import Problem

from ._frames import Deciders, FrameLearner, Settings
from ._quantise import QUANTISERS, relaxed


@dataclass(frozen=True, kw_only=True)
class DrooLearner(FrameLearner):
    """One network's relaxed decision, quantised into K candidates; it learns the best of them.

    Huang, Bi and Zhang, Deep Reinforcement Learning for Online Computation Offloading in Wireless
    Powered Mobile-Edge Computing Networks (2020), Algorithm 1. K adapts to where the best
    candidates were of late; in the papers' words delta is `window`, and K is at most n.
    """

    presets: ClassVar[Mapping[str, Settings]] = {
        "paper": Settings(init="paper", bias=0.1, rate=1e-2, beta1=0.09, inputs="gain:1e6:0"),
        "tuned": Settings(every=1, frames=10),
    }

    quantiser: str = "order"  # order-preserving, or "knn": the nearest vectors of bits
    most: int = 0  # candidates at first and at most; 0: as many as there are bits
    window: int = 32  # frames from one change of K to the next; 0: K stays

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.quantiser not in QUANTISERS:
            known = " or ".join(QUANTISERS)
            raise ValueError(f"quantiser is {self.quantiser!r}; it must be {known}.")
        if self.most < 0 or self.window < 0 or self.window == 1:
            raise ValueError("most must be at least 0, window 0 or at least 2.")

    def build(self, problem: Problem) -> Deciders:
        net = super().build(problem)
        net.tries.fill_(self._limit(net))
        net.recent = torch.zeros(self.window, dtype=torch.long)
        net.register_buffer("seen", torch.tensor(0))
        return net

    def _limit(self, net: Deciders) -> int:
        return min(self.most or net.bits, net.bits)

    def candidates(self, net: Deciders, logits: np.ndarray, k: int) -> np.ndarray:
        """The relaxed decision quantised, (rows, at most k, n)."""
        return QUANTISERS[self.quantiser](relaxed(logits[0]), min(k, net.bits))

    def heed(self, net: Deciders, best: np.ndarray) -> None:
        """K becomes 1 + the largest number (from 1) of a best candidate in the window.

        As in the published code the newest frame of the window is not looked at.
        """
        if not self.window:
            return
        seen, recent = int(net.seen), net.recent.numpy()  # type: ignore[arg-type]
        for index in best:
            if seen and seen % self.window == 0:
                others = np.delete(recent, (seen - 1) % self.window)
                net.tries.fill_(min(int(others.max()) + 2, self._limit(net)))
            recent[seen % self.window] = index
            seen += 1
        net.seen.fill_(seen)  # type: ignore[operator]
