"""Algebraic models for generic global solvers: program (10) as printed, and its lifted form.

Units make values O(1): Mbit, MHz, Gcycle, GHz, W, s, J.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from toolkit.arrays import Data, Decision
from toolkit.errors import unknown
from toolkit.problems._knowledge import AlgebraicModel

from .allocation import user_table

M, G = 1e6, 1e9
SECANTS = 4  # gradient cuts a user in the lifted form


def pyomo(data: Data, formulation: str) -> AlgebraicModel:
    """The model called `formulation`: "lifted" or "paper"."""
    forms = {"lifted": lifted, "paper": paper}
    if formulation not in forms:
        raise unknown("formulation of problem 'cpdrl'", formulation, forms)
    return forms[formulation](data)


def _constants(data: Data) -> dict[str, Any]:
    """Per-user arrays and scalars in the model's units; local cost and p* from the closed forms."""
    local, frequency, _, power, _, _, _, h, _ = user_table(data)[:9]
    size, work = data["size"] / M, data["size"] * data["cycles"] / G
    p_max = float(data["p_max"])
    soft = "weight_late" in data  # then no delay alone costs more than all users local
    longest = float(local.sum() / data["weight_delay"]) if soft else float(data["deadline"])
    return {
        "n": len(size),
        "size": size,
        "work": work,
        "execution": work / (float(data["f_server"]) / G),  # w of (7) for k = 1
        "local": local,
        "frequency": frequency,
        "f_max": data["f_max"] / G,
        "power": power,
        "h": h,
        "s_low": np.log2(1 + power * h),
        "s_high": np.log2(1 + p_max * h),
        "p_max": p_max,
        "bandwidth": float(data["bandwidth"]) / M,
        "deadline": float(data["deadline"]),
        "longest": longest,
        "late": float(data["weight_late"]) if soft else None,
        "kappa": float(data["kappa"]) * G**3,
        "delay": float(data["weight_delay"]),
        "energy": float(data["weight_energy"]),
    }


def _set(block: Any, values: np.ndarray) -> None:
    for i in block:
        block[i].set_value(float(values[i]), skip_validation=True)


def _get(block: Any) -> np.ndarray:
    return np.array([block[i].value for i in block], dtype=float)


def paper(data: Data) -> AlgebraicModel:
    """Program (10) with the consistency (11), divisions and products as printed.

    Where (11) makes a divisor zero its term has the factor zero: `speed` and `rate` are f and R
    plus a constant for just those users, which keeps the divisions finite and changes no value.
    """
    import pyomo.environ as pyo

    c = _constants(data)
    m = pyo.ConcreteModel("cpdrl-paper")
    m.user = pyo.RangeSet(0, c["n"] - 1)
    m.offload = pyo.Var(m.user, domain=pyo.Binary)
    m.bandwidth = pyo.Var(m.user, bounds=(0, c["bandwidth"]))
    m.power = pyo.Var(m.user, bounds=(0, c["p_max"]))
    m.frequency = pyo.Var(m.user, bounds=lambda _, i: (0, c["f_max"][i]))
    slowest, least = c["work"] / c["longest"], c["size"] / c["longest"]  # worth having
    widest = c["bandwidth"] * c["s_high"] + least
    m.speed = pyo.Var(
        m.user, bounds=lambda _, i: (min(slowest[i], c["f_max"][i]), 2 * c["f_max"][i])
    )
    m.rate = pyo.Var(m.user, bounds=lambda _, i: (least[i], widest[i]))
    _add_count(pyo, m, c)
    _add_paper_costs(pyo, m, c)

    def speed(m: Any, i: int) -> Any:
        return m.speed[i] == m.frequency[i] + c["f_max"][i] * m.offload[i]

    def rate(m: Any, i: int) -> Any:  # (3)
        shannon = m.bandwidth[i] * pyo.log(1 + m.power[i] * c["h"][i]) / float(np.log(2))
        return m.rate[i] == shannon + least[i] * (1 - m.offload[i])

    m.speed_is = pyo.Constraint(m.user, rule=speed)
    m.rate_is = pyo.Constraint(m.user, rule=rate)
    m.c1 = pyo.Constraint(m.user, rule=lambda m, i: m.delay[i] <= _due(m, c, i))
    m.c2 = pyo.Constraint(expr=sum(m.bandwidth[i] for i in m.user) <= c["bandwidth"])
    _add_consistency(pyo, m, c)

    def put(decision: Decision) -> None:
        offload = np.asarray(decision["offload"], float)
        bandwidth, power = decision["bandwidth"] / M, np.asarray(decision["power"], float)
        frequency = decision["frequency"] / G
        _set(m.offload, offload)
        m.k.set_value(float(offload.sum()))
        _set(m.bandwidth, bandwidth)
        _set(m.power, power)
        _set(m.frequency, frequency)
        _set(m.speed, frequency + c["f_max"] * offload)
        _set(m.rate, bandwidth * np.log2(1 + power * c["h"]) + least * (1 - offload))
        if c["late"] is not None:
            delay = np.array([pyo.value(m.delay[i]) for i in m.user])
            _set(m.late, np.maximum(delay - c["deadline"], 0.0))

    def read() -> Decision:
        offload = np.round(_get(m.offload))
        return {
            "offload": offload,
            "bandwidth": _get(m.bandwidth) * M * offload,
            "power": _get(m.power) * offload,
            "frequency": _get(m.frequency) * G * (1 - offload),
        }

    return AlgebraicModel(m, put, read)


