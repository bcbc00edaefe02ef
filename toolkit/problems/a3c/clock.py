"""How long work may take: whoever does much in a row asks in between."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

FEW = 50  # things that are kept however little time is left
SHARE = 0.97  # of the seconds left: what is found is to be judged and stored, too


class LateError(Exception):
    """Time is over in the middle of a piece of work: what it was for is left out."""


def unlimited() -> float:
    return math.inf


@dataclass(eq=False)
class Clock:
    """Seconds left, as someone else counts them."""

    remaining: Callable[[], float] = unlimited
    _until: float = field(default=math.inf, init=False)

    def start(self) -> None:
        """A piece of work begins, which may take what is left."""
        self._until = time.perf_counter() + SHARE * self.remaining()

    def part(self, part: float) -> "Clock":
        """Another, for so large a part of what this one leaves."""
        out = Clock(self.remaining)
        out._until = time.perf_counter() + part * self.left
        return out

    @property
    def left(self) -> float:
        """Seconds of this piece of work."""
        return self._until - time.perf_counter()

    @property
    def over(self) -> bool:
        return self.left <= 0

    def check(self) -> None:
        if self.over:
            raise LateError

    def pieces(self, count: int, size: int) -> Iterator[int]:
        """Where pieces of so many things begin, as long as there is time."""
        for low in range(0, count, size):
            self.check()
            yield low


class Pace:
    """How many things may be kept from step to step, so that all steps are done in time."""

    def __init__(self, clock: Clock, most: int) -> None:
        self._clock, self._most = clock, most
        self._before, self._things = time.perf_counter(), 0
        self._each = 0.0  # seconds that a thing takes in a step

    def most(self, things: int, steps: int) -> int:
        """Before a step with so many things; so many steps are to come with it."""
        now = time.perf_counter()
        if self._things >= FEW:
            self._each = max((now - self._before) / self._things, 0.5 * self._each)
        self._before, self._things = now, things
        if math.isinf(self._clock.left) or self._each == 0:
            return self._most
        return min(self._most, max(FEW, int(0.8 * self._clock.left / (steps * self._each))))
