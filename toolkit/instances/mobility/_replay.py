"""Episodes that follow traces of people."""

import functools
from dataclasses import dataclass

import numpy as np

from toolkit.errors import UserError

from ._region import PERIOD, clipped
from ._traces import Traces


@dataclass(frozen=True, eq=False)
class Replay:
    """Users that walk as people did, clipped to the region."""

    traces: Traces

    def positions(
        self, rng: np.random.Generator, users: int, steps: int, batch: tuple[int, ...] = ()
    ) -> np.ndarray:
        """(*batch, steps, users, 2) in metres, a row every 30 s.

        In each episode users take distinct traces of at least `steps` rows, each from a random row
        on; with more users than traces, every trace is taken once before one is taken again.
        """
        padded, rows = self._padded
        able = np.flatnonzero(rows >= steps)
        if len(able) == 0:
            raise UserError(
                f"No trace has {steps} rows of {PERIOD:g} s (the longest has {rows.max()}); "
                "ask for shorter episodes."
            )
        rounds = -(-users // len(able))
        order = np.argsort(rng.random((*batch, rounds, len(able))), axis=-1)
        chosen = able[order.reshape(*batch, -1)[..., :users]]
        start = rng.integers(0, rows[chosen] - steps + 1)
        when = start[..., None, :] + np.arange(steps)[:, None]
        return np.asarray(padded[chosen[..., None, :], when])

    @functools.cached_property
    def _padded(self) -> tuple[np.ndarray, np.ndarray]:
        """All traces in one array, (traces, most rows, 2), and how many rows each has."""
        rows = np.array([len(path) for path in self.traces.paths])
        padded = np.zeros((len(rows), rows.max(), 2))
        for place, path in zip(padded, self.traces.paths, strict=True):
            place[: len(path)] = clipped(path)
        return padded, rows
