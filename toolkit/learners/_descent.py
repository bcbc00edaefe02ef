"""Training of networks side by side: binary cross-entropy by Adam, in two compiled calls."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from . import _bit_kernels
from ._bits import Nets


class Descent:
    """torch.optim.Adam after autograd, which take some three times as long on so small networks."""

    def __init__(self, nets: Nets, rate: float, beta1: float) -> None:
        self.rate, self.beta1, self.count = rate, beta1, 0
        self._nets, (weights, biases) = nets, nets.views()
        self._parts, self._layers = weights + biases, len(weights)
        self._slopes, self._means, self._squares = (
            tuple(np.zeros_like(part) for part in self._parts) for _ in range(3)
        )

    def step(self, seen: Tensor, wanted: Tensor) -> float:
        """One step of every network on its own rows, (nets, rows, …): the mean loss before it."""
        rows = (np.ascontiguousarray(part.numpy()) for part in (seen, wanted))
        down = self._slopes[: self._layers], self._slopes[self._layers :]
        loss = _bit_kernels.slopes_of(*rows, *self._nets.views(), *down)
        self.count += 1
        moments = self._means, self._squares
        _bit_kernels.adam(self._parts, self._slopes, *moments, self.rate, self.beta1, self.count)
        return float(loss)

    def state_dict(self) -> dict[str, Any]:
        kept = {"means": self._means, "squares": self._squares}
        return {"count": self.count, **{k: list(map(torch.from_numpy, v)) for k, v in kept.items()}}

    def load_state_dict(self, kept: dict[str, Any]) -> None:
        for key, ours in (("means", self._means), ("squares", self._squares)):
            for mine, its in zip(ours, kept[key], strict=True):
                mine[:] = its.numpy()
        self.count = int(kept["count"])
