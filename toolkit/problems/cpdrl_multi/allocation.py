"""Exact allocation for given servers: they separate, and each is an instance of `cpdrl`."""

import numpy as np

from toolkit.arrays import Data, Decision
from toolkit.problems.cpdrl import allocation as single


def at_server(data: Data, m: int) -> dict[str, np.ndarray]:
    """The data of `cpdrl` that server m (from 0 on) alone would make."""
    own = {key: data[key][..., m] for key in ("gain", "f_server", "bandwidth")}
    return {**data, **own}


def complete(data: Data, server: np.ndarray) -> Decision:
    """The best bandwidths, powers and frequencies for each choice of servers, (*batch, users)."""
    parts = [
        single.complete(at_server(data, m), np.asarray(server == m + 1, float))
        for m in range(data["gain"].shape[-1])
    ]
    shape = parts[0]["offload"].shape
    choice = np.array(np.broadcast_to(server, shape), float)
    frequency = parts[0]["frequency"]  # the same in every part, but for who is at its server
    return {
        "server": choice,
        "bandwidth": sum((part["bandwidth"] for part in parts), np.zeros(shape)),
        "power": sum((part["power"] for part in parts), np.zeros(shape)),
        "frequency": np.where(choice > 0, 0.0, frequency),
    }


def repair(data: Data, raw: Decision) -> Decision:
    """The mask (16): a user keeps what its choice allows; a server's bandwidths sum to its own."""
    server = raw["server"]
    away = server > 0
    bandwidth = np.zeros(np.broadcast_shapes(server.shape, raw["bandwidth"].shape))
    for m in range(data["gain"].shape[-1]):
        share = raw["bandwidth"] * (server == m + 1)
        total = np.maximum(share.sum(-1, keepdims=True), 1e-300)
        bandwidth += share * (data["bandwidth"][..., m, None] / total)
    return {
        "server": server,
        "bandwidth": bandwidth,
        "power": raw["power"] * away,
        "frequency": raw["frequency"] * ~away,
    }


def tables(data: Data) -> np.ndarray:
    """`cpdrl`'s constants of every user at every server of one instance, (servers, 9, users)."""
    servers = data["gain"].shape[-1]
    return np.stack([single.user_table(at_server(data, m)) for m in range(servers)])
