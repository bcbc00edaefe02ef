"""What is compared: families of instances, their sizes, and who takes part in each."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from toolkit import problems
from toolkit.instances import Instance
from toolkit.problems import Problem

SEED = 20261123  # nothing was tuned on it
GAPS = (1e-4, 1e-6)
REFERENCE = 1e-9  # the gap that `exact` proves besides, against which all are held

EVERYWHERE = (
    "exact",
    "outer",
    "conic",
    "scip",
    "gurobi",
    "maingo",
    "discopt",
    "cvxpy-scip",
    "enumerate",
)


@dataclass(frozen=True)
class Family:
    """Instances of one law at several numbers of users; the first size serves for warming up."""

    name: str
    problem: str
    preset: str
    sizes: tuple[int, ...]
    fields: Mapping[str, Any] = field(default_factory=dict)
    peers: tuple[str, ...] = EVERYWHERE

    @property
    def sign(self) -> int:
        """1 where less is better, else -1."""
        return problems.registry.build(self.problem).sign

    def load(self, n: int) -> Problem:
        return problems.load(self.problem, self.preset, n_users=n, **self.fields)

    def instance(self, n: int, case: int) -> Instance:
        return self.load(n).instance(case, seed=SEED)


PRINTED = ("scip-paper", "gurobi-paper")
DROO = ("bisection", "coordinate-descent")
FAMILIES = {
    family.name: family
    for family in (
        Family(
            "cpdrl",
            "cpdrl",
            "paper",
            (4, 6, 8, 10, 12, 16, 20, 50, 100, 1000),
            {},
            EVERYWHERE + PRINTED,
        ),
        Family("cpdrl-tight", "cpdrl", "tight", (4, 6, 8, 12, 16, 20), {}, EVERYWHERE + PRINTED),
        Family(
            "droo",
            "droo",
            "scaled",
            (4, 6, 8, 10, 12, 16, 20, 30, 100, 1000),
            {},
            EVERYWHERE + PRINTED + DROO,
        ),
        Family("ddlo", "ddlo", "shared", (3, 5, 10, 20, 30, 100, 300), {"scale_with_users": True}),
        Family("e2ehco", "e2ehco", "clean", (5, 10, 20, 30, 100)),
        Family("dgl_slot", "dgl_slot", "clean", (10, 20, 50, 100, 200)),
    )
}
QUICK = {"cpdrl": (4,), "droo": (4,)}


@dataclass(frozen=True)
class Trial:
    """One run that is asked for."""

    family: str
    n: int
    case: int
    peer: str
    gap: float

    @property
    def key(self) -> tuple[str, int, int, str, float]:
        return self.family, self.n, self.case, self.peer, self.gap


def trials(
    sizes: Mapping[str, tuple[int, ...]], cases: int, gaps: tuple[float, ...] = GAPS
) -> Iterator[Trial]:
    """All runs; of an instance, one peer after the other, so that a busy minute hits all alike."""
    for name, users in sizes.items():
        for n in users:
            for case in range(cases):
                yield Trial(name, n, case, "exact", REFERENCE)
                for gap in gaps:
                    for peer in FAMILIES[name].peers:
                        yield Trial(name, n, case, peer, gap)
