"""The best that can be had without seeing the future: queues on a lattice of times.

Where all times are whole multiples of a quantum and tasks are all alike, a slot begins in one of
finitely many states: the quanta of work left at every device and server. A task's whole cost is
known once it is decided (first come, first served), so value iteration over slots is exact: it
finds the least expected cost of any policy that knows the past, the tasks of this slot and the
density, and what to decide for that.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from toolkit.arrays import Data, Decision
from toolkit.errors import UserError

from . import _lattice_kernels as kernels
from .lattice_moves import Choices, Times, bits, choices_of, dimensions, patterns

SINGLE = "-single"
RULES: Mapping[str, str] = {
    "mdp": "optimal without seeing the future, by value iteration: where times are on a lattice",
    "mdp-single": "the same; never to another region's server",
}
FINEST = 64  # quanta of a slot
LARGEST = 60_000_000  # values that are kept: states times slots
SLACK = 1e-9  # of a time that is a whole multiple
WHERE = "the rule 'mdp' plays episodes on a lattice, as those of the preset 'lattice': "


@dataclass(frozen=True)
class Lattice(Times):
    """An episode's times, read from its data, and the recursion over its slots."""

    @classmethod
    def of(cls, data: Data) -> "Lattice":
        """Of one episode with at least one task; UserError where it is not on a lattice."""
        data = {key: np.asarray(value, float) for key, value in data.items()}
        t, i = np.nonzero(data["has"])
        if not len(t):
            raise UserError(WHERE + "with at least one task.")
        if data["own_first"] or data["forward_delay"]:
            raise UserError(WHERE + "first come, first served, and no delay between servers.")
        upload, cycles = data["bits"][t, i] / data["rate"][i], data["cycles"][t, i]
        if np.ptp(upload) > SLACK * upload[0] or np.ptp(cycles) > SLACK * cycles[0]:
            raise UserError(WHERE + "all tasks alike, sent in the same time (spread is 0).")
        spans = (cycles[0] / data["cpu"], cycles[0] / data["server_cpu"])
        times = np.concatenate([[data["slot"], upload[0]], *spans])
        whole = _whole(times)
        if whole[1] > whole[0]:
            raise UserError(WHERE + "tasks are at their server before the next slot begins.")
        local, server = np.split(whole[2:], [len(spans[0])])
        joules = data["kappa"] * cycles[0] * data["cpu"] ** 2
        return cls(
            slots=data["has"].shape[0],
            slot=int(whole[0]),
            upload=int(whole[1]),
            local=tuple(map(int, local)),
            server=tuple(map(int, server)),
            region=tuple(map(int, data["region"])),
            forwarding=int(data["forwarding"]),
            density=float(data["density"]),
            delay_price=float(data["weight_delay"] * data["slot"] / whole[0]),
            local_price=tuple(map(float, data["weight_energy"] * joules)),
            send_price=float(data["weight_energy"] * data["send_power"] * upload[0]),
        )

    @property
    def states(self) -> int:
        return math.prod(map(int, np.concatenate(self.sizes)))

    @property
    def law(self) -> np.ndarray:
        """Probabilities (slots, patterns) of who has tasks; bit u of a pattern is device u."""
        has = bits(len(self.local))
        chance = np.where(has, self.density, 1 - self.density).prod(-1)
        return np.tile(chance, (self.slots, 1))

    def plan(self, law: np.ndarray | None = None) -> "Plan":
        """The best for a law (slots, patterns) of tasks; None: independent, with the density."""
        if self.states * (self.slots + 1) > LARGEST:
            raise UserError(
                f"{WHERE}this one has {self.states:,} states in {self.slots} slots; "
                f"take fewer devices, servers or slots."
            )
        choices = choices_of(self)
        value = np.zeros((self.slots + 1, self.states))
        law = self.law if law is None else law
        kernels.backward(law, *choices.tables, *dimensions(self), value)
        if not np.isfinite(value[0, 0]):
            raise UserError(f"{WHERE}this one's tasks are more than its queues have room for.")
        return Plan(self, choices, value)


@dataclass(frozen=True, eq=False)
class Plan:
    """What to do in every state of every slot."""

    lattice: Lattice
    choices: Choices
    value: np.ndarray  # (slots + 1, states): the least expected cost from there on

    @property
    def cost(self) -> float:
        """The least expected cost of an episode."""
        return float(self.value[0, 0])

    @property
    def cost_per_task(self) -> float:
        """… over the expected number of tasks."""
        return self.cost / (self.lattice.slots * len(self.lattice.local) * self.lattice.density)

    def follow(self, has: np.ndarray) -> np.ndarray:
        """Targets (rows, slots, devices) for tasks (rows, slots, devices), played in time."""
        pattern = patterns(has)
        choice = np.empty(pattern.shape, np.int64)
        kernels.play(pattern, *self.choices.tables, *dimensions(self.lattice), self.value, choice)
        if choice.min(initial=0) < 0:
            raise UserError(f"{WHERE}tasks came here that the density rules out.")
        return np.asarray(self.choices.target[choice])


def rules_of(params: Mapping[str, Any]) -> Mapping[str, str]:
    """The rules of a problem with these parameters: none unless its times are on a lattice."""
    fits = params["quantum"] > 0 and params["spread"] == 0 and params["forward_delay"] == 0
    return RULES if fits and params["discipline"] == "fcfs" else {}


@lru_cache(maxsize=2)
def planned(lattice: Lattice) -> Plan:
    """`Lattice.plan`, kept for further episodes of the same law."""
    return lattice.plan()


def in_hindsight(data: Data) -> tuple[float, Decision]:
    """The least cost of one episode whose tasks are all known, and its decision: the same
    recursion, for the one sequence of tasks that comes."""
    lattice = Lattice.of(data)
    pattern = patterns(np.asarray(data["has"]))
    plan = lattice.plan(np.eye(2 ** len(lattice.local))[pattern])
    return plan.cost, {"target": plan.follow(np.asarray(data["has"])[None])[0]}


def follow(data: Data, rule: str) -> Decision:
    """The decision of a rule, one of `RULES`, for a batch of instances (*batch, …)."""
    batch = np.shape(data["slot"])
    flat = {k: np.reshape(v, (-1, *np.shape(v)[len(batch) :])) for k, v in data.items()}
    alike: dict[Lattice, list[int]] = {}
    for r in np.flatnonzero(flat["has"].any((-2, -1))):
        lattice = Lattice.of({key: value[r] for key, value in flat.items()})
        if rule.endswith(SINGLE):
            lattice = replace(lattice, forwarding=0)
        alike.setdefault(lattice, []).append(int(r))
    target = np.zeros(flat["has"].shape)
    for lattice, rows in alike.items():
        target[rows] = planned(lattice).follow(flat["has"][rows])
    return {"target": target.reshape(np.shape(data["has"]))}


def _whole(times: np.ndarray) -> np.ndarray:
    """Times, of which the first is the slot's, in the largest quantum that they all have."""
    for quanta in range(1, FINEST + 1):
        exact = times / times[0] * quanta
        near = np.rint(exact)
        if (np.abs(exact - near) <= SLACK * quanta).all() and near.all():
            return np.asarray(near, np.int64)
    raise UserError(f"{WHERE}all times are whole multiples of a quantum, {FINEST} a slot at most.")
