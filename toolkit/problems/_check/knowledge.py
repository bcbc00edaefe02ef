"""Checks of what a problem knows beyond its formula; each is silent where it knows it not."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from toolkit.arrays import Decision
from toolkit.instances import rng_for
from toolkit.problems._base import SMALLEST, Problem
from toolkit.problems._knowledge import (
    HasCompletion,
    HasConic,
    HasFitting,
    HasMasters,
    HasPrior,
    HasProof,
    HasRanking,
    HasRelaxation,
    HasRepair,
    Pieces,
)
from toolkit.problems._proof import Arithmetic, Prices, Proof
from toolkit.problems._space import Space

from .base import (
    Case,
    Check,
    cases,
    feasible_losses,
    hint,
    need,
    row,
    rows,
    same,
    shaken,
    spread,
)

RTOL = 1e-9
SENSE = "Is sense right? Where it is 'max', losses and their bounds are minus the objective."


def repair_keeps_the_choice_and_settles_the_rest(problem: Problem) -> None:
    if not isinstance(problem, HasRepair):
        return
    for case in cases(problem):
        raw = case.space.sample(rng_for("repair"), (50,))
        before = {k: v.copy() for k, v in raw.items()}
        once = problem.repair(case.data, raw)
        same(raw, before, 0, "what repair was given, before and after")
        for var in case.space.discrete:
            same(once[var.name], raw[var.name], 0, "the choice before and after repair")
        same(problem.repair(case.data, once), once, 1e-9, "repaired once and twice")


def fitting_changes_what_cannot_be_completed_alone(problem: Problem) -> None:
    if not (isinstance(problem, HasFitting) and isinstance(problem, HasCompletion)):
        return
    for case in cases(problem):
        raw = case.choices(rng_for("fitted"), 50)
        once = problem.fitted(case.data, raw)
        in_domain(Space(case.space.discrete), once, "a fitted choice")
        same(problem.fitted(case.data, once), once, 0, "fitted once and twice")
        before, after = (case.worth(problem.complete(case.data, one)) for one in (raw, once))
        need(bool(np.isfinite(after).all()), "a fitted choice is infeasible, completed.")
        for i in np.flatnonzero(np.isfinite(before)):
            same(row(once, i), row(raw, i), 0, "a feasible choice before and after fitting")
        alone = problem.fitted(case.data, row(raw, 0))
        same(alone, row(once, 0), 0, "fitted alone and in a batch")


def prior_and_ranking_stay_in_the_space(problem: Problem) -> None:
    for case in cases(problem):
        if isinstance(problem, HasPrior):
            drawn = problem.prior(case.data).sample(rng_for("prior"), (20,))
            in_domain(case.space, drawn, "a draw from the prior")
        if isinstance(problem, HasRanking):
            in_domain(Space(case.space.discrete), problem.ranking(case.data), "a ranked choice")


def completion_keeps_the_choice_in_every_batch(problem: Problem) -> None:
    if not isinstance(problem, HasCompletion):
        return
    data = problem.sample(rng_for("several"), (4,))
    choices = Space(problem.space(data).discrete).sample(rng_for("choices"), (4,))
    whole = problem.complete(data, choices)
    for i in range(4):
        one = problem.complete(row(data, i), row(choices, i))
        same(one, row(whole, i), RTOL, "completed alone and in a batch of instances")
        many = problem.complete(row(data, i), {k: v[i][None] for k, v in choices.items()})
        same(row(many, 0), one, RTOL, "completed alone and in a batch of choices")
        for name in choices:
            same(one[name], choices[name][i], 0, "the choice before and after completion")


def nothing_beats_completion(problem: Problem) -> None:
    """No consistent point with the same choice is better, or feasible where completion is not."""
    if not isinstance(problem, HasCompletion):
        return
    for k, case in enumerate(cases(problem, each=2)):
        rng = rng_for("beats", k)
        for choice in rows(case.choices(rng, 24)):
            best = case.problem.complete(case.data, choice)  # type: ignore[attr-defined]
            ours = float(feasible_losses(problem, problem.evaluate(case.data, best), 1e-9))
            tried = problem.evaluate(case.data, _rivals(case, best, rng))
            rivals = feasible_losses(problem, tried, 1e-9)
            theirs, worst = float(rivals.min()), rivals[np.isfinite(rivals)].max(initial=-np.inf)
            with hint("Is sense right? It is the worst of all points." if ours >= worst else ""):
                need(
                    theirs >= ours - RTOL * abs(ours) if np.isfinite(ours) else np.isinf(theirs),
                    f"{case.instance.name}: completion has the loss {ours!r}, another point "
                    f"{theirs!r}.",
                )


def relaxation_and_proof_stay_below_the_optimum(problem: Problem) -> None:
    """A few steps of best-first search, each node bounded by the relaxation and by the proof."""
    if not isinstance(problem, HasRelaxation):
        return
    for case in cases(problem, each=3):
        if case.optimum is None:
            continue
        for bound, proven in _search(case):
            _below(bound, case.optimum, "the relaxation's bound", case)
            if proven is not None:
                _below(proven, case.optimum, "the proof's bound", case)
                need(
                    proven >= bound - 1e-6 * abs(bound) or np.isinf(bound),
                    f"the proof reaches {proven!r} of the relaxation's {bound!r}.",
                )


def any_prices_prove_a_valid_bound(problem: Problem) -> None:
    if not (isinstance(problem, HasRelaxation) and isinstance(problem, HasProof)):
        return
    for k, case in enumerate(cases(problem)):
        if case.optimum is None:
            continue
        relaxation, rng = problem.relaxation(case.data), rng_for("prices", k)
        root = relaxation.root()
        relaxation.bound(root, np.inf)
        known = relaxation.prices(root)
        for i in range(20):
            for arithmetic in _arithmetics(i % 5 == 0):
                proof = problem.proof(case.data, arithmetic)
                prices = _disturbed(known, rng)
                try:
                    bound = proof.bound(proof.root(), prices)
                except ValueError:  # prices that it does not take prove nothing
                    continue
                _below(bound, case.optimum, f"the bound of disturbed prices {prices}", case)


def each_choice_is_bounded_below_and_closely(problem: Problem) -> None:
    if not (isinstance(problem, HasProof) and isinstance(problem, HasCompletion)):
        return
    for k, case in enumerate(cases(problem)):
        choices = case.choices(rng_for("each", k), 64)
        losses = case.worth(problem.complete(case.data, choices))
        for arithmetic in _arithmetics(True):
            bounds = problem.proof(case.data, arithmetic).bound_each(choices)
            need(bounds.shape == losses.shape, f"bound_each has shape {bounds.shape}.")
            for bound, loss in zip(bounds, losses, strict=True):
                _below(float(bound), float(loss), f"bound_each ({arithmetic})", case)
                need(
                    bool(np.isinf(loss)) or bound >= loss - max(1e-6 * abs(loss), SMALLEST),
                    f"bound_each ({arithmetic}) proves {bound!r} of {loss!r}.",
                )


def conic_pieces_and_masters_stay_below_the_optimum(problem: Problem) -> None:
    for case in cases(problem):
        if case.optimum is None or np.isinf(case.optimum):
            continue
        if isinstance(problem, HasMasters):
            cover = problem.masters(case.instance)
            inside = range(cover.inside[0], cover.inside[1] + 1)
            losses = [_linear_bound(cover.piece(m)) for m in inside]
            _below(min(losses), case.optimum, "the masters' linear relaxation", case, 1e-6)
        if isinstance(problem, HasConic) and isinstance(problem, HasProof):
            proof = problem.proof(case.data)
            _below(_cover_bound(proof, problem.conic(case.instance)), case.optimum, "conic", case)


def _cover_bound(proof: Proof, cover: Pieces[Any]) -> float:
    """What the proof makes of the prices of all pieces, one value after the other."""
    region, proven = proof.root(), []
    for m in range(cover.whole[0], cover.whole[1] + 1):
        here = region
        if m < cover.whole[1]:
            here, region = proof.split(region, cover.cut(m))
        inside = cover.inside[0] <= m <= cover.inside[1]
        proven.append(proof.bound(here, _priced(cover.piece(m)) if inside else cover.empty))
        need(inside or proven[-1] == np.inf, f"nothing proves that {m} is infeasible.")
    return min(proven)


def _search(case: Case) -> Iterator[tuple[float, float | None]]:
    """(least bound, least proven bound) over the open nodes, after each of a few branchings."""
    problem, optimum = case.problem, case.optimum
    assert isinstance(problem, HasRelaxation)
    assert optimum is not None
    cutoff = optimum - RTOL * abs(optimum) if np.isfinite(optimum) else np.inf
    relaxation = problem.relaxation(case.data)
    proof = problem.proof(case.data) if isinstance(problem, HasProof) else None
    open_nodes = [(relaxation.root(), proof.root() if proof else None)]
    bounds = [_bounded(relaxation, proof, *open_nodes[0])]
    for _ in range(30):
        yield min(b for b, _ in bounds), min(p for _, p in bounds) if proof else None
        best = int(np.argmin([b for b, _ in bounds]))
        if bounds[best][0] >= cutoff:
            return
        bounds.pop(best)
        node, region = open_nodes.pop(best)
        how, children = relaxation.branch(node, cutoff)
        if not children:
            return
        parts = proof.split(region, how) if proof else [None] * len(children)
        open_nodes += list(zip(children, parts, strict=True))
        bounds += [_bounded(relaxation, proof, c, p) for c, p in zip(children, parts, strict=True)]


def _bounded(relaxation: Any, proof: Any, node: Any, region: Any) -> tuple[float, float]:
    bound = relaxation.bound(node, np.inf).loss
    return bound, proof.bound(region, relaxation.prices(node)) if proof else bound


def _below(bound: float, loss: float, what: str, case: Case, rtol: float = RTOL) -> None:
    holds = np.isinf(loss) or bound <= loss + rtol * abs(loss)
    with hint(SENSE if case.problem.sense == "max" and bound > 0 > loss else ""):
        need(bool(holds), f"{case.instance.name}: {what} is {bound!r}, above the loss {loss!r}.")


def _arithmetics(both: bool) -> tuple[Arithmetic, ...]:
    return ("float", "arb") if both else ("float",)


def _disturbed(prices: Any, rng: np.random.Generator) -> Any:
    """The prices with every float multiplied by a factor of its own, far and near."""
    if isinstance(prices, float):
        return prices * float(np.exp(rng.choice([1e-3, 0.1, 1.0]) * rng.standard_normal()))
    if isinstance(prices, dict):
        return {k: _disturbed(v, rng) for k, v in prices.items()}
    if isinstance(prices, list | tuple):
        return type(prices)(_disturbed(v, rng) for v in prices)
    return prices


def _priced(piece: Any) -> Prices:
    piece.model.solve(solver="CLARABEL")
    prices: Prices = piece.prices()
    return prices


def _linear_bound(master: Any) -> float:
    """The value of a master's linear relaxation without further cuts; +inf where it is empty."""
    from scipy.optimize import Bounds, LinearConstraint, milp

    rows_ = LinearConstraint(master.matrix, *master.rows)
    found = milp(master.cost, bounds=Bounds(*master.box), constraints=rows_)
    return np.inf if found.status == 2 else float(found.fun) + master.offset


