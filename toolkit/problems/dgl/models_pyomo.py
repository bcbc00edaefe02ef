"""The whole episode as one model: a quadratic 0-1 program whose slots share caches.

As `dgl_slot.models_pyomo`'s form "quadratic" in each slot, with shares in closed form; served[…] is
the product of a target and the cache's bit, in its three linear inequalities.
"""

from typing import Any

import numpy as np

from toolkit.arrays import Data, Decision
from toolkit.errors import UserError, unknown
from toolkit.problems._knowledge import AlgebraicModel
from toolkit.problems.dgl_slot.law import GIB
from toolkit.problems.dgl_slot.tables import tables

from .slots import SLOT, flat, slots_of


def pyomo(data: Data, formulation: str) -> AlgebraicModel:
    """The model called `formulation`: "quadratic"."""
    if formulation != "quadratic":
        raise unknown("formulation of problem 'dgl'", formulation, {"quadratic": ""})
    if not data["noise_fixed"]:
        raise UserError("The model of an episode is for noise of the whole band; set noise_fixed.")
    pyo, m = _caches(data)
    lost = _slots(pyo, m, data)
    each = float(data["qoe_weight"]) / len(m.slot)
    whole = float(data["weight_delay"] + data["weight_energy"]) * len(m.slots) * len(m.user)
    price = [float(p) for p in data["load_price"]]
    paid = sum(price[k] * m.loaded[t, s, k] for t, s, k in m.loaded)
    over = float(data["overflow_price"]) * GIB * sum(m.over[key] for key in m.over)
    m.reward = pyo.Objective(expr=each * (whole - lost) - paid - over, sense=pyo.maximize)
    return AlgebraicModel(m, lambda d: _put(pyo, m, data, d), lambda: _read(m, data))


def _caches(data: Data) -> tuple[Any, Any]:
    """Pyomo, and a model with the bits of caches, what is loaded, and what exceeds capacity."""
    import pyomo.environ as pyo

    m = pyo.ConcreteModel("dgl")
    steps, slots, users = np.shape(data["service"])
    servers, services = len(data["limit"]), len(data["size"])
    size, free, limit = (np.asarray(data[key]) / GIB for key in ("size", "capacity", "limit"))
    m.step, m.slot, m.user = (pyo.RangeSet(0, n - 1) for n in (steps, slots, users))
    m.server, m.kind = pyo.RangeSet(0, servers - 1), pyo.RangeSet(0, services - 1)
    m.slots = m.step * m.slot
    m.cache = pyo.Var(m.step, m.server, m.kind, domain=pyo.Binary)
    m.loaded = pyo.Var(m.step, m.server, m.kind, bounds=(0, 1))
    m.over = pyo.Var(m.step, m.server, bounds=(0, None))
    m.new = pyo.Constraint(
        m.step,
        m.server,
        m.kind,
        rule=lambda m, t, s, k: (
            m.loaded[t, s, k] >= m.cache[t, s, k] - (m.cache[t - 1, s, k] if t else 0)
        ),
    )
    m.stored = pyo.Expression(
        m.step,
        m.server,
        rule=lambda m, t, s: sum(float(size[k]) * m.cache[t, s, k] for k in m.kind),
    )
    m.room = pyo.Constraint(
        m.step, m.server, rule=lambda m, t, s: m.stored[t, s] <= float(limit[s])
    )
    m.above = pyo.Constraint(
        m.step, m.server, rule=lambda m, t, s: m.over[t, s] >= m.stored[t, s] - float(free[s])
    )
    return pyo, m


def _slots(pyo: Any, m: Any, data: Data) -> Any:
    """Adds targets, who is served, and squares of loads; what all slots lose."""
    rows, _ = flat(slots_of(data, np.ones((1, len(m.server), len(m.kind)))))
    found, number = tables(rows), {key: r for r, key in enumerate(m.slots)}
    level = np.broadcast_to(found.level, (len(m.slots),))
    m.level = {key: float(level[r]) for key, r in number.items()}
    _targets(pyo, m, np.asarray(data["service"], int))
    _loads(pyo, m, np.asarray(data["cell"], int), {k: found.root[r] for k, r in number.items()})
    lost = sum(m.sending[at] + m.computing[at] for at in m.sending)
    for t, s, i in m.away:
        local, detour = (float(x[number[t, s], i]) for x in (found.local, found.detour))
        unserved = sum(m.choose[t, s, i, q] - m.served[t, s, i, q] for q in m.server)
        lost += local * (1 - m.away[t, s, i]) + detour * unserved
    return lost


