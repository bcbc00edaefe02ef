"""Branch and bound on the table form."""

import numpy as np

from toolkit.arrays import Data, Decision
from toolkit.errors import UserError
from toolkit.problems._congestion import Congestion
from toolkit.problems._congestion.relaxation import PricedCongestion

from .costs import noise_is_fixed
from .counting import counted
from .tables import form, tables


def relaxation(data: Data) -> PricedCongestion:
    """The nodes of one instance; UserError where noise grows with the bandwidth."""
    if not noise_is_fixed(data):
        raise UserError(
            "where noise grows with the bandwidth a slot is no sum of squares, and only bounded"
        )
    return PricedCongestion(congestion(data), chosen, start=counted(tables(data), data["cell"]))


def congestion(data: Data) -> Congestion:
    """The table form of one instance: a bound where noise grows with the bandwidth."""
    table = form(data)
    cost = np.where(table.spare, np.inf, table.cost)
    return Congestion(cost, table.resource, table.weight)


def chosen(options: np.ndarray) -> Decision:
    """The discrete block of options (rows, users)."""
    return {"target": np.asarray(options, float)}
