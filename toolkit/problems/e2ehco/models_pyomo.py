"""Algebraic models for generic solvers: a quadratic 0-1 program, rotated cones, and as printed.

The one-hot binaries choose[i, m] say which option a user has, 0 for local. Powers depend on the
option alone, so that all but the letter take the cost of the best one from the table.
"""

from typing import Any

import numpy as np

from toolkit.arrays import Data, Decision
from toolkit.errors import unknown
from toolkit.problems._knowledge import AlgebraicModel

from . import allocation
from .costs import LN2
from .problem import shares_are_decided
from .radio import snr_table
from .tables import computing, tables

LEAST = 1e-9  # the least share in the form with a division


def pyomo(data: Data, formulation: str) -> AlgebraicModel:
    """The model called `formulation`: "cone", "quadratic" or "paper".

    Where servers are split equally their users' number times what they compute takes the place of
    shares, in all three.
    """
    forms = {"quadratic": _quadratic, "cone": _cone, "paper": _paper}
    if formulation not in forms:
        raise unknown("formulation of problem 'e2ehco'", formulation, forms)
    return forms[formulation](data)


def _skeleton(data: Data) -> tuple[Any, Any, np.ndarray]:
    """Pyomo, a model with the binaries, and the users' unit costs (users, servers)."""
    import pyomo.environ as pyo

    m = pyo.ConcreteModel("e2ehco")
    users, servers = len(data["bits"]), len(data["site"])
    m.user, m.server = pyo.RangeSet(0, users - 1), pyo.RangeSet(1, servers)
    m.option = pyo.RangeSet(0, servers)
    m.choose = pyo.Var(m.user, m.option, domain=pyo.Binary)
    m.one = pyo.Constraint(m.user, rule=lambda m, i: sum(m.choose[i, k] for k in m.option) == 1)
    return pyo, m, computing(data)


def _split_equally(pyo: Any, m: Any, price: np.ndarray) -> Any:
    """Cost of servers that are split equally: sum over users of the number beside each."""
    m.count = pyo.Expression(m.server, rule=lambda m, k: sum(m.choose[i, k] for i in m.user))
    return sum(
        m.count[k] * sum(float(price[i, k - 1]) * m.choose[i, k] for i in m.user) for k in m.server
    )


def _sent(m: Any, data: Data) -> Any:
    """Cost of local computing and of transmissions at their best power."""
    cost = tables(data)[0]
    return sum(float(cost[i, k]) * m.choose[i, k] for i in m.user for k in m.option)


def _quadratic(data: Data) -> AlgebraicModel:
    """Squares of the servers' loads: with the best shares that is what computing costs."""
    pyo, m, price = _skeleton(data)
    sent, weight = _sent(m, data), tables(data)[1]
    m.square = pyo.Var(m.server, bounds=(0, None))
    # a variable: solvers that expand the square of the sum have a product for every two users
    m.carried = pyo.Var(m.server, bounds=lambda _, k: (0, float(weight[:, k - 1].sum())))
    m.carried_is = pyo.Constraint(m.server, rule=lambda m, k: m.carried[k] == _loads(m, weight, k))
    decided = shares_are_decided(data)
    if decided:
        m.above = pyo.Constraint(m.server, rule=lambda m, k: m.square[k] >= m.carried[k] ** 2)
        congestion = sum(m.square[k] for k in m.server)
    else:
        congestion = _split_equally(pyo, m, price)
    m.cost = pyo.Objective(expr=sent + congestion)

    def put(decision: Decision) -> None:
        _put_choice(m, decision)
        for k in m.server:
            _set(m.carried[k], pyo.value(_loads(m, weight, k)))
            _set(m.square[k], m.carried[k].value ** 2)

    return AlgebraicModel(m, put, lambda: allocation.complete(data, _choice(m)))


def _loads(m: Any, weight: np.ndarray, k: int) -> Any:
    """What the users of server k weigh together."""
    return sum(float(weight[i, k - 1]) * m.choose[i, k] for i in m.user)


