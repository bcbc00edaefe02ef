"""Learners that learn on the instance that they decide."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from toolkit.arrays import Data, Decision

if TYPE_CHECKING:
    from torch import nn

    from ._train import Training


@runtime_checkable
class Explorer(Protocol):
    """A learner whose training tries decisions: the best of them is worth having."""

    def explore(
        self,
        net: "nn.Module",
        run: "Training",
        data: Data,
        execute: Callable[[Decision], object],
    ) -> None:
        """Trains in place on the instances of `data` (one leading axis), one decision each a step.

        Every decision that is tried, one a row, goes to `execute`, which may judge it; the learner
        does not hear how.
        """
