"""What the records of a study say side by side: pure numbers, for a terminal and a page to draw."""

import re
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from toolkit.reports.record import Record
from toolkit.solvers import OPTIMAL_GAP, relative_gap
from toolkit.solvers._probe import beaten

EQUAL = 1e-9  # gaps closer than this rank by time
FILE = re.compile(r"checkpoint=(?:[^,\[\]]*[/\\])?")  # before the name of a policy's file


@dataclass(frozen=True)
class Row:
    """One run beside the others of its instance."""

    record: Record
    gap_to_best: float | None  # None without a feasible decision


@dataclass(frozen=True)
class Comparison:
    """All runs on one instance, the best first; refusals stand apart."""

    instance: str
    digest: str
    problem: str
    n_users: int
    sense: str
    best: float | None  # the best feasible objective
    optimal: bool  # a re-proved bound shows that nothing is better
    infeasible: bool  # it is proven that the instance has no feasible decision
    rows: tuple[Row, ...]
    references: tuple[Record, ...] = ()  # of a suite: no rows, but what they know counts
    about: Mapping[str, Any] = field(default_factory=dict)  # as of a record

    @property
    def why(self) -> str:
        """What the proofs of infeasibility say, in words; empty where nothing does."""
        proofs = (row.record for row in self.rows if row.record.status == "infeasible")
        return next((r.message for r in proofs if r.proven and r.message), "")

    @property
    def size(self) -> str:
        """How large the instance is, in words."""
        users = f"{self.n_users:,} user{'s' * (self.n_users > 1)}"
        return ", ".join(filter(None, (users, self.about.get("instance"))))

    @property
    def terms(self) -> Mapping[str, str]:
        """The terms of the problem that are shown, and their units."""
        return self.about.get("terms") or {}

    @property
    def ran(self) -> tuple[Row, ...]:
        return tuple(row for row in self.rows if not row.record.refused)


@dataclass(frozen=True)
class Summary:
    """One solver over all instances that it took; gaps to the best known."""

    label: str
    runs: int
    feasible: int  # runs with a feasible decision
    answered: float  # instances with a decision or a proof, each by the share of the runs on it
    optimal: int  # runs with the verdict "proved"
    at_best: int  # runs within OPTIMAL_GAP of the best known
    failed: int
    median_gap: float | None
    worst_gap: float | None
    median_seconds: float | None  # of the runs that did not fail
    evaluations: int


def formulas(sense: str, references: bool = False) -> tuple[str, str]:
    """What the two gaps are, in one line each; with the `references` of a suite or without."""
    to_bound, to_best = "objective - bound", "objective - best"
    if sense == "max":
        to_bound, to_best = "bound - objective", "best - objective"
    return (
        f"proven gap = ({to_bound}) / |bound|; no feasible decision is better than the bound",
        f"gap to best known = ({to_best}) / |best|; best = best feasible objective of this run"
        + " and of the suite's references" * references,
    )


def workload(records: Iterable[Record]) -> str:
    """31 ms (28 to 35): what the reference workload took, the median and the extremes; or nothing
    where no run tells."""
    taken = [record.yardstick for record in records if record.yardstick]
    if not taken:
        return ""
    middle, low, high = (1e3 * s for s in (statistics.median(taken), min(taken), max(taken)))
    return f"{middle:.3g} ms ({low:.3g} to {high:.3g})"


def shortened(records: Iterable[Record]) -> dict[str, str]:
    """What tables call the labels: a policy by its file's name, where that tells it from others."""
    labels = {record.label: FILE.sub("", record.label) for record in records}
    alike = Counter(labels.values())
    return {full: short if alike[short] == 1 else full for full, short in labels.items()}


def relabelled(records: Sequence[Record]) -> list[Record]:
    """The records with their labels `shortened`."""
    names = shortened(records)
    return [msgspec.structs.replace(record, label=names[record.label]) for record in records]


def compare(records: Iterable[Record], references: Iterable[Record] = ()) -> list[Comparison]:
    """One comparison an instance, in the order in which the instances first appear."""
    known = _grouped(references)
    return [_compare(group, known.get(key, [])) for key, group in _grouped(records).items()]


def _grouped(records: Iterable[Record]) -> dict[str, list[Record]]:
    """The records by instance, in the order in which the instances first appear."""
    groups: dict[str, list[Record]] = {}
    for record in records:
        groups.setdefault(record.digest, []).append(record)
    return groups


def best_known(records: Iterable[Record]) -> tuple[float | None, bool]:
    """The best feasible objective of runs on one instance, and whether it is proven optimal."""
    records = list(records)
    losses = [r.sign * r.objective for r in records if r.feasible and r.objective is not None]
    if not losses:
        return None, False
    bounds = [r.sign * r.bound for r in records if r.proven and r.bound is not None]
    gap = relative_gap(min(losses), max(bounds)) if bounds else float("inf")
    return records[0].sign * min(losses), gap <= OPTIMAL_GAP and not contradictions(records)


