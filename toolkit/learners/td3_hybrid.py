"""The E2EHCO framework's learner: TD3 whose action is a server, and a power and a share, a user.

    preset       a network sees and decides
    structured   every user's options, one score each; the critic adds up users and servers; servers
                 only, `complete` does the rest; frames by themselves (gamma 0): ours, the default
    hybrid       one vector of all data; softmax heads for the servers, tanh heads for powers and
                 shares; the published networks, 400 and 300 wide, and numbers: what the framework
                 says of itself
    paper        positions in metres and the last step's sums; one tanh for all, 1 / cost, a single
                 noise for all coordinates: what its code does, but that the actor learns

In the published code the actor is never trained: "every second step" is a Python test inside a
compiled graph, evaluated once. Here the delay counts.
"""

from dataclasses import dataclass, fields, replace
from typing import ClassVar, cast

from torch import nn

from toolkit.arrays import Data, Decision
from toolkit.problems import Problem

from ._base import Learner
from ._td3_settings import PRESETS, Settings, check, refusal
from ._train import Training


@dataclass(frozen=True, kw_only=True)
class Td3Hybrid(Learner):
    """TD3 with a discrete and a continuous part, of the E2EHCO framework.

    Presets structured, hybrid and paper: twin critics, an actor that learns at every second
    step, smoothed targets. Fields that are given replace those of the preset.
    """

    practice: ClassVar[int] = 120
    streams: ClassVar[bool] = True

    preset: str = "structured"
    decide: str | None = None  # "server" or "all"
    inputs: str | None = None
    reward: str | None = None
    gamma: float | None = None
    rate: float | None = None
    tau: float | None = None
    memory: int | None = None
    batch: int | None = None
    delay: int | None = None
    smoothing: float | None = None
    noise: float | None = None
    explore: float | None = None
    heat: float | None = None
    frames: int | None = None
    horizon: int | None = None

    def __post_init__(self) -> None:
        if self.preset not in PRESETS:
            raise ValueError(f"preset is {self.preset!r}; it must be {' or '.join(PRESETS)}.")
        check(self.settings)

    @property
    def settings(self) -> Settings:
        given = {f.name: getattr(self, f.name, None) for f in fields(Settings)}
        return replace(PRESETS[self.preset], **{k: v for k, v in given.items() if v is not None})

    @property
    def one_size(self) -> bool:  # type: ignore[override]
        """Flat networks decide as many variables as they were trained on."""
        return self.settings.heads != "sets"

    def modest(self) -> Learner:
        return replace(self, frames=32, batch=64, memory=2000)

    def refuses(self, problem: Problem) -> str | None:
        return refusal(self.settings, problem)

    def build(self, problem: Problem) -> nn.Module:
        from . import _td3_flat, _td3_sets

        if self.settings.heads == "sets":
            return _td3_sets.SetNet(problem)
        return _td3_flat.FlatNet(problem, self.settings)

    def train(self, net: nn.Module, run: Training) -> None:
        from . import _td3_flat, _td3_sets

        if isinstance(net, _td3_sets.SetNet):
            _td3_sets.train(net, run, self.settings)
        else:
            _td3_flat.train(cast(_td3_flat.FlatNet, net), run, self.settings)

    def act(self, net: nn.Module, problem: Problem, data: Data, k: int = 1) -> Decision:
        """The decision without noise; sets add k - 1 draws from their softmax."""
        from . import _td3_flat, _td3_sets

        if isinstance(net, _td3_sets.SetNet):
            return _td3_sets.act(net, problem, data, k)
        return _td3_flat.act(cast(_td3_flat.FlatNet, net), problem, data, self.settings)
