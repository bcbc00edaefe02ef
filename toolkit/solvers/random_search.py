"""Random decisions of all variables, made consistent: the equal-budget companion of learners."""

from dataclasses import dataclass

from toolkit.instances import Instance
from toolkit.problems import HasPrior, Problem, consistent

from ._base import Claim, Solver
from ._probe import Probe
from ._search import blocks

UNLIMITED = 4096  # decisions, where neither the budget nor the parameter says how many


@dataclass(frozen=True, kw_only=True)
class RandomSearch(Solver):
    """The best of many uniform decisions, masked to be consistent: what a learner has to beat.

    Draws every variable, discrete and continuous, from the problem's `prior` (`informed`) or from
    its whole box, and passes it through `repair` (`masked`), where the problem has these.
    """

    informed: bool = True
    masked: bool = True
    evaluations: int = 0  # 0: all that the budget allows, or 4096 where it sets no number

    def __post_init__(self) -> None:
        if self.evaluations < 0:
            raise ValueError(f"evaluations is {self.evaluations}; it must be at least 0.")

    def solve(self, problem: Problem, instance: Instance, probe: Probe) -> Claim:
        data, budget = instance.data, probe.budget.evaluations
        informed = self.informed and isinstance(problem, HasPrior)
        space = problem.prior(data) if informed else problem.space(data)  # type: ignore[attr-defined]
        wanted = self.evaluations or (UNLIMITED if budget == float("inf") else int(budget))
        for rows in blocks(probe, wanted, space.size):
            decision = space.sample(probe.rng, (rows.stop - rows.start,))
            if self.masked:
                decision = consistent(problem, data, decision)
            probe.offer(decision)
        return Claim(stop=probe.stop)