def contradictions(records: Iterable[Record]) -> list[tuple[Record, Record]]:
    """(run, better): bounds of runs that a feasible decision of another on its instance beats."""
    out = []
    for group in _grouped(records).values():
        found = [r for r in group if r.feasible and r.objective is not None and not r.refuted]
        if not found:
            continue
        best = min(found, key=lambda r: r.sign * (r.objective or 0.0))
        out += [(run, best) for run in group if _beaten(run, best)]
    return out


def _beaten(run: Record, best: Record) -> bool:
    """Whether the best decision of an instance is better than a run says is possible."""
    loss, violation = best.sign * (best.objective or 0.0), best.violation or 0.0
    bound = run.bound if run.status != "infeasible" else run.sign * float("inf")
    return bound is not None and beaten(loss, run.sign * bound, violation, run.proven)


def gap_to(best: float | None, record: Record) -> float | None:
    """How far a run's feasible objective is from the best one."""
    if best is None or record.objective is None or not record.feasible:
        return None
    return relative_gap(record.sign * record.objective, record.sign * best)


def certified(comparison: Comparison, row: Row) -> tuple[float, float | None]:
    """[f/U - 1, f/L - 1] of a feasible run that minimises: its gap to the best known decision, and
    to the best re-proved bound of its instance, whoever has it; None where there is none."""
    low = row.gap_to_best or 0.0
    if comparison.optimal or row.record.objective is None:
        return low, low if comparison.optimal else None
    known = [*(other.record for other in comparison.rows), *comparison.references]
    bounds = [r.sign * r.bound for r in known if r.proven and r.bound is not None]
    loss = row.record.sign * row.record.objective
    return low, max(low, relative_gap(loss, max(bounds))) if bounds else None


def summarise(comparisons: Sequence[Comparison]) -> list[Summary]:
    """One summary a solver, those with the smallest gaps first."""
    groups: dict[str, list[Row]] = {}
    for comparison in comparisons:
        for row in comparison.ran:
            groups.setdefault(row.record.label, []).append(row)
    out = [_summarise(label, rows) for label, rows in groups.items()]
    return sorted(out, key=_standing)


def refusals(comparisons: Sequence[Comparison]) -> dict[str, str]:
    """The reason of every solver that took no instance at all, or some of them not."""
    out: dict[str, str] = {}
    for comparison in comparisons:
        for row in comparison.rows:
            if row.record.refused:
                out.setdefault(row.record.label, row.record.message)
    return out


def _compare(group: list[Record], references: list[Record]) -> Comparison:
    best, optimal = best_known([*group, *references])
    rows = sorted((Row(r, gap_to(best, r)) for r in group), key=_rank)
    first = group[0]
    return Comparison(
        instance=first.instance,
        digest=first.digest,
        problem=first.problem,
        n_users=first.n_users,
        sense=first.sense,
        best=best,
        optimal=optimal,
        infeasible=any(r.status == "infeasible" and r.proven for r in (*group, *references)),
        rows=tuple(rows),
        references=tuple(references),
        about=first.about,
    )


def _rank(row: Row) -> tuple[int, float, bool, float, str]:
    """Feasible runs by gap, then whether they failed, then time; then what proves, finds nothing,
    fails, refuses."""
    record, gap = row.record, row.gap_to_best
    if gap is not None:
        return 0, _about(gap), record.failed, record.seconds, record.label
    if record.failed or record.refused:
        return 3 + record.refused, 0.0, True, 0.0, record.label
    worst = float("inf") if record.violation is None else record.violation
    return 1 + (record.status != "infeasible"), worst, False, record.seconds, record.label


def _about(gap: float) -> float:
    """The gap to a multiple of EQUAL; one far beyond that (the best is 0, say) as it is."""
    return round(gap / EQUAL) * EQUAL if gap < 1.0 / EQUAL else gap


def _summarise(label: str, rows: list[Row]) -> Summary:
    records = [row.record for row in rows]
    gaps = [row.gap_to_best for row in rows if row.gap_to_best is not None]
    times = [record.seconds for record in records if not record.failed]
    return Summary(
        label=label,
        runs=len(rows),
        feasible=len(gaps),
        answered=_answered(rows),
        optimal=sum(r.verdict == "proved" for r in records),
        at_best=sum(gap <= OPTIMAL_GAP for gap in gaps),
        failed=sum(r.failed for r in records),
        median_gap=statistics.median(gaps) if gaps else None,
        worst_gap=max(gaps) if gaps else None,
        median_seconds=statistics.median(times) if times else None,
        evaluations=sum(r.evaluations for r in records),
    )


def _answered(rows: Sequence[Row]) -> float:
    """Several seeds on an instance share its weight: who ran more of them answers no more."""
    runs = Counter(row.record.digest for row in rows)
    done = Counter(
        row.record.digest
        for row in rows
        if row.gap_to_best is not None or row.record.verdict == "proved"
    )
    return sum(number / runs[digest] for digest, number in done.items())


def _standing(summary: Summary) -> tuple[float, float, float, float, str]:
    """Those that answered the most instances first, then by median gap, worst gap, time."""
    near, far = _about(summary.median_gap or 0.0), _about(summary.worst_gap or 0.0)
    time = summary.median_seconds or 0.0
    return -round(summary.answered, 9), near, far, time, summary.label
