"""Algebraic models for generic global solvers: convex with cones, and as printed.

Units make values O(1): 2^23 bit (the paper's MB), s, J; rates in MB/s.
"""

from typing import Any

import numpy as np

from toolkit.arrays import Data, Decision
from toolkit.errors import unknown
from toolkit.problems._knowledge import AlgebraicModel

from .problem import MEGABYTE, shares_are_decided

LEAST = 1e-9  # of the uplink: the least rate of the form with a division


def pyomo(data: Data, formulation: str) -> AlgebraicModel:
    """The model called `formulation`, "cone" or "paper"; linear where the shares are given."""
    import pyomo.environ as pyo

    forms = {"cone": _cone, "paper": _paper}
    if formulation not in forms:
        raise unknown("formulation of problem 'ddlo'", formulation, forms)
    m = _skeleton(pyo, data)
    if shares_are_decided(data):
        least = forms[formulation](pyo, m, data)
    else:
        least = 0.0
        rate = np.asarray(data["share"] * data["capacity"]) / MEGABYTE
        m.edge = pyo.Constraint(
            m.user,
            rule=lambda m, i: m.time[i] >= m.remote[i] / float(rate[i]) + m.computing[i],
        )

    def put(decision: Decision) -> None:
        _put(m, data, decision, least)

    return AlgebraicModel(m, put, lambda: _read(m, data))


def _skeleton(pyo: Any, data: Data) -> Any:
    """Bits, delays, the device's time and the objective."""
    size = np.asarray(data["size"]) / MEGABYTE
    per_bit = ("local_time", "edge_time", "local_energy", "transmit_energy", "edge_energy")
    c = {key: float(data[key]) * MEGABYTE for key in per_bit}
    users, tasks = size.shape
    total, p = size.sum(-1), float(data["weight_delay"])
    m = pyo.ConcreteModel("ddlo")
    m.user, m.task = pyo.RangeSet(0, users - 1), pyo.RangeSet(0, tasks - 1)
    m.offload = pyo.Var(m.user, m.task, domain=pyo.Binary)
    m.time = pyo.Var(m.user, bounds=(0, None))
    m.remote = pyo.Expression(
        m.user, rule=lambda m, i: sum(float(size[i, j]) * m.offload[i, j] for j in m.task)
    )
    m.computing = pyo.Expression(m.user, rule=lambda m, i: c["edge_time"] * m.remote[i])
    m.device = pyo.Constraint(
        m.user, rule=lambda m, i: m.time[i] >= c["local_time"] * (float(total[i]) - m.remote[i])
    )
    remote_energy = c["edge_energy"] + c["transmit_energy"]
    m.cost = pyo.Objective(
        expr=sum(
            c["local_energy"] * (float(total[i]) - m.remote[i])
            + remote_energy * m.remote[i]
            + p * m.time[i]
            for i in m.user
        )
    )
    return m


def _uplink(pyo: Any, m: Any, data: Data, least: float) -> None:
    """Rates of at least `least`, and their budget (C.2)."""
    capacity = float(data["capacity"]) / MEGABYTE
    m.uplink = pyo.Var(m.user, bounds=(least, capacity))
    m.budget = pyo.Constraint(expr=sum(m.uplink[i] for i in m.user) <= capacity)


def _cone(pyo: Any, m: Any, data: Data) -> float:
    """Transmission w with w c >= sum s x^2, which is U at binary points: a rotated cone."""
    size = np.asarray(data["size"]) / MEGABYTE
    _uplink(pyo, m, data, 0.0)
    m.upload = pyo.Var(m.user, bounds=(0, None))
    m.edge = pyo.Constraint(m.user, rule=lambda m, i: m.time[i] >= m.upload[i] + m.computing[i])
    m.cone = pyo.Constraint(
        m.user,
        rule=lambda m, i: (
            m.upload[i] * m.uplink[i]
            >= sum(float(size[i, j]) * m.offload[i, j] ** 2 for j in m.task)
        ),
    )
    return 0.0


def _paper(pyo: Any, m: Any, data: Data) -> float:
    """t >= U / c + T_C U."""
    least = LEAST * float(data["capacity"]) / MEGABYTE
    _uplink(pyo, m, data, least)
    m.edge = pyo.Constraint(
        m.user, rule=lambda m, i: m.time[i] >= m.remote[i] / m.uplink[i] + m.computing[i]
    )
    return least


def _put(m: Any, data: Data, decision: Decision, least: float) -> None:
    """All variables from a choice and, where they are decided, its rates."""
    offload = np.asarray(decision["offload"], float)
    remote, local = ((data["size"] * x).sum(-1) for x in (offload, 1 - offload))
    for i, j in m.offload:
        m.offload[i, j].set_value(float(offload[i, j]), skip_validation=True)
    rate = np.asarray(decision.get("uplink", data["share"] * data["capacity"]), float)
    rate = np.maximum(rate, least * MEGABYTE)
    upload = np.divide(remote, np.maximum(rate, 1e-300), where=remote > 0, out=np.zeros(len(rate)))
    time = np.maximum(data["local_time"] * local, upload + data["edge_time"] * remote)
    for i in m.user:
        m.time[i].set_value(float(time[i]), skip_validation=True)
        if hasattr(m, "uplink"):
            m.uplink[i].set_value(float(rate[i]) / MEGABYTE, skip_validation=True)
        if hasattr(m, "upload"):
            m.upload[i].set_value(float(upload[i]), skip_validation=True)


def _read(m: Any, data: Data) -> Decision:
    """The decision that the variables stand for."""
    values = [m.offload[key].value for key in m.offload]
    offload = np.round(np.reshape(values, np.shape(data["size"])).astype(float))
    if not hasattr(m, "uplink"):
        return {"offload": offload}
    rate = np.array([m.uplink[i].value for i in m.user], float) * MEGABYTE
    return {"offload": offload, "uplink": np.where(offload.sum(-1) > 0, rate, 0.0)}
