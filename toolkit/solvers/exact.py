"""Branch and bound over the problem's own relaxation: optimal, with a certificate."""

import math
from dataclasses import dataclass
from typing import ClassVar

from toolkit.instances import Instance
from toolkit.problems import HasRelaxation, Problem
from toolkit.problems._knowledge import Timed
from toolkit.solvers import Claim, Probe, Solver
from toolkit.solvers._base import impossible
from toolkit.solvers._branch import Tree


@dataclass(frozen=True, kw_only=True)
class Exact(Solver):
    """Branch and bound over the problem's own relaxation: optimal, with a certificate."""

    backends: ClassVar[tuple[str, ...]] = ("numba",)

    gap: float = 1e-9  # relative; the search ends when it is proven
    nodes: int = 100_000

    def __post_init__(self) -> None:
        if not 0 <= self.gap < 1:
            raise ValueError(f"gap is {self.gap:g}; it must be at least 0 and below 1.")
        if self.nodes < 1:
            raise ValueError(f"nodes is {self.nodes}; it must be at least 1.")

    def refuses(self, problem: Problem, instance: Instance) -> str | None:
        if not isinstance(problem, HasRelaxation):
            return "the problem has no relaxation"
        return impossible(lambda: problem.relaxation(instance.data))

    def solve(self, problem: Problem, instance: Instance, probe: Probe) -> Claim:
        assert isinstance(problem, HasRelaxation)
        relaxation = problem.relaxation(instance.data)
        if isinstance(relaxation, Timed):
            relaxation.watch(lambda: probe.remaining)
        tree = Tree(problem, instance.data, relaxation, probe)
        closed = tree.search(self.gap, self.nodes)
        if closed:
            verdict = "optimal" if math.isfinite(probe.loss) else "infeasible"
            return Claim(verdict=verdict)
        message = "" if probe.expired else f"stopped at its limit of {self.nodes} nodes"
        return Claim(stop=probe.stop, message=message)
