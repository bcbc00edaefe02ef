"""Adam without the dispatch that small networks mostly wait for."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8  # Kingma and Ba (2015)


class Adam:
    """Adam on one flat vector; the parameters become views of it.

    The formula is that of torch.optim.Adam, which takes some three times as long on six small
    tensors: most of it is bookkeeping.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], rate: float) -> None:
        self.parameters, self.rate, self.count = list(parameters), rate, 0
        self.values = torch.cat([p.data.reshape(-1) for p in self.parameters])
        self.mean, self.square = torch.zeros_like(self.values), torch.zeros_like(self.values)
        end = 0
        for parameter in self.parameters:
            start, end = end, end + parameter.numel()
            parameter.data = self.values[start:end].view_as(parameter)

    def descend(self, loss: Tensor) -> None:
        """One step on these parameters, whatever else the loss depends on."""
        slopes = torch.autograd.grad(loss, self.parameters)
        with torch.no_grad():
            self._step(torch.cat([slope.reshape(-1) for slope in slopes]))

    def _step(self, slope: Tensor) -> None:
        self.count += 1
        self.mean.lerp_(slope, 1 - BETA1)
        self.square.mul_(BETA2).addcmul_(slope, slope, value=1 - BETA2)
        root = (1 - BETA2**self.count) ** 0.5
        below = self.square.sqrt().add_(EPSILON * root)
        self.values.addcdiv_(self.mean, below, value=-self.rate * root / (1 - BETA1**self.count))

    def state_dict(self) -> dict[str, Any]:
        return {"mean": self.mean, "square": self.square, "count": self.count}

    def load_state_dict(self, kept: dict[str, Any]) -> None:
        self.mean.copy_(kept["mean"])
        self.square.copy_(kept["square"])
        self.count = int(kept["count"])


@contextmanager
def flushed() -> Iterator[None]:
    """Numbers too small for float32's full precision count as zero meanwhile.

    Means of slopes that have become zero decay into them, and processors are slow with them.
    """
    before = bool(torch.tensor(1e-40) * 1.0 == 0.0)
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(before)
