"""Genetic algorithms on arrays: a population for every instance of a batch, all bred at once.

Genes are numbers in [0, 1), (rows, population, size), whatever a variable's kind; `Keys` says what
they stand for. A new key is a new value, drawn uniformly, and a crossed key a crossed value: what
the papers do to integers and to reals is one operation here.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from toolkit.arrays import Array, Data, Decision
from toolkit.problems import (
    Evaluation,
    HasCompletion,
    HasPricing,
    HasRepair,
    Problem,
    Space,
    Var,
    consistent,
)

from . import _genetic_kernels as kernels

Rng = np.random.Generator | Sequence[np.random.Generator]  # one for all rows, or one a row
Fitness = Callable[[np.ndarray], np.ndarray]  # (rows, population, size) -> (rows, population)
Generation = tuple[np.ndarray, np.ndarray]  # keys, and what they are worth (more is better)

WORST = 1e55  # fitness is clipped to this: differences stay finite, infeasible ones their order
DECIMALS, FLOOR = 3, 0.01  # of rounded shares, and what a share that was rounded to 0 becomes


class Keys:
    """What keys stand for in a space: integers cut [0, 1) into equal parts, reals stretch it.

    With `levels` L a real variable has but the values 1/L, 2/L … 1 of its range: integer weights.
    """

    def __init__(self, space: Space, levels: int = 0) -> None:
        self.space, self.size, self._levels = space, space.size, levels

    def read(self, keys: np.ndarray) -> Decision:
        """Keys (…, size) as blocks (…, *shape); bounds of the space broadcast against these."""
        raw = self.space.unflatten(keys)
        return {var.name: self._value(var, raw[var.name]) for var in self.space.vars}

    def values(self, keys: np.ndarray) -> np.ndarray:
        """The same as flat vectors (…, size)."""
        return np.asarray(self.space.flatten(self.read(keys)))

    @cached_property
    def radix(self) -> np.ndarray:
        """How many values every variable of a space of integers has, (…, size)."""
        spans = [np.asarray(v.upper, float) - v.lower + 1 for v in self.space.vars]
        pairs = list(zip(self.space.vars, spans, strict=True))
        lead = np.broadcast_shapes(*(s.shape[: max(0, s.ndim - len(v.shape))] for v, s in pairs))
        wide = [np.broadcast_to(s, (*lead, *v.shape)).reshape(*lead, v.size) for v, s in pairs]
        return np.concatenate(wide, axis=-1)

    def _value(self, var: Var, key: np.ndarray) -> Array:
        low, high = var.lower, var.upper
        if var.discrete:
            return np.minimum(np.floor(low + key * (high - low + 1)), high)
        if self._levels:
            key = (np.floor(key * self._levels) + 1) / self._levels
        return low + key * (high - low)


Decode = Callable[[np.ndarray], Decision]
Price = Callable[[Decision], np.ndarray]  # the loss of discrete choices, completed


def repaired(
    problem: Problem, data: Data, coarse: bool = False, rounded: bool = False
) -> tuple[Keys, Decode]:
    """Keys of all variables, made consistent by the problem where it knows how.

    With `coarse` a real variable has as many levels as an integer has values (S + 1 with S
    servers). With `rounded` every share is rounded as published, and what exceeds its budget by
    that is scaled back: the published code lets the sum of shares be off by the rounding.
    """
    space = problem.space(data)
    spans = [np.max(var.upper - np.asarray(var.lower)) + 1 for var in space.discrete]
    keys = Keys(space, int(max(spans)) if coarse else 0)

    def decide(genes: np.ndarray) -> Decision:
        found = consistent(problem, data, keys.read(genes))
        if rounded and isinstance(problem, HasRepair):
            return problem.repair(data, _rounded(space, found))
        return found

    return keys, decide


def completed(problem: Problem, data: Data) -> tuple[Keys, Decode]:
    """Keys of the discrete variables; the others are completed exactly."""
    assert isinstance(problem, HasCompletion)
    complete, keys = problem.complete, Keys(Space(problem.space(data).discrete))
    return keys, lambda genes: complete(data, keys.read(genes))


def pricing(problem: Problem, data: Data) -> Price | None:
    """The problem's prices of completed choices, where it has any of these data."""
    return problem.pricing(data) if isinstance(problem, HasPricing) else None


