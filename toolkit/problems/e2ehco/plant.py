"""Steps of any size whose optimum is known beforehand.

At a price of every server's load the users part: each has an answer of its own, the option of least
`cost + price x root`. A load of roots A costs A^2 / F, whose slope is 2 A / F; where that is the
price no decision is better (weak duality). So prices come first and CPUs last: F = 2 A / price. A
server that nobody asks for is so slow that a single user's load costs more than its price.
"""

import numpy as np

from toolkit.arrays import Decision
from toolkit.errors import UserError
from toolkit.problems import Certificate

from .problem import E2ehco, shares_are_decided
from .tables import roots, tables

Data = dict[str, np.ndarray]
RAISE = 1.05  # of prices, a step
ROOM = 1.5  # of the generator's CPUs: servers are at most so fast
SLOW = 0.99  # of the CPU at which one user's load costs what it would pay


def plant(problem: E2ehco, rng: np.random.Generator) -> tuple[Data, Decision, Certificate]:
    """Data whose CPUs are about the generator's, the best decision, a tree of one leaf."""
    data = problem.sample(rng)
    if not shares_are_decided(data):
        raise UserError("Equal parts leave no price to plant; leave out equal_split.")
    cost, root, whole = tables(data)[0], roots(data), data["share_budget"]
    price = _prices(cost, root, ROOM * whole * data["server_cpu"])
    server, asked = _answers(cost, root, price)
    data["server_cpu"] = np.where(asked > 0, 2 * asked, SLOW * root.min()) / (price * whole)
    load = price * np.sqrt(data["server_cpu"] * whole)  # of a unit of load, root / sqrt(F)
    leaf = {"leaf": {"load": load.tolist(), "count": [0.0] * len(load)}}
    decision = problem.complete(data, {"server": server.astype(float)})
    return data, decision, Certificate("tree", {"nodes": [leaf]})


def _prices(cost: np.ndarray, root: np.ndarray, cpu: np.ndarray) -> np.ndarray:
    """Prices (servers,) of an auction: raised as long as more is asked for than the CPUs carry."""
    price = np.asarray(2 * root.min() / cpu)
    while (over := 2 * _answers(cost, root, price)[1] > cpu * price).any():
        price = np.where(over, RAISE * price, price)
    return price


def _answers(
    cost: np.ndarray, root: np.ndarray, price: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Every user's server (users,), 0 for local, and the roots that each is asked for."""
    server = np.argmin(cost + np.append(0.0, price) * root[:, None], axis=-1)
    return server, np.bincount(server, root, cost.shape[1])[1:]
