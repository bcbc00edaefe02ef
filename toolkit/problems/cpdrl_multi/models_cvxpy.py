"""The exponential-cone program of given servers: `cpdrl`'s for each, and that of local users."""

from typing import Any

import numpy as np

from toolkit.arrays import Data, Decision
from toolkit.problems._knowledge import ConvexModel
from toolkit.problems.cpdrl.models_cvxpy import exponential_cone

from .allocation import at_server

PER_USER = ("size", "cycles", "f_max", "gain")


def allocation(data: Data, server: np.ndarray) -> ConvexModel:
    """min (10) over bandwidths, powers and frequencies for one choice of servers (n,)."""
    import cvxpy as cp

    choice = np.rint(np.asarray(server)).astype(int)
    parts: list[tuple[np.ndarray, ConvexModel]] = []
    for option in np.unique(choice):
        which = np.flatnonzero(choice == option)
        single = at_server(data, max(int(option), 1) - 1)
        own = {key: v[which] if key in PER_USER else v for key, v in single.items()}
        parts.append((which, exponential_cone(own, np.full(len(which), float(option > 0)))))
    rules: list[Any] = [rule for _, part in parts for rule in part.problem.constraints]
    cost = sum(part.problem.objective.args[0] for _, part in parts)

    def read() -> Decision:
        decision = {key: np.zeros(len(choice)) for key in ("bandwidth", "power", "frequency")}
        for which, part in parts:
            found = part.read()
            for key, values in decision.items():
                values[which] = found[key]
        return {"server": choice.astype(float), **decision}

    return ConvexModel(cp.Problem(cp.Minimize(cost), rules), read)
