"""The problem itself: data, decisions, and the state machine that counts completions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from toolkit.arrays import Array, Data, Decision, array_namespace
from toolkit.errors import UserError
from toolkit.instances import Instance
from toolkit.instances.mobility import HIGH, LOW, cached_traces, walks
from toolkit.problems import Evaluation, Field, Problem, Space, Var
from toolkit.problems._base import LARGEST
from toolkit.problems._knowledge import Relaxation
from toolkit.problems._pictures import Picture
from toolkit.problems._proof import Arithmetic, Proof

from .presets import PRESETS, RULES

GAIN = 4.11 * (3e8 / (4 * np.pi * 915e6)) ** 2  # at 1 m
NEVER = 1e12  # bytes: a download that no episode ends
PLANNED = 600  # seconds of the longest episode that rules plan
PLACEMENTS = ("groups", "grid")


@dataclass(frozen=True, kw_only=True)
class E2ehcoMigration(Problem):
    """Requests of mobile users, served or migrating second after second: most completions win.

    A request waits for a place at a server, connects, uploads, is processed and downloads; then
    the next one begins. Every second a user asks for CPU, for bandwidth to migrate, and names a
    server: for the next request, or to migrate to. An instance is a whole episode. In the
    published code a migrating request passes for one that has nothing left to download, and
    counts as completed: `unserved` is 0. Repaired, it has more than it can ever download.
    """

    title = "Mobile users' requests with connection limits and service migration"
    paper = "The E2EHCO framework (end-to-end hybrid computation offloading): its code, env.py"
    sense: ClassVar[Literal["min", "max"]] = "max"
    version: ClassVar[int] = 1
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = PRESETS
    small: ClassVar[Mapping[str, Any]] = {"seconds": 60}
    at_once: ClassVar[int] = 0  # the tables of an episode are made once for a batch
    units: ClassVar[Mapping[str, str]] = {"least": "requests"}
    fields: ClassVar[Mapping[str, Field]] = {
        "position": Field(
            "where a user is each second", "m", ("seconds", "users", "axes"), low=-LARGEST
        ),
        "site": Field("where a server is", "m", ("servers", "axes"), low=-LARGEST),
        "uplink": Field("upload rate for each unit of log2(1 + SNR)", "byte/s"),
        "snr": Field("signal-to-noise ratio at 1 m", "1"),
        "radius": Field("beyond it a server is out of reach", "m"),
        "block": Field("what an upload is counted in; 0: single bytes", "byte", strict=False),
        "upload": Field("input of a request", "byte"),
        "process": Field("processing of a request", "byte"),
        "download": Field("result of a request", "byte"),
        "migrate": Field("what a migration moves", "byte"),
        "receive": Field("download rate", "byte/s"),
        "server_cpu": Field("processing rate of a server", "byte/s"),
        "link": Field("rate from a server to a later one", "byte/s"),
        "link_back": Field("rate from a server to an earlier one", "byte/s", strict=False),
        "limit": Field("connections of a server", "1"),
        "patience": Field("seconds after which a request asks elsewhere", "s"),
        "unserved": Field(
            "left to download of a request that is not processed", "byte", strict=False
        ),
    }

    n_users: int = 10
    n_servers: int = 10
    seconds: int = 3000
    held: int = 30  # seconds for which a position holds; below 30 users are faster than walkers
    uplink: float = 2e6
    power: float = 0.25
    noise: float = 1e-10
    radius: float = 1e9
    block: float = 0.0
    upload: float = 2.7e5
    process: float = 1.08e6
    download: float = 96.0
    migrate: float = 2e9
    receive: float = 1e4
    server_cpu: float = 6.3e7
    link: float = 1e9
    link_back: float = 0.0
    limit: float = 4.0
    patience: float = 5.0
    unserved: float = NEVER
    mobility: str = "levy"
    traces: str = ""  # a folder of traces instead
    part: str = "all"  # of the traces: train or test
    placement: str = "groups"  # of servers: amid groups of traces, or a grid over the region

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, value in self.params.items():
            if isinstance(value, str):
                continue
            low = 0.0 if name in ("link_back", "unserved", "block") else np.nextafter(0.0, 1.0)
            if not (np.isfinite(value) and value >= low):
                what = "0 or a positive number" if low == 0 else "a positive number"
                raise ValueError(f"{name} is {value!r}; it must be {what}.")
        if self.placement not in PLACEMENTS:
            raise ValueError(f"placement is {self.placement!r}; it must be groups or grid.")

    def sample(
        self, rng: np.random.Generator, batch: tuple[int, ...] = ()
    ) -> dict[str, np.ndarray]:
        """Walks, or distinct traces from their first rows; servers amid groups of them."""
        steps = -(-self.seconds // self.held)
        users = self.n_users
        path = walks(self.mobility, self.traces, self.part).positions(rng, users, steps, batch)
        return self.data_of(np.repeat(path, self.held, axis=-3)[..., : self.seconds, :, :])

    def data_of(self, position: np.ndarray) -> dict[str, np.ndarray]:
        """Instance data (*batch, …) of given positions (*batch, seconds, users, 2)."""
        batch = position.shape[:-3]
        scalars = [key for key, spec in self.fields.items() if not spec.dims and key != "snr"]
        site = self.sites()
        return {
            "position": position,
            "site": np.array(np.broadcast_to(site, (*batch, *site.shape))),
            "snr": np.full(batch, self.power * GAIN / self.noise),
            **{key: np.full(batch, getattr(self, key)) for key in scalars},
        }

    def sites(self) -> np.ndarray:
        """(servers, 2): as published, amid groups of consecutive traces; without, of `e2ehco`.

        In a grid they are amid cells of equal area, in columns.
        """
        if self.placement == "grid":
            return _grid(self.n_servers)
        if not self.traces:
            from toolkit.problems.e2ehco.geometry import sites

            return sites(self.n_servers)
        paths = cached_traces(self.traces).paths
        group = max(1, len(paths) // self.n_servers)
        groups = [
            [paths[k % len(paths)] for k in range(m * group, (m + 1) * group)]
            for m in range(self.n_servers)
        ]
        return np.array([np.concatenate(parts).mean(axis=0) for parts in groups])

    def admit(self, instance: Instance) -> Instance:
        """As any problem's; and two axes."""
        if super().admit(instance).data["position"].shape[-1] != 2:
            raise UserError(f"{instance.name}: data['position'] must have 2 axes, x and y.")
        return instance

    def space(self, data: Data) -> Space:
        """cpu and bandwidth (byte/s) asked for, and the server named, each (seconds, users)."""
        shape = tuple(data["position"].shape[-3:-1])
        return Space(
            (
                Var("cpu", shape, upper=data["server_cpu"][..., None, None]),
                Var("bandwidth", shape, upper=data["link"][..., None, None]),
                Var("target", shape, "integer", 1, data["site"].shape[-2]),
            )
        )

    def repair(self, data: Data, raw: Decision) -> Decision:
        """Who names a server together asks for no more CPU than it gives, nor of a link.

        Each server gives out less than all it has, so that a hair is left.
        """
        room = {"cpu": (1 - 1e-9) * data["server_cpu"], "bandwidth": data["link"]}
        alike = raw["target"][..., :, None] == raw["target"][..., None, :]
        out = dict(raw)
        for name, most in room.items():
            asked = (alike * raw[name][..., None, :]).sum(-1)
            over = asked / np.asarray(most)[..., None, None]
            # what was rescaled once is not again for its rounding
            out[name] = np.where(over > 1 + 1e-12, raw[name] / np.maximum(over, 1), raw[name])
        return out

    @property
    def rules(self) -> Mapping[str, str]:
        """Plans are made for episodes of minutes only."""
        short = self.seconds <= PLANNED
        return {name: text for name, text in RULES.items() if short or "planned" not in text}

    def follow(
        self, data: Data, rule: str, rng: np.random.Generator, inner: object = None
    ) -> Decision:
        """A rule of `policies`: none draws, and there is nothing within to solve."""
        from .policies import by_rule

        return by_rule(data, rule)

    def relaxation(self, data: Data) -> Relaxation:
        from .relaxation import PricedEpisode

        return PricedEpisode(data)

    def proof(self, data: Data, arithmetic: Arithmetic = "float") -> Proof:
        """In whole numbers, whatever the arithmetic."""
        from .proof import EpisodeProof

        return EpisodeProof(data)

    def judge(self, data: Data, decision: Decision) -> Evaluation:
        """The number of completed requests; whole, so that its gradient is nothing."""
        from . import machine

        xp = array_namespace(decision["cpu"])
        done = xp.asarray(_by_instance(data, decision, machine.completed))
        return Evaluation(xp.sum(done, axis=-1), {}, {"least": xp.min(done, axis=-1)})

    def pictures(self, data: Data, decision: Decision) -> list[Picture]:
        from . import pictures

        return pictures.pictures(self, data, decision)


