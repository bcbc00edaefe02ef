"""From data and decisions to the state machine of `_kernels`."""

import numpy as np

from toolkit.arrays import Data

from . import _kernels

OFFSET = 0.01  # m, added to every distance, as published
SIZES = (
    *("upload", "process", "download", "migrate", "receive"),
    *("server_cpu", "link", "link_back", "limit", "patience", "unserved"),
)


def upload_rates(data: Data) -> np.ndarray:
    """(seconds, users, servers): uplink log2(1 + snr / d^2), in bytes a second; 0: out of reach.

    Where bytes go in blocks, the whole blocks of a second.
    """
    away = data["position"][:, :, None] - data["site"]
    distance = np.sqrt((away**2).sum(-1)) + OFFSET
    rate = np.asarray(data["uplink"] * np.log2(1 + data["snr"] / distance**2))
    block = float(data["block"])
    if block > 0:
        rate = np.floor(rate / block) * block
    return np.where(distance <= data["radius"], rate, 0.0)


def counted(data: Data) -> tuple[np.ndarray, float]:
    """Upload rates and the upload itself in the machine's unit: blocks, or bytes without these."""
    rate, upload, block = upload_rates(data), float(data["upload"]), float(data["block"])
    return (np.rint(rate / block), np.ceil(upload / block)) if block > 0 else (rate, upload)


def sizes_of(data: Data, upload: float) -> np.ndarray:
    """The numbers of `SIZES` in order, for the compiled machine."""
    return np.array([upload, *(float(data[key]) for key in SIZES[1:])])


def first_servers(data: Data) -> np.ndarray:
    """The nearest server with a place, user after user, (users,), from 0; else the nearest."""
    order = np.argsort(-upload_rates(data)[0], axis=-1, kind="stable")
    count, out = np.zeros(len(data["site"])), np.empty(len(order), np.int64)
    for i, servers in enumerate(order):
        free = [m for m in servers if count[m] + 1 <= data["limit"]]
        out[i] = free[0] if free else servers[0]
        count[out[i]] += 1
    return out


def completed(data: Data, cpu: np.ndarray, bandwidth: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Completions of every user for each decision (rows, seconds, users) of one instance."""
    (rate, upload), first = counted(data), first_servers(data)
    sizes = sizes_of(data, upload)
    # what is no server violates the domain; a compiled loop must not go by it into other memory
    server = np.nan_to_num(target, nan=1.0).clip(1, rate.shape[2]).astype(np.int64) - 1
    rows = zip(cpu, bandwidth, server, strict=True)
    found = [_kernels.completions(rate, first, sizes, *row) for row in rows]
    return np.array(found).reshape(len(cpu), rate.shape[1])