def _cone(data: Data) -> AlgebraicModel:
    """Shares s and what they cost, a / F times t with t s >= x^2: rotated cones."""
    if not shares_are_decided(data):
        return _quadratic(data)
    pyo, m, price = _skeleton(data)
    budget = float(data["share_budget"])
    m.share = pyo.Var(m.user, m.server, bounds=(0, budget))
    m.slowness = pyo.Var(m.user, m.server, bounds=(0, None))
    m.cone = pyo.Constraint(
        m.user,
        m.server,
        rule=lambda m, i, k: m.slowness[i, k] * m.share[i, k] >= m.choose[i, k] ** 2,
    )
    m.cpu = pyo.Constraint(m.server, rule=lambda m, k: sum(m.share[i, k] for i in m.user) <= budget)
    waiting = sum(float(price[i, k - 1]) * m.slowness[i, k] for i in m.user for k in m.server)
    m.cost = pyo.Objective(expr=_sent(m, data) + waiting)

    def put(decision: Decision) -> None:
        _put_choice(m, decision)
        for i, k in m.share:
            share = float(decision["share"][i]) * m.choose[i, k].value
            _set(m.share[i, k], share)
            _set(m.slowness[i, k], 1 / share if share > 0 else 0.0)

    def read() -> Decision:
        found = allocation.complete(data, _choice(m))
        share = [sum(m.share[i, k].value for k in m.server) for i in m.user]
        return {**found, "share": np.where(found["server"] > 0, share, 0.0)}

    return AlgebraicModel(m, put, read)


def _paper(data: Data) -> AlgebraicModel:
    """T and E as printed, times the binaries."""
    pyo, m, price = _skeleton(data)
    decided = shares_are_decided(data)
    low, high = float(data["power_min"]), float(data["power_max"])
    m.power = pyo.Var(m.user, bounds=(low, high))
    if decided:
        m.share = pyo.Var(m.user, bounds=(LEAST, float(data["share_budget"])))
        m.cpu = pyo.Constraint(
            m.server,
            rule=lambda m, k: (
                sum(m.choose[i, k] * m.share[i] for i in m.user) <= float(data["share_budget"])
            ),
        )
        waiting = sum(
            float(price[i, k - 1]) * m.choose[i, k] / m.share[i] for i in m.user for k in m.server
        )
    else:
        waiting = _split_equally(pyo, m, price)
    m.cost = pyo.Objective(expr=_sent_by_letter(pyo, m, data) + waiting)

    def put(decision: Decision) -> None:
        _put_choice(m, decision)
        for i in m.user:
            _set(m.power[i], decision["power"][i])
            if decided:
                _set(m.share[i], max(float(decision["share"][i]), LEAST))

    def read() -> Decision:
        server = _choice(m)
        power = np.array([m.power[i].value for i in m.user], float)
        out = {"server": server, "power": np.where(server > 0, power, low)}
        if decided:
            share = np.array([m.share[i].value for i in m.user], float)
            out["share"] = np.where(server > 0, share, 0.0)
        return out

    return AlgebraicModel(m, put, read)


def _sent_by_letter(pyo: Any, m: Any, data: Data) -> Any:
    """Local costs, and transmissions at the powers that are decided."""
    w1, w2 = float(data["weight_delay"]), float(data["weight_energy"])
    local, snr = tables(data)[0][:, 0], snr_table(np, data)
    nats = np.asarray(data["bits"] / data["bandwidth"] * LN2)
    return sum(
        float(local[i]) * m.choose[i, 0]
        + (w1 + w2 * m.power[i])
        * sum(
            m.choose[i, k] * float(nats[i]) / pyo.log(1 + float(snr[i, k - 1]) * m.power[i])
            for k in m.server
        )
        for i in m.user
    )


def _set(variable: Any, value: float) -> None:
    variable.set_value(float(value), skip_validation=True)


def _put_choice(m: Any, decision: Decision) -> None:
    for i, k in m.choose:
        _set(m.choose[i, k], round(float(decision["server"][i])) == k)


def _choice(m: Any) -> np.ndarray:
    """The option of the largest binary of every user, (users,)."""
    return np.array([float(np.argmax([m.choose[i, k].value for k in m.option])) for i in m.user])
