"""Runs cases, each in a process of its own that is killed when it does not end by itself."""

import contextlib
import multiprocessing as mp
import os
import signal
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing import forkserver
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from toolkit.instances import Instance
from toolkit.problems import Problem
from toolkit.reports.record import FAILED, Record
from toolkit.solvers import Point, Stop

from ._case import Case
from ._signals import STOPPING, delayed, handled_by
from ._worker import STARTED, as_row, child

# Seconds that a process may spend before its solver's clock starts (imports, first compilation),
# on the clock beyond its limit, and on the check of its certificate.
START, GRACE, SLACK, CHECK = 240.0, 1.25, 5.0, 120.0
TICK = 0.25
SOLVING = "was solving"
LOG_TAIL = 4000  # characters kept of what a solver printed
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
)
PRELOAD = ("toolkit.bench._worker", "toolkit.bench.verify", "numba", "scipy.optimize")

Tick = Callable[[Sequence[str]], None]


@dataclass(eq=False)
class _Running:
    """One process at work."""

    case: Case
    process: Any
    pipe: Connection
    log: Path
    deadline: float
    begun: float
    phase: str = "was starting up"
    points: list[Point] = field(default_factory=list)
    answer: dict[str, Any] | None = None  # what was solved, while its certificate is checked

    @property
    def news(self) -> str:
        """What it does, in a few words."""
        seconds = f"{self.case.label} {time.monotonic() - self.begun:.0f} s"
        last = self.points[-1] if self.points else None
        share = f" {last.done:.0%}" if last and last.done is not None else ""
        best = f" best {last.objective:.6g}" if last and last.objective is not None else ""
        return seconds + share + best

    def enter(self, phase: str, seconds: float) -> None:
        self.phase, self.deadline = phase, time.monotonic() + seconds

    def end(self) -> None:
        """Kills the process and whatever it started, and waits until it is gone."""
        with contextlib.suppress(ProcessLookupError):  # no group yet, or none any more
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.kill()
        self.process.join()
        self.pipe.close()


def start_server(cases: Iterable[Case]) -> Any:
    """Starts the process that cases are forked from: one thread, what they share imported."""
    context = mp.get_context("forkserver")
    backends = {name for case in cases for name in case.solver.backends}
    context.set_forkserver_preload([*PRELOAD, *sorted(backends - set(PRELOAD))])
    before = dict(os.environ)
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    try:
        # Signals go to the whole group: the server and its children leave them to this process.
        with handled_by(signal.SIG_IGN, *STOPPING):
            forkserver.ensure_running()
    finally:
        os.environ.clear()
        os.environ.update(before)
    return context


def run_cases(cases: Iterable[Case], jobs: int = 1, tick: Tick | None = None) -> Iterator[Record]:
    """Yields the record of every case as it ends, `jobs` at once; kills the rest when closed.

    `tick` is told several times a second what is running.
    """
    waiting = deque(cases)
    if not waiting:
        return
    context = start_server(waiting)
    running: list[_Running] = []
    with tempfile.TemporaryDirectory(prefix="mec-bench-") as folder:
        try:
            while waiting or running:
                while waiting and len(running) < jobs:
                    with delayed():  # a process is either not started, or known to be running
                        running.append(_start(context, waiting.popleft(), Path(folder)))
                if tick is not None:
                    tick([item.news for item in running])
                for item, record in _poll(running):
                    running.remove(item)
                    yield record
        finally:
            for item in running:
                item.end()


def _start(context: Any, case: Case, folder: Path) -> _Running:
    ours, theirs = context.Pipe()
    log = folder / f"{case.key}.log"
    process = context.Process(target=child, args=(case.job, theirs, str(log)), daemon=True)
    process.start()
    theirs.close()
    now = time.monotonic()
    return _Running(case, process, ours, log, now + START, now)


def _poll(running: list[_Running]) -> list[tuple[_Running, Record]]:
    """Waits until a process says something or is overdue; the records of those that ended."""
    now = time.monotonic()
    patience = max(0.0, min(item.deadline for item in running) - now)
    ready = set(wait([item.pipe for item in running], timeout=min(patience, TICK)))
    ended = []
    for item in running:
        record = None
        if item.pipe in ready:
            record = _hear(item)
        elif time.monotonic() > item.deadline:
            record = _killed(item)
        if record is not None:
            ended.append((item, record))
    return ended


