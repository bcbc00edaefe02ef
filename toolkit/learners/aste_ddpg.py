"""STE-DDPG whose resources follow the bit."""

from dataclasses import dataclass
from typing import ClassVar

from ._ddpg import Family


@dataclass(frozen=True, kw_only=True)
class AsteDdpg(Family):
    """STE-DDPG with the mask (16): no resource for a user that may not have it."""

    straight_through: ClassVar[bool] = True
    masked: ClassVar[bool] = True
