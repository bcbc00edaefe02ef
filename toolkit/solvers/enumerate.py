"""The paper's TEM: every discrete choice with its best continuous part; proves the optimum."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from math import prod

import numpy as np

from toolkit.instances import Instance
from toolkit.problems import Certificate, HasCompletion, Problem
from toolkit.problems._knowledge import HasBestFrom

from ._base import Claim, Solver
from ._probe import Probe
from ._search import blocks, needs_choices

BITS = 22  # 2^22 choices of 22 users take well below a minute
FAST_BITS = 24  # of problems that go through them faster; a checker goes through no more
BLOCK = 2**16  # choices that these go through between looks at the clock
READABLE = 1e15  # above this a number of choices is told by its power of ten


@dataclass(frozen=True, kw_only=True)
class Enumerate(Solver):
    """The paper's TEM: every discrete choice, each completed exactly; proves the optimum.

    The bound is the best loss over all choices, or +inf where none is feasible: as right as
    `complete` is. It is reported only once every choice was judged.
    """

    def refuses(self, problem: Problem, instance: Instance) -> str | None:
        reason = needs_choices(problem, instance)
        if reason is not None:
            return reason
        spans = [
            np.broadcast_to(np.asarray(var.upper) - var.lower + 1, var.shape)
            for var in problem.space(instance.data).discrete
        ]
        bits = sum(float(np.log2(span).sum()) for span in spans)
        most = FAST_BITS if isinstance(problem, HasBestFrom) else BITS
        if bits > most + 1e-9:
            return f"{_told(bits)} discrete choices are too many to enumerate; at most {2**most:,}"
        return None

    def solve(self, problem: Problem, instance: Instance, probe: Probe) -> Claim:
        assert isinstance(problem, HasCompletion)
        space = problem.space(instance.data)
        total, seen = space.count, 0
        fast = isinstance(problem, HasBestFrom) and probe.room >= total
        every = _best_of_heads if fast else _one_by_one
        for seen in every(problem, instance, probe):
            probe.progress(seen / total)
        if seen < total:
            return Claim(stop=probe.stop, message=f"{seen:,} of {total:,} choices were judged.")
        probe.bound(problem.sign * probe.loss, Certificate("enumeration", {"count": total}))
        return Claim(verdict="optimal" if np.isfinite(probe.loss) else "infeasible")


def _one_by_one(problem: Problem, instance: Instance, probe: Probe) -> Iterator[int]:
    """Completes and offers every choice; yields how many it has been through."""
    assert isinstance(problem, HasCompletion)
    space = problem.space(instance.data)
    for rows in blocks(probe, space.count, space.size):
        choice = space.choices(rows.start, rows.stop)
        probe.offer(problem.complete(instance.data, choice))
        yield rows.stop


def _best_of_heads(problem: Problem, instance: Instance, probe: Probe) -> Iterator[int]:
    """Offers the best of all choices that begin alike, if it may be the best of all."""
    assert isinstance(problem, HasBestFrom)
    ranges = _ranges(problem, instance)
    given, each = 0, prod(len(values) for values in ranges)
    while each > BLOCK:
        each //= len(ranges[given])
        given += 1
    for number, head in enumerate(product(*ranges[:given])):
        if probe.expired:
            return
        found = problem.best_from(instance.data, head, probe.loss)
        if found is not None:
            probe.offer(found)
        probe.count(each - (found is not None))
        yield (number + 1) * each


def _ranges(problem: Problem, instance: Instance) -> list[range]:
    """The values that each discrete variable may take, one range each."""
    out = []
    for var in problem.space(instance.data).discrete:
        ends = (np.broadcast_to(end, var.shape).ravel() for end in (var.lower, var.upper))
        out += [range(int(low), int(high) + 1) for low, high in zip(*ends, strict=True)]
    return out


def _told(bits: float) -> str:
    """2^bits, a whole number, as one reads it."""
    count = 2.0 ** min(bits, 1000.0)
    return f"{round(count):,}" if count < READABLE else f"about 10^{bits * np.log10(2):.0f}"
