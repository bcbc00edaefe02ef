"""Convex relaxations by CVXPY and a conic solver: a bound from their duals, rounded decisions."""

import math
import warnings
from dataclasses import dataclass
from typing import Any, ClassVar

from toolkit.errors import UserError
from toolkit.instances import Instance
from toolkit.problems import HasCompletion, HasConic, HasProof, Problem
from toolkit.problems._knowledge import ConicPiece
from toolkit.problems._proof import Prices

from ._base import Claim, Solver, Stop, impossible
from ._ladder import Ladder
from ._probe import Probe


@dataclass(frozen=True, kw_only=True)
class Conic(Solver):
    """Convex relaxation by CVXPY and Clarabel: a proven bound and a rounded decision.

    The duals are prices from which the problem's proof recomputes the bound; what the conic solver
    reports as its value or status is not used. It does not branch: a gap of the relaxation stays.
    """

    backends: ClassVar[tuple[str, ...]] = ("cvxpy", "clarabel")

    gap: float = 1e-6  # relative; relaxations whose bound leaves no more are not refined
    solver: str = "CLARABEL"  # any of CVXPY's that has exponential cones
    most: int = 2000  # discrete variables; CVXPY took 0.5 GB for 1,000 and 24 GB for 10,000

    def __post_init__(self) -> None:
        if not 0 < self.gap < 1:
            raise ValueError(f"gap is {self.gap:g}; it must be above 0 and below 1.")

    def refuses(self, problem: Problem, instance: Instance) -> str | None:
        if not isinstance(problem, HasConic):
            return "the problem has no conic relaxation"
        if not isinstance(problem, HasProof):
            return "the problem has no proof that takes prices"
        if not isinstance(problem, HasCompletion):
            return "the problem has no completion"
        size = sum(var.size for var in problem.space(instance.data).discrete)
        if size > self.most:
            return f"CVXPY would need too much memory for {size} discrete variables (> {self.most})"
        return impossible(lambda: problem.conic(instance))

    def solve(self, problem: Problem, instance: Instance, probe: Probe) -> Claim:
        assert isinstance(problem, HasConic)
        self._check_installed()
        pieces = problem.conic(instance)
        ladder = Ladder(problem, instance, pieces, probe, self.gap)
        ladder.climb(lambda rung: self._relax(pieces.piece(rung), ladder, probe))
        if not ladder.closed:
            return Claim(stop=probe.stop if probe.expired else Stop.FINISHED)
        return Claim(verdict="optimal" if math.isfinite(probe.loss) else "infeasible")

    def _relax(self, piece: ConicPiece, ladder: Ladder, probe: Probe) -> Prices:
        """Solves one relaxation; offers its rounding and returns its prices."""
        import cvxpy as cp

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # inaccurate duals are as valid as any
            try:
                piece.model.solve(solver=self.solver, **self._options(probe))
            except (cp.SolverError, ValueError, ArithmeticError):
                return piece.prices()  # the problem guesses
        candidates = piece.candidates()
        if candidates is not None:
            ladder.offer(candidates)
        return piece.prices()

    def _options(self, probe: Probe) -> dict[str, Any]:
        """What keeps Clarabel to its time and to one thread; others have no such options."""
        if self.solver != "CLARABEL":
            return {}
        limit = {"time_limit": probe.remaining} if math.isfinite(probe.remaining) else {}
        return {"max_threads": 1, **limit}

    def _check_installed(self) -> None:
        import cvxpy as cp

        if self.solver not in cp.installed_solvers():
            known = ", ".join(sorted(cp.installed_solvers()))
            raise UserError(f"CVXPY has no solver {self.solver!r} here; choose one of {known}.")
