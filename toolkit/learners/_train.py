"""One training run: its budget, its data, its curve, and checkpoints from which it goes on."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from toolkit.arrays import Data, Decision
from toolkit.errors import UserError
from toolkit.instances import rng_for
from toolkit.problems import Problem

if TYPE_CHECKING:
    from torch import nn

    from ._base import Learner

# From a problem and the data of a batch of its instances, (rows, …), to the best known discrete
# choices, (rows, …), and which rows have any, (rows,).
Teacher = Callable[[Problem, Data], tuple[Decision, np.ndarray]]


@dataclass(kw_only=True)
class Training:
    """What a learner trains with. Same seed and `max_steps`: same result, interrupted or not.

    `spent` counts the seconds in `steps`, labels and checkpoints among them, also over
    interruptions. `checkpoint` is called every `save_every` seconds.
    """

    problem: Problem
    seconds: float = math.inf
    max_steps: float = math.inf
    seed: int = 0
    teacher: Teacher | None = None
    frames: Data | None = None  # rows, in place of the generator's, for learners that take frames
    optima: np.ndarray | None = None  # the best objective of each of these, for curves
    # Told at every step of learners that take frames: the number of its first frame, the whole
    # decisions chosen for its frames (rows, …), and how many candidates were judged for them.
    decided: Callable[[int, Decision, int], object] | None = None
    checkpoint: Callable[["nn.Module", "Training"], object] | None = None
    save_every: float = 10.0
    listener: Callable[[int, float, dict[str, float]], None] | None = None  # step, seconds, values
    curve: list[dict[str, float]] = field(default_factory=list)
    step: int = 0
    spent: float = 0.0
    notes: dict[str, Any] = field(default_factory=dict)  # JSON values that the head keeps too
    stopped: bool = False  # set from outside: the step at hand is the last

    def __post_init__(self) -> None:
        self._parts: dict[str, Any] = {}
        self._restored: tuple[dict[str, Any], dict[str, Any]] | None = None  # weights, state
        self._generator: Any = None  # the state of torch's at the end of training

    @property
    def over(self) -> bool:
        """Whether the budget is spent."""
        return self.spent >= self.seconds or self.step >= self.max_steps

    @property
    def progress(self) -> float:
        """How much of the budget is spent, 0 to 1; by steps alone where they are limited."""
        if math.isfinite(self.max_steps):
            return min(self.step / self.max_steps, 1.0)
        return min(self.spent / self.seconds, 1.0)

    def rng(self, *parts: object) -> np.random.Generator:
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
        while not (self.over or self.stopped):
            yield self.step
            self.step += 1
            now = time.perf_counter()
            self.spent = now - begun
            if self.checkpoint and now - saved > self.save_every:
                self.checkpoint(net, self)
                saved = time.perf_counter()

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
            **self.notes,
        }

    def state(self) -> dict[str, Any]:
        """What training needs to go on beside the network: its generator and the parts.

        After `fit` torch's own generator is the caller's again, so the last state is kept.
        """
        import torch

        parts = {name: part.state_dict() for name, part in self._parts.items()}
        generator = torch.get_rng_state() if self._generator is None else self._generator
        return {"torch": generator, "parts": parts}

    @contextmanager
    def generator(self) -> Iterator[None]:
        """Torch's generator, seeded by the run; afterwards it is as it was."""
        import torch

        self._generator = None
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(self.rng("torch").integers(2**62)))
            yield
            self._generator = torch.get_rng_state()

    def resume(self, head: dict[str, Any], weights: dict[str, Any], state: dict[str, Any]) -> None:
        """Goes on where the run of a checkpoint was."""
        self.step, self.spent = int(head["steps"]), float(head["seconds"])
        self.curve, self._restored = list(head["curve"]), (weights, state)

    def _restore(self, net: "nn.Module") -> None:
        import torch

        if self._restored is None:
            return
        weights, state = self._restored
        try:
            net.load_state_dict(weights)
            for name, part in self._parts.items():
                part.load_state_dict(state["parts"][name])
            torch.set_rng_state(state["torch"])
        except Exception as error:  # a part may stumble over anything in a damaged file
            raise UserError(
                "What the checkpoint keeps for going on is damaged or does not fit "
                f"({type(error).__name__}); train it again."
            ) from None


def fit(learner: "Learner", run: Training) -> "nn.Module":
    """Builds a network, trains it on one thread, and leaves torch's generator as it was."""
    import torch
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped,unused-ignore]

    torch.set_num_threads(1)  # sums in another order are other numbers
    with threadpool_limits(1), run.generator():
        net = learner.build(run.problem)
        net.train()
        learner.train(net, run)
    return net.eval()
