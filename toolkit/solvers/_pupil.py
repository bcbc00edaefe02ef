"""What solvers that name a learner share."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from toolkit.component import Component, parse_spec

from ._base import Solver

if TYPE_CHECKING:
    from toolkit.learners import Learner


@dataclass(frozen=True, kw_only=True)
class WithLearner(Solver):
    """A solver with a learner, which may have parameters: SOLVER[learner=NAME[preset=paper]]."""

    backends: ClassVar[tuple[str, ...]] = ("torch",)

    learner: str = ""

    def __post_init__(self) -> None:
        if self.learner:
            self._built  # noqa: B018  a name or parameter that does not exist is refused at once

    @property
    def parts(self) -> tuple[Component, ...]:
        return (self, self._built) if self.learner else (self,)

    @cached_property
    def _built(self) -> "Learner":
        from toolkit import learners

        name, params = parse_spec(self.learner, "learner")
        return learners.registry.build(name, **params)
