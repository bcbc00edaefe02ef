"""A trained learner as a solver among the others."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from toolkit.arrays import Data, Decision
from toolkit.instances import Instance, rng_for
from toolkit.learners import head_of
from toolkit.learners._shipped import checkpoint_path
from toolkit.problems import TOLERANCE, HasCompletion, HasPolish, Problem, by_frames

from ._base import Claim, Solver
from ._probe import Probe
from ._traits import traits

BATCH, TRIALS, LONG = 256, 3, 0.5  # LONG: seconds that the measurement of a batch may take
MOST = 1024  # guesses: BATCH times as many whole decisions are in memory at once


@dataclass(frozen=True, kw_only=True)
class Policy(Solver):
    """A trained policy, policy[checkpoint=FILE]: its k best guesses, judged.

    `checkpoint` is a file of the verb train or the name of a policy that comes with the toolkit.
    All frames of an episode are decided at once.
    Its seconds are those of inference for one instance: loading is off the clock (a warm-up does
    it). What training has cost, and what an instance costs in a batch, stand in its details.
    """

    backends: ClassVar[tuple[str, ...]] = ("torch",)
    episodes: ClassVar[bool] = True

    checkpoint: str = ""
    k: int | None = None  # decisions to judge; None: as many as the learner wants, mostly one
    polish: bool = False  # by what the problem knows of cheap improvements, pairs of moves too

    def __post_init__(self) -> None:
        if self.k is not None and not (isinstance(self.k, int) and 1 <= self.k <= MOST):
            raise ValueError(f"k is {self.k}; it must be a whole number between 1 and {MOST}.")

    def inputs(self) -> tuple[Path, ...]:
        if not self.checkpoint:
            return ()
        path = checkpoint_path(self.checkpoint)
        _head(path, path.stat().st_mtime_ns)  # a damaged file is known before anything runs
        return (path,)

    def refuses(self, problem: Problem, instance: Instance) -> str | None:
        if not self.checkpoint:
            return "no checkpoint is named: policy[checkpoint=FILE]"
        learner, _, trained, _ = _load(self.checkpoint)
        if trained.name != problem.name:
            return f"it was trained on {trained.name!r}"
        sized = learner.one_instance or learner.one_size
        frame, data = by_frames(problem, instance.data)
        reason: str | None = learner.refuses(frame)
        if reason:
            return reason
        if self.polish and not isinstance(frame, HasPolish):
            return "the problem has no cheap improvements of choices: leave out polish"
        first = {key: value[0] for key, value in data.items()}
        there, here = _shapes(trained, trained.instance().data), _shapes(frame, first)
        if sized and there != here:
            return _differing(trained, frame, first) or _misfit(there, here)
        return None

    def solve(self, problem: Problem, instance: Instance, probe: Probe) -> Claim:
        learner, net, _, head = _load(self.checkpoint)
        frame, batch = by_frames(problem, instance.data)
        k = self.k or learner.tries(net)
        decision = self._decide(learner, net, frame, batch, int(min(k, probe.room)))
        guesses = {name: np.moveaxis(block, 1, 0) for name, block in decision.items()}
        if frame is problem:  # no axis of frames
            guesses = {name: block[:, 0] for name, block in guesses.items()}
        judged = probe.offer(guesses)
        first = {name: block[0] for name, block in guesses.items()}
        return Claim(
            stop=probe.stop,
            details={
                "training_seconds": head["seconds"],
                "training_steps": head["steps"],
                "first_feasible": bool(np.ravel(judged.violation)[0] <= TOLERANCE),
                **traits(problem.space(instance.data), first),
            },
        )

    def _decide(self, learner: Any, net: Any, problem: Problem, data: Data, k: int) -> Decision:
        """k decisions for each of a batch of instances, as `Learner.act`; polished if asked."""
        found: Decision = learner.act(net, problem, data, k)
        if not self.polish:
            return found
        assert isinstance(problem, HasPolish)
        assert isinstance(problem, HasCompletion)
        spread = {key: value[:, None] for key, value in data.items()}
        discrete = {var.name: found[var.name] for var in problem.space(data).discrete}
        return problem.complete(spread, problem.polish(spread, discrete))

    def aside(self, problem: Problem) -> dict[str, Any]:
        """What an instance costs where many are decided at once."""
        learner, net, _, _ = _load(self.checkpoint)
        if learner.one_instance:
            return {}
        frame, _ = by_frames(problem, {})
        k = self.k or learner.tries(net)
        size, seconds = _batch_cost(frame, lambda data: self._decide(learner, net, frame, data, k))
        return {"batch": size, "batch_seconds": seconds}


def _shapes(problem: Problem, data: Data) -> dict[str, tuple[int, ...]]:
    """The shapes of the decision's blocks and of the data."""
    blocks = {var.name: var.shape for var in problem.space(data).vars}
    return {**blocks, **{f"data {key}": value.shape for key, value in data.items()}}


def _differing(trained: Problem, problem: Problem, data: Data) -> str:
    """How many users, servers … a policy was trained on and meets, where that differs."""
    there, here = trained.sizes(trained.instance().data), problem.sizes(data)
    differ = [dim for dim in there if there[dim] != here.get(dim, there[dim])]
    then, now = (
        " and ".join(f"{of[dim]:,} {dim.removesuffix('s' * (of[dim] == 1))}" for dim in differ)
        for of in (there, here)
    )
    return f"it was trained on {then} and takes no other size: here it is {now}" if differ else ""


def _misfit(there: dict[str, tuple[int, ...]], here: dict[str, tuple[int, ...]]) -> str:
    """How else what a policy was trained on differs from what it is asked."""
    key = next(key for key in {**there, **here} if there.get(key) != here.get(key))
    if (key in there) != (key in here):
        then, now = ("", "not ") if key in there else ("not ", "")
        return (
            f"it was trained where {key} is {then}decided, and here it is {now}decided: "
            "train it on this problem"
        )
    return f"it takes no other size than it was trained on: {key} is {there[key]}, here {here[key]}"


def _batch_cost(problem: Problem, decide: Callable[[Data], Decision]) -> tuple[int, float]:
    """How many instances were decided at once, and seconds for one, the least of a few trials.

    BATCH of them, or the largest power of two below it that does not take LONG.
    """
    _seconds(problem, decide, 1)  # loads and compiles what is so once
    size, best = 1, _seconds(problem, decide, 1)
    while size < BATCH and 4 * best < LONG:  # twice as many take twice as long, or less
        size, best = 2 * size, _seconds(problem, decide, 2 * size)
    for _ in range(TRIALS - 1):
        if best < LONG:
            best = min(best, _seconds(problem, decide, size))
    return size, best / size


def _seconds(problem: Problem, decide: Callable[[Data], Decision], size: int) -> float:
    data = problem.sample(rng_for("batch"), (size,))
    begun = time.perf_counter()
    decide(data)
    return time.perf_counter() - begun


def _load(checkpoint: str) -> Any:
    """(learner, network, problem, head) of the file as it is now."""
    path = checkpoint_path(checkpoint)
    return _load_once(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=64)
def _head(path: Path, changed: int) -> dict[str, Any]:
    return head_of(path)


@lru_cache(maxsize=4)
def _load_once(path: Path, changed: int) -> Any:
    import torch

    from toolkit import learners

    torch.set_num_threads(1)  # as every run of the bench
    return learners.load(path)
