"""The verb `check`: a component's conformance tests, one after the other, in words."""

import contextlib
import multiprocessing as mp
import os
import signal
import sys
import time
from argparse import Namespace
from collections.abc import Iterator
from multiprocessing.connection import Connection
from typing import Any, NoReturn

from toolkit import learners, problems, solvers
from toolkit.bench._engine._fields import one_line
from toolkit.bench._engine._processes import Family
from toolkit.bench._engine._signals import handled_by
from toolkit.errors import UserError, unknown
from toolkit.problems._check.base import Broken, verdict

OK, FAILED = 0, 3
LOOK_EVERY = 0.5  # seconds, whether the process is still there
LIMIT = 300.0  # seconds that a single check may take
KINDS = (problems, solvers, learners)
Finding = tuple[str, str | None]  # what was examined; why it failed, None: it holds


def check(args: Namespace) -> int:
    """Puts a component through its conformance tests; 3 where one fails."""
    failures, examined = 0, 0
    for name, failure in _isolated(args.name, _named(args.problem)):
        print(
            f"{'FAIL' if failure else 'ok':<5}{name}{f': {failure}' if failure else ''}", flush=True
        )
        failures += failure is not None
        examined += 1
    if not failures and examined <= 1:
        print(f"note {_unexamined(args.name)}")
    print(f"{args.name}: {failures} failed" if failures else f"{args.name}: conforms")
    return FAILED if failures else OK


def _named(text: str | None) -> list[str] | None:
    """The problems that are named; None where none is: all."""
    found = None if text is None else [name.strip() for name in text.split(",")]
    for name in found or []:
        problems.registry.find(name)
    return found


def _isolated(name: str, on: list[str] | None) -> Iterator[Finding]:
    """The outcome of each test, made in a process of its own: a component may end that."""
    kinds = [kind for kind in KINDS if name in kind.registry.names()]
    if not kinds:
        raise unknown(
            "problem, solver or learner", name, {n for kind in KINDS for n in kind.registry.names()}
        )
    ours, theirs = mp.Pipe(duplex=False)
    sys.stdout.flush()
    process = os.fork()
    if not process:
        _report(_limited(_checks(name, kinds, on)), theirs)
    theirs.close()
    family, lives = Family(process), True
    try:
        while lives:
            lives, told = _heard(ours, process)
            if not lives:
                yield "it leaves its process alone", f"that ended ({told}) in the next check."
            elif told is None:
                return
            elif isinstance(told, str):
                raise UserError(told)
            else:
                yield told
    finally:
        family.kill()
        if lives:
            os.waitpid(process, 0)


def _heard(pipe: Connection, process: int) -> tuple[bool, Any]:
    """Whether the process lives, and what it said, or how it ended. Nothing comes where a child of
    it holds the pipe, too."""
    while True:
        with contextlib.suppress(EOFError):
            if pipe.poll(LOOK_EVERY):
                return True, pipe.recv()
        ended, status = os.waitpid(process, os.WNOHANG)
        if ended:
            code = os.waitstatus_to_exitcode(status)
            return False, signal.Signals(-code).name if code < 0 else f"exit code {code}"


def _report(findings: Iterator[Finding], out: Connection) -> NoReturn:
    """Sends the findings, then None; or the text of a UserError."""
    os.setsid()  # what it starts ends with it
    try:
        for finding in findings:
            out.send(finding)
        out.send(None)
    except UserError as error:
        out.send(str(error))
    except KeyboardInterrupt:
        os._exit(130)
    except BaseException as error:
        out.send(("what comes between two checks", one_line(error)))
        out.send(None)
    sys.stdout.flush()
    signal.pause()  # who reads ends it
    os._exit(0)


def _checks(name: str, kinds: list[Any], on: list[str] | None) -> Iterator[Finding]:
    """The outcome of each test, by name. A name may be of several kinds."""
    if problems in kinds:
        yield from _problem(name)
    if solvers in kinds:
        from toolkit.solvers._check import check_solver

        yield from check_solver(solvers.registry.build(name), on)
    if learners in kinds:
        from toolkit.learners._check import check_learner

        yield from check_learner(learners.registry.build(name), on)


def _problem(name: str) -> Iterator[Finding]:
    """Of what cannot even be built, that and no more."""
    from toolkit.problems._check import check_problem

    built: list[problems.Problem] = []
    failure = verdict(lambda: built.append(problems.load(name, "tiny")))
    if failure:
        yield "its preset tiny can be built", failure.removeprefix("UserError: ")
    for problem in built:
        yield from check_problem(problem)


def _limited(checks: Iterator[Finding]) -> Iterator[Finding]:
    """The findings; a check that does not end is one that fails, unless it is stuck in C code."""
    with handled_by(_too_long, signal.SIGALRM):
        while True:
            begun = time.monotonic()
            before = signal.setitimer(signal.ITIMER_REAL, LIMIT, 1.0)
            try:
                found = next(checks, None)
            except Broken as broken:
                found = "what comes between two checks", str(broken)
            finally:
                left = max(1e-3, before[0] - (time.monotonic() - begun)) if before[0] else 0.0
                signal.setitimer(signal.ITIMER_REAL, left, before[1])
            if found is None:
                return
            yield found


def _too_long(*_: Any) -> None:
    raise Broken(f"it did not end within {LIMIT:g} s.")


def _unexamined(name: str) -> str:
    """Why a solver or a learner has passed next to no check."""
    kind = next(kind for kind in (solvers, learners, problems) if name in kind.registry.names())
    built: Any = kind.registry.build(name)
    try:
        package = built.missing()
    except UserError as error:
        return str(error)
    if package:
        return f"it needs the package {package!r}, and was not examined without it."
    return (
        "it refuses every problem that it was tried on, and what it does was not examined: bring "
        "one that it takes with --plugin."
    )
