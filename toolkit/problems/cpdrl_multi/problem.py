"""The problem itself: data, decisions, and the one formula that prices them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from toolkit.arrays import Array, Data, Decision, array_namespace, at_most
from toolkit.instances import Instance
from toolkit.problems import Evaluation, Field, Problem, Space, Var
from toolkit.problems._knowledge import AlgebraicModel, ConvexModel, Relaxation
from toolkit.problems._proof import Arithmetic, Proof

from . import costs

MOST_SERVERS = 8  # a box of counts has 2^servers corners


@dataclass(frozen=True, kw_only=True)
class CpdrlMulti(Problem):
    """Several edge servers: whom to offload to, and consistent bandwidth, power and CPU.

    `cpdrl` with M servers, the paper's future work: n users run their task locally or offload it to
    one of them; a server's offloaders share its bandwidth B_m as they like and its F_m equally.
    Servers stand on a grid of the square in which users are, or anywhere in it. With one server
    it is `cpdrl`.
    """

    title = "Consistency-preserving offloading and allocation, several servers"
    paper = (
        "Li, Nakamura, Takase: Consistency-Preserving Deep Reinforcement Learning for "
        "Computation Offloading and Resource Allocation in MEC Environment (future work)"
    )
    sense: ClassVar[Literal["min", "max"]] = "min"
    version: ClassVar[int] = 1
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "paper": {},
        "tiny": {"n_users": 4},
        "dense": {"n_users": 20, "n_servers": 3},
        # the deadline binds for about half of the offloaders of an optimum (docs/cpdrl_multi.md)
        "tight": {"deadline": 0.25, "bandwidth": 4e5, "f_server": 8e9, "weight_delay": 0.03},
        "large": {"n_users": 1000, "n_servers": 4, "scale_with_users": True},
    }
    units: ClassVar[Mapping[str, str]] = {"delay": "s", "energy": "J"}
    fields: ClassVar[Mapping[str, Field]] = {
        "size": Field("task size D", "bit", ("users",)),
        "cycles": Field("CPU cycles per bit C", "cycle/bit", ("users",)),
        "f_max": Field("largest local CPU frequency", "Hz", ("users",)),
        "gain": Field("channel power gain g to a server", "1", ("users", "servers")),
        "deadline": Field("deadline tau of every task", "s"),
        "f_server": Field("server CPU F, shared equally by its offloaders", "Hz", ("servers",)),
        "bandwidth": Field("uplink bandwidth B of a server", "Hz", ("servers",)),
        "p_max": Field("largest transmit power", "W"),
        "noise": Field("noise power sigma^2", "W"),
        "kappa": Field("energy coefficient of local CPUs", "J s^2/cycle^3"),
        "weight_delay": Field("lambda_1", "1/s"),
        "weight_energy": Field("lambda_2", "1/J"),
    }
    formulations: ClassVar[Mapping[str, str]] = {
        "lifted": "1/bandwidth and spectral efficiency lifted, local cost in closed form",
    }

    n_users: int = 8
    n_servers: int = 2
    servers: Literal["grid", "random"] = "grid"
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
    scale_with_users: bool = False  # f_server and bandwidth hold for 8 users a server and grow
    p_max: float = 1.0
    noise: float = 1e-13
    side: float = 300.0
    path_loss: float = 3.0
    kappa: float = 1e-28
    weight_delay: float = 1.0
    weight_energy: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.servers not in ("grid", "random"):
            raise ValueError(f"servers is {self.servers!r}; give grid or random.")
        for name, value in self.params.items():
            if isinstance(value, bool | str):
                continue
            if not (np.isfinite(value) and value > 0):
                raise ValueError(f"{name} is {value!r}; it must be a positive number.")
        if self.n_servers > MOST_SERVERS:
            raise ValueError(f"n_servers is {self.n_servers}; at most {MOST_SERVERS} are allowed.")
        for kind in ("size", "cycles", "f"):
            low, high = getattr(self, f"{kind}_low"), getattr(self, f"{kind}_high")
            if low > high:
                raise ValueError(f"{kind}_low is {low:g}, above {kind}_high, {high:g}; swap them.")

    def sample(
        self, rng: np.random.Generator, batch: tuple[int, ...] = ()
    ) -> dict[str, np.ndarray]:
        """Table I: users uniform in a square; below 1 m counts as 1 m."""
        shape = (*batch, self.n_users)
        size = rng.uniform(self.size_low, self.size_high, shape) * self.bits_per_kb
        cycles = rng.uniform(self.cycles_low, self.cycles_high, shape)
        f_max = rng.uniform(self.f_low, self.f_high, shape)
        x, y = rng.uniform(-self.side / 2, self.side / 2, (2, *shape))
        site = self._sites(rng, batch)
        away = np.hypot(x[..., None] - site[0][..., None, :], y[..., None] - site[1][..., None, :])
        growth = self.n_users / (8 * self.n_servers) if self.scale_with_users else 1.0
        each = (*batch, self.n_servers)
        scalars = ("deadline", "p_max", "noise", "kappa", "weight_delay", "weight_energy")
        return {
            "size": size,
            "cycles": cycles,
            "f_max": f_max,
            "gain": np.maximum(away, 1.0) ** -self.path_loss,
            "f_server": np.full(each, self.f_server * growth),
            "bandwidth": np.full(each, self.bandwidth * growth),
            **{key: np.full(batch, getattr(self, key)) for key in scalars},
        }

    def _sites(self, rng: np.random.Generator, batch: tuple[int, ...]) -> np.ndarray:
        """Where servers are, (2, *batch, servers) or (2, servers): cells of a grid, row by row."""
        if self.servers == "random":
            each = (2, *batch, self.n_servers)
            return rng.uniform(-self.side / 2, self.side / 2, each)
        columns = int(np.ceil(np.sqrt(self.n_servers)))
        rows = -(-self.n_servers // columns)
        row, column = np.divmod(np.arange(self.n_servers), columns)
        return self.side * np.stack([(column + 0.5) / columns - 0.5, (row + 0.5) / rows - 0.5])

    def space(self, data: Data) -> Space:
        """server (0: local), bandwidth (Hz), power (W), frequency (Hz): one of each a user."""
        n, m = data["gain"].shape[-2:]
        xp = array_namespace(data["bandwidth"])
        return Space(
            (
                Var("server", (n,), "integer", 0, m),
                Var("bandwidth", (n,), upper=xp.max(data["bandwidth"], axis=-1)[..., None]),
                Var("power", (n,), upper=data["p_max"][..., None]),
                Var("frequency", (n,), upper=data["f_max"]),
            )
        )

    def judge(self, data: Data, decision: Decision) -> Evaluation:
        """Program (10) with a server each: C1 (deadline), C2 (bandwidths), consistency (11)."""
        xp = array_namespace(decision["server"])
        one, there = self._scalars(data), costs.chosen(xp, data, decision)
        delay, energy = costs.spent(xp, data, one, there, decision)
        cost = one["weight_delay"] * delay + one["weight_energy"] * energy
        wrong = costs.inconsistency(xp, data, one, there, decision)
        return Evaluation(
            objective=xp.sum(cost, axis=-1),
            violations={
                "deadline": xp.max(at_most(delay, one["deadline"], one["deadline"]), axis=-1),
                "bandwidth": there["full"],
                "consistency": xp.max(wrong, axis=-1),
            },
            terms={"delay": xp.sum(delay, axis=-1), "energy": xp.sum(energy, axis=-1)},
        )

    def outcome(self, data: Data, decision: Decision) -> Array:
        """T_n (s) and E_n (J) of every user, (*batch, n, 2)."""
        xp = array_namespace(decision["server"])
        there = costs.chosen(xp, data, decision)
        return xp.stack(costs.spent(xp, data, self._scalars(data), there, decision), axis=-1)

    def _scalars(self, data: Data) -> dict[str, Array]:
        """What users share, with a last axis of one to stand beside theirs."""
        return {key: data[key][..., None] for key, spec in self.fields.items() if not spec.dims}

    def about(self, data: Data) -> str:
        return f"{data['gain'].shape[-1]} servers"

    def complete(self, data: Data, discrete: Decision) -> Decision:
        """The best bandwidth, power and frequency for each choice of servers."""
        from . import allocation

        return allocation.complete(data, discrete["server"])

    def repair(self, data: Data, raw: Decision) -> Decision:
        """A user keeps what its choice allows; the bandwidths of a server are scaled to fill it."""
        from . import allocation

        return allocation.repair(data, raw)

    def prior(self, data: Data) -> Space:
        """Full local speed and at most a fifth of the power: where good decisions lie."""
        server, bandwidth, power, frequency = self.space(data).vars
        low_power = Var("power", power.shape, upper=0.2 * power.upper)
        full_speed = Var("frequency", frequency.shape, lower=data["f_max"], upper=data["f_max"])
        return Space((server, bandwidth, low_power, full_speed))

    def ranking(self, data: Data) -> Decision:
        """Nearest servers and greedy insertion, both improved by moves and exchanges."""
        from . import ranking

        return {"server": ranking.ranked_choices(data)}

    def nearest(self, data: Data, limit: int = 0) -> Decision:
        """Every user's server of the cheapest upload; local where all are full."""
        from . import ranking

        return {"server": ranking.nearest(data, limit)}

    def polish(self, data: Data, discrete: Decision, pairs: bool = True) -> Decision:
        """Choices after moves of one user and, with `pairs`, exchanges of two, each the better by
        what it costs while deadlines are slack; what is not better, completed, stays as it was."""
        from . import ranking

        before = discrete["server"]
        after = ranking.polished(data, before, pairs)
        old, new = (
            self.evaluate(data, self.complete(data, {"server": server}))
            for server in (before, after)
        )
        better = new.feasible() & ((new.objective < old.objective) | ~old.feasible())
        return {"server": np.where(better[..., None], after, before)}

    def relaxation(self, data: Data) -> Relaxation:
        from .relaxation import Boxes

        return Boxes(data)

    def proof(self, data: Data, arithmetic: Arithmetic = "float") -> Proof:
        from .proof import BoxProof

        return BoxProof(data, arithmetic)

    def pyomo(self, instance: Instance, formulation: str = "lifted") -> AlgebraicModel:
        from . import models_pyomo

        return models_pyomo.pyomo(instance.data, formulation)

    def cvxpy(self, instance: Instance, discrete: Decision) -> ConvexModel:
        from . import models_cvxpy

        return models_cvxpy.allocation(instance.data, discrete["server"])
