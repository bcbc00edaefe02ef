"""What the corners of a box of counts prove of all of it, in exact fractions."""

from fractions import Fraction
from math import floor

End = tuple[int, float, float]  # k, s, theta of a server
Corner = tuple[int, ...]  # for every server which of its ends


def least_in_box(
    values: dict[Corner, Fraction], ends: list[list[End]], total: list[float]
) -> Fraction:
    """Least of f at whole counts of the box, from its values at the corners (one end or two each).

    With prices linear in k_m, f is jointly concave plus sum_m alpha_m j_m (j_m - n_m), where
    j_m = k_m - k1_m, n_m = k2_m - k1_m, alpha_m = (theta2 - theta1) / n - B ((s2 - s1) / n)^2. The
    concave part is at least every affine function that is below it at the corners: f(base) and a
    slope along each server that no edge of the box undercuts. Then every server's part is least
    beside the vertex of its parabola. Or it is at least the least corner.
    """
    alpha = [_alpha(each, b) for each, b in zip(ends, total, strict=True)]
    width = [each[-1][0] - each[0][0] for each in ends]
    dips = sum(a * (n // 2) * (n - n // 2) for a, n in zip(alpha, width, strict=True))
    best = min(values.values()) - dips
    wide = [m for m, n in enumerate(width) if n]
    edges = {m: _edges(values, m) for m in wide}
    for base, value in values.items():
        for m in wide:
            slope = -max(edges[m]) if base[m] else min(edges[m])
            value += _least_along(slope / width[m], alpha[m], width[m])
        best = max(best, value)
    return best


def _alpha(each: list[End], total: float) -> Fraction:
    """The convex part of one server's prices."""
    if len(each) == 1:
        return Fraction(0)
    (k1, s1, theta1), (k2, s2, theta2) = each
    rise = (Fraction(theta2) - Fraction(theta1)) / (k2 - k1)
    climb = (Fraction(s2) - Fraction(s1)) / (k2 - k1)
    return max(Fraction(0), rise - Fraction(total) * climb**2)


def _edges(values: dict[Corner, Fraction], m: int) -> list[Fraction]:
    """What f rises by from the first end to the second of server m, for all ends of the others."""
    return [values[(*c[:m], 1, *c[m + 1 :])] - value for c, value in values.items() if c[m] == 0]


def _least_along(slope: Fraction, alpha: Fraction, n: int) -> Fraction:
    """min over 0 <= j <= n of slope j - alpha j (n - j)."""
    if not alpha:
        return min(Fraction(0), slope * n)
    vertex = min(max(floor((n - slope / alpha) / 2), 0), n)
    beside = {vertex, min(vertex + 1, n)}
    return min(slope * j - alpha * j * (n - j) for j in beside)
