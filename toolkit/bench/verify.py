"""The checker: judges a stored answer anew and re-proves its bound; knows no problem, no solver.

A decision is worth what the problem's own formula says. A bound is worth what its certificate
yields when the problem's proof recomputes it, in rigorous arithmetic, leaf by leaf; the stored
bound is believed only where it is not tighter. Losses are sign * objective, minimised.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from toolkit.errors import UserError
from toolkit.instances import Instance
from toolkit.problems import TOLERANCE, Certificate, Problem
from toolkit.problems._proof import Arithmetic
from toolkit.solvers import OPTIMAL_GAP, Result, Status, relative_gap
from toolkit.solvers._probe import beaten

from ._cases._case import problem_of
from ._reprove import Refuted, Unchecked, least_loss, shown
from ._stored import array_of, certificate_of, number_of, status_of

AGREE = 1e-9  # relative: a stored number and the recomputed one differ by rounding alone
PROVED_GAP = OPTIMAL_GAP + 3 * AGREE  # objective and bound may both have been rounded


@dataclass(frozen=True)
class Verdict:
    """What is left of a run's claims.

    verdict  ``proved``: optimal, or no feasible decision exists; ``bounded``: the bound holds, the
             gap is larger; ``claimed``: a bound that nothing here can check; ``feasible``: a
             decision without a bound; ``refuted``: something stored is wrong; empty: no claim.
    reason   one plain sentence
    bound    the re-proved bound in units of the objective, None where there is none
    gap      of the decision to that bound
    """

    verdict: str
    reason: str
    bound: float | None = None
    gap: float | None = None


@dataclass(frozen=True)
class _Judged:
    """The stored decision as the problem's formula sees it."""

    loss: float
    violation: float

    @property
    def feasible(self) -> bool:
        return self.violation <= TOLERANCE and math.isfinite(self.loss)


def examine(
    problem: Problem,
    instance: Instance,
    *,
    decision: Any,
    objective: Any,
    violation: Any,
    bound: Any,
    status: Any,
    certificate: Certificate | None,
    arithmetic: Arithmetic = "float",
    agree: float = AGREE,
) -> Verdict:
    """Checks one run: its decision, then its bound, then whether its status follows from both.

    Whatever may be wrong with what is stored is a verdict; only an instance that is not one of
    `problem` raises UserError. A bound may be tighter than the re-proved one by `agree` (relative).
    """
    problem.admit(instance)
    try:
        word = status_of(status)
        if not decision and bound is None and word in (Status.ERROR, Status.REFUSED):
            return Verdict("", f"The run ended with status {word}: it claims nothing.")
        judged = _judge(problem, instance, decision, objective, violation)
        _fits_status(word, judged)
        stored = number_of("bound", bound)
        stored = None if stored is None else problem.sign * stored
        return _weigh(problem, instance, word, judged, stored, certificate, arithmetic, agree)
    except Refuted as refuted:
        return Verdict("refuted", str(refuted))


def examine_result(problem: Problem, instance: Instance, result: Result) -> Verdict:
    """`examine` for a result as a probe returns it.

    A solver's bound is in plain floats: what its certificate proves takes its place, and only a
    bound that is wrong by more than an optimality gap is a false claim.
    """
    return examine(
        problem,
        instance,
        decision=result.decision,
        objective=result.objective,
        violation=result.violation,
        bound=result.bound,
        status=result.status,
        certificate=result.certificate,
        agree=OPTIMAL_GAP,
    )


def examine_record(record: Mapping[str, Any], arithmetic: Arithmetic = "float") -> Verdict:
    """`examine` for a run as plain JSON values; UserError where its instance is unusable.

    Keys: instance (the content of an instance file), decision, objective, violation, bound
    (null, a number, "inf" or "-inf"), status, certificate; digest, if there is one, is compared.
    """
    content = record.get("instance")
    if not isinstance(content, Mapping) or not isinstance(content.get("data"), Mapping):
        raise UserError("The record holds no instance; export it again.")
    instance = Instance.from_json(dict(content), "the record's instance")
    try:
        problem = problem_of(instance, "the record's instance")
    except TypeError as error:
        raise UserError(f"The record's instance has unusable params ({error}).") from None
    digest = record.get("digest", instance.digest)
    if digest != instance.digest:
        return Verdict("refuted", f"The run is of instance {shown(digest)}, not of the one stored.")
    try:
        _fits_instance(problem, record)
        certificate = certificate_of(record.get("certificate"))
    except Refuted as refuted:
        return Verdict("refuted", str(refuted))
    return examine(
        problem,
        instance,
        decision=record.get("decision"),
        objective=record.get("objective"),
        violation=record.get("violation"),
        bound=record.get("bound"),
        status=record.get("status"),
        certificate=certificate,
        arithmetic=arithmetic,
    )


def _fits_instance(problem: Problem, record: Mapping[str, Any]) -> None:
    """Refuted where what the record says beside its instance is another's, or does not add up."""
    for key, true in (("problem", problem.name), ("sense", problem.sense)):
        if record.get(key, true) != true:
            raise Refuted(f"The stored {key} is {shown(record[key])}; the instance's is {true!r}.")
    said, *ends = (number_of(name, record.get(name)) for name in ("gap", "objective", "bound"))
    if said is not None and all(end is not None and math.isfinite(end) for end in ends):
        gap = relative_gap(*(problem.sign * end for end in ends if end is not None))
        if not abs(said - gap) <= AGREE * max(1.0, gap):
            raise Refuted(f"The stored gap is {said!r}; that of objective and bound is {gap:.3g}.")


# The decision.


