"""A study of a paper: methods under the paper's names, what is plotted, and what it claims.

Pure numbers from records: `series` for a panel, `finding` for a claim. Nothing here draws or runs.
"""

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from toolkit.errors import unknown
from toolkit.reports._bootstrap import LEVEL, interval, mean, median
from toolkit.reports._cells import Values, cell, differences, leads, shares
from toolkit.reports.compare import best_known
from toolkit.reports.papers.asked import TREND
from toolkit.reports.papers.asked import Panel as Panel
from toolkit.reports.papers.asked import PaperClaim as PaperClaim
from toolkit.reports.papers.metrics import MORE_IS_BETTER, by_tenth, metric_of
from toolkit.reports.record import Record
from toolkit.solvers import relative_gap

OPTIMUM = "proven optimum"
PLACES = 40  # of a curve along evaluations
ENOUGH = 5  # instances below which nothing is decided


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
        """Whether the claim held throughout, somewhere or nowhere; or whether nothing decides."""
        held = [one.held for one in self.measured]
        if held and all(held):
            return "reproduced"
        if any(held):
            return "partly reproduced"
        return "not reproduced" if False in held else "not decided"


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
        self._best = {digest: _optimal(group) for digest, group in groups.items()}
        self._some = {group[0].digest: group[0] for group in groups.values()}

    @property
    def proven(self) -> tuple[int, int]:
        """On how many instances the optimum is proven, of how many."""
        return sum(best is not None for best in self._best.values()), len(self._best)

    @property
    def absent(self) -> tuple[int, int, int]:
        """How many runs failed, were refused, and were ended by their time limit."""
        runs = [record for name in self.methods for record in self._runs[name]]
        failed, refused = sum(r.failed for r in runs), sum(r.refused for r in runs)
        return failed, refused, sum(r.stop == "time" for r in runs)

    @property
    def values(self) -> list[float | None]:
        """What the swept field takes, in order; [None] where nothing is swept."""
        return sorted({self._x(record) for record in self._some.values()}, key=lambda x: x or 0.0)

    def series(self, panel: Panel) -> dict[str, list[Point]]:
        """The points of each method, and of the proven optimum where the metric has one."""
        names = panel.methods or self.methods
        found = {name: line for name in names if (line := self._line(name, panel))}
        if panel.y == "objective":
            found[OPTIMUM] = self._optimum()
        if panel.y == "reward" and found:
            found |= self._levels(found)
        return found

    def finding(self, claim: PaperClaim) -> Finding:
        """What the records say of a claim."""
        ours = {x: self._cells(claim.of, claim.metric, x) for x in self.values}
        if claim.trend is not None:
            if claim.over is not None:
                ours = {x: self._leads(claim, claim.over, x) for x in ours}
            moved = shares(list(ours.values()), grows=claim.trend == "grows")
            # a share is at least TREND where what is missing from 1 is at most the rest
            missing = {cell: 1.0 - share for cell, share in moved.items()}
            return Finding(claim, (_measured(None, missing, 1.0 - TREND, strict=False),))
        found, level = [], 1.0 - (1.0 - LEVEL) / len(ours)
        for x, cells in ours.items():
            if claim.below is not None:
                more = {cell: claim.times * value for cell, value in cells.items()}
                cells = differences(more, self._cells(claim.below, claim.metric, x))
                found.append(_measured(x, cells, -claim.margin, strict=True, level=level))
            else:
                limit = claim.at_most or 0.0
                found.append(_measured(x, cells, limit, strict=False, level=level))
        return Finding(claim, tuple(found))

    def _leads(self, claim: PaperClaim, over: str, x: float | None) -> Values:
        ours, other = (self._cells(name, claim.metric, x) for name in (claim.of, over))
        return leads(ours, other, claim.relative)

    def _line(self, name: str, panel: Panel) -> list[Point]:
        if panel.x == "episode":
            columns = self._episodes(name, panel.y)
        elif panel.x == "tenth":
            columns = self._tenths(name, panel.y)
        elif panel.x == "evaluations":
            columns = self._incumbents(name)
        else:
            columns = {x or 0.0: self._cells(name, panel.y, x) for x in self.values}
        points = [point for x, cells in columns.items() if (point := _point(x, cells))]
        if panel.x == "evaluations":  # a mean over more and more runs would rise
            return [point for point in points if not point.missing]
        return points

    def _episodes(self, name: str, curve: str) -> dict[float, Values]:
        """A learner's training curve, episode by episode."""
        lines = {cell(r): r.details.get("curve", {}).get(curve, []) for r in self.named(name)}
        longest = max(map(len, lines.values()), default=0)
        return {
            at + 1.0: {cell: line[at] for cell, line in lines.items() if at < len(line)}
            for at in range(longest)
        }

    def _tenths(self, name: str, metric: str) -> dict[float, Values]:
        """The metric tenth by tenth of the episode."""
        columns: dict[float, Values] = defaultdict(dict)
        for r in self.named(name):
            for at, value in enumerate(by_tenth(metric, r, self._best[r.digest])):
                columns[at + 1.0][cell(r)] = value
        return columns

    def _incumbents(self, name: str) -> dict[float, Values]:
        """The gap of the best decision so far, along the evaluations that it took."""
        runs = self.named(name)
        most = max((r.evaluations for r in runs), default=1)
        places = np.unique(np.geomspace(1, max(most, 1), PLACES).astype(int)).tolist()
        return {float(at): {cell(r): self._incumbent(r, at) for r in runs} for at in places}

    def _incumbent(self, record: Record, evaluations: int) -> float:
        best = self._best[record.digest]
        seen = [o for _, e, o, _ in record.trace if o is not None and (e or 0) <= evaluations]
        if best is None or best.objective is None or not seen:
            return math.inf  # which keeps the whole line from starting here
        return relative_gap(record.sign * seen[-1], record.sign * best.objective)

    def _optimum(self) -> list[Point]:
        """The proven optimum at each setting."""
        cells: dict[float | None, Values] = defaultdict(dict)
        for digest, record in self._some.items():
            best = self._best[digest]
            if best is not None and best.objective is not None:
                cells[self._x(record)][cell(record)] = best.objective
        return [point for x in self.values if (point := _point(x or 0.0, cells[x]))]

    def _levels(self, beside: dict[str, list[Point]]) -> dict[str, list[Point]]:
        """What the optimum, and methods without a curve, would have as a reward: less loss."""
        ends = [point.x for line in beside.values() for point in line]
        levels = {OPTIMUM: self._optimum()}
        for name in self.methods:
            if name not in beside and (line := self._line(name, Panel(y="objective"))):
                levels[name] = line
        reward = -next(iter(self._some.values())).sign

        def level(point: Point, x: float) -> Point:
            low, high = sorted((reward * point.low, reward * point.high))
            return replace(point, x=x, mean=reward * point.mean, low=low, high=high)

        return {
            name: [level(line[0], x) for x in (min(ends), max(ends))]
            for name, line in levels.items()
            if line
        }

    def _cells(self, name: str, metric: str, x: float | None) -> Values:
        """The metric of a method's runs at one setting; NaN where it is not defined.

        A run that failed or was refused is as bad as can be, whatever is measured.
        """
        worst = -math.inf if metric in MORE_IS_BETTER else math.inf
        of = metric_of(metric)
        return {
            cell(r): worst if r.failed or r.refused else of(r, self._best[r.digest])
            for r in self.named(name)
            if self._x(r) == x
        }

    def named(self, name: str) -> list[Record]:
        """The runs of a method; UserError where there is no such method."""
        if name not in self.methods:
            raise unknown("method of a claim or a panel", name, self.methods)
        return self._runs[name]

    def _x(self, record: Record) -> float | None:
        return None if self.field is None else float(record.problem_params[self.field])


def _optimal(group: list[Record]) -> Record | None:
    """The best run on an instance, where its answer is proven optimal."""
    value, optimal = best_known(group)
    if not optimal:
        return None
    return next(r for r in group if r.feasible and r.objective == value)


def _measured(
    x: float | None, cells: Values, limit: float, strict: bool, level: float = LEVEL
) -> Measured:
    """Whether the median is below a limit: the interval decides, where enough instances do."""
    known = {cell: value for cell, value in cells.items() if not math.isnan(value)}
    value, low, high = interval(known, median, level)
    if len({instance for instance, _ in known}) < ENOUGH:
        return Measured(x, value, low, high, None)
    if high < limit or (high <= limit and not strict):
        return Measured(x, value, low, high, True)
    against = low > limit or (low >= limit and strict and low == high)
    return Measured(x, value, low, high, False if against else None)


def _point(x: float, cells: Values) -> Point | None:
    """The mean over the runs that have a value; None where no run has."""
    finite = {cell: value for cell, value in cells.items() if math.isfinite(value)}
    if not finite:
        return None
    return Point(x, *interval(finite, mean), len(cells), len(cells) - len(finite))
