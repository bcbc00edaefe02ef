"""Genetic algorithms inside environments and learners: a decision for every slot of a batch."""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from toolkit.arrays import Data, Decision
from toolkit.errors import unknown
from toolkit.problems import Problem

from ._genetic import (
    Decode,
    Elitist,
    Fitness,
    Generation,
    Keys,
    Law,
    Published,
    Rng,
    completed,
    evolve,
    pricing,
    repaired,
    worth,
)

Kind = Literal["ga_dgl", "ga_improved", "ga_mask"]  # the solvers that do the same to one instance

ENTRIES = 1 << 15  # genes of one block of slots, so that it stays in the processor's cache
PENALTY = 10.0


@dataclass(frozen=True, kw_only=True)
class GeneticSlots:
    """Solves many slots at once: call it with their data (rows, …) and a generator, or one a row.

    `last` answers with the best of the last generation, as published, else with the best of all.
    """

    problem: Problem
    kind: Kind
    law: Law
    generations: int = 20
    last: bool = True

    def __call__(self, data: Data, rng: Rng) -> Decision:
        rows = len(next(iter(data.values())))
        step = max(1, ENTRIES // (self.law.population * self.problem.space(data).size))
        parts = [slice(at, min(at + step, rows)) for at in range(0, rows, step)]
        found = [
            self._block({key: value[part] for key, value in data.items()}, _of(rng, part))
            for part in parts
        ]
        return {key: np.concatenate([one[key] for one in found]) for key in found[0]}

    def _block(self, data: Data, rng: Rng) -> Decision:
        """One block of slots, every one with a population of its own."""
        rows = len(next(iter(data.values())))
        spread = {key: value[:, None] for key, value in data.items()}
        keys, decide = self._encoding(spread)
        fitness = self._fitness(spread, keys, decide)
        best: Generation | None = None
        for number, generation in enumerate(evolve(self.law, keys, fitness, rng, rows)):
            top = _champions(generation)
            best = top if best is None or self.last else _better(best, top)
            if number == self.generations:
                break
        assert best is not None
        return {key: block[:, 0] for key, block in decide(best[0]).items()}

    def _fitness(self, spread: Data, keys: Keys, decide: Decode) -> Fitness:
        """As the solver of that name has it."""
        price = pricing(self.problem, spread) if self.kind == "ga_mask" else None

        def judged(genes: np.ndarray) -> np.ndarray:
            return worth(self.problem, self.problem.judge(spread, decide(genes)), PENALTY)

        return judged if price is None else lambda genes: -price(keys.read(genes))

    def _encoding(self, spread: Data) -> tuple[Keys, Decode]:
        if self.kind == "ga_mask":
            return completed(self.problem, spread)
        return repaired(self.problem, spread, coarse=self.kind == "ga_dgl")


def genetic_slots(
    problem: Problem, kind: Kind, generations: int = 20, last: bool = True
) -> GeneticSlots:
    """The inner solver of that name, with its published parameters; UserError for another name."""
    if kind not in get_args(Kind):
        raise unknown("inner solver", kind, get_args(Kind))
    law = Elitist() if kind == "ga_mask" else Published(copies=kind == "ga_improved")
    return GeneticSlots(problem=problem, kind=kind, law=law, generations=generations, last=last)


def _of(rng: Rng, part: slice) -> Rng:
    return rng if isinstance(rng, np.random.Generator) else rng[part]


def _champions(generation: Generation) -> Generation:
    """The best individual of every row, (rows, 1, size), and its fitness."""
    genes, value = generation
    top = np.argmax(value, axis=1)[:, None]
    return np.take_along_axis(genes, top[..., None], 1), np.take_along_axis(value, top, 1)


def _better(one: Generation, other: Generation) -> Generation:
    """Row by row the better of two."""
    wins = other[1] > one[1]
    return np.where(wins[..., None], other[0], one[0]), np.where(wins, other[1], one[1])
