"""The problem itself: data, decisions, and the one formula that prices them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, get_args

import numpy as np

from toolkit.arrays import Array, Data, Decision, array_namespace, at_most
from toolkit.instances import Instance
from toolkit.problems import Evaluation, Field, Space, Var
from toolkit.problems._knowledge import AlgebraicModel, ConicPiece, ConvexModel, Pieces, Relaxation
from toolkit.problems._pictures import Picture
from toolkit.problems._proof import Arithmetic, Proof

from . import law
from .choosing import Choosing
from .costs import judged, spent
from .presets import PRESETS
from .setting import Fading, Setting

MOST_SERVERS, MOST_SERVICES = 100, 100
USERS = 10  # for so many in a cell the bandwidth and the CPUs hold that grow with the users

Noise = Literal["fixed", "band"]
Popularity = Literal["shuffled", "published"]


@dataclass(frozen=True, kw_only=True)
class DglSlot(Setting, Choosing):
    """One slot of DGL: given what servers have cached, quality of experience, maximised.

    Every user computes its task itself or sends it, over its own cell's band, to a server that has
    cached its service: with a share of the band, and one of that server's CPU. A server that has
    not cached it passes the task on to the cloud.
    """

    title = "Service caching, the small timescale: offloading with given caches"
    paper = "Liu, Zhang, Zhang, Yuan: DGL-DDPG, IEEE TWC 23(10), 2024, and its published code"
    sense: ClassVar[Literal["min", "max"]] = "max"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = PRESETS
    at_once: ClassVar[int] = 0  # how arrays lie in memory shows in the last bit of sums of shares
    small: ClassVar[Mapping[str, Any]] = {"n_servers": 3}
    fields: ClassVar[Mapping[str, Field]] = {
        "bits": Field("input size s", "bit", ("users",)),
        "cycles": Field("CPU cycles c of the task", "cycle", ("users",)),
        "efficiency": Field("spectral efficiency in the user's cell", "bit/s/Hz", ("users",)),
        "cell": Field("whose band it sends in, from 0", "1", ("users",), strict=False),
        "service": Field("the service it asks for, from 0", "1", ("users",), strict=False),
        "cached": Field(
            "1 where a server has a service", "1", ("servers", "services"), strict=False
        ),
        "bandwidth": Field("bandwidth W of every cell", "Hz"),
        "server_cpu": Field("CPU F of every server", "Hz"),
        "local_cpu": Field("devices' CPU f", "Hz"),
        "kappa": Field("energy coefficient of a device's CPU", "J s^2/cycle^3"),
        "energy_power": Field("transmit power in the energy", "W"),
        "noise_fixed": Field(
            "1: the noise is that of the whole band; 0: of the part in use", "1", strict=False
        ),
        "cloud_rate": Field("from servers to the cloud", "bit/s"),
        "cloud_cpu": Field("the cloud's CPU for a task", "Hz"),
        "cloud_delay": Field("delay of a detour over the cloud", "s", strict=False),
        "weight_delay": Field("weight alpha of the delay saved", "1"),
        "weight_energy": Field("weight beta of the energy saved", "1"),
    }
    formulations: ClassVar[Mapping[str, str]] = {
        "quadratic": "shares in closed form: a convex quadratic 0-1 program",
        "cone": "shares as variables, rotated cones",
        "paper": "shares as variables, letter by letter",
    }

    popularity: Popularity = "shuffled"  # a Zipf law in random order; published: the same for all
    copies: int = 0  # so many random services on each server, whatever the capacity; 0: by that
    noise: Noise = "fixed"  # band: that of the part of the band in use

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, kinds in (("popularity", Popularity), ("noise", Noise), ("fading", Fading)):
            if getattr(self, name) not in get_args(kinds):
                said = " or ".join(get_args(kinds))
                raise ValueError(f"{name} is {getattr(self, name)!r}; give {said}.")
        for name, most in (("n_servers", MOST_SERVERS), ("n_services", MOST_SERVICES)):
            if not 1 <= getattr(self, name) <= most:
                raise ValueError(f"{name} is {getattr(self, name)}; give 1 to {most}.")
        if not 0 <= self.copies <= self.n_services:
            raise ValueError(f"copies is {self.copies}; give 0 to {self.n_services}.")
        for name, value in self.params.items():
            if isinstance(value, float) and not (np.isfinite(value) and value > 0):
                raise ValueError(f"{name} is {value!r}; it must be a positive number.")

    def sample(
        self, rng: np.random.Generator, batch: tuple[int, ...] = ()
    ) -> dict[str, np.ndarray]:
        """Slots that have nothing in common."""
        return self._drawn(rng, batch, ())

    def episode(
        self, rng: np.random.Generator, frames: int, batch: tuple[int, ...] = ()
    ) -> dict[str, np.ndarray]:
        """Slots of one large step: places, caches and popularity hold, (*batch, frames, …)."""
        return self._drawn(rng, batch, (frames,))

    def _drawn(
        self, rng: np.random.Generator, batch: tuple[int, ...], frames: tuple[int, ...]
    ) -> dict[str, np.ndarray]:
        once = (*batch, *(1 for _ in frames))
        away = law.distances(rng, (*once, self.n_users))
        cached, popularity = self._placed(rng, once), self._popular(rng, once)
        shape = (*batch, *frames, self.n_users)
        service = law.requests(rng, popularity[..., None, :], shape)
        faded = law.fading(rng, self.fading, shape)
        seen = law.efficiencies(away, faded, self.send_power / self.noise_power)
        held = np.broadcast_to(cached, (*shape[:-1], *cached.shape[-2:]))
        return self.data_of(service, seen, held)

    def _placed(self, rng: np.random.Generator, batch: tuple[int, ...]) -> np.ndarray:
        """Random caches, (*batch, servers, services)."""
        shape, sizes = (*batch, self.n_servers), law.sizes_of(self.n_services)
        if self.copies:
            return law.placements(rng, np.ones(self.n_services), self.copies, shape)
        return law.placements(rng, sizes, self.capacity, shape)

    def _popular(self, rng: np.random.Generator, batch: tuple[int, ...]) -> np.ndarray:
        """How likely each service is asked for, (*batch, services)."""
        shape = (*batch, self.n_services)
        if self.popularity == "published":
            mass = law.published_popularity(self.n_services, self.zipf)
            return np.asarray(np.broadcast_to(mass, shape))
        mass = np.broadcast_to(law.zipf(self.n_services, self.zipf), shape)
        return np.asarray(rng.permuted(mass, axis=-1))

    def data_of(
        self, service: np.ndarray, efficiency: np.ndarray, cached: np.ndarray
    ) -> dict[str, np.ndarray]:
        """Instance data of requests and links (*batch, users) and caches (*batch, m, services)."""
        batch, asked = service.shape[:-1], service.astype(np.int64)
        blocks = law.cells(service.shape[-1], cached.shape[-2])
        return {
            "bits": law.bits_of(self.n_services)[asked],
            "cycles": law.cycles_of(self.n_services)[asked],
            "efficiency": np.array(efficiency),
            "cell": np.array(np.broadcast_to(blocks, service.shape)),
            "service": np.array(service),
            "cached": np.array(cached),
            **{key: np.full(batch, value) for key, value in self.constants().items()},
        }

    def constants(self) -> dict[str, float]:
        """The numbers of a slot, by the names of the data."""
        growth = self.n_users / self.n_servers / USERS if self.scale_with_users else 1.0
        scalars = [key for key, spec in self.fields.items() if not spec.dims]
        same = {key: float(getattr(self, key)) for key in scalars if key != "noise_fixed"}
        fixed = float(self.noise == "fixed")
        grown = {key: same[key] * growth for key in ("bandwidth", "server_cpu")}
        return {**same, "noise_fixed": fixed, **grown}

    def numbered(self, data: Data) -> dict[str, int]:
        servers, services = data["cached"].shape
        return {"cell": servers, "service": services, "cached": 2, "noise_fixed": 2}

    def space(self, data: Data) -> Space:
        """target (users,), 0 for local; and shares of the cell's band and of the server's CPU."""
        n, m = data["bits"].shape[-1], data["cached"].shape[-2]
        target = Var("target", (n,), "integer", 0, m)
        return Space((target, Var("bandwidth", (n,)), Var("cpu", (n,))))

    def judge(self, data: Data, decision: Decision) -> Evaluation:
        """The sum of QoE; the shares of a cell and of a server fit it."""
        xp = array_namespace(decision["target"])
        terms, held = judged(xp, data, decision)
        violations = {key: at_most(xp.max(sums, axis=-1), 1.0) for key, sums in held.items()}
        return Evaluation(terms["time"] + terms["effort"], violations, terms)

    def pictures(self, data: Data, decision: Decision) -> list[Picture]:
        from . import pictures

        return pictures.pictures(self, data, decision)

    def outcome(self, data: Data, decision: Decision) -> Array:
        """Delay (s) and energy (J) of every user, (*batch, n, 2)."""
        xp = array_namespace(decision["target"])
        each = spent(xp, data, decision)
        return xp.stack([each["delay"], each["energy"]], axis=-1)

    def complete(self, data: Data, discrete: Decision) -> Decision:
        """The best shares for each choice of targets."""
        from . import allocation

        return allocation.complete(data, discrete["target"])

    def repair(self, data: Data, raw: Decision) -> Decision:
        """Shares for those only who use them; they fill the cell and the server."""
        from . import allocation

        return allocation.repair(data, raw)

    def prior(self, data: Data) -> Space:
        """Shares that are alike: a quarter and more, before they are scaled."""
        target, *shares = self.space(data).vars
        alike = (Var(share.name, share.shape, lower=0.25) for share in shares)
        return Space((target, *alike))

    def relaxation(self, data: Data) -> Relaxation:
        from . import relaxation

        return relaxation.relaxation(data)

    def proof(self, data: Data, arithmetic: Arithmetic = "float") -> Proof:
        from . import proof

        return proof.proof(data, arithmetic)

    def pyomo(self, instance: Instance, formulation: str = "quadratic") -> AlgebraicModel:
        from . import models_pyomo

        return models_pyomo.pyomo(instance.data, formulation)

    def cvxpy(self, instance: Instance, discrete: Decision) -> ConvexModel:
        from . import models_cvxpy

        return models_cvxpy.allocation(instance.data, discrete["target"])

    def conic(self, instance: Instance) -> Pieces[ConicPiece]:
        from toolkit.problems._congestion.conic import mixed

        from .relaxation import chosen, congestion

        return mixed(congestion(instance.data), chosen)
