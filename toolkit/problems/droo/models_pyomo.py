"""Algebraic models for generic global solvers: the problem as printed, and its lifted form.

Rates are in Mbit/s, the objective alone is in bit/s; all other numbers are shares of the frame.
"""

from typing import Any

import numpy as np

from toolkit.arrays import Data, Decision
from toolkit.errors import unknown
from toolkit.problems._knowledge import AlgebraicModel

from .allocation import tables

M = 1e6
LEAST = 1e-9  # share of the frame: keeps divisions and logarithms finite
SNRS = (0.1, 0.5, 1.5, 5.0, 20.0, 100.0)  # where the lifted form has tangents
CHARGES = (0.02, 0.1, 0.25, 0.5, 0.75, 1.0)


def pyomo(data: Data, formulation: str) -> AlgebraicModel:
    """The model called `formulation`: "lifted" or "paper"."""
    forms = {"lifted": lifted, "paper": paper}
    if formulation not in forms:
        raise unknown("formulation of problem 'droo'", formulation, forms)
    return forms[formulation](data)


def _frame(data: Data, name: str) -> tuple[Any, Any, np.ndarray, np.ndarray, np.ndarray]:
    """(pyo, model, local, snr, rate): bits, charge with its cube root, slots, and (D.1)."""
    import pyomo.environ as pyo

    local, snr, rate = (part[0] for part in tables(data))
    m = pyo.ConcreteModel(name)
    m.user = pyo.RangeSet(0, len(local) - 1)
    m.offload = pyo.Var(m.user, domain=pyo.Binary)
    m.charge = pyo.Var(bounds=(0, 1))
    m.root = pyo.Var(bounds=(0, 1))  # charge^(1/3)
    m.slot = pyo.Var(m.user, bounds=(0, 1))
    m.frame = pyo.Constraint(expr=m.charge + sum(m.slot[i] for i in m.user) <= 1)
    m.own_slot = pyo.Constraint(m.user, rule=lambda m, i: m.slot[i] <= m.offload[i])
    return pyo, m, local / M, snr, rate / M


def _set(block: Any, values: np.ndarray) -> None:
    for i in block:
        block[i].set_value(float(values[i]), skip_validation=True)


def _get(block: Any) -> np.ndarray:
    return np.array([block[i].value for i in block], dtype=float)


def _put_frame(m: Any, decision: Decision) -> tuple[np.ndarray, np.ndarray, float]:
    """Sets what all models have; returns (offload, slot, charge)."""
    offload, charge = np.asarray(decision["offload"], float), float(decision["charge"])
    slot = np.asarray(decision["slot"], float) * offload
    _set(m.offload, offload)
    _set(m.slot, slot)
    m.charge.set_value(charge, skip_validation=True)
    m.root.set_value(float(np.cbrt(charge)), skip_validation=True)
    return offload, slot, charge


def _read(m: Any) -> Decision:
    offload = np.round(_get(m.offload))
    return {
        "offload": offload,
        "charge": np.asarray(float(m.charge.value)),
        "slot": _get(m.slot) * offload,
    }


def paper(data: Data) -> AlgebraicModel:
    """Q(h, x; a, tau) letter by letter; who does not offload has a divisor 1 in place of tau."""
    pyo, m, local, snr, rate = _frame(data, "droo-paper")
    m.divisor = pyo.Var(m.user, bounds=(LEAST, 2))
    m.root_is = pyo.Constraint(expr=m.root**3 == m.charge)
    m.divisor_is = pyo.Constraint(
        m.user, rule=lambda m, i: m.divisor[i] == m.slot[i] + (1 - m.offload[i])
    )
    m.rate = pyo.Objective(
        sense=pyo.maximize,
        expr=M
        * sum(
            (1 - m.offload[i]) * local[i] * m.root
            + m.offload[i] * rate[i] * m.slot[i] * pyo.log(1 + snr[i] * m.charge / m.divisor[i])
            for i in m.user
        ),
    )

    def put(decision: Decision) -> None:
        offload, slot, _ = _put_frame(m, decision)
        _set(m.divisor, np.maximum(slot + 1 - offload, LEAST))

    return AlgebraicModel(m, put, lambda: _read(m))


def lifted(data: Data) -> AlgebraicModel:
    """A charge e = a x of every offloader and rates as variables: all concave but the bits.

    Instead of tau ln(1 + G e / tau) the model has tau ln(1 + G e / (tau + 1e-9)): less by 1e-9 of
    the frame, and finite at tau = 0. Redundant cuts: tangents of both rates, homogeneous in (tau,
    e) and in (1 - x, a - e), so that they hold whatever the bit.
    """
    pyo, m, local, snr, rate = _frame(data, "droo-lifted")
    m.spent = pyo.Var(m.user, bounds=(0, 1))
    m.computed = pyo.Var(m.user, bounds=lambda _, i: (0, local[i]))
    m.sent = pyo.Var(m.user, bounds=lambda _, i: (0, rate[i] * float(np.log1p(snr[i] / LEAST))))
    m.root_is = pyo.Constraint(expr=m.root**3 <= m.charge)
    m.spent_charge = pyo.Constraint(m.user, rule=lambda m, i: m.spent[i] <= m.charge)
    m.spent_bit = pyo.Constraint(m.user, rule=lambda m, i: m.spent[i] <= m.offload[i])
    m.computed_charge = pyo.Constraint(m.user, rule=lambda m, i: m.computed[i] <= local[i] * m.root)
    m.computed_bit = pyo.Constraint(
        m.user, rule=lambda m, i: m.computed[i] <= local[i] * (1 - m.offload[i])
    )

    def sent(m: Any, i: int) -> Any:
        safe = m.slot[i] + LEAST
        return m.sent[i] <= rate[i] * m.slot[i] * (
            pyo.log(safe + snr[i] * m.spent[i]) - pyo.log(safe)
        )

    m.sent_is = pyo.Constraint(m.user, rule=sent)
    m.spent_all = pyo.Constraint(
        m.user, rule=lambda m, i: m.spent[i] >= m.charge - (1 - m.offload[i])
    )
    _add_tangents(pyo, m, local, snr, rate)
    m.rate = pyo.Objective(
        sense=pyo.maximize, expr=M * sum(m.computed[i] + m.sent[i] for i in m.user)
    )

    def put(decision: Decision) -> None:
        offload, slot, charge = _put_frame(m, decision)
        spent = offload * charge
        _set(m.spent, spent)
        _set(m.computed, (1 - offload) * local * np.cbrt(charge))
        _set(m.sent, rate * slot * (np.log(slot + LEAST + snr * spent) - np.log(slot + LEAST)))

    return AlgebraicModel(m, put, lambda: _read(m))


def _add_tangents(pyo: Any, m: Any, local: np.ndarray, snr: np.ndarray, rate: np.ndarray) -> None:
    """Of tau ln(1 + G e / tau) at a few SNRs z, and of a^(1/3) at a few charges."""

    def sent(m: Any, i: int, z: float) -> Any:
        in_slot = float(np.log1p(z)) - z / (1 + z)
        return m.sent[i] <= rate[i] * (in_slot * m.slot[i] + snr[i] / (1 + z) * m.spent[i])

    def computed(m: Any, i: int, at: float) -> Any:
        idle, root = 1 - m.offload[i], at ** (1 / 3)
        return m.computed[i] <= local[i] * root * (
            2 / 3 * idle + (m.charge - m.spent[i]) / (3 * at)
        )

    m.sent_tangent = pyo.Constraint(m.user, SNRS, rule=sent)
    m.computed_tangent = pyo.Constraint(m.user, CHARGES, rule=computed)
