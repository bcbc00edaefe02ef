"""What the problem knows of its optima: bounds, and what re-proves them."""

from toolkit.arrays import Data
from toolkit.problems._knowledge import Relaxation
from toolkit.problems._proof import Arithmetic, Proof


class Bounds:
    """A third of the problem: the clairvoyant optimum."""

    def relaxation(self, data: Data) -> Relaxation:
        from .relaxation import KnownEpisode

        return KnownEpisode(data)

    def proof(self, data: Data, arithmetic: Arithmetic = "float") -> Proof:
        """In doubles whose rounding is bounded, whatever the arithmetic."""
        from .proof import EpisodeProof

        return EpisodeProof(data, arithmetic)
