"""What runs in a case's own process: build, warm up, solve, check, send. It may die at any time."""

import contextlib
import faulthandler
import gc
import math
import os
import signal
import threading
import time
import traceback
from dataclasses import replace
from multiprocessing.connection import Connection
from typing import Any

import msgspec
import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped,unused-ignore]

from toolkit import problems, solvers
from toolkit.errors import UserError
from toolkit.instances import Instance, rng_for
from toolkit.problems import Frames, Problem
from toolkit.reports.record import finite
from toolkit.solvers import (
    BoundContradiction,
    Budget,
    Claim,
    Point,
    Probe,
    Result,
    Solver,
    Status,
    Stop,
)
from toolkit.solvers._probe import with_status

from ._case import Job
from ._plugins import load_plugins

WARM_SECONDS, LEAST_PASSES, MOST_PASSES = 0.05, 3, 6
WARM_FRAMES = 2  # of an episode
TELL_EVERY = 0.2  # seconds
STARTED, SOLVED = "started", "solved"  # what it sends before the answer, so that limits can differ


def child(job: Job, out: Connection, log: str) -> None:
    """Sends STARTED, (SOLVED, fields unchecked), fields of the record; prints go to `log`."""
    os.setsid()  # what the solver starts belongs to this process's group and ends with it
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's business
    _redirect(log)
    _die_with_the_parent(out)
    with threadpool_limits(1):
        try:
            answer = run(job, out)
        except UserError as error:
            answer = _failure(str(error))
        except Exception as error:
            answer = {**_failure(one_line(error)), "log": traceback.format_exc()}
    out.send(answer)


def run(job: Job, out: Connection) -> dict[str, Any]:
    """The fields of the record of one job."""
    load_plugins(job.plugins)
    built = solvers.registry.build(job.solver[0], **job.solver[1])
    if package := built.missing():
        return _refusal(f"needs the package {package!r}: pip install {package}")
    problem = problems.registry.build(job.problem[0], **job.problem[1])
    solver = solvers.fitted(built, problem)
    instance = problem.admit(job.instance)
    if reason := solver.refuses(problem, instance):
        return _refusal(reason)
    if not job.asked and (reason := solver.abstains(problem, instance)):
        return _refusal(reason)
    warm_up(problem, solver, instance)
    out.send(STARTED)
    return solve(problem, solver, instance, job, out)


def solve(
    problem: Problem, solver: Solver, instance: Instance, job: Job, out: Connection
) -> dict[str, Any]:
    """Solves on the clock, then checks off the clock what was claimed."""
    spend = job.evaluations or math.inf
    budget = Budget(seconds=job.seconds, evaluations=spend, seed=job.seed)
    rng = rng_for("solve", str(solver), instance.digest, job.seed)
    probe = solvers.open_probe(problem, instance, budget, rng, Messenger(out))
    extra: dict[str, Any] = {}
    try:
        result = probe.certify(solver.solve(problem, instance, probe))
    except BoundContradiction as error:
        result = _crashed(probe, str(error))
        extra = {"verdict": "refuted", "reason": str(error)}
    except UserError as error:  # a sentence for the user: no class, no line
        result = _crashed(probe, str(error))
        extra = {"log": traceback.format_exc()}
    except Exception as error:
        result = _crashed(probe, one_line(error))
        extra = {"log": traceback.format_exc()}
    out.send((SOLVED, unchecked(result)))
    if not extra:
        result, extra = checked(problem, instance, result)
        result = replace(result, details={**result.details, **solver.aside(problem)})
    return {**as_fields(result), **extra}


class Messenger:
    """Tells the parent, a few times a second, what is known: it may be all that is left later."""

    def __init__(self, out: Connection) -> None:
        self._out, self._told = out, -math.inf

    def __call__(self, point: Point) -> None:
        now = time.perf_counter()
        if now - self._told >= TELL_EVERY:
            self._told = now
            self._out.send(point)


def unchecked(result: Result) -> dict[str, Any]:
    """The fields of the record should the check not end: the judge's word, and no bound."""
    found = result.status in (Status.OPTIMAL, Status.FEASIBLE)
    status = Status.FEASIBLE if found else Status.UNKNOWN
    bare = replace(result, status=status, bound=None, certificate=None)
    return {**as_fields(bare), "verdict": "feasible" if found else ""}


def checked(problem: Problem, instance: Instance, result: Result) -> tuple[Result, dict[str, Any]]:
    """The result with the bound and the status that the checker re-proved, and its verdict."""
    from .verify import examine_result

    said = examine_result(problem, instance, result)
    found = result.status in (Status.OPTIMAL, Status.FEASIBLE)
    result = replace(result, status=Status.FEASIBLE if found else Status.UNKNOWN)
    if said.verdict in ("proved", "bounded"):
        result = with_status(replace(result, bound=said.bound))
    elif said.verdict == "refuted":
        result = replace(result, status=Status.ERROR, message=said.reason)
    return result, {"verdict": said.verdict, "reason": said.reason}


