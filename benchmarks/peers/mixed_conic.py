"""CVXPY and SCIP on mixed-integer conic models: of those problems whose cones are of second order.

CVXPY's only solver here for integers with exponential cones is none at all: SCIP's and Gurobi's
interfaces take second-order cones, so that `cpdrl` and `droo` have no such model.
"""

import warnings
from typing import Any

import numpy as np

from toolkit.instances import Instance
from toolkit.problems import Problem
from toolkit.problems._congestion.tables import Congestion

from .answers import Found, Peer, completed

MB = 2.0**23


class MixedConic(Peer):
    name = "cvxpy-scip"

    def refuses(self, problem: Problem, instance: Instance) -> str | None:
        return (
            None
            if problem.name in MODELS
            else "CVXPY has no solver for integers with exponential cones"
        )

    def solve(self, problem: Problem, instance: Instance, gap: float, seconds: float) -> Found:
        import cvxpy as cp

        model, bits, read = MODELS[problem.name](cp, instance.data)
        options = {"limits/time": seconds, "limits/gap": gap, "limits/memory": 4000.0}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                model.solve(solver=cp.SCIP, scip_params=options)
            except cp.SolverError as error:
                return Found(said=f"fails: {str(error).split('.')[0]}")
        # CVXPY calls an answer at SCIP's gap limit inaccurate, as it does one at the time limit
        late = model.solver_stats is not None and model.solver_stats.solve_time > 0.95 * seconds
        known = {"optimal": "optimal", "infeasible": "infeasible"}
        said = "time" if late else known.get(model.status, "optimal")
        if bits.value is None:
            return Found(said=said)
        decision = completed(problem, instance, read(np.asarray(bits.value)))
        return Found(decision, None, said)


def _ddlo(cp: Any, data: Any) -> tuple[Any, Any, Any]:
    """Transmission w with w c >= sum s x^2 a user, in MB and seconds (docs/ddlo.md)."""
    size = np.asarray(data["size"]) / MB
    bits = cp.Variable(size.shape, boolean=True)
    upload, rate, time = (cp.Variable(len(size), nonneg=True) for _ in range(3))
    remote = cp.sum(cp.multiply(size, bits), axis=1)
    local = size.sum(-1) - remote
    per = {key: float(data[key]) * MB for key in ("local_time", "edge_time", "local_energy")}
    energy = float(data["edge_energy"] + data["transmit_energy"]) * MB
    rules = [time >= per["local_time"] * local, time >= upload + per["edge_time"] * remote]
    rules.append(cp.sum(rate) <= float(data["capacity"]) / MB)
    for i, own in enumerate(size):
        sides = [cp.multiply(2 * np.sqrt(own), bits[i]), cp.reshape(upload[i] - rate[i], 1, "C")]
        rules.append(cp.SOC(upload[i] + rate[i], cp.hstack(sides)))
    cost = per["local_energy"] * cp.sum(local) + energy * cp.sum(remote)
    cost = cost + float(data["weight_delay"]) * cp.sum(time)

    def read(found: np.ndarray) -> dict[str, np.ndarray]:
        return {"offload": found, "uplink": np.zeros(len(size))}

    return cp.Problem(cp.Minimize(cost), rules), bits, read


def _congested(cp: Any, given: Congestion) -> tuple[Any, Any]:
    """One option a user, a squared load (a second-order cone) a resource."""
    bits = cp.Variable(given.cost.shape, boolean=True)
    has = np.isfinite(given.cost)
    rules = [cp.sum(bits, axis=1) == 1, bits <= has * 1.0]
    squares = []
    for r in range(given.weight.shape[1]):
        by = (given.resource == r).any(-1) * given.weight[:, r : r + 1] * has
        if by.any():
            squares.append(cp.square(cp.sum(cp.multiply(by, bits))))
    cost = cp.sum(cp.multiply(np.where(has, given.cost, 0.0), bits))
    return cp.Problem(cp.Minimize(cost + cp.sum(cp.hstack(squares))), rules), bits


def _e2ehco(cp: Any, data: Any) -> tuple[Any, Any, Any]:
    from toolkit.problems.e2ehco.relaxation import congestion

    model, bits = _congested(cp, congestion(data))
    return model, bits, lambda found: _picked("server", ("power", "share"), found)


def _dgl_slot(cp: Any, data: Any) -> tuple[Any, Any, Any]:
    from toolkit.problems.dgl_slot.relaxation import congestion

    model, bits = _congested(cp, congestion(data))
    return model, bits, lambda found: _picked("target", ("bandwidth", "cpu"), found)


def _picked(name: str, others: tuple[str, ...], found: np.ndarray) -> dict[str, np.ndarray]:
    """Every user's option; the other blocks are completed."""
    return {name: found.argmax(-1).astype(float)} | {key: np.zeros(len(found)) for key in others}


MODELS = {"ddlo": _ddlo, "e2ehco": _e2ehco, "dgl_slot": _dgl_slot}
