"""What branch and bound asks of a problem, and what re-proves its bounds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from toolkit.arrays import Data, Decision

from ._known import Known
from ._proof import Arithmetic, How, Prices, Proof


@dataclass(frozen=True)
class Bounded:
    """What a relaxation says of a node: a lower bound of the loss, and choices worth a try."""

    loss: float  # +inf: the node is empty
    candidates: Decision | None = None  # discrete blocks, or all of them; one leading axis


class Relaxation(Protocol):
    """One instance's nodes for branch and bound; a node is the problem's own business."""

    def root(self) -> Any: ...

    def bound(self, node: Any, cutoff: float) -> Bounded:
        """The node's bound; may stop early once it exceeds `cutoff` (the node is then closed)."""

    def branch(self, node: Any, cutoff: float) -> tuple[How, Sequence[Any]]:
        """The split, in the words of the proof, and the children that it makes.

        No children: the node is a single point, its bound is as good as arithmetic allows.
        """

    def prices(self, node: Any) -> Prices:
        """The prices from which the proof recomputes the node's bound."""


@runtime_checkable
class Timed(Protocol, metaclass=Known):
    """A relaxation whose bounds may take long: it asks how long they may."""

    def watch(self, remaining: Callable[[], float]) -> None:
        """`remaining()`: the seconds that are left, infinite without a limit. Called once, first;
        when none are left, `bound` returns soon, with what it has."""


@runtime_checkable
class HasRelaxation(Protocol, metaclass=Known):
    """Has bounds and splits for the branch-and-bound engine."""

    def relaxation(self, data: Data) -> Relaxation: ...


@runtime_checkable
class HasProof(Protocol, metaclass=Known):
    """Can re-prove bounds in rigorous arithmetic."""

    def proof(self, data: Data, arithmetic: Arithmetic = "float") -> Proof: ...
