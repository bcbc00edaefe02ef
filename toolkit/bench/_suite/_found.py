"""What was found of an instance, by several runs together: the best solution and the best proof."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

import toolkit
from toolkit.bench._engine._fields import plain
from toolkit.bench._store import Reference
from toolkit.bench.verify import Verdict, examine
from toolkit.instances import Instance
from toolkit.problems import Certificate, Evaluation, Problem
from toolkit.problems._proof import Arithmetic
from toolkit.reports.record import Record

from ._known import ends

BETTER = 1e-9  # relative: by less an end does not take the place of one that is known
UNPROVEN = -math.inf  # the loss that nothing feasible is below, where nothing is proven
AS_KNOWN = "as known"  # who found what the reference of before has


class Refuted(Exception):
    """What was found does not hold; the text says what."""


@dataclass(frozen=True)
class Found:
    """Losses are sign * objective; `proven` is the one that no feasible decision is below."""

    problem: Problem
    instance: Instance
    solution: Any = None  # {block: nested lists}
    loss: float = math.inf
    found_by: str = ""
    certificate: Certificate | None = None
    proven: float = UNPROVEN
    proved_by: str = ""

    @classmethod
    def of(cls, problem: Problem, instance: Instance, reference: Reference) -> "Found":
        """What a reference says."""
        worth, bound = ends(problem, reference)
        proof = reference.certificate
        return cls(
            problem,
            instance,
            solution=reference.solution or None,
            loss=math.inf if worth is None else problem.sign * worth,
            found_by=AS_KNOWN,
            certificate=None if proof is None else Certificate.from_json(proof),
            proven=UNPROVEN if bound is None else problem.sign * bound,
            proved_by=AS_KNOWN,
        )

    def with_runs(self, records: Iterable[Record]) -> "Found":
        """With what runs on the instance found that is better."""
        found = self
        for record in records:
            if record.digest != self.instance.digest or record.refuted:
                continue
            by = f"{record.label}@{record.environment.get('toolkit', toolkit.__version__)}"
            if record.feasible and record.decision:
                found = found.with_solution(record.decision, by)
            if record.certificate is not None and record.proven:
                found = found.with_proof(Certificate.from_json(record.certificate), by)
        return found

    def with_solution(self, decision: Any, by: str) -> "Found":
        """With a decision, where it is feasible and better."""
        worth = self._worth(decision)
        loss = self.problem.sign * float(worth.objective)
        if not (worth.feasible() and loss < self.loss - _hair(self.loss)):
            return self
        return replace(self, solution=decision, loss=loss, found_by=by)

    def with_proof(self, certificate: Certificate, by: str) -> "Found":
        """With a certificate, where it proves more."""
        said = self._examined(None, certificate, "float")
        if said.verdict not in ("proved", "bounded") or said.bound is None:
            return self
        proven = self.problem.sign * said.bound
        if not proven > self.proven + _hair(self.proven):
            return self
        return replace(self, certificate=certificate, proven=proven, proved_by=by)

    def reference(self, audit: Sequence[Arithmetic], old: Reference | None = None) -> Reference:
        """It as a reference, re-proved in every arithmetic; the old one, where nothing is new."""
        if old is not None and self.found_by == self.proved_by == AS_KNOWN:
            return old
        verdicts = [self._examined(self.solution, self.certificate, each) for each in audit]
        for said in verdicts:
            if said.verdict in ("refuted", "claimed"):
                raise Refuted(f"{self.instance.name}: {said.reason}")
        sign = self.problem.sign
        proven = [sign * said.bound for said in verdicts if said.bound is not None]
        bound = sign * min(*proven, self.loss) if proven else None
        worth = None if self.solution is None else sign * self.loss
        return Reference(
            digest=self.instance.digest,
            lower=bound if sign > 0 else worth,
            upper=worth if sign > 0 else bound,
            kind="proved" if {said.verdict for said in verdicts} == {"proved"} else "best known",
            method=self._method(old),
            solution=self.solution or {},
            certificate=plain(self.certificate.as_json()) if self.certificate else None,
            date=datetime.now(UTC).date().isoformat(),
            audited_by=f"verify@{toolkit.__version__} ({', '.join(audit)})",
            supersedes="" if old is None else old.id,
        )

    def _method(self, old: Reference | None) -> str:
        """Who found the solution, and who the proof, if that was another."""
        before = "" if old is None else old.method
        names = [before if by == AS_KNOWN else by for by in (self.found_by, self.proved_by)]
        return " + ".join(dict.fromkeys(filter(None, names))) or f"nobody@{toolkit.__version__}"

    def _examined(
        self, solution: Any, certificate: Certificate | None, arithmetic: Arithmetic
    ) -> Verdict:
        """The checker's word on a decision, or none, and a certificate, or none."""
        worth = self._worth(solution) if solution else None
        return examine(
            self.problem,
            self.instance,
            decision=solution,
            objective=None if worth is None else float(worth.objective),
            violation=None if worth is None else float(worth.violation),
            bound=None,
            status="unknown" if worth is None else "feasible",
            certificate=certificate,
            arithmetic=arithmetic,
        )

    def _worth(self, decision: Any) -> Evaluation:
        arrays = {name: np.asarray(value, float) for name, value in decision.items()}
        return self.problem.evaluate(self.instance.data, arrays)


def _hair(known: float) -> float:
    return BETTER * abs(known) if math.isfinite(known) else 0.0