def _targets(pyo: Any, m: Any, asked: np.ndarray) -> None:
    """Who goes where, and who is served there: the product of a target and a cache's bit."""
    every = (m.slots, m.user, m.server)
    m.choose = pyo.Var(*every, domain=pyo.Binary)
    m.served = pyo.Var(*every, bounds=(0, 1))
    m.away = pyo.Expression(
        m.slots, m.user, rule=lambda m, *at: sum(m.choose[(*at, q)] for q in m.server)
    )
    m.one = pyo.Constraint(m.slots, m.user, rule=lambda m, *at: m.away[at] <= 1)
    held = {(t, s, i, q): m.cache[t, q, int(asked[t, s, i])] for t, s, i, q in m.choose}
    m.there = pyo.Constraint(*every, rule=lambda m, *at: m.served[at] <= m.choose[at])
    m.kept = pyo.Constraint(*every, rule=lambda m, *at: m.served[at] <= held[at])
    m.both = pyo.Constraint(*every, rule=lambda m, *at: m.served[at] >= m.choose[at] + held[at] - 1)


def _loads(pyo: Any, m: Any, cell: np.ndarray, root: dict[tuple[int, int], np.ndarray]) -> None:
    """The loads of cells and servers, and variables that are at least their squares."""
    each = (m.slots, m.server)
    m.sending, m.computing = (pyo.Var(*each, bounds=(0, None)) for _ in range(2))
    m.band = pyo.Expression(
        *each,
        rule=lambda m, t, s, g: sum(
            float(root[t, s][i]) * m.away[t, s, i] for i in m.user if cell[i] == g
        ),
    )
    m.count = pyo.Expression(
        *each, rule=lambda m, t, s, q: sum(m.served[t, s, i, q] for i in m.user)
    )
    m.sent = pyo.Constraint(*each, rule=lambda m, *at: m.sending[at] >= m.band[at] ** 2)
    m.done = pyo.Constraint(
        *each, rule=lambda m, t, s, q: m.computing[t, s, q] >= m.level[t, s] * m.count[t, s, q] ** 2
    )


def _put(pyo: Any, m: Any, data: Data, decision: Decision) -> None:
    cache = np.asarray(decision["cache"]).round()
    target = np.asarray(decision["target"]).round()
    asked = np.asarray(data["service"], int)
    new = np.maximum(np.diff(cache, axis=0, prepend=0 * cache[:1]), 0)
    for at in m.cache:
        _set(m.cache[at], cache[at])
        _set(m.loaded[at], new[at])
    for t, s in m.over:
        free = float(data["capacity"][s]) / GIB
        _set(m.over[t, s], max(0.0, pyo.value(m.stored[t, s]) - free))
    for t, s, i, q in m.choose:
        here = target[t, s, i] == q + 1
        _set(m.choose[t, s, i, q], here)
        _set(m.served[t, s, i, q], here * cache[t, q, asked[t, s, i]])
    for at in m.sending:
        _set(m.sending[at], pyo.value(m.band[at]) ** 2)
        _set(m.computing[at], m.level[at[:2]] * pyo.value(m.count[at]) ** 2)


def _set(variable: Any, value: float) -> None:
    variable.set_value(float(value), skip_validation=True)


def _read(m: Any, data: Data) -> Decision:
    """Caches and targets, with the best shares for them."""
    cache = np.array([m.cache[at].value for at in m.cache], float).round()
    cache = cache.reshape(len(m.step), len(m.server), len(m.kind))
    shape = (len(m.step), len(m.slot), len(m.user))
    chosen = np.array([m.choose[at].value for at in m.choose], float).reshape(*shape, -1)
    target = np.where(chosen.max(-1) > 0.5, chosen.argmax(-1) + 1.0, 0.0)
    return {"cache": cache, **SLOT.complete(slots_of(data, cache), {"target": target})}
