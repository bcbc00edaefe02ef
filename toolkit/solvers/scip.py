"""SCIP, a global solver for mixed-integer nonlinear programs, on the problem's Pyomo model."""

from dataclasses import dataclass
from typing import ClassVar

from toolkit.instances import Instance
from toolkit.problems import Problem

from . import _pyomo, _watch
from ._base import Claim, Solver
from ._probe import Probe

# The NLP solver in PySCIPOpt 6.3.0's wheel was seen to corrupt the heap from 4,000 variables on,
# never up to 3,200: larger models do without the heuristics that call it.
NLP_VARIABLES = 2000
NLP_HEURISTICS = ("subnlp", "mpec", "multistart")
INPUT = "error in input data"  # what SCIP says of numbers from its own infinity, 1e20, on
TOO_WIDE = (
    "SCIP does not take this model, in which some numbers are too large (1e20 is infinite to "
    "SCIP); leave it out here"
)


@dataclass(frozen=True, kw_only=True)
class Scip(Solver):
    """SCIP (global MINLP solver, in its wheel) on the problem's Pyomo model."""

    backends: ClassVar[tuple[str, ...]] = ("pyscipopt", "pyomo")

    gap: float = 1e-6  # relative, SCIP's own limits/gap
    formulation: str = ""  # the problem's first
    memory: float = 4000.0  # MB

    def __post_init__(self) -> None:
        _pyomo.check_gap(self.gap)

    def refuses(self, problem: Problem, instance: Instance) -> str | None:
        return _pyomo.refuses(problem)

    def abstains(self, problem: Problem, instance: Instance) -> str | None:
        return _pyomo.abstains(problem, instance)

    def solve(self, problem: Problem, instance: Instance, probe: Probe) -> Claim:
        algebraic = _pyomo.build(problem, instance, self.formulation)
        # Pyomo reads SCIP's output from a pipe of 64 KiB while SCIP holds the GIL: once the pipe
        # is full both wait for ever, so SCIP must not print
        options = {"display/verblevel": 0, "limits/memory": self.memory}
        if _pyomo.count_variables(algebraic.model) > NLP_VARIABLES:
            options |= {f"heuristics/{name}/freq": -1 for name in NLP_HEURISTICS}
        try:
            return _pyomo.run(
                problem,
                instance,
                probe,
                algebraic,
                route=_watch.scip,
                by=_version(),
                gap=self.gap,
                options=options,
            )
        except Exception as error:  # PySCIPOpt has no class for it
            if INPUT not in str(error):
                raise
            return Claim(message=TOO_WIDE, details={"note": TOO_WIDE})


def _version() -> str:
    from pyscipopt import Model

    scip = Model()
    return f"SCIP {scip.getMajorVersion()}.{scip.getMinorVersion()}.{scip.getTechVersion()}"
