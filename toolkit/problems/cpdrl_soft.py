"""CPDRL with soft deadlines: who is late pays for every second, and nothing is infeasible."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from toolkit.arrays import Array, Data, array_namespace, positive
from toolkit.problems import Evaluation, Field
from toolkit.problems.cpdrl import Cpdrl


@dataclass(frozen=True, kw_only=True)
class CpdrlSoft(Cpdrl):
    """Program (10) of `cpdrl` with `weight_late` (1/s) times every user's lateness in place of C1.

    Where no optimum of `cpdrl` needs a dearer second than `weight_late`, both have the same optima:
    the weight is the largest multiplier that a deadline may have.
    """

    title = "Consistency-preserving offloading and allocation, one server, soft deadlines"
    version: ClassVar[int] = 1
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        **Cpdrl.presets,
        # a quarter of the users are late at the optimum (docs/cpdrl_soft.md)
        "tight": {**Cpdrl.presets["tight"], "weight_late": 0.03},
    }
    units: ClassVar[Mapping[str, str]] = {**Cpdrl.units, "lateness": "s"}
    fields: ClassVar[Mapping[str, Field]] = {
        **Cpdrl.fields,
        "weight_late": Field("cost of a second beyond the deadline", "1/s"),
    }

    weight_late: float = 5.0

    def sample(
        self, rng: np.random.Generator, batch: tuple[int, ...] = ()
    ) -> dict[str, np.ndarray]:
        """What `cpdrl` draws, and the weight."""
        return {**super().sample(rng, batch), "weight_late": np.full(batch, self.weight_late)}

    def late(self, found: Evaluation, data: Data, excess: Array) -> Evaluation:
        """Seconds beyond the deadline are paid for, not forbidden."""
        xp = array_namespace(excess)
        lateness = xp.sum(positive(excess), axis=-1)
        return replace(
            found,
            objective=found.objective + data["weight_late"] * lateness,
            terms={**found.terms, "lateness": lateness},
        )
