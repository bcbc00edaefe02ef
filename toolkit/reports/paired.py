"""Two sets of runs side by side, pair by pair: how many are better, and by how much."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from toolkit.reports import _bootstrap
from toolkit.reports.compare import EQUAL, best_known, gap_to, relabelled
from toolkit.reports.record import FAILED, Record

BY_ITSELF = ("finished", "evaluations")  # stops that no clock had a hand in
KNOWN = {"optimal": 3, "infeasible": 3, "feasible": 2, "unknown": 1, FAILED: 0}
RELATIVE, POINTS = "%", "pp"  # of the value before; of the gap itself

Cell = tuple[str, str, str, int]  # problem, digest, label, seed
Limits = tuple[tuple[str, float | None], ...]


@dataclass(frozen=True)
class Pair:
    """A run before and the same after: problem, instance, solver and seed."""

    before: Record
    after: Record
    best: float | None  # the best feasible objective that either side has for the instance

    @property
    def gated(self) -> bool:
        """Whether the run before came to its end: where the clock cut that short, or it failed,
        what comes after may differ by chance."""
        return ended(self.before)

    @property
    def said(self) -> str:
        run = self.after
        return f"{run.label} on {run.instance}, seed {run.seed}"

    @property
    def status_change(self) -> float:
        """> 0: less is known after than before, or it failed; < 0 the other way round."""
        standing = _standing(self.before), _standing(self.after)
        if standing[0] == standing[1]:  # optimal before, infeasible after: one of them is wrong
            return float(self.before.status != self.after.status)
        return float(standing[0] - standing[1])


@dataclass(frozen=True)
class Pairing:
    """What is in both, and what is not."""

    pairs: tuple[Pair, ...]
    only_before: tuple[Record, ...]
    only_after: tuple[Record, ...]
    older: int  # runs in whose place a newer one of the same problem, instance, … stands


@dataclass(frozen=True)
class Measure:
    """What is compared; smaller is better.

    of  the value of the run before and of that after; NaN: it tells none; inf: it has no answer
    """

    name: str
    unit: str
    of: Callable[[Pair], tuple[float, float]]
    advises: bool = False  # no gate may be set on it

    def change(self, pair: Pair) -> float:
        """> 0: worse after; in parts (0.01 is 1% or one point); NaN where nothing compares."""
        before, after = self.of(pair)
        if math.isinf(before) or math.isinf(after):
            return math.nan if before == after else after - before
        if math.isnan(before) or math.isnan(after) or before == after:
            return after - before
        if self.unit == POINTS:
            return after - before
        return (after - before) / (abs(before) or abs(after))


@dataclass(frozen=True)
class Line:
    """A measure of one solver over its pairs; changes in parts, > 0 is worse."""

    label: str
    measure: Measure
    better: int
    equal: int
    worse: int
    median: float
    low: float
    high: float
    most: float  # of the pair that came off worst


def ended(record: Record) -> bool:
    """Whether it came to its end by itself."""
    return record.stop in BY_ITSELF and not record.failed


def paired(before: Iterable[Record], after: Iterable[Record]) -> Pairing:
    """The pairs of two sets of runs, each oldest first: the newest of each kind counts.

    Runs with the same limits belong together; what is left over is paired whatever its limits.
    """
    old, new = relabelled(list(before)), relabelled(list(after))
    best = _best(old + new)
    one, two = _newest(old), _newest(new)
    older = len(old) + len(new) - len(one) - len(two)
    both = sorted(one.keys() & two.keys())
    matched = [(one.pop(key), two.pop(key)) for key in both]
    rest, others = _by_cell(one), _by_cell(two)
    matched += [(rest.pop(cell), others.pop(cell)) for cell in sorted(rest.keys() & others.keys())]
    used = {id(run) for pair in matched for run in pair}
    pairs = [Pair(a, b, best[a.digest]) for a, b in matched]
    return Pairing(
        pairs=tuple(sorted(pairs, key=lambda pair: _order(pair.after))),
        only_before=_left(one.values(), used),
        only_after=_left(two.values(), used),
        older=older,
    )


def lines(pairs: Sequence[Pair]) -> list[Line]:
    """A line for each solver and measure that tells anything."""
    groups: dict[str, list[Pair]] = {}
    for pair in pairs:
        groups.setdefault(pair.after.label, []).append(pair)
    found = (_line(label, m, group) for label, group in groups.items() for m in MEASURES)
    return [line for line in found if line is not None]


def _line(label: str, measure: Measure, pairs: Sequence[Pair]) -> Line | None:
    cells: dict[tuple[str, int], float] = {}
    count: Counter[str] = Counter()
    for pair in pairs:
        if not math.isnan(change := measure.change(pair)):
            cells[pair.after.digest, count[pair.after.digest]] = change
            count[pair.after.digest] += 1
    if not cells:
        return None
    median, low, high = _bootstrap.interval(cells, _bootstrap.median)
    changes = cells.values()
    better, worse = sum(c < -EQUAL for c in changes), sum(c > EQUAL for c in changes)
    equal = len(cells) - better - worse
    return Line(label, measure, better, equal, worse, median, low, high, max(changes))


# Pairing.


def _cell(record: Record) -> Cell:
    return record.problem, record.digest, record.label, record.seed


def _limits(record: Record) -> Limits:
    return tuple(sorted((k, v) for k, v in record.limits.items() if v is not None))


def _newest(records: Iterable[Record]) -> dict[tuple[Cell, Limits], Record]:
    """Of each kind the last one."""
    return {(_cell(record), _limits(record)): record for record in records}


def _by_cell(records: dict[tuple[Cell, Limits], Record]) -> dict[Cell, Record]:
    return {cell: record for (cell, _), record in records.items()}


def _left(records: Iterable[Record], used: set[int]) -> tuple[Record, ...]:
    return tuple(sorted((r for r in records if id(r) not in used), key=_order))


def _order(record: Record) -> tuple[str, str, str, str, int, Limits]:
    return (
        record.problem,
        record.label,
        record.instance,
        record.digest,
        record.seed,
        _limits(record),
    )


def _best(records: Iterable[Record]) -> dict[str, float | None]:
    """The best feasible objective of each instance."""
    groups: dict[str, list[Record]] = {}
    for record in records:
        groups.setdefault(record.digest, []).append(record)
    return {digest: best_known(group)[0] for digest, group in groups.items()}


def _standing(record: Record) -> int:
    return 2 * KNOWN.get(record.status, 0) + (not record.failed)


# Measures.


def _objective(record: Record) -> float:
    """As a loss: smaller is better whichever way it is optimised."""
    if record.objective is None or not record.feasible:
        return math.inf
    return record.sign * record.objective


def _proven_gap(record: Record) -> float:
    if not record.proven:
        return math.inf
    if record.status == "infeasible":
        return 0.0  # nothing is left to prove
    return math.inf if record.gap is None else record.gap


def _to_best(pair: Pair) -> tuple[float, float]:
    gaps = (gap_to(pair.best, pair.before), gap_to(pair.best, pair.after))
    before, after = (math.inf if gap is None else gap for gap in gaps)
    return before, after


def _evaluations(pair: Pair) -> tuple[float, float]:
    """A counter that no clock has cut short."""
    if not (ended(pair.before) and ended(pair.after)):
        return math.nan, math.nan
    return pair.before.evaluations, pair.after.evaluations


def _seconds(pair: Pair) -> tuple[float, float]:
    """In units of the reference workload, where both have one."""
    one, two = pair.before, pair.after
    if not (ended(one) and ended(two)):
        return math.nan, math.nan
    if one.yardstick and two.yardstick:
        return one.seconds / one.yardstick, two.seconds / two.yardstick
    return one.seconds, two.seconds


MEASURES = (
    Measure("objective", RELATIVE, lambda pair: (_objective(pair.before), _objective(pair.after))),
    Measure("gap to best", POINTS, _to_best),
    Measure("proven gap", POINTS, lambda pair: (_proven_gap(pair.before), _proven_gap(pair.after))),
    Measure("evaluations", RELATIVE, _evaluations),
    Measure("seconds", RELATIVE, _seconds, advises=True),
)
