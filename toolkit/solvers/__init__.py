"""Solvers: one per file. The file system is the registry."""

from toolkit.component import Registry

from ._base import OPTIMAL_GAP as OPTIMAL_GAP
from ._base import Budget as Budget
from ._base import Claim as Claim
from ._base import Point as Point
from ._base import Result as Result
from ._base import Solver as Solver
from ._base import Status as Status
from ._base import Stop as Stop
from ._base import relative_gap as relative_gap
from ._episode import EpisodeProbe as EpisodeProbe
from ._episode import fitted as fitted
from ._episode import open_probe as open_probe
from ._probe import BoundContradiction as BoundContradiction
from ._probe import Probe as Probe
from ._probe import losses as losses

registry: Registry[Solver] = Registry(__name__, Solver)  # type: ignore[type-abstract]
