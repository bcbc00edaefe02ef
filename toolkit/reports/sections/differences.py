"""Every method against a reference, on the instances and seeds that both have, with intervals."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from toolkit.reports._bootstrap import LEVEL, median, spread, weighted_mean, weighted_median
from toolkit.reports.content import Cell, Column, Section, Table, share, words
from toolkit.reports.frame import Group
from toolkit.reports.numbers import MOST
from toolkit.reports.record import finite
from toolkit.reports.sections._reach import nearest, prover, reaches
from toolkit.reports.sections._runs import FEWEST, SHORTEST, Runs, runs_of, with_best
from toolkit.reports.statistics import holm, improvement_shares, sign_test

ORDER = 50
TIE = 1e-6  # gaps no further apart are alike: both would be called optimal
ERROR = 1 - LEVEL
INTERVALS = 3  # a row
COLUMNS = [
    Column(name="method", text=True),
    Column(name="instances", note="that both were given and of which a decision is known"),
    Column(name="pairs", note="runs of both on an instance with the same seed"),
    Column(name="better / equal / worse", text=True, note="pairs by gap; equal: within 1e-6"),
    Column(name="median difference of gap", unit="percentage points", note="negative: better"),
    Column(name="chance of a smaller gap", note="of a run against one of the reference, tie half"),
    Column(name="gap", text=True, note="sign test over the instances, adjusted after Holm"),
    Column(
        name="median ratio of seconds", note="of a run to that of the reference; below 1: faster"
    ),
    Column(name="time", text=True, note="as for the gap; says nothing of what was found"),
]
GAP_WORDS = ("better", "worse")
TIME_WORDS = ("faster", "slower")


@dataclass(frozen=True)
class Pairs:
    """Two methods on what both have. (pairs,): instance, difference of gap, of log seconds, less
    is better for ours; (instances,): the chance of a smaller gap, the signs of the medians."""

    label: str
    instance: np.ndarray
    gap: np.ndarray
    log_time: np.ndarray
    chance: np.ndarray
    gap_sign: np.ndarray
    time_sign: np.ndarray


def of_group(group: Group) -> Section | None:
    """Against the best method that proves no optimum, and the fastest that proves the most."""
    runs = with_best(runs_of(group))
    if not len(runs.rows):
        return None
    against = {name: (place, _all_pairs(runs, place)) for name, place in _references(group).items()}
    against = {name: found for name, found in against.items() if found[1]}
    if not against:
        return None
    tables = [
        _table(group, name, runs.labels[reference], _rows(pairs))
        for name, (reference, pairs) in against.items()
    ]
    return Section(
        name="differences",
        title="Differences, pair by pair",
        says=[_several([len(table.rows) for table in tables])],
        tables=tables,
    )


def _rows(pairs: list[Pairs]) -> list[list[Cell]]:
    """The words of a column are one family of tests: it answers one question."""
    gaps = holm([sign_test(each.gap_sign) for each in pairs])
    times = holm([sign_test(each.time_sign) for each in pairs])
    return [_row(*found) for found in zip(pairs, gaps, times, strict=True)]


def _several(rows: list[int]) -> str:
    """How many statements are made at once, and what that means for each of them."""
    intervals = INTERVALS * sum(rows)
    fewest = math.ceil(math.log2(2 * max(rows) / ERROR))
    return (
        f"{intervals} intervals at {LEVEL:.0%} stand here: about {intervals * ERROR:.2g} of them "
        "are expected to miss. The words are adjusted for how many stand in a column (Holm 1979): "
        f"the chance that any word of a column is wrong is at most {ERROR:.0%}. On fewer than "
        f"{fewest} instances that differ they may say nothing, however clear the difference."
    )


def _table(group: Group, name: str, reference: str, rows: list[list[Cell]]) -> Table:
    kind = {"heuristic": "the best that proves no optimum", "prover": "the fastest to prove"}[name]
    return Table(
        name=f"{group.name}-differences-{name}",
        title=f"Against {reference}, {kind}",
        columns=COLUMNS,
        rows=rows,
        notes=[
            "Gaps to the best known decision; a run without a feasible decision has an infinite "
            "one (∞), two such runs are equal. Failed runs took infinitely long; runs that a limit "
            "cut short count with the seconds they had.",
            "Brackets: 95 % bootstrap interval, instances drawn anew and pairs within each.",
            "Words: on each instance the median of its pairs counts once; not decided: p >= 5 % "
            "after the adjustment; equal: it is so on every instance.",
            *group.notes,
        ],
    )


def _references(group: Group) -> dict[str, int]:
    """The places of the methods that the answer names, where there are such."""
    found = reaches(group)
    near, fast = nearest(group.summaries, found), prover(found)
    named = {"heuristic": near and near[0].label, "prover": fast}
    return {name: group.colour(label) for name, label in named.items() if label is not None}


def _all_pairs(runs: Runs, reference: int) -> list[Pairs]:
    """Of every other method that has enough instances in common with it."""
    gap = runs.grid(runs.gap)
    seconds = runs.grid(np.where([r.record.failed for r in runs.rows], np.inf, runs.seconds))
    time = np.log(np.maximum(seconds, SHORTEST))
    common = (runs.given & runs.given[reference]).sum(1)
    chosen = [m for m in range(len(common)) if m != reference and common[m] >= FEWEST]
    found = [_pairs(runs.labels[m], gap[[m, reference]], time[[m, reference]]) for m in chosen]
    return [each for each in found if len(np.unique(each.instance)) >= FEWEST]


def _pairs(label: str, gap: np.ndarray, time: np.ndarray) -> Pairs:
    """gap, time (2, instances, seeds): ours, the reference's."""
    there = ~np.isnan(gap).any(0)
    gaps, times = _less(gap[0], gap[1], TIE), _less(time[0], time[1], 0.0)
    some = there.any(1)
    return Pairs(
        label=label,
        instance=np.nonzero(there)[0],
        gap=gaps[there],
        log_time=times[there],
        chance=improvement_shares(gap[0][some], gap[1][some], TIE),
        gap_sign=_signs(gaps[some], TIE),
        time_sign=_signs(times[some], 0.0),
    )


