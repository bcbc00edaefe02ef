"""The algebraic model for generic solvers: `cpdrl`'s lifted form for each server, and one server
at most for each user."""

import numpy as np

from toolkit.arrays import Data, Decision
from toolkit.errors import unknown
from toolkit.problems._knowledge import AlgebraicModel
from toolkit.problems.cpdrl.models_pyomo import lifted

from .allocation import at_server, tables


def pyomo(data: Data, formulation: str) -> AlgebraicModel:
    """The model called `formulation`: "lifted"."""
    if formulation != "lifted":
        raise unknown("formulation of problem 'cpdrl_multi'", formulation, ("lifted",))
    import pyomo.environ as pyo

    n, servers = np.shape(data["gain"])
    local, frequency = tables(data)[0, :2]
    stuck = np.isinf(local)
    parts = [lifted(at_server(data, m)) for m in range(servers)]
    model = pyo.ConcreteModel("cpdrl_multi-lifted")
    for m, part in enumerate(parts):
        part.model.cost.deactivate()
        part.model.offload.unfix()  # who must offload, need not to this server
        model.add_component(f"server{m}", part.model)

    def one_server(_: pyo.ConcreteModel, i: int) -> object:
        chosen = sum(part.model.offload[i] for part in parts)
        return chosen == 1 if stuck[i] else chosen <= 1

    model.one_server = pyo.Constraint(pyo.RangeSet(0, n - 1), rule=one_server)
    twice = float(local[~stuck].sum()) * (servers - 1)  # every part has the local costs of all
    model.cost = pyo.Objective(expr=sum(part.model.cost.expr for part in parts) - twice)

    def put(decision: Decision) -> None:
        for m, part in enumerate(parts):
            here = np.asarray(decision["server"]) == m + 1
            own = {key: decision[key] * here for key in ("bandwidth", "power", "frequency")}
            part.put({**own, "offload": here.astype(float)})

    def read() -> Decision:
        found = [part.read() for part in parts]
        server = sum((m + 1) * one["offload"] for m, one in enumerate(found))
        return {
            "server": np.asarray(server),
            "bandwidth": np.sum([one["bandwidth"] for one in found], axis=0),
            "power": np.sum([one["power"] for one in found], axis=0),
            "frequency": np.where(np.asarray(server) > 0, 0.0, frequency),
        }

    return AlgebraicModel(model, put, read)
