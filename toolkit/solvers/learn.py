"""A learner as a solver: it learns on the instance itself, inside the budget."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from toolkit.arrays import Decision
from toolkit.instances import Instance
from toolkit.problems import TOLERANCE, Evaluation, Problem

from ._base import Claim
from ._probe import Probe
from ._pupil import WithLearner
from ._traits import traits

if TYPE_CHECKING:
    from toolkit.learners import Training


@dataclass(frozen=True, kw_only=True)
class Learn(WithLearner):
    """The best decision a learner meets while it learns on the instance: learn[learner=NAME].

    Every decision that it tries is judged and counts, the last is the one of its final policy
    without noise, whose worth the details report by itself. `learner` may have parameters, as in
    learn[learner=cpdrl[preset=paper]].
    """

    evaluations: int = 4500  # the paper's 30 episodes of 150; less where the budget has less

    def __post_init__(self) -> None:
        if self.evaluations < 1:
            raise ValueError(f"evaluations is {self.evaluations}; it must be at least 1.")
        super().__post_init__()

    def refuses(self, problem: Problem, instance: Instance) -> str | None:
        if not self.learner:
            return "no learner is named: learn[learner=NAME]"
        from toolkit.learners._explore import Explorer

        learner = self._built
        if not isinstance(learner, Explorer):
            return f"{self.learner} does not learn while it decides; train it, and use policy"
        return learner.refuses(problem)

    def solve(self, problem: Problem, instance: Instance, probe: Probe) -> Claim:
        import torch

        learner = self._built
        batch = {key: value[None] for key, value in instance.data.items()}
        feasible: list[bool] = []
        run = self._run(problem, probe)

        def execute(decisions: Decision) -> None:
            judged = probe.offer(decisions)
            feasible.append(bool(np.all(judged.violation <= TOLERANCE)))

        torch.set_num_threads(1)  # sums in another order are other numbers
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(probe.rng.integers(2**62)))
            net = learner.build(problem)
            learner.explore(net, run, batch, execute)  # type: ignore[attr-defined]
            spent = probe.seconds
            last = learner.act(net, problem, batch)
        final = {name: block[0, 0] for name, block in last.items()}
        judged = probe.offer(final)
        return Claim(
            stop=probe.stop,
            details={
                "training_seconds": spent,
                "training_steps": run.step,
                "explored": len(feasible),
                "explored_feasible": sum(feasible) / len(feasible) if feasible else None,
                "final": _worth(judged),
                **traits(problem.space(instance.data), final),
                "curve": _columns(run.curve),
            },
        )

    def _run(self, problem: Problem, probe: Probe) -> "Training":
        """As many steps as there are decisions to try, the final policy's kept back."""
        from toolkit.learners import Training

        steps = min(self.evaluations, probe.room) - 1
        return Training(problem=problem, seconds=probe.remaining, max_steps=steps)


def _worth(judged: Evaluation) -> dict[str, Any]:
    """What the final policy is worth."""
    objective, violation = float(judged.objective), float(judged.violation)
    return {
        "objective": objective if math.isfinite(objective) else None,
        "violation": violation if math.isfinite(violation) else None,
        "feasible": violation <= TOLERANCE and math.isfinite(objective),
    }


def _columns(curve: list[dict[str, float]]) -> dict[str, list[float]]:
    """The points of a training curve by name, without its clock."""
    names = [name for name in (curve[0] if curve else {}) if name != "seconds"]
    return {name: [float(f"{point[name]:.6g}") for point in curve] for name in names}
