"""References beside the runs of a study: as records that no table shows as rows, but whose values
and bounds count like those of runs."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from toolkit.bench._cases._case import Drawn
from toolkit.bench._store import Reference
from toolkit.instances import Instance
from toolkit.problems import Problem
from toolkit.reports import numbers
from toolkit.reports.compare import contradictions
from toolkit.reports.record import Record
from toolkit.solvers import Status, relative_gap
from toolkit.solvers._probe import beaten

from ._files import Suite

SOLVER = "reference"


@dataclass(frozen=True)
class Known:
    """A suite's instances, and what is known of them; without a suite nothing is.

    records  the references once more, as records
    """

    suite: str = ""
    drawn: list[Drawn] = field(default_factory=list)
    references: list[tuple[Reference, Instance]] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)


def known_of(name: str) -> Known:
    """The suite of a name; UserError where it is not frozen, or its files are damaged."""
    suite = Suite.read(name)
    drawn = list(zip(suite.problems, suite.instances(), strict=True))
    every = [(problem, one) for problem, each in drawn for one in each]
    references = suite.references()
    return Known(
        suite=name,
        drawn=drawn,
        references=[(ref, one) for ref, (_, one) in zip(references, every, strict=True)],
        records=[as_record(*pair, ref) for ref, pair in zip(references, every, strict=True)],
    )


def as_record(problem: Problem, instance: Instance, reference: Reference) -> Record:
    """A reference as the record of a run that ended with it."""
    worth, bound = ends(problem, reference)
    bound = bound if bound is not None and math.isfinite(bound) else None
    gap = None
    if worth is not None and bound is not None:
        gap = relative_gap(problem.sign * worth, problem.sign * bound)
    found = "" if worth is None else "feasible"
    return Record(
        key=reference.id,
        problem=problem.name,
        version=problem.version,
        preset=None,
        n_users=problem.users(instance.data),
        problem_params=problem.params,
        instance=instance.name,
        digest=instance.digest,
        sense=problem.sense,
        solver=SOLVER,
        params={},
        label=f"the reference ({reference.method})",
        seed=0,
        status=status_of(problem, reference),
        stop="finished",
        verdict="proved" if reference.kind == "proved" else found if bound is None else "bounded",
        objective=worth,
        bound=bound,
        gap=gap,
        violation=None if worth is None else 0.0,
        decision=reference.solution,
        certificate=reference.certificate,
    )


def ends(problem: Problem, reference: Reference) -> tuple[float | None, float | None]:
    """What the solution is worth, and the bound."""
    both = (reference.upper, reference.lower)
    return both if problem.sign > 0 else (both[1], both[0])


def status_of(problem: Problem, reference: Reference) -> Status:
    """The status that a run with these values would have."""
    worth, bound = ends(problem, reference)
    if worth is None:
        shown = bound is not None and bound == problem.sign * math.inf
        return Status.INFEASIBLE if shown else Status.UNKNOWN
    return Status.OPTIMAL if reference.kind == "proved" else Status.FEASIBLE


def remarks(records: Sequence[Record], known: Known, store: str) -> list[str]:
    """What runs say of references: that they have found better, or that one is wrong."""
    found = ((_best_on(records, reference), reference) for reference in known.records)
    return [
        _said(run, reference, known.suite, store)
        for run, reference in found
        if run is not None and _beats(run, reference)
    ]


def _said(run: Record, reference: Record, suite: str, store: str) -> str:
    has = f"{run.label} has {numbers.number(run.objective, 12)} on {run.instance}"
    if contradictions([run, reference]):
        return f"REFUTED: {has}; {reference.label} proves {numbers.number(reference.bound, 12)}."
    before = numbers.number(reference.objective, 12)
    take = f"python -m toolkit.bench suite freeze {suite} --update --store {store}"
    return f"BETTER THAN KNOWN: {has}; {reference.label} has {before}. To keep it: {take}"


def _best_on(records: Iterable[Record], reference: Record) -> Record | None:
    """The best feasible run on a reference's instance."""
    found = [r for r in records if r.digest == reference.digest and r.feasible]
    return min(found, key=lambda r: r.sign * (r.objective or 0.0), default=None)


def _beats(run: Record, reference: Record) -> bool:
    """Whether a run's solution is better than a reference's by more than tolerances explain."""
    if reference.objective is None:
        return True
    loss, known = run.sign * (run.objective or 0.0), run.sign * reference.objective
    return beaten(loss, known, run.violation or 0.0, True)
