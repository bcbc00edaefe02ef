"""The conformance suite of solvers: what every solver must keep to on every problem it takes."""

import math
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from toolkit import problems
from toolkit.instances import Instance
from toolkit.problems import HasProof, Problem
from toolkit.problems._check.base import Bare, Case, cases, hint, need, replayed, same, verdict

from ._base import Budget, Result, Solver, Status, Stop
from ._probe import Probe

RTOL = 1e-5  # by which a claimed bound may be above the optimum; 1e-9 if it is proven
LATE = 1.0  # seconds that a solver may need to notice that its time is over
USERS = 3


@dataclass(frozen=True)
class Trial:
    """A solver on one problem's small instances."""

    solver: Solver
    feasible: tuple[Case, ...]
    infeasible: tuple[Case, ...]

    def run(
        self, case: Case, seed: int = 0, seconds: float = 60.0, evaluations: float = math.inf
    ) -> Result:
        limits = Budget(seconds=seconds, evaluations=evaluations)
        probe = Probe(case.problem, case.instance, limits, np.random.default_rng(seed))
        return probe.certify(self.solver.solve(case.problem, case.instance, probe))


Check = Callable[[Trial], None]


def check_solver(solver: Solver, on: list[str] | None = None) -> Iterator[tuple[str, str | None]]:
    """Yields (what was examined, why it failed or None) for every problem that it takes, of those
    named in `on` or of all."""
    yield "says what it needs and refuses", verdict(says_what_it_needs, solver)
    if solver.missing() is None:
        for name in on or [name for name, _ in problems.registry.usable(lambda text: None)]:
            trial = trial_of(solver, problems.load(name, "tiny"))
            for fn in CHECKS if trial else []:
                yield f"{name}: {fn.__name__.replace('_', ' ')}", verdict(fn, trial)


def trial_of(solver: Solver, problem: Problem) -> Trial | None:
    """Small feasible and infeasible instances that the solver takes; None where it refuses."""
    small = type(problem)(**{**problem.params, "n_users": min(USERS, problem.n_users)})
    taken = [c for c in cases(small, 2) if solver.refuses(c.problem, c.instance) is None]
    known = [c for c in taken if c.optimum is not None]
    feasible = [c for c in known if math.isfinite(c.optimum or 0.0)] or taken
    infeasible = [c for c in known if c.optimum == math.inf]
    return Trial(solver, tuple(feasible[:4]), tuple(infeasible[:2])) if taken else None


def says_what_it_needs(solver: Solver) -> None:
    bare = problems.load("cpdrl", "tiny")
    case = cases(bare)[0]
    need(bool((type(solver).__doc__ or "").strip()), "it has no docstring for lists to show.")
    plain = Bare(n_users=bare.n_users, inner=bare)
    instance = Instance("_check", 0, case.data)
    reason = solver.refuses(plain, instance)
    if reason is not None:
        need(bool(reason.strip()), "it refuses without a reason.")
    elif solver.missing() is None:
        probe = Probe(plain, instance, Budget(seconds=5), np.random.default_rng(0))
        solver.solve(plain, instance, probe)
        need(probe.evaluations > 0, "it takes a problem that knows nothing but offers nothing.")


def it_offers_something_or_says_that_nothing_is_feasible(trial: Trial) -> None:
    for case in (*trial.feasible, *trial.infeasible):
        result = trial.run(case)
        need(
            result.decision is not None
            or result.status is Status.INFEASIBLE
            or (case in trial.infeasible and bool(result.claim)),
            f"{case.instance.name}: no decision and no proof ({result.message}).",
        )


def the_result_is_what_the_formula_says(trial: Trial) -> None:
    for case in (*trial.feasible, *trial.infeasible):
        result = trial.run(case)
        if result.decision is not None:
            judged = case.problem.evaluate(case.data, result.decision)
            same(result.objective, judged.objective, 1e-12, "the result's objective and judge's")
            same(result.violation, judged.violation, 1e-12, "the result's violation and judge's")


def the_same_seed_gives_the_same_result(trial: Trial) -> None:
    """… whatever the state of the global generators, which must be left as they were."""
    results = []
    for seed in (1, 2):
        np.random.seed(seed)  # noqa: NPY002
        random.seed(seed)
        before = _global_state()
        results.append(trial.run(trial.feasible[0], seed=5))
        need(_global_state() == before, "a global random generator was used.")
    _equal(*results)
    begun = time.perf_counter()
    for seed in range(5, 17):  # what ends well may have begun otherwise, if not always
        if seed > 7 and time.perf_counter() - begun > 0.2:
            break
        _equal(*(trial.run(trial.feasible[0], seed, evaluations=1) for _ in range(2)))


