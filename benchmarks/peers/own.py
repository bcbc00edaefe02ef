"""The solvers of the package: our exact ones, and the routes that it has to SCIP and Gurobi."""

from typing import Any

from toolkit.instances import Instance, rng_for
from toolkit.problems import Problem
from toolkit.solvers import Budget, Probe, registry

from .answers import Found, Peer


class Own(Peer):
    """A solver of the registry, under a probe as the bench runs it."""

    def __init__(self, name: str, gapless: bool = False, **forms: str) -> None:
        self.name, self._solver_name, self._gapless, self._forms = name, name, gapless, forms
        self.needs = registry.build(name).requires
        self.install = " ".join(self.needs)

    def _solver(self, problem: Problem, gap: float) -> Any:
        fields: dict[str, Any] = {} if self._gapless else {"gap": gap}
        if problem.name in self._forms:
            fields["formulation"] = self._forms[problem.name]
        return registry.build(self._solver_name, **fields)

    def refuses(self, problem: Problem, instance: Instance) -> str | None:
        reason = self._solver(problem, 1e-4).refuses(problem, instance)
        if reason and "licence" in reason:
            return "licence"
        return reason and f"refuses: {reason}"

    def solve(self, problem: Problem, instance: Instance, gap: float, seconds: float) -> Found:
        probe = Probe(problem, instance, Budget(seconds=seconds), rng_for(0))
        result = probe.certify(self._solver(problem, gap).solve(problem, instance, probe))
        kind = None if result.certificate is None else result.certificate.kind
        said = "time" if result.stop == "time" else result.claim or str(result.stop)
        return Found(result.decision, result.bound, said, kind not in (None, "claim"))


class AsPrinted(Own):
    """A generic solver on the paper's own program, letter by letter."""

    def __init__(self, name: str) -> None:
        super().__init__(name, cpdrl="paper", droo="paper")
        self.name = f"{name}-paper"


def peers() -> list[Peer]:
    """Formulations are those with which a generic solver was seen to do best."""
    return [
        Own("exact"),
        Own("outer"),
        Own("conic"),
        Own("enumerate", gapless=True),
        Own("scip", e2ehco="quadratic"),
        Own("gurobi", e2ehco="quadratic"),
        AsPrinted("scip"),
        AsPrinted("gurobi"),
    ]
