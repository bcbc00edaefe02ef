"""A learner that decides the frames of an episode as they come, and learns from each."""

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from toolkit.arrays import Decision
from toolkit.instances import Instance
from toolkit.problems import Frames, Problem

from ._base import Claim, Stop
from ._episode import PARTS, lowest, tenths
from ._probe import Probe
from ._pupil import WithLearner

if TYPE_CHECKING:
    pass


@dataclass(frozen=True, kw_only=True)
class Online(WithLearner):
    """A learner that starts untrained and decides an episode in order: online[learner=NAME].

    It trains as ever, on the frames of the episode: what it decides in each frame is the answer,
    made before any later frame is seen (the frames of one step, the learner's `frames`, are
    decided together). `learner` may have parameters, as in online[learner=droo[preset=paper]].
    """

    episodes: ClassVar[bool] = True

    def refuses(self, problem: Problem, instance: Instance) -> str | None:
        if not self.learner:
            return "no learner is named: online[learner=NAME]"
        if not isinstance(problem, Frames):
            return "it decides episodes: give --frames T"
        if not self._built.streams:
            return f"{self.learner} does not take frame after frame"
        return self._built.refuses(problem.frame)

    def solve(self, problem: Problem, instance: Instance, probe: Probe) -> Claim:
        from toolkit import learners

        assert isinstance(problem, Frames)
        diary = _Diary(problem.frames, lowest(problem, instance))
        run = learners.Training(
            problem=problem.frame,
            seconds=probe.remaining,
            max_steps=problem.frames,  # fewer where several frames make a step
            seed=int(probe.rng.integers(2**62)),
            frames=instance.data,
        )

        def write(first: int, chosen: Decision, judged: int) -> None:
            diary.write(first, chosen, judged)
            probe.progress(diary.written / problem.frames)
            run.stopped = diary.written == problem.frames

        run.decided = write
        begun = time.process_time()
        learners.fit(self._built, run)
        spent = time.process_time() - begun
        probe.offer(diary.decision)
        missed = problem.frames - diary.written
        return Claim(
            stop=Stop.TIME if missed else Stop.FINISHED,
            message=f"{missed:,} of {problem.frames:,} frames were not reached" if missed else "",
            details={"training_steps": run.step, **diary.details(spent)},
        )


@dataclass
class _Diary:
    """What was decided in each frame, once and for all; at first all-local."""

    frames: int
    decision: dict[str, np.ndarray]
    written: int = 0
    _candidates: list[float] = field(default_factory=list)  # judged, of each frame

    def write(self, first: int, chosen: Decision, judged: int) -> None:
        """Rows of decisions for the frames from `first` on; those after the last do not exist."""
        rows = len(next(iter(chosen.values())))
        stop = min(first + rows, self.frames)
        for name, block in self.decision.items():
            block[first:stop] = chosen[name][: stop - first]
        self._candidates += [judged / rows] * (stop - first)
        self.written = stop

    def details(self, processor: float) -> dict[str, Any]:
        """Processor seconds a frame, and the mean number of candidates, by tenths."""
        found: dict[str, Any] = {"processor_seconds_each": processor / max(1, self.written)}
        if self.written == self.frames >= PARTS:
            found["tenths"] = {"candidates": tenths(np.array(self._candidates))}
        return found
