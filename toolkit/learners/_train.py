"""One training run: its budget, its data, its curve, and checkpoints from which it goes on."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from toolkit.instances import rng_for
from toolkit.problems import Problem

if TYPE_CHECKING:
    import numpy as np
    from torch import nn

SAVE_EVERY = 10.0  # seconds between checkpoints


@dataclass(kw_only=True)
class Training:
    """What a learner trains with. Same seed and `max_steps`: same result, interrupted or not.

    `seconds` counts the time in `steps`, also over interruptions.
    """

    problem: Problem
    seconds: float = math.inf
    max_steps: float = math.inf
    seed: int = 0
    device: str = "cpu"
    checkpoint: Callable[["nn.Module", "Training"], None] | None = None
    listener: Callable[[int, float, dict[str, float]], None] | None = None  # step, seconds, values
    restored: dict[str, Any] | None = None  # what `state` returned before the interruption
    curve: list[dict[str, float]] = field(default_factory=list)
    step: int = 0
    spent: float = 0.0

    def __post_init__(self) -> None:
        self._parts: dict[str, Any] = {}

    def rng(self, *parts: object) -> "np.random.Generator":
        """A generator that depends on the run's seed and on `parts` alone."""
        return rng_for("train", self.problem.name, self.seed, *parts)

    def steps(self, net: "nn.Module", **parts: Any) -> Iterator[int]:
        """Step numbers until the budget is spent.

        `parts` (optimisers, buffers: whatever has state_dict) are restored before the first
        step and saved with the network; torch's own generator is too.
        """
        self._parts = parts
        self._restore(net)
        begun, saved = time.perf_counter() - self.spent, time.perf_counter()
        while self.spent < self.seconds and self.step < self.max_steps:
            yield self.step
            self.step += 1
            now = time.perf_counter()
            self.spent = now - begun
            if self.checkpoint and now - saved > SAVE_EVERY:
                saved = now
                self.checkpoint(net, self)

    def log(self, **values: float) -> None:
        """A point of the training curve."""
        self.curve.append({"step": self.step, "seconds": self.spent, **values})
        if self.listener:
            self.listener(self.step, self.spent, values)

    def head(self) -> dict[str, Any]:
        """What a checkpoint says of the run, as JSON values."""
        return {
            "seed": self.seed,
            "steps": self.step,
            "seconds": self.spent,
            "curve": self.curve,
        }

    def state(self) -> dict[str, Any]:
        """What training needs to go on: torch's generator and the parts."""
        import torch

        parts = {name: part.state_dict() for name, part in self._parts.items()}
        return {"torch": torch.get_rng_state(), "parts": parts}

    def resume(self, head: dict[str, Any], state: dict[str, Any]) -> None:
        """Goes on where the run of a checkpoint was."""
        self.step, self.spent = int(head["steps"]), float(head["seconds"])
        self.curve, self.restored = list(head["curve"]), state

    def _restore(self, net: "nn.Module") -> None:
        import torch

        if self.restored is None:
            return
        torch.set_rng_state(self.restored["torch"])
        for name, part in self._parts.items():
            part.load_state_dict(self.restored["parts"][name])
