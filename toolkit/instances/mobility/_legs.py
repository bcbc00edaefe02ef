"""Users that go from one point to the next along straight legs, and rest between them."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from ._region import clipped


@dataclass
class Leg:
    """What each of some users is at: where, the way a row, rows left, whether it rests, its home.

    A home is the point about which a user wanders; models without homes leave it where it began.
    """

    here: np.ndarray  # (users, 2) m
    way: np.ndarray  # (users, 2) m a row
    left: np.ndarray  # (users,) rows
    rests: np.ndarray  # (users,) truth values
    home: np.ndarray  # (users, 2) m

    def take(self, which: np.ndarray) -> "Leg":
        return Leg(*(value[which] for value in vars(self).values()))

    def put(self, which: np.ndarray, other: "Leg") -> None:
        """Some users begin another leg."""
        for name, value in vars(other).items():
            getattr(self, name)[which] = value

    def rest(self, rows: np.ndarray) -> "Leg":
        """The same users, resting for so many rows."""
        return Leg(self.here, np.zeros_like(self.way), rows, np.ones_like(self.rests), self.home)

    def go(self, there: np.ndarray, rows: np.ndarray, home: np.ndarray) -> "Leg":
        """The same users on a straight way that takes so many rows."""
        way = (there - self.here) / rows[:, None]
        return Leg(self.here, way, rows, np.zeros_like(self.rests), home)


def still(here: np.ndarray) -> Leg:
    """Users that have just ended a leg, at home where they are."""
    none = np.zeros(len(here))
    return Leg(here, np.zeros_like(here), none, none > 0, here.copy())


class Legs(ABC):
    """A loop over rows, all users of all episodes at once."""

    @abstractmethod
    def begin(self, rng: np.random.Generator, users: int) -> Leg:
        """What users are at when nobody has looked before: the long-run law."""

    @abstractmethod
    def next(self, rng: np.random.Generator, ended: Leg) -> Leg:
        """The next leg or rest of users that have ended one."""

    def positions(
        self, rng: np.random.Generator, users: int, steps: int, batch: tuple[int, ...] = ()
    ) -> np.ndarray:
        """(*batch, steps, users, 2) in metres, a row every 30 s, inside the region."""
        walkers = int(np.prod(batch, dtype=int)) * users
        if not walkers:
            return np.empty((*batch, steps, users, 2))
        now = self.begin(rng, walkers)
        path = np.empty((steps, walkers, 2))
        for row in path:
            row[:] = now.here
            done = np.flatnonzero(now.left < 1)
            now.put(done, self.next(rng, now.take(done)))
            now.here = clipped(now.here + now.way)
            now.left = now.left - 1
        split = path.reshape(steps, *batch, users, 2)
        return np.ascontiguousarray(np.moveaxis(split, 0, -3))
