"""Numbers of the learners whose actor decides caches: ours, and those of the published code."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar

from toolkit.problems import Problem

from ._base import Learner
from ._caching import check_inner, refusal

WHOLE = {"memory": 1000, "width": 4096, "episodes": 10**6, "batch": 10**5, "lanes": 10**4}
COUNTS = {"every": 10**6, "iterations": 10**4, "start": 10**9}
WORDS = {
    "sees": ("counts", "published"),
    "first": ("density", "score"),
    "judged": ("bits", "scores"),
}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One learner's numbers; a step is a large step, or with two actors a slot."""

    memory: int = 8  # steps that the networks see, the one at hand among them
    own_cache: bool = True  # whether they see what the caches hold
    inner: str = "exact"  # what decides slots
    sees: str = "counts"  # of the last step's requests; or the published statistics
    first: str = "density"  # who goes first where not all fits: most score per byte, or most score
    judged: str = "bits"  # what the critic sees of caches: what was loaded, or noisy scores
    width: int = 64
    gains: bool = False  # first weights times 1.414, the last layer's times 5/3, as published
    gamma: float = 0.8
    tau: float = 0.01
    actor_rate: float = 3e-4
    critic_rate: float = 1e-3
    calm: float = 1.0  # price of the mean squared score before tanh, which else saturates
    frozen: bool = False  # the critic never learns, as published
    ends: bool = True  # the last step has no future; as published it has one, here its own again
    episodes: int = 2000  # in the buffer
    batch: int = 128  # steps of a gradient, in windows of `memory` in a row
    lanes: int = 32  # episodes side by side
    every: int = 1  # steps between two rounds of learning
    iterations: int = 2  # gradients of a round
    start: int = 40  # steps before the first round
    noise: float = 0.7  # deviation at the first step
    last_noise: float = 0.1  # … and at the end of training, the fall even in its logarithm
    decay: float = 0.0  # above 0: the deviation's factor from step to step instead, as published


PRESETS: Mapping[str, Settings] = {
    "clean": Settings(),
    # its buffer of 500,000 steps is one of so many episodes of 20
    "as-published": Settings(
        memory=1,
        sees="published",
        first="score",
        judged="scores",
        width=256,
        gains=True,
        gamma=0.95,
        tau=0.005,
        actor_rate=1e-3,
        critic_rate=2e-3,
        calm=0.0,
        frozen=True,
        ends=False,
        episodes=25_000,
        batch=68,
        lanes=1,
        every=5,
        iterations=10,
        start=1000,
        noise=1.0,
        decay=0.9882,
    ),
}


def chosen(preset: str, given: Mapping[str, Any]) -> Settings:
    """A preset's settings with what is given in place; ValueError where that makes no sense."""
    if preset not in PRESETS:
        raise ValueError(f"preset is {preset!r}; it must be {' or '.join(PRESETS)}.")
    s = replace(PRESETS[preset], **{k: v for k, v in given.items() if v is not None})
    check_inner(s.inner)
    for name, words in WORDS.items():
        if getattr(s, name) not in words:
            raise ValueError(f"{name} is {getattr(s, name)!r}; give {' or '.join(words)}.")
    for name, most in {**WHOLE, **COUNTS}.items():
        value, least = getattr(s, name), 0 if name in ("start", "iterations") else 1
        if not (isinstance(value, int) and least <= value <= most):
            raise ValueError(f"{name} is {value!r}; give a whole number from {least} to {most:,}.")
    for name in ("gamma", "tau", "actor_rate", "critic_rate", "calm", "decay"):
        if not 0 <= getattr(s, name) <= 1:
            raise ValueError(f"{name} is {getattr(s, name)}; it must be from 0 to 1.")
    for name in ("noise", "last_noise"):
        if not 0 < getattr(s, name) < math.inf:
            raise ValueError(f"{name} is {getattr(s, name)}; it must be above 0.")
    return s


def deviation(s: Settings, total: float, progress: float) -> float:
    """Of the noise, after `total` large steps in every lane."""
    if s.decay:
        return float(s.noise * s.decay**total)
    return float(s.noise * (s.last_noise / s.noise) ** progress)


@dataclass(frozen=True, kw_only=True)
class Configured(Learner):
    """What learners of caches share. Fields that are given replace those of the preset."""

    practice: ClassVar[int] = 60
    one_size: ClassVar[bool] = True

    preset: str = "clean"
    own_cache: bool | None = None
    first: str | None = None
    judged: str | None = None
    width: int | None = None
    gains: bool | None = None
    gamma: float | None = None
    tau: float | None = None
    actor_rate: float | None = None
    critic_rate: float | None = None
    calm: float | None = None
    frozen: bool | None = None
    ends: bool | None = None
    episodes: int | None = None
    batch: int | None = None
    lanes: int | None = None
    every: int | None = None
    iterations: int | None = None
    start: int | None = None
    noise: float | None = None
    last_noise: float | None = None
    decay: float | None = None

    def __post_init__(self) -> None:
        _ = self.settings

    @property
    def settings(self) -> Settings:
        return chosen(self.preset, {f.name: getattr(self, f.name, None) for f in fields(Settings)})

    def modest(self) -> Learner:
        return replace(self, width=32, lanes=8, batch=64, start=2, episodes=500)

    def refuses(self, problem: Problem) -> str | None:
        return refusal(problem)
