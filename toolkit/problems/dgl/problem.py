"""The problem itself: an episode's data, decisions, and its reward."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, get_args

import numpy as np

from toolkit.arrays import Data, Decision, array_namespace, at_most, positive
from toolkit.instances import Instance
from toolkit.problems import TOLERANCE, Evaluation, Field, Space, Var
from toolkit.problems._dynamics import Dynamics
from toolkit.problems._knowledge import AlgebraicModel, Relaxation
from toolkit.problems._pictures import Picture
from toolkit.problems._proof import Arithmetic, Proof
from toolkit.problems.dgl_slot import law as slot_law
from toolkit.problems.dgl_slot.problem import DglSlot
from toolkit.problems.dgl_slot.setting import Setting

from . import law
from .presets import PRESETS, RULES
from .slots import SCALARS, SLOT, Inner, slots_of

GIB = slot_law.GIB
Popularity = Literal["cycle", "published"]
MOST = 100_000  # steps, and slots of one


@dataclass(frozen=True, kw_only=True)
class Dgl(Setting):
    """An episode of service caching at two timescales: QoE less the price of loading, maximised.

    At each large step every server decides which services to cache; loading one that it does not
    have has a price. In each slot of the step users ask for services and pick targets and shares
    as in `dgl_slot`. What is popular follows a hidden cycle: a policy sees past requests only.
    """

    title = "Service caching at two timescales, an episode"
    paper = "Liu, Zhang, Zhang, Yuan: DGL-DDPG, IEEE TWC 23(10), 2024, and its published code"
    sense: ClassVar[Literal["min", "max"]] = "max"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = PRESETS
    at_once: ClassVar[int] = 0  # how arrays lie in memory shows in the last bit of sums of shares
    small: ClassVar[Mapping[str, Any]] = {"steps": 1, "slots": 1, "n_servers": 2, "n_services": 2}
    fields: ClassVar[Mapping[str, Field]] = {
        "service": Field(
            "what users ask for, from 0", "1", ("steps", "slots", "users"), strict=False
        ),
        "efficiency": Field(
            "spectral efficiency in the user's cell", "bit/s/Hz", ("steps", "slots", "users")
        ),
        "cell": Field("whose band a user sends in, from 0", "1", ("users",), strict=False),
        "bits": Field("input size of a task", "bit", ("services",)),
        "cycles": Field("CPU cycles of a task", "cycle", ("services",)),
        "size": Field("of a service in a cache", "byte", ("services",)),
        "load_price": Field("reward that loading a service costs", "1", ("services",)),
        "capacity": Field("of a server's cache, free of charge", "byte", ("servers",)),
        "limit": Field("of a server's cache, never exceeded", "byte", ("servers",)),
        "overflow_price": Field("reward that a byte above the capacity costs", "1/byte"),
        "qoe_weight": Field("reward of a unit of QoE, mean over a step's slots", "1"),
        "popularity": Field(
            "how likely a service is asked for", "1", ("steps", "services"), hidden=True
        ),
        **{key: DglSlot.fields[key] for key in SCALARS},
    }
    formulations: ClassVar[Mapping[str, str]] = {
        "quadratic": "the whole episode, shares in closed form: a convex quadratic 0-1 program"
    }
    rules: ClassVar[Mapping[str, str]] = RULES
    timescales: ClassVar[Mapping[str, str]] = {
        "step": "one decision a large step: the caches; slots are solved by an inner solver",
        "slot": "one decision a slot: targets and shares, and caches when a large step begins",
    }

    steps: int = 20
    slots: int = 5
    popularity: Popularity = "cycle"  # hidden; published: a constant law, the same for all
    states: int = 6  # of the hidden cycle
    dwell: int = 3  # steps for which a popularity holds
    succession: float = 0.9  # probability that the next of the cycle comes next
    limit: float = 20 * GIB
    load_price: float = 0.01  # of service k it is k times that
    overflow_price: float = 0.01 / GIB
    qoe_weight: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        _ = self.slot  # checks what both have
        if self.popularity not in get_args(Popularity):
            raise ValueError(f"popularity is {self.popularity!r}; give cycle or published.")
        for name in ("steps", "slots", "states", "dwell"):
            if not 1 <= getattr(self, name) <= MOST:
                raise ValueError(f"{name} is {getattr(self, name)}; give 1 to {MOST:,}.")
        if not 0 <= self.succession <= 1:
            raise ValueError(f"succession is {self.succession}; it is a probability.")
        for name in ("limit", "load_price", "overflow_price", "qoe_weight"):
            if not 0 < getattr(self, name) < np.inf:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be a positive number.")

    @property
    def slot(self) -> DglSlot:
        """The problem of one slot."""
        both = {key: value for key, value in self.params.items() if key in SLOT.params}
        return DglSlot(**{**both, "popularity": "shuffled"})

    @property
    def law(self) -> law.Cycle:
        """The hidden law of requests."""
        if self.popularity == "published":
            return law.constant(slot_law.published_popularity(self.n_services, self.zipf))
        return law.cycle(self.states, self.n_services, self.zipf, self.dwell, self.succession)

    def sample(
        self, rng: np.random.Generator, batch: tuple[int, ...] = ()
    ) -> dict[str, np.ndarray]:
        """Users stand where they are for an episode; requests and fading are new in each slot."""
        popular = self.law.popularity[self.law.draw(rng, self.steps, batch)]
        shape = (*batch, self.steps, self.slots, self.n_users)
        away = slot_law.distances(rng, (*batch, 1, 1, self.n_users))
        faded = slot_law.fading(rng, self.fading, shape)
        seen = slot_law.efficiencies(away, faded, self.send_power / self.noise_power)
        service = slot_law.requests(rng, popular[..., None, None, :], shape)
        return {
            "service": service,
            "efficiency": seen,
            "popularity": np.array(popular),
            **self._constants(batch),
        }

    def _constants(self, batch: tuple[int, ...]) -> dict[str, np.ndarray]:
        """What all instances have alike."""
        k, servers = self.n_services, np.ones(self.n_servers)
        values: dict[str, Any] = {
            "cell": slot_law.cells(self.n_users, self.n_servers),
            "bits": slot_law.bits_of(k),
            "cycles": slot_law.cycles_of(k),
            "size": slot_law.sizes_of(k),
            "load_price": self.load_price * np.arange(1.0, k + 1),
            "capacity": self.capacity * servers,
            "limit": self.limit * servers,
            "overflow_price": self.overflow_price,
            "qoe_weight": self.qoe_weight,
            **self.slot.constants(),
        }
        return {
            key: np.array(np.broadcast_to(value, (*batch, *np.shape(value))), float)
            for key, value in values.items()
        }

    def numbered(self, data: Data) -> dict[str, int]:
        return {"cell": len(data["limit"]), "service": len(data["size"]), "noise_fixed": 2}

    def space(self, data: Data) -> Space:
        """cache (steps, servers, services); target, bandwidth and cpu as in `dgl_slot`, each
        (steps, slots, users)."""
        shape = tuple(data["service"].shape[-3:])
        m, k = data["limit"].shape[-1], data["size"].shape[-1]
        cache = Var("cache", (shape[0], m, k), "binary")
        target = Var("target", shape, "integer", 0, m)
        return Space((cache, target, Var("bandwidth", shape), Var("cpu", shape)))

    def judge(self, data: Data, decision: Decision) -> Evaluation:
        """The reward: mean QoE of the slots of each step, less loading and overflow (2.4)."""
        cache = decision["cache"]
        xp = array_namespace(cache)
        before = xp.concat([0 * cache[..., :1, :, :], cache[..., :-1, :, :]], axis=-3)
        found = by_step(data, decision, before)
        terms = {key: xp.sum(value, axis=-1) for key, value in found.terms.items()}
        violations = {key: xp.max(value, axis=-1) for key, value in found.violations.items()}
        return Evaluation(xp.sum(found.objective, axis=-1), violations, terms)

    def pictures(self, data: Data, decision: Decision) -> list[Picture]:
        from . import pictures

        return pictures.pictures(self, data, decision)

    def fitted(self, data: Data, discrete: Decision) -> Decision:
        """Caches above their limit keep the first services, as far as these fit."""
        from .dynamics import fitting

        cache = np.asarray(discrete["cache"]).round()
        size, limit = (data[key][..., None, :] for key in ("size", "limit"))
        above = (size[..., None, :] * cache).sum(-1) > limit * (1 + TOLERANCE)
        wish = np.broadcast_to(cache, (*above.shape, cache.shape[-1]))
        fits = fitting({"size": size, "limit": limit}, wish)
        return {**discrete, "cache": np.where(above[..., None], fits, wish)}

    def complete(self, data: Data, discrete: Decision) -> Decision:
        """The best shares for each choice of caches and targets."""
        shares = SLOT.complete(slots_of(data, discrete["cache"]), discrete)
        return {"cache": discrete["cache"], **shares}

    def repair(self, data: Data, raw: Decision) -> Decision:
        """Shares for those only who use them; they fill the cell and the server."""
        return {"cache": raw["cache"], **SLOT.repair(slots_of(data, raw["cache"]), raw)}

    def requests(self, data: Data) -> np.ndarray:
        """How often a service is asked for in a step, (*batch, steps, services)."""
        kinds = np.arange(np.shape(data["size"])[-1])
        asked = np.moveaxis(np.asarray(data["service"]), -3, 0)
        each = [(step[..., None] == kinds).sum((-3, -2)) for step in asked]
        return np.stack(each, axis=-2).astype(float)

    def caches(
        self,
        data: Data,
        popularity: np.ndarray,
        cache: np.ndarray,
        horizon: float,
        samples: int,
    ) -> np.ndarray:
        """Good caches for a forecast of popularity; see `decode`."""
        from . import decode

        return decode.decode(self, data, popularity, cache, horizon, samples)

    def relaxation(self, data: Data) -> Relaxation:
        from .relaxation import KnownEpisode

        return KnownEpisode(self, data)

    def proof(self, data: Data, arithmetic: Arithmetic = "float") -> Proof:
        """Numbers of the slots in balls, the rest in doubles, whatever the arithmetic."""
        from .proof import EpisodeProof

        return EpisodeProof(data, arithmetic)

    def pyomo(self, instance: Instance, formulation: str = "quadratic") -> AlgebraicModel:
        from . import models_pyomo

        return models_pyomo.pyomo(instance.data, formulation)

    def dynamics(
        self,
        data: Data,
        scale: str = "step",
        inner: Inner | None = None,
        rng: np.random.Generator | None = None,
    ) -> Dynamics:
        from . import dynamics

        kind = dynamics.Steps if scale == "step" else dynamics.Slots
        return kind(self, data, inner, rng or np.random.default_rng(0))

    def follow(
        self, data: Data, rule: str, rng: np.random.Generator, inner: Inner | None = None
    ) -> Decision:
        from . import rules

        return rules.follow(self, data, rule, rng, inner)


def by_step(data: Data, decision: Decision, before: Any) -> Evaluation:
    """`judge` of each step, every array (*batch, steps); `before` are the caches a step earlier."""
    cache = decision["cache"]
    xp = array_namespace(cache)
    slots = SLOT.judge(slots_of(data, cache), decision)
    qoe = data["qoe_weight"][..., None] * xp.mean(slots.objective, axis=-1)
    price = data["load_price"][..., None, None, :]
    loading = xp.sum(price * positive(cache - before), axis=(-2, -1))
    stored = xp.sum(data["size"][..., None, None, :] * cache, axis=-1)
    above = positive(stored - data["capacity"][..., None, :])
    overflow = data["overflow_price"][..., None] * xp.sum(above, axis=-1)
    limit = data["limit"][..., None, :]
    storage = xp.max(at_most(stored, limit, limit), axis=-1)
    held = {key: xp.max(value, axis=-1) for key, value in slots.violations.items()}
    terms = {"qoe": qoe, "loading": loading, "overflow": overflow}
    return Evaluation(qoe - loading - overflow, {"storage": storage, **held}, terms)
