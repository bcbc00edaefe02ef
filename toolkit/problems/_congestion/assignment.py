"""Equal weights: the squares of counts are sums of odd numbers, so a linear assignment is exact."""

import numpy as np

from .tables import Congestion

LARGEST = 4_000_000  # entries of the assignment's matrix


def assigned(given: Congestion) -> np.ndarray | None:
    """The best options (users,); None where weights differ or an option touches two resources.

    A resource becomes places 1, 2, … of cost a^2 (2 k - 1); an option that touches none becomes a
    place for every user.
    """
    users = len(given.cost)
    if given.resource.shape[2] > 1 or not given.equal.all() or not _fits(given):
        return None
    from scipy.optimize import linear_sum_assignment

    resource = given.resource[:, :, 0]
    top = np.where(given.touched, given.weight, 0.0).max(0)
    place = np.arange(1, users + 1)
    rows = np.arange(users)
    blocks, picked = [], []
    for r in range(len(top)):  # the cheapest option of a user on each resource
        cost = np.where(resource == r, given.cost, np.inf)
        picked.append(cost.argmin(1))
        blocks.append(cost.min(1)[:, None] + top[r] ** 2 * (2 * place - 1))
    alone = np.where(resource < 0, given.cost, np.inf)
    picked.append(alone.argmin(1))
    blocks.append(np.where(np.eye(users, dtype=bool), alone.min(1)[:, None], np.inf))
    matrix = np.concatenate(blocks, axis=1)
    large = 1e6 * np.abs(matrix[np.isfinite(matrix)]).max()
    _, column = linear_sum_assignment(np.minimum(matrix, large))
    return np.asarray(np.stack(picked)[column // users, rows])


def _fits(given: Congestion) -> bool:
    users, resources = given.weight.shape
    return bool(users * users * (resources + 1) <= LARGEST)
