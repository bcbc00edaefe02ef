"""MAiNGO (McCormick relaxations, global) on the problem's Pyomo model, by a route of our own.

Pyomo's own interface does not take named expressions, nor powers of binaries, and calls a feasible
point at the time limit optimal; so the model is written into MAiNGO's API here.
"""

from typing import Any

import numpy as np

from toolkit.arrays import Data, Decision
from toolkit.instances import Instance
from toolkit.problems import HasPyomo, Problem
from toolkit.problems._knowledge import AlgebraicModel
from toolkit.problems.cpdrl.models_pyomo import G, M, _constants

from .answers import Found, Peer, completed, make_finite

BLOCKS = ("offload", "bandwidth", "power")


class Maingo(Peer):
    name, needs, install = "maingo", ("maingopy",), "maingopy"

    def __init__(self, **forms: str) -> None:
        self._forms = forms

    def refuses(self, problem: Problem, instance: Instance) -> str | None:
        return None if isinstance(problem, HasPyomo) else "no algebraic model"

    def solve(self, problem: Problem, instance: Instance, gap: float, seconds: float) -> Found:
        import maingopy as mp

        assert isinstance(problem, HasPyomo)
        if problem.name == "cpdrl":
            algebraic = reduced_cpdrl(instance.data)
        else:
            form = self._forms.get(problem.name, next(iter(problem.formulations)))
            algebraic = problem.pyomo(instance, form)
            make_finite(problem, instance, algebraic)
        model, variables, sign = _written(mp, algebraic.model)
        solver = mp.MAiNGO(model)
        for option, value in (("epsilonR", gap), ("epsilonA", 1e-9), ("maxTime", seconds)):
            solver.set_option(option, value)
        solver.set_option("loggingDestination", mp.LOGGING_NONE)
        solver.set_option("writeResultFile", False)
        status = str(solver.solve()).rpartition(".")[2]
        said = {"GLOBALLY_OPTIMAL": "optimal", "INFEASIBLE": "infeasible"}.get(status, "time")
        if status in ("INFEASIBLE", "NO_FEASIBLE_POINT_FOUND"):
            return Found(None, None, said)
        for variable, number in zip(variables, solver.get_solution_point(), strict=True):
            variable.set_value(number, skip_validation=True)
        decision = completed(problem, instance, algebraic.read())
        return Found(decision, sign * solver.get_final_LBD(), said)


def reduced_cpdrl(data: Data) -> AlgebraicModel:
    """`cpdrl` in as few variables as it has: bits, bandwidths and powers; all else is a function.

    That is what MAiNGO's relaxations are made for. Bandwidth that a local user has counts nothing.
    """
    import pyomo.environ as pyo

    c = _constants(data)
    users, total, late = range(c["n"]), c["bandwidth"], c["deadline"]
    m = pyo.ConcreteModel("cpdrl-reduced")
    m.user = pyo.RangeSet(0, c["n"] - 1)
    m.offload = pyo.Var(m.user, domain=pyo.Binary)
    least = np.minimum(c["size"] / (late * c["s_high"]), total)  # slower uploads are never in time
    m.bandwidth = pyo.Var(m.user, bounds=lambda _, i: (float(least[i]), total))
    m.power = pyo.Var(m.user, bounds=lambda _, i: (float(c["power"][i]), c["p_max"]))
    for i in np.flatnonzero(np.isinf(c["local"])):
        m.offload[int(i)].fix(1)
    local = np.where(np.isinf(c["local"]), 0.0, c["local"])
    k = sum(m.offload[i] for i in users)
    cost, m.c1 = 0, pyo.ConstraintList()
    for i in users:
        nats = pyo.log(1 + m.power[i] * float(c["h"][i]))
        upload = float(c["size"][i] * np.log(2)) / (m.bandwidth[i] * nats)
        wait = upload + float(c["execution"][i]) * k
        remote = c["delay"] * wait + c["energy"] * m.power[i] * upload
        cost += float(local[i]) * (1 - m.offload[i]) + m.offload[i] * remote
        m.c1.add(m.offload[i] * (wait - late) <= 0)
    m.cost = pyo.Objective(expr=cost)
    m.c2 = pyo.Constraint(expr=sum(m.offload[i] * m.bandwidth[i] for i in users) <= total)

    def read() -> Decision:
        found = {
            name: np.array([getattr(m, name)[i].value for i in users], float) for name in BLOCKS
        }
        found["offload"] = np.round(found["offload"])
        return {**found, "bandwidth": found["bandwidth"] * M, "frequency": c["frequency"] * G}

    return AlgebraicModel(m, lambda decision: None, read)


def _written(mp: Any, model: Any) -> tuple[Any, list[Any], int]:
    """MAiNGO's model of a Pyomo model, the variables in its order, and -1 where it is negated."""
    from pyomo.environ import Constraint, Objective, Var, minimize, value

    variables = [v for v in model.component_data_objects(Var, active=True) if not v.fixed]
    goal = next(model.component_data_objects(Objective, active=True))
    rules = list(model.component_data_objects(Constraint, active=True))
    sign = 1 if goal.sense == minimize else -1

    class Written(mp.MAiNGOmodel):  # type: ignore[misc,name-defined]
        def get_variables(self) -> list[Any]:
            kinds = {True: mp.VT_BINARY, False: mp.VT_CONTINUOUS}
            return [
                mp.OptimizationVariable(mp.Bounds(v.lb, v.ub), kinds[v.is_binary()], v.name)
                for v in variables
            ]

        def evaluate(self, values: Any) -> Any:
            at = {id(v): x for v, x in zip(variables, values, strict=True)}
            out = mp.EvaluationContainer()
            out.objective = sign * _translated(mp, goal.expr, at)
            equal, below = [], []
            for rule in rules:
                body = _translated(mp, rule.body, at)
                if isinstance(body, float):  # of fixed variables alone
                    continue
                if rule.equality:
                    equal.append(body - value(rule.lower))
                    continue
                if rule.has_ub():
                    below.append(body - value(rule.upper))
                if rule.has_lb():
                    below.append(value(rule.lower) - body)
            out.eq, out.ineq = equal, below
            return out

    return Written(), variables, sign


def _translated(mp: Any, node: Any, at: dict[int, Any]) -> Any:
    """An expression over MAiNGO's variables; a float where it is constant."""
    import pyomo.core.expr as expr
    from pyomo.core.expr.numvalue import is_fixed, value

    if is_fixed(node):
        return float(value(node))
    if node.is_variable_type():
        return at[id(node)]
    parts = [_translated(mp, part, at) for part in node.args]
    if node.is_named_expression_type():
        return parts[0]
    if isinstance(node, expr.SumExpression):  # linear ones, too
        return sum(parts[1:], parts[0])
    if isinstance(node, expr.DivisionExpression):
        return parts[0] / parts[1]
    if isinstance(node, expr.ProductExpression):
        return parts[0] * parts[1]
    if isinstance(node, expr.NegationExpression):
        return -parts[0]
    if isinstance(node, expr.PowExpression):
        whole = float(parts[1]).is_integer()
        return mp.pow(parts[0], int(parts[1]) if whole else parts[1])
    if isinstance(node, expr.UnaryFunctionExpression):
        return getattr(mp, node.getname())(parts[0])
    raise TypeError(f"{type(node).__name__} is no expression that is known here")
