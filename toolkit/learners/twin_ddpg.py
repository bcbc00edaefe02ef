"""The paper's baseline that decides slots by an actor too."""

from dataclasses import dataclass
from typing import cast

from torch import nn

from toolkit.arrays import Data, Decision
from toolkit.problems import Problem

from ._adam import flushed
from ._cache_ddpg_settings import Configured
from ._train import Training

DECODES = ("masked", "published")


@dataclass(frozen=True, kw_only=True)
class TwinDdpg(Configured):
    """DDPG with an actor for caches and one for targets and shares of every slot, one critic.

    `decode=masked` sends to servers that have the service and shares by softmax; `published`
    divides by signed sums, so that shares may be negative.
    """

    decode: str = "masked"

    def __post_init__(self) -> None:
        if self.decode not in DECODES:
            raise ValueError(f"decode is {self.decode!r}; give {' or '.join(DECODES)}.")
        super().__post_init__()

    def build(self, problem: Problem) -> nn.Module:
        from ._cache_ddpg_twin import TwinNet

        return TwinNet(problem, self.settings, self.decode == "published")

    def train(self, net: nn.Module, run: Training) -> None:
        from . import _cache_ddpg_twin as twin

        with flushed():
            twin.train(cast(twin.TwinNet, net), run, self.settings)

    def act(self, net: nn.Module, problem: Problem, data: Data, k: int = 1) -> Decision:
        """The decision without noise, (rows, 1, …)."""
        from . import _cache_ddpg_twin as twin

        whole = twin.act(cast(twin.TwinNet, net), problem, data, self.settings)
        return {name: value[:, None] for name, value in whole.items()}
