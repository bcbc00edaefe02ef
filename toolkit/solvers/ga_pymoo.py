"""pymoo's genetic algorithm on masks with exact completion, or on all variables."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from toolkit.instances import Instance
from toolkit.problems import Problem

from ._base import Claim, Solver
from ._genes import Encoding, Masks, Mixed, check_genes, genes_for, needs_genes
from ._probe import Probe


@dataclass(frozen=True, kw_only=True)
class GaPymoo(Solver):
    """Genetic algorithm of pymoo, on discrete choices completed exactly or on all variables.

    `encoding` ``masks``: uniform crossover, mutation redraws one gene on average, no duplicates.
    ``mixed``: all variables, scaled to [0, 1], simulated binary crossover and polynomial
    mutation; repaired, then loss + `penalty` * violation. There to compare.
    """

    backends = ("pymoo",)

    encoding: Encoding = "masks"
    population: int = 40
    generations: int = 60
    penalty: float = 10.0

    def __post_init__(self) -> None:
        check_genes(self.encoding, self.population, self.generations, self.penalty)

    def refuses(self, problem: Problem, instance: Instance) -> str | None:
        return needs_genes(self.encoding, problem, instance)

    def solve(self, problem: Problem, instance: Instance, probe: Probe) -> Claim:
        genes = genes_for(self.encoding, self.penalty, problem, instance, probe)
        algorithm = self._algorithm(genes, probe)
        for _ in range(self.generations):
            if probe.expired:
                break
            offspring = algorithm.ask()
            if offspring is None or len(offspring) == 0:  # every choice is in the population
                break
            for one, value in zip(offspring, genes.fitness(offspring.get("X")), strict=True):
                one.set("F", np.array([value]))
                one.evaluated.add("F")
            algorithm.tell(infills=offspring)
        return Claim(stop=probe.stop)

    def _algorithm(self, genes: Masks | Mixed, probe: Probe) -> Any:
        """pymoo's GA, set up to be asked and told."""
        from pymoo.algorithms.soo.nonconvex.ga import GA
        from pymoo.core.problem import Problem as Model
        from pymoo.core.termination import NoTermination

        operators = _operators() if genes.whole else {}
        algorithm = GA(pop_size=self.population, eliminate_duplicates=True, **operators)
        model = Model(n_var=len(genes.low), n_obj=1, xl=genes.low, xu=genes.high)
        seed = int(probe.rng.integers(2**31))
        algorithm.setup(model, termination=NoTermination(), seed=seed)
        return algorithm


def _operators() -> dict[str, Any]:
    """Operators for integers; for bits the mutation is a flip."""
    from pymoo.core.mutation import Mutation
    from pymoo.core.sampling import Sampling
    from pymoo.operators.crossover.ux import UX

    class Uniform(Sampling):  # type: ignore[misc]
        def _do(self, problem: Any, count: int, *_: Any, random_state: Any, **__: Any) -> Any:
            return random_state.integers(problem.xl, problem.xu + 1, (count, problem.n_var))

    class Redraw(Mutation):  # type: ignore[misc]
        def _do(self, problem: Any, genes: Any, *_: Any, random_state: Any, **__: Any) -> Any:
            radix = (problem.xu - problem.xl + 1).astype(int)
            step = random_state.integers(1, np.maximum(radix, 2), genes.shape)
            turned = problem.xl + (genes - problem.xl + step) % radix
            return np.where(random_state.random(genes.shape) < 1 / problem.n_var, turned, genes)

    return {"sampling": Uniform(), "crossover": UX(), "mutation": Redraw()}