def _rivals(case: Case, best: Decision, rng: np.random.Generator) -> Decision:
    """Points with the choice of `best`: anywhere in the box and near it, made consistent."""
    count, space = 150, case.space
    near = shaken(space, {k: np.repeat(v[None], count, 0) for k, v in best.items()}, rng)
    kinds = [space.sample(rng, (count,)), spread(space, rng, count), near]
    out = {}
    for var in space.vars:
        value = np.concatenate([kind[var.name] for kind in kinds])
        out[var.name] = np.broadcast_to(best[var.name], value.shape) if var.discrete else value
    problem = case.problem
    return problem.repair(case.data, out) if isinstance(problem, HasRepair) else out


def in_domain(space: Space, decision: Decision, what: str) -> None:
    for name, value in space.violations(decision).items():
        need(bool(np.all(value <= 1e-12)), f"{what} leaves the space ({name}).")


CHECKS: list[Check] = [
    repair_keeps_the_choice_and_settles_the_rest,
    fitting_changes_what_cannot_be_completed_alone,
    prior_and_ranking_stay_in_the_space,
    completion_keeps_the_choice_in_every_batch,
    nothing_beats_completion,
    relaxation_and_proof_stay_below_the_optimum,
    any_prices_prove_a_valid_bound,
    each_choice_is_bounded_below_and_closely,
    conic_pieces_and_masters_stay_below_the_optimum,
]
