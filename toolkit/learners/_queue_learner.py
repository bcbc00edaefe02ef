"""What all learners of queues share: settings, what they refuse, and the episodes they train on."""

import math
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from toolkit.arrays import Data
from toolkit.errors import UserError
from toolkit.problems import Problem

from . import _queue_views as views
from ._base import Learner
from ._queue_views import MODES, HasQueues, View


@dataclass(frozen=True, kw_only=True)
class QueueLearner(Learner):
    """Learns on fresh episodes, whose densities are spread so that one network serves them all."""

    modes: int = MODES  # that it may take; 2: the device and its own server, single offloading
    reward: str = "cost"  # or the problem's other one, article
    densities: tuple[float, ...] = (0.3, 0.95)  # of training's episodes; none: the problem's own
    width: int = 64
    rate: float = 1e-3  # Adam's, at first and at last
    last_rate: float = 5e-5
    discount: float = 0.97  # a slot

    def __post_init__(self) -> None:
        given = self.densities
        listed = given if isinstance(given, list | tuple) else (given,)
        object.__setattr__(self, "densities", tuple(listed))  # JSON knows lists only
        _check_densities(self.densities)
        if self.modes not in (2, MODES):
            raise ValueError(f"modes is {self.modes}; give 2 (single offloading) or {MODES}.")
        self._at_least(1, "width")
        for name in ("rate", "last_rate"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} is {getattr(self, name):g}; it must be above 0.")
        self._shares("discount")

    def _at_least(self, least: float, *names: str) -> None:
        for name in names:
            if not getattr(self, name) >= least:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least {least}.")

    def _shares(self, *names: str) -> None:
        for name in names:
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is {getattr(self, name):g}; it must be from 0 to 1.")

    def _refused(self, problem: Problem, heads: str) -> str | None:
        """Why it cannot take a problem, or None."""
        if reason := views.refusal(problem):
            return reason
        assert isinstance(problem, HasQueues)
        if heads == "slot" and problem.forwarding == "bits":
            return "heads of a slot choose each task's mode: take heads=task where forwarding=bits"
        try:
            data = {key: value[None] for key, value in cast(Any, problem).instance().data.items()}
            problem.dynamics(data, heads, reward=self.reward)
        except UserError as error:
            return str(error).rstrip(".")
        return None

    def drawn(self, problem: Problem, batch: int, rng: np.random.Generator) -> Data:
        """New episodes to learn from."""
        return views.spread(problem, self.densities).sample(rng, (batch,))

    def rate_at(self, progress: float) -> float:
        """Adam's rate at this part of the training."""
        return self.rate + (self.last_rate - self.rate) * progress

    def ahead(self, view: View, slot: np.ndarray) -> Tensor:
        """How many tasks an episode will still have, discounted, for slots (…, rows)."""
        slots, devices = view.data["has"].shape[1:]
        left, d = np.maximum(0, slots - slot), self.discount
        worth = left if d == 1 else (1 - d**left) / (1 - d)
        return torch.from_numpy((worth * devices * view.data["density"]).astype(np.float32))


def features(problem: Problem, heads: str) -> int:
    """How many numbers an entity has."""
    data = {key: value[None] for key, value in problem.instance().data.items()}
    return int(View(problem, data, heads).see().x.shape[-1])


def _check_densities(given: tuple[Any, ...]) -> None:
    """ValueError where these are no two probabilities, the lower first."""
    numbers = all(isinstance(p, int | float) and 0 <= p <= 1 for p in given)
    if given and not (len(given) == 2 and numbers and given[0] <= given[1]):
        raise ValueError(f"densities is {list(given)}; give two such as [0.3,0.95], or none: [].")
