"""The one implementation behind the single and the vector environment: everything is batched."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from gymnasium import spaces

from toolkit.arrays import Data, Decision
from toolkit.errors import UserError
from toolkit.instances import rng_for
from toolkit.problems import (
    Evaluation,
    Frames,
    HasCompletion,
    HasFeatures,
    HasOutcome,
    HasRepair,
    Problem,
    Space,
)

from ._rules import Rules
from ._track import Track, batch_of
from ._views import Flat, view_of

LIMIT = 100.0  # observations are clipped at it: a user that cannot compute has infinite costs
WORST = 2.0  # outcomes are clipped at it, in usual units: a rate near zero would drown the rest
SOME = 256  # instances drawn to learn what is usual
ENTRIES = 2**18  # users in all of them, at most


@dataclass(frozen=True, eq=False)
class Usual:
    """What the generator's instances are like: units for observations."""

    data: Data  # of some instances, one leading axis
    mean: dict[str, float]
    spread: dict[str, float]  # of an array that is the same in all instances: its size
    outcome: np.ndarray | None  # (2,): what random choices bring a user, the 90 % quantile


class Play:
    """Episodes of a problem, one or a batch at a time, all at the same step.

    `problem` and `data` are those of the decision at hand: where the problem is one of frames,
    of the frame that is shown; `whole` is the data of the episodes.
    """

    def __init__(self, problem: Problem, rules: Rules) -> None:
        self._whole_problem, self.rules = problem, rules
        self.problem = problem = problem.frame if isinstance(problem, Frames) else problem
        self.usual = usual(problem)
        batch = (len(next(iter(self.usual.data.values()))),)
        some = Flat(problem.space(self.usual.data), batch)
        self._view = view_of(problem, some, rules)
        self._watched = _watched(problem, rules)
        size = self._seen(self.usual.data).shape[-1] + self._nothing(batch).shape[-1]
        self.action_space = self._view.action_space
        self.observation_space = spaces.Box(-LIMIT, LIMIT, (size,), np.float32)

    def begin(self, data: Data) -> np.ndarray:
        """The first observation of new episodes; no decision has brought anything yet."""
        self.whole, self._step = data, 0
        self._track = Track(self._whole_problem, data, self._seen)
        self._show()
        return self._observation(self._nothing(self._track.batch))

    def _show(self) -> None:
        """What this step is about."""
        self.data, self._features = self._track.at(self._step)
        if not self._step or isinstance(self._whole_problem, Frames):
            self._flat = self._view.flat(self.problem.space(self.data), self._track.batch)

    def step(self, action: Any) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
        """(observation, reward, info) of an action for every episode."""
        decision = self._view.decide(self.data, self._flat, self._checked(action))
        found = self.problem.evaluate(self.data, decision)
        info = {
            "objective": found.objective,
            "violation": found.violation,
            "feasible": found.feasible(),
            "terms": dict(found.terms),
            "violations": dict(found.violations),
            "decision": dict(decision),
        }
        brought = self._brought(decision)
        self._step += 1
        self._show()
        return self._observation(brought), self.reward(found), info

    def reward(self, found: Evaluation) -> np.ndarray:
        """What the rules pay for an evaluation, shape of the batch."""
        loss = self.problem.sign * found.objective + self.rules.penalty * found.violation
        paid: np.ndarray = np.clip(-self.rules.scale * loss, -self.rules.clip, self.rules.clip)
        return paid

    def _checked(self, action: Any) -> np.ndarray:
        array, shape = np.asarray(action), self._flat.lower.shape
        if array.shape != shape or not np.isfinite(array).all():
            raise UserError(f"An action must be an array of finite numbers of shape {shape}.")
        return array

    def _observation(self, brought: np.ndarray) -> np.ndarray:
        size = self._features.shape[-1]
        both = np.empty((*brought.shape[:-1], size + brought.shape[-1]), np.float32)
        np.clip(self._features, -LIMIT, LIMIT, out=both[..., :size], casting="same_kind")
        np.clip(brought, -LIMIT, LIMIT, out=both[..., size:], casting="same_kind")
        return both

    def _seen(self, data: Data) -> np.ndarray:
        """What the instances show, (*batch, size)."""
        batch = batch_of(self.problem, data)
        if self.rules.state == "outcome":
            return np.zeros((*batch, 0))
        if isinstance(self.problem, HasFeatures):
            return np.reshape(self.problem.features(data), (*batch, -1))
        parts = [
            np.reshape((data[key] - self.usual.mean[key]) / self.usual.spread[key], (*batch, -1))
            for key, spec in self.problem.fields.items()
            if not spec.hidden
        ]
        return np.concatenate(parts, axis=-1)

    def _nothing(self, batch: tuple[int, ...]) -> np.ndarray:
        """The place of what decisions bring, empty."""
        return np.zeros((*batch, 2 * self.problem.n_users if self._watched else 0))

    def _brought(self, decision: Decision) -> np.ndarray:
        """What decisions brought every user in usual units, clipped, (*batch, 2 users)."""
        batch = self._flat.batch
        if self._watched is None:
            return self._nothing(batch)
        outcome = self._watched.outcome(self.data, decision) / self.usual.outcome
        return np.reshape(np.minimum(outcome, WORST), (*batch, -1))


@lru_cache(maxsize=32)
def usual(problem: Problem) -> Usual:
    """Measured on a few of the generator's instances, always the same ones."""
    count = max(1, min(SOME, ENTRIES // problem.n_users))
    rng = rng_for("usual", problem.name, problem.version, sorted(problem.identity.items()))
    data = problem.sample(rng, (count,))
    mean = {key: float(np.mean(value)) for key, value in data.items()}
    spread = {}
    for key, value in data.items():
        varies = float(np.ptp(value)) > 0
        spread[key] = float(np.std(value)) if varies else abs(mean[key]) or 1.0
    return Usual(data, mean, spread, _usual_outcome(problem, data, rng))


def _usual_outcome(problem: Problem, data: Data, rng: np.random.Generator) -> np.ndarray | None:
    if not isinstance(problem, HasOutcome):
        return None
    space, batch = problem.space(data), batch_of(problem, data)
    if isinstance(problem, HasCompletion):
        decision = problem.complete(data, Space(space.discrete).sample(rng, batch))
    else:
        decision = space.sample(rng, batch)
        decision = problem.repair(data, decision) if isinstance(problem, HasRepair) else decision
    # the median will not do: energies of local users and of offloaders are far apart
    high = np.quantile(np.reshape(problem.outcome(data, decision), (-1, 2)), 0.9, axis=0)
    return np.where(high > 0, high, 1.0)


def _watched(problem: Problem, rules: Rules) -> HasOutcome | None:
    """The problem, where its outcomes are to be seen."""
    if rules.state == "features":
        return None
    if isinstance(problem, HasOutcome):
        return problem
    if rules.state == "outcome":
        raise UserError(f"{problem.name} has no outcome by user; use state='features'.")
    return None
