"""Where nodes are split: at the count that promises most, else by the user who blurs loads most."""

from typing import NamedTuple

import numpy as np

from .tables import Congestion

WHOLE = 0.1  # an expected count that near to a whole number is one
LEAST = 1e-6  # typical costs: a count never promises less
NEVER = 1e-12  # in place of what nothing tells apart


class Cut(NamedTuple):
    """At most `most` users on a resource, or more; by how much the counts expected exceed that."""

    resource: int
    most: int
    part: float


class Splits:
    """What is known of the splits of one instance, and what was learned from those made.

    `weight` (users, resources) is that of `given`, scaled.
    """

    def __init__(self, given: Congestion, weight: np.ndarray) -> None:
        many = weight.shape[1]
        # the resource of unequal weights that an option touches, or the number of resources
        unequal = np.append(~given.equal, False)[given.resource]
        self._class = np.where(unequal, given.resource, -1).max(2) % (many + 1)
        square = np.where(given.touched & ~given.equal, weight, 0.0) ** 2
        self._square = np.append(square, np.zeros((len(weight), 1)), axis=1)
        # by how much bounds rose for each user of which a count had to change: at most; more
        self._rise, self._seen = np.zeros((2, many)), np.zeros((2, many))

    def learn(self, cut: Cut, side: int, rise: float) -> None:
        """Of a split at a count: by how much the bound of one side rose."""
        self._rise[side, cut.resource] += rise / (1.0 - cut.part if side else cut.part)
        self._seen[side, cut.resource] += 1.0

    def count(self, mean: np.ndarray, low: np.ndarray, high: np.ndarray) -> Cut | None:
        """The count to split, by how much the bounds of both sides may rise."""
        seen = self._seen.sum()
        usual = self._rise.sum() / seen if seen else 1.0
        rise = (self._rise + usual) / (self._seen + 1.0)
        most = np.floor(mean)
        part = mean - most
        hope = np.maximum(rise[0] * part, LEAST) * np.maximum(rise[1] * (1.0 - part), LEAST)
        open_ = (np.minimum(part, 1.0 - part) > WHOLE) & (mean > low) & (mean < high)
        r = int(np.argmax(np.where(open_, hope, -1.0)))
        return Cut(r, int(most[r]), float(part[r])) if open_[r] else None

    def user(self, allowed: np.ndarray, likely: np.ndarray) -> tuple[int, np.ndarray] | None:
        """(user, some of its options): those or others; None: nobody has a choice.

        Options that differ only in resources of equal weights are one class: among these, counts
        say all. If everybody drew a class as is likely, loads would vary by p (1 - p) weight^2,
        which is what squares cost more than mixtures: the largest term is split. Where no user has
        two classes, every option is one.
        """
        likely = np.where(allowed, likely, 0.0)
        left = self._by_class(allowed) > 0
        mass = self._by_class(likely)
        several = left.sum(1) > 1
        if several.any():
            blur = mass * (1.0 - mass) * self._square
            total = blur.sum(1) + NEVER * (1.0 - mass.max(1))
            user = int(np.argmax(np.where(several, total, -1.0)))
            kind = np.argmax(np.where(left[user], blur[user] + NEVER * mass[user], -1.0))
            return user, allowed[user] & (self._class[user] == kind)
        free = allowed.sum(1) > 1
        if not free.any():
            return None
        user = int(np.argmin(np.where(free, likely.max(1), np.inf)))
        best = np.argmax(np.where(allowed[user], likely[user], -1.0))
        return user, np.arange(len(allowed[user])) == best

    def _by_class(self, value: np.ndarray) -> np.ndarray:
        """Sums over every user's classes of options, (users, resources + 1)."""
        users, classes = self._square.shape
        place = np.arange(users)[:, None] * classes + self._class
        total = np.bincount(place.ravel(), value.ravel(), users * classes)
        return total.reshape(users, classes)
