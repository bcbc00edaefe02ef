"""How episodes unfold: what the problem says of its dynamics, rewards and rules."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, ClassVar, cast

import numpy as np

from toolkit.arrays import Data, Decision
from toolkit.errors import UserError

from . import lattice, rewards, rules
from .dynamics import Episodes
from .each_slot import EachSlot
from .each_task import EachTask

if TYPE_CHECKING:
    from .problem import A3c

KINDS: Mapping[str, type[EachTask] | type[EachSlot]] = {"task": EachTask, "slot": EachSlot}
Inner = Callable[[Data, np.random.Generator], Decision]


class Unfolds:
    """Half of the problem: decided task by task, or slot by slot."""

    timescales: ClassVar[Mapping[str, str]] = {
        "task": "one decision a task: where it goes, seeing what is decided of those before it",
        "slot": "one decision a slot: where the tasks of all devices go, at once",
    }
    rewards: ClassVar[Mapping[str, str]] = rewards.REWARDS

    @property
    def rules(self) -> Mapping[str, str]:
        """Those of all episodes; and of those on a lattice of times the best without foresight."""
        return {**rules.ALL, **lattice.rules_of(vars(self))}

    def dynamics(
        self,
        data: Data,
        scale: str = "task",
        inner: Inner | None = None,
        rng: np.random.Generator | None = None,
        reward: str = "cost",
        burst: tuple[int, int] | None = None,
    ) -> Episodes:
        """Episodes of a batch of instances; nothing is left for `inner`, nor to chance.

        `reward` is one of `rewards`. In the slots of `burst`, from the first to before the second,
        every task goes where it adds the most to the cost, whatever is decided: a disturbance.
        """
        if scale not in KINDS:
            raise UserError(f"scale is {scale!r}; give {' or '.join(KINDS)}.")
        return KINDS[scale](data, reward, burst)

    def follow(
        self, data: Data, rule: str, rng: np.random.Generator, inner: Inner | None = None
    ) -> Decision:
        """The whole decision of a rule, one of `rules`."""
        if rule in lattice.RULES:
            return lattice.follow(data, rule)
        return rules.follow(cast("A3c", self), data, rule, rng)
