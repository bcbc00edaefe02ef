"""What runs in a case's own process: build, warm up, solve, check, send. It may die at any time."""

import contextlib
import gc
import math
import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.connection import Connection
from typing import Any

from threadpoolctl import threadpool_limits  # type: ignore[import-untyped,unused-ignore]

from toolkit import problems, solvers
from toolkit.bench._cases._case import Job
from toolkit.bench._cases._plugins import load_plugins
from toolkit.errors import UserError
from toolkit.instances import Instance, rng_for
from toolkit.problems import Certificate, Frames, Problem
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

from ._box import Box, Found, Keeper
from ._fields import as_fields, one_line, whole_story
from ._inside import cpu_seconds, let_go, limit_memory, peak_memory, settle_in
from ._original import Original, Tampered
from ._processes import has_children

WARM_SECONDS, LEAST_PASSES, MOST_PASSES = 0.05, 3, 6
WARM_FRAMES = 2  # of an episode
TELL_EVERY = 0.2  # seconds
# What it sends before the answer, so that limits can differ, or in place of it.
STARTED, POINT, SOLVED, ANSWER = "started", "point", "solved", "answer"
OUT_OF_MEMORY, BROKE, TAMPERED = "out of memory", "broke", "tampered"
LEAVES = "leaves"  # it has started processes that may have to clear up after it


def child(out: Connection, prints: Connection, folder: str, job: Job, box: Box) -> None:
    """Sends (STARTED, None), (POINT, point), (SOLVED, fields unchecked), (ANSWER, fields of the
    record); or (BROKE, (message, log)), (TAMPERED, the same), (OUT_OF_MEMORY, None).
    What it finds is kept in `box` as well, what it prints goes to `prints`."""
    settle_in(prints, folder)
    limit_memory(job.memory)
    with threadpool_limits(1):
        _answer(out, lambda: run(job, out, box))


def rescue(out: Connection, prints: Connection, folder: str, job: Job, found: Found) -> None:
    """Sends the same of what a process that is no more had found: judged and checked anew."""
    settle_in(prints, folder)
    with threadpool_limits(1):
        _answer(out, lambda: judged_anew(job, found, out))


def _answer(out: Connection, work: Callable[[], dict[str, Any]]) -> None:
    """Sends what comes of the work, and waits for the end: the parent first has to see what else
    was started."""
    own = os.getpid()
    answer: Any
    try:
        answer = ANSWER, work()
    except Tampered as error:
        answer = TAMPERED, (str(error), "")
    except UserError as error:
        answer = BROKE, (str(error), "")
    except MemoryError:
        answer = OUT_OF_MEMORY, None
    except Exception as error:
        answer = BROKE, (one_line(error), whole_story())
    if os.getpid() != own:  # the solver has forked, and both came back
        os._exit(0)
    if has_children():
        let_go()
        out.send((LEAVES, None))
    out.send(answer)
    signal.pause()


def run(job: Job, out: Connection, box: Box) -> dict[str, Any]:
    """The fields of the record of one job."""
    load_plugins(job.plugins)
    built = solvers.registry.build(job.solver[0], **job.solver[1])
    if package := built.missing():
        lack = f"needs the package {package!r}: pip install {package}"
        return _refusal(lack, Stop.NOT_INSTALLED)
    problem = problems.registry.build(job.problem[0], **job.problem[1])
    solver = solvers.fitted(built, problem)
    instance = problem.admit(job.instance)
    if reason := solver.refuses(problem, instance):
        return _refusal(reason)
    if not job.asked and (reason := solver.abstains(problem, instance)):
        return _refusal(reason)
    original = Original(problem, instance)
    warm_up(problem, solver, instance)
    out.send((STARTED, None))
    return solve(problem, solver, original, job, Messenger(out, box))


