"""Tiny instances of every system at random: presets, options, and numbers over decades."""

from collections.abc import Callable
from dataclasses import fields
from typing import Any

import numpy as np

from toolkit import problems
from toolkit.errors import UserError
from toolkit.instances import Instance, rng_for
from toolkit.problems import Problem
from toolkit.solvers import Budget, Probe, Result, registry

Draw = Callable[[np.random.Generator], dict[str, Any]]


def _cpdrl(rng: np.random.Generator) -> dict[str, Any]:
    """Deadlines and bandwidths about where they begin to bind, and beyond."""
    drawn = {
        "deadline": 10 ** rng.uniform(-1.2, -0.2),
        "bandwidth": 5e6 * 10 ** rng.uniform(-1.5, 0.5),
        "weight_delay": 10 ** rng.uniform(-2, 1),
    }
    kept = {key: value for key, value in drawn.items() if rng.random() < 0.6}
    return {"n_users": int(rng.integers(1, 7)), "scale_with_users": False, **kept}


def _cpdrl_soft(rng: np.random.Generator) -> dict[str, Any]:
    return {**_cpdrl(rng), "weight_late": 10 ** rng.uniform(-3, 2)}


def _droo(rng: np.random.Generator) -> dict[str, Any]:
    drawn = {"continuous_weights": True, "weight_odd": 10 ** rng.uniform(-2, 2)}
    kept = {key: value for key, value in drawn.items() if rng.random() < 0.5}
    wide = {key: float(rng.choice([0.0, 1.0, 3.0])) for key in DECADES}
    return {"n_users": int(rng.integers(1, 8)), **wide, **kept}


DECADES = ("bandwidth_decades", "noise_decades")


def _ddlo(rng: np.random.Generator) -> dict[str, Any]:
    users, tasks = [(1, 4), (2, 3), (3, 2), (4, 2), (2, 4)][rng.integers(5)]
    mode = str(rng.choice(["equal", "shared"]))
    unit = float(rng.choice([8.0 * 2**20, 1e6, 12345.678]))
    sizes = {"size_low": 1, "size_high": int(rng.choice([1, 3, 30]))} if rng.random() < 0.5 else {}
    return {
        "n_users": users, "n_tasks": tasks, "bandwidth_mode": mode, "size_unit": unit, **sizes
    }  # fmt: skip


def _e2ehco(rng: np.random.Generator) -> dict[str, Any]:
    n, m = [(2, 4), (3, 3), (4, 2), (5, 1), (5, 2)][rng.integers(5)]
    modes = (
        {"bandwidth_mode": str(rng.choice(["split", "published"]))} if rng.random() < 0.2 else {}
    )
    return {"n_users": n, "n_servers": m, "equal_split": bool(rng.random() < 0.3), **modes}


def _slot(rng: np.random.Generator) -> dict[str, Any]:
    n, m = [(2, 4), (3, 3), (4, 2), (5, 1), (5, 2)][rng.integers(5)]
    options = {
        "noise": str(rng.choice(["fixed", "band"])),
        "fading": str(rng.choice(["power", "amplitude", "none"])),
        "popularity": str(rng.choice(["shuffled", "published"])),
        "copies": int(rng.integers(0, 3)),
    }
    kept = {key: value for key, value in options.items() if rng.random() < 0.5}
    cloud = {"cloud_rate": 6e7, "cloud_cpu": 8e9} if rng.random() < 0.5 else {}
    return {"n_users": n, "n_servers": m, "n_services": int(rng.integers(2, 5)), **kept, **cloud}


def _dgl(rng: np.random.Generator) -> dict[str, Any]:
    n, m, k, steps = [(2, 2, 2, 1), (3, 1, 2, 2), (3, 2, 1, 2), (2, 1, 3, 2)][rng.integers(4)]
    fading = {"fading": str(rng.choice(["power", "amplitude", "none"]))}
    room = 4.0 * 2**30 * float(rng.choice([0.5, 1.0, 2.0]))
    price = {"load_price": 10 ** rng.uniform(-3, -0.5)}
    return {
        "n_users": n, "n_servers": m, "n_services": k, "steps": steps, "slots": 1, "states": 2,
        "capacity": room, "limit": room, **price, **fading,
    }  # fmt: skip


def _a3c(rng: np.random.Generator) -> dict[str, Any]:
    regions = [(2,), (3,), (2, 1), (1, 1), (1, 1, 1)][rng.integers(5)]
    return {
        "n_users": 0, "regions": regions, "slots": int(rng.integers(1, 3)), "density": 0.9,
        "discipline": str(rng.choice(["own-first", "fcfs"])),
        "forwarding": str(rng.choice(["double", "single", "bits"])),
        "forward_delay": float(rng.choice([0.0, 0.1])),
        "server_cpu": 10 ** rng.uniform(9, 10),
        "topology": int(rng.integers(100)),
    }  # fmt: skip


DRAWS: dict[str, Draw] = {
    "cpdrl": _cpdrl,
    "cpdrl_soft": _cpdrl_soft,
    "droo": _droo,
    "ddlo": _ddlo,
    "e2ehco": _e2ehco,
    "dgl_slot": _slot,
    "dgl": _dgl,
    "a3c": _a3c,
}
# numbers that only make instances larger, or lose their sense in other decades
FIXED = {"efficiency", "zipf", "density", "density_to", "spread", "quantum", "weight_odd"}
FIXED |= {"weight_even", "capacity", "limit", *DECADES}


def case(system: str, seed: int) -> tuple[Problem, Instance]:
    """Instance `seed` of a system; one in three has other numbers too, by up to two decades."""
    rng = rng_for("tiny", system, seed)
    while True:
        changes = DRAWS[system](rng)
        preset = str(rng.choice(sorted(problems.load(system).presets)))
        try:
            problem = problems.load(system, preset, **changes)
            if rng.random() < 1 / 3:
                problem = type(problem)(**{**problem.params, **_elsewhere(rng, problem, changes)})
            return problem, problem.admit(problem.instance(seed))
        except (ValueError, UserError):  # a number that the problem refuses
            continue


def _elsewhere(
    rng: np.random.Generator, problem: Problem, drawn: dict[str, Any]
) -> dict[str, float]:
    """Other values of some of the numbers that were not drawn."""
    names = [f.name for f in fields(problem) if isinstance(getattr(problem, f.name), float)]
    names = [name for name in names if name not in drawn and name not in FIXED]
    reach = float(rng.choice([0.3, 1.0, 2.0]))
    return {
        name: getattr(problem, name) * 10 ** rng.uniform(-reach, reach)
        for name in names
        if rng.random() < 0.3
    }


def solved(problem: Problem, instance: Instance, method: str, **params: Any) -> Result | None:
    """What a method finds; None where it does not take the instance."""
    solver = registry.build(method, **params)
    if solver.refuses(problem, instance) is not None:
        return None
    probe = Probe(problem, instance, Budget(seconds=60.0), rng_for(0))
    return probe.certify(solver.solve(problem, instance, probe))
