"""Nodes of the dual by cardinality, and the arithmetic of prices that are linear in k."""

from dataclasses import dataclass

Price = tuple[float, float]  # (s, theta)


@dataclass(frozen=True, eq=False)
class Node:
    """Offload sets of k1 to k2 users that hold `inside` and avoid `outside`, priced at both ends.

    `price1` is None before the prices are known, and in regions without a feasible decision.
    """

    k1: int
    k2: int
    price1: Price | None = None
    price2: Price | None = None
    inside: tuple[int, ...] = ()
    outside: tuple[int, ...] = ()
    empty: bool = False
    sides: tuple[float, float] | None = None  # once k is one number: s of the sets on either side


def middle(low: int, high: int) -> tuple[int, int]:
    """Where to start to search an interval, and how far to step at first."""
    return (low + high) // 2, max((high - low) // 8, 1)


def priced(node: Node) -> tuple[Price, Price]:
    assert node.price1 is not None
    assert node.price2 is not None
    return node.price1, node.price2


def line(k1: int, price1: Price, k2: int, price2: Price, k: int) -> Price:
    """Prices at k on the line through two others (any s >= 0 is a valid price)."""
    t = (k - k1) / (k2 - k1)
    s = price1[0] + t * (price2[0] - price1[0])
    return max(s, 0.0), price1[1] + t * (price2[1] - price1[1])


def curvature(node: Node, total: float) -> float:
    """alpha of A4: what makes the bound dip between the ends of an interval."""
    (s1, theta1), (s2, theta2) = priced(node)
    width = node.k2 - node.k1
    return (theta2 - theta1) / width - total * ((s2 - s1) / width) ** 2


def interval_bound(node: Node, f1: float, f2: float, total: float) -> float:
    """A4: the least of (1 - t) f1 + t f2 - max(0, alpha) d^2 t (1 - t) over 0 <= t <= 1."""
    if node.k1 == node.k2:
        return f1
    dip = max(0.0, curvature(node, total)) * (node.k2 - node.k1) ** 2
    if dip == 0.0:
        return min(f1, f2)
    t = min(max(0.5 - (f2 - f1) / (2.0 * dip), 0.0), 1.0)
    return (1 - t) * f1 + t * f2 - dip * t * (1 - t)
