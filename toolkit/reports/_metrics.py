"""What a study measures of a run, by name."""

import math
from collections.abc import Callable
from statistics import fmean

from toolkit.errors import unknown
from toolkit.solvers import relative_gap

from .compare import gap_to
from .record import Record

CURVES = ("reward", "critic_loss", "critic_loss_variance")
MORE_IS_BETTER = ("reward", "explored_feasible")
Metric = Callable[[Record, float | None], float]  # of a run and the proven optimum; NaN: undefined


def metric_of(name: str) -> Metric:
    """The metric of that name; UserError where there is none."""
    if name not in METRICS:
        raise unknown("metric", name, METRICS)
    return METRICS[name]


def _objective(record: Record, best: float | None) -> float:
    found = record.objective if record.feasible else None
    return record.sign * math.inf if found is None else found


def _gap(record: Record, best: float | None) -> float:
    if best is None:
        return math.nan
    found = gap_to(best, record)
    return math.inf if found is None else found


def _final_gap(record: Record, best: float | None) -> float:
    """The gap of the policy that learning leaves; of the answer itself where nothing learnt."""
    final = record.details.get("final")
    if final is None or best is None:
        return _gap(record, best)
    if not final["feasible"]:
        return math.inf
    return relative_gap(record.sign * float(final["objective"]), record.sign * best)


def _explored_feasible(record: Record, best: float | None) -> float:
    """The share of feasible decisions among those tried while learning."""
    share = record.details.get("explored_feasible")
    return math.nan if share is None else float(share)


def _settled(curve: str) -> Metric:
    """The mean over the last third of a training curve."""

    def metric(record: Record, best: float | None) -> float:
        line = record.details.get("curve", {}).get(curve, [])
        return fmean(line[-max(1, len(line) // 3) :]) if line else math.nan

    return metric


METRICS: dict[str, Metric] = {
    "objective": _objective,
    "gap": _gap,
    "final_gap": _final_gap,
    "seconds": lambda record, best: record.seconds,
    "explored_feasible": _explored_feasible,
    **{name: _settled(name) for name in CURVES},
}
