"""DGL's plain genetic algorithm: targets and shares as integer genes."""

from dataclasses import dataclass

from ._bred import PublishedGenetic


@dataclass(frozen=True, kw_only=True)
class GaDgl(PublishedGenetic):
    """DGL's plain genetic algorithm: shares are integer weights, parents drawn by exp(fitness).

    A share's gene is one of as many weights 1, 2 … as a user has choices (S + 1 of them with S
    servers; the published code's integers 0..S, and one more), normalised over those who share.
    Individuals of the start are independent. There is no elitism.
    """

    coarse = True
