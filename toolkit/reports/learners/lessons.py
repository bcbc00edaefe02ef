"""What records say of learners: what they cost, what they decide, and when training pays."""

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from toolkit.reports.compare import Comparison, Row, summarise
from toolkit.reports.learners._details import both, curve, final, value, values
from toolkit.reports.learners._savings import savings
from toolkit.reports.record import Record
from toolkit.solvers import relative_gap

BARS = ("greedy", "random_search")  # what a learner has to beat: beside it in every table of gaps
ENOUGH = 5  # instances on which one and the same choice is suspicious
CURVES = ("reward", "critic_loss")  # what training curves show


class Count(NamedTuple):
    """So many of so many."""

    hits: int
    total: int


@dataclass(frozen=True)
class BreakEven:
    """After how many instances training has paid; `inf` is never, None is not measured."""

    against: str  # the fastest solver that proves the optimum of all instances at hand
    its_seconds: float
    own_seconds: float
    alone: float
    batched: float | None


@dataclass(frozen=True)
class Worth:
    """What the decisions are worth of which `uniform` and `choices` tell.

    Those of a run that learns are its final policy's; those of a policy its first guesses, whose
    worth is known where nothing else was judged (`sole`), otherwise that of the best guess.
    """

    feasible: Count  # of all runs
    worst_gap: float | None  # to the best known, over the feasible ones
    proven: bool  # the best known is the optimum, on every instance
    sole: bool


@dataclass(frozen=True)
class Lesson:
    """A learner over its runs, or one of BARS beside it; None where nothing tells.

    Gaps are to the best known, over the runs with a feasible decision.
    """

    label: str
    learner: bool
    sense: str  # "min" or "max", of the problem
    runs: int
    feasible: Count
    median_gap: float | None
    mean_gap: float | None
    missed: float | None  # mean of `_savings.missed`
    missed_on: Count  # instances that it rests on
    untold: tuple[tuple[str, str], ...]  # (a reason of WHY, digest) of the others
    training_seconds: float | None
    steps_per_second: float | None
    seconds: float | None  # median of the runs that came to an end
    batch: int | None
    batch_seconds: float | None  # an instance of `batch` decided at once
    first_feasible: Count | None  # first guesses, before any repair
    explored: float | None  # share of feasible decisions among those tried while learning
    final_gap: float | None  # median of the policies left at the end, where feasible
    final_feasible: Count | None
    uniform: Count | None  # decisions with all of several entries alike
    choices: Count | None  # distinct ones, of so many instances: more where seeds differ
    worth: Worth
    break_even: BreakEven | None


@dataclass(frozen=True)
class Band:
    """A training curve over several runs: the median, and the quartiles around it."""

    label: str
    steps: tuple[float, ...]
    low: tuple[float, ...]
    middle: tuple[float, ...]
    high: tuple[float, ...]


Pairs = list[tuple[Comparison, Row]]
Curve = dict[str, list[float | None]]


def lessons(comparisons: Sequence[Comparison]) -> list[Lesson]:
    """The learners and BARS, in the order of the summary; empty where nothing has learnt."""
    groups: dict[str, Pairs] = {}
    for comparison in comparisons:
        for row in comparison.ran:
            groups.setdefault(row.record.label, []).append((comparison, row))
    out = []
    for summary in summarise(comparisons):
        pairs = groups[summary.label]
        if _learnt(pairs) or pairs[0][1].record.solver in BARS:
            out.append(_lesson(summary.label, pairs, break_even(pairs, groups)))
    return out if any(lesson.learner for lesson in out) else []


def _learnt(pairs: Pairs) -> bool:
    return any(_learns(row.record) for _, row in pairs)


def _learns(record: Record) -> bool:
    return "training_seconds" in record.details


def _lesson(label: str, pairs: Pairs, pays: BreakEven | None) -> Lesson:
    records = [row.record for _, row in pairs]
    gaps = [row.gap_to_best for _, row in pairs if row.gap_to_best is not None]
    batches = values(records, "batch")
    finals, saved = _finals(pairs), savings(pairs)
    several = [r for r in records if len(value(r, "choice") or "") > 1]  # one entry tells nothing
    return Lesson(
        label=label,
        learner=_learnt(pairs),
        sense=records[0].sense,
        runs=len(records),
        feasible=Count(len(gaps), len(records)),
        median_gap=_median(gaps),
        mean_gap=statistics.fmean(gaps) if gaps else None,
        missed=saved.missed,
        missed_on=Count(saved.told, saved.instances),
        untold=saved.untold,
        training_seconds=_median(values(records, "training_seconds")),
        steps_per_second=_rate(both(records, "training_steps", "training_seconds")),
        seconds=_median([record.seconds for record in records if not record.failed]),
        batch=batches[0] if batches else None,
        batch_seconds=_median(values(records, "batch_seconds")),
        first_feasible=_count(values(records, "first_feasible")),
        explored=_explored(records),
        final_gap=_median([gap for _, gap in finals if gap is not None]),
        final_feasible=_count([feasible for feasible, _ in finals]),
        uniform=_count(values(several, "uniform")),
        choices=_distinct(several),
        worth=_worth(pairs, finals),
        break_even=pays,
    )


def _median(numbers: Sequence[float]) -> float | None:
    return statistics.median(numbers) if numbers else None


