"""Problems that unfold in time: what is decided when, and known by then; and rules to follow."""

from collections.abc import Callable, Mapping
from typing import Protocol, runtime_checkable

import numpy as np

from toolkit.arrays import Data, Decision

from ._known import Known
from ._space import Space


class Dynamics(Protocol):
    """Episodes of a batch of instances that are decided step by step, all at the same step.

    The rewards of all steps add up to what `judge` says of `decision()`.
    """

    steps: int
    at: int  # the step to decide, from 0; `steps`: the episodes are over
    space: Space  # of the action of one step, its blocks without the axes of the batch

    def observe(self) -> dict[str, np.ndarray]:
        """What a policy may know before it decides, (*batch, …) each: never the future."""

    def consistent(self, raw: Decision) -> Decision:
        """An action that the constraints allow, from any point of the box of `space`: what is
        largest in it goes first. Actions that are allowed stay as they are."""

    def step(self, action: Decision) -> np.ndarray:
        """Decides one step; its reward, (*batch,)."""

    def decision(self) -> Decision:
        """The whole decision, of the steps that are decided; 0 in the others."""


@runtime_checkable
class HasDynamics(Protocol, metaclass=Known):
    """Knows how its instances unfold in time: what is decided when, and known by then."""

    timescales: Mapping[str, str]  # name -> one line; the first is the usual one

    def dynamics(
        self,
        data: Data,
        scale: str = ...,
        inner: Callable[[Data, np.random.Generator], Decision] | None = None,
        rng: np.random.Generator | None = None,
    ) -> Dynamics:
        """Episodes of a batch of instances, at their first step.

        `inner` decides what an action leaves open, for rows of data of the problem within (its
        own says which); None: the best that the problem knows. `rng` is for it.
        """


@runtime_checkable
class HasRewards(HasDynamics, Protocol):
    """Its episodes can also pay by other names, which do not add up to what `judge` says."""

    rewards: Mapping[str, str]  # name -> one line; the first is the usual one

    def dynamics(
        self,
        data: Data,
        scale: str = ...,
        inner: Callable[[Data, np.random.Generator], Decision] | None = None,
        rng: np.random.Generator | None = None,
        reward: str = ...,
    ) -> Dynamics:
        """As without; `reward` is the name of one of `rewards`, or name[parameter=value,…]."""


@runtime_checkable
class HasRules(Protocol, metaclass=Known):
    """Knows policies that do not learn: causal ones, and for comparison some that see more."""

    rules: Mapping[str, str]  # name -> one line; the first, a causal one, is the default

    def follow(
        self,
        data: Data,
        rule: str,
        rng: np.random.Generator,
        inner: Callable[[Data, np.random.Generator], Decision] | None = None,
    ) -> Decision:
        """The whole decision of a rule for a batch of instances."""
