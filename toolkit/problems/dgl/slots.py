"""An episode's slots as data of `dgl_slot`, whose formula they are judged by."""

from collections.abc import Callable
from typing import Any

import numpy as np

from toolkit.arrays import Array, Data, Decision
from toolkit.problems.dgl_slot.problem import DglSlot

# a solver of slots: data of `dgl_slot` with one leading axis, and a generator -> their decisions
Inner = Callable[[Data, np.random.Generator], Decision]

SLOT = DglSlot()  # its formula reads the data alone
SCALARS = tuple(key for key, spec in DglSlot.fields.items() if not spec.dims)


def asked(service: Array, of: Array) -> Array:
    """What users ask for has `of` (*batch, services): (*batch, steps, slots, users)."""
    found = 0.0
    for k in range(of.shape[-1]):
        found = found + (service == k) * of[..., k][..., None, None, None]
    return found


def shared(data: Data) -> dict[str, Array]:
    """All data of the slots but the caches, (*batch, steps, slots, …)."""
    return {
        "bits": asked(data["service"], data["bits"]),
        "cycles": asked(data["service"], data["cycles"]),
        "efficiency": data["efficiency"],
        "cell": data["cell"][..., None, None, :],
        "service": data["service"],
        **{key: data[key][..., None, None] for key in SCALARS},
    }


def slots_of(data: Data, cache: Array) -> dict[str, Array]:
    """Data of the slots with caches (*batch, steps, servers, services)."""
    return {**shared(data), "cached": cache[..., None, :, :]}


def flat(slots: Data) -> tuple[dict[str, np.ndarray], tuple[int, ...]]:
    """Slots along one leading axis, and the axes that they had."""
    lead = np.broadcast_shapes(slots["service"].shape[:-1], slots["cached"].shape[:-2])
    out: dict[str, Any] = {}
    for key, spec in DglSlot.fields.items():
        own = np.shape(slots[key])[np.ndim(slots[key]) - len(spec.dims) :]
        out[key] = np.ascontiguousarray(np.broadcast_to(slots[key], (*lead, *own))).reshape(
            -1, *own
        )
    return out, lead
