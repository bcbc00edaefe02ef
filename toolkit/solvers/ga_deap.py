"""DEAP's (mu + lambda) genetic algorithm on masks with exact completion, or on all variables."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from toolkit.instances import Instance
from toolkit.problems import Problem

from ._base import Claim, Solver
from ._genes import Encoding, Masks, Mixed, check_genes, genes_for, needs_genes
from ._probe import Probe


@dataclass(frozen=True, kw_only=True)
class GaDeap(Solver):
    """Genetic algorithm of DEAP, on discrete choices completed exactly or on all variables.

    Tournaments of three, crossover and mutation of DEAP, the best of parents and children survive,
    each genome once. Encodings as in `ga_pymoo`. DEAP draws from Python's `random`: it is seeded
    from the run's generator meanwhile and put back as it was.
    """

    backends = ("deap",)

    encoding: Encoding = "masks"
    population: int = 40
    generations: int = 60
    penalty: float = 10.0
    crossover: float = 0.7
    mutation: float = 0.7

    def __post_init__(self) -> None:
        check_genes(self.encoding, self.population, self.generations, self.penalty)
        for name in ("crossover", "mutation"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is {getattr(self, name):g}; it is a probability.")

    def refuses(self, problem: Problem, instance: Instance) -> str | None:
        return needs_genes(self.encoding, problem, instance)

    def solve(self, problem: Problem, instance: Instance, probe: Probe) -> Claim:
        genes = genes_for(self.encoding, self.penalty, problem, instance, probe)
        with _seeded(int(probe.rng.integers(2**63))):
            self._evolve(genes, probe)
        return Claim(stop=probe.stop)

    def _evolve(self, genes: Masks | Mixed, probe: Probe) -> None:
        from deap import algorithms, tools

        toolbox, individual = _toolbox(genes)
        first = probe.rng.uniform(
            genes.low, genes.high + genes.whole, (self.population, len(genes.low))
        )
        people = [individual(row) for row in (np.floor(first) if genes.whole else first).tolist()]
        _judge(genes, people)
        for _ in range(self.generations - 1):
            if probe.expired:
                break
            parents = toolbox.select(people, self.population)
            children = algorithms.varAnd(parents, toolbox, self.crossover, self.mutation)
            known = {tuple(one): one for one in people}
            fresh = {tuple(one): one for one in children if tuple(one) not in known}
            _judge(genes, list(fresh.values()))
            people = tools.selBest([*people, *fresh.values()], self.population)


def _judge(genes: Masks | Mixed, people: list[Any]) -> None:
    """Sets the fitness of all of them from one batch."""
    if people:
        for one, value in zip(people, genes.fitness(np.array(people, float)), strict=True):
            one.fitness.values = (float(value),)


def _toolbox(genes: Masks | Mixed) -> tuple[Any, type[Any]]:
    """DEAP's operators for the genes, and the class of individuals (lists with a fitness)."""
    from deap import base, tools

    class Least(base.Fitness):  # type: ignore[misc]
        weights = (-1.0,)

    class Individual(list[float]):
        def __init__(self, values: list[float]) -> None:
            super().__init__(values)
            self.fitness = Least()

    low, high, rate = genes.low.tolist(), genes.high.tolist(), 1 / len(genes.low)
    toolbox = base.Toolbox()
    toolbox.register("select", tools.selTournament, tournsize=3)
    if genes.whole:
        low, high = [int(v) for v in low], [int(v) for v in high]
        toolbox.register("mate", tools.cxUniform, indpb=0.5)
        toolbox.register("mutate", tools.mutUniformInt, low=low, up=high, indpb=2 * rate)
    else:
        toolbox.register("mate", tools.cxSimulatedBinaryBounded, eta=15.0, low=low, up=high)
        toolbox.register(
            "mutate", tools.mutPolynomialBounded, eta=20.0, low=low, up=high, indpb=rate
        )
    return toolbox, Individual


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Python's global generator seeded for a while; its state is put back afterwards."""
    state = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(state)
