"""The two textbook models: random waypoint and Gauss–Markov."""

from dataclasses import dataclass

import numpy as np

from ._legs import Leg, Legs, still
from ._region import PERIOD, anywhere, folded

TRIES = 16  # legs among which the first is chosen, long ones more often


@dataclass(frozen=True)
class RandomWaypoint(Legs):
    """Uniform destinations at a uniform speed, a uniform rest at each (Johnson and Maltz 1996).

    Episodes begin in the long-run law (nearly: of 16 legs and rests one is met, in proportion to
    how long it lasts), so that speeds do not fall with time.
    """

    slowest: float = 0.5  # m/s
    fastest: float = 2.0
    longest_rest: float = 600.0  # s

    def begin(self, rng: np.random.Generator, users: int) -> Leg:
        here, there = anywhere(rng, (users, TRIES)), anywhere(rng, (users, TRIES))
        rows, rests = self._rows(rng, here, there), self._rests(rng, (users, TRIES))
        resting = rests.mean() / (rests.mean() + rows.mean())
        chosen = _in_proportion(rng, rows)
        here, there, rows = here[chosen], there[chosen], rows[chosen]
        gone = np.floor(rng.random(users) * rows)
        start = still(here + (there - here) * (gone / rows)[:, None])
        start.put(np.arange(users), start.go(there, rows - gone, start.home))
        left = np.ceil(rng.random(users) * rests[_in_proportion(rng, rests + 1e-9)])
        pause = np.flatnonzero(rng.random(users) < resting)
        start.here[pause] = anywhere(rng, (len(pause),))
        start.put(pause, start.take(pause).rest(left[pause]))
        return start

    def next(self, rng: np.random.Generator, ended: Leg) -> Leg:
        users = len(ended.left)
        rests, there = self._rests(rng, (users,)), anywhere(rng, (users,))
        begun = ended.go(there, self._rows(rng, ended.here, there), ended.home)
        pause = np.flatnonzero(~ended.rests & (rests > 0))
        begun.put(pause, ended.take(pause).rest(rests[pause]))
        return begun

    def _rests(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """How many rows rests take."""
        return rng.integers(0, 1 + int(self.longest_rest / PERIOD), shape).astype(float)

    def _rows(self, rng: np.random.Generator, here: np.ndarray, there: np.ndarray) -> np.ndarray:
        """How many rows legs take, at a speed for each."""
        metres = np.sqrt(((there - here) ** 2).sum(-1))
        speed = rng.uniform(self.slowest, self.fastest, metres.shape)
        return np.asarray(np.maximum(np.ceil(metres / (speed * PERIOD)), 1.0))


@dataclass(frozen=True)
class GaussMarkov:
    """A velocity that forgets itself slowly (Liang and Haas 1999); borders reflect."""

    memory: float = 0.9  # from one row to the next
    speed: float = 0.54  # m/s: its mean, as in the traces

    def positions(
        self, rng: np.random.Generator, users: int, steps: int, batch: tuple[int, ...] = ()
    ) -> np.ndarray:
        """(*batch, steps, users, 2) in metres, a row every 30 s, inside the region."""
        from scipy.signal import lfilter

        shape = (*batch, users, steps, 2)
        noise = rng.normal(size=shape) * self.speed / np.sqrt(np.pi / 2)
        noise[..., 1:, :] *= np.sqrt(1 - self.memory**2)  # the first row is the long-run law's
        velocity = lfilter([1.0], [1.0, -self.memory], noise, axis=-2)
        start = anywhere(rng, (*batch, users, 1))
        far = np.cumsum(velocity * PERIOD, axis=-2)
        path = np.concatenate([start, start + far[..., :-1, :]], axis=-2)
        return np.ascontiguousarray(np.swapaxes(folded(path), -3, -2))


def _in_proportion(rng: np.random.Generator, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One index a row, with chances in proportion to the weights, (rows, columns)."""
    total = np.cumsum(weight, axis=-1)
    chosen = (total < rng.random((len(weight), 1)) * total[:, -1:]).sum(-1)
    return np.arange(len(weight)), chosen
