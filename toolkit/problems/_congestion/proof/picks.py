"""Who may, who must and who does touch each resource of a region; in whole numbers."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Picks:
    """(users, resources) each: those with one option that touches it, others who must, or may."""

    fixed: np.ndarray
    must: np.ndarray
    may: np.ndarray

    def counts(self, r: int, low: int, high: int) -> np.ndarray:
        """The counts from low to high that resource r can have."""
        least = int(self.fixed[:, r].sum() + self.must[:, r].sum())
        most = least + int(self.may[:, r].sum())
        return np.arange(max(low, least), min(high, most) + 1)


def picks(allowed: np.ndarray, resource: np.ndarray, resources: int) -> Picks:
    """From options left (users, options) and what these touch (users, options, 1 or 2)."""
    users = len(allowed)
    touch = np.zeros((users, resources + 1), np.int64)
    for w in range(resource.shape[2]):
        np.add.at(touch, (np.arange(users)[:, None], resource[:, :, w]), allowed)
    touch, many = touch[:, :-1], allowed.sum(1, keepdims=True)
    every = touch == many
    return Picks(every & (many == 1), every & (many > 1), (touch > 0) & ~every)
