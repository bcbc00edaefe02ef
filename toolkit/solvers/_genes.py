"""Decisions as genes for genetic algorithms: masks that are completed, or all variables."""

from typing import Literal

import numpy as np

from toolkit.envs._genetic import repaired, worth
from toolkit.instances import Instance
from toolkit.problems import Problem

from ._probe import Probe
from ._search import UNSEEN, Choices, blocks, needs_choices

Encoding = Literal["masks", "mixed"]


def check_genes(encoding: str, population: int, generations: int, penalty: float) -> None:
    """Refuses parameters that no genetic algorithm can work with."""
    if encoding not in ("masks", "mixed"):
        raise ValueError(f"encoding is {encoding!r}; it is 'masks' or 'mixed'.")
    if population < 2 or generations < 1:
        raise ValueError("population must be at least 2 and generations at least 1.")
    if not penalty > 0:
        raise ValueError(f"penalty is {penalty:g}; it must be above 0.")


def needs_genes(encoding: Encoding, problem: Problem, instance: Instance) -> str | None:
    """Why the encoding does not fit the problem, or None."""
    return needs_choices(problem, instance) if encoding == "masks" else None


class Masks:
    """Genes are the discrete variables; the continuous ones are completed exactly."""

    def __init__(self, problem: Problem, instance: Instance, probe: Probe) -> None:
        self._choices = Choices(problem, instance, probe)
        self.low, self.high = self._choices.low, self._choices.high
        self.whole = True

    def fitness(self, genes: np.ndarray) -> np.ndarray:
        """What to minimise, a whole population (rows, size) at once; always finite."""
        return self._choices.price(genes.astype(float))


class Mixed:
    """Genes in [0, 1] stand for all variables; fitness is loss + penalty * worst violation.

    `coarse` and `rounded` as in `repaired`; without `keep` no individual becomes the answer.
    """

    def __init__(
        self,
        problem: Problem,
        instance: Instance,
        probe: Probe,
        penalty: float,
        coarse: bool = False,
        rounded: bool = False,
        keep: bool = True,
    ) -> None:
        self._problem, self._probe, self._penalty, self._keep = problem, probe, penalty, keep
        self.keys, self.decide = repaired(problem, instance.data, coarse, rounded)
        size = self.keys.size
        self.low, self.high, self.whole = np.zeros(size), np.ones(size), False

    def fitness(self, genes: np.ndarray) -> np.ndarray:
        """What to minimise, a whole population (rows, size) at once; always finite."""
        out = np.full(len(genes), UNSEEN)
        for rows in blocks(self._probe, *genes.shape):
            found = self._probe.offer(self.decide(genes[rows]), self._keep)
            out[rows] = -worth(self._problem, found, self._penalty)
        return out


def genes_for(
    encoding: Encoding, penalty: float, problem: Problem, instance: Instance, probe: Probe
) -> Masks | Mixed:
    """The genes of one instance."""
    if encoding == "masks":
        return Masks(problem, instance, probe)
    return Mixed(problem, instance, probe, penalty)
