"""The problem itself: data, decisions, and the one formula that prices them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import log
from typing import Any, ClassVar, Literal

import numpy as np

from toolkit.arrays import Array, Data, Decision, array_namespace, at_most, positive
from toolkit.errors import UserError
from toolkit.instances import Instance
from toolkit.problems import Evaluation, Field, Problem, Space, Var
from toolkit.problems._knowledge import (
    AlgebraicModel,
    ConicPiece,
    ConvexModel,
    Master,
    Pieces,
    Relaxation,
)
from toolkit.problems._pictures import Picture
from toolkit.problems._proof import Arithmetic, Proof

MOST_USERS = 24  # whose masks are gone through one by one
FLOOR = 1e-12  # share of its maximum that a resource counts as where none is given


@dataclass(frozen=True, kw_only=True)
class Cpdrl(Problem):
    """Single-server MEC offloading with consistent joint allocation.

    n users run their task locally or offload it; offloaders share the bandwidth B as they like and
    the server's F equally. Minimise the weighted sum of delays (s) and energies (J), program (10)
    of the paper. Sizes of "200-400 KB" are read as kilobits by default (``paper``): read as
    kilobytes (``paper-kbyte``) almost every instance with three or more users is infeasible.
    """

    title = "Consistency-preserving offloading and allocation, one server"
    paper = (
        "Li, Nakamura, Takase: Consistency-Preserving Deep Reinforcement Learning for "
        "Computation Offloading and Resource Allocation in MEC Environment"
    )
    sense: ClassVar[Literal["min", "max"]] = "min"
    version: ClassVar[int] = 1
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "paper": {"n_users": 8},
        "tiny": {"n_users": 4},
        "paper-kbyte": {"n_users": 8, "bits_per_kb": 8192.0},
        # the deadline binds for about half of the offloaders of an optimum (docs/cpdrl.md)
        "tight": {"n_users": 8, "deadline": 0.25, "bandwidth": 9e5, "weight_delay": 0.03},
        "large": {"n_users": 1000, "scale_with_users": True},
    }
    units: ClassVar[Mapping[str, str]] = {"delay": "s", "energy": "J"}
    fields: ClassVar[Mapping[str, Field]] = {
        "size": Field("task size D", "bit", ("users",)),
        "cycles": Field("CPU cycles per bit C", "cycle/bit", ("users",)),
        "f_max": Field("largest local CPU frequency", "Hz", ("users",)),
        "gain": Field("channel power gain g", "1", ("users",)),
        "deadline": Field("deadline tau of every task", "s"),
        "f_server": Field("server CPU F, shared equally by the offloaders", "Hz"),
        "bandwidth": Field("total uplink bandwidth B", "Hz"),
        "p_max": Field("largest transmit power", "W"),
        "noise": Field("noise power sigma^2", "W"),
        "kappa": Field("energy coefficient of local CPUs", "J s^2/cycle^3"),
        "weight_delay": Field("lambda_1", "1/s"),
        "weight_energy": Field("lambda_2", "1/J"),
    }
    formulations: ClassVar[Mapping[str, str]] = {
        "lifted": "1/bandwidth and spectral efficiency lifted, local cost in closed form",
        "paper": "program (10) letter by letter: divisions, products of bits and costs",
    }

    feature_views: ClassVar[tuple[str, ...]] = ("context", "rank", "plain")

    n_users: int = 8
    size_low: float = 200.0
    size_high: float = 400.0
    bits_per_kb: float = 1000.0
    cycles_low: float = 500.0
    cycles_high: float = 1000.0
    f_low: float = 1e9
    f_high: float = 2e9
    deadline: float = 0.5
    f_server: float = 15e9
    bandwidth: float = 5e6
    scale_with_users: bool = False  # f_server and bandwidth hold for 8 users and grow with n
    p_max: float = 1.0
    noise: float = 1e-13
    side: float = 300.0
    path_loss: float = 3.0
    kappa: float = 1e-28
    weight_delay: float = 1.0
    weight_energy: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, value in self.params.items():
            if not isinstance(value, bool) and not (np.isfinite(value) and value > 0):
                raise ValueError(f"{name} is {value!r}; it must be a positive number.")
        for kind in ("size", "cycles", "f"):
            low, high = getattr(self, f"{kind}_low"), getattr(self, f"{kind}_high")
            if low > high:
                raise ValueError(f"{kind}_low is {low:g}, above {kind}_high, {high:g}; swap them.")

    def sample(
        self, rng: np.random.Generator, batch: tuple[int, ...] = ()
    ) -> dict[str, np.ndarray]:
        """Table I: users uniform in a square around the server; below 1 m counts as 1 m."""
        shape = (*batch, self.n_users)
        size = rng.uniform(self.size_low, self.size_high, shape) * self.bits_per_kb
        cycles = rng.uniform(self.cycles_low, self.cycles_high, shape)
        f_max = rng.uniform(self.f_low, self.f_high, shape)
        x, y = rng.uniform(-self.side / 2, self.side / 2, (2, *shape))
        growth = self.n_users / 8 if self.scale_with_users else 1.0
        scalars = {
            "deadline": self.deadline,
            "f_server": self.f_server * growth,
            "bandwidth": self.bandwidth * growth,
            "p_max": self.p_max,
            "noise": self.noise,
            "kappa": self.kappa,
            "weight_delay": self.weight_delay,
            "weight_energy": self.weight_energy,
        }
        return {
            "size": size,
            "cycles": cycles,
            "f_max": f_max,
            "gain": np.maximum(np.hypot(x, y), 1.0) ** -self.path_loss,
            **{key: np.full(batch, value) for key, value in scalars.items()},
        }

    def space(self, data: Data) -> Space:
        """offload, bandwidth (Hz), power (W), frequency (Hz): one of each a user."""
        n = data["size"].shape[-1]
        return Space(
            (
                Var("offload", (n,), "binary"),
                Var("bandwidth", (n,), upper=data["bandwidth"][..., None]),
                Var("power", (n,), upper=data["p_max"][..., None]),
                Var("frequency", (n,), upper=data["f_max"]),
            )
        )

    def judge(self, data: Data, decision: Decision) -> Evaluation:
        """Program (10): objective, C1 (deadline), C2 (bandwidth) and the consistency (11)."""
        xp = array_namespace(decision["offload"])
        one = self._scalars(data)
        delay, energy = _spent(xp, data, one, decision)
        cost = one["weight_delay"] * delay + one["weight_energy"] * energy

        total = xp.sum(decision["bandwidth"], axis=-1)
        found = Evaluation(
            objective=xp.sum(cost, axis=-1),
            violations={
                "bandwidth": at_most(total, data["bandwidth"], data["bandwidth"]),
                "consistency": xp.max(_inconsistency(xp, data, one, decision), axis=-1),
            },
            terms={"delay": xp.sum(delay, axis=-1), "energy": xp.sum(energy, axis=-1)},
        )
        return self.late(found, data, delay - one["deadline"])

    def late(self, found: Evaluation, data: Data, excess: Array) -> Evaluation:
        """C1: nobody may be late. excess: delay beyond the deadline (s), (*batch, n)."""
        xp = array_namespace(excess)
        worst = xp.max(positive(excess), axis=-1) / data["deadline"]
        return replace(found, violations={"deadline": worst, **found.violations})

    def pictures(self, data: Data, decision: Decision) -> list[Picture]:
        from . import pictures

        return pictures.pictures(self, data, decision)

    def outcome(self, data: Data, decision: Decision) -> Array:
        """T_n (s) and E_n (J) of every user, (*batch, n, 2): the paper's state."""
        xp = array_namespace(decision["offload"])
        return xp.stack(_spent(xp, data, self._scalars(data), decision), axis=-1)

    def _scalars(self, data: Data) -> dict[str, Array]:
        """What users share, with a last axis of one to stand beside theirs."""
        return {key: data[key][..., None] for key, spec in self.fields.items() if not spec.dims}

    def complete(self, data: Data, discrete: Decision) -> Decision:
        """The best bandwidth, power and frequency for each offload mask."""
        from . import allocation

        return allocation.complete(data, discrete["offload"])

    def best_from(self, data: Data, head: Sequence[int], below: Array) -> Decision | None:
        """The best of all masks that begin with `head` (`toolkit.problems._knowledge.HasBestFrom`),
        by a Gray code; only what a bound speaks for is allocated."""
        from . import allocation

        return allocation.best(data, head, below)

    def best(self, data: Data, gap: float = 0.0) -> Decision:
        """The best decisions of a batch of instances of at most 24 users, whatever gap may be left;
        no certificate. UserError where there are more users."""
        if data["size"].shape[-1] > MOST_USERS:
            raise UserError(
                f"best goes through all masks of at most {MOST_USERS} users; use exact."
            )
        found = self.best_from(data, (), np.inf)
        assert found is not None  # everything is below infinity
        return found

    def repair(self, data: Data, raw: Decision) -> Decision:
        """The mask (16): a user keeps what its bit allows; bandwidths are scaled to sum to B."""
        offload = raw["offload"]
        share = raw["bandwidth"] * offload
        total = np.maximum(share.sum(-1, keepdims=True), 1e-300)
        return {
            "offload": offload,
            "bandwidth": share * (data["bandwidth"][..., None] / total),
            "power": raw["power"] * offload,
            "frequency": raw["frequency"] * (1 - offload),
        }

    def prior(self, data: Data) -> Space:
        """Full local speed and at most a fifth of the power: where good decisions lie."""
        offload, bandwidth, power, frequency = self.space(data).vars
        low_power = Var("power", power.shape, upper=0.2 * power.upper)
        full_speed = Var("frequency", frequency.shape, lower=data["f_max"], upper=data["f_max"])
        return Space((offload, bandwidth, low_power, full_speed))

    def ranking(self, data: Data) -> Decision:
        """About 2n masks: for each cardinality the best users at an equal share and at a price."""
        from . import ranking

        return {"offload": ranking.ranked_masks(data)}

    def features(self, data: Data, view: str = "context") -> np.ndarray:
        """Costs, margins and ranks of every user around a near-optimal set, dimensionless."""
        from . import features

        return features.features(data, view)

    def diagnose(self, data: Data) -> str | None:
        """Which users make the instance infeasible, and why; None where nothing shows it."""
        from .diagnosis import why_infeasible

        return why_infeasible(data)

    def relaxation(self, data: Data) -> Relaxation:
        from .relaxation import Cardinalities

        return Cardinalities(data)

    def proof(self, data: Data, arithmetic: Arithmetic = "float") -> Proof:
        from .proof import CardinalityProof

        return CardinalityProof(data, arithmetic)

    def pyomo(self, instance: Instance, formulation: str = "lifted") -> AlgebraicModel:
        from . import models_pyomo

        return models_pyomo.pyomo(instance.data, formulation)

    def cvxpy(self, instance: Instance, discrete: Decision) -> ConvexModel:
        from . import models_cvxpy

        return models_cvxpy.exponential_cone(instance.data, discrete["offload"])

    def conic(self, instance: Instance) -> Pieces[ConicPiece]:
        from . import models_cvxpy

        return models_cvxpy.conic_pieces(instance.data)

    def masters(self, instance: Instance) -> Pieces[Master]:
        from . import masters

        return masters.pieces(instance.data)


