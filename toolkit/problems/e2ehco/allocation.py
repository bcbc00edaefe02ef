"""The best powers and CPU shares for given servers."""

import numpy as np

from toolkit.arrays import Data, Decision

from . import _kernels, radio
from .problem import shares_are_decided
from .tables import limits, roots


def complete(data: Data, server: np.ndarray) -> Decision:
    """Powers and shares that minimise the cost of each choice of servers, (*batch, users).

    Both are separate (1.2.9 of the formulation): a server's shares are in proportion to the square
    roots of what its users' cycles cost, and a power depends on the user's distance alone.
    """
    root = roots(data)
    many: tuple[int, ...] = np.shape(data["bits"])[:-1]
    users, servers = root.shape[-1], np.shape(data["site"])[-2]
    cases = np.broadcast_shapes(many, np.shape(server)[:-1])
    whole = np.ascontiguousarray(np.broadcast_to(server, (*cases, users)))
    index = np.arange(int(np.prod(many))).reshape(many)
    chosen = np.rint(whole).astype(np.int64)
    snr = radio.snr_table(np, data, _sites(data, chosen) if cases == many else None)
    which = np.ascontiguousarray(np.broadcast_to(index, cases)).ravel()
    power, share = np.empty((which.size, users)), np.empty((which.size, users))
    _kernels.allocate(
        chosen.reshape(-1, users),
        which,
        np.ascontiguousarray(snr).reshape(-1, users, snr.shape[-1]),
        np.ascontiguousarray(root).reshape(-1, users),
        *limits(data, many),
        servers,
        power,
        share,
    )
    found = {"server": whole.astype(float), "power": power.reshape(whole.shape)}
    if not shares_are_decided(data):
        return found
    budget = np.asarray(data["share_budget"])[..., None]
    return {**found, "share": share.reshape(whole.shape) * budget}


def _sites(data: Data, chosen: np.ndarray) -> np.ndarray:
    """Where the server of every user is, (*batch, users, 1, 2); of a local user any."""
    servers = np.shape(data["site"])[-2]
    index = np.clip(chosen - 1, 0, servers - 1)[..., None]
    return np.take_along_axis(np.asarray(data["site"]), index, axis=-2)[..., None, :]


def repair(data: Data, raw: Decision) -> Decision:
    """The least power for local users; shares for the others only, scaled to fill each server."""
    server = raw["server"]
    least = np.asarray(data["power_min"])[..., None]
    out = {"server": server, "power": np.where(server > 0, raw["power"], least)}
    if not shares_are_decided(data):
        return out
    share = np.where(server > 0, raw["share"], 0.0)
    total = np.ones_like(share)
    for m in range(1, np.shape(data["site"])[-2] + 1):
        here = server == m
        used = np.sum(share * here, axis=-1, keepdims=True)
        total = np.where(here, used, total)
    budget = np.asarray(data["share_budget"])[..., None]
    return {
        **out,
        "share": np.where(total > 0, share / np.where(total > 0, total, 1.0), 0) * budget,
    }
