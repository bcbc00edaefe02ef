"""The problem itself: data, decisions, and the one formula that prices them."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import log, pi
from typing import Any, ClassVar, Literal

import numpy as np

from toolkit.arrays import Array, Data, Decision, array_namespace, at_most, positive
from toolkit.instances import Instance
from toolkit.problems import Evaluation, Field, Problem, Space, Var
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

TINY = 1e-100  # a share of the frame below this counts as none: it carries no rate to speak of
LIGHT, CARRIER = 3e8, 915e6  # m/s, Hz: of the free-space loss in the channel law
NEAREST, FARTHEST = 2.5, 5.2  # m, of the paper's first and tenth user


@dataclass(frozen=True, kw_only=True)
class Droo(Problem):
    """Wireless-powered offloading: charging time and upload slots, weighted sum rate maximised.

    An access point charges n users for a share a of the frame. A user spends the energy on local
    computing all frame long, or offloads it in a slot of its own, a share tau of the frame. The
    channels are redrawn every frame, and frames are independent.
    """

    title = "Wireless-powered binary offloading, charging and upload time"
    paper = (
        "Huang, Bi, Zhang: Deep Reinforcement Learning for Online Computation Offloading in "
        "Wireless Powered Mobile-Edge Computing Networks"
    )
    sense: ClassVar[Literal["min", "max"]] = "max"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "paper": {"n_users": 10},
        "tiny": {"n_users": 4, "scale_with_users": True, "noise_decades": 1.0},
        # 5 to 95 % of the users offload, whatever their number (docs/droo.md)
        "scaled": {
            "n_users": 100,
            "scale_with_users": True,
            "bandwidth_decades": 0.7,
            "noise_decades": 1.0,
        },
    }
    units: ClassVar[Mapping[str, str]] = {"local": "bit/s", "offload": "bit/s"}
    fields: ClassVar[Mapping[str, Field]] = {
        "gain": Field("channel power gain h", "1", ("users",)),
        "weight": Field("weight w of a user's rate", "1", ("users",)),
        "kappa": Field("energy coefficient of local CPUs k", "J s^2/cycle^3", ("users",)),
        "ap_power": Field("power of the access point P", "W"),
        "efficiency": Field("share of the received energy that is harvested mu", "1"),
        "noise": Field("noise power N_0", "W"),
        "bandwidth": Field("uplink bandwidth B", "Hz"),
        "overhead": Field("bits sent per bit of data v_u", "1"),
        "cycles": Field("CPU cycles per bit phi", "cycle/bit"),
    }
    formulations: ClassVar[Mapping[str, str]] = {
        "lifted": "charging shares per user: the concave perspective of the rate, a cubic for a",
        "paper": "bits times rates, letter by letter",
    }

    n_users: int = 10
    weight_odd: float = 1.0  # of the first, third, fifth … user
    weight_even: float = 1.5
    continuous_weights: bool = False  # uniform between the two instead
    kappa: float = 1e-26
    ap_power: float = 3.0
    efficiency: float = 0.7
    noise: float = 1e-10
    bandwidth: float = 2e6
    overhead: float = 1.1
    cycles: float = 100.0
    antenna: float = 3.0  # gain A_d
    path_loss: float = 2.8
    spacing: float = 0.3  # m between neighbours
    scale_with_users: bool = False  # all stay between 2.5 and 5.2 m; bandwidth holds for 10 users
    bandwidth_decades: float = 0.0  # bandwidth times 10^U(-d, d)
    noise_decades: float = 0.0  # the same for noise

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, value in self.params.items():
            if isinstance(value, bool):
                continue
            low = 0.0 if name.endswith("_decades") else np.nextafter(0.0, 1.0)
            if not (np.isfinite(value) and value >= low):
                what = "0 or a positive number" if low == 0 else "a positive number"
                raise ValueError(f"{name} is {value!r}; it must be {what}.")
        if self.efficiency > 1:
            raise ValueError(f"efficiency is {self.efficiency:g}; it must be at most 1.")

    def sample(
        self, rng: np.random.Generator, batch: tuple[int, ...] = ()
    ) -> dict[str, np.ndarray]:
        """Rayleigh fading, h = mean * Exp(1), around the mean gains fitted to the published data.

        Mean gain A_d (3e8 / (4 pi 915e6 d))^2.8 at d = 2.5 m + 0.3 m a user.
        """
        mean = self.antenna * (LIGHT / (4 * pi * CARRIER * self.distances())) ** self.path_loss
        faded = np.maximum(rng.standard_exponential((*batch, self.n_users)), 1e-9)
        data = self.data_of(mean * faded)
        growth = self.n_users / 10 if self.scale_with_users else 1.0
        data["bandwidth"] = (
            data["bandwidth"] * growth * _decades(rng, self.bandwidth_decades, batch)
        )
        data["noise"] = data["noise"] * _decades(rng, self.noise_decades, batch)
        if self.continuous_weights:
            low, high = sorted((self.weight_odd, self.weight_even))
            data["weight"] = rng.uniform(low, high, data["gain"].shape)
        return data

    def data_of(self, gain: np.ndarray) -> dict[str, np.ndarray]:
        """An instance for every row of channel gains (*batch, n); weights alternate."""
        batch, n = gain.shape[:-1], gain.shape[-1]
        alternating = np.where(np.arange(n) % 2 == 0, self.weight_odd, self.weight_even)
        scalars = [key for key, spec in self.fields.items() if not spec.dims]
        return {
            "gain": gain,
            "weight": np.broadcast_to(alternating, gain.shape).copy(),
            "kappa": np.full(gain.shape, self.kappa),
            **{key: np.full(batch, getattr(self, key)) for key in scalars},
        }

    def published(self, arrays: Mapping[str, np.ndarray]) -> Published:
        """Rows of the authors' data_N.mat; weights and constants are this problem's fields."""
        from . import published

        return published.read(self, arrays)

    def distances(self) -> np.ndarray:
        """Of the users from the access point, m."""
        if self.scale_with_users:
            return np.linspace(NEAREST, FARTHEST, self.n_users)
        return NEAREST + self.spacing * np.arange(self.n_users)

    def space(self, data: Data) -> Space:
        """offload; charge: the share a of the frame; slot: the share tau of each user."""
        n = data["gain"].shape[-1]
        return Space((Var("offload", (n,), "binary"), Var("charge"), Var("slot", (n,))))

    def judge(self, data: Data, decision: Decision) -> Evaluation:
        """Q(h, x; a, tau), bit/s, and (D.1): the charge and the offloaders' slots fit the frame."""
        xp = array_namespace(decision["offload"])
        one = coefficients(data)
        offload, charge = decision["offload"], decision["charge"][..., None]
        slot = decision["slot"]
        charged, sent = charge > TINY, slot > TINY
        root = xp.where(charged, xp.where(charged, charge, 1.0) ** (1 / 3), 0.0)
        share = xp.where(sent, slot, 1.0)
        snr = one["snr"] * xp.where(charged, charge, 0.0) / share
        rate = xp.where(sent, share * xp.log1p(snr), 0.0)
        local = xp.sum((1 - offload) * one["local"] * root, axis=-1)
        remote = xp.sum(offload * one["rate"] * rate, axis=-1)
        # what is negative within the tolerance of the domain must not buy time for others
        used = positive(decision["charge"]) + xp.sum(offload * positive(slot), axis=-1)
        return Evaluation(
            objective=local + remote,
            violations={"frame": at_most(used, 1.0)},
            terms={"local": local, "offload": remote},
        )

    def pictures(self, data: Data, decision: Decision) -> list[Picture]:
        from . import pictures

        return pictures.pictures(self, data, decision)

    def complete(self, data: Data, discrete: Decision) -> Decision:
        """The best charging time and slots of every mode."""
        from . import allocation

        return allocation.complete(data, discrete["offload"])

    def best(self, data: Data, gap: float = 1e-9) -> Decision:
        """The best decision of every instance of a batch (*batch, n), in one compiled call.

        Optimal to the relative gap; what is returned is no certificate: that is `exact`'s.
        """
        from . import search

        return self.complete(data, {"offload": search.best_modes(data, gap).modes})

    def repair(self, data: Data, raw: Decision) -> Decision:
        """Slots for offloaders only; charge and slots scaled to fill the frame."""
        offload = raw["offload"]
        slot = raw["slot"] * offload
        total = np.maximum(raw["charge"] + slot.sum(-1), 1e-300)
        return {
            "offload": offload,
            "charge": raw["charge"] / total,
            "slot": slot / total[..., None],
        }

    def prior(self, data: Data) -> Space:
        """A charge of at least 0.3: half of the frame and more is what good decisions take."""
        offload, _, slot = self.space(data).vars
        n = slot.shape[0]
        return Space((offload, Var("charge", lower=0.3), Var("slot", (n,), upper=2.0 / (n + 1))))

    def ranking(self, data: Data) -> Decision:
        """All-local, all-offload, and threshold sets around the best price of time."""
        from . import ranking

        return {"offload": ranking.ranked_modes(data)}

    def features(self, data: Data) -> np.ndarray:
        """Margins between offloading and local computing around the dual's solution."""
        from . import features

        return features.features(data)

    def relaxation(self, data: Data) -> Relaxation:
        from .relaxation import Charges

        return Charges(data)

    def proof(self, data: Data, arithmetic: Arithmetic = "float") -> Proof:
        from .proof import ChargeProof

        return ChargeProof(data, arithmetic)

    def pyomo(self, instance: Instance, formulation: str = "lifted") -> AlgebraicModel:
        from . import models_pyomo

        return models_pyomo.pyomo(instance.data, formulation)

    def cvxpy(self, instance: Instance, discrete: Decision) -> ConvexModel:
        from . import models_cvxpy

        return models_cvxpy.exponential_cone(instance.data, discrete["offload"])

    def conic(self, instance: Instance) -> Pieces[ConicPiece]:
        from . import models_cvxpy

        return models_cvxpy.conic_pieces(instance.data)


SCALARS = tuple(key for key, spec in Droo.fields.items() if not spec.dims)


def coefficients(data: Data) -> dict[str, Array]:
    """What a user's rates are made of, each (*batch, n).

    local  w (mu P h / k)^(1/3) / phi: bit/s of local computing at a = 1
    snr    mu P h^2 / N_0: signal-to-noise ratio where slot and charge are equal
    rate   w B / (v_u ln 2): bit/s that a full frame carries per unit of ln(1 + SNR)
    """
    one = {key: data[key][..., None] for key in SCALARS}
    power = one["efficiency"] * one["ap_power"]
    return {
        "local": data["weight"] * (power * data["gain"] / data["kappa"]) ** (1 / 3) / one["cycles"],
        "snr": power * data["gain"] ** 2 / one["noise"],
        "rate": data["weight"] * one["bandwidth"] / (one["overhead"] * log(2.0)),
    }


def _decades(rng: np.random.Generator, width: float, batch: tuple[int, ...]) -> np.ndarray:
    """10^U(-width, width)."""
    return np.asarray(10.0 ** rng.uniform(-width, width, batch))
