"""What this house's own genetic algorithms share: generations offered to the probe, one answer."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar, Literal, get_args

import numpy as np

from toolkit.envs._genetic import Generation, Keys, Law, Published, evolve
from toolkit.instances import Instance
from toolkit.problems import HasRepair, Problem

from ._base import Claim, Solver, Stop
from ._genes import Mixed
from ._probe import Probe

Answer = Literal["last", "best"]


def check_law(population: int, generations: int, **rates: float) -> None:
    """Refuses parameters that no population can live by."""
    if population < 2 or generations < 1:
        raise ValueError("population must be at least 2 and generations at least 1.")
    for name, rate in rates.items():
        if not 0 <= rate <= 1:
            raise ValueError(f"{name} is {rate:g}; it is a probability.")


@dataclass
class Line:
    """One population on its way: its last generation, and the best of every one."""

    last: Generation | None = None
    best: list[float] = field(default_factory=list)

    @property
    def curve(self) -> dict[str, list[float]]:
        """As reports draw it: a reward a generation, the start first."""
        return {"reward": [float(f"{value:.8g}") for value in self.best]}


def breed(
    law: Law, keys: Keys, loss: Callable[[np.ndarray], np.ndarray], generations: int, probe: Probe
) -> Line:
    """The start and so many generations of one instance, or what the budget allows of them.

    `loss` (population, size) -> (population,) judges through the probe.
    """
    line = Line()
    for line.last in evolve(law, keys, lambda genes: -loss(genes[0])[None], probe.rng):
        line.best.append(float(line.last[1].max()))
        probe.progress(len(line.best) / (generations + 1))
        if len(line.best) > generations or probe.expired:
            break
    return line


def affordable(generations: int, population: int, probe: Probe) -> int:
    """How many generations after the start the budget has room for, one evaluation kept for the
    answer; -1: not even for the start."""
    return int(max(-1, min(generations, (probe.room - 1) // population - 1)))


def champion(generation: Generation) -> np.ndarray:
    """The keys of the best individual of a generation of one instance, (size,)."""
    genes, value = generation
    found: np.ndarray = genes[0, int(np.argmax(value[0]))]
    return found


def answered(line: Line, short: bool, probe: Probe) -> Claim:
    """The claim after the answer; `short`: the budget had no room for all generations."""
    stop = probe.stop
    if stop is Stop.FINISHED and short:
        stop = Stop.EVALUATIONS
    return Claim(stop=stop, details={"curve": line.curve})


@dataclass(frozen=True, kw_only=True)
class PublishedGenetic(Solver):
    """The paper's genetic algorithm of all variables; the encoding is what its two kinds differ in.

    `answer` is ``last``, the best individual of the last generation, as published, or ``best``, of
    all generations. `rounded` rounds shares to three decimals. Fitness is the objective's gain
    less `penalty` * violation, selection is by exp(fitness / `temperature`).
    """

    coarse: ClassVar[bool]  # whether real genes are integer weights

    population: int = 30
    generations: int = 20
    crossover: float = 0.45
    mutation: float = 0.1
    temperature: float = 1.0
    answer: str = "last"
    rounded: bool = False
    penalty: float = 10.0

    def __post_init__(self) -> None:
        rates = {"crossover": self.crossover, "mutation": self.mutation}
        check_law(self.population, self.generations, **rates)
        if self.answer not in get_args(Answer):
            raise ValueError(f"answer is {self.answer!r}; it is 'last' or 'best'.")
        for name in ("temperature", "penalty"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} is {getattr(self, name):g}; it must be above 0.")

    @property
    def law(self) -> Published:
        return Published(
            population=self.population,
            crossover=self.crossover,
            mutation=self.mutation,
            temperature=self.temperature,
        )

    def refuses(self, problem: Problem, instance: Instance) -> str | None:
        if not isinstance(problem, HasRepair):
            return f"{problem.name} has no `repair`, which shares a server or a cell among users."
        if len(problem.space(instance.data).discrete) != 1:
            return f"{problem.name} has not one block of choices, which the encoding starts with."
        return None

    def solve(self, problem: Problem, instance: Instance, probe: Probe) -> Claim:
        best = self.answer == "best"
        form = self.coarse, self.rounded
        genes = Mixed(problem, instance, probe, self.penalty, *form, keep=best)
        if best:
            line = breed(self.law, genes.keys, genes.fitness, self.generations, probe)
            return Claim(stop=probe.stop, details={"curve": line.curve})
        full, line = affordable(self.generations, self.population, probe), Line()
        if full >= 0:
            line = breed(self.law, genes.keys, genes.fitness, full, probe)
        probe.offer(genes.decide(self._last(genes.keys, line, probe)))
        return answered(line, full < self.generations, probe)

    def _last(self, keys: Keys, line: Line, probe: Probe) -> np.ndarray:
        """The best of the last generation; without any, the first of all individuals."""
        if line.last is None:
            first: np.ndarray = self.law.start(keys, 1, probe.rng)[0, 0]
            return first
        return champion(line.last)
