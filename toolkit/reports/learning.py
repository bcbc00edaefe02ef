"""What records say of learners: what they cost, what they decide, and when training pays."""

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from toolkit.solvers import OPTIMAL_GAP, relative_gap

from .compare import Comparison, Row, summarise
from .record import Record

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
class Lesson:
    """A learner over its runs, or one of BARS beside it; None where nothing tells.

    Gaps are to the best known, over the runs with a feasible decision.
    """

    label: str
    learner: bool
    runs: int
    feasible: Count
    median_gap: float | None
    mean_gap: float | None
    missed: float | None  # mean of `missed`
    training_seconds: float | None
    steps_per_second: float | None
    seconds: float | None  # median of the runs that came to an end
    batch: int | None
    batch_seconds: float | None  # an instance of `batch` decided at once
    first_feasible: Count | None  # first guesses, before any repair
    explored: float | None  # share of feasible decisions among those tried while learning
    final_gap: float | None  # median of the policies left at the end, where feasible
    final_feasible: Count | None
    uniform: Count | None  # decisions with all entries alike
    choices: Count | None  # distinct ones
    instances: int
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
    return any("training_seconds" in row.record.details for _, row in pairs)


def _lesson(label: str, pairs: Pairs, pays: BreakEven | None) -> Lesson:
    records = [row.record for _, row in pairs]
    gaps = [row.gap_to_best for _, row in pairs if row.gap_to_best is not None]
    shares = [share for pair in pairs if (share := missed(*pair)) is not None]
    training = values(records, "training_seconds")
    steps = values(records, "training_steps")
    batches = values(records, "batch")
    return Lesson(
        label=label,
        learner=bool(training),
        runs=len(records),
        feasible=Count(len(gaps), len(records)),
        median_gap=_median(gaps),
        mean_gap=statistics.fmean(gaps) if gaps else None,
        missed=statistics.fmean(shares) if shares else None,
        training_seconds=_median(training),
        steps_per_second=sum(steps) / sum(training) if sum(training) > 0 else None,
        seconds=_median([record.seconds for record in records if not record.failed]),
        batch=batches[0] if batches else None,
        batch_seconds=_median(values(records, "batch_seconds")),
        first_feasible=_count(values(records, "first_feasible")),
        explored=_explored(records),
        **_finals(pairs),
        uniform=_count(values(records, "uniform")),
        choices=_distinct(values(records, "choice")),
        instances=len({record.digest for record in records if "choice" in record.details}),
        break_even=pays,
    )


def values(records: Iterable[Record], key: str) -> list[Any]:
    """What the records' details have under a key, those without it left out."""
    found = (record.details.get(key) for record in records)
    return [value for value in found if value is not None]


def _median(numbers: Sequence[float]) -> float | None:
    return statistics.median(numbers) if numbers else None


def _count(flags: Sequence[bool]) -> Count | None:
    return Count(sum(flags), len(flags)) if flags else None


def _distinct(choices: Sequence[str]) -> Count | None:
    return Count(len(set(choices)), len(choices)) if choices else None


def _explored(records: Iterable[Record]) -> float | None:
    """The share of feasible decisions among all that the runs tried."""
    tried = [(r.details.get("explored"), r.details.get("explored_feasible")) for r in records]
    known = [(number, share) for number, share in tried if number and share is not None]
    total = sum(number for number, _ in known)
    return sum(number * share for number, share in known) / total if total else None


def _finals(pairs: Pairs) -> dict[str, Any]:
    """The final policies' median gap, and how many of them are feasible."""
    ends = [(c, row.record, row.record.details.get("final")) for c, row in pairs]
    gaps = [
        relative_gap(record.sign * end["objective"], record.sign * comparison.best)
        for comparison, record, end in ends
        if end and end["feasible"] and comparison.best is not None
    ]
    flags = [bool(end["feasible"]) for _, _, end in ends if end]
    return {"final_gap": _median(gaps), "final_feasible": _count(flags)}


def missed(comparison: Comparison, row: Row) -> float | None:
    """(cost - opt) / (all-local - opt), the saving missed: 0 is optimal, 1 as bad as all-local.

    None without a feasible decision, a proven optimum or a feasible run of `local_only`.
    """
    stays = [r.record.objective for r in comparison.ran if _local(r.record)]
    best, cost = comparison.best, row.record.objective
    if not (stays and comparison.optimal and best is not None and cost is not None):
        return None
    sign = row.record.sign
    span = sign * ((stays[0] or 0.0) - best)
    if row.gap_to_best is None or span <= OPTIMAL_GAP * abs(best):
        return None
    return max(0.0, sign * (cost - best)) / span


def _local(record: Record) -> bool:
    return record.solver == "local_only" and record.feasible


def break_even(pairs: Pairs, groups: dict[str, Pairs]) -> BreakEven | None:
    """For a policy that is trained once: training seconds / (a prover's seconds - its own).

    Seconds are means over the instances at hand, because many instances cost as many means. A
    run that learns anew on each instance has nothing to pay back, and a policy that leaves one
    without a feasible decision does not do the prover's work.
    """
    own = [row.record for _, row in pairs]
    if not _learnt(pairs) or values(own, "explored") or not all(r.feasible for r in own):
        return None
    provers = _provers({record.digest for record in own}, groups)
    if not provers:
        return None
    theirs, against = min(provers)
    training = statistics.median(values(own, "training_seconds"))
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
    """The training curves by what they show, one band a label; a single point is no curve."""
    groups: dict[str, list[dict[str, list[float]]]] = {}
    for record in records:
        if curve := record.details.get("curve"):
            groups.setdefault(record.label, []).append(curve)
    out = {}
    for name in CURVES:
        lines = [_band(label, name, runs) for label, runs in groups.items()]
        if drawn := [line for line in lines if line]:
            out[name] = drawn
    return out


def _band(label: str, name: str, curves: Sequence[dict[str, list[float]]]) -> Band | None:
    """Runs that ended early count as far as they came; what was no number is left out."""
    longest = max(curves, key=lambda curve: len(curve.get(name, ())))
    table = np.full((len(curves), len(longest.get(name, ()))), np.nan)
    for row, curve in zip(table, curves, strict=True):
        row[: len(curve.get(name, ()))] = curve.get(name, ())
    steps = np.asarray(longest.get("step") or range(1, table.shape[1] + 1), float)
    known = ~np.isnan(table).all(axis=0)
    if known.sum() < 2:
        return None
    quartiles = np.nanpercentile(table[:, known], (25, 50, 75), axis=0)
    low, middle, high = (tuple(quartile.tolist()) for quartile in quartiles)
    return Band(label, tuple(steps[known].tolist()), low, middle, high)
