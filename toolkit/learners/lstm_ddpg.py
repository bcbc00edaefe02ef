"""The paper's learner of caches, with a memory that remembers."""

from dataclasses import dataclass

from ._cache_ddpg import Family


@dataclass(frozen=True, kw_only=True)
class LstmDdpg(Family):
    """DDPG that decides caches, actor and critic with an LSTM over the last `memory` large steps.

    As published the memory is one step (memory=1), which is none.
    """

    memory: int | None = None
