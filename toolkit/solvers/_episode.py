"""Episodes of independent frames: their books, and any solver of frames as one of episodes."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from toolkit.arrays import Decision
from toolkit.instances import Instance
from toolkit.problems import (
    Certificate,
    Evaluation,
    Frames,
    HasCompletion,
    Problem,
    least_mean,
)

from ._base import Budget, Claim, Point, Result, Solver, Stop
from ._probe import Probe, ranks

PARTS = 10  # of an episode, whose means stand in the details
SETTLE_EVERY = 1.0  # seconds between two looks at the whole decision


def fitted(solver: Solver, problem: Problem) -> Solver:
    """The solver as it takes the problem: frame by frame where it knows only frames."""
    apart = isinstance(problem, Frames) and not solver.episodes
    return FrameByFrame(inner=solver) if apart else solver


def open_probe(
    problem: Problem,
    instance: Instance,
    budget: Budget,
    rng: np.random.Generator,
    listener: Callable[[Point], None] | None = None,
) -> Probe:
    """The probe that keeps the problem's books."""
    kind = EpisodeProbe if isinstance(problem, Frames) else Probe
    return kind(problem, instance, budget, rng, listener)


class EpisodeProbe(Probe):
    """Keeps the best decision of every frame, and a bound of each.

    What it judges are whole decisions: an evaluation is a decision for every frame.
    """

    _problem: Frames

    def __init__(
        self,
        problem: Problem,
        instance: Instance,
        budget: Budget,
        rng: np.random.Generator,
        listener: Callable[[Point], None] | None = None,
    ) -> None:
        assert isinstance(problem, Frames)
        self._blocks, count = lowest(problem, instance), problem.frames
        self._excess, self._loss = np.full((2, count), np.inf)
        self._worth = np.zeros(0)  # of every frame, in the decision as it stands
        self._bounds = [-math.inf] * count  # as losses
        self._proofs: list[Certificate | None] = [None] * count
        super().__init__(problem, instance, budget, rng, listener)  # starts the clock

    def take(self, frame: int, result: Result) -> None:
        """Takes in what a solver found of a frame; its judging is off the clock here too."""
        self._paused += result.wall - result.seconds
        if result.decision is not None:
            assert result.objective is not None
            assert result.violation is not None
            one = Evaluation(np.array([result.objective]), {"": np.array([result.violation])})
            blocks = {name: value[None] for name, value in result.decision.items()}
            self._improve(slice(frame, frame + 1), one, blocks)
        loss = -math.inf if result.bound is None else result.sign * result.bound
        if result.certificate is not None and loss > self._bounds[frame]:
            self._bounds[frame], self._proofs[frame] = loss, result.certificate

    def settle(self) -> None:
        """Judges the frames together as they stand, and bounds them where all are bounded.

        Frames without a decision have all discrete variables at their lower bounds: all-local.
        """
        begun = time.perf_counter()
        self._keep()
        self._log(begun)
        self._contradicted()
        loss = least_mean(self._bounds)
        proof = self._certificate_of_all() if loss > -math.inf else None
        self._paused += time.perf_counter() - begun
        if proof is not None:
            self.bound(self._problem.sign * loss, proof)

    def certify(self, claim: Claim) -> Result:
        """As any probe; the means of the objective over the tenths of the episode are kept."""
        if len(self._worth) < PARTS:
            return super().certify(claim)
        means = {"objective": tenths(self._worth), **claim.details.get("tenths", {})}
        return super().certify(replace(claim, details={**claim.details, "tenths": means}))

    def _consider(self, decision: Decision, evaluation: Evaluation, single: bool) -> bool:
        """Of every frame the best of the rows that were judged."""
        rows = {var.name: np.asarray(decision[var.name], float) for var in self._space.vars}
        rows = {name: value[None] if single else value for name, value in rows.items()}
        judged = np.atleast_1d(np.asarray(evaluation.violation)) < np.inf  # others had no room
        if not judged.any():
            return False
        rows = {name: value[judged] for name, value in rows.items()}
        each = self._problem.each(self._instance.data, rows)
        excess, loss = ranks(self._problem, each)
        best = np.lexsort((loss, excess), axis=0)[0], np.arange(loss.shape[1])
        found = Evaluation(np.asarray(each.objective)[best], {"": np.asarray(each.violation)[best]})
        better = self._improve(
            slice(None), found, {name: value[best] for name, value in rows.items()}
        )
        if better:
            self._keep()
        return better

    def _improve(self, frames: slice, found: Evaluation, blocks: Decision) -> bool:
        """Replaces the decisions of the frames for which the ones found are better."""
        excess, loss = ranks(self._problem, found)
        old, least = self._excess[frames], self._loss[frames]
        better = (excess < old) | ((excess == old) & (loss < least))
        for name, value in blocks.items():
            self._blocks[name][frames][better] = value[better]
        old[better], least[better] = excess[better], loss[better]
        return bool(better.any())

    def _keep(self) -> None:
        """Makes the frames as they stand the decision, be it better or not: all-local, where a
        frame was not reached yet, may be better than what its solver finds."""
        whole = {name: value.copy() for name, value in self._blocks.items()}
        each = self._problem.each(self._instance.data, whole)
        self._worth = np.asarray(each.objective, float)
        self._crown(whole, self._problem.pooled(each))

    def _certificate_of_all(self) -> Certificate:
        """The frames' certificates; a claim where one of them is no more than that."""
        for proof in self._proofs:
            if proof is not None and not proof.proves:
                return proof
        return Certificate("frames", {"frames": [p and p.as_json() for p in self._proofs]})


