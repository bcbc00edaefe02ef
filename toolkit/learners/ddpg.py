"""The first baseline of the paper."""

from dataclasses import dataclass

from ._ddpg import Family


@dataclass(frozen=True, kw_only=True)
class Ddpg(Family):
    """Plain DDPG on one instance: bits are rounded when executed, the critic sees them soft."""
