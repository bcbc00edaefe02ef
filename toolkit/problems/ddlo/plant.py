"""Instances of any size whose optimum is known beforehand.

For a price nu of the uplink every user has an answer of its own: the bits whose priced cost is
least, and the rate that they are worth. If the uplink then carries just what is asked for, no
decision is better (sum of least priced costs - nu C is a lower bound, and is attained): so the
price is chosen first and the capacity last.
"""

import math
from itertools import pairwise

import numpy as np

from toolkit.arrays import Decision
from toolkit.errors import UserError
from toolkit.problems import Certificate

from . import _dual_kernels as kernels
from .problem import Ddlo, shares_are_decided
from .relaxation import subset_sums

Data = dict[str, np.ndarray]
CHEAPEST = 1e-100


def plant(problem: Ddlo, rng: np.random.Generator) -> tuple[Data, Decision, Certificate]:
    """Data whose capacity is about the generator's, the optimal decision, a tree of one leaf."""
    data = problem.sample(rng)
    if not shares_are_decided(data):
        raise UserError("Shares that are given leave no price to plant; set bandwidth_mode=shared.")
    price = _price(data)
    offload, rate = _answers(data, price)
    while (asked := math.fsum(rate)) < data["capacity"] / 2 and price > CHEAPEST:
        price /= 2  # too dear: on a crowded uplink few offload at all
        offload, rate = _answers(data, price)
    if asked == 0.0:
        raise UserError("Nobody would offload at any price; set other values.")
    data["capacity"] = np.array(math.nextafter(asked, math.inf))
    leaf = {"leaf": {"nu": price, "theta": 0.0}}
    return data, {"offload": offload, "uplink": rate}, Certificate("tree", {"nodes": [leaf]})


def _price(data: Data) -> float:
    """The price at which users who each offload half of their bits would ask for the capacity."""
    half = data["size"].sum(-1) / 2
    return float(data["weight_delay"] * (np.sqrt(half).sum() / data["capacity"]) ** 2)


def _answers(data: Data, price: float) -> tuple[np.ndarray, np.ndarray]:
    """Every user's tasks (users, tasks) and rate (users,) of the least priced cost."""
    size = np.ascontiguousarray(data["size"])
    first, sums, masks = subset_sums(size)
    local = np.repeat(size.sum(-1), np.diff(first)) - sums
    device, edge = data["local_time"] * local, data["edge_time"] * sums
    upload = np.sqrt(price * sums / data["weight_delay"])  # s, as long as it pays
    spare = np.maximum(device - edge, 1e-300)
    rate = sums / np.maximum(spare, np.maximum(upload, 1e-300))
    energy = data["local_energy"] * local + (data["edge_energy"] + data["transmit_energy"]) * sums
    delay = np.maximum(device, edge + upload)
    cost = energy + data["weight_delay"] * delay + price * rate
    pick = np.array([a + np.argmin(cost[a:b]) for a, b in pairwise(first)])
    return kernels.choices_of(pick[None], masks, size.shape[-1])[0], rate[pick]
