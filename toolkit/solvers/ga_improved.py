"""DGL's "improved" genetic algorithm: targets as integer genes, shares as real ones."""

from dataclasses import dataclass, replace

from toolkit.envs._genetic import Published

from ._bred import PublishedGenetic


@dataclass(frozen=True, kw_only=True)
class GaImproved(PublishedGenetic):
    """DGL's "improved" genetic algorithm: real shares, a start of one individual copied.

    Shares are normalised over those who share. `copied=false` starts from independent individuals.
    """

    coarse = False

    copied: bool = True

    @property
    def law(self) -> Published:
        return replace(super().law, copies=self.copied)