def warm_up(problem: Problem, solver: Solver, instance: Instance) -> None:
    """Solves the smallest instance and forgets it: imports and compilation are off the clock.

    A solver that does not take that (a policy of one size) is warmed up by the instance itself.

    A pass may compile only what it reaches in time, so passes go on until one was on time. What
    fails here fails on the clock too, where it is recorded.
    """
    budget = Budget(seconds=WARM_SECONDS)
    with contextlib.suppress(Exception):
        tiny = _smallest(problem)
        small = tiny.instance()
        if solver.refuses(tiny, small):
            tiny, small = problem, instance
        for count in range(MOST_PASSES):
            probe = solvers.open_probe(tiny, small, budget, rng_for("warm"))
            solver.solve(tiny, small, probe)
            if count + 1 >= LEAST_PASSES and probe.wall < 2 * WARM_SECONDS:
                break
    gc.collect()


def _smallest(problem: Problem) -> Problem:
    """The preset `tiny`; where the problem decides other things, or more of them (of more servers,
    say), itself with tiny's fields."""
    short = {"frames": WARM_FRAMES} if isinstance(problem, Frames) else {}
    tiny = problems.load(problem.name, "tiny", **short)
    own = problems.load(problem.name, "tiny", **{**problem.params, **tiny.presets["tiny"], **short})
    blocks = [[(v.name, v.shape) for v in p.space(p.instance().data).vars] for p in (tiny, own)]
    return own if blocks[0] != blocks[1] else tiny


def as_fields(result: Result) -> dict[str, Any]:
    """A result as the fields of a record: JSON values only."""
    numbers = {
        name: finite(getattr(result, name))
        for name in ("objective", "violation", "bound", "gap", "seconds", "wall")
    }
    return {
        **numbers,
        "status": str(result.status),
        "stop": str(result.stop),
        "claim": result.claim,
        "evaluations": result.evaluations,
        "message": result.message,
        "details": plain(result.details),
        "terms": {name: finite(value) for name, value in result.terms.items()},
        "decision": {k: np.asarray(v).tolist() for k, v in (result.decision or {}).items()},
        "certificate": plain(result.certificate.as_json()) if result.certificate else None,
        "trace": [as_row(point) for point in result.trace],
    }


def plain(value: Any) -> Any:
    """JSON values of what may hold NumPy's; TypeError for what no JSON value stands for."""

    def convert(other: Any) -> Any:
        if isinstance(other, np.generic | np.ndarray):
            return other.tolist()
        raise TypeError(f"A record cannot hold a {type(other).__name__}.")

    return msgspec.to_builtins(value, enc_hook=convert)


def as_row(point: Point) -> list[float | None]:
    """A point of a trace: seconds, evaluations, objective, bound."""
    return [finite(v) for v in (point.seconds, point.evaluations, point.objective, point.bound)]


def one_line(error: BaseException) -> str:
    """The error's type, text and place, in one line."""
    frames = traceback.extract_tb(error.__traceback__)
    text = " ".join(str(error).split()) or "no message"
    if not frames:
        return f"{type(error).__name__}: {text}"
    place = f"{os.path.basename(frames[-1].filename)}:{frames[-1].lineno}"
    return f"{type(error).__name__}: {text} (in {place})"


def _crashed(probe: Probe, message: str) -> Result:
    """What the probe's books hold of a run that broke off."""
    result = probe.certify(Claim(stop=Stop.CRASHED, message=message))
    return replace(result, status=Status.ERROR)


def _failure(message: str) -> dict[str, Any]:
    return {"status": str(Status.ERROR), "stop": str(Stop.CRASHED), "message": message}


def _refusal(reason: str) -> dict[str, Any]:
    return {"status": str(Status.REFUSED), "stop": str(Stop.REFUSED), "message": reason}


def _redirect(log: str) -> None:
    """Standard output and error of this process, C libraries included, into a file."""
    target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for number in (1, 2):
        os.dup2(target, number)
    faulthandler.enable()


def _die_with_the_parent(connection: Connection) -> None:
    """Ends this process, and all that it started, once the other end of the pipe is gone."""

    def watch() -> None:
        with contextlib.suppress(EOFError, OSError):
            connection.recv()
        os.killpg(0, signal.SIGKILL)  # the group is this process's own

    threading.Thread(target=watch, daemon=True).start()
