"""Algebraic models for generic solvers: a quadratic 0-1 program, rotated cones, and as printed.

The one-hot binaries choose[i, m] say which target a user has, 0 for local. Where noise grows with
the bandwidth all forms are the printed one.
"""

from typing import Any

import numpy as np

from toolkit.arrays import Data, Decision
from toolkit.errors import unknown
from toolkit.problems._knowledge import AlgebraicModel

from . import allocation
from .costs import LN2, noise_is_fixed, references
from .tables import tables

LEAST = 1e-9  # the least share in the form with a division


def pyomo(data: Data, formulation: str) -> AlgebraicModel:
    """The model called `formulation`: "quadratic", "cone" or "paper"."""
    forms = {"quadratic": _quadratic, "cone": _cone, "paper": _paper}
    if formulation not in forms:
        raise unknown("formulation of problem 'dgl_slot'", formulation, forms)
    return (forms[formulation] if noise_is_fixed(data) else _paper)(data)


def _skeleton(data: Data) -> tuple[Any, Any]:
    """Pyomo, and a model with the binaries and the users of every cell."""
    import pyomo.environ as pyo

    m = pyo.ConcreteModel("dgl_slot")
    users, servers = len(data["bits"]), len(data["cached"])
    m.user, m.server = pyo.RangeSet(0, users - 1), pyo.RangeSet(1, servers)
    m.option = pyo.RangeSet(0, servers)
    m.choose = pyo.Var(m.user, m.option, domain=pyo.Binary)
    m.one = pyo.Constraint(m.user, rule=lambda m, i: sum(m.choose[i, k] for k in m.option) == 1)
    cell = np.asarray(data["cell"], int)
    m.inside = {k: np.flatnonzero(cell == k - 1).tolist() for k in m.server}
    return pyo, m


def _saved(m: Any, data: Data) -> Any:
    """Both weights for every user, less what local computing and detours lose."""
    table = tables(data)
    lost = sum(float(table.local[i]) * m.choose[i, 0] for i in m.user)
    lost += sum(
        float(table.detour[i]) * m.choose[i, k]
        for i in m.user
        for k in m.server
        if not table.reach[i, k - 1]
    )
    return len(data["bits"]) * float(data["weight_delay"] + data["weight_energy"]) - lost


def _quadratic(data: Data) -> AlgebraicModel:
    """Squares of the cells' and of the servers' loads: what sharing them best loses."""
    pyo, m = _skeleton(data)
    table = tables(data)
    level = float(table.level)
    # variables: solvers that expand the square of a sum have a product for every two users
    m.band, m.count = (pyo.Var(m.server, bounds=(0, None)) for _ in range(2))
    m.band_is = pyo.Constraint(m.server, rule=lambda m, k: m.band[k] == _band(m, table, k))
    m.count_is = pyo.Constraint(m.server, rule=lambda m, k: m.count[k] == _count(m, table, k))
    m.sending = pyo.Var(m.server, bounds=(0, None))
    m.computing = pyo.Var(m.server, bounds=(0, None))
    m.sent = pyo.Constraint(m.server, rule=lambda m, k: m.sending[k] >= m.band[k] ** 2)
    m.done = pyo.Constraint(m.server, rule=lambda m, k: m.computing[k] >= level * m.count[k] ** 2)
    squares = sum(m.sending[k] + m.computing[k] for k in m.server)
    m.quality = pyo.Objective(expr=_saved(m, data) - squares, sense=pyo.maximize)

    def put(decision: Decision) -> None:
        _put_choice(m, decision)
        for k in m.server:
            _set(m.band[k], pyo.value(_band(m, table, k)))
            _set(m.count[k], pyo.value(_count(m, table, k)))
            _set(m.sending[k], m.band[k].value ** 2)
            _set(m.computing[k], level * m.count[k].value ** 2)

    return AlgebraicModel(m, put, lambda: allocation.complete(data, _choice(m)))


def _band(m: Any, table: Any, k: int) -> Any:
    """What the offloaders of cell k weigh together."""
    none = 0 * m.choose[0, 0]
    return sum((float(table.root[i]) * (1 - m.choose[i, 0]) for i in m.inside[k]), none)


def _count(m: Any, table: Any, k: int) -> Any:
    """How many users server k computes for."""
    none = 0 * m.choose[0, 0]
    return sum((m.choose[i, k] for i in m.user if table.reach[i, k - 1]), none)