def _signs(less: np.ndarray, tie: float) -> np.ndarray:
    """(instances,): the sign of the median of its pairs, the mean of two middle ones. The lower of
    them would call a tie of two seeds, one better and one worse, a win."""
    with np.errstate(invalid="ignore"):
        middle = np.nan_to_num((median(less) - median(-less)) / 2)
    return np.asarray(np.where(np.abs(middle) <= tie, 0.0, np.sign(middle)))


def _less(ours: np.ndarray, theirs: np.ndarray, tie: float) -> np.ndarray:
    """Ours less theirs; 0 where they are alike, two infinite ones too."""
    with np.errstate(invalid="ignore"):
        lead = ours - theirs
        return np.where((ours == theirs) | (np.abs(lead) <= tie), 0.0, lead)


def _row(pairs: Pairs, gap_test: float, time_test: float) -> list[Cell]:
    better, worse = int((pairs.gap < 0).sum()), int((pairs.gap > 0).sum())
    number, instances = len(pairs.gap), len(pairs.chance)
    return [
        words(pairs.label),
        Cell(value=instances, text=f"{instances:,}"),
        Cell(value=number, text=f"{number:,}"),
        Cell(value=better - worse, text=f"{better} / {number - better - worse} / {worse}"),
        _points(*spread(pairs.gap, pairs.instance, weighted_median)),
        share(*spread(pairs.chance, np.arange(instances), weighted_mean)),
        _verdict(gap_test, pairs.gap_sign, GAP_WORDS),
        _ratio(*spread(pairs.log_time, pairs.instance, weighted_median)),
        _verdict(time_test, pairs.time_sign, TIME_WORDS),
    ]


def _verdict(test: float, sign: np.ndarray, said: tuple[str, str]) -> Cell:
    if not sign.any():
        return words("equal")
    if test >= ERROR:
        return words("not decided")
    better = (sign < 0).sum() > (sign > 0).sum()
    return words(said[0], "good") if better else words(said[1], "bad")


def _points(*interval: float) -> Cell:
    """A difference of gaps, in percentage points, with its sign."""
    return _told(interval, _signed)


def _signed(x: float) -> str:
    """Beyond 10,000 points, as where the best is 0, differences are all alike."""
    if abs(x) > MOST:
        return f"{'<-' if x < 0 else '>+'}{100 * MOST:.0f}"
    return f"{100 * x:+.3g}" if x else "0"


def _ratio(*interval: float) -> Cell:
    """A ratio, from the interval of its logarithm."""
    return _told(tuple(map(_exp, interval)), lambda x: f"{x:,.0f}" if x >= 1000 else f"{x:.3g}")


def _exp(value: float) -> float:
    return math.exp(min(value, 700.0)) if value < math.inf else math.inf


def _told(interval: tuple[float, ...], read: Callable[[float], str]) -> Cell:
    said = [_infinite(x) if not math.isfinite(x) else read(x) for x in interval]
    value, low, high = map(finite, interval)
    return Cell(value=value, text=f"{said[0]} [{said[1]}, {said[2]}]", low=low, high=high)


def _infinite(value: float) -> str:
    return "-" if math.isnan(value) else "∞" if value > 0 else "-∞"