def _hear(item: _Running) -> Record | None:
    """Takes one message; the record where it was the last one."""
    try:
        message = item.pipe.recv()
    except (EOFError, OSError):
        return _died(item)
    if isinstance(message, Point):
        item.points.append(message)
    elif message == STARTED:
        item.enter(SOLVING, GRACE * item.case.seconds + SLACK)
    elif isinstance(message, tuple):  # SOLVED, and the answer unless the check says more
        item.answer = message[1]
        item.enter("was having its certificate checked", CHECK)
    else:
        item.end()
        return make_record(item.case, **_with_log(item, message))
    return None


def _killed(item: _Running) -> Record:
    """The record of a process that had to be stopped."""
    item.end()
    if item.answer is not None:
        return _uncertified(item, item.answer, f"did not end within {CHECK:g} s")
    after = time.monotonic() - item.begun
    message = f"killed after {after:.1f} s: it {item.phase} and did not stop by itself"
    if item.phase == SOLVING:
        message += f"; its limit was {item.case.seconds:g} s"
    if item.points and item.points[-1].objective is not None:
        message += f"; the best that it had reported was {item.points[-1].objective:.8g}"
    return _failed(item, Stop.KILLED, message)


def _uncertified(item: _Running, answer: dict[str, Any], how: str) -> Record:
    """The record of a run whose answer stands, but not its bound: the check did not end well."""
    reason = f"the check of its certificate {how}; its bound is dropped"
    said = f"{answer['message']}; {reason}" if answer["message"] else reason
    details = {**answer["details"], "note": reason}
    fields = {**answer, "message": said, "reason": reason, "details": details}
    return make_record(item.case, **_with_log(item, fields))


def _died(item: _Running) -> Record:
    """The record of a process that ended without an answer."""
    item.process.join(5.0)
    code = item.process.exitcode
    item.end()
    how = f"exit code {code}"
    if code is not None and code < 0:
        with contextlib.suppress(ValueError):
            how = signal.Signals(-code).name
    if item.answer is not None:
        return _uncertified(item, item.answer, f"died ({how})")
    return _failed(item, Stop.CRASHED, f"the process died ({how}) while it {item.phase}")


def _failed(item: _Running, stop: Stop, message: str) -> Record:
    fields = {
        "status": FAILED,
        "stop": str(stop),
        "message": message,
        "wall": time.monotonic() - item.begun,
        "trace": [as_row(point) for point in item.points],
        "evaluations": item.points[-1].evaluations if item.points else 0,
    }
    return make_record(item.case, **_with_log(item, fields))


def _with_log(item: _Running, fields: dict[str, Any]) -> dict[str, Any]:
    """The fields, with the end of what the process printed in front of its traceback."""
    printed = item.log.read_text(errors="replace") if item.log.exists() else ""
    item.log.unlink(missing_ok=True)
    return {**fields, "log": printed[-LOG_TAIL:] + fields.get("log", "")}


def make_record(case: Case, **fields: Any) -> Record:
    """The record of a case."""
    problem, instance, solver = case.problem, case.instance, case.solver
    return Record(
        key=case.key,
        problem=problem.name,
        version=problem.version,
        preset=case.preset,
        n_users=problem.users(instance.data),
        problem_params=problem.params,
        instance=instance.name,
        digest=instance.digest,
        sense=problem.sense,
        solver=solver.name,
        params=solver.params,
        label=case.label,
        seed=case.seed,
        limits={"seconds": case.seconds, "evaluations": case.evaluations},
        environment=case.environment,
        about=_about(problem, instance),
        **fields,
    )


def _about(problem: Problem, instance: Instance) -> dict[str, Any]:
    """What the problem has to say; nothing where it says nothing."""
    told = {
        "instance": problem.about(instance.data),
        "objective": problem.measure,
        "terms": dict(problem.shown),
    }
    return {key: value for key, value in told.items() if value}
