"""What an agent is shown step after step: one instance for good, or the frames of an episode."""

from collections.abc import Callable

import numpy as np

from toolkit.arrays import Data
from toolkit.errors import UserError
from toolkit.problems import Frames, Problem

ROWS = 4096  # of frames whose features are found in one call: more are no faster

See = Callable[[Data], np.ndarray]


class Track:
    """The data and the features of each step; a batch of tracks is at the same step.

    Nothing that an agent decides changes what comes, so features are found for many frames at
    once, when the first of them is shown.
    """

    def __init__(self, problem: Problem, data: Data, see: See) -> None:
        self._see, self._shown = see, (0, np.zeros(0))
        self._frames: dict[str, np.ndarray] | None = None
        self.batch, self._now = batch_of(problem, data), data
        if isinstance(problem, Frames):
            axis = len(self.batch)
            turned = {key: np.moveaxis(np.asarray(v), axis, 0) for key, v in data.items()}
            self._frames = {key: np.ascontiguousarray(v) for key, v in turned.items()}
            self._length = problem.frames

    def at(self, step: int) -> tuple[Data, np.ndarray]:
        """(data, features) of a step; after the last frame it is still shown."""
        if self._frames is None:
            if not step:
                self._shown = 0, self._see(self._now)
            return self._now, self._shown[1]
        step = min(step, self._length - 1)
        return {key: value[step] for key, value in self._frames.items()}, self._features(step)

    def _features(self, step: int) -> np.ndarray:
        assert self._frames is not None
        first, seen = self._shown
        if not first <= step < first + len(seen):
            count = max(1, ROWS // max(1, int(np.prod(self.batch))))
            ahead = {key: value[step : step + count] for key, value in self._frames.items()}
            self._shown = first, seen = step, self._see(ahead)
        found: np.ndarray = seen[step - first]
        return found


def batch_of(problem: Problem, data: Data) -> tuple[int, ...]:
    """The axes of the data before those of an instance."""
    if not problem.fields:
        raise UserError(f"{problem.name!r} says nothing of its data: give it `fields`.")
    key, spec = next(iter(problem.fields.items()))
    shape = np.shape(data[key])
    return shape[: len(shape) - len(spec.dims)]
