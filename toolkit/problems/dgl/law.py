"""The hidden law of requests: popularities that follow each other in a cycle, mostly."""

from dataclasses import dataclass
from functools import cache

import numpy as np

from toolkit.instances import rng_for
from toolkit.problems.dgl_slot import law as slot_law


@dataclass(frozen=True, eq=False)
class Cycle:
    """A Markov chain of hidden states: a popularity, and for how many steps it has held."""

    popularity: np.ndarray  # (states, services), of the hidden states
    move: np.ndarray  # (states, states), row: from

    @property
    def start(self) -> np.ndarray:
        """Of the hidden states at the first step: uniform, (states,)."""
        return np.full(len(self.move), 1 / len(self.move))

    def draw(self, rng: np.random.Generator, steps: int, batch: tuple[int, ...]) -> np.ndarray:
        """The hidden state of each step, (*batch, steps)."""
        path = np.empty((*batch, steps), np.int64)
        path[..., 0] = rng.integers(len(self.move), size=batch)
        edges = self.move.cumsum(-1)[:, :-1]
        for t in range(1, steps):
            drawn = rng.uniform(size=batch)
            path[..., t] = (drawn[..., None] >= edges[path[..., t - 1]]).sum(-1)
        return path


def constant(mass: np.ndarray) -> Cycle:
    """One popularity for ever."""
    return Cycle(mass[None], np.ones((1, 1)))


@cache
def cycle(states: int, services: int, zipf: float, dwell: int, succession: float) -> Cycle:
    """Random orders of a Zipf law, always the same ones; each holds for `dwell` steps, then comes
    the next one with probability `succession`, else any of the others.

    Hidden state number h dwell + d is popularity h in its step d.
    """
    orders = rng_for("dgl", "popularities").permuted(
        np.tile(slot_law.zipf(services, zipf), (states, 1)), axis=-1
    )
    move = np.zeros((states * dwell, states * dwell))
    for h in range(states):
        rest = [k for k in range(states) if k not in (h, (h + 1) % states)]
        for d in range(dwell - 1):
            move[h * dwell + d, h * dwell + d + 1] = 1.0
        last = h * dwell + dwell - 1
        for k in rest:
            move[last, k * dwell] = (1 - succession) / len(rest)
        move[last, (h + 1) % states * dwell] += succession if rest else 1.0
    return Cycle(np.repeat(orders, dwell, axis=0), move)
