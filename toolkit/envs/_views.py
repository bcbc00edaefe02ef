"""What an agent's action is, and the decision that it stands for; batched."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from gymnasium import spaces

from toolkit.arrays import Data, Decision
from toolkit.errors import UserError
from toolkit.problems import HasCompletion, HasRepair, Problem, Space

from ._rules import Rules

# The least share of its range that an action can give a real variable. A share of exactly zero
# means absence (a rate of zero, a CPU that stands still), which the discrete entries decide.
LEAST = 1e-6


@dataclass(frozen=True, eq=False)
class Flat:
    """The flat view of the decision spaces of one instance or a batch."""

    space: Space
    batch: tuple[int, ...]

    @cached_property
    def lower(self) -> np.ndarray:
        """(*batch, size)."""
        return self._end("lower")

    @cached_property
    def upper(self) -> np.ndarray:
        """(*batch, size)."""
        return self._end("upper")

    @cached_property
    def discrete(self) -> np.ndarray:
        """(size,), true where the variable takes integers only."""
        return np.concatenate([np.full(var.size, var.discrete) for var in self.space.vars])

    def _end(self, end: str) -> np.ndarray:
        bounds = {
            v.name: np.broadcast_to(np.asarray(getattr(v, end), float), (*self.batch, *v.shape))
            for v in self.space.vars
        }
        return np.asarray(self.space.flatten(bounds))


class View(Protocol):
    """Actions and what they mean."""

    action_space: Any

    def flat(self, space: Space, batch: tuple[int, ...]) -> Flat:
        """The part of a decision space that the agent decides."""

    def decide(self, data: Data, flat: Flat, action: np.ndarray) -> Decision:
        """The whole decision of actions (*batch, size)."""


class FullView:
    """The paper's hybrid action: a number in [-1, 1] for every variable, the blocks in order.

    Real variables: -1 and 1 are the bounds, but for `LEAST`. Discrete ones: equal parts of
    [-1, 1] for each value; a binary variable is 1 from 0 upwards.
    """

    def __init__(self, problem: Problem, some: Flat, rules: Rules) -> None:
        if not (np.isfinite(some.lower).all() and np.isfinite(some.upper).all()):
            raise UserError(
                f"{problem.name} has variables without bounds; use view='reduced' instead."
            )
        self.action_space = spaces.Box(-1.0, 1.0, (some.space.size,), np.float32)
        self._repair = problem.repair if rules.repair and isinstance(problem, HasRepair) else None

    def flat(self, space: Space, batch: tuple[int, ...]) -> Flat:
        return Flat(space, batch)

    def decide(self, data: Data, flat: Flat, action: np.ndarray) -> Decision:
        share = (np.clip(action, -1.0, 1.0).astype(float) + 1.0) / 2.0
        width = flat.upper - flat.lower
        real = flat.lower + np.maximum(share, LEAST) * width
        choice = np.floor(flat.lower + share * (width + 1.0))
        raw = np.minimum(np.where(flat.discrete, choice, real), flat.upper)
        decision = flat.space.unflatten(raw)
        return self._repair(data, decision) if self._repair else decision


class ReducedView:
    """The discrete variables only, counted from their lower bounds; `complete` does the rest."""

    def __init__(self, problem: Problem, some: Flat) -> None:
        if not some.space.discrete:
            raise UserError(f"{problem.name} has no discrete variables; use view='full'.")
        real = len(some.space.discrete) < len(some.space.vars)
        if real and not isinstance(problem, HasCompletion):
            raise UserError(f"{problem.name} cannot complete discrete choices; use view='full'.")
        self._complete = problem.complete if isinstance(problem, HasCompletion) else None
        part = self.flat(some.space, some.batch)
        counts = (part.upper - part.lower).reshape(-1, part.space.size).max(axis=0) + 1
        self.action_space: spaces.Space[Any] = (
            spaces.MultiBinary(part.space.size)
            if all(var.kind == "binary" for var in part.space.vars)
            else spaces.MultiDiscrete(counts.astype(np.int64))
        )

    def flat(self, space: Space, batch: tuple[int, ...]) -> Flat:
        return Flat(Space(space.discrete), batch)

    def decide(self, data: Data, flat: Flat, action: np.ndarray) -> Decision:
        choice = flat.space.unflatten(np.clip(flat.lower + action, flat.lower, flat.upper))
        return self._complete(data, choice) if self._complete else choice


def view_of(problem: Problem, some: Flat, rules: Rules) -> View:
    """The view that the rules name, for instances like those of `some`."""
    if rules.view == "full":
        return FullView(problem, some, rules)
    return ReducedView(problem, some)
