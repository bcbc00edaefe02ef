"""Honest records, the truth about their instances, and what would be a lie about them.

Whether a forgery may be accepted is decided by the truth, which enumeration tells: other prices can
give another valid bound, and another instance can have the same optimum. What may never be said is
something false (`lies`).
"""

import json
import math
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from toolkit.bench._cases._case import problem_of
from toolkit.bench._engine._fields import as_fields
from toolkit.bench.verify import Verdict
from toolkit.instances import Instance
from toolkit.problems import TOLERANCE, Frames, Problem
from toolkit.solvers import OPTIMAL_GAP, Result, losses

Json = dict[str, Any]
ROUNDING = 1e-12  # of the truth itself, relative
AGREE = 1.1e-9  # a stored number may be off by so much: `verify` says so, and shows its own


@cache
def _table(problem: Problem, digest: str, text: str) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The losses of all discrete choices, completed; and these decisions."""
    data = Instance.from_json(json.loads(text), "a case").data
    space = problem.space(data)
    decisions = problem.complete(data, space.choices(0, space.count))
    return losses(problem, problem.evaluate(data, decisions)), decisions


@dataclass(frozen=True, eq=False)
class Honest:
    """A solver's record, and the least loss of its instance: +inf if nothing is feasible."""

    problem: Problem
    record: Json
    known: float | None = None  # the truth where choices cannot be enumerated

    def truth(self, content: Json) -> float | None:
        """The least loss of an instance, by enumeration; None where it cannot be told."""
        if self.known is not None:
            return self.known if content == self.record["instance"] else None
        instance = Instance.from_json(content, "a case")
        problem = problem_of(instance, "a case")
        if not isinstance(problem, Frames):
            return _least(problem, instance)
        return float(np.mean([_least(problem.frame, frame) for frame in problem.split(instance)]))

    def choices(self) -> dict[str, np.ndarray] | None:
        """All completed decisions of the record's own instance."""
        if isinstance(self.problem, Frames) or self.known is not None:
            return None
        content = self.record["instance"]
        digest = Instance.from_json(content, "a case").digest
        return _table(self.problem, digest, json.dumps(content))[1]


def _least(problem: Problem, instance: Instance) -> float:
    loss, _ = _table(problem, instance.digest, json.dumps(instance.as_json()))
    return float(loss.min())


def record_of(instance: Instance, problem: Problem, result: Result) -> Json:
    """What a run leaves behind, as plain JSON."""
    names = ("decision", "objective", "violation", "bound", "gap", "status", "certificate")
    fields = as_fields(result)
    kept: Json = {name: fields[name] for name in names}
    kept |= {"problem": problem.name, "sense": problem.sense, "digest": instance.digest}
    return json.loads(json.dumps({**kept, "instance": instance.as_json()}))


# What is false.


def lies(honest: Honest, record: Json, said: Verdict) -> str:
    """What is not true of an accepted record; empty if nothing is."""
    if said.verdict in ("refuted", ""):
        return "" if said.reason.endswith(".") and "\n" not in said.reason else "no sentence"
    problem = honest.problem
    instance = Instance.from_json(record["instance"], "a case")
    worth = _worth(problem, instance, record.get("decision"))
    objective, bound = _number(record.get("objective")), _number(record.get("bound"))
    if worth is not None and not math.isclose(objective, worth[0], rel_tol=AGREE, abs_tol=1e-20):
        return f"the objective is {worth[0]!r}, not {objective!r}"
    if worth is None and said.verdict == "feasible":
        return "the decision is not feasible"
    if said.verdict not in ("proved", "bounded"):
        return ""
    least = honest.truth(record["instance"])
    assert said.bound is not None
    if least is None:
        return ""
    sign = problem.sign
    if sign * said.bound > least + ROUNDING * abs(least) * math.isfinite(least):
        return f"the bound {said.bound!r} excludes the optimum {sign * least!r}"
    if bound is not None and sign * bound > least + AGREE * max(abs(least), 1e-12):
        return f"the stored bound {bound!r} excludes the optimum {sign * least!r}"
    if said.verdict == "proved" and math.isfinite(least):
        reached = worth is not None and sign * worth[0] <= least + 1.01 * OPTIMAL_GAP * abs(least)
        return "" if reached else f"{worth} is not the optimum {sign * least!r}"
    return ""


def _worth(problem: Problem, instance: Instance, decision: Any) -> tuple[float, float] | None:
    """Objective and violation of a stored decision; None: there is no feasible one."""
    if not decision:
        return None
    arrays = {var.name: np.asarray(decision[var.name]) for var in problem.space(instance.data).vars}
    found = problem.evaluate(instance.data, arrays)
    pair = float(found.objective), float(found.violation)
    return pair if pair[1] <= TOLERANCE else None


def _number(value: Any) -> Any:
    return float(value) if isinstance(value, str) else value
