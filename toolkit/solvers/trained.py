"""A learner trained before the clock starts, and then a policy among the other solvers."""

import hashlib
import json
import math
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

from toolkit import problems
from toolkit.component import parse_value, split_outside_brackets
from toolkit.errors import UserError
from toolkit.instances import Instance
from toolkit.problems import Frames, Problem

from ._base import Claim
from ._probe import Probe
from ._pupil import WithLearner
from .policy import Policy

FOLDER = "results/policies"
LAYERS = ("learners", "envs", "problems", "instances")  # whose source can change what is learnt


@dataclass(frozen=True, kw_only=True)
class Trained(WithLearner):
    """A policy that is trained on the generator before it is asked: trained[learner=NAME].

    It trains once for every problem that it meets, for so many seconds or steps, with a seed of
    its own, off the clock of any run; the checkpoint stays in `folder` under a hash of all that
    until the toolkit's source changes, and what it cost stands in the details. `on` changes
    fields of the generator in training: trained[learner=constant,on=part=train]. Of several
    trainings, with `seeds` seeds from `seed` on, a run of seed s uses number s mod `seeds`.
    """

    episodes: ClassVar[bool] = True

    seconds: float = 60.0
    steps: int = 0  # 0: as many as the seconds allow; else so many, however long they take
    seed: int = 0
    seeds: int = 1
    on: str = ""  # "field=value,field=value"
    k: int | None = None  # as of policy
    polish: bool = False
    folder: str = FOLDER

    def __post_init__(self) -> None:
        if not (self.seconds > 0 and self.steps >= 0 and self.seed >= 0 and self.seeds >= 1):
            raise ValueError("seconds must be above 0, steps and seed at least 0, seeds 1.")
        Policy(k=self.k)  # refuses a k without sense
        super().__post_init__()

    def refuses(self, problem: Problem, instance: Instance) -> str | None:
        if reason := self._cannot(problem):
            return reason
        if not all(self._file(problem, number).is_file() for number in range(self.seeds)):
            return "it is not trained for this problem: prepare it first, as the command does"
        return self._policy(problem).refuses(problem, instance)

    def prepare(self, problem: Problem, say: Callable[[str], None]) -> None:
        """Trains, unless it is done or the learner refuses."""
        if self._cannot(problem):
            return
        for number in range(self.seeds):
            self._train(problem, number, say)

    def _train(self, problem: Problem, number: int, say: Callable[[str], None]) -> None:
        from toolkit import learners

        path, trains = self._file(problem, number), self._trains_on(problem)
        if path.is_file() and _made_by(path) == _source():
            return
        much = f"{self.steps:,} steps" if self.steps else f"{self.seconds:g} s"
        which = f", {number + 1} of {self.seeds}" if self.seeds > 1 else ""
        say(f"training {self.learner} on {trains}, {much}{which}")
        run = learners.Training(
            problem=trains,
            seconds=math.inf if self.steps else self.seconds,
            max_steps=self.steps or math.inf,
            seed=self.seed + number,
            notes={"source": _source()},
        )
        learners.save(path, self._built, learners.fit(self._built, run), run)

    def solve(self, problem: Problem, instance: Instance, probe: Probe) -> Claim:
        policy = self._policy(problem, probe.budget.seed % self.seeds)
        return policy.solve(problem, instance, probe)

    def aside(self, problem: Problem) -> dict[str, Any]:
        return self._policy(problem).aside(problem)

    def _cannot(self, problem: Problem) -> str | None:
        """Why there is nothing to train, or None."""
        if not self.learner:
            return "no learner is named: trained[learner=NAME]"
        learner = self._built
        if package := learner.missing():
            return f"it needs the package {package!r}: pip install {package}"
        if learner.taught or learner.one_instance:
            return f"{self.learner} needs a teacher, or learns one instance: train it, use policy"
        return learner.refuses(self._trains_on(problem))

    def _trains_on(self, problem: Problem) -> Problem:
        """The problem of a frame, with the fields of `on`."""
        frame = problem.frame if isinstance(problem, Frames) else problem
        if not self.on:
            return frame
        given = {}
        for part in split_outside_brackets(self.on):
            name, equals, value = part.partition("=")
            if not equals:
                raise UserError(f"Cannot read {part!r} in on={self.on}; write field=value.")
            given[name.strip()] = parse_value(value.strip())
        return problems.load(frame.name, **{**frame.params, **given})

    def _policy(self, problem: Problem, number: int = 0) -> Policy:
        file = self._file(problem, number)
        return Policy(checkpoint=str(file), k=self.k, polish=self.polish)

    def _file(self, problem: Problem, number: int = 0) -> Path:
        """Where the checkpoint of a training is, or will be."""
        if not self.learner:
            return Path(self.folder)
        trains, learner = self._trains_on(problem), self._built
        told = [learner.name, learner.params, trains.name, trains.version, trains.identity]
        spent = [None if self.steps else self.seconds, self.steps, self.seed + number]
        text = json.dumps([told, spent], sort_keys=True, default=str)
        digest = hashlib.sha256(text.encode()).hexdigest()[:16]
        return Path(self.folder) / f"{learner.name}-{trains.name}-{digest}.zip"


def _made_by(path: Path) -> str | None:
    """The source that trained a checkpoint; None where that cannot be read."""
    try:
        with zipfile.ZipFile(path) as archive:
            found: str | None = json.loads(archive.read("head.json")).get("source")
    except (OSError, KeyError, ValueError, zipfile.BadZipFile):
        return None
    return found


@cache
def _source() -> str:
    """A hash of the toolkit's files that training passes through."""
    root, sha = Path(__file__).parents[1], hashlib.sha256()
    for path in sorted(p for layer in LAYERS for p in (root / layer).rglob("*.py")):
        sha.update(path.name.encode() + b"\0" + path.read_bytes())
    return sha.hexdigest()
