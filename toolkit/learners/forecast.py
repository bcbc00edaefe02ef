"""Forecast: a network that expects what will be asked for, and caches that suit the forecast."""

import math
from dataclasses import dataclass, replace
from typing import ClassVar, cast

import numpy as np
import torch
from torch import nn

from toolkit.arrays import Data, Decision
from toolkit.problems import Problem

from . import _caching as caching
from ._base import Learner
from ._caching import Forecaster, HasCaching
from ._masks import one_cycle
from ._train import Training

LOG_EVERY = 50  # steps


@dataclass(frozen=True, kw_only=True)
class Forecast(Learner):
    """Forecasts requests from the counts of past steps, and decodes caches from the forecast.

    It learns by the likelihood of what is asked for later, on fresh episodes at every step: no
    label that an operator would not have. The decode weighs what caches gain on sampled slots
    against the price of loading. With memory=false it sees the counts of the last step alone.
    """

    one_size: ClassVar[bool] = True
    practice: ClassVar[int] = 150

    memory: bool = True
    width: int = 64
    horizon: float = 2.5  # steps within which the price of loading must pay
    samples: int = 24  # slots on which caches are compared: more blur a forecast's noise
    rate: float = 3e-3  # the peak of Adam's
    batch: int = 64  # episodes
    inner: str = "exact"  # or ga_improved, ga_dgl, ga_mask: who solves the slots

    def __post_init__(self) -> None:
        for name in ("width", "samples", "batch"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 1.")
        for name in ("horizon", "rate"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} is {getattr(self, name):g}; it must be above 0.")
        caching.check_inner(self.inner)

    def modest(self) -> Learner:
        return replace(self, batch=16, width=16)

    def refuses(self, problem: Problem) -> str | None:
        return caching.refusal(problem)

    def build(self, problem: Problem) -> nn.Module:
        services = problem.instance().data["size"].shape[-1]
        return Forecaster(services, 1, self.width, self.memory)

    def train(self, net: nn.Module, run: Training) -> None:
        assert isinstance(net, Forecaster)
        problem = cast(HasCaching, run.problem)
        optimiser = torch.optim.Adam(net.parameters(), lr=self.rate)
        for step in run.steps(net, optimiser=optimiser):
            data = run.problem.sample(run.rng("batch", step), (self.batch,))
            for group in optimiser.param_groups:
                group["lr"] = self.rate * one_cycle(run.progress)
            counts = problem.requests(data)
            surprise = caching.surprise(caching.forecasts(net, counts), counts).mean()
            optimiser.zero_grad()
            torch.autograd.backward(surprise)
            optimiser.step()
            if step % LOG_EVERY == 0:
                run.log(loss=surprise.item())

    def act(self, net: nn.Module, problem: Problem, data: Data, k: int = 1) -> Decision:
        """One decision, (rows, 1, …)."""
        assert isinstance(problem, HasCaching)
        ask = caching.remembering(caching.precise(net))

        def pick(seen: dict[str, np.ndarray]) -> np.ndarray:
            expected = np.exp(ask(caching.newest(seen)))
            left = problem.steps - int(seen["step"].flat[0])
            within = min(self.horizon, left)
            return problem.caches(data, expected[:, 0], seen["cache"], within, self.samples)

        return caching.rolled(problem, data, pick, self.inner)
