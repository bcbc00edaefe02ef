"""The few numbers of a bound that do not grow with the users, in exact fractions."""

import math
from fractions import Fraction

EDGE = 1 + 2.0**-40  # what exceeds a limit by less is not said to: the limit may be what is needed


def rounded_down(value: Fraction) -> float:
    """The largest double that is not above `value`."""
    try:
        near = float(value)
    except OverflowError:
        return math.nextafter(math.inf, 0.0) if value > 0 else -math.inf
    return near if Fraction(near) <= value else math.nextafter(near, -math.inf)


def least_between(
    ends: tuple[Fraction, Fraction], prices: tuple[float, float, float, float], total: float, n: int
) -> Fraction:
    """Least value of A4 over the integers 0..n, from A3 at both ends of an interval of length n.

    With prices (s, theta) linear in j, A3 is a concave function plus alpha j (j - n), alpha =
    (theta2 - theta1) / n - B ((s2 - s1) / n)^2, hence at least the chord plus max(0, alpha) j
    (j - n): convex in j, least at an integer beside its vertex (or at an end).
    """
    s1, theta1, s2, theta2 = map(Fraction, prices)
    alpha = (theta2 - theta1) / n - Fraction(total) * ((s2 - s1) / n) ** 2
    rise = (ends[1] - ends[0]) / n
    if alpha <= 0:
        return min(ends)
    vertex = math.floor(Fraction(n, 2) - rise / (2 * alpha))
    beside = {min(max(j, 0), n) for j in (vertex, vertex + 1)}
    return min(ends[0] + rise * j + alpha * j * (j - n) for j in beside)