def _add_count(pyo: Any, m: Any, c: Mapping[str, Any]) -> None:
    """k, a variable of its own so that the model's size is linear in the number of users."""
    m.k = pyo.Var(bounds=(0, c["n"]))
    m.k_is = pyo.Constraint(expr=m.k == sum(m.offload[i] for i in m.user))


def _add_lateness(pyo: Any, m: Any, c: Mapping[str, Any], cost: Any) -> None:
    """The objective; where lateness is paid for, `late` is a user's seconds beyond the deadline."""
    if c["late"] is not None:
        m.late = pyo.Var(m.user, bounds=(0, c["longest"]))
        cost = cost + sum(c["late"] * m.late[i] for i in m.user)
    m.cost = pyo.Objective(expr=cost)


def _due(m: Any, c: Mapping[str, Any], i: int, used: Any = 1.0) -> Any:
    """When user i's task is due at the latest, if `used`."""
    due = c["deadline"] * used
    return due if c["late"] is None else due + m.late[i]


def _add_paper_costs(pyo: Any, m: Any, c: Mapping[str, Any]) -> None:
    """T_n of (8), E_n of (9) and the objective of (10)."""

    def delay(m: Any, i: int) -> Any:
        remote = c["size"][i] / m.rate[i] + c["execution"][i] * m.k
        return (1 - m.offload[i]) * c["work"][i] / m.speed[i] + m.offload[i] * remote

    def energy(m: Any, i: int) -> Any:
        local = c["kappa"] * c["work"][i] * m.frequency[i] ** 2
        return (1 - m.offload[i]) * local + m.offload[i] * m.power[i] * c["size"][i] / m.rate[i]

    m.delay = pyo.Expression(m.user, rule=delay)
    m.energy = pyo.Expression(m.user, rule=energy)
    cost = sum(c["delay"] * m.delay[i] + c["energy"] * m.energy[i] for i in m.user)
    _add_lateness(pyo, m, c, cost)


def _add_consistency(pyo: Any, m: Any, c: Mapping[str, Any]) -> None:
    """(11): a user has bandwidth and power, or a local frequency, never both."""
    m.no_bandwidth = pyo.Constraint(
        m.user, rule=lambda m, i: m.bandwidth[i] <= c["bandwidth"] * m.offload[i]
    )
    m.no_power = pyo.Constraint(m.user, rule=lambda m, i: m.power[i] <= c["p_max"] * m.offload[i])
    m.no_frequency = pyo.Constraint(
        m.user, rule=lambda m, i: m.frequency[i] <= c["f_max"][i] * (1 - m.offload[i])
    )


def lifted(data: Data) -> AlgebraicModel:
    """x = 1/b and the spectral efficiency s lifted, local cost in closed form.

    D x = t s, b x >= a^2 (so x >= 1/b for offloaders, and nothing for the others), power
    p = (2^s - 1)/h in [p*, Pmax] without loss, e >= t p, w = a k linearised; and redundant cuts:
    gradients of the convex (t/h)(2^(D x/t) - 1) <= e, homogeneous in (x, t) so valid for a = 0.
    """
    import pyomo.environ as pyo

    c = _constants(data)
    n, longest = c["n"], c["longest"] * c["s_high"] / c["size"]
    m = pyo.ConcreteModel("cpdrl-lifted")
    m.user = pyo.RangeSet(0, n - 1)
    m.offload = pyo.Var(m.user, domain=pyo.Binary)
    m.bandwidth = pyo.Var(m.user, bounds=(0, c["bandwidth"]))
    m.inverse = pyo.Var(m.user, bounds=lambda _, i: (0, longest[i]))
    m.upload = pyo.Var(m.user, bounds=(0, c["longest"]))
    m.efficiency = pyo.Var(m.user, bounds=lambda _, i: (c["s_low"][i], c["s_high"][i]))
    m.power = pyo.Var(m.user, bounds=lambda _, i: (c["power"][i], c["p_max"]))
    m.energy = pyo.Var(m.user, bounds=(0, c["longest"] * c["p_max"]))
    m.share = pyo.Var(m.user, bounds=(0, n))
    for i in np.flatnonzero(np.isinf(c["local"])):
        m.offload[int(i)].fix(1)
    _add_count(pyo, m, c)
    _add_lifted_costs(pyo, m, c)
    _add_upload(pyo, m, c)
    m.c2 = pyo.Constraint(expr=sum(m.bandwidth[i] for i in m.user) <= c["bandwidth"])

    def put(decision: Decision) -> None:
        _put_lifted(m, c, decision)

    def read() -> Decision:
        offload = np.round(_get(m.offload))
        return {
            "offload": offload,
            "bandwidth": _get(m.bandwidth) * M * offload,
            "power": _get(m.power) * offload,
            "frequency": c["frequency"] * (1 - offload),
        }

    return AlgebraicModel(m, put, read)


