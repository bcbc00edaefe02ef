"""DDPG whose critic sees the bit that is executed."""

from dataclasses import dataclass
from typing import ClassVar

from ._ddpg import Family


@dataclass(frozen=True, kw_only=True)
class SteDdpg(Family):
    """DDPG with the straight-through offload bit (15), on one instance."""

    straight_through: ClassVar[bool] = True