def _rounded(space: Space, decision: Decision) -> Decision:
    """Real blocks to DECIMALS of their bound; FLOOR where nothing is left."""
    out = dict(decision)
    for var in space.vars:
        if not var.discrete:
            share = np.round(decision[var.name] / var.upper, DECIMALS)
            out[var.name] = np.where(share > 0, share, FLOOR) * var.upper
    return out


def worth(problem: Problem, judged: Evaluation, penalty: float) -> np.ndarray:
    """To be maximised: the objective's gain less `penalty` times the worst violation; finite."""
    gain = -problem.sign * np.asarray(judged.objective, float)
    return cleaned(gain - penalty * np.asarray(judged.violation, float))


def cleaned(value: np.ndarray) -> np.ndarray:
    """Within ±WORST; what is not a number is worst."""
    value = np.where(np.isnan(value), -WORST, value)
    out: np.ndarray = np.minimum(np.maximum(value, -WORST), WORST)
    return out


def uniforms(rng: Rng, rows: int, shape: tuple[int, ...]) -> np.ndarray:
    """Numbers in [0, 1), (rows, *shape); with a generator a row a row's do not depend on others."""
    if isinstance(rng, np.random.Generator):
        return rng.random((rows, *shape))
    return np.stack([one.random(shape) for one in rng])


class Law(Protocol):
    """How a population comes to be, and what follows it."""

    @property
    def population(self) -> int: ...

    def start(self, keys: Keys, rows: int, rng: Rng) -> np.ndarray: ...

    def follow(self, keys: Keys, old: Generation, fitness: Fitness, rng: Rng) -> Generation: ...


@dataclass(frozen=True, kw_only=True)
class Published:
    """The paper's: selection ∝ exp(fitness), uniform crossover, genes redrawn, no elitism.

    `copies` starts from one random individual, as often as the population is large.
    """

    population: int = 30
    crossover: float = 0.45  # the probability that a child has a second parent
    mutation: float = 0.1  # of every gene
    temperature: float = 1.0
    copies: bool = False

    def start(self, keys: Keys, rows: int, rng: Rng) -> np.ndarray:
        people = 1 if self.copies else self.population
        first = uniforms(rng, rows, (people, keys.size))
        return np.repeat(first, self.population, axis=1) if self.copies else first

    def follow(self, keys: Keys, old: Generation, fitness: Fitness, rng: Rng) -> Generation:
        rows, people, size = old[0].shape
        dice = uniforms(rng, rows, (people, 3 + 2 * size))
        rates = self.crossover, self.mutation, self.temperature
        children = kernels.published_children(*old, dice, *rates)
        return children, cleaned(fitness(children))


@dataclass(frozen=True, kw_only=True)
class Elitist:
    """Parents and as many children, the best of both stay, no copies; for keys of integers.

    Tournaments of two, uniform crossover, one gene changed on average. The first individuals leave
    their lower bounds with probabilities from `sparse` to `dense`.
    """

    population: int = 30
    sparse: float = 0.1
    dense: float = 0.9

    def start(self, keys: Keys, rows: int, rng: Rng) -> np.ndarray:
        dice = uniforms(rng, rows, (self.population, 2 * keys.size))
        density = np.linspace(self.sparse, self.dense, self.population)[:, None]
        low, key = dice[..., : keys.size] >= density, dice[..., keys.size :]
        part = 1 / keys.radix
        return np.where(low, key * part, part + key * (1 - part))

    def follow(self, keys: Keys, old: Generation, fitness: Fitness, rng: Rng) -> Generation:
        rows, people, size = old[0].shape
        dice = uniforms(rng, rows, (people, 4 + 2 * size))
        radix = np.broadcast_to(keys.radix.reshape(-1, size), (rows, size))
        children = kernels.elitist_children(*old, dice, radix)
        kept: Generation = kernels.survivors(*old, children, cleaned(fitness(children)))
        return kept


def evolve(
    law: Law, keys: Keys, fitness: Fitness, rng: Rng, rows: int = 1, start: np.ndarray | None = None
) -> Iterator[Generation]:
    """Generation after generation, for ever; the first is the start, drawn or handed over."""
    genes = law.start(keys, rows, rng) if start is None else start
    generation = genes, cleaned(fitness(genes))
    while True:
        yield generation
        generation = law.follow(keys, generation, fitness, rng)