def _add_lifted_costs(pyo: Any, m: Any, c: Mapping[str, Any]) -> None:
    """The objective, C1, and share = offload * k by its lower envelope (both want it small)."""
    local = np.where(np.isinf(c["local"]), 0.0, c["local"])
    cost = sum(
        local[i] * (1 - m.offload[i])
        + c["delay"] * (m.upload[i] + c["execution"][i] * m.share[i])
        + c["energy"] * m.energy[i]
        for i in m.user
    )
    _add_lateness(pyo, m, c, cost)
    others = c["n"] - 1
    m.share_is = pyo.Constraint(
        m.user, rule=lambda m, i: m.share[i] >= m.k - others * (1 - m.offload[i])
    )
    m.c1 = pyo.Constraint(
        m.user,
        rule=lambda m, i: (
            m.upload[i] + c["execution"][i] * m.share[i] <= _due(m, c, i, m.offload[i])
        ),
    )


def _add_upload(pyo: Any, m: Any, c: Mapping[str, Any]) -> None:
    """What bandwidth, upload time and energy have to do with one another."""

    def power(m: Any, i: int) -> Any:  # scaled at s_low, where the exponent is zero
        low, h = c["s_low"][i], c["h"][i]
        exponent = float(np.log(2)) * (m.efficiency[i] - low)
        return m.power[i] == (1 + c["power"][i] * h) / h * pyo.exp(exponent) - 1 / h

    m.power_is = pyo.Constraint(m.user, rule=power)
    m.inverse_is = pyo.Constraint(
        m.user, rule=lambda m, i: m.bandwidth[i] * m.inverse[i] >= m.offload[i] ** 2
    )
    m.upload_is = pyo.Constraint(
        m.user,
        rule=lambda m, i: c["size"][i] * m.inverse[i] == m.upload[i] * m.efficiency[i],
    )
    m.energy_is = pyo.Constraint(m.user, rule=lambda m, i: m.energy[i] >= m.upload[i] * m.power[i])
    m.no_bandwidth = pyo.Constraint(
        m.user, rule=lambda m, i: m.bandwidth[i] <= c["bandwidth"] * m.offload[i]
    )
    m.cut = pyo.RangeSet(0, SECANTS - 1)
    m.gradient = pyo.Constraint(m.user, m.cut, rule=lambda m, i, j: _gradient(m, c, i, j))


def _gradient(m: Any, c: Mapping[str, Any], i: int, j: int) -> Any:
    """The tangent of (t/h)(2^(D x/t) - 1) where D x/t is the j-th of a few values of s."""
    s = float(np.linspace(c["s_low"][i], c["s_high"][i], SECANTS)[j])
    scale = (1 + c["power"][i] * c["h"][i]) / c["h"][i] * 2.0 ** (s - c["s_low"][i])  # 2^s / h
    in_inverse = scale * c["size"][i] * float(np.log(2))
    in_upload = scale * (1 - s * float(np.log(2))) - 1 / c["h"][i]
    return m.energy[i] >= in_inverse * m.inverse[i] + in_upload * m.upload[i]


def _put_lifted(m: Any, c: Mapping[str, Any], decision: Decision) -> None:
    """All variables from an offload mask, bandwidth and power; local users at their best."""
    offload = np.asarray(decision["offload"], float)
    bandwidth = decision["bandwidth"] / M
    power = np.where(offload > 0.5, decision["power"], c["power"])
    efficiency = np.log2(1 + power * c["h"])
    inverse = np.divide(1.0, bandwidth, out=np.zeros_like(bandwidth), where=offload > 0.5)
    upload = c["size"] * inverse / efficiency
    _set(m.offload, offload)
    m.k.set_value(float(offload.sum()))
    _set(m.bandwidth, bandwidth)
    _set(m.inverse, inverse)
    _set(m.upload, upload)
    _set(m.efficiency, efficiency)
    _set(m.power, power)
    _set(m.energy, upload * power)
    _set(m.share, offload * offload.sum())
    if c["late"] is not None:
        delay = offload * (upload + c["execution"] * offload.sum())
        _set(m.late, np.maximum(delay - c["deadline"] * offload, 0.0))