def _judge(
    problem: Problem, instance: Instance, decision: Any, objective: Any, violation: Any
) -> _Judged | None:
    """What the decision is worth; None where there is none. Refuted: the stored values differ."""
    if decision is None or (isinstance(decision, Mapping) and not decision):
        return None
    if not isinstance(decision, Mapping):
        raise Refuted("The decision is not a table of blocks.")
    arrays = {}
    for var in problem.space(instance.data).vars:
        if var.name not in decision:
            raise Refuted(f"The decision lacks {var.name!r}.")
        arrays[var.name] = array_of(var.name, decision[var.name], var.shape)
    with np.errstate(all="ignore"):
        found = problem.evaluate(instance.data, arrays)
    worth, worst = float(found.objective), float(found.violation)
    said, fault = number_of("objective", objective), number_of("violation", violation)
    if said is not None and not abs(said - worth) <= AGREE * max(abs(worth), 1e-12):
        raise Refuted(f"The stored objective is {said!r}; the decision is worth {worth!r}.")
    if fault is not None and not worst - fault <= AGREE * max(1.0, worst):
        raise Refuted(f"The stored violation is {fault!r}; the decision's is {worst!r}.")
    known = said is not None and fault is not None
    if worst <= TOLERANCE and not known:
        raise Refuted("A feasible decision is stored without its objective or violation.")
    return _Judged(problem.sign * worth, worst)


def _fits_status(word: Status, judged: _Judged | None) -> None:
    """Refuted where the status speaks of a feasible decision and there is none, or reversely."""
    feasible = judged is not None and judged.feasible
    if word in (Status.OPTIMAL, Status.FEASIBLE) and not feasible:
        fault = "none is stored" if judged is None else f"its violation is {judged.violation:.3g}"
        raise Refuted(f"The status is {word}, but there is no feasible decision: {fault}.")
    if word is Status.INFEASIBLE and feasible:
        raise Refuted("The status is infeasible, but the stored decision is feasible.")


# The bound.


def _weigh(
    problem: Problem,
    instance: Instance,
    word: Status,
    judged: _Judged | None,
    stored: float | None,
    certificate: Certificate | None,
    arithmetic: Arithmetic,
    agree: float,
) -> Verdict:
    """The verdict on a judged decision and a stored bound (as a loss)."""
    if certificate is None and word in (Status.OPTIMAL, Status.INFEASIBLE):
        raise Refuted(f"The status is {word}, but no certificate supports it.")
    if certificate is None and stored is None:
        if judged is None or not judged.feasible:
            return Verdict("", "There is neither a feasible decision nor a bound.")
        return Verdict("feasible", "The decision is feasible and worth what is stored.")
    certificate = certificate or Certificate("claim", {})
    try:
        least = least_loss(problem, instance, certificate, arithmetic)
        if stored is not None and _tighter(stored, least, AGREE) and arithmetic == "float":
            # extreme data cost the float path digits; balls carry more of them
            least = max(least, least_loss(problem, instance, certificate, "arb"))
    except Unchecked as unchecked:
        if stored is not None:
            _not_beaten(judged, stored, False)
            _attained(problem.sign, judged, stored, certificate)
        return Verdict("claimed", str(unchecked))
    if stored is not None and _tighter(stored, least, agree):
        supported = problem.sign * least
        raise Refuted(
            f"The stored bound is {problem.sign * stored!r}; "
            f"the certificate supports only {supported!r}."
        )
    _not_beaten(judged, least, True)
    return _conclude(problem, word, judged, least)


def _conclude(problem: Problem, word: Status, judged: _Judged | None, least: float) -> Verdict:
    """What the re-proved bound `least` says of the decision and the status."""
    bound = problem.sign * least
    if least == math.inf:
        return Verdict("proved", "No feasible decision exists.", bound)
    if word is Status.INFEASIBLE:
        raise Refuted("The status is infeasible, but the certificate does not prove it.")
    if judged is None or not judged.feasible:
        if least == -math.inf:
            return Verdict("", "There is neither a feasible decision nor a finite bound.")
        return Verdict("bounded", "The bound is re-proved; no feasible decision is stored.", bound)
    gap = relative_gap(judged.loss, least) if math.isfinite(least) else math.inf
    if gap <= PROVED_GAP:
        return Verdict("proved", f"The re-proved gap is {gap:.3g}.", bound, gap)
    if word is Status.OPTIMAL:
        raise Refuted(f"The status is optimal, but the re-proved gap is {gap:.3g}.")
    if least == -math.inf:
        return Verdict("feasible", "The decision is feasible; its certificate bounds nothing.")
    return Verdict("bounded", f"The re-proved gap is {gap:.3g}.", bound, gap)


def _tighter(stored: float, least: float, agree: float) -> bool:
    """Whether a stored loss bound is above the recomputed one by more than `agree`, relative."""
    return stored > (least + agree * max(abs(least), 1e-12) if math.isfinite(least) else least)


def _not_beaten(judged: _Judged | None, bound: float, proven: bool) -> None:
    """Refuted where the decision at hand is better than the bound says is possible."""
    if judged is None or not judged.feasible:
        return
    if beaten(judged.loss, bound, judged.violation, proven):
        raise Refuted("The stored decision is better than the bound: one of both is wrong.")


def _attained(sign: int, judged: _Judged | None, bound: float, certificate: Certificate) -> None:
    """Refuted where the decision at hand is said to be worth the bound, and is not."""
    if certificate.body.get("attained") is not True:
        return
    if judged is None or not judged.feasible:
        raise Refuted(f"The value {sign * bound!r} is stated of a decision that is not feasible.")
    if not abs(judged.loss - bound) <= OPTIMAL_GAP * abs(bound):
        off = sign * judged.loss
        raise Refuted(f"The value {sign * bound!r} is stated; its own decision is worth {off!r}.")
