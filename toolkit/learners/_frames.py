"""Learners that decide frame after frame, and learn the best of their own candidates."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from toolkit.arrays import Data, Decision
from toolkit.errors import UserError
from toolkit.problems import HasFeatures, Problem

from ._base import Learner
from ._bits import Inputs, Nets, Stream, bits_of, completed, judged, parts_of, why_not
from ._descent import Descent
from ._replay import Replay
from ._train import Training

LOG_EVERY = 100  # frames, or a step where it has more
MOST = {"memory": 10**8, "batch": 10**5, "every": 10**9, "start": 10**8, "frames": 10**5}
WIDEST, DEEPEST = 10**4, 20  # layers
NUMBERS = 1 << 28  # of a memory, of all weights, of a batch: 1 GB each


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Hyper-parameters that both papers have."""

    hidden: tuple[int, ...] = (120, 80)
    init: str = "torch"  # or "paper": weights N(0, 1 / inputs^2), biases `bias`
    bias: float = 0.0
    rate: float = 3e-3  # Adam's
    beta1: float = 0.9
    memory: int = 1024  # frames; the oldest go first
    batch: int = 128  # frames of a training step, drawn with replacement, each network its own
    every: int = 10  # steps from one training step to the next
    start: int = 1  # frames in the memory before the first training step
    frames: int = 1  # that arrive at a step, between two of which no network changes
    inputs: str = ""  # what the networks see: see `Inputs`


@dataclass(frozen=True, kw_only=True)
class FrameLearner(Learner):
    """A learner with the settings of a preset, but for the fields that are given."""

    presets: ClassVar[Mapping[str, Settings]]
    practice: ClassVar[int] = 150
    streams: ClassVar[bool] = True
    one_size: ClassVar[bool] = True

    preset: str = "tuned"  # or "paper"
    hidden: tuple[int, ...] | None = None
    init: str | None = None
    bias: float | None = None
    rate: float | None = None
    beta1: float | None = None
    memory: int | None = None
    batch: int | None = None
    every: int | None = None
    start: int | None = None
    frames: int | None = None
    inputs: str | None = None

    def __post_init__(self) -> None:
        if self.preset not in self.presets:
            known = " or ".join(self.presets)
            raise ValueError(f"preset is {self.preset!r}; it must be {known}.")
        if self.hidden is not None:
            listed = self.hidden if isinstance(self.hidden, list | tuple) else (self.hidden,)
            object.__setattr__(self, "hidden", tuple(listed))  # JSON knows lists only
        _check(self.settings)

    @property
    def settings(self) -> Settings:
        given = {f.name: getattr(self, f.name) for f in fields(Settings)}
        own = self.presets[self.preset]
        return replace(own, **{k: v for k, v in given.items() if v is not None})

    def modest(self) -> "Learner":
        return replace(self, frames=16, every=1, start=1)

    def refuses(self, problem: Problem) -> str | None:
        if reason := why_not(problem):
            return reason
        spec = self.settings.inputs
        if spec == "features" and not isinstance(problem, HasFeatures):
            return "the problem has no features"
        if ":" in spec and (name := parts_of(spec)[0]) not in problem.fields:
            return f"the problem has no field {name!r} to look at: set inputs to what it has"
        return None

    @abstractmethod
    def candidates(self, net: "Deciders", logits: np.ndarray, k: int) -> np.ndarray:
        """At most k vectors of bits for each row, (nets, rows, n) to (rows, k, n)."""

    def networks(self) -> int:
        """How many learn side by side."""
        return 1

    def heed(self, net: "Deciders", best: np.ndarray) -> None:
        """Told after each step which candidate was best, (frames,)."""

    def build(self, problem: Problem) -> "Deciders":
        data = problem.instance().data
        bits = bits_of(problem, {key: value[None] for key, value in data.items()})
        assert bits is not None
        return Deciders(problem, self.settings, self.networks(), bits.size)

    def tries(self, net: nn.Module) -> int:
        return int(net.tries)  # type: ignore[arg-type]

    def train(self, net: nn.Module, run: Training) -> None:
        """Frame by frame: decide, judge, remember the best candidate; learn from the memory."""
        assert isinstance(net, Deciders)
        s = self.settings
        descent, count = Descent(net.nets, s.rate, s.beta1), self.networks()
        memory, tally = Replay(1, s.memory, [net.inputs.width, net.bits]), Tally()
        stream = Stream(run, s.frames)
        for step in run.steps(net, optimiser=descent, memory=memory, tally=tally):
            data, optima = stream.take(step)
            seen = net.inputs.see(run.problem, data)
            bits = self.candidates(net, net.nets.logits(seen), self.tries(net))
            whole, objective, merit = judged(run.problem, data, bits)
            best, rows = np.argmin(merit, axis=-1), np.arange(len(merit))
            if run.decided:
                chosen = {key: value[rows, best] for key, value in whole.items()}
                run.decided(step * s.frames, chosen, merit.size)
            memory.extend(seen, bits[rows, best])
            self.heed(net, best)
            tally.add(run.problem.sign, objective[rows, best], optima)
            if (step + 1) % s.every == 0 and len(memory) >= s.start:
                drawn = memory.sample(s.batch * count)
                tally.loss = descent.step(*(part.reshape(count, s.batch, -1) for part in drawn))
            if (step + 1) * s.frames // LOG_EVERY > step * s.frames // LOG_EVERY:
                run.log(**tally.read(), candidates=float(net.tries))

    def act(self, net: nn.Module, problem: Problem, data: Data, k: int = 1) -> Decision:
        """The first k candidates, whole decisions; which is best is for the judge to say."""
        assert isinstance(net, Deciders)
        lead = _lead(problem, data)
        rows = {key: v.reshape(-1, *v.shape[len(lead) :]) for key, v in data.items()}
        logits = net.nets.logits(net.inputs.see(problem, rows))
        found = completed(problem, rows, self.candidates(net, logits, k))
        return {key: np.reshape(v, (*lead, *v.shape[1:])) for key, v in found.items()}


