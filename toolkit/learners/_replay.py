"""The memory of a learner that reuses what it has seen."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike


class Replay:
    """The last `size` rows of each of `replicas`, float32; the oldest go first.

    A row is made of columns of `widths` numbers, such as state, action and reward.
    """

    def __init__(self, replicas: int, size: int, widths: Sequence[int]) -> None:
        # pages that nothing is written to cost no memory
        self._rows = np.zeros((replicas, size, sum(widths)), np.float32)
        self._first = np.arange(replicas)[:, None] * size
        ends = np.cumsum([0, *widths])
        self._columns = [slice(*ends[i : i + 2]) for i in range(len(widths))]
        self._next = self._filled = 0

    def __len__(self) -> int:
        return self._filled

    def add(self, *columns: ArrayLike) -> None:
        """Keeps a row of each replica, its columns (replicas, width) each."""
        size = self._rows.shape[1]
        for where, column in zip(self._columns, columns, strict=True):
            self._rows[:, self._next, where] = column
        self._next = (self._next + 1) % size
        self._filled = min(self._filled + 1, size)

    def extend(self, *columns: np.ndarray) -> None:
        """Keeps rows of the only replica, as if added one after another: columns (rows, width)."""
        (memory,) = self._rows
        size, count = len(memory), len(columns[0])
        places = (self._next + np.arange(count)[-size:]) % size
        for where, column in zip(self._columns, columns, strict=True):
            memory[places, where] = column[-size:]
        self._next = (self._next + count) % size
        self._filled = min(self._filled + count, size)

    def sample(self, count: int) -> list[torch.Tensor]:
        """Rows drawn with replacement by torch's generator: columns (replicas, count, width)."""
        replicas, _, width = self._rows.shape
        chosen = torch.randint(self._filled, (replicas, count)).numpy() + self._first
        rows = torch.from_numpy(self._rows.reshape(-1, width).take(chosen, 0))
        return [rows[..., where] for where in self._columns]

    def state_dict(self) -> dict[str, Any]:
        return {"rows": torch.from_numpy(self._rows[:, : self._filled].copy()), "next": self._next}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._filled, self._next = state["rows"].shape[1], int(state["next"])
        self._rows[:, : self._filled] = state["rows"].numpy()
