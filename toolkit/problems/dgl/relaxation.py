"""Bounds of an episode: the optimum by a programme over pairs of caches; unions of caches; services
apart."""

from typing import TYPE_CHECKING, Any

import numpy as np

from toolkit.arrays import Data, Decision
from toolkit.errors import UserError
from toolkit.problems._knowledge import Bounded
from toolkit.problems._proof import How, Prices

from ._apart import SERVERS, apart_bound
from .clairvoyant import Clairvoyant
from .guesses import MANY, guesses, rows
from .unions import Unions, refused

if TYPE_CHECKING:
    from .problem import Dgl

MARGIN = 1e-11  # relative, beside the slack that the proof adds: both sum in other orders
ROUNDS = 6000
PROVED, SOLVED = 100, 200  # users up to which pairs are proved, and their optimum is looked for
MOST = 500  # users of an episode that is bounded at all
SCALE = 2.0**30 * 50  # bytes in units of which a price of room is alike the other multipliers


class KnownEpisode:
    """The `Relaxation` of one episode: a root, and no way to split it."""

    def __init__(self, problem: "Dgl", data: Data) -> None:
        self._problem, self._data, self._whole = problem, data, Clairvoyant(data)
        self._prices: Prices = {}
        self._pairs = self._whole.refuses() is None
        if not self._pairs and np.shape(data["limit"])[-1] > SERVERS:
            raise UserError(f"an episode of more than {SERVERS} servers has no bound")
        if np.shape(data["cell"])[-1] > MOST:
            raise UserError(f"an episode of more than {MOST} users has no bound; rules decide it")

    def root(self) -> None:
        return None

    def bound(self, node: Any, cutoff: float) -> Bounded:
        users = np.shape(self._data["cell"])[-1]
        if self._pairs and (users <= PROVED or refused(self._whole)):
            found, self._prices = self._whole.bound()
            return Bounded(-found, rows([self._whole.solved[1]]))
        if not refused(self._whole):
            unions = Unions(self._whole)
            found, self._prices = unions.bound()
            if self._pairs and users <= SOLVED:
                return Bounded(-found, rows([self._whole.solved[1]]))
            more = (unions.caches(),) if users <= MANY else ()
            return Bounded(-found, guesses(self._problem, self._whole, more))
        tried = guesses(self._problem, self._whole)
        found = self._apart(max(self._worth(tried)))
        return Bounded(-found - self._whole.known.slack - MARGIN * abs(found), tried)

    def branch(self, node: Any, cutoff: float) -> tuple[How, list[Any]]:
        return {}, []

    def prices(self, node: Any) -> Prices:
        return self._prices

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
