"""Bounds that a stranger can check: what a certificate holds, and what re-proves it.

A **region** is a set of decisions that the problem describes in its own terms; **prices** are the
numbers (multipliers) from which a bound over a region is recomputed. Any prices give a valid
bound, so only the recomputation has to be rigorous: a checker never trusts the solver's arithmetic.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np

from toolkit.arrays import Decision

Region = Any  # the problem's own
Prices = Mapping[str, Any]  # JSON values
How = Mapping[str, Any]  # JSON values: the way a region is split

Arithmetic = Literal["float", "arb"]  # error-bounded NumPy, or python-flint's balls


@dataclass(frozen=True)
class Certificate:
    """What supports a bound.

    kind  ``tree``: `body` is {"nodes": [...]}, node 0 the whole space; a node is
          {"split": how, "children": [i, j, ...]} or {"leaf": prices};
          ``enumeration``: `body` is {"count": number of discrete choices}: every one of them;
          ``frames``: `body` is {"frames": [a certificate or None, …]}, one for each frame of an
          episode, whose bound is the mean of theirs;
          ``claim``: a solver's word, `body` is {"by": name and version}; nothing to check, but
          with "attained": true that the decision at hand is worth it.
    """

    kind: Literal["tree", "enumeration", "frames", "claim"]
    body: Mapping[str, Any]

    def as_json(self) -> dict[str, Any]:
        return {"kind": self.kind, **self.body}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Certificate":
        body = {k: v for k, v in content.items() if k != "kind"}
        return cls(content["kind"], body)

    @property
    def proves(self) -> bool:
        return self.kind != "claim"


class Proof(Protocol):
    """Rigorous bounds for one instance; shares nothing with the solvers.

    Losses are sign * objective: every bound is a lower bound of the loss, whatever the sense.
    """

    def root(self) -> Region:
        """The region of all decisions."""

    def split(self, region: Region, how: How) -> Sequence[Region]:
        """Regions that cover `region` together; ValueError where `how` does not do so."""

    def bound(self, region: Region, prices: Prices) -> float:
        """A number that no feasible decision of the region is below; +inf: there is none."""

    def bound_each(self, discrete: Decision) -> np.ndarray:
        """A rigorous lower bound of the loss for every row of a batch of discrete choices."""