def judged_anew(job: Job, found: Found, out: Connection) -> dict[str, Any]:
    """What a lost run's decision is worth, and its bound where the certificate proves it."""
    load_plugins(job.plugins)
    problem = problems.registry.build(job.problem[0], **job.problem[1])
    instance = problem.admit(job.instance)
    probe = solvers.open_probe(problem, instance, Budget(), rng_for("rescue", instance.digest))
    bound = found.point.bound if found.point is not None else None
    proof = found.proof
    if proof is None and bound is not None:
        proof = bound, Certificate("claim", {"by": job.solver[0]})
    try:
        if found.decision is not None:
            probe.offer(found.decision)
        if proof is not None:
            probe.bound(*proof)
    except BoundContradiction as error:
        return _refuted(probe, error)
    result = probe.certify(Claim())
    out.send((SOLVED, unchecked(result)))
    result, said = checked(problem, instance, result)
    return {**as_fields(result), **said}


def solve(
    problem: Problem, solver: Solver, original: Original, job: Job, messenger: "Messenger"
) -> dict[str, Any]:
    """Solves on the clock, then checks off the clock what was claimed."""
    instance = original.instance
    spend = job.evaluations or math.inf
    budget = Budget(seconds=job.seconds, evaluations=spend, seed=job.seed)
    rng = rng_for("solve", str(solver), instance.digest, job.seed)
    probe = solvers.open_probe(problem, instance, budget, rng, messenger)
    messenger.keeper.probe = probe
    extra: dict[str, Any] = {}
    used = cpu_seconds()
    try:
        result = probe.certify(solver.solve(problem, instance, probe))
    except BoundContradiction as error:
        original.check()
        return _refuted(probe, error)
    except MemoryError:
        raise  # nothing can be built on what is left: another process judges what was found
    except UserError as error:  # a sentence for the user: no class, no line
        result = probe.certify(Claim(stop=Stop.CRASHED, message=str(error)))
        extra = {"log": whole_story()}
    except Exception as error:
        result = probe.certify(Claim(stop=Stop.CRASHED, message=one_line(error)))
        extra = {"log": whole_story()}
    original.check()
    extra["cpu_seconds"] = cpu_seconds() - used
    messenger.out.send((SOLVED, {**unchecked(result), **extra}))
    result, said = checked(problem, instance, result)
    if result.stop is Stop.CRASHED and result.status is Status.UNKNOWN:
        result = replace(result, status=Status.ERROR)
    result = replace(result, details={**result.details, **solver.aside(problem)})
    return {**as_fields(result), **said, **extra, "peak_memory": peak_memory()}


class Messenger:
    """Keeps what is known, as it may be all that is left later; tells the parent of it, a few times
    a second, for those who watch."""

    def __init__(self, out: Connection, box: Box) -> None:
        self.out, self.keeper, self._told = out, Keeper(box), -math.inf

    def __call__(self, point: Point) -> None:
        self.keeper(point)
        now = time.perf_counter()
        if now - self._told >= TELL_EVERY:
            self._told = now
            self.out.send((POINT, point))


def unchecked(result: Result) -> dict[str, Any]:
    """The fields of the record should the check not end: the judge's word, and no bound."""
    found = result.status in (Status.OPTIMAL, Status.FEASIBLE)
    status = Status.FEASIBLE if found else Status.UNKNOWN
    if result.stop is Stop.CRASHED and not found:
        status = Status.ERROR
    bare = replace(result, status=status, bound=None, certificate=None)
    return {**as_fields(bare), "verdict": "feasible" if found else ""}


def checked(problem: Problem, instance: Instance, result: Result) -> tuple[Result, dict[str, Any]]:
    """The result with the bound and the status that the checker re-proved, and its verdict."""
    from toolkit.bench.verify import examine_result

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


def _refuted(probe: Probe, error: BoundContradiction) -> dict[str, Any]:
    """What the probe's books hold of a run that contradicts itself."""
    result = probe.certify(Claim(stop=Stop.CRASHED, message=str(error)))
    fields = as_fields(replace(result, status=Status.ERROR))
    return {**fields, "verdict": "refuted", "reason": str(error)}


def _refusal(reason: str, stop: Stop = Stop.REFUSED) -> dict[str, Any]:
    return {"status": str(Status.REFUSED), "stop": str(stop), "message": reason}
