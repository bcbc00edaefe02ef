"""Gurobi, a global solver for mixed-integer nonlinear programs, on the problem's Pyomo model."""

from dataclasses import dataclass
from typing import ClassVar

from toolkit.errors import UserError
from toolkit.instances import Instance
from toolkit.problems import Problem

from . import _pyomo, _watch
from ._base import Claim, Solver
from ._probe import Probe


@dataclass(frozen=True, kw_only=True)
class Gurobi(Solver):
    """Gurobi (optional extra, size-limited licence in its wheel) on the problem's Pyomo model.

    On program (10) of `cpdrl` as printed it was seen to prove wrong optima: the default, lifted
    formulation is the one to use.
    """

    requires: ClassVar[tuple[str, ...]] = ("gurobipy",)
    backends: ClassVar[tuple[str, ...]] = ("gurobipy", "pyomo")

    gap: float = 1e-6  # relative, Gurobi's MIPGap
    formulation: str = ""  # the problem's first
    memory: float = 4.0  # GB

    def __post_init__(self) -> None:
        _pyomo.check_gap(self.gap)

    def refuses(self, problem: Problem, instance: Instance) -> str | None:
        if reason := _pyomo.refuses(problem):
            return reason
        if self.missing():
            return None  # whoever asks for a solver that is not installed is told so elsewhere
        model = _pyomo.build(problem, instance, self.formulation).model
        # each function of a variable is a variable more
        return _licence_refuses(_pyomo.count_variables(model) + _pyomo.count_nonlinear(model))

    def abstains(self, problem: Problem, instance: Instance) -> str | None:
        return _pyomo.abstains(problem, instance)

    def solve(self, problem: Problem, instance: Instance, probe: Probe) -> Claim:
        import gurobipy as gp

        try:
            return _pyomo.run(
                problem,
                instance,
                probe,
                _pyomo.build(problem, instance, self.formulation),
                route=_watch.gurobi,
                by="Gurobi " + ".".join(map(str, gp.gurobi.version())),
                gap=self.gap,
                # at its 1e-6 bounds were above the optimum by up to 7e-6 of it
                options={"Threads": 1, "SoftMemLimit": self.memory, "FeasibilityTol": 1e-9},
            )
        except gp.GurobiError as error:
            raise UserError(f"Gurobi cannot solve {instance.name}: {error}.") from None


def _licence_refuses(variables: int) -> str | None:
    """Why the licence does not allow a nonlinear model of this size, or None: Gurobi is asked."""
    import gurobipy as gp

    try:
        with gp.Env(params={"OutputFlag": 0}) as env, gp.Model(env=env) as model:
            x = model.addMVar(variables, ub=1.0)
            model.addConstr(x[0] * x[0] <= 1.0)
            model.optimize()
    except gp.GurobiError as error:
        return f"Gurobi's licence does not allow {variables} variables: {error}"
    return None
