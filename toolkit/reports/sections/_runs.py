"""The runs of a group as arrays, and which methods may fairly be compared on which instances."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

import numpy as np

from toolkit.reports.compare import Row
from toolkit.reports.frame import Group
from toolkit.reports.paired import ended
from toolkit.reports.record import Record

SHORTEST = 1e-6  # seconds: no clock of a run tells less apart
FEWEST = 3  # instances that a comparison needs
MOST_NAMED = 3  # methods in a sentence


@dataclass(frozen=True)
class Steps:
    """All improvements of all runs, those of run 0 first: arrays as long as there are rows.

    gap   to the best known decision, inf before the first; never below that of the run's answer,
          as a better decision that was passed over on the way is not what it gave
    """

    run: np.ndarray
    seconds: np.ndarray
    evaluations: np.ndarray
    gap: np.ndarray


@dataclass(frozen=True)
class Runs:
    """Runs by number: arrays (runs,) of what each of them is and gave.

    labels, digests  of the methods and instances; `method`, `instance`: places in them
    slot             which of the seeds of its instance: runs of several methods with one seed pair
    gap              to the best known decision; inf without a feasible one; NaN where none is known
    seconds          of the solver
    limit            its time limit; of runs without one the longest run of all
    proof            seconds of runs whose own proof closes the gap, of the others inf
    ended            whether it came to its end by itself: neither cut short by a limit nor failed
    """

    rows: list[Row]
    labels: list[str]
    digests: list[str]
    method: np.ndarray
    instance: np.ndarray
    slot: np.ndarray
    gap: np.ndarray
    seconds: np.ndarray
    limit: np.ndarray
    proof: np.ndarray
    ended: np.ndarray
    best: np.ndarray  # objective known for its instance, as a loss; NaN: none

    @cached_property
    def steps(self) -> Steps:
        """The traces, and as the last row of each run its answer."""
        traces = [(*row.record.trace, _answer(row.record)) for row in self.rows]
        counts = [len(trace) for trace in traces]
        run = np.repeat(np.arange(len(counts)), counts)
        flat = np.array(list(chain.from_iterable(traces)), float).reshape(-1, 4)
        sign = self.rows[0].record.sign if self.rows else 1
        best = self.best[run]
        with np.errstate(invalid="ignore"):
            gap = np.maximum(0.0, sign * flat[:, 2] - best) / np.maximum(np.abs(best), 1e-12)
        gap = np.where(np.isnan(gap), np.inf, np.maximum(gap, self.gap[run]))
        return Steps(run, flat[:, 0], flat[:, 1], gap)

    def grid(self, values: np.ndarray) -> np.ndarray:
        """(methods, instances, seeds), NaN where there is no run."""
        shape = len(self.labels), len(self.digests), int(self.slot.max(initial=0)) + 1
        out = np.full(shape, np.nan)
        out[self.method, self.instance, self.slot] = values
        return out

    @cached_property
    def given(self) -> np.ndarray:
        """(methods, instances): which methods were given which instances."""
        return np.asarray((~np.isnan(self.grid(self.seconds))).any(-1))

    def where(self, kept: np.ndarray) -> "Runs":
        """Some of the runs; methods and instances keep their places."""
        arrays = ("method", "instance", "slot", "gap", "seconds", "limit", "proof", "ended", "best")
        rows = [row for row, stays in zip(self.rows, kept, strict=True) if stays]
        picked = {name: getattr(self, name)[kept] for name in arrays}
        return Runs(rows=rows, labels=self.labels, digests=self.digests, **picked)


@dataclass(frozen=True)
class Field:
    """A comparison that is fair: methods, and instances that every one of them was given.

    methods, instances  places in the labels and digests of `runs`
    """

    runs: Runs
    methods: list[int]
    instances: np.ndarray

    @cached_property
    def inside(self) -> Runs:
        """The runs that take part."""
        took = np.isin(self.runs.method, self.methods)
        return self.runs.where(took & np.isin(self.runs.instance, self.instances))

    def take(self, grid: np.ndarray) -> np.ndarray:
        """The part of a grid: (methods, instances, …)."""
        return np.asarray(grid[self.methods][:, self.instances])

    @property
    def said(self) -> str:
        """On what it rests, and who is left out: the end of a sentence."""
        runs, number = self.runs, len(self.instances)
        shown = "both" if len(self.methods) == 2 else f"all {len(self.methods)}"
        on = f"on the {number:,} instances that {shown} methods shown were given"
        some = runs.given.sum(1).tolist()
        out = [m for m, instances in enumerate(some) if instances and m not in self.methods]
        if not out:
            return f"{on}."
        total = int(np.asarray(runs.given.any(0)).sum())
        names = [f"{runs.labels[m]} ({some[m]} of {total})" for m in out]
        return f"{on}; left out, as they did not run on all of these: {listed(names)}."


def listed(names: Sequence[str], most: int = MOST_NAMED) -> str:
    """A, B and C; of many the first and how many more."""
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def runs_of(group: Group) -> Runs:
    """All runs of a group that were not refused, in an order that theirs does not change."""
    every = [(row, c) for c in group.comparisons for row in c.ran]
    every.sort(key=lambda each: (each[1].digest, each[0].record.label, each[0].record.seed))
    records = [row.record for row, _ in every]
    labels, digests = group.labels, sorted(group.by_digest)
    method, instance = _places(labels, digests, records)
    gaps = [np.nan if c.best is None else _inf(row.gap_to_best) for row, c in every]
    longest = max([SHORTEST, *(r.seconds for r in records)])
    return Runs(
        rows=[row for row, _ in every],
        labels=labels,
        digests=digests,
        method=method,
        instance=instance,
        slot=_slots(instance, np.array([r.seed for r in records], np.int64)),
        gap=np.array(gaps, float),
        seconds=np.array([r.seconds for r in records], float),
        limit=np.array([r.limits.get("seconds") or longest for r in records], float),
        proof=np.array([r.seconds if _proved(r) else np.inf for r in records], float),
        ended=np.array([ended(r) for r in records], bool),
        best=np.array(
            [
                np.nan if c.best is None else r.sign * c.best
                for (_, c), r in zip(every, records, strict=True)
            ],
            float,
        ),
    )


def fair(runs: Runs) -> Field | None:
    """The comparison with the most (method, instance) pairs in it; None where there is none of two
    methods on at least `FEWEST` instances."""
    given = runs.given
    best: Field | None = None
    for chosen in np.unique(given, axis=0):
        methods = np.flatnonzero(given[:, chosen].all(1)).tolist()
        number = int(chosen.sum())
        pairs = 0 if best is None else len(best.methods) * len(best.instances)
        if len(methods) > 1 and number >= FEWEST and len(methods) * number > pairs:
            best = Field(runs, methods, np.flatnonzero(chosen))
    return best


def with_best(runs: Runs) -> Runs:
    """The runs on instances of which a feasible decision is known."""
    return runs.where(~np.isnan(runs.best))


def _places(
    labels: list[str], digests: list[str], records: list[Record]
) -> tuple[np.ndarray, np.ndarray]:
    of_label = {label: place for place, label in enumerate(labels)}
    of_digest = {digest: place for place, digest in enumerate(digests)}
    return (
        np.array([of_label[record.label] for record in records], np.int64),
        np.array([of_digest[record.digest] for record in records], np.int64),
    )


def _slots(instance: np.ndarray, seed: np.ndarray) -> np.ndarray:
    """The rank of each run's seed among the seeds of its instance."""
    if not len(instance):
        return instance
    pairs, place = np.unique(np.stack([instance, seed]), axis=1, return_inverse=True)
    first = np.searchsorted(pairs[0], pairs[0])
    return np.asarray((np.arange(pairs.shape[1]) - first)[place.reshape(-1)])


def _answer(record: Record) -> list[float | None]:
    objective = record.objective if record.feasible else None
    return [record.seconds, float(record.evaluations), objective, None]


def _inf(value: float | None) -> float:
    return np.inf if value is None else value


def _proved(record: Record) -> bool:
    """Whether its own proof, re-checked, closes the gap, or shows that nothing is feasible."""
    return record.verdict == "proved" or (record.status == "infeasible" and record.proven)
