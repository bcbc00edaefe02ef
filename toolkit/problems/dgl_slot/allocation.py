"""The best shares for given targets, NumPy and torch alike."""

from functools import reduce
from operator import add
from typing import Any

from toolkit.arrays import Array, Data, Decision, array_namespace

from .costs import LN2, cells, handed, noise_is_fixed, picked, reach, sums
from .tables import roots

ROUNDS = 18  # of a map that contracts to a tenth


def complete(data: Data, target: Array) -> Decision:
    """Shares that maximise the QoE of each choice of targets, (*batch, users).

    Both are separate (2.9 of the formulation): a cell's band goes to its offloaders in proportion
    to the roots of what sending over all of it loses; a server's CPU in equal parts to those whom
    it serves. Whom it has to pass on to the cloud needs none.
    """
    xp = array_namespace(target)
    target = xp.round(target)
    wish = xp.astype(target > 0, target.dtype) * roots(xp, data)
    share = _in_proportion(xp, wish, cells(xp, data))
    if not noise_is_fixed(data):
        share = _with_less_noise(xp, data, wish, share)
    cpu = _of_servers(xp, data, target)
    return {"target": target, "bandwidth": share, "cpu": cpu}


def _with_less_noise(xp: Any, data: Data, wish: Array, share: Array) -> Array:
    """The best shares b where the noise of some instances is that of the part in use.

    There sending loses c / (b ln(1 + snr / b)), convex in b: at a price of the band b is in
    proportion to sqrt(c g(snr / b)), g(x) = (ln(1 + x) - x / (1 + x)) / ln(1 + x)^2. With x, sqrt g
    changes by at most the 0.11th power, and scaling shares to sum to 1 brings them no further
    apart: so repeated this ends at the only such shares, ten times nearer each time.
    """
    snr = xp.expm1(data["efficiency"] * LN2)
    part = data["noise_fixed"][..., None] == 1
    whole, cell = wish * xp.sqrt(xp.log1p(snr)), cells(xp, data)
    for _ in range(ROUNDS):
        used = xp.where(share > 0, share, 1 + 0 * share)
        better = _in_proportion(xp, whole * _slope(xp, snr / used), cell)
        share = xp.where(part, share, better)
    return share


def _slope(xp: Any, x: Array) -> Array:
    """sqrt g, by a series where its numerator would cancel."""
    nats = xp.log1p(x)
    series = x * x * (0.5 - x * (2 / 3 - 0.75 * x))
    return xp.sqrt(xp.where(x < 1e-4, series, nats - x / (1 + x))) / nats


def repair(data: Data, raw: Decision) -> Decision:
    """No share for who does not use it, the others scaled to fill the cell and the server."""
    target = raw["target"]
    xp = array_namespace(target)
    return {
        "target": target,
        "bandwidth": _in_proportion(xp, (target > 0) * raw["bandwidth"], cells(xp, data)),
        "cpu": _of_servers(xp, data, target, raw["cpu"]),
    }


def _of_servers(xp: Any, data: Data, target: Array, wish: Array | None = None) -> Array:
    """Shares of each server in proportion to the wishes of those whom it serves, 0 for others; in
    equal parts where none are given."""
    known = reach(xp, data)
    parts = [
        _in_proportion(xp, here if wish is None else here * wish, known[..., m : m + 1, :])
        for m, here in enumerate(picked(xp, target, known.shape[-2]))
    ]
    return reduce(add, parts)


def _in_proportion(xp: Any, wish: Array, member: Array) -> Array:
    """Shares of groups in proportion to wishes; `member` (*batch, groups, users) is 1 or 0."""
    return wish * handed(xp, _inverse(xp, sums(xp, wish, member)), member)


def _inverse(xp: Any, total: Array) -> Array:
    """1 over a sum; 1 where it is 0."""
    return 1 / xp.where(total > 0, total, 1 + 0 * total)
