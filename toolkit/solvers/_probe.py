"""The solver's only way out: it judges every offer, keeps the best, the bound and the clock."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from toolkit.arrays import Decision
from toolkit.instances import Instance
from toolkit.problems import TOLERANCE, Certificate, Evaluation, HasDiagnosis, Problem

from ._base import OPTIMAL_GAP, Budget, Claim, Point, Result, Status, Stop

# A decision feasible to within `violation` may be better than the optimum by a multiple of it.
MOST = 2**53  # evaluations that may be counted at once
SLACK, SLACK_PER_VIOLATION, CLAIM_SLACK, EXACT = 1e-9, 1e3, 1e-5, 1e-9


class BoundContradiction(RuntimeError):
    """A feasible decision beats a certified bound: a bound, a model or the judge is wrong."""


@dataclass(frozen=True)
class _Best:
    rank: tuple[float, float]  # (violation where it counts, loss)
    decision: Decision
    objective: float
    violation: float
    terms: dict[str, float]

    @property
    def feasible(self) -> bool:
        return self.rank[0] == 0.0


def losses(problem: Problem, evaluation: Evaluation) -> np.ndarray:
    """sign * objective, +inf where infeasible: what every search minimises."""
    loss = problem.sign * np.asarray(evaluation.objective, float)
    fits = (np.asarray(evaluation.violation) <= TOLERANCE) & np.isfinite(loss)
    return np.where(fits, loss, np.inf)


def ranks(problem: Problem, evaluation: Evaluation) -> tuple[np.ndarray, np.ndarray]:
    """(violation where it counts, loss), one or more of each: the less the better, in this order.

    What is not a number is not feasible.
    """
    loss = problem.sign * np.atleast_1d(np.asarray(evaluation.objective, float))
    violation = np.atleast_1d(np.asarray(evaluation.violation, float))
    worth = np.isfinite(loss) & ~np.isnan(violation)
    excess = np.where(worth, np.where(violation > TOLERANCE, violation, 0.0), np.inf)
    return excess, np.where(worth, loss, np.inf)


def rank(problem: Problem, objective: float, violation: float) -> tuple[float, float]:
    """The same of one decision, without the cost of calling NumPy: most offers are one."""
    loss = problem.sign * objective
    if not math.isfinite(loss) or math.isnan(violation):
        return math.inf, math.inf
    return (violation if violation > TOLERANCE else 0.0), loss


def _one(value: Any, k: int) -> float:
    """Row k of a batch's numbers, or the number of one decision."""
    return float(value if np.ndim(value) == 0 else value[k])


