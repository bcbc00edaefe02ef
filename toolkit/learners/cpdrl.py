"""The paper's own method."""

from dataclasses import dataclass
from typing import ClassVar

from ._ddpg import Family


@dataclass(frozen=True, kw_only=True)
class CpdrlLearner(Family):
    """ASTE-DDPG paid for consistency (17) and held to it by its loss (18)(19)."""

    straight_through: ClassVar[bool] = True
    masked: ClassVar[bool] = True
    consistent: ClassVar[bool] = True
