"""Branch and bound on the table form; where servers are split equally, down to single choices."""

import numpy as np

from toolkit.arrays import Data, Decision
from toolkit.problems import Bounded
from toolkit.problems._congestion import Congestion
from toolkit.problems._congestion.relaxation import Node, PricedCongestion

from .problem import shares_are_decided
from .tables import computing, tables


def congestion(data: Data) -> Congestion:
    """The table form of one instance: option 0 is local, option m loads server m."""
    cost, weight = tables(data)
    return Congestion(cost, resources(*weight.shape), weight)


def relaxation(data: Data) -> PricedCongestion:
    """The nodes of one instance."""
    if shares_are_decided(data):
        return PricedCongestion(congestion(data), chosen)
    return EquallySplit(data)


def resources(users: int, servers: int) -> np.ndarray:
    """What an option loads, (users, servers + 1, 1): nothing, or its server."""
    return np.broadcast_to(np.arange(-1, servers)[:, None], (users, servers + 1, 1))


def chosen(options: np.ndarray) -> Decision:
    """The discrete block of options (rows, users)."""
    return {"server": np.asarray(options, float)}


class EquallySplit(PricedCongestion):
    """Equal parts cost at least what the best shares do: bounds are less, but for single choices.

    Where all tasks load alike nothing is lost.
    """

    def __init__(self, data: Data) -> None:
        table = congestion(data)
        super().__init__(table, chosen)
        self._price, self._sent = computing(data), table.cost

    def bound(self, node: Node, cutoff: float) -> Bounded:
        found = super().bound(node, cutoff)
        if not (node.allowed.sum(1) == 1).all():
            return found
        choice = node.allowed.argmax(1)
        loss = min(max(found.loss, self._worth(choice)), node.floor)
        return Bounded(loss, chosen(choice[None]))

    def _worth(self, choice: np.ndarray) -> float:
        """Of one choice of all users."""
        users = np.arange(len(choice))
        loss = self._sent[users, choice].sum()
        for m in np.unique(choice[choice > 0]):
            on = choice == m
            loss += on.sum() * self._price[on, m - 1].sum()
        return float(loss)
