"""The problem itself: an episode's data, decisions, and its cost."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, get_args

import numpy as np

from toolkit.arrays import Data, Decision, array_namespace
from toolkit.errors import UserError
from toolkit.instances import Instance, rng_for
from toolkit.problems import Evaluation, Field, Problem, Space, Var
from toolkit.problems._pictures import Picture

from . import law, prices
from .bounds import Bounds
from .models_pyomo import Modelled
from .presets import PRESETS
from .queues import Tables
from .unfolds import Unfolds

MOST = 1_000_000  # slots
MOST_SERVERS = 10_000
Discipline = Literal["own-first", "fcfs"]
Forwarding = Literal["single", "bits", "double"]
POSITIVE = (
    *("slot", "near", "far", "bandwidth", "send_power", "noise_power"),
    *("bits", "cycles", "server_cpu"),
)
RANKED = ("greedy", "selfish", "jsq", "least-loaded", "own", "local")
NOT_NEGATIVE = ("forward_delay", "tolerance", "kappa", "quantum")


@dataclass(frozen=True, kw_only=True)
class A3c(Unfolds, Modelled, Bounds, Problem):
    """An episode of tasks that queue at devices and at servers, which help each other; minimised.

    In each slot a task comes to a device with a probability, the density. It is computed there,
    first come, first served; or sent to the server of the device's region, which keeps it or
    sends it on to another one: double offloading. Servers take tasks of their own region first.
    The cost is that of all tasks, drained after the last slot: delay and energy, weighted.
    """

    title = "Double offloading among regions: queues of devices and servers, an episode"
    paper = "Zou, Hao, Yu, Jin: A3C-DO, a regional resource scheduling framework; not its numbers"
    sense: ClassVar[Literal["min", "max"]] = "min"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = PRESETS
    small: ClassVar[Mapping[str, Any]] = {"slots": 2}
    measure: ClassVar[str] = (
        "sum over tasks of weight_delay x delay (s) + weight_energy x energy (J); "
        "late: tasks above the tolerance, which by itself costs nothing"
    )
    shown: ClassVar[Mapping[str, str]] = {"late": "tasks"}
    at_once: ClassVar[int] = 0  # the tables of an episode are made once for a batch
    units: ClassVar[Mapping[str, str]] = {"delay": "s", "energy": "J"}
    fields: ClassVar[Mapping[str, Field]] = {
        "has": Field("1 where a task comes", "1", ("slots", "users"), strict=False),
        "bits": Field("input size d of a task, 0: none", "bit", ("slots", "users"), strict=False),
        "cycles": Field(
            "CPU cycles c of a task, 0: none", "cycle", ("slots", "users"), strict=False
        ),
        "rate": Field("uplink R of a device", "bit/s", ("users",)),
        "region": Field("the server of a device, from 0", "1", ("users",), strict=False),
        "cpu": Field("CPU f of a device", "cycle/s", ("users",)),
        "server_cpu": Field("CPU F of a server", "cycle/s", ("servers",)),
        "slot": Field("length of a slot", "s"),
        "send_power": Field("transmit power p of a device", "W"),
        "kappa": Field("energy coefficient of a device's CPU", "J s^2/cycle^3", strict=False),
        "weight_delay": Field("weight of a task's delay", "1", strict=False),
        "weight_energy": Field("weight of its energy", "1", strict=False),
        "forward_delay": Field("from a server to another", "s", strict=False),
        "own_first": Field(
            "1: tasks of the own region first; 0: first come, first served", "1", strict=False
        ),
        "forwarding": Field(
            "0: to the own server only; 1: all tasks of a region and slot to one; 2: free",
            "1",
            strict=False,
        ),
        "tolerance": Field(
            "delay above which a task counts as late", "s", strict=False, context=True
        ),
        "density": Field("probability of a task", "1", strict=False, context=True),
    }

    n_users: int = 0  # 0: as many as `regions` has; else these are proportions
    regions: tuple[int, ...] = (6, 2)  # devices of each server
    slots: int = 30
    density: float = 0.7
    density_to: float = 0.0  # above `density`: an episode's own is uniform up to it
    discipline: Discipline = "own-first"
    forwarding: Forwarding = "double"
    slot: float = 1.0
    bits: float = 4e7  # mean
    cycles: float = 1e9  # mean
    spread: float = 0.5  # of sizes, uniform within this part of the mean
    cpus: tuple[float, ...] = (0.5e9, 0.8e9, 1e9)  # of devices, in equal parts
    server_cpu: float = 3.5e9
    near: float = 20.0  # m from its server, at least
    far: float = 100.0
    bandwidth: float = 5e6
    send_power: float = 0.1
    noise_power: float = 1e-13
    kappa: float = 1e-27
    weight_delay: float = 0.5  # the rest is the weight of energy
    tolerance: float = 5.0
    forward_delay: float = 0.0
    # the seed of places and CPUs, the same in all episodes; 24 is the first with which eight
    # devices send for 0.53 s on average, as those of the design's trial did
    topology: int = 24
    quantum: float = 0.0  # s; above 0: mean sizes take whole multiples of it everywhere

    def __post_init__(self) -> None:
        for name in ("regions", "cpus"):
            given = getattr(self, name)
            listed = given if isinstance(given, list | tuple) else (given,)
            object.__setattr__(self, name, tuple(listed))  # JSON knows lists only
        _check_lists(self.regions, self.cpus)
        if self.n_users == 0:
            object.__setattr__(self, "n_users", sum(self.regions))
        super().__post_init__()
        self._check()

    def _check(self) -> None:
        for name, kinds in (("discipline", Discipline), ("forwarding", Forwarding)):
            if getattr(self, name) not in get_args(kinds):
                names = " or ".join(get_args(kinds))
                raise ValueError(f"{name} is {getattr(self, name)!r}; give {names}.")
        if not 1 <= self.slots <= MOST:
            raise ValueError(f"slots is {self.slots}; give 1 to {MOST:,}.")
        if self.topology < 0:
            raise ValueError(f"topology is {self.topology}; it is a seed, 0 or more.")
        for name in ("density", "density_to", "weight_delay", "spread"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be from 0 to 1.")
        if not self.near <= self.far:
            raise ValueError(f"near is {self.near}; it must be at most far, {self.far}.")
        if self.spread == 1:
            raise ValueError("spread is 1; it must be below 1, for a task has some size.")
        for name in POSITIVE:
            if not 0 < getattr(self, name) < np.inf:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be a positive number.")
        for name in NOT_NEGATIVE:
            if not 0 <= getattr(self, name) < np.inf:
                what = "0 or a positive number"
                raise ValueError(f"{name} is {getattr(self, name)}; it must be {what}.")

    def sample(
        self, rng: np.random.Generator, batch: tuple[int, ...] = ()
    ) -> dict[str, np.ndarray]:
        """Tasks are new in each episode; devices stand where they are."""
        most = max(self.density, self.density_to)
        density = rng.uniform(self.density, most, batch)
        has = law.arrivals(rng, np.asarray(density), self.slots, self.n_users)
        bits, cycles = (
            has * law.sizes(rng, mean, self.spread, has.shape) for mean in (self.bits, self.cycles)
        )
        return {
            "has": has,
            "bits": bits,
            "cycles": cycles,
            "density": np.asarray(density),
            **self._constants(batch),
        }

    def _constants(self, batch: tuple[int, ...]) -> dict[str, np.ndarray]:
        """What all instances have alike."""
        away, cpu = law.topology(self.topology, (self.near, self.far), self.cpus, self.n_users)
        rate = law.rates(away, self.bandwidth, self.send_power / self.noise_power)
        server_cpu = np.full(len(self.regions), self.server_cpu)
        if self.quantum > 0:
            rate = law.on_grid(self.bits, rate, self.quantum)
            cpu, server_cpu = (law.on_grid(self.cycles, v, self.quantum) for v in (cpu, server_cpu))
        values: dict[str, Any] = {
            "rate": rate,
            "region": law.regions_of(self.n_users, self.regions),
            "cpu": cpu,
            "server_cpu": server_cpu,
            "weight_energy": 1 - self.weight_delay,
            "own_first": self.discipline == "own-first",
            "forwarding": get_args(Forwarding).index(self.forwarding),
        }
        same = ("slot", "send_power", "kappa", "weight_delay", "forward_delay", "tolerance")
        values |= {key: getattr(self, key) for key in same}
        return {
            key: np.array(np.broadcast_to(v, (*batch, *np.shape(v))), float)
            for key, v in values.items()
        }

    def admit(self, instance: Instance) -> Instance:
        """As any problem's; numbers that name something do so, and tasks have sizes."""
        data = super().admit(instance).data
        where = instance.name or "the instance"
        most = {"has": 2, "own_first": 2, "forwarding": 3, "region": len(data["server_cpu"])}
        for key, count in most.items():
            if not np.isin(data[key], np.arange(count)).all():
                what = f"whole numbers from 0 to {count - 1}"
                raise UserError(f"{where}: data[{key!r}] must hold {what}.")
        for key in ("bits", "cycles"):
            if not np.array_equal(data[key] > 0, data["has"] > 0):
                raise UserError(
                    f"{where}: data[{key!r}] must be positive where a task comes, 0 elsewhere."
                )
        if data["density"] > 1:
            raise UserError(f"{where}: data['density'] must be from 0 to 1.")
        return instance

    def about(self, data: Data) -> str:
        tasks, slots = int(data["has"].sum()), len(data["has"])
        return f"{tasks:,} task{'s' * (tasks != 1)} in {slots:,} slot{'s' * (slots != 1)}"

    def space(self, data: Data) -> Space:
        """target (slots, users): 0 on the device, s + 1 on server s; 0 where no task comes."""
        has = data["has"]
        shape = tuple(has.shape[-2:])
        most = data["server_cpu"].shape[-1] * has
        return Space((Var("target", shape, "integer", 0.0, most),))

    def judge(self, data: Data, decision: Decision) -> Evaluation:
        """The cost of all tasks; how many are late is told, and no constraint.

        `forwarding` is violated by the part of all places (slots, users) whose tasks go where
        `data["forwarding"]` does not let them.
        """
        target = decision["target"]
        xp = array_namespace(target)
        found, _ = Tables.of(data).play(target)
        delay, energy, late, off = (xp.asarray(found[..., k]) for k in range(4))
        cost = data["weight_delay"] * delay + data["weight_energy"] * energy
        slots, devices = target.shape[-2:]
        limits = {"forwarding": off / (slots * devices)}
        return Evaluation(cost, limits, {"delay": delay, "energy": energy, "late": late})

    def pictures(self, data: Data, decision: Decision) -> list[Picture]:
        from . import pictures

        return pictures.pictures(self, data, decision)

    def complete(self, data: Data, discrete: Decision) -> Decision:
        """There is nothing but the choice."""
        return {"target": discrete["target"]}

    def ranking(self, data: Data) -> Decision:
        """What rules decide that leave nothing to chance, and greedy at a few prices of work."""
        rng = rng_for("ranking")
        found = [self.follow(data, rule, rng)["target"] for rule in RANKED]
        return {"target": np.concatenate([prices.ladder(data), found])}


def _check_lists(regions: tuple[Any, ...], cpus: tuple[Any, ...]) -> None:
    """Refuses what is not a list of devices of servers, and of speeds."""
    whole = all(isinstance(k, int) and not isinstance(k, bool) and k >= 0 for k in regions)
    if not (whole and 1 <= len(regions) <= MOST_SERVERS and sum(regions) > 0):
        raise ValueError(f"regions is {list(regions)}; give the devices of each server: [6,2].")
    speeds = all(isinstance(f, int | float) and 0 < f < np.inf for f in cpus)
    if not (speeds and cpus):
        raise ValueError(f"cpus is {list(cpus)}; give positive numbers such as [5e8,1e9].")
