"""The problem itself: data, decisions, and the one formula that prices them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, get_args

import numpy as np

from toolkit.arrays import Array, Data, Decision, array_namespace, at_most
from toolkit.errors import UserError
from toolkit.instances import Instance
from toolkit.problems import Certificate, Evaluation, Field, Problem, Space, Var
from toolkit.problems._knowledge import (
    AlgebraicModel,
    ConicPiece,
    ConvexModel,
    Pieces,
    Published,
    Relaxation,
)
from toolkit.problems._pictures import Picture
from toolkit.problems._proof import Arithmetic, Proof

FLOOR = 1e-12  # share of the uplink that a user counts as having where it is given none
MEGABYTE = 2.0**23  # bits: the published sizes are MB of 2^20 bytes
PAPER_USERS = 3
MOST_TASKS = 62  # a choice of a user's tasks is one machine word
MANY = 1024  # bits of choices: beyond, adding their sizes up in NumPy takes most of the time
EXCESS = 1e-9  # by which shares may sum to more than 1: rounding

Mode = Literal["equal", "shared"]


@dataclass(frozen=True, kw_only=True)
class Ddlo(Problem):
    """Binary offloading of several independent tasks a user over one uplink.

    Every task is computed on its device or at the edge. A user's cost is its energy (J) plus the
    weighted time (s) until both its device and the edge are done. Minimise the sum. The uplink is
    split equally (``equal``: the published code, whose optima are published) or decided jointly
    (``shared``: the paper's own problem). Which of them holds is written in the instance: `share`
    holds every user's share of the uplink, or zeros where the shares are to be decided.
    """

    title = "Several tasks a user, binary offloading over one uplink"
    paper = (
        "Huang, Feng, Feng, Huang, Qian: Distributed Deep Learning-based Offloading for Mobile "
        "Edge Computing Networks"
    )
    sense: ClassVar[Literal["min", "max"]] = "min"
    version: ClassVar[int] = 1
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "paper": {"n_users": 3, "n_tasks": 3},
        "tiny": {"n_users": 2, "n_tasks": 2},
        "shared": {"n_users": 3, "n_tasks": 3, "bandwidth_mode": "shared"},
        # an edge task of 1900 cycles a byte, not a bit: 0.19923 s/MB
        "clean": {"edge_cycles": 237.5, "bandwidth_mode": "shared"},
        "large": {
            "n_users": 100,
            "n_tasks": 10,
            "bandwidth_mode": "shared",
            "scale_with_users": True,
        },
    }
    units: ClassVar[Mapping[str, str]] = {"delay": "s", "energy": "J"}
    fields: ClassVar[Mapping[str, Field]] = {
        "size": Field("input size s of every task", "bit", ("users", "tasks")),
        "share": Field(
            "share of the uplink that every user has; all 0: shares are decided",
            dims=("users",),
            strict=False,
        ),
        "capacity": Field("capacity C of the uplink", "bit/s"),
        "local_time": Field("device's computing time", "s/bit"),
        "edge_time": Field("edge's computing time", "s/bit"),
        "local_energy": Field("device's computing energy", "J/bit"),
        "transmit_energy": Field("transmission energy", "J/bit"),
        "edge_energy": Field("weighted edge energy a", "J/bit"),
        "weight_delay": Field("weight p of the delay", "J/s"),
    }
    formulations: ClassVar[Mapping[str, str]] = {
        "cone": "uplink times transmission time above a sum of squared bits: convex",
        "paper": "time as printed: sizes over uplink shares",
    }

    n_users: int = PAPER_USERS
    n_tasks: int = 3
    bandwidth_mode: Mode = "equal"
    size_low: int = 10
    size_high: int = 30
    size_unit: float = MEGABYTE
    capacity: float = 12.5 * MEGABYTE
    scale_with_users: bool = False  # the capacity holds for 3 users and grows with n
    local_time: float = 4.75e-7
    edge_cycles: float = 1900.0  # per bit
    edge_speed: float = 1e10  # Hz
    local_energy: float = 3.25e-7
    transmit_energy: float = 1.42e-7
    edge_energy: float = 1.5e-7
    weight_delay: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.n_tasks <= MOST_TASKS:
            raise ValueError(f"n_tasks is {self.n_tasks}; it must be from 1 to {MOST_TASKS}.")
        if self.bandwidth_mode not in get_args(Mode):
            raise ValueError(f"bandwidth_mode is {self.bandwidth_mode!r}; give equal or shared.")
        for name, value in self.params.items():
            counts = isinstance(value, bool | str)
            if not counts and not (np.isfinite(value) and value > 0):
                raise ValueError(f"{name} is {value!r}; it must be a positive number.")
        if self.size_low > self.size_high:
            raise ValueError(f"size_low is {self.size_low}, above size_high; swap them.")

    def sample(
        self, rng: np.random.Generator, batch: tuple[int, ...] = ()
    ) -> dict[str, np.ndarray]:
        """Whole sizes, uniform and independent, in units of `size_unit`."""
        shape = (*batch, self.n_users, self.n_tasks)
        size = rng.integers(self.size_low, self.size_high + 1, shape) * self.size_unit
        return self.data_of(size)

    def data_of(self, size: np.ndarray) -> dict[str, np.ndarray]:
        """Instance data (*batch, …) of given sizes in bits, (*batch, users, tasks)."""
        batch, users = size.shape[:-2], size.shape[-2]
        growth = users / PAPER_USERS if self.scale_with_users else 1.0
        share = 1.0 / users if self.bandwidth_mode == "equal" else 0.0
        scalars = {
            "capacity": self.capacity * growth,
            "local_time": self.local_time,
            "edge_time": self.edge_cycles / self.edge_speed,
            "local_energy": self.local_energy,
            "transmit_energy": self.transmit_energy,
            "edge_energy": self.edge_energy,
            "weight_delay": self.weight_delay,
        }
        return {
            "size": size,
            "share": np.full((*batch, users), share),
            **{key: np.full(batch, value) for key, value in scalars.items()},
        }

    def admit(self, instance: Instance) -> Instance:
        """As any problem's; and shares are all positive and at most 1 together, or all zero."""
        super().admit(instance)
        share, tasks = instance.data["share"], instance.data["size"].shape[-1]
        if np.any(share > 0) and not (np.all(share > 0) and share.sum() <= 1 + EXCESS):
            raise UserError(
                f"{instance.name or 'the instance'}: data['share'] must be all 0, or all positive "
                f"with a sum of at most 1; its sum is {share.sum():g}."
            )
        if tasks > MOST_TASKS:
            raise UserError(f"The instance has {tasks} tasks a user; at most {MOST_TASKS} are.")
        return instance

    def space(self, data: Data) -> Space:
        """offload (users, tasks); and uplink (bit/s), one a user, where the shares are decided."""
        shape = tuple(data["size"].shape[-2:])
        offload = Var("offload", shape, "binary")
        if not shares_are_decided(data):
            return Space((offload,))
        return Space((offload, Var("uplink", shape[:1], upper=data["capacity"][..., None])))

    def judge(self, data: Data, decision: Decision) -> Evaluation:
        """Q = sum of energies + p times the delays; Sum c <= C where the shares are decided."""
        xp = array_namespace(decision["offload"])
        delay, energy = _spent(xp, data, decision)
        violations = {}
        if shares_are_decided(data):
            total, most = xp.sum(decision["uplink"], axis=-1), data["capacity"]
            violations["uplink"] = at_most(total, most, most)
        terms = {"delay": xp.sum(delay, axis=-1), "energy": xp.sum(energy, axis=-1)}
        objective = terms["energy"] + data["weight_delay"] * terms["delay"]
        return Evaluation(objective, violations, terms)

    def pictures(self, data: Data, decision: Decision) -> list[Picture]:
        from . import pictures

        return pictures.pictures(self, data, decision)

    def outcome(self, data: Data, decision: Decision) -> Array:
        """Delay (s) and energy (J) of every user, (*batch, n, 2)."""
        xp = array_namespace(decision["offload"])
        return xp.stack(_spent(xp, data, decision), axis=-1)

    def complete(self, data: Data, discrete: Decision) -> Decision:
        """The best uplink rates for each choice of tasks."""
        from . import allocation

        if not shares_are_decided(data):
            return {"offload": np.asarray(discrete["offload"], float)}
        return allocation.complete(data, discrete["offload"])

    def repair(self, data: Data, raw: Decision) -> Decision:
        """Who offloads nothing has no uplink; the other rates are scaled to sum to C."""
        if not shares_are_decided(data):
            return {"offload": raw["offload"]}
        rate = raw["uplink"] * (raw["offload"].sum(-1) > 0)
        total = np.maximum(rate.sum(-1, keepdims=True), 1e-300)
        return {
            "offload": raw["offload"],
            "uplink": rate * (data["capacity"][..., None] / total),
        }

    def prior(self, data: Data) -> Space:
        """Rates from a half to three halves of the equal share."""
        space = self.space(data)
        if not shares_are_decided(data):
            return space
        offload, uplink = space.vars
        equal = uplink.upper / data["size"].shape[-2]
        return Space((offload, Var("uplink", uplink.shape, lower=equal / 2, upper=1.5 * equal)))

    def ranking(self, data: Data) -> Decision:
        """A few dozen choices: of every user the largest tasks, up to a part of its total size."""
        from . import ranking

        return {"offload": ranking.ranked_choices(data)}

    def published(self, arrays: Mapping[str, np.ndarray]) -> Published:
        """The rows of MUMT_data_NxM.mat; the shares and constants are this problem's."""
        from .published import read

        return read(self, arrays)

    def plant(
        self, rng: np.random.Generator
    ) -> tuple[dict[str, np.ndarray], Decision, Certificate]:
        """Data whose capacity is what users ask for at a price, their answers, and the price."""
        from .plant import plant

        return plant(self, rng)

    def relaxation(self, data: Data) -> Relaxation:
        from .relaxation import PricedUplink

        return PricedUplink(data)

    def proof(self, data: Data, arithmetic: Arithmetic = "float") -> Proof:
        from .proof import UplinkProof

        return UplinkProof(data, arithmetic)

    def pyomo(self, instance: Instance, formulation: str = "cone") -> AlgebraicModel:
        from . import models_pyomo

        return models_pyomo.pyomo(instance.data, formulation)

    def cvxpy(self, instance: Instance, discrete: Decision) -> ConvexModel:
        from . import models_cvxpy

        return models_cvxpy.rates(instance.data, discrete["offload"])

    def conic(self, instance: Instance) -> Pieces[ConicPiece]:
        from . import models_cvxpy

        return models_cvxpy.relaxed(instance.data)


def shares_are_decided(data: Data) -> bool:
    """Whether the uplink is shared as one likes (`share` is zero), not by given shares."""
    return not bool((data["share"] > 0).any())


def _spent(xp: Any, data: Data, decision: Decision) -> tuple[Array, Array]:
    """Delay (s) and energy (J) of every user, two arrays (*batch, users)."""
    one = {key: value[..., None] for key, value in data.items() if key not in ("size", "share")}
    remote, local = _bits(xp, data, decision["offload"])
    rate = _rate(xp, data, one["capacity"], decision)
    edge = remote / rate + one["edge_time"] * remote
    delay = xp.maximum(one["local_time"] * local, edge)
    energy = one["local_energy"] * local + (one["edge_energy"] + one["transmit_energy"]) * remote
    return delay, energy


def _bits(xp: Any, data: Data, offload: Array) -> tuple[Array, Array]:
    """U and S - U, the bits at the edge and on the device, each (*batch, users).

    Many are added up in a compiled loop: the same sums to the last bit, and many times as fast.
    """
    if isinstance(offload, np.ndarray) and offload.dtype == float and offload.size > MANY:
        from . import allocation

        return allocation.split_bits(data, offload)
    remote = xp.sum(data["size"] * offload, axis=-1)
    return remote, xp.sum(data["size"] * (1 - offload), axis=-1)


def _rate(xp: Any, data: Data, capacity: Array, decision: Decision) -> Array:
    """c (bit/s) of every user; FLOOR of the uplink in place of nothing: a huge, finite delay."""
    if not shares_are_decided(data):
        return data["share"] * capacity
    rate = decision["uplink"]
    return xp.where(rate > 0, rate, FLOOR * capacity)
