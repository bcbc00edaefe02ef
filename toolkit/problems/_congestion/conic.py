"""The convex relaxation that mixes every user's options."""

from collections.abc import Callable
from typing import Any

import numpy as np

from toolkit.arrays import Decision
from toolkit.problems._knowledge import ConicPiece, Pieces
from toolkit.problems._proof import How, Prices

from .tables import Congestion

RIVALS = 8  # users whose second option is tried, the least decided first


def mixed(given: Congestion, decision: Callable[[np.ndarray], Decision]) -> Pieces[ConicPiece]:
    """One relaxation of the whole: every user a mixture of its options, loads squared.

    At its optimum twice a resource's load is the price of its load. `decision` as of
    `PricedCongestion`.
    """
    import cvxpy as cp

    resources = np.arange(given.weight.shape[1])
    has = np.isfinite(given.cost)
    mixture, load = cp.Variable(has.shape, nonneg=True), cp.Variable(len(resources))
    touching = (given.resource[..., None] == resources).any(-2) & has[..., None]
    by = (touching * given.weight[:, None, :]).reshape(has.size, -1)
    carried = by.T @ cp.reshape(mixture, has.size, order="C")
    rules = [cp.sum(mixture, axis=1) == 1, load == carried, mixture <= has * 1.0]
    cost = np.where(has, given.cost, 0.0)
    loss = given.offset + cp.sum(cp.multiply(cost, mixture)) + cp.sum_squares(load)

    def prices() -> Prices:
        """Of what was solved; else none."""
        found = np.zeros(len(resources)) if load.value is None else 2.0 * load.value
        return _prices(np.nan_to_num(found, posinf=0.0, neginf=0.0))

    def candidates() -> Decision | None:
        return None if mixture.value is None else decision(_rounded(mixture.value))

    def cut(m: int) -> How:
        raise ValueError("The space is not cut.")

    def between(*ends: Any) -> Prices:
        raise ValueError("There is one piece only.")

    piece = ConicPiece(cp.Problem(cp.Minimize(loss), rules), prices, candidates)
    return Pieces((0, 0), (0, 0), _prices(0.0 * resources), cut, lambda _: piece, between)


def _prices(load: np.ndarray) -> Prices:
    return {"load": load.tolist(), "count": [0.0] * len(load)}


def _rounded(mixture: np.ndarray) -> np.ndarray:
    """Every user's largest option; and the same but for one undecided user, (rows, users)."""
    order = np.argsort(-mixture, axis=1, kind="stable")
    first, second = order[:, 0], order[:, 1]
    lead = np.take_along_axis(mixture, order[:, :2], axis=1) @ (1.0, -1.0)
    rivals = np.argsort(lead, kind="stable")[:RIVALS]
    rows = np.repeat(first[None], 1 + len(rivals), axis=0)
    rows[1 + np.arange(len(rivals)), rivals] = second[rivals]
    return rows
