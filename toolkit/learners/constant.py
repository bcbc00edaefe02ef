"""The best constant choice: what a policy is worth that looks at nothing."""

from dataclasses import dataclass, replace
from typing import ClassVar, cast

import numpy as np
import torch
from torch import Tensor, nn

from toolkit.arrays import Data, Decision
from toolkit.problems import HasCompletion, Problem, Space

from ._base import Learner
from ._train import Training

INFEASIBLE = 1e6  # of an instance where the choice is not feasible, and more by violation
LOG_EVERY = 20  # steps


class Choice(nn.Module):
    """One vector of discrete values."""

    values: Tensor

    def __init__(self, values: np.ndarray) -> None:
        super().__init__()
        self.register_buffer("values", torch.from_numpy(np.array(values, float)))


@dataclass(frozen=True, kw_only=True)
class Constant(Learner):
    """The same discrete choice for every instance, the best on average over those it trains on.

    A random search that changes one variable or two while that helps; the rest of a decision is
    completed for each instance. A policy that is no better has learnt nothing of what it sees.
    """

    one_size: ClassVar[bool] = True
    practice: ClassVar[int] = 100

    instances: int = 512
    tried: int = 16  # changes a step

    def __post_init__(self) -> None:
        if self.instances < 1 or self.tried < 1:
            raise ValueError("instances and tried must be at least 1.")

    def modest(self) -> Learner:
        return replace(self, instances=64)

    def refuses(self, problem: Problem) -> str | None:
        if not isinstance(problem, HasCompletion):
            return "the problem has no completion of discrete choices"
        found, other = (_discrete(problem, problem.instance(i).data) for i in range(2))
        if not found.vars:
            return "the problem has no discrete variable"
        if any((a != b).any() for a, b in zip(found.bounds(), other.bounds(), strict=True)):
            return "which choices there are differs from instance to instance"
        return None

    def build(self, problem: Problem) -> nn.Module:
        return Choice(_discrete(problem, problem.instance().data).bounds()[0])

    def train(self, net: nn.Module, run: Training) -> None:
        data = run.problem.sample(run.rng("instances"), (self.instances,))
        values = cast(Choice, net).values
        for step in run.steps(net):
            first = {key: value[0] for key, value in data.items()}
            tried = self.changed(values.numpy(), run.rng("changes", step), run.problem, first)
            merit = _merit(run.problem, data, tried)
            values.copy_(torch.from_numpy(tried[merit.argmin()]))
            if step % LOG_EVERY == 0:
                run.log(loss=float(merit.min()))

    def changed(
        self, values: np.ndarray, rng: np.random.Generator, problem: Problem, data: Data
    ) -> np.ndarray:
        """The values themselves, and `tried` neighbours, (1 + tried, size)."""
        space = _discrete(problem, data)
        fresh = np.asarray(space.flatten(space.sample(rng, (self.tried,))))
        where = rng.random(fresh.shape).argsort(1) < rng.integers(1, 3, (self.tried, 1))
        return np.concatenate([values[None], np.where(where, fresh, values)])

    def act(self, net: nn.Module, problem: Problem, data: Data, k: int = 1) -> Decision:
        """That choice, completed for each instance, (rows, 1, …)."""
        return _completed(problem, data, cast(Choice, net).values.numpy()[None])


def _discrete(problem: Problem, data: Data) -> Space:
    return Space(problem.space(data).discrete)


def _completed(problem: Problem, data: Data, choices: np.ndarray) -> Decision:
    """Every choice (choices, size) for every instance, (rows, choices, …)."""
    spread = {key: value[:, None] for key, value in data.items()}
    rows = len(next(iter(data.values())))
    space = _discrete(problem, {key: value[0] for key, value in data.items()})
    every = space.unflatten(np.repeat(choices[None], rows, axis=0))
    return cast(HasCompletion, problem).complete(spread, every)


def _merit(problem: Problem, data: Data, choices: np.ndarray) -> np.ndarray:
    """The mean loss of each choice, (choices,); far more where it is not always feasible."""
    spread = {key: value[:, None] for key, value in data.items()}
    worth = problem.evaluate(spread, _completed(problem, data, choices))
    loss = problem.sign * np.asarray(worth.objective, float)
    off = np.nan_to_num(np.asarray(worth.violation, float), nan=INFEASIBLE, posinf=INFEASIBLE)
    scale = np.abs(loss[np.isfinite(loss)]).max(initial=1.0)
    bad = scale * INFEASIBLE * (1.0 + off)
    merit: np.ndarray = np.where(worth.feasible() & np.isfinite(loss), loss, bad).mean(0)
    return merit