class Deciders(nn.Module):
    """Networks, what they see, and how many candidates a decision has at present."""

    tries: Tensor
    recent: Tensor

    def __init__(self, problem: Problem, s: Settings, count: int, bits: int) -> None:
        super().__init__()
        self.bits, self.inputs = bits, Inputs(problem, s.inputs)
        widths = (self.inputs.width, *s.hidden, bits)
        _fits(s, count, widths)
        deviation = 1.0 / self.inputs.width if s.init == "paper" else None
        self.nets = Nets(count, widths, deviation, s.bias)
        self.register_buffer("tries", torch.tensor(count))
        self.register_buffer("recent", torch.zeros(0, dtype=torch.long))


class Tally:
    """Means since they were last read: of the best candidates' objectives, of their ratios."""

    def __init__(self) -> None:
        self.loss, self._sum, self._ratios, self._count = 0.0, 0.0, 0.0, 0

    def add(self, sign: int, objective: np.ndarray, optima: np.ndarray | None) -> None:
        self._sum += float(objective.sum())
        self._count += len(objective)
        if optima is not None:
            ratio = objective / optima
            self._ratios += float((1 / ratio if sign > 0 else ratio).sum())

    def read(self) -> dict[str, float]:
        """Objective, loss, and the ratio to the optimum (1: optimal) where that is known."""
        count = max(1, self._count)
        found = {"objective": self._sum / count, "loss": self.loss}
        if self._ratios:
            found["ratio"] = self._ratios / count
        self._sum, self._ratios, self._count = 0.0, 0.0, 0
        return found

    def state_dict(self) -> dict[str, Any]:
        names = ("loss", "_sum", "_ratios", "_count")
        return {name: getattr(self, name) for name in names}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        vars(self).update(state)


def _lead(problem: Problem, data: Data) -> tuple[int, ...]:
    """The batch axes of the data."""
    key, spec = next(iter(problem.fields.items()))
    shape = data[key].shape
    return tuple(shape[: len(shape) - len(spec.dims)])


def _check(s: Settings) -> None:
    """Refuses what makes no sense."""
    for name in ("memory", "batch", "every", "start", "frames"):
        value = getattr(s, name)
        if not whole_number(value, 1, MOST[name]):
            raise ValueError(
                f"{name} is {value!r}; it must be a whole number from 1 to {MOST[name]:,}."
            )
    if s.start > s.memory:
        raise ValueError(f"start is {s.start}, more than the memory holds, {s.memory}.")
    widths = all(whole_number(w, 1, WIDEST) for w in s.hidden)
    if not (widths and 1 <= len(s.hidden) <= DEEPEST):
        raise ValueError(
            f"hidden is {list(s.hidden)!r}; it must be a list such as [120,80]: up to {DEEPEST} "
            f"widths from 1 to {WIDEST:,}."
        )
    if s.init not in ("torch", "paper"):
        raise ValueError(f"init is {s.init!r}; it must be torch or paper.")
    for name, low, high in (("rate", 0.0, 10.0), ("beta1", -1e-300, 1.0), ("bias", -10.0, 10.0)):
        value = getattr(s, name)
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not (number and low < value < high):
            says = "at least 0 and below 1" if name == "beta1" else f"between {low:g} and {high:g}"
            raise ValueError(f"{name} is {value!r}; it must be {says}.")
    if s.inputs not in ("", "features", "data"):
        parts_of(s.inputs)


def whole_number(value: object, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _fits(s: Settings, count: int, widths: tuple[int, ...]) -> None:
    """UserError where what learning keeps of an instance this size takes too much memory."""
    seen = widths[0] + widths[-1]
    weights = count * sum(a * b for a, b in pairwise(widths))
    each = (
        (s.memory * seen, f"a memory of {s.memory:,} frames"),
        (s.batch * count * seen, f"a batch of {s.batch:,} frames"),
        (weights, "networks of these widths"),
    )
    for size, what in each:
        if size > NUMBERS:
            raise UserError(
                f"With {widths[0]:,} inputs and {widths[-1]:,} bits {what} is {size:,} numbers; "
                f"at most {NUMBERS:,} are taken: set less."
            )
