"""From a forecast of popularity to caches: samples of slots, marginal gains, a price of loading."""

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from toolkit.arrays import Data
from toolkit.instances import rng_for
from toolkit.problems.dgl_slot.counting import alike
from toolkit.problems.dgl_slot.tables import tables

from .slots import SCALARS

if TYPE_CHECKING:
    from .problem import Dgl

SAMPLES = 8
HORIZON = 2.5  # steps over which the price of loading is spread


def decode(
    problem: "Dgl",
    data: Data,
    popularity: np.ndarray,
    cache: np.ndarray,
    horizon: float = HORIZON,
    samples: int = SAMPLES,
) -> np.ndarray:
    """Caches (rows, servers, services) for a popularity (rows, services) that is expected.

    `data` (rows, …) gives what an operator knows: sizes, prices, capacities; `cache` is what is
    cached now. Requests are stratified samples, always from the same numbers, so that the same
    forecast gives the same caches; links are samples of the generator.
    """
    quantile, efficiency = _samples(problem, samples)
    edges = popularity.cumsum(-1)[:, None, None, :-1]
    service = (quantile[..., None] >= edges).sum(-1)
    return caches_for(data, service, np.broadcast_to(efficiency, service.shape), cache, horizon)


def caches_for(
    data: Data,
    service: np.ndarray,
    efficiency: np.ndarray,
    cache: np.ndarray,
    horizon: float,
) -> np.ndarray:
    """Caches for slots (rows, samples, users) of which the mean is what counts, `horizon` times."""
    from . import _decode_kernels

    rows = len(service)
    asked = service.astype(np.int64)
    slots = {
        "bits": np.take_along_axis(data["bits"], asked.reshape(rows, -1), -1).reshape(asked.shape),
        "cycles": np.take_along_axis(data["cycles"], asked.reshape(rows, -1), -1).reshape(
            asked.shape
        ),
        "efficiency": efficiency,
        "service": service,
        "cell": data["cell"][:, None],
        "cached": np.ones((rows, 1, *cache.shape[1:])),
        **{key: data[key][:, None] for key in SCALARS},
    }
    found = tables(slots)
    level = np.array(np.broadcast_to(found.level, asked.shape[:2]))
    same = alike(found) if cache.shape[1] == 2 else None
    root, local = (same.root, same.worth[..., None]) if same else (found.root, found.local)
    price = data["load_price"] / (data["qoe_weight"][:, None] * horizon)
    out = np.empty_like(cache)
    _decode_kernels.decoded(
        asked,
        np.ascontiguousarray(root),
        np.array(np.broadcast_to(local, asked.shape)),
        np.asarray(data["cell"][0], np.int64),
        level,
        np.ascontiguousarray(data["size"][0]),
        np.ascontiguousarray(data["limit"][0]),
        np.ascontiguousarray(price),
        same is not None,
        np.ascontiguousarray(cache),
        out,
    )
    return out


@lru_cache(maxsize=8)
def _samples(problem: "Dgl", count: int) -> tuple[np.ndarray, np.ndarray]:
    """Quantiles of requests and spectral efficiencies, (count, users) each."""
    rng, users = rng_for("dgl", "decode"), problem.n_users
    strata = (np.arange(users) + rng.uniform(size=(count, users))) / users
    drawn = problem.slot.sample(rng, (count,))
    return rng.permuted(strata, axis=-1), drawn["efficiency"]
