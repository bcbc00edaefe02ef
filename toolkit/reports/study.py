"""A study of a paper: methods under the paper's names, what is plotted, and what it claims.

Pure numbers from records: `series` for a panel, `finding` for a claim. Nothing here draws or runs.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from statistics import fmean

import msgspec
import numpy as np

from toolkit.errors import unknown
from toolkit.solvers import relative_gap

from ._bootstrap import interval, mean, median
from .compare import best_known, gap_to
from .record import Record

OPTIMUM = "proven optimum"
PLACES = 40  # of a curve along evaluations
Values = dict[tuple[str, int], float]  # (instance, seed) -> value
Metric = Callable[[Record, float | None], float]  # of a run and the best known objective


class Panel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One set of axes. Without `x` every method is one point with its interval."""

    y: str  # a metric
    x: str | None = None  # the field that the plan sweeps, "episode", or "evaluations"
    log: bool = False
    methods: list[str] | None = None  # None: all that have the metric


class PaperClaim(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A sentence of a paper as something that can be measured; one of the last three is given.

    below    another method, of which `of` has less on the same instance with the same seed
    at_most  a number that the median of `of` does not exceed
    trend    "falls" or "grows": from the first to the last value of the sweep
    """

    says: str
    metric: str
    of: str
    below: str | None = None
    at_most: float | None = None
    trend: str | None = None

    def __post_init__(self) -> None:
        given = [one for one in (self.below, self.at_most, self.trend) if one is not None]
        if len(given) != 1 or self.trend not in (None, "falls", "grows"):
            raise ValueError("give one of below, at_most and trend ('falls' or 'grows')")


@dataclass(frozen=True)
class Point:
    """A mean over instances and seeds, with its bootstrap interval, and what it rests on."""

    x: float
    mean: float
    low: float
    high: float
    runs: int
    missing: int  # runs without a value, as those without a feasible decision


@dataclass(frozen=True)
class Measured:
    """The median behind a claim at one value of the sweep; `held` is None where it is open."""

    x: float | None
    value: float
    low: float
    high: float
    held: bool | None


@dataclass(frozen=True)
class Finding:
    """A claim, and what was measured at each value of the sweep."""

    claim: PaperClaim
    measured: tuple[Measured, ...]

    @property
    def verdict(self) -> str:
        """Whether the claim held throughout, somewhere, or nowhere."""
        held = [one.held for one in self.measured]
        if held and all(held):
            return "reproduced"
        return "partly reproduced" if any(held) else "not reproduced"


class Study:
    """The records of one plan, by setting, method, instance and seed."""

    def __init__(
        self, records: Iterable[Record], methods: dict[str, str], field: str | None = None
    ) -> None:
        """`methods`: the label behind each of the paper's names. `field`: what the plan sweeps."""
        self.methods, self.field = list(methods), field
        names = {label: name for name, label in methods.items()}
        groups: dict[str, list[Record]] = defaultdict(list)
        self._runs: dict[str, list[Record]] = defaultdict(list)
        for record in records:
            groups[record.digest].append(record)
            if record.label in names:
                self._runs[names[record.label]].append(record)
        self._best = {digest: best_known(group) for digest, group in groups.items()}
        self._some = {group[0].digest: group[0] for group in groups.values()}

    @property
    def proven(self) -> tuple[int, int]:
        """On how many instances the optimum is proven, of how many."""
        return sum(optimal for _, optimal in self._best.values()), len(self._best)

    @property
    def values(self) -> list[float | None]:
        """What the swept field takes, in order; [None] where nothing is swept."""
        return sorted({self._x(record) for record in self._some.values()}, key=lambda x: x or 0.0)

    def series(self, panel: Panel) -> dict[str, list[Point]]:
        """The points of each method, and of the proven optimum where the metric has one."""
        names = panel.methods or self.methods
        found = {name: line for name in names if (line := self._line(name, panel))}
        if panel.y in ("objective", "reward"):
            found[OPTIMUM] = self._optimum(panel, found)
        return found

    def finding(self, claim: PaperClaim) -> Finding:
        """What the records say of a claim."""
        metric = metric_of(claim.metric)
        ours = {x: self._cells(claim.of, metric, x) for x in self.values}
        if claim.trend is not None:
            first, *_, last = self.values
            sign = 1.0 if claim.trend == "falls" else -1.0
            change = _differences(ours[last], ours[first], sign)
            return Finding(claim, (_measured(None, change, 0.0, strict=True),))
        found = []
        for x, cells in ours.items():
            if claim.below is not None:
                other = self._cells(claim.below, metric, x)
                found.append(_measured(x, _differences(cells, other), 0.0, strict=True))
            else:
                found.append(_measured(x, cells, claim.at_most or 0.0, strict=False))
        return Finding(claim, tuple(found))

    def _line(self, name: str, panel: Panel) -> list[Point]:
        if panel.x == "episode":
            columns = self._episodes(name, panel.y)
        elif panel.x == "evaluations":
            columns = self._incumbents(name)
        else:
            columns = {x or 0.0: self._cells(name, metric_of(panel.y), x) for x in self.values}
        points = [point for x, cells in columns.items() if (point := _point(x, cells))]
        if panel.x == "evaluations":  # a mean over more and more runs would rise
            return [point for point in points if not point.missing]
        return points

    def _episodes(self, name: str, curve: str) -> dict[float, Values]:
        """A learner's training curve, episode by episode."""
        lines = {_cell(r): r.details.get("curve", {}).get(curve, []) for r in self.named(name)}
        longest = max(map(len, lines.values()), default=0)
        return {
            at + 1.0: {cell: line[at] for cell, line in lines.items() if at < len(line)}
            for at in range(longest)
        }

    def _incumbents(self, name: str) -> dict[float, Values]:
        """The gap of the best decision so far, along the evaluations that it took."""
        runs = self.named(name)
        most = max((r.evaluations for r in runs), default=1)
        places = np.unique(np.geomspace(1, max(most, 1), PLACES).astype(int)).tolist()
        return {float(at): {_cell(r): self._incumbent(r, at) for r in runs} for at in places}

    def _incumbent(self, record: Record, evaluations: int) -> float:
        best, _ = self._best[record.digest]
        seen = [o for _, e, o, _ in record.trace if o is not None and (e or 0) <= evaluations]
        if best is None or not seen:
            return math.inf
        return relative_gap(record.sign * seen[-1], record.sign * best)

    def _optimum(self, panel: Panel, beside: dict[str, list[Point]]) -> list[Point]:
        """The proven optimum at each setting; of a reward, its negative along the whole axis."""
        cells: dict[float | None, Values] = defaultdict(dict)
        for digest, record in self._some.items():
            best, optimal = self._best[digest]
            if best is not None and optimal:
                cells[self._x(record)][_cell(record)] = -best if panel.y == "reward" else best
        points = [point for x in self.values if (point := _point(x or 0.0, cells[x])) is not None]
        if panel.x == "episode" and points:
            ends = [point.x for line in beside.values() for point in line] or [1.0]
            points = [replace(points[0], x=min(ends)), replace(points[0], x=max(ends))]
        return points

    def _cells(self, name: str, metric: Metric, x: float | None) -> Values:
        """The metric of a method's runs at one setting."""
        runs = [r for r in self.named(name) if self._x(r) == x]
        return {_cell(r): metric(r, self._best[r.digest][0]) for r in runs}

    def named(self, name: str) -> list[Record]:
        """The runs of a method; UserError where there is no such method."""
        if name not in self.methods:
            raise unknown("method of a claim or a panel", name, self.methods)
        return self._runs[name]

    def _x(self, record: Record) -> float | None:
        return None if self.field is None else float(record.problem_params[self.field])


def metric_of(name: str) -> Metric:
    """The metric of that name; UserError where there is none."""
    if name not in METRICS:
        raise unknown("metric", name, METRICS)
    return METRICS[name]


def _cell(record: Record) -> tuple[str, int]:
    """Which instance, whatever the swept field is, and which seed."""
    return record.instance.rpartition("-")[2], record.seed


def _differences(ours: Values, other: Values, sign: float = 1.0) -> Values:
    """Ours less the other's on the cells that both have; two failures are equal."""
    both = sorted(ours.keys() & other.keys())
    return {c: 0.0 if ours[c] == other[c] else sign * (ours[c] - other[c]) for c in both}


def _measured(x: float | None, cells: Values, limit: float, strict: bool) -> Measured:
    """Whether the median is below a limit: the interval decides."""
    value, low, high = interval(cells, median)
    if high < limit or (high <= limit and not strict):
        return Measured(x, value, low, high, True)
    return Measured(x, value, low, high, False if low > limit or not cells else None)


def _point(x: float, cells: Values) -> Point | None:
    """The mean over the runs that have a value; None where no run has."""
    finite = {cell: value for cell, value in cells.items() if math.isfinite(value)}
    if not finite:
        return None
    return Point(x, *interval(finite, mean), len(cells), len(cells) - len(finite))


def _objective(record: Record, best: float | None) -> float:
    found = record.objective if record.feasible else None
    return record.sign * math.inf if found is None else found


def _gap(record: Record, best: float | None) -> float:
    found = gap_to(best, record)
    return math.inf if found is None else found


def _final_gap(record: Record, best: float | None) -> float:
    """The gap of the policy that learning leaves; NaN where nothing learnt."""
    final = record.details.get("final")
    if final is None or best is None:
        return math.nan
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
    **{name: _settled(name) for name in ("reward", "critic_loss", "critic_loss_variance")},
}