def _count(flags: Sequence[bool]) -> Count | None:
    return Count(sum(flags), len(flags)) if flags else None


def _distinct(records: Sequence[Record]) -> Count | None:
    """Repeats of one choice on one instance count once."""
    digests = {record.digest for record in records}
    return Count(len(set(values(records, "choice"))), len(digests)) if digests else None


def _rate(known: Sequence[tuple[float, float]]) -> float | None:
    """Steps a second of runs that tell (steps, seconds)."""
    spent = sum(seconds for _, seconds in known)
    return sum(steps for steps, _ in known) / spent if spent > 0 else None


def _explored(records: Iterable[Record]) -> float | None:
    """The share of feasible decisions among all that the runs tried."""
    known = both(records, "explored", "explored_feasible")
    total = sum(number for number, _ in known)
    return sum(number * share for number, share in known) / total if total else None


def _finals(pairs: Pairs) -> list[tuple[bool, float | None]]:
    """Whether a run's final policy is feasible, and its gap where it is."""
    out: list[tuple[bool, float | None]] = []
    for comparison, row in pairs:
        if end := final(row.record):
            objective = end.objective if end.feasible else None
            out.append((end.feasible, _gap(comparison, row, objective)))
    return out


def _gap(comparison: Comparison, row: Row, objective: float | None) -> float | None:
    if objective is None or comparison.best is None:
        return None
    return relative_gap(row.record.sign * objective, row.record.sign * comparison.best)


def _worth(pairs: Pairs, finals: Sequence[tuple[bool, float | None]]) -> Worth:
    gaps = [gap for _, gap in finals] if finals else [row.gap_to_best for _, row in pairs]
    known = [gap for gap in gaps if gap is not None]
    return Worth(
        feasible=Count(len(known), len(pairs)),
        worst_gap=max(known, default=None),
        proven=all(comparison.optimal for comparison, _ in pairs),
        sole=bool(finals) or all(row.record.evaluations <= 1 for _, row in pairs),
    )


def break_even(pairs: Pairs, groups: dict[str, Pairs]) -> BreakEven | None:
    """For a policy that is trained once: training seconds / (a prover's seconds - its own).

    Seconds are means over the instances at hand, because many instances cost as many means. A
    run that learns anew on each instance has nothing to pay back, and a policy that leaves one
    without a feasible decision does not do the prover's work.
    """
    own = [row.record for _, row in pairs]
    training = _median(values(own, "training_seconds"))
    anew = any("explored" in record.details for record in own)
    if training is None or anew or not all(record.feasible for record in own):
        return None
    provers = _provers({record.digest for record in own}, groups)
    if not provers:
        return None
    theirs, against = min(provers)
    alone = statistics.fmean(record.seconds for record in own)
    each = _median(values(own, "batch_seconds"))
    return BreakEven(
        against=against,
        its_seconds=theirs,
        own_seconds=alone,
        alone=pays_after(training, theirs, alone),
        batched=None if each is None else pays_after(training, theirs, each),
    )


def _provers(digests: set[str], groups: dict[str, Pairs]) -> list[tuple[float, str]]:
    """(mean seconds, label) of the solvers that prove the optimum of all these instances."""
    out = []
    for label, pairs in groups.items():
        records = [row.record for _, row in pairs if row.record.digest in digests]
        if {r.digest for r in records} == digests and all(r.verdict == "proved" for r in records):
            out.append((statistics.fmean(record.seconds for record in records), label))
    return out


def pays_after(training: float, theirs: float, own: float) -> float:
    """How many instances it takes; `inf` where ours is not faster."""
    return math.ceil(training / (theirs - own)) if own < theirs else math.inf


def bands(records: Iterable[Record]) -> dict[str, list[Band]]:
    """The training curves by what they show, one band a label; a single point is no curve, nor
    are the generations of what does not learn."""
    groups: dict[str, list[Curve]] = {}
    for record in records:
        if _learns(record) and (lines := curve(record)):
            groups.setdefault(record.label, []).append(lines)
    out = {}
    for name in CURVES:
        found = [_band(label, name, runs) for label, runs in groups.items()]
        if drawn := [band for band in found if band]:
            out[name] = drawn
    return out


def _band(label: str, name: str, curves: Sequence[Curve]) -> Band | None:
    """Runs that ended early count as far as they came; what was no number is left out."""
    longest = max(curves, key=lambda curve: len(curve.get(name, ())))
    table = np.full((len(curves), len(longest.get(name, ()))), np.nan)
    for row, run in zip(table, curves, strict=True):
        row[: len(run.get(name, ()))] = run.get(name, ())
    known = ~np.isnan(table).all(axis=0)
    if known.sum() < 2:
        return None
    quartiles = np.nanpercentile(table[:, known], (25, 50, 75), axis=0)
    low, middle, high = (tuple(quartile.tolist()) for quartile in quartiles)
    steps = _steps(longest.get("step", []), table.shape[1])[known]
    return Band(label, tuple(steps.tolist()), low, middle, high)


def _steps(told: Sequence[float | None], points: int) -> np.ndarray:
    """The steps of the points as told, or simply their numbers."""
    if len(told) != points or None in told:
        told = range(1, points + 1)
    return np.asarray(told, float)