def _grid(servers: int) -> np.ndarray:
    """(servers, 2): columns of cells nearly as high as wide, over the region of the walks."""
    wide, high = HIGH - LOW
    columns = max(1, min(servers, round(float(np.sqrt(servers * wide / high)))))
    out = []
    for k, rows in enumerate(len(part) for part in np.array_split(np.arange(servers), columns)):
        out += [((k + 0.5) / columns, (j + 0.5) / rows) for j in range(rows)]
    return np.asarray(LOW + np.array(out) * (HIGH - LOW))


def _by_instance(data: Data, decision: Decision, completed: Any) -> np.ndarray:
    """Completions (*batch, users): the state machine of each instance for its decisions."""
    names = ("cpu", "bandwidth", "target")
    given = {key: _plain(value) for key, value in data.items()}
    asked = [_plain(decision[name]) for name in names]
    many, cases = given["limit"].shape, np.broadcast_shapes(*(a.shape[:-2] for a in asked))
    cases, shape = np.broadcast_shapes(many, cases), asked[0].shape[-2:]
    flat = [np.broadcast_to(a, (*cases, *shape)).reshape(-1, *shape) for a in asked]
    if not many:
        return np.asarray(completed(given, *flat)).reshape(*cases, shape[1])
    number = np.broadcast_to(np.arange(int(np.prod(many))).reshape(many), cases).ravel()
    wide = {key: v.reshape(-1, *v.shape[len(many) :]) for key, v in given.items()}
    rows = [
        completed({k: v[m] for k, v in wide.items()}, *(a[r : r + 1] for a in flat))
        for r, m in enumerate(number)
    ]
    return np.concatenate(rows).reshape(*cases, shape[1])


def _plain(value: Array) -> np.ndarray:
    """A NumPy array; torch's tensors lose their gradients."""
    return np.asarray(value.detach() if hasattr(value, "detach") else value, dtype=float)