class Probe:
    """Keeps the books of one run; `seconds` excludes the time spent in judging."""

    def __init__(
        self,
        problem: Problem,
        instance: Instance,
        budget: Budget,
        rng: np.random.Generator,
        listener: Callable[[Point], None] | None = None,
    ) -> None:
        self.rng, self.budget, self.evaluations = rng, budget, 0
        self._problem, self._instance, self._listener = problem, instance, listener
        self._space = problem.space(instance.data)
        self._best: _Best | None = None
        self._bound: float | None = None
        self._certificate: Certificate | None = None
        self._trace: list[Point] = []
        self._paused = 0.0
        self._start = self._told = time.perf_counter()

    @property
    def wall(self) -> float:
        return time.perf_counter() - self._start

    @property
    def seconds(self) -> float:
        """Time spent by the solver."""
        return self.wall - self._paused

    @property
    def remaining(self) -> float:
        """Wall-clock seconds left."""
        return max(0.0, self.budget.seconds - self.wall)

    @property
    def room(self) -> float:
        """How many more decisions will be judged."""
        return max(0.0, self.budget.evaluations - self.evaluations)

    @property
    def expired(self) -> bool:
        return self.wall >= self.budget.seconds or self.evaluations >= self.budget.evaluations

    @property
    def stop(self) -> Stop:
        """The reason to stop now, for a solver that ran until `expired`."""
        if self.evaluations >= self.budget.evaluations:
            return Stop.EVALUATIONS
        return Stop.TIME if self.wall >= self.budget.seconds else Stop.FINISHED

    @property
    def loss(self) -> float:
        """The least feasible loss so far; +inf while there is none."""
        return self._best.rank[1] if self._best and self._best.feasible else math.inf

    @property
    def incumbent(self) -> Decision | None:
        """The best decision so far, feasible or not: another object whenever it is another one."""
        return self._best.decision if self._best else None

    @property
    def proof(self) -> tuple[float, Certificate] | None:
        """The bound so far and what supports it: another certificate with every other bound."""
        if self._bound is None or self._certificate is None:
            return None
        return self._bound, self._certificate

    def offer(self, decision: Decision, keep: bool = True) -> Evaluation:
        """Judges one decision or a batch (one leading axis); returns what they are worth.

        Rows that the budget has no room for are not judged: they come back as infinitely violated.
        Without `keep` they count, but none becomes the answer: for a method whose own answer may be
        worse than the best that it met.
        """
        begun = time.perf_counter()
        single = np.ndim(decision[self._space.vars[0].name]) == len(self._space.vars[0].shape)
        if single:
            decision = self._space.snap(decision)
        evaluation = self._evaluate(decision, single)
        self.evaluations += int(min(np.size(evaluation.objective), self.room))
        if keep and self._consider(decision, evaluation, single):
            self._log(begun)
            self._contradicted()
        else:
            self._tell(begun)
        self._paused += time.perf_counter() - begun
        return evaluation

    def count(self, rows: int) -> None:
        """Counts choices that a search has the problem price (`HasPricing`) as evaluations, too:
        what becomes of them is offered, and judged, all the same."""
        if not 0 <= rows < MOST:
            raise ValueError(f"{rows!r} choices were priced; a count is at least 0, below 2^53.")
        self.evaluations += int(min(rows, self.room))

    def _consider(self, decision: Decision, evaluation: Evaluation, single: bool) -> bool:
        """Keeps the best row where it is better than what is kept; whether it was."""
        k = 0
        if not single and len(evaluation.objective) > 1:
            k = int(np.lexsort(ranks(self._problem, evaluation)[::-1])[0])
        if self._best is not None and self._rank(evaluation, k) >= self._best.rank:
            return False
        row = {
            v.name: np.array(decision[v.name] if single else decision[v.name][k], float)
            for v in self._space.vars
        }
        self._crown(row, evaluation, k)
        return True

    def _rank(self, evaluation: Evaluation, k: int) -> tuple[float, float]:
        return rank(self._problem, _one(evaluation.objective, k), _one(evaluation.violation, k))

    def _crown(self, decision: Decision, evaluation: Evaluation, k: int = 0) -> None:
        """Makes row k of what was judged the answer."""
        self._best = _Best(
            rank=self._rank(evaluation, k),
            decision=decision,
            objective=_one(evaluation.objective, k),
            violation=_one(evaluation.violation, k),
            terms={name: _one(term, k) for name, term in evaluation.terms.items()},
        )

    def _evaluate(self, decision: Decision, single: bool) -> Evaluation:
        """`Problem.evaluate`, of no more rows than the budget leaves."""
        data, some = self._instance.data, decision[self._space.vars[0].name]
        rows = 1 if single else len(some)
        if rows <= self.room:
            return self._problem.evaluate(data, decision)
        left = int(self.room)
        shape = () if single else (rows,)
        seen = self._problem.evaluate(
            data, {k: v[None][:left] if single else v[:left] for k, v in decision.items()}
        )

        def padded(judged: np.ndarray) -> np.ndarray:
            rest = np.full(rows - left, np.inf)
            return np.concatenate([np.asarray(judged, float), rest]).reshape(shape)

        return Evaluation(
            padded(seen.objective),
            {k: padded(v) for k, v in seen.violations.items()},
            {k: padded(v) for k, v in seen.terms.items()},
        )

    def bound(self, value: float, certificate: Certificate) -> None:
        """Reports a dual bound (in units of the objective) and what supports it.

        A certified bound replaces a claimed one; among equals the tighter stays.
        """
        if math.isnan(value) or value == -self._problem.sign * math.inf:
            return
        begun = time.perf_counter()
        sign, old = self._problem.sign, self._certificate
        better = self._bound is None or sign * value > sign * self._bound
        if old is None or (certificate.proves, better) >= (old.proves, True):
            self._bound, self._certificate = float(value), certificate
            self._log(begun)
            self._paused += time.perf_counter() - begun  # telling it is no work of the solver's
            self._contradicted()

    def progress(self, done: float) -> None:
        """Tells the listener, at most five times a second, which share of the work is done."""
        self._tell(time.perf_counter(), float(done))

    def _tell(self, now: float, done: float | None = None) -> None:
        """A sign of life: how much was judged so far."""
        if self._listener and now - self._told >= 0.2:
            self._told = now
            self._listener(replace(self._point(now), done=done))

    def certify(self, claim: Claim) -> Result:
        """Turns a claim into a result, from this probe's books alone."""
        if not isinstance(claim, Claim):
            raise TypeError(f"The solver returned a {type(claim).__name__}, which is no Claim.")
        seconds, wall = self.seconds, self.wall
        best = self._best
        found: dict[str, Any] = {}
        if best is not None:
            found = {
                "decision": best.decision,
                "objective": best.objective,
                "violation": best.violation,
                "terms": best.terms,
            }
        result = Result(
            status=Status.FEASIBLE if best and best.feasible else Status.UNKNOWN,
            stop=claim.stop,
            sign=self._problem.sign,
            bound=self._bound,
            certificate=self._certificate,
            claim=claim.verdict,
            seconds=seconds,
            wall=wall,
            evaluations=self.evaluations,
            trace=tuple(self._trace),
            message=claim.message,
            details=claim.details,
            **found,
        )
        return self._explained(with_status(result))

    def _explained(self, result: Result) -> Result:
        """With the problem's own words where the instance is proven infeasible."""
        problem = self._problem
        if result.status is not Status.INFEASIBLE or not isinstance(problem, HasDiagnosis):
            return result
        return replace(result, message=problem.diagnose(self._instance.data) or result.message)

    def _point(self, now: float) -> Point:
        objective = self._best.objective if self._best and self._best.feasible else None
        return Point(now - self._start - self._paused, self.evaluations, objective, self._bound)

    def _log(self, now: float) -> None:
        self._trace.append(self._point(now))
        if self._listener:
            self._listener(self._trace[-1])

    def _contradicted(self) -> None:
        """Raises where the incumbent beats the bound by more than tolerances allow."""
        best, certificate = self._best, self._certificate
        if best is None or not best.feasible or self._bound is None or certificate is None:
            return
        if beaten(
            best.rank[1], self._problem.sign * self._bound, best.violation, certificate.proves
        ):
            raise BoundContradiction(
                f"{self._instance.name}: the feasible value {best.objective!r} beats the bound "
                f"{self._bound!r} ({certificate.kind})."
            )


def beaten(loss: float, bound: float, violation: float, proven: bool) -> bool:
    """Whether a feasible loss lies below a bound by more than the tolerances explain.

    That nothing is feasible is proven of the constraints as they stand: a decision that needs
    the tolerance does not contradict it.
    """
    if math.isinf(bound):
        return bound > 0 and violation <= EXACT
    slack = SLACK if proven else CLAIM_SLACK
    slack += SLACK_PER_VIOLATION * max(0.0, violation)
    return loss < bound - slack * max(abs(loss), 1e-12)


def with_status(result: Result) -> Result:
    """The result with the status that its own figures support."""
    proven = result.certificate is not None and result.certificate.proves
    if result.status is Status.FEASIBLE and proven and result.gap is not None:
        optimal = result.gap <= OPTIMAL_GAP
        return replace(result, status=Status.OPTIMAL if optimal else Status.FEASIBLE)
    if result.status is Status.UNKNOWN and proven and result.bound == result.sign * math.inf:
        return replace(result, status=Status.INFEASIBLE)
    return result