def _equal(one: Result, two: Result) -> None:
    with hint("Draw from probe.rng, and from nothing else."):
        said = f"two runs with one seed find {one.objective!r} and {two.objective!r}."
        need(one.objective == two.objective, said)
        if one.decision is not None and two.decision is not None:
            same(one.decision, two.decision, 0, "decisions of two runs with one seed")


def a_budget_of_evaluations_is_kept(trial: Trial) -> None:
    for most in (1, 5):
        result = trial.run(trial.feasible[0], evaluations=most)
        need(result.evaluations <= most, f"{result.evaluations} evaluations instead of {most}.")


def a_budget_of_seconds_is_kept(trial: Trial) -> None:
    trial.run(trial.feasible[0])  # what is imported or compiled first is not on the clock
    for seconds in (1e-6, 0.1):
        result = trial.run(trial.feasible[0], seconds=seconds)
        late = result.wall - seconds
        need(late <= LATE, f"it stopped {late:.1f} s after its time of {seconds:g} s.")


def no_bound_is_above_the_optimum(trial: Trial) -> None:
    for case in trial.feasible:
        for budget in ({}, {"evaluations": 2}):
            result = trial.run(case, **budget)
            if result.bound is None or result.certificate is None or case.optimum is None:
                continue
            slack = (1e-9 if result.certificate.proves else RTOL) * abs(case.optimum)
            bound = result.sign * result.bound
            need(
                bound <= case.optimum + slack,
                f"{case.instance.name}: it says that no loss is below {bound!r}, and the optimum "
                f"is {case.optimum!r}.",
            )


def a_certificate_holds_what_it_promises(trial: Trial) -> None:
    for case in (*trial.feasible, *trial.infeasible):
        result = trial.run(case)
        if result.certificate is None or result.bound is None:
            continue
        bound, body = result.sign * result.bound, result.certificate.body
        if result.certificate.kind == "enumeration":
            count = case.space.count
            need(body["count"] == count, f"it counts {body['count']} of {count} choices.")
            need(result.evaluations >= count, f"it judged {result.evaluations} of {count}.")
        if result.certificate.kind == "tree" and isinstance(case.problem, HasProof):
            proof = case.problem.proof(case.data)
            proven = replayed(proof, body["nodes"])
            near = proven >= bound - 1e-6 * abs(bound) if math.isfinite(bound) else proven == bound
            need(near, f"its tree proves {proven!r}, not {bound!r}.")


def the_data_are_not_touched(trial: Trial) -> None:
    case = trial.feasible[0]
    before = {k: v.copy() for k, v in case.data.items()}
    trial.run(case)
    same(dict(case.data), before, 0, "the data before and after")


def an_infeasible_instance_is_never_called_solved(trial: Trial) -> None:
    for case in trial.infeasible:
        status = trial.run(case).status
        need(
            status in (Status.INFEASIBLE, Status.UNKNOWN),
            f"{case.instance.name} is infeasible; the result says {status}.",
        )
    for case in trial.feasible:
        need(
            case.optimum is None or trial.run(case).status is not Status.INFEASIBLE,
            f"{case.instance.name} is feasible; the result says infeasible.",
        )


def a_stop_has_its_reason(trial: Trial) -> None:
    result = trial.run(trial.feasible[0], evaluations=1)
    need(isinstance(result.stop, Stop), f"stop is {result.stop!r}.")
    free = trial.run(trial.feasible[0])
    need(free.stop is not Stop.EVALUATIONS, "it stopped for a limit on evaluations without one.")


def _global_state() -> str:
    return str(np.random.get_state(legacy=False)) + str(random.getstate())  # noqa: NPY002


CHECKS: list[Check] = [
    it_offers_something_or_says_that_nothing_is_feasible,
    the_result_is_what_the_formula_says,
    the_same_seed_gives_the_same_result,
    a_budget_of_evaluations_is_kept,
    a_budget_of_seconds_is_kept,
    no_bound_is_above_the_optimum,
    a_certificate_holds_what_it_promises,
    the_data_are_not_touched,
    an_infeasible_instance_is_never_called_solved,
    a_stop_has_its_reason,
]
