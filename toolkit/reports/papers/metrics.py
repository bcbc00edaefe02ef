"""What a study measures of a run, by name."""

import math
from collections.abc import Callable
from statistics import fmean

from toolkit.errors import unknown
from toolkit.reports.compare import gap_to
from toolkit.reports.record import Record
from toolkit.solvers import relative_gap

CURVES = ("reward", "critic_loss", "critic_loss_variance")
MORE_IS_BETTER = ("reward", "explored_feasible")
TENTHS = ("gap", "candidates")  # metrics that have a value for each tenth of an episode
# Of a run and a run that is proven optimal on the same instance; NaN: undefined.
Metric = Callable[[Record, Record | None], float]


def metric_of(name: str) -> Metric:
    """The metric of that name; UserError where there is none."""
    if name not in METRICS:
        raise unknown("metric", name, METRICS)
    return METRICS[name]


def _objective(record: Record, best: Record | None) -> float:
    found = record.objective if record.feasible else None
    return record.sign * math.inf if found is None else found


def _term(name: str) -> Metric:
    """A term of the objective, such as the delay or the energy of all users."""

    def metric(record: Record, best: Record | None) -> float:
        value = record.terms.get(name) if record.feasible else math.inf
        return math.nan if value is None else float(value)

    return metric


def _gap(record: Record, best: Record | None) -> float:
    if best is None:
        return math.nan
    found = gap_to(best.objective, record)
    return math.inf if found is None else found


def _final_gap(record: Record, best: Record | None) -> float:
    """The gap of the policy that learning leaves; of the answer itself where nothing learnt."""
    final = record.details.get("final")
    if final is None or best is None or best.objective is None:
        return _gap(record, best)
    if not final["feasible"]:
        return math.inf
    return relative_gap(record.sign * float(final["objective"]), record.sign * best.objective)


def _explored_feasible(record: Record, best: Record | None) -> float:
    """The share of feasible decisions among those tried while learning."""
    share = record.details.get("explored_feasible")
    return math.nan if share is None else float(share)


def _settled(curve: str) -> Metric:
    """The mean over the last third of a training curve."""

    def metric(record: Record, best: Record | None) -> float:
        line = record.details.get("curve", {}).get(curve, [])
        return fmean(line[-max(1, len(line) // 3) :]) if line else math.nan

    return metric


def by_tenth(metric: str, record: Record, best: Record | None) -> list[float]:
    """A metric of TENTHS for each tenth of the episode; empty where the run does not tell it.

    The gap of a tenth is that of its mean objective to the optimum's in the same tenth.
    """
    if metric == "candidates":
        return _line(record, "candidates")
    found, least = (_line(run, "objective") if run else [] for run in (record, best))
    if not found or not least:
        return []
    if not record.feasible:
        return [math.inf] * len(found)
    sign = record.sign
    return [relative_gap(sign * ours, sign * opt) for ours, opt in zip(found, least, strict=True)]


def _line(record: Record, name: str) -> list[float]:
    """The tenths of that name; a number that the store had no word for is none."""
    line = record.details.get("tenths", {}).get(name, [])
    return [math.nan if value is None else float(value) for value in line]


def _last(metric: str) -> Metric:
    """The metric in the last tenth of the episode."""

    def of(record: Record, best: Record | None) -> float:
        return (by_tenth(metric, record, best) or [math.nan])[-1]

    return of


def _frame_seconds(record: Record, best: Record | None) -> float:
    """The solver's own seconds for a frame of an episode, what it learns there included."""
    frames = record.problem_params.get("frames")
    return record.seconds / frames if frames else math.nan


METRICS: dict[str, Metric] = {
    "objective": _objective,
    "delay": _term("delay"),
    "energy": _term("energy"),
    "gap": _gap,
    "final_gap": _final_gap,
    "seconds": lambda record, best: record.seconds,
    "explored_feasible": _explored_feasible,
    "last_gap": _last("gap"),
    "candidates": _last("candidates"),
    "frame_seconds": _frame_seconds,
    **{name: _settled(name) for name in CURVES},
}