@dataclass(frozen=True, kw_only=True)
class FrameByFrame(Solver):
    """A solver of frames as a solver of episodes: one frame after the other.

    Each frame may use its part of the time that is left, and as many evaluations as the run may;
    frames that were out of time go on, from the start, with what the others have left over.
    """

    inner: Solver

    @property
    def name(self) -> str:
        return self.inner.name

    @property
    def params(self) -> dict[str, Any]:
        return self.inner.params

    def __str__(self) -> str:
        return str(self.inner)

    def missing(self) -> str | None:
        return self.inner.missing()

    def inputs(self) -> tuple[Path, ...]:
        return self.inner.inputs()

    def prepare(self, problem: Problem, say: Callable[[str], None]) -> None:
        self.inner.prepare(problem, say)

    def refuses(self, problem: Problem, instance: Instance) -> str | None:
        assert isinstance(problem, Frames)
        for number, frame in enumerate(problem.split(instance)):
            if reason := self.inner.refuses(problem.frame, frame):
                return f"frame {number}: {reason}" if number else reason
        return None

    def abstains(self, problem: Problem, instance: Instance) -> str | None:
        assert isinstance(problem, Frames)
        reasons = (self.inner.abstains(problem.frame, f) for f in problem.split(instance))
        return next(filter(None, reasons), None)

    def solve(self, problem: Problem, instance: Instance, probe: Probe) -> Claim:
        assert isinstance(problem, Frames)
        assert isinstance(probe, EpisodeProbe)
        rounds = _Rounds(self.inner, problem, instance, probe)
        waiting = list(range(problem.frames))
        while waiting and probe.remaining > 0:
            waiting = rounds.go(waiting)
            probe.settle()
        return rounds.claim(waiting)


class _Rounds:
    """The frames of an episode, each solved with a probe of its own."""

    def __init__(
        self, solver: Solver, problem: Frames, instance: Instance, probe: EpisodeProbe
    ) -> None:
        self._solver, self._frame, self._probe = solver, problem.frame, probe
        self._frames = list(problem.split(instance))
        self._used = [0] * problem.frames
        self._said: dict[int, tuple[Stop, str, str]] = {}  # stop, verdict, message
        self._settled = probe.seconds

    def go(self, waiting: list[int]) -> list[int]:
        """Solves these frames; returns those that want more time."""
        cut: list[int] = []
        for place, frame in enumerate(waiting):
            if self._probe.remaining <= 0:  # evaluations are limited for each frame by itself
                return cut + waiting[place:]
            stop = self._solve(frame, self._probe.remaining / (len(waiting) - place))
            if stop is Stop.TIME:
                cut.append(frame)
            self._probe.progress(len(self._said) / len(self._frames))
            if self._probe.seconds - self._settled > SETTLE_EVERY:
                self._probe.settle()
                self._settled = self._probe.seconds
        return cut

    def _solve(self, frame: int, seconds: float) -> Stop:
        left = self._probe.budget.evaluations - self._used[frame]
        if left < 1:
            return Stop.EVALUATIONS
        budget = Budget(seconds=max(seconds, 1e-9), evaluations=left)
        probe = Probe(self._frame, self._frames[frame], budget, self._probe.rng)
        claim = self._solver.solve(self._frame, self._frames[frame], probe)
        result = probe.certify(claim)
        self._used[frame] += result.evaluations
        self._probe.evaluations = max(self._probe.evaluations, self._used[frame])
        self._probe.take(frame, result)
        self._said[frame] = result.stop, result.claim, result.message
        return result.stop

    def claim(self, waiting: list[int]) -> Claim:
        """What the frames' claims come to; `waiting` were not done in time."""
        missed = len(self._frames) - len(self._said)
        stops = {stop for stop, _, _ in self._said.values()} - {Stop.FINISHED}
        verdicts = {verdict for _, verdict, _ in self._said.values()}
        if "infeasible" in verdicts:
            at, text = next((t, m) for t, (_, v, m) in self._said.items() if v == "infeasible")
            return Claim(verdict="infeasible", message=f"frame {at}: {text}".rstrip(": "))
        if waiting or stops:
            message = f"{missed:,} of {len(self._frames):,} frames were not reached"
            stop = Stop.TIME if waiting else next(iter(stops))
            return Claim(stop=stop, message=message if missed else self._first_message())
        verdict = verdicts.pop() if len(verdicts) == 1 else ""
        return Claim(verdict=verdict, message=self._first_message())

    def _first_message(self) -> str:
        found = ((t, text) for t, (_, _, text) in self._said.items() if text)
        return next((f"frame {t}: {text}" for t, text in found), "")


def lowest(problem: Frames, instance: Instance) -> dict[str, np.ndarray]:
    """All discrete variables at their lower bounds, completed where the problem can."""
    space = problem.space(instance.data)
    blocks = {
        var.name: np.broadcast_to(np.asarray(var.lower, float), var.shape).copy()
        for var in space.vars
    }
    if isinstance(problem, HasCompletion) and space.discrete:
        choice = {var.name: blocks[var.name] for var in space.discrete}
        whole = problem.complete(instance.data, choice)
        blocks = {var.name: np.array(whole[var.name], float) for var in space.vars}
    return blocks


def tenths(values: np.ndarray) -> list[float]:
    """The mean of each tenth of the frames."""
    return [float(part.mean()) for part in np.array_split(np.asarray(values, float), PARTS)]
