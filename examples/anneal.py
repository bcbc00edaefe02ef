"""A solver as a plug-in: simulated annealing on the discrete choices of any problem.

Kirkpatrick, Gelatt and Vecchi, Optimization by simulated annealing, Science 220 (1983). It asks for
what a problem knows (`HasCompletion`) and never for its name.
"""

from dataclasses import dataclass

import numpy as np

from toolkit.instances import Instance
from toolkit.problems import HasCompletion, HasFitting, Problem, Space
from toolkit.solvers import Claim, Probe, Solver, losses


@dataclass(frozen=True, kw_only=True)
class Anneal(Solver):
    """Simulated annealing on discrete choices, several chains at once, each completed exactly."""

    chains: int = 16
    steps: int = 300
    hot: float = 0.1  # the first temperature, relative to what is at stake
    cold: float = 1e-4  # the last one

    def __post_init__(self) -> None:
        if self.chains < 1 or self.steps < 1:
            raise ValueError("chains and steps must be at least 1.")
        if not 0 < self.cold <= self.hot:
            raise ValueError("cold must be above 0 and at most hot.")

    def refuses(self, problem: Problem, instance: Instance) -> str | None:
        if not isinstance(problem, HasCompletion):
            return "the problem has no completion of discrete choices"
        discrete = problem.space(instance.data).discrete
        if not discrete:
            return "the problem has no discrete variable"
        return None

    def solve(self, problem: Problem, instance: Instance, probe: Probe) -> Claim:
        space = Space(problem.space(instance.data).discrete)
        low, high = space.bounds()
        rng, rows = probe.rng, np.arange(self.chains)

        def priced(x: np.ndarray) -> np.ndarray:
            """Losses of choices (chains, size): the judge's, for a solver never scores itself."""
            assert isinstance(problem, HasCompletion)
            whole = problem.complete(instance.data, space.unflatten(x))
            return losses(problem, probe.offer(whole))

        def fitted(x: np.ndarray) -> np.ndarray:
            if not isinstance(problem, HasFitting):
                return x
            found: np.ndarray = space.flatten(problem.fitted(instance.data, space.unflatten(x)))
            return found

        here = fitted(space.flatten(space.sample(rng, (self.chains,))))
        value = priced(here)
        movable = np.flatnonzero(high > low)
        for step in range(self.steps if len(movable) else 0):
            if probe.expired:
                break
            near = here.copy()
            which = rng.choice(movable, self.chains)
            values = high[which] - low[which] + 1
            shift = np.floor(rng.uniform(1, values))  # of values in a ring: never back to itself
            near[rows, which] = low[which] + (near[rows, which] - low[which] + shift) % values
            near = fitted(near)
            there = priced(near)
            heat = self.hot * (self.cold / self.hot) ** (step / self.steps)
            scale = heat * max(abs(probe.loss) if np.isfinite(probe.loss) else 1.0, 1e-300)
            with np.errstate(invalid="ignore"):  # from one infeasible choice to another: nan
                rise = np.nan_to_num(there - value, nan=0.0, posinf=np.inf, neginf=-np.inf)
            goes = rng.uniform(size=self.chains) < np.exp(-np.maximum(rise, 0.0) / scale)
            here[goes], value[goes] = near[goes], there[goes]
            probe.progress((step + 1) / self.steps)
        return Claim(stop=probe.stop)
