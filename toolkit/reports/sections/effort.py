"""What an answer costs, in single figures: geometric means, penalised means, primal integrals."""

import math

import numpy as np

from toolkit.reports import content, numbers
from toolkit.reports._bootstrap import spread, weighted_iqm, weighted_mean
from toolkit.reports.content import Cell, Column, Section, Table, count, words
from toolkit.reports.frame import Group
from toolkit.reports.record import finite
from toolkit.reports.sections._runs import Runs, runs_of
from toolkit.reports.statistics import first_hits, primal_integral, shifted_geometric_mean

ORDER = 45
SHIFT = 0.01  # seconds: what lies below counts little
NEAR = 0.01  # gap to the best known decision
PENALTY = 10  # limits that a failure counts as in a penalised mean
MEANS = [
    Column(name="shifted geometric mean", unit="s", note="a failure counts as the limit"),
    Column(
        name="without failures", unit="s", note="the same, failures left out: favours who fails"
    ),
    Column(name=f"PAR{PENALTY}", unit="s", note=f"mean; a failure counts as {PENALTY} limits"),
]


def of_group(group: Group) -> Section | None:
    """A table of seconds to the proof, one of seconds to a good decision and of quality."""
    runs = runs_of(group)
    tables = [_proofs(group, runs), _decisions(group, runs.where(~np.isnan(runs.best)))]
    drawn = [table for table in tables if table is not None]
    if not drawn:
        return None
    return Section(name="effort", title="What an answer costs", tables=drawn)


def _proofs(group: Group, runs: Runs) -> Table | None:
    """Methods that prove something; the others would be rows of failures."""
    proving = np.unique(runs.method[np.isfinite(runs.proof)]).tolist()
    if not proving:
        return None
    rows = [_proof_row(runs, method) for method in proving]
    return Table(
        name=f"{group.name}-effort-proof",
        title="Seconds to the proof",
        columns=[*_first("proved"), *MEANS],
        rows=rows,
        notes=[_of_means("the run's own proof does not close the gap"), _COVERAGE, *group.notes],
    )


def _proof_row(runs: Runs, method: int) -> list[Cell]:
    mine = runs.where(runs.method == method)
    solved = _solved(np.isfinite(mine.proof))
    return [*_who(mine, method, runs), solved, *_means(mine.proof, mine.limit)]


def _decisions(group: Group, runs: Runs) -> Table | None:
    if not len(runs.rows):
        return None
    hits = first_hits(runs.steps.run, runs.steps.seconds, runs.steps.gap, np.array([NEAR]))[:, 0]
    areas = _integrals(runs)
    several = runs.slot.max() > 0
    rows = []
    for method in np.unique(runs.method).tolist():
        chosen = runs.method == method
        mine = runs.where(chosen)
        row = [*_who(mine, method, runs), _solved(np.isfinite(hits[chosen]))]
        row += [*_means(hits[chosen], mine.limit), *_quality(mine, areas[chosen], several)]
        rows.append(row)
    return Table(
        name=f"{group.name}-effort-decision",
        title=f"Seconds to a decision within {numbers.share(NEAR)} of the best known, and quality",
        columns=[*_first(f"within {numbers.share(NEAR)}"), *MEANS, *_quality_columns(several)],
        rows=rows,
        notes=[
            _of_means(f"no feasible answer within {numbers.share(NEAR)}"),
            *_NOTES,
            *group.notes,
        ],
    )


_COVERAGE = (
    "Methods that were given other instances are not to be compared with each other here: "
    "the number of instances stands beside each."
)
_NOTES = (
    _COVERAGE,
    "Primal integral: mean over the runs of the primal gap |f - best| / max(|f|, |best|), 1 "
    "without a decision, averaged over the time from 0 to the limit (Berthold 2013); 0: the best "
    "at once, 1: nothing until the end.",
    "Interquartile mean: mean gap to the best known of the middle half of the runs; a run without "
    "a feasible decision has an infinite gap.",
    "Brackets: 95 % bootstrap interval, instances drawn anew and runs within each.",
)


def _of_means(failure: str) -> str:
    return (
        f"Shifted geometric mean: exp(mean log(t + {SHIFT:g} s)) - {SHIFT:g} s over the runs. "
        f"Failure: {failure}, be it that the run broke off; it counts as its time limit, of runs "
        "without one as the longest run here."
    )


def _first(solved: str) -> list[Column]:
    return [Column(name="method", text=True), Column(name="instances"), Column(name=solved)]


def _quality_columns(several: bool) -> list[Column]:
    found = [Column(name="primal integral"), Column(name="interquartile mean gap")]
    seeds = Column(
        name="same instances, other seeds",
        note="interval of the interquartile mean where only the runs on each instance are redrawn",
    )
    return [*found, seeds] if several else found


def _who(mine: Runs, method: int, runs: Runs) -> list[Cell]:
    number, of = len(np.unique(mine.instance)), len(np.unique(runs.instance))
    return [words(mine.labels[method]), count(number, of, "" if number == of else "warn")]


def _solved(solved: np.ndarray) -> Cell:
    return count(int(solved.sum()), len(solved), "good" if solved.all() else "")


def _means(seconds: np.ndarray, limit: np.ndarray) -> list[Cell]:
    """Both ways of treating failures, and the penalised mean."""
    lost = ~np.isfinite(seconds)
    counted = np.where(lost, limit, seconds).tolist()
    without = shifted_geometric_mean(seconds[~lost].tolist(), SHIFT, 0.0)
    return [
        content.seconds(shifted_geometric_mean(counted, SHIFT, 0.0)),
        content.seconds(without),
        content.seconds(float(np.where(lost, PENALTY * limit, seconds).mean())),
    ]


def _quality(mine: Runs, areas: np.ndarray, several: bool) -> list[Cell]:
    value, low, high = spread(mine.gap, mine.instance, weighted_iqm)
    cells = [content.gap(*spread(areas, mine.instance, weighted_mean)), _gap(value, low, high)]
    if several:
        _, least, most = spread(mine.gap, mine.instance, weighted_iqm, by="seeds")
        told = f"[{_or_none(least)}, {_or_none(most)}]"
        cells.append(Cell(value=finite(most), text=told))
    return cells


def _gap(value: float, low: float, high: float) -> Cell:
    """A gap that may be infinite: no answer."""
    if math.isfinite(value) and math.isfinite(high):
        return content.gap(value, low, high)
    text = f"{_or_none(value)} [{_or_none(low)}, {_or_none(high)}]"
    return Cell(value=finite(value), text=text, low=finite(low), high=finite(high))


def _or_none(gap: float) -> str:
    return numbers.gap(gap) if math.isfinite(gap) else "∞"


def _integrals(runs: Runs) -> np.ndarray:
    """The primal integral of each run up to its limit; (runs,)."""
    steps = runs.steps
    loss = runs.best[steps.run] + steps.gap * np.maximum(np.abs(runs.best[steps.run]), 1e-12)
    ends = np.searchsorted(steps.run, np.arange(len(runs.rows) + 1)).tolist()
    rows = list(zip(steps.seconds.tolist(), loss.tolist(), strict=True))
    best, limit = runs.best.tolist(), runs.limit.tolist()
    out = [
        primal_integral(
            [row for row in rows[ends[run] : ends[run + 1]] if row[1] < math.inf],
            best[run],
            limit[run],
        )
        for run in range(len(best))
    ]
    return np.array(out)
