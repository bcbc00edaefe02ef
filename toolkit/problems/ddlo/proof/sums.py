"""The distinct totals of every user's tasks, from sizes as exact fractions."""

import math
from fractions import Fraction
from functools import cached_property

import numpy as np

from toolkit.errors import UserError

Range = tuple[float, float]  # above the first, at most the second; in bits

MOST = 1 << 16  # totals of one user
MOST_BITS = 1 << 22  # of a set of totals written as one number


class SubsetSums:
    """Subset sums of each row of `size` (users, tasks), ascending from 0 to the row's total.

    User i's are the whole numbers count[i] times unit[i], exact.
    """

    def __init__(self, size: np.ndarray) -> None:
        self.unit: list[Fraction] = []
        self.count: list[list[int] | np.ndarray] = []
        for row in np.asarray(size, float).tolist():
            unit, numbers = _in_units([Fraction(value) for value in row])
            self.unit.append(unit)
            self.count.append(_totals(numbers))

    def __len__(self) -> int:
        return len(self.unit)

    def inside(self, user: int, limits: Range) -> slice:
        """Which of a user's sums exceed the first limit but not the second; exact."""
        count, unit = self.count[user], self.unit[user]
        ends = [
            (len(count) if end > 0 else 0)
            if math.isinf(end)
            else int(np.searchsorted(count, math.floor(Fraction(end) / unit), side="right"))
            for end in limits
        ]
        return slice(*ends)

    def totals(self, inside: list[slice], limits: Range) -> tuple[Fraction, Fraction] | None:
        """The least and the largest total within the limits that sums `inside` could have.

        None: there is none. The limits are drawn in to multiples of the unit of all sizes.
        """
        if any(part.start >= part.stop for part in inside):
            return None
        columns = list(zip(self.unit, self.count, inside, strict=True))
        least = sum((u * int(c[part.start]) for u, c, part in columns), Fraction(0))
        most = sum((u * int(c[part.stop - 1]) for u, c, part in columns), Fraction(0))
        above, highest = limits
        if math.isfinite(above):
            least = max(least, (math.floor(Fraction(above) / self.common) + 1) * self.common)
        if math.isfinite(highest):
            most = min(most, math.floor(Fraction(highest) / self.common) * self.common)
        beyond = above == math.inf or highest == -math.inf
        return None if least > most or beyond else (least, most)

    @cached_property
    def common(self) -> Fraction:
        """The largest fraction of which all users' sizes are multiples."""
        return _in_units(self.unit)[0]


def _in_units(values: list[Fraction]) -> tuple[Fraction, list[int]]:
    """The largest fraction of which all values are multiples, and which multiples."""
    denominator = math.lcm(*(value.denominator for value in values))
    numbers = [int(value * denominator) for value in values]
    common = math.gcd(*numbers)
    return Fraction(common, denominator), [number // common for number in numbers]


def _totals(numbers: list[int]) -> list[int] | np.ndarray:
    """The distinct totals of some of the numbers, ascending."""
    if sum(numbers) < MOST_BITS:
        reached = 1
        for number in numbers:
            reached |= reached << number
        octets = reached.to_bytes(reached.bit_length() // 8 + 1, "little")
        return np.flatnonzero(np.unpackbits(np.frombuffer(octets, np.uint8), bitorder="little"))
    every = {0}
    for number in numbers:
        every |= {total + number for total in every}
        if len(every) > MOST:
            raise UserError(
                f"A user can offload more than {MOST:,} different sizes; "
                "give its sizes as multiples of a larger unit."
            )
    return sorted(every)