def _spent(xp: Any, data: Data, one: Data, decision: Decision) -> tuple[Array, Array]:
    """Delay (s) and energy (J) of every user, (1)-(9), two arrays (*batch, n)."""
    offload, work = decision["offload"], data["size"] * data["cycles"]
    stay = 1 - offload
    bandwidth = _floored(xp, decision["bandwidth"], one["bandwidth"])
    power = _floored(xp, decision["power"], one["p_max"])
    frequency = _floored(xp, decision["frequency"], data["f_max"])
    offloaders = xp.sum(offload, axis=-1)[..., None]

    rate = bandwidth * xp.log1p(power * data["gain"] / one["noise"]) / log(2.0)  # (3)
    upload = data["size"] / rate  # (5)
    delay = stay * work / frequency + offload * (
        upload + work * offloaders / one["f_server"]
    )  # (1)(7)(8)
    energy = stay * one["kappa"] * work * frequency**2 + offload * (power * upload)  # (2)(6)(9)
    return delay, energy


def _floored(xp: Any, value: Array, most: Array) -> Array:
    """FLOOR of its maximum in place of nothing: an absent resource has a huge, finite cost."""
    return xp.where(value <= 0, FLOOR * most, value)


def _inconsistency(xp: Any, data: Data, one: Data, decision: Decision) -> Array:
    """Per user, how far (11) is from holding: shares that must be zero, zeros that must not."""
    offload = decision["offload"]
    bandwidth = decision["bandwidth"] / one["bandwidth"]
    power = decision["power"] / one["p_max"]
    frequency = decision["frequency"] / data["f_max"]

    def absent(share: Array) -> Array:
        return xp.astype(~(share > 0), share.dtype)

    local = abs(bandwidth) + abs(power) + absent(frequency)
    remote = abs(frequency) + absent(bandwidth) + absent(power)
    return (1 - offload) * local + offload * remote
