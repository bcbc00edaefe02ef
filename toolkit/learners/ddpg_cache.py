"""The paper's baseline of caches."""

from dataclasses import dataclass
from typing import ClassVar

from ._cache_ddpg import Family


@dataclass(frozen=True, kw_only=True)
class DdpgCache(Family):
    """Plain DDPG that decides caches: the networks of `lstm_ddpg` without the LSTM."""

    recurrent: ClassVar[bool] = False
    memory: ClassVar[int] = 1
