"""How much of what offloading saves, or gains, a solver misses, and which instances tell it."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from toolkit.reports.compare import Comparison, Row
from toolkit.reports.record import Record
from toolkit.solvers import OPTIMAL_GAP

ABSENT, STAYLESS, UNPROVEN, OWN, NOTHING = WHY = (
    "local_only did not run",
    "local_only gave no feasible decision",
    "no run has proved the optimum, as exact does",
    "the solver itself has no feasible decision",
    "all-local is optimal, nothing to save",
)  # why an instance does not tell


@dataclass(frozen=True)
class Savings:
    """The mean of `missed`, and what it rests on."""

    missed: float | None
    told: int  # instances that tell
    instances: int
    untold: tuple[tuple[str, str], ...]  # (a reason of WHY, digest) of the others


def savings(pairs: Sequence[tuple[Comparison, Row]]) -> Savings:
    """The saving missed over a solver's runs."""
    shares = [(c.digest, share) for c, row in pairs if (share := missed(c, row)) is not None]
    told, digests = {digest for digest, _ in shares}, {c.digest for c, _ in pairs}
    reasons = {(why, c.digest) for c, row in pairs if c.digest not in told for why in _why(c, row)}
    return Savings(
        missed=statistics.fmean(share for _, share in shares) if shares else None,
        told=len(told),
        instances=len(digests),
        untold=tuple(sorted(reasons)),
    )


def missed(comparison: Comparison, row: Row) -> float | None:
    """(cost - opt) / (all-local - opt), the saving missed: 0 is optimal, 1 as bad as all-local.

    None without a feasible decision, a proven optimum or a feasible run of `local_only`.
    """
    best, cost = comparison.best, row.record.objective
    if _why(comparison, row) or best is None or cost is None:
        return None
    return max(0.0, row.record.sign * (cost - best)) / _span(comparison)


def _why(comparison: Comparison, row: Row) -> list[str]:
    """What is missing to tell the saving missed; empty where it can be told."""
    out = []
    if not any(_local(other.record) for other in comparison.ran):
        ran = any(other.record.solver == "local_only" for other in comparison.ran)
        out.append(STAYLESS if ran else ABSENT)
    if row.gap_to_best is None:
        out.append(OWN)
    if not comparison.optimal and not (out and comparison.infeasible):
        out.append(UNPROVEN)
    if not out and _span(comparison) <= OPTIMAL_GAP * abs(comparison.best or 0.0):
        out.append(NOTHING)
    return out


def _span(comparison: Comparison) -> float:
    """What offloading can save: all-local less the best, where both are known."""
    stay = next(row.record for row in comparison.ran if _local(row.record))
    return stay.sign * ((stay.objective or 0.0) - (comparison.best or 0.0))


def _local(record: Record) -> bool:
    return record.solver == "local_only" and record.feasible
