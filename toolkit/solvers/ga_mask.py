"""A genetic algorithm of choices alone, everything else completed in closed form, with elitism."""

from dataclasses import dataclass

import numpy as np

from toolkit.envs._genetic import Elitist, Keys, Price, pricing
from toolkit.instances import Instance
from toolkit.problems import HasCompletion, Problem, Space

from ._base import Claim, Solver
from ._bred import affordable, answered, breed, champion, check_law
from ._genes import Masks
from ._probe import Probe
from ._search import needs_choices

Search = tuple[Elitist, Keys, Price, int]  # with how many generations


@dataclass(frozen=True, kw_only=True)
class GaMask(Solver):
    """Genetic algorithm of choices completed exactly; the best of parents and children stay.

    Tournaments of two, uniform crossover, one gene changed on average. The first individuals leave
    their lowest choices (computing locally) with probabilities from `sparse` to `dense`.
    Where the problem prices completed choices (`HasPricing`) the search goes by that.
    """

    population: int = 30
    generations: int = 100
    sparse: float = 0.1
    dense: float = 0.9

    def __post_init__(self) -> None:
        check_law(self.population, self.generations, sparse=self.sparse, dense=self.dense)

    def refuses(self, problem: Problem, instance: Instance) -> str | None:
        return needs_choices(problem, instance)

    def solve(self, problem: Problem, instance: Instance, probe: Probe) -> Claim:
        keys = Keys(Space(problem.space(instance.data).discrete))
        law = Elitist(population=self.population, sparse=self.sparse, dense=self.dense)
        price = pricing(problem, instance.data)
        full = affordable(self.generations, self.population, probe)
        if price is not None and full >= 0:
            return self._priced(problem, instance, probe, (law, keys, price, full))
        masks = Masks(problem, instance, probe)

        def loss(genes: np.ndarray) -> np.ndarray:
            return masks.fitness(keys.values(genes))

        line = breed(law, keys, loss, self.generations, probe)
        return Claim(stop=probe.stop, details={"curve": line.curve})

    def _priced(self, problem: Problem, instance: Instance, probe: Probe, search: Search) -> Claim:
        """All individuals are priced, and counted; the best of all is judged as the answer."""
        law, keys, price, full = search

        def loss(genes: np.ndarray) -> np.ndarray:
            probe.count(len(genes))
            return price(keys.read(genes))

        line = breed(law, keys, loss, full, probe)
        assert line.last is not None
        assert isinstance(problem, HasCompletion)
        probe.offer(problem.complete(instance.data, keys.read(champion(line.last))))
        return answered(line, full < self.generations, probe)
