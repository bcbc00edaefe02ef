"""What the presets of `td3_hybrid` are: the published numbers, and ours."""

import math
from dataclasses import dataclass
from typing import Any

from toolkit.problems import HasCompletion, HasOptions, HasOutcome, HasRepair, Problem

from ._completing import block

MOST = {"frames": 10**5, "memory": 10**7, "batch": 10**5, "delay": 10**4, "horizon": 10**6}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Every number of a preset; the fields of the learner of the same name replace them."""

    # "sets": a score for every option of every user, and a critic that adds up users and servers;
    # "softmax": one vector in, softmax heads for the server, tanh heads for the rest, flat critic;
    # "tanh": as published, one tanh for all, the largest of a user's clipped scores decides
    heads: str = "sets"
    inputs: str = "options"  # of flat networks: "data", "features" or "FIELD:SCALE:SHIFT"
    echo: bool = False  # they see the sums of delay and energy, and the cost, of the last decision
    decide: str = "server"  # or "all": powers and shares too; else `complete` does the rest
    reward: str = "loss"  # less the loss; or "inverse": 1 / loss
    gamma: float = 0.0
    rate: float = 2e-3  # Adam's
    cosine: bool = True  # the rate rises and falls along the run
    tau: float = 0.005
    memory: int = 20_000
    batch: int = 256
    delay: int = 2  # critics learn at every step, the actor at every so many
    smoothing: float = 0.2  # of the target's action: deviation, clipped at 0.5
    noise: float = 0.1  # of executed actions, each coordinate by itself
    scalar_noise: bool = False  # Ornstein-Uhlenbeck, one number for all coordinates
    explore: float = 0.3  # share of users with a random server at first; a tenth of it at last
    heat: float = 1.0  # of the straight-through softmax at first; 0.4 of it at last
    frames: int = 256  # decided between two steps of learning
    horizon: int = 100  # frames of an episode: positions of the published one


PUBLISHED = Settings(
    heads="tanh",
    inputs="position:1:0",
    echo=True,
    reward="inverse",
    gamma=0.99,
    rate=3e-4,
    cosine=False,
    memory=100_000,
    scalar_noise=True,
    explore=0.0,
    frames=1,
)
PRESETS = {
    "structured": Settings(),
    "hybrid": Settings(
        heads="softmax",
        inputs="data",
        decide="all",
        gamma=0.99,
        rate=3e-4,
        cosine=False,
        memory=100_000,
        frames=16,
    ),
    "paper": PUBLISHED,
}
CHOICES: dict[str, tuple[str, ...]] = {
    "heads": ("sets", "softmax", "tanh"),
    "decide": ("server", "all"),
    "reward": ("loss", "inverse"),
}


def check(s: Settings) -> None:
    """ValueError where settings make no sense."""
    for name, known in CHOICES.items():
        if getattr(s, name) not in known:
            raise ValueError(f"{name} is {getattr(s, name)!r}; give {' or '.join(known)}.")
    for name, most in MOST.items():
        value = getattr(s, name)
        if not (_number(value) and value == int(value) and 1 <= value <= most):
            raise ValueError(f"{name} is {value!r}; it must be a whole number from 1 to {most:,}.")
    for name, high in (("gamma", 1.0), ("explore", 1.0), ("noise", 10.0), ("smoothing", 10.0)):
        if not (_number(getattr(s, name)) and 0 <= getattr(s, name) <= high):
            raise ValueError(f"{name} is {getattr(s, name)!r}; it must be from 0 to {high:g}.")
    for name, high in (("rate", 1.0), ("tau", 1.0), ("heat", 100.0)):
        if not (_number(getattr(s, name)) and 0 < getattr(s, name) <= high):
            raise ValueError(f"{name} is {getattr(s, name)!r}; it must be above 0, to {high:g}.")
    if s.heads == "sets" and (s.gamma or s.decide == "all" or s.reward == "inverse"):
        raise ValueError("heads=sets takes gamma=0, decide=server and reward=loss.")
    if s.gamma == 1:
        raise ValueError("gamma is 1; an episode has no end, so it must be below.")
    if s.heads == "tanh" and s.decide == "all":
        raise ValueError("heads=tanh decides servers only, as published: decide=server.")


def refusal(s: Settings, problem: Problem) -> str | None:
    """Why a problem cannot be learnt with these settings, or None."""
    if not isinstance(problem, HasCompletion):
        return "the problem has no completion of discrete choices"
    if block(problem, problem.instance().data) is None:
        return "it decides one block of integers, one a user"
    if s.heads == "sets" and not isinstance(problem, HasOptions):
        return "the problem does not say what options are worth: set preset=hybrid"
    if s.decide == "all" and not isinstance(problem, HasRepair):
        return "the problem has no repair of powers and shares: set decide=server"
    if s.echo and not isinstance(problem, HasOutcome):
        return "the problem has no delay and energy by user: set preset=hybrid"
    if ":" in s.inputs and (name := s.inputs.partition(":")[0]) not in problem.fields:
        return f"the problem has no field {name!r} to look at: set preset=hybrid"
    if s.reward == "inverse" and problem.sense == "max":
        return "1 / loss is no reward where the objective is maximised: set reward=loss"
    return None


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
