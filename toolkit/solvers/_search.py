"""What searches share: blocks that fit memory and budget, and discrete choices as flat vectors."""

from collections.abc import Callable, Iterator

import numpy as np

from toolkit.arrays import Decision
from toolkit.instances import Instance
from toolkit.problems import (
    TOLERANCE,
    Evaluation,
    HasCompletion,
    HasFitting,
    HasRanking,
    Problem,
    Space,
)

from ._probe import Probe

ROWS, ENTRIES = 4096, 1 << 20  # of one block, whichever is less
FIRST_ROWS = 64  # of the first block, so that the shortest budget is kept; then they grow
INFEASIBLE, UNSEEN = (
    1e30,
    1e60,
)  # merits from here on: a violation; a row the budget had no room for
FEW = 16  # an integer with at most so many values changes to any of them, else by one step


def needs_choices(problem: Problem, instance: Instance) -> str | None:
    """Why a search over completed discrete choices cannot take the instance, or None."""
    if not isinstance(problem, HasCompletion):
        return f"{problem.name} has no `complete`, the best continuous part of a discrete choice."
    if not problem.space(instance.data).discrete:
        return f"{problem.name} has no discrete variable to search over."
    return None


def blocks(probe: Probe, rows: int, width: int) -> Iterator[slice]:
    """Consecutive slices of `rows` decisions of `width` numbers, until the budget is spent.

    Whoever takes a slice must offer exactly its rows before taking the next. A block is at most
    as large as all that was offered before it.
    """
    most, start = max(1, min(ROWS, ENTRIES // max(1, width))), 0
    while start < rows and not probe.expired:
        step = min(most, max(FIRST_ROWS, probe.evaluations))
        stop = int(min(rows, start + step, start + max(1.0, probe.room)))
        yield slice(start, stop)
        start = stop


def merit(problem: Problem, evaluation: Evaluation) -> np.ndarray:
    """Finite, to be minimised: the loss where feasible, else INFEASIBLE or more by violation."""
    loss = problem.sign * np.asarray(evaluation.objective, float)
    violation = np.nan_to_num(np.asarray(evaluation.violation, float), nan=1e20, posinf=1e20)
    off = (violation > TOLERANCE) | ~np.isfinite(loss)
    return np.where(off, INFEASIBLE * (1.0 + np.minimum(violation, 1e20)), loss)


class Choices:
    """The discrete choices of one instance as flat vectors (rows, size): fitted where the problem
    knows how, completed and judged."""

    def __init__(self, problem: Problem, instance: Instance, probe: Probe) -> None:
        assert isinstance(problem, HasCompletion)
        whole = problem.space(instance.data)
        self.space = Space(whole.discrete)
        self.low, self.high = self.space.bounds()
        self.size, self._width = self.space.size, whole.size
        self._problem, self._data, self._probe = problem, instance.data, probe
        self._complete: Callable[..., Decision] = problem.complete
        self._fitted = problem.fitted if isinstance(problem, HasFitting) else None
        self._radix = (self.high - self.low + 1).astype(np.int64)
        self._moves = self._single_moves()

    def sample(self, rows: int) -> np.ndarray:
        """Uniform choices, shape (rows, size)."""
        return np.asarray(self.space.flatten(self.space.sample(self._probe.rng, (rows,))))

    def suggested(self) -> np.ndarray:
        """The problem's own ranking where it has one, else the lower bounds; (rows, size)."""
        if isinstance(self._problem, HasRanking):
            return np.asarray(self.space.flatten(self._problem.ranking(self._data)))
        return self.low[None]

    def price(self, flat: np.ndarray) -> np.ndarray:
        """The merit of every row, UNSEEN where the budget ended before it."""
        out = np.full(len(flat), UNSEEN)
        for rows in blocks(self._probe, len(flat), self._width):
            choice = self.space.unflatten(flat[rows])
            if self._fitted:
                choice = self._fitted(self._data, choice)
            decision = self._complete(self._data, choice)
            out[rows] = merit(self._problem, self._probe.offer(decision))
        return out

    def descend(self, x: np.ndarray, limit: int, swaps: bool) -> np.ndarray:
        """Steepest descent from `x` over at most `limit` neighbours a step (drawn if more)."""
        value = self.price(x[None])[0]
        while not self._probe.expired:
            near = self.neighbours(x, limit, swaps)
            values = self.price(near)
            best = int(np.argmin(values)) if len(values) else -1
            if best < 0 or values[best] >= value - 1e-12 * abs(value):
                break
            x, value = near[best], values[best]
        return x

    def neighbours(self, x: np.ndarray, limit: int, swaps: bool) -> np.ndarray:
        """Changes of one variable and, with `swaps`, exchanges of two; shape (rows, size)."""
        limit = max(1, min(limit, 16 * ENTRIES // self.size))
        i, shift = self._draw(limit, *self._moves)
        near = np.repeat(x[None], len(i), axis=0)
        turned = x[i] - self.low[i] + shift
        near[np.arange(len(i)), i] = self.low[i] + turned % self._radix[i]
        if not swaps:
            return near
        i, j = self._draw(max(0, limit - len(near)), *self._pairs(x, limit))
        swapped = np.repeat(x[None], len(i), axis=0)
        rows = np.arange(len(i))
        swapped[rows, i], swapped[rows, j] = x[j], x[i]
        return np.concatenate([near, swapped])

    def _single_moves(self) -> tuple[np.ndarray, np.ndarray]:
        """(variable, cyclic shift of its value) of every change of one variable."""
        few = self._radix <= FEW
        count = np.where(few, self._radix - 1, 2)
        variable = np.repeat(np.arange(self.size), count)
        shift = np.arange(len(variable)) - np.repeat(np.cumsum(count) - count, count) + 1
        back = ~few[variable] & (shift == 2)
        return variable, np.where(back, self._radix[variable] - 1, shift)

    def _pairs(self, x: np.ndarray, limit: int) -> tuple[np.ndarray, np.ndarray]:
        """Pairs of variables that can exchange their different values; drawn where too many."""
        if self.size**2 <= ENTRIES:
            i, j = np.nonzero(np.triu(x[:, None] != x[None, :]))
        else:
            i, j = self._probe.rng.integers(self.size, size=(2, limit))
        fits = (x[i] != x[j]) & (x[j] >= self.low[i]) & (x[j] <= self.high[i])
        fits &= (x[i] >= self.low[j]) & (x[i] <= self.high[j])
        return i[fits], j[fits]

    def _draw(self, limit: int, *columns: np.ndarray) -> list[np.ndarray]:
        """At most `limit` rows of the columns."""
        total = len(columns[0])
        if total <= limit:
            return list(columns)
        keep = self._probe.rng.choice(total, limit, replace=False)
        return [column[keep] for column in columns]
