"""Episodes: T frames that no state couples, decided one by one and judged by their mean."""

import functools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from toolkit.arrays import Array, Data, Decision, array_namespace
from toolkit.errors import UserError
from toolkit.instances import Instance

from ._base import Evaluation, Problem
from ._space import Space

MOST = 10_000_000  # frames
AXIS = "frames"  # the leading axis of every array
BATCHED = ("complete", "repair", "fitted")  # a batch of frames is done as any batch is


@dataclass(frozen=True, kw_only=True)
class Frames(Problem):
    """An episode of a problem: every array has a leading axis of frames.

    The objective and the terms are means over the frames, a violation is the worst of them: so
    the optimum is the mean of the frames' optima. Built by `episodes`, which gives it the
    class attributes and the batched knowledge of the problem of a frame.
    """

    frame: Problem
    frames: int
    n_users: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "n_users", self.frame.n_users)
        super().__post_init__()
        if isinstance(self.frames, bool) or not isinstance(self.frames, int):
            raise ValueError(f"frames is {self.frames!r}; it must be a whole number.")
        if not 1 <= self.frames <= MOST:
            raise ValueError(f"frames is {self.frames}; it must be between 1 and {MOST:,}.")

    @property
    def name(self) -> str:
        return self.frame.name

    @property
    def params(self) -> dict[str, Any]:
        """Those of a frame, and how many there are: with these `load` builds it again."""
        return {**self.frame.params, AXIS: self.frames}

    def __str__(self) -> str:
        name, _, inner = str(self.frame).removesuffix("]").partition("[")
        return f"{name}[{inner}{',' if inner else ''}{AXIS}={self.frames}]"

    def sample(
        self, rng: np.random.Generator, batch: tuple[int, ...] = ()
    ) -> dict[str, np.ndarray]:
        """Episodes, all in one draw."""
        return self.frame.episode(rng, self.frames, batch)

    def space(self, data: Data) -> Space:
        """The blocks of a frame, with an axis of frames in front."""
        frames = self._length(data)
        blocks = self.frame.space(data).vars
        return Space(tuple(replace(var, shape=(frames, *var.shape)) for var in blocks))

    def judge(self, data: Data, decision: Decision) -> Evaluation:
        return self.pooled(self.frame.judge(data, decision))

    def each(self, data: Data, decision: Decision) -> Evaluation:
        """What every frame is worth by itself: all arrays are (*batch, frames)."""
        return self.frame.evaluate(data, decision)

    def pooled(self, each: Evaluation) -> Evaluation:
        """An evaluation of frames as that of the episode."""
        return Evaluation(
            _mean(each.objective),
            {name: _worst(value) for name, value in each.violations.items()},
            {name: _mean(value) for name, value in each.terms.items()},
        )

    def instance(self, index: int = 0, seed: int = 0, dice: Problem | None = None) -> Instance:
        drawn = super().instance(index, seed, dice)
        name = drawn.name.replace(f"-n{self.n_users}-", f"-n{self.n_users}-t{self.frames}-", 1)
        return replace(drawn, name=name)

    def admit(self, instance: Instance) -> Instance:
        """The instance itself, once every frame is one of the frame's problem."""
        super().admit(instance)
        if (found := self._length(instance.data)) != self.frames:
            raise UserError(
                f"{instance.name or 'the instance'} has {found} frames, its params say "
                f"{self.frames}; make them agree."
            )
        decided = [(v.name, v.shape[1:], v.kind) for v in self.space(instance.data).vars]
        for one in self.split(instance):
            self.frame.admit(one)
            if [(v.name, v.shape, v.kind) for v in self.frame.space(one.data).vars] != decided:
                raise UserError(f"{one.name} decides other things than the episode; split it.")
        return instance

    def split(self, instance: Instance) -> Iterator[Instance]:
        """The frames as instances of the frame's problem."""
        params = self.frame.params
        for t in range(self.frames):
            data = {key: value[t] for key, value in instance.data.items()}
            name = f"{instance.name}#{t}"
            yield Instance(instance.problem, instance.version, data, params, name)

    def _length(self, data: Data) -> int:
        """How many frames the data have."""
        for key, spec in self.fields.items():
            return int(data[key].shape[-len(spec.dims)])
        return self.frames


def episodes(frame: Problem, frames: int) -> Frames:
    """The problem of so many frames; ValueError where there is none."""
    if isinstance(frame, Frames):
        raise ValueError("an episode has no episodes.")
    return _class_of(type(frame))(frame=frame, frames=frames)


def by_frames(problem: Problem, data: Data) -> tuple[Problem, Data]:
    """The problem of one frame, and the data with frames as their only batch axis.

    A problem that is no episode is its own only frame.
    """
    if isinstance(problem, Frames):
        return problem.frame, data
    return problem, {key: value[None] for key, value in data.items()}


def least_mean(losses: Sequence[float]) -> float:
    """A number that the mean of the losses is not below, as large as floats allow.

    One frame without a feasible decision leaves the episode without one, whatever the others are.
    """
    if math.inf in losses:
        return math.inf
    if not all(map(math.isfinite, losses)):
        return -math.inf
    mean = math.fsum(losses) / len(losses)  # the sum is rounded once, the quotient again
    return math.nextafter(math.nextafter(mean, -math.inf), -math.inf)


@functools.cache
def _class_of(frame: type[Problem]) -> type[Frames]:
    """Frames with what a class of problems says of itself, and can do with batches."""
    own = {name: getattr(frame, name) for name in ("title", "paper", "sense", "presets", "version")}
    fields = {key: replace(spec, dims=(AXIS, *spec.dims)) for key, spec in frame.fields.items()}
    known = {name: _delegated(name) for name in BATCHED if hasattr(frame, name)}
    return type(f"{frame.__name__}Frames", (Frames,), {**own, **known, "fields": fields})


def _delegated(name: str) -> Any:
    def method(self: Frames, data: Data, decision: Decision) -> Decision:
        found: Decision = getattr(self.frame, name)(data, decision)
        return found

    return method


def _mean(value: Array) -> Array:
    return array_namespace(value).mean(value, axis=-1)


def _worst(value: Array) -> Array:
    return array_namespace(value).max(value, axis=-1)
