"""The common form: every user picks one option, and resources cost the square of their load."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from toolkit.arrays import Array


@dataclass(frozen=True, eq=False)
class Congestion:
    """min offset + sum_i cost[i, x_i] + sum_r (sum of weight[i, r] over i whose x_i touches r)^2.

    cost      (users, options), in units of the loss; +inf: the user does not have this option
    resource  (users, options, 1 or 2): the resources that an option touches, different ones;
              -1: none
    weight    (users, resources), above 0 where an option of the user touches the resource: square
              roots of the loss (load / sqrt(capacity), say)
    offset    of the loss
    """

    cost: np.ndarray
    resource: np.ndarray
    weight: np.ndarray
    offset: float = 0.0

    @cached_property
    def touched(self) -> np.ndarray:
        """Whether some option of a user touches a resource, (users, resources)."""
        users, resources = self.weight.shape
        out = np.zeros((users, resources + 1), bool)
        real = np.where(np.isfinite(self.cost)[..., None], self.resource, -1)
        out[np.arange(users)[:, None, None], real] = True
        return out[:, :-1]

    @cached_property
    def equal(self) -> np.ndarray:
        """The resources on which all users weigh the same, (resources,): the count is the load."""
        low = np.where(self.touched, self.weight, np.inf).min(0)
        return np.asarray(low >= np.where(self.touched, self.weight, -np.inf).max(0))

    def loss(self, choice: Array) -> np.ndarray:
        """The loss of options (*batch, users)."""
        users = np.arange(len(self.cost))
        option = np.asarray(choice, np.int64)
        load = np.zeros((*option.shape[:-1], self.weight.shape[1]))
        hit = self.resource[users, option]
        for r in range(load.shape[-1]):
            load[..., r] = ((hit == r).any(-1) * self.weight[:, r]).sum(-1)
        return np.asarray(self.offset + self.cost[users, option].sum(-1) + (load**2).sum(-1))
