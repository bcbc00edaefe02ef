"""What a place is worth: from distances to signal-to-noise ratios, NumPy and torch alike."""

from typing import Any

from toolkit.arrays import Array, Data


def one(data: Data, key: str, axes: int) -> Array:
    """A scalar of the instance, or of every instance of a batch, with `axes` axes behind it."""
    return data[key][(..., *[None] * axes)]


def gain(xp: Any, data: Data, distance: Array, axes: int) -> Array:
    """Power gain at distances (m) with `axes` axes behind those of the batch.

    loss_gain max(d + loss_offset, loss_nearest)^(-loss_exponent): the published d^-3, and laws
    given in decibels, A + 10 e log10 d, as well.
    """
    there = distance + one(data, "loss_offset", axes)
    nearest = one(data, "loss_nearest", axes)
    there = xp.maximum(there, nearest + 0 * there)
    return one(data, "loss_gain", axes) * there ** (-one(data, "loss_exponent", axes))


def snr_table(xp: Any, data: Data, site: Array | None = None) -> Array:
    """Signal-to-noise ratio per watt of every user at every server, (*batch, users, servers).

    Or at places of its own for each user, `site` (*batch, users, places, 2).
    """
    site = data["site"][..., None, :, :] if site is None else site
    x, y = (data["position"][..., :, None, axis] for axis in (0, 1))
    dx, dy = x - site[..., 0], y - site[..., 1]
    return gain(xp, data, xp.sqrt(dx * dx + dy * dy), 2) / data["noise"][..., None]
