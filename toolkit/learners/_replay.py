"""The memory of a learner that reuses what it has seen."""

from typing import Any

import numpy as np
import torch


class Replay:
    """The last `size` rows of numbers of each of `replicas`, float32; the oldest go first."""

    def __init__(self, replicas: int, size: int, width: int) -> None:
        # pages that nothing is written to cost no memory
        self._rows = np.zeros((replicas, size, width), np.float32)
        self._next = self._filled = 0

    def __len__(self) -> int:
        return self._filled

    def add(self, row: np.ndarray) -> None:
        """Keeps a row of each replica, (replicas, width)."""
        size = self._rows.shape[1]
        self._rows[:, self._next] = row
        self._next = (self._next + 1) % size
        self._filled = min(self._filled + 1, size)

    def sample(self, count: int) -> torch.Tensor:
        """Rows drawn with replacement by torch's generator, (replicas, count, width)."""
        replicas = len(self._rows)
        chosen = torch.randint(self._filled, (replicas, count)).numpy()
        return torch.from_numpy(self._rows[np.arange(replicas)[:, None], chosen])

    def state_dict(self) -> dict[str, Any]:
        return {"rows": torch.from_numpy(self._rows[:, : self._filled].copy()), "next": self._next}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._filled, self._next = state["rows"].shape[1], int(state["next"])
        self._rows[:, : self._filled] = state["rows"].numpy()
