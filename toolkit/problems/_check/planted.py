"""The check of planted optima: that what a problem calls the best of its instances is the best.

Solvers are not asked here (a problem knows none); `tests/test_suites.py` does that.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from toolkit.arrays import Decision
from toolkit.errors import UserError
from toolkit.instances import Instance, rng_for
from toolkit.problems._base import Problem
from toolkit.problems._knowledge import (
    HasCompletion,
    HasNearest,
    HasPlant,
    HasPolish,
    HasProof,
    HasRanking,
)
from toolkit.problems._proof import Arithmetic, Certificate

from .base import Case, Check, cases, feasible_losses, hint, need, points, replayed

PROVED = 1e-6  # relative: more than that between certificate and decision is no proof
RTOL = 1e-9
EXACT = 1e-12  # of a rival's violation: what tolerances admit may be better than an optimum
EACH = 3  # planted instances of a preset
FEW = 60  # points of a kind that are tried against an optimum
FIRST = "Choose the optimum first, and the data so that the certificate's bound is attained."
ARITHMETICS: tuple[Arithmetic, ...] = ("float", "arb")


@dataclass(frozen=True)
class Planted:
    """A planted instance with what is said of it; `loss` is what the decision is worth."""

    case: Case
    decision: Decision
    certificate: Certificate
    loss: float

    @property
    def name(self) -> str:
        return f"planted {self.case.instance.name}"


def planted_optima_are_optimal(problem: Problem) -> None:
    """… feasible, proved by what comes with them, and not beaten by what is cheaply found."""
    if not isinstance(problem, HasPlant):
        return
    found, refused = 0, ""
    for case in cases(problem):
        try:
            for planted in _planted(case.problem):
                found += 1
                _proved(planted)
                _unbeaten(planted)
        except UserError as error:
            refused = f": {error}"
    need(found > 0, f"plant makes no instance of any preset{refused or '.'}")


def _planted(problem: Problem) -> Iterator[Planted]:
    """Some planted instances, each of them made twice and judged."""
    for index in range(EACH):
        (case, decision, certificate), again = (_made(problem, index, s) for s in (1, 2))
        with hint("Draw from the generator that plant is given, and from nothing else."):
            one, two = case.instance.digest, again[0].instance.digest
            need(one == two, "the same seed plants different data.")
        worth = problem.evaluate(case.data, decision)
        name = f"planted {case.instance.name}"
        broken = [f"{key} by {float(v):.1e}" for key, v in worth.violations.items() if v > RTOL]
        need(not broken, f"{name}: its decision violates {', '.join(broken)}.")
        loss = float(feasible_losses(problem, worth))
        need(bool(np.isfinite(loss)), f"{name}: its decision is worth {worth.objective}.")
        yield Planted(case, decision, certificate, loss)


def _made(problem: Problem, index: int, state: int) -> tuple[Case, Decision, Certificate]:
    """A planted instance, whatever the state of the global generator."""
    assert isinstance(problem, HasPlant)
    np.random.seed(state)  # noqa: NPY002
    data, decision, certificate = problem.plant(rng_for("plant", index))
    name = f"{problem.name}-n{problem.n_users}-{index}"
    instance = Instance(problem.name, problem.version, data, problem.params, name)
    return Case(problem, problem.admit(instance)), decision, certificate


def _proved(planted: Planted) -> None:
    """The certificate, replayed in either arithmetic, proves what the decision is worth."""
    case, body, loss = planted.case, planted.certificate.body, planted.loss
    need(isinstance(case.problem, HasProof), "plant needs a proof that re-proves what it says.")
    assert isinstance(case.problem, HasProof)
    kind = planted.certificate.kind
    need(kind == "tree", f"{planted.name}: its certificate is of kind {kind!r}; give a tree.")
    for arithmetic in ARITHMETICS:
        proof = case.problem.proof(case.data, arithmetic)
        bound = replayed(proof, body["nodes"])
        what = f"{planted.name}: its certificate proves {bound!r} ({arithmetic}) of the loss"
        with hint(FIRST):
            need(bound >= loss - PROVED * abs(loss), f"{what} {loss!r}, which is no proof.")
        need(bound <= loss + RTOL * abs(loss), f"{what} {loss!r}, which is less.")


def _unbeaten(planted: Planted) -> None:
    """Nothing that the problem knows, or draws, is better."""
    case, loss = planted.case, planted.loss
    worths = (case.problem.evaluate(case.data, tried) for tried in _rivals(case))
    rivals = [float(feasible_losses(case.problem, worth, EXACT).min()) for worth in worths]
    best = min([*rivals, np.inf if case.optimum is None else case.optimum])
    with hint("Is it the best choice, and is the rest of it completed? " + FIRST):
        need(
            best >= loss - RTOL * abs(loss),
            f"{planted.name}: its decision has the loss {loss!r}, another one {best!r}.",
        )


def _rivals(case: Case) -> Iterator[Decision]:
    """Decisions of all kinds, then the problem's own good choices, completed."""
    problem, data = case.problem, case.data
    yield points(case, rng_for("unbeaten"), FEW)
    if not isinstance(problem, HasCompletion):
        return
    choices = []
    if isinstance(problem, HasRanking):
        choices.append(problem.ranking(data))
    if isinstance(problem, HasNearest):
        near = problem.nearest(data)
        choices.append({k: np.asarray(v)[None] for k, v in near.items()})
    for choice in choices:
        yield problem.complete(data, choice)
        if isinstance(problem, HasPolish):
            yield problem.complete(data, problem.polish(data, choice))


CHECKS: list[Check] = [planted_optima_are_optimal]