def _cone(data: Data) -> AlgebraicModel:
    """Shares s, and t with t s >= x^2, times what a whole resource loses: rotated cones."""
    pyo, m = _skeleton(data)
    table = tables(data)
    _cones(pyo, m, "bandwidth", list(m.user), lambda i: 1 - m.choose[i, 0])
    pairs = [(i, k) for i in m.user for k in m.server if table.reach[i, k - 1]]
    _cones(pyo, m, "cpu", pairs, lambda i, k: m.choose[i, k])
    m.band = pyo.Constraint(
        m.server,
        rule=lambda m, k: sum((m.bandwidth[i] for i in m.inside[k]), 0 * m.choose[0, 0]) <= 1,
    )
    m.cpus = pyo.Constraint(
        m.server,
        rule=lambda m, k: (
            sum((m.cpu[i, k] for i in m.user if (i, k) in m.cpu), 0 * m.choose[0, 0]) <= 1
        ),
    )
    lost = sum(float(table.root[i]) ** 2 * m.slow_bandwidth[i] for i in m.user)
    lost += sum(float(table.level) * m.slow_cpu[pair] for pair in pairs)
    m.quality = pyo.Objective(expr=_saved(m, data) - lost, sense=pyo.maximize)

    def put(decision: Decision) -> None:
        _put_choice(m, decision)
        for i in m.user:
            _put_share(m, "bandwidth", i, decision["bandwidth"][i], 1 - m.choose[i, 0].value)
        for i, k in pairs:
            _put_share(m, "cpu", (i, k), decision["cpu"][i], m.choose[i, k].value)

    def read() -> Decision:
        target = _choice(m)
        cpu = [sum(m.cpu[i, k].value for k in m.server if (i, k) in m.cpu) for i in m.user]
        band = np.array([m.bandwidth[i].value for i in m.user], float)
        return _cleared(data, target, band, np.array(cpu, float))

    return AlgebraicModel(m, put, read)


def _cones(pyo: Any, m: Any, name: str, index: list[Any], wanted: Any) -> None:
    """Shares `name` and their inverses, at least where the choice wants them."""
    share = pyo.Var(index, bounds=(0, 1))
    slow = pyo.Var(index, bounds=(0, None))
    setattr(m, name, share)
    setattr(m, f"slow_{name}", slow)

    def cone(m: Any, *at: Any) -> Any:
        key = at[0] if len(at) == 1 else at
        return slow[key] * share[key] >= wanted(*at) ** 2

    setattr(m, f"cone_{name}", pyo.Constraint(index, rule=cone))


def _put_share(m: Any, name: str, key: Any, value: float, wanted: float) -> None:
    share = float(value) * wanted
    _set(getattr(m, name)[key], share)
    _set(getattr(m, f"slow_{name}")[key], wanted / share if share > 0 else 0.0)


def _paper(data: Data) -> AlgebraicModel:
    """QoE as printed, times the binaries."""
    pyo, m = _skeleton(data)
    reached, level = tables(data).reach, float(tables(data).level)
    m.bandwidth = pyo.Var(m.user, bounds=(LEAST, 1))
    m.cpu = pyo.Var(m.user, bounds=(LEAST, 1))
    m.band = pyo.Constraint(
        m.server,
        rule=lambda m, k: (
            sum(((1 - m.choose[i, 0]) * m.bandwidth[i] for i in m.inside[k]), 0 * m.choose[0, 0])
            <= 1
        ),
    )
    m.cpus = pyo.Constraint(
        m.server,
        rule=lambda m, k: (
            sum(
                (m.choose[i, k] * m.cpu[i] for i in m.user if reached[i, k - 1]),
                0 * m.choose[0, 0],
            )
            <= 1
        ),
    )
    lost = sum((1 - m.choose[i, 0]) * _sending(pyo, m, data, i) for i in m.user)
    lost += sum(
        level * m.choose[i, k] / m.cpu[i] for i in m.user for k in m.server if reached[i, k - 1]
    )
    m.quality = pyo.Objective(expr=_saved(m, data) - lost, sense=pyo.maximize)

    def put(decision: Decision) -> None:
        _put_choice(m, decision)
        for i in m.user:
            _set(m.bandwidth[i], max(float(decision["bandwidth"][i]), LEAST))
            _set(m.cpu[i], max(float(decision["cpu"][i]), LEAST))

    def read() -> Decision:
        shares = (np.array([v[i].value for i in m.user], float) for v in (m.bandwidth, m.cpu))
        return _cleared(data, _choice(m), *shares)

    return AlgebraicModel(m, put, read)


def _sending(pyo: Any, m: Any, data: Data, i: int) -> Any:
    """What sending loses user i, by its share of the band."""
    late, most, _ = references(np, data)
    price = data["weight_delay"] / late
    price = price + data["weight_energy"] * data["energy_power"] / most
    worth = float((price * data["bits"])[i] / data["bandwidth"])
    if noise_is_fixed(data):
        return worth / (float(data["efficiency"][i]) * m.bandwidth[i])
    snr = float(np.expm1(data["efficiency"][i] * LN2))
    return worth * LN2 / (m.bandwidth[i] * pyo.log(1 + snr / m.bandwidth[i]))


def _cleared(data: Data, target: np.ndarray, band: np.ndarray, cpu: np.ndarray) -> Decision:
    """Shares only for those who use them."""
    used = allocation.complete(data, target)
    return {
        "target": target,
        "bandwidth": np.where(used["bandwidth"] > 0, band, 0.0),
        "cpu": np.where(used["cpu"] > 0, cpu, 0.0),
    }


def _set(variable: Any, value: float) -> None:
    variable.set_value(float(value), skip_validation=True)


def _put_choice(m: Any, decision: Decision) -> None:
    for i, k in m.choose:
        _set(m.choose[i, k], round(float(decision["target"][i])) == k)


def _choice(m: Any) -> np.ndarray:
    """The option of the largest binary of every user, (users,)."""
    return np.array([float(np.argmax([m.choose[i, k].value for k in m.option])) for i in m.user])
