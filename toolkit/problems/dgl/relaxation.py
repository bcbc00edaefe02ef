"""Bounds of an episode: the optimum by a programme over pairs of caches; unions of caches; services
apart."""

from typing import TYPE_CHECKING, Any

import numpy as np

from toolkit.arrays import Data, Decision
from toolkit.errors import UserError
from toolkit.problems._knowledge import Bounded
from toolkit.problems._proof import How, Prices

from ._apart import SERVERS, apart_bound
from ._unions import why_not
from .clairvoyant import Clairvoyant, decided
from .unions import Unions

if TYPE_CHECKING:
    from .problem import Dgl

MARGIN = 1e-11  # relative: what the proof adds for rounding stays below
ROUNDS = 6000
SCALE = 2.0**30 * 50  # bytes in units of which a price of room is alike the other multipliers
LOOKS = ((1, 1.0), (1, 2.0), (2, 2.0), (3, 3.0))  # steps looked at, and the horizon of loading


class KnownEpisode:
    """The `Relaxation` of one episode: a root, and no way to split it."""

    def __init__(self, problem: "Dgl", data: Data) -> None:
        self._problem, self._data, self._whole = problem, data, Clairvoyant(data)
        self._prices: Prices = {}
        self._pairs = self._whole.refuses() is None
        if not self._pairs and np.shape(data["limit"])[-1] > SERVERS:
            raise UserError(f"an episode of more than {SERVERS} servers has no bound")

    def root(self) -> None:
        return None

    def bound(self, node: Any, cutoff: float) -> Bounded:
        if self._pairs:
            value, best = self._whole.solved
            self._prices = {"above": value * (1 - 1e-12) - 1e-12}
            return Bounded(-value - MARGIN * (1 + abs(value)), _rows([best]))
        if not why_not(self._whole.known):
            unions = Unions(self._whole)
            found, self._prices = unions.bound()
            return Bounded(-found, _rows([unions.caches()]))
        tried = self._guesses()
        found = self._apart(max(self._worth(tried)))
        return Bounded(-found - MARGIN * (1 + abs(found)), tried)

    def branch(self, node: Any, cutoff: float) -> tuple[How, list[Any]]:
        return {}, []

    def prices(self, node: Any) -> Prices:
        return self._prices

    def _guesses(self) -> Decision:
        """Caches of an operator who knows some of the future, with targets."""
        from .decode import caches_for

        data = {key: np.asarray(value)[None] for key, value in self._data.items()}
        steps = np.shape(self._data["service"])[0]
        found = []
        for steps_seen, horizon in LOOKS:
            cache = np.zeros((1, len(self._data["limit"]), len(self._data["size"])))
            path = []
            for t in range(steps):
                seen = [data[key][:, t : t + steps_seen] for key in ("service", "efficiency")]
                service, links = (np.reshape(x, (1, -1, x.shape[-1])) for x in seen)
                cache = caches_for(data, service, links, cache, horizon)
                path.append(cache[0])
            found.append(decided(self._data, np.array(path)))
        return _rows([*found, decided(self._data, 0 * np.array(path))])

    def _worth(self, tried: Decision) -> list[float]:
        whole = self._problem.complete(self._data, tried)
        return [float(x) for x in self._problem.evaluate(self._data, whole).objective]

    def _apart(self, goal: float) -> float:
        """The bound with services apart, and its prices."""
        from . import _apart_kernels

        data, known = self._data, self._whole.known
        slots, servers = known.service.shape[1], len(data["limit"])
        best = np.zeros((len(known.service), 2 * slots + 1, servers))
        _apart_kernels.multipliers(
            known.root,
            known.local - known.served[..., None],
            known.level,
            known.cell,
            known.service,
            self._whole.unit,
            np.asarray(data["size"]),
            np.asarray(data["load_price"]),
            np.minimum(data["capacity"], data["limit"]),
            SCALE,
            goal - self._whole.base,
            ROUNDS,
            best,
        )
        self._prices = {
            "band": best[:, :slots].tolist(),
            "cpu": best[:, slots:-1].tolist(),
            "store": (best[:, -1] / SCALE).tolist(),
        }
        return apart_bound(known, self._prices)


def _rows(decisions: list[Decision]) -> Decision:
    return {key: np.stack([one[key] for one in decisions]) for key in decisions[0]}
