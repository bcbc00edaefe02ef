"""What a solver is, and what it comes back with."""

import importlib.util
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from toolkit.arrays import Decision
from toolkit.component import Component
from toolkit.errors import UserError
from toolkit.instances import Instance
from toolkit.problems import TOLERANCE, Certificate, Problem

if TYPE_CHECKING:
    from ._probe import Probe

OPTIMAL_GAP = 1e-6  # a decision is called optimal when its proven gap is at most this


class Status(StrEnum):
    """What is known about the answer."""

    OPTIMAL = "optimal"  # feasible, and a certified bound leaves a gap of at most OPTIMAL_GAP
    FEASIBLE = "feasible"
    INFEASIBLE = "infeasible"  # certified
    UNKNOWN = "unknown"  # nothing feasible found, nothing proven
    ERROR = "error"
    REFUSED = "refused"  # the solver does not take this instance


class Stop(StrEnum):
    """Why the solver stopped; a reader of runs may rely on these words."""

    FINISHED = "finished"
    TIME = "time"  # it kept its limit by itself
    MEMORY = "memory"  # it wanted more than it may have, and was killed or gave up
    EVALUATIONS = "evaluations"
    CRASHED = "crashed"  # it raised, or its process died
    KILLED = "killed"  # it did not end by itself
    REFUSED = "refused"  # it does not take the instance
    NOT_INSTALLED = "not installed"  # it needs a package that is not there


RAN = tuple(stop for stop in Stop if stop not in (Stop.REFUSED, Stop.NOT_INSTALLED))


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What a run may spend: wall-clock seconds (judging included) and judged decisions.

    `seed` is the run's own, for a solver that has something made for every seed; what is drawn
    comes from the probe's generator.
    """

    seconds: float = math.inf
    evaluations: float = math.inf
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("seconds", "evaluations"):
            value = getattr(self, name)
            if not value > 0:
                raise ValueError(f"{name} is {value:g}; it must be above 0.")


@dataclass(frozen=True)
class Point:
    """One line of a trace: what was known after so many seconds and evaluations."""

    seconds: float
    evaluations: int
    objective: float | None
    bound: float | None
    done: float | None = None  # share of the work, where the solver knows it; never in a trace


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What a solver says of itself.

    `verdict` is its own word for the answer ("optimal", "infeasible" …): shown, never believed.
    `details` are JSON values that are worth keeping beside the answer; `toolkit.reports.record`
    lists the keys that reports know.
    """

    stop: Stop = Stop.FINISHED
    verdict: str = ""
    message: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, kind in {"verdict": str, "message": str, "details": Mapping}.items():
            if not isinstance(value := getattr(self, name), kind):
                raise TypeError(f"Claim.{name} is {value!r}; it takes a {kind.__name__}.")
        if self.stop not in RAN:
            raise TypeError(f"Claim.stop is {self.stop!r}; it takes one of {', '.join(RAN)}.")


def impossible(make: Callable[[], object]) -> str | None:
    """Why what a problem knows cannot be had of an instance (it raises UserError), or None."""
    try:
        make()
    except UserError as error:
        return str(error).rstrip(".")
    return None


def relative_gap(loss: float, reference: float) -> float:
    """(loss - reference) / |reference|, never negative: how far above the reference, at most."""
    return max(0.0, loss - reference) / max(abs(reference), 1e-12)


@dataclass(frozen=True, kw_only=True)
class Result:
    """A judged answer. `objective` and `violation` come from the problem, never from the solver."""

    status: Status
    stop: Stop
    sign: int
    decision: Decision | None = None
    objective: float | None = None
    violation: float | None = None
    terms: Mapping[str, float] = field(default_factory=dict)
    bound: float | None = None  # no feasible decision is better, if the certificate holds
    certificate: Certificate | None = None
    claim: str = ""
    seconds: float = 0.0  # the solver's own, judging excluded
    wall: float = 0.0
    evaluations: int = 0
    trace: tuple[Point, ...] = ()
    message: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def gap(self) -> float | None:
        """(objective - bound) / |bound|, or None without a feasible decision and a bound."""
        if self.objective is None or self.bound is None or not math.isfinite(self.bound):
            return None
        if (self.violation or 0.0) > TOLERANCE:
            return None
        return relative_gap(self.sign * self.objective, self.sign * self.bound)


@dataclass(frozen=True, kw_only=True)
class Solver(Component, ABC):
    """A way to decide. It hands decisions and bounds to the probe, and nothing else counts.

    The first line of its docstring is what lists show.
    """

    requires: ClassVar[tuple[str, ...]] = ()  # packages that an optional extra brings
    backends: ClassVar[tuple[str, ...]] = ()  # distributions whose version can change its numbers
    episodes: ClassVar[bool] = False  # it takes an episode as a whole; else frame after frame

    def missing(self) -> str | None:
        """The package that must be installed first, or None."""
        absent = [name for name in self.requires if importlib.util.find_spec(name) is None]
        return absent[0] if absent else None

    @property
    def parts(self) -> tuple[Component, ...]:
        """The components whose code its numbers come from: itself, and what it is made with."""
        return (self,)

    @property
    def packages(self) -> tuple[str, ...]:
        """The distributions whose version can change its numbers, what its parts need included."""
        needed = [getattr(part, "requires", ()) for part in self.parts]
        return (*self.backends, *(name for names in needed for name in names))

    def for_problem(self, problem: Problem) -> "Solver":
        """Itself, with defaults that are the problem's filled in; UserError where a parameter
        names what the problem does not have."""
        return self

    def refuses(self, problem: Problem, instance: Instance) -> str | None:
        """Why it cannot take this instance, or None."""
        return None

    def abstains(self, problem: Problem, instance: Instance) -> str | None:
        """Why it would take this instance only if it were named, or None."""
        return None

    def inputs(self) -> tuple[Path, ...]:
        """Files that its numbers depend on beside its parameters."""
        return ()

    def prepare(self, problem: Problem, say: Callable[[str], None]) -> None:
        """What is done once for a problem, off the clock and before any run; `say` tells of it."""

    def aside(self, problem: Problem) -> Mapping[str, Any]:
        """Details that are no part of an answer; the bench asks after a run, off the clock."""
        return {}

    @abstractmethod
    def solve(self, problem: Problem, instance: Instance, probe: "Probe") -> Claim:
        """Offers decisions and bounds to the probe until done or `probe.expired`."""
