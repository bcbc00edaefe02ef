"""The conformance tests of problems, solvers and learners, for the pytest of who wrote one.

    from toolkit.testkit import problem_tests
    from admission import Admission

    TestAdmission = problem_tests(Admission)

Each function makes a class with a method `test_…` a check, as `python -m toolkit.bench check` has
them; pytest collects it by its name, and needs no plug-in for that. What fails is said in words.
"""

import functools
from collections.abc import Callable, Iterable
from typing import Any, TypeVar
from unittest import SkipTest

from toolkit import learners, problems, solvers
from toolkit.learners import Learner
from toolkit.problems import Problem
from toolkit.problems._check import CHECKS as PROBLEM_CHECKS
from toolkit.problems._check.base import Broken
from toolkit.solvers import Solver
from toolkit.solvers import _check as _solver_check

On = str | Problem | type[Problem]  # of a class, or a name, the preset `tiny`
T = TypeVar("T")


def problem_tests(problem: On) -> type:
    """Tests of a problem: a class stands for its preset `tiny`, an instance for itself."""
    _known(problem)
    make = functools.cache(lambda: _problem(problem))
    return _tests({check.__name__: _test(check, make) for check in PROBLEM_CHECKS})


def solver_tests(solver: Solver | type[Solver], on: Iterable[On] | None = None) -> type:
    """Tests of a solver on problems, by default all that are installed; what it refuses is
    skipped, with its reason."""
    _known(solver)
    made = functools.cache(lambda: solver() if isinstance(solver, type) else solver)

    def trial(problem: On) -> Any:
        built, on_it = made(), _problem(problem)
        if package := built.missing():
            raise SkipTest(f"{built} needs the package {package}")
        found = _solver_check.trial_of(built, on_it)
        if found is None:
            raise SkipTest(f"{built} refuses {on_it}")
        return found

    return _tests(
        {"says_what_it_needs": _test(_solver_check.says_what_it_needs, made)}
        | _each(on, _solver_check.CHECKS, trial)
    )


def learner_tests(learner: Learner | type[Learner], on: Iterable[On] | None = None) -> type:
    """The same of a learner, trained once a problem."""
    from toolkit.learners import _check as learner_check

    _known(learner)
    made = functools.cache(lambda: learner() if isinstance(learner, type) else learner)

    def trial(problem: On) -> Any:
        found = learner_check.trial_of(made(), _problem(problem))
        if found is None:
            raise SkipTest(f"{made()} refuses {problem}")
        return found

    return _tests(
        {"says_what_it_needs": _test(learner_check.says_what_it_needs, made)}
        | _each(on, learner_check.CHECKS, trial)
    )


def _each(
    on: Iterable[On] | None, checks: Iterable[Callable[[Any], None]], trial: Callable[[On], Any]
) -> dict[str, Callable[[Any], None]]:
    """The test of every check on every problem; what is prepared for a problem serves them all."""
    tests: dict[str, Callable[[Any], None]] = {}
    checks = list(checks)
    for problem in problems.registry.names() if on is None else on:
        name = _known(problem)
        make = functools.cache(functools.partial(trial, problem))
        tests |= {f"{name}_{check.__name__}": _test(check, make) for check in checks}
    return tests


def _test(check: Callable[[T], None], make: Callable[[], T]) -> Callable[[Any], None]:
    def test(self: Any) -> None:
        __tracebackhide__ = True  # what failed is in the words, and no line of ours tells more
        subject = make()
        try:
            check(subject)
        except Broken as broken:
            raise AssertionError(str(broken)) from None

    test.__doc__ = (check.__doc__ or "").split("\n")[0] or None
    return test


def _tests(methods: dict[str, Callable[[Any], None]]) -> type:
    return type("Conformance", (), {f"test_{name}": test for name, test in methods.items()})


def _problem(given: On) -> Problem:
    if isinstance(given, str):
        return problems.load(given, "tiny")
    return given(**given.presets["tiny"]) if isinstance(given, type) else given


def _known(given: On | Solver | Learner | type[Solver] | type[Learner]) -> str:
    """Its name, once the toolkit knows it: instances and checkpoints name what they are of."""
    if isinstance(given, str):
        return given
    cls: Any = given if isinstance(given, type) else type(given)
    kinds: list[tuple[type, Any]] = [(Problem, problems), (Solver, solvers), (Learner, learners)]
    for base, kind in kinds:
        if issubclass(cls, base):
            kind.registry.join(cls)
    return str(cls.component_name())
