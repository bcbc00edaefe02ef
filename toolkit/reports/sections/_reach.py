"""Which instances each method was given, and on which of them it answered or proved something."""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from toolkit.reports.compare import Summary
from toolkit.reports.frame import Group


@dataclass
class Reach:
    """Of one method: {instance: [value a run]}.

    gaps    to the best known; inf without a feasible decision; none where no decision is known
    proved  whether the run's own proof was re-proved and closes the gap, or shows that nothing is
            feasible
    took    seconds of these runs
    """

    gaps: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    proved: dict[str, list[bool]] = field(default_factory=lambda: defaultdict(list))
    took: list[float] = field(default_factory=list)

    @property
    def instances(self) -> int:
        return len(self.gaps)

    @property
    def proofs(self) -> int:
        """The instances that every run on them has proved."""
        return sum(all(runs) for runs in self.proved.values())

    @property
    def known(self) -> set[str]:
        """The instances of which a feasible decision is known."""
        return {digest for digest, runs in self.gaps.items() if runs}

    @property
    def asked(self) -> int:
        """The runs on them."""
        return sum(map(len, self.gaps.values()))

    @property
    def gap(self) -> float:
        """The median over the runs, those without an answer counted."""
        return median(gap for runs in self.gaps.values() for gap in runs)


def reaches(group: Group) -> dict[str, Reach]:
    """By label."""
    out: dict[str, Reach] = defaultdict(Reach)
    for comparison in group.comparisons:
        for row in comparison.ran:
            reach = out[row.record.label]
            reach.proved[comparison.digest].append(row.record.verdict == "proved")
            reach.took += [row.record.seconds] if row.record.verdict == "proved" else []
            gaps = reach.gaps[comparison.digest]
            if comparison.best is not None:
                gaps.append(math.inf if row.gap_to_best is None else row.gap_to_best)
    return dict(out)


def nearest(summaries: Sequence[Summary], found: dict[str, Reach]) -> tuple[Summary, int] | None:
    """Of the methods that prove no optimum and were given the same instances, the most that any of
    them was, the one with the least median gap, no answer being the worst, then the most answers;
    and how many these are."""
    having = [s for s in summaries if not s.optimal and s.feasible]
    if not having:
        return None
    most = max((found[s.label].known for s in having), key=len)
    able = [s for s in having if found[s.label].known == most]
    return min(able, key=lambda s: _order(s, found[s.label])), len(able)


def _order(summary: Summary, reach: Reach) -> tuple[float, float, float, float]:
    near = round(reach.gap, 9) if math.isfinite(reach.gap) else math.inf
    lost = 1 - summary.feasible / reach.asked
    return near, lost, summary.worst_gap or 0.0, summary.median_seconds or 0.0


def prover(found: dict[str, Reach]) -> str | None:
    """The fastest, by the median, of those that prove on the most instances; None where none
    proves."""
    most = max((reach.proofs for reach in found.values()), default=0)
    best = [label for label, reach in found.items() if most and reach.proofs == most]
    return min(best, key=lambda label: (median(found[label].took), label), default=None)
