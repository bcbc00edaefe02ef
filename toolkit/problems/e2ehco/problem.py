"""The problem itself: data, decisions, and the one formula that prices them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, get_args

import numpy as np

from toolkit.arrays import Array, Data, Decision, array_namespace, at_most
from toolkit.errors import UserError
from toolkit.instances import Instance
from toolkit.problems import Certificate, Evaluation, Field, Space, Var
from toolkit.problems._base import LARGEST
from toolkit.problems._knowledge import AlgebraicModel, ConicPiece, ConvexModel, Pieces, Relaxation
from toolkit.problems._pictures import Picture
from toolkit.problems._proof import Arithmetic, Proof

from .choosing import Choosing
from .costs import spent
from .presets import PRESETS

MOST_SERVERS = 1000

Tasks = Literal["step", "episode"]
Bandwidth = Literal["split", "published"]
Geometry = Literal["region", "published"]


@dataclass(frozen=True, kw_only=True)
class E2ehco(Choosing):
    """Mobile users and several edge servers: weighted delay and energy of one step, minimised.

    Every user computes its task itself or sends it to one of M servers, with a transmit power and
    a share of that server's CPU. Positions move along mobility traces; nothing else is carried
    from step to step, so an instance is one step. Where `share_budget` is 0 a server's CPU is
    split equally among its users, as the published code does, and shares are not decided.
    """

    title = "Mobile users, several edge servers: delay and energy of a step"
    paper = "The E2EHCO framework (end-to-end hybrid computation offloading): its code, mec.py"
    sense: ClassVar[Literal["min", "max"]] = "min"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = PRESETS
    units: ClassVar[Mapping[str, str]] = {"delay": "s", "energy": "J"}
    fields: ClassVar[Mapping[str, Field]] = {
        "position": Field("where a user is", "m", ("users", "axes"), low=-LARGEST),
        "site": Field("where a server is", "m", ("servers", "axes"), low=-LARGEST),
        "bits": Field("input size D", "bit", ("users",)),
        "cycles": Field("CPU cycles C of the task", "cycle", ("users",)),
        "local_cpu": Field("device's CPU f", "Hz", ("users",)),
        "kappa": Field("energy coefficient of a device's CPU", "J s^2/cycle^3", ("users",)),
        "server_cpu": Field("server's CPU F", "Hz", ("servers",)),
        "bandwidth": Field("bandwidth of a user's uplink B", "Hz", ("users",)),
        "noise": Field("noise power in that bandwidth", "W", ("users",)),
        "loss_gain": Field("power gain at 1 m by the law of far distances", "1"),
        "loss_exponent": Field("exponent of the path loss", "1"),
        "loss_offset": Field("added to every distance", "m", strict=False),
        "loss_nearest": Field("least distance that counts", "m", strict=False),
        "power_min": Field("least transmit power", "W"),
        "power_max": Field("largest transmit power", "W"),
        "idle_power": Field("device's power while its server computes", "W"),
        "weight_delay": Field("weight w1 of the delay", "1/s"),
        "weight_energy": Field("weight w2 of the energy", "1/J"),
        "share_budget": Field(
            "what the shares of a server may sum to; 0: it is split equally", "1", strict=False
        ),
    }
    formulations: ClassVar[Mapping[str, str]] = {
        "cone": "shares as variables, rotated cones; powers in closed form",
        "quadratic": "powers and shares in closed form: a convex quadratic 0-1 program",
        "paper": "powers, shares and rates as variables, letter by letter",
    }

    n_users: int = 10
    n_servers: int = 5
    bits_low: float = 2e6
    bits_high: float = 6e6
    cycles_low: float = 5e8
    cycles_high: float = 1.5e9
    tasks: Tasks = "step"  # when sizes and cycles are drawn anew
    local_cpu: float = 1e9
    kappa: float = 1e-27
    server_cpu_low: float = 3e9
    server_cpu_high: float = 7e9
    bandwidth: float = 1e7
    bandwidth_mode: Bandwidth = "split"  # published: all of it each, the density taken for a power
    noise_density: float = 10**-20.4  # W/Hz
    loss_gain: float = 1.0
    loss_exponent: float = 3.0
    loss_offset: float = 0.01
    loss_nearest: float = 0.0
    power_min: float = 0.1
    power_max: float = 0.5
    idle_power: float = 0.1
    weight_delay: float = 0.5
    weight_energy: float = 0.5
    equal_split: bool = False
    mobility: str = "levy"
    traces: str = ""  # a folder of traces instead
    part: str = "all"  # of the traces: train or test
    geometry: Geometry = "region"  # published: servers amid their users, trace i for user i
    held: int = 1  # steps of an episode for which a position holds; one position lasts 30 s

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, kinds in (("tasks", Tasks), ("bandwidth_mode", Bandwidth)):
            _one_of(name, getattr(self, name), get_args(kinds))
        _one_of("geometry", self.geometry, get_args(Geometry))
        for name, value in self.params.items():
            if isinstance(value, bool | str):
                continue
            low = 0.0 if name in ("loss_offset", "loss_nearest") else np.nextafter(0.0, 1.0)
            if not (np.isfinite(value) and value >= low):
                what = "0 or a positive number" if low == 0 else "a positive number"
                raise ValueError(f"{name} is {value!r}; it must be {what}.")
        for name in ("bits", "cycles", "server_cpu", "power"):
            ends = ("min", "max") if name == "power" else ("low", "high")
            low, high = (getattr(self, f"{name}_{end}") for end in ends)
            if low > high:
                raise ValueError(f"{name}_{ends[0]} is {low:g}, above {name}_{ends[1]}; swap them.")
        if self.n_servers > MOST_SERVERS:
            raise ValueError(f"n_servers is {self.n_servers}; at most {MOST_SERVERS} find a place.")
        if not self.loss_offset + self.loss_nearest > 0:
            raise ValueError("loss_offset or loss_nearest must be above 0.")

    def sample(
        self, rng: np.random.Generator, batch: tuple[int, ...] = ()
    ) -> dict[str, np.ndarray]:
        """One step of every walk, at a time of its own."""
        from . import geometry

        position, site = geometry.single_steps(self, rng, batch)
        return self.data_of(position, site, *self._tasks(rng, batch))

    def episode(
        self, rng: np.random.Generator, frames: int, batch: tuple[int, ...] = ()
    ) -> dict[str, np.ndarray]:
        """The data of consecutive steps, (*batch, frames, …)."""
        from . import geometry

        position, site = geometry.episode(self, rng, frames, batch)
        tasks = self._tasks(rng, (*batch, frames if self.tasks == "step" else 1))
        wide = [np.broadcast_to(part, (*batch, frames, self.n_users)) for part in tasks]
        return self.data_of(position, site, *wide)

    def _tasks(
        self, rng: np.random.Generator, batch: tuple[int, ...]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Bits and cycles, uniform, each (*batch, users)."""
        shape = (*batch, self.n_users)
        bits = rng.uniform(self.bits_low, self.bits_high, shape)
        return bits, rng.uniform(self.cycles_low, self.cycles_high, shape)

    def data_of(
        self, position: np.ndarray, site: np.ndarray, bits: np.ndarray, cycles: np.ndarray
    ) -> dict[str, np.ndarray]:
        """Instance data (*batch, …) of given places (m), sizes (bit) and cycles."""
        from . import geometry

        batch, users, servers = bits.shape[:-1], bits.shape[-1], site.shape[-2]
        split = self.bandwidth_mode == "split"
        own = self.bandwidth / users if split else self.bandwidth
        per_user = {
            "local_cpu": self.local_cpu,
            "kappa": self.kappa,
            "bandwidth": own,
            "noise": self.noise_density * (own if split else 1.0),
        }
        scalars = [key for key, spec in self.fields.items() if not spec.dims]
        constants = {key: getattr(self, key) for key in scalars if key != "share_budget"}
        constants["share_budget"] = 0.0 if self.equal_split else 1.0
        cpus = geometry.server_cpus(self, servers)
        return {
            "position": np.array(np.broadcast_to(position, (*batch, users, 2))),
            "site": np.array(np.broadcast_to(site, (*batch, servers, 2))),
            "bits": np.array(bits),
            "cycles": np.array(cycles),
            "server_cpu": np.array(np.broadcast_to(cpus, (*batch, servers))),
            **{key: np.full(bits.shape, value) for key, value in per_user.items()},
            **{key: np.full(batch, value) for key, value in constants.items()},
        }

    def admit(self, instance: Instance) -> Instance:
        """As any problem's; and two axes, distances above 0, bounds in order, no more than all."""
        data = super().admit(instance).data
        where = instance.name or "the instance"
        if data["position"].shape[-1] != 2:
            raise UserError(f"{where}: data['position'] must have 2 axes, x and y.")
        if not data["loss_offset"] + data["loss_nearest"] > 0:
            raise UserError(f"{where}: loss_offset or loss_nearest must be above 0.")
        if data["power_min"] > data["power_max"]:
            raise UserError(f"{where}: power_min is above power_max; swap them.")
        if data["share_budget"] > 1:
            raise UserError(f"{where}: share_budget is above 1; a server has no more than itself.")
        return instance

    def space(self, data: Data) -> Space:
        """server (users,), 0 for local; power (W); and the share of the server, if decided."""
        n, m = data["bits"].shape[-1], data["site"].shape[-2]
        low, high = data["power_min"][..., None], data["power_max"][..., None]
        parts = (Var("server", (n,), "integer", 0, m), Var("power", (n,), "real", low, high))
        if not shares_are_decided(data):
            return Space(parts)
        return Space((*parts, Var("share", (n,), upper=data["share_budget"][..., None])))

    def judge(self, data: Data, decision: Decision) -> Evaluation:
        """w1 sum T + w2 sum E; the shares of a server fit it."""
        xp = array_namespace(decision["server"])
        each, used = spent(xp, data, decision)
        total = {key: xp.sum(value, axis=-1) for key, value in each.items()}
        w1, w2 = data["weight_delay"], data["weight_energy"]
        terms = {
            "delay": total["upload"] + total["remote"] + total["local"],
            "energy": total["sent"] + total["waited"] + total["burnt"],
            "transmission": w1 * total["upload"] + w2 * total["sent"],
            "computing": w1 * total["remote"] + w2 * total["waited"],
            "local": w1 * total["local"] + w2 * total["burnt"],
        }
        violations = {}
        if used is not None:
            violations["cpu"] = at_most(used, data["share_budget"], data["share_budget"])
        objective = w1 * terms["delay"] + w2 * terms["energy"]
        return Evaluation(objective, violations, terms)

    def pictures(self, data: Data, decision: Decision) -> list[Picture]:
        from . import pictures

        return pictures.pictures(self, data, decision)

    def outcome(self, data: Data, decision: Decision) -> Array:
        """Delay (s) and energy (J) of every user, (*batch, n, 2)."""
        xp = array_namespace(decision["server"])
        each = spent(xp, data, decision)[0]
        delay = each["upload"] + each["remote"] + each["local"]
        return xp.stack([delay, each["sent"] + each["waited"] + each["burnt"]], axis=-1)

    def complete(self, data: Data, discrete: Decision) -> Decision:
        """The best powers and shares for each choice of servers."""
        from . import allocation

        return allocation.complete(data, discrete["server"])

    def repair(self, data: Data, raw: Decision) -> Decision:
        """Local users have the least power and no share; shares of a server fill it."""
        from . import allocation

        return allocation.repair(data, raw)

    def prior(self, data: Data) -> Space:
        """Shares that are alike: a quarter of the budget and more, before they are scaled."""
        space = self.space(data)
        if not shares_are_decided(data):
            return space
        server, power, share = space.vars
        some = Var("share", share.shape, lower=0.25 * share.upper, upper=share.upper)
        return Space((server, power, some))

    def plant(
        self, rng: np.random.Generator
    ) -> tuple[dict[str, np.ndarray], Decision, Certificate]:
        """Data whose CPUs are what users ask for at given prices, their answers, the prices."""
        from .plant import plant

        return plant(self, rng)

    def relaxation(self, data: Data) -> Relaxation:
        from . import relaxation

        return relaxation.relaxation(data)

    def proof(self, data: Data, arithmetic: Arithmetic = "float") -> Proof:
        from . import proof

        return proof.proof(data, arithmetic)

    def pyomo(self, instance: Instance, formulation: str = "cone") -> AlgebraicModel:
        from . import models_pyomo

        return models_pyomo.pyomo(instance.data, formulation)

    def cvxpy(self, instance: Instance, discrete: Decision) -> ConvexModel:
        from . import models_cvxpy

        return models_cvxpy.allocation(instance.data, discrete["server"])

    def conic(self, instance: Instance) -> Pieces[ConicPiece]:
        from toolkit.problems._congestion.conic import mixed

        from .relaxation import chosen, congestion

        return mixed(congestion(instance.data), chosen)


def shares_are_decided(data: Data) -> bool:
    """Whether users have shares of their own, not equal parts of their server."""
    return bool((data["share_budget"] > 0).any())


def _one_of(name: str, value: Any, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ValueError(f"{name} is {value!r}; give {' or '.join(known)}.")
