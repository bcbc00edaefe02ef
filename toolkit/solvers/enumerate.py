"""The paper's TEM: every discrete choice with its best continuous part; proves the optimum."""

from dataclasses import dataclass

import numpy as np

from toolkit.instances import Instance
from toolkit.problems import Certificate, HasCompletion, Problem

from ._base import Claim, Solver
from ._probe import Probe
from ._search import blocks, needs_choices

BITS = 22  # 2^22 choices of 22 users take well below a minute
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
        if bits > BITS + 1e-9:
            return f"{_told(bits)} discrete choices are too many to enumerate; at most {2**BITS:,}"
        return None

    def solve(self, problem: Problem, instance: Instance, probe: Probe) -> Claim:
        assert isinstance(problem, HasCompletion)
        space = problem.space(instance.data)
        total, seen = space.count, 0
        for rows in blocks(probe, total, space.size):
            choice = space.choices(rows.start, rows.stop)
            probe.offer(problem.complete(instance.data, choice))
            seen = rows.stop
            probe.progress(seen / total)
        if seen < total:
            return Claim(stop=probe.stop, message=f"{seen:,} of {total:,} choices were judged.")
        probe.bound(problem.sign * probe.loss, Certificate("enumeration", {"count": total}))
        return Claim(verdict="optimal" if np.isfinite(probe.loss) else "infeasible")


def _told(bits: float) -> str:
    """2^bits, a whole number, as one reads it."""
    count = 2.0 ** min(bits, 1000.0)
    return f"{round(count):,}" if count < READABLE else f"about 10^{bits * np.log10(2):.0f}"
