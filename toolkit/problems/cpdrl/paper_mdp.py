"""The paper's decision process: what a learner sees, does and is paid for.

The state is the delay and the energy of every user under the last decision; the action is a share
of every resource; the reward is (17). Delays and energies are the problem's own (`outcome`).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from toolkit.arrays import Array, Data, Decision, positive

from .problem import Cpdrl


@dataclass(frozen=True, eq=False)
class PaperMdp:
    """`data` are those of one instance, or of a batch that is decided at once."""

    problem: Cpdrl
    data: Data
    clip: float = np.inf  # delays (s) and energies (J) count up to clip * deadline, no further
    letter: bool = False  # (17) as printed, which pays for being early; else as it is meant
    bonus: float = 0.0  # for the share of users that keep to (11)
    bandwidth: str = "normalise"  # shares to a sum of B (C2), or "cap" them there, or "free"

    def decision(self, action: np.ndarray) -> Decision:
        """Shares of the maxima, (*batch, 4, users), as a decision; bits are rounded.

        What a user has no use for is not handed over once bandwidth is divided, so that every
        method can be judged: in (8) and (9) it costs nothing, but (11) forbids it.
        """
        bits, bandwidth, power, frequency = np.moveaxis(action, -2, 0)
        offload = (bits >= 0.5).astype(float)
        most = self._most
        return {
            "offload": offload,
            "bandwidth": offload * self._divided(bandwidth) * most["bandwidth"],
            "power": offload * power * most["power"],
            "frequency": (1.0 - offload) * frequency * most["frequency"],
        }

    @cached_property
    def _most(self) -> Data:
        """What a share is a share of."""
        return {var.name: var.upper for var in self.problem.space(self.data).vars}

    def _divided(self, shares: Array) -> Array:
        """Shares of B, of everybody who has any."""
        if self.bandwidth == "free":
            return shares
        least = 1.0 if self.bandwidth == "cap" else 1e-300
        return shares / np.maximum(shares.sum(-1, keepdims=True), least)

    def outcome(self, decision: Decision) -> Array:
        """Delay (s) and energy (J) of every user as they count, (*batch, users, 2)."""
        most = self.clip * self.data["deadline"][..., None, None]
        return np.minimum(self.problem.outcome(self.data, decision), most)

    def reward(self, action: np.ndarray, decision: Decision, outcome: np.ndarray) -> Array:
        """(17): less cost, less lateness, plus a bonus for consistent users, (*batch).

        While no user is late and nothing is clipped it is `bonus * consistency - objective`.
        Bandwidth beyond B, which (17) forgets, counts as its relative excess.
        """
        data, late = self.data, outcome[..., 0] - self.data["deadline"][..., None]
        cost = data["weight_delay"][..., None] * outcome[..., 0]
        cost = cost + data["weight_energy"][..., None] * outcome[..., 1]
        excess = positive(decision["bandwidth"].sum(-1) / data["bandwidth"] - 1.0)
        lateness = (late if self.letter else positive(late)).sum(-1)
        bonus = self.bonus * consistency(action) if self.bonus else 0.0
        return bonus - cost.sum(-1) - lateness - excess

    def start(self) -> Array:
        """The outcome before the first decision: everybody local at full speed."""
        zeros = np.zeros_like(self.data["f_max"])
        return self.outcome(self.decision(np.stack([zeros, zeros, zeros, zeros + 1.0], -2)))


def consistency(action: np.ndarray) -> Array:
    """The share of users for whom an action, as it stands, keeps to (11), (*batch)."""
    remote = action[..., 0, :] >= 0.5
    radio, local = action[..., 1:3, :] > 0, action[..., 3, :] > 0
    keeps = np.where(remote, radio.all(-2) & ~local, ~radio.any(-2) & local)
    return keeps.mean(-1)
