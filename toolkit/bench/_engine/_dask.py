"""Runs cases on the workers of a Dask cluster, each in a process of its own beside its worker.

A worker that dies takes its case with it, which Dask then gives to another one; what a worker
computed is told to the scheduler and to the driver, who alone writes the store.
"""

import contextlib
import functools
import math
import platform
import queue
import signal
import sys
import time
import uuid
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from toolkit import problems, solvers
from toolkit.bench._cases._case import (
    ALWAYS,
    Case,
    Job,
    brought_digests,
    environment,
    file_digest,
    source_digest,
    versions,
)
from toolkit.bench._cases._plugins import load_plugins
from toolkit.errors import UserError
from toolkit.reports.record import FAILED
from toolkit.solvers import Stop

from ._attempt import TICK, Attempt, Fields, poll
from ._executor import Halted, Records, Tick, make_record
from ._local import SHARE
from ._processes import machine_memory
from ._server import Server
from ._signals import STOPPING, handled_by

BACKLOG = 3  # cases that wait at the scheduler for each that can run
CONNECT = 10.0  # seconds
INSTALLED = "what installed packages bring"
ASK_EVERY = 1.0  # seconds between two looks whether a case is still wanted


@dataclass(frozen=True)
class Dask:
    """The executor of a cluster: that of a scheduler, or one of `jobs` processes made here."""

    jobs: int = 1
    scheduler: str | None = None

    def run(
        self, cases: Iterable[Case], tick: Tick | None = None, halted: Halted = lambda: False
    ) -> Records:
        waiting = deque(cases)
        if not waiting:
            return
        with self._client() as client:
            yield from _Study(client, waiting, self._ceiling(), halted).run(tick)

    def _ceiling(self) -> int | None:
        """Bytes of a run, where the workers are on this machine."""
        return None if self.scheduler else int(SHARE * machine_memory() / self.jobs)

    @contextlib.contextmanager
    def _client(self) -> Iterator[Any]:
        """A client of the cluster; a cluster made here ends with it."""
        distributed = _distributed()
        with contextlib.ExitStack() as stack:
            address: Any = self.scheduler
            if address is None:
                with handled_by(signal.SIG_IGN, *STOPPING):  # the workers leave Ctrl-C to us
                    address = stack.enter_context(
                        distributed.LocalCluster(
                            n_workers=self.jobs,
                            threads_per_worker=1,
                            memory_limit=0,
                            dashboard_address=None,
                        )
                    )
            try:
                client = stack.enter_context(distributed.Client(address, timeout=CONNECT))
            except (OSError, ValueError) as error:
                raise UserError(
                    f"No scheduler answers at {self.scheduler!r} ({' '.join(str(error).split())}); "
                    "give the address that it has printed, such as tcp://127.0.0.1:8786."
                ) from None
            yield client


class _Study:
    """Cases on their way to the workers, and records on their way back."""

    def __init__(
        self, client: Any, waiting: deque[Case], ceiling: int | None, halted: Halted
    ) -> None:
        self._client, self._waiting, self._ceiling = client, waiting, ceiling
        self._halted = halted
        self._out: dict[str, tuple[Case, Any]] = {}  # by the task's key; its future
        self._done: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._stamps: dict[tuple[str, ...], dict[str, Any]] = {}
        self._slots, self._counted, self._recalled = 0, -math.inf, False
        self._name = uuid.uuid4().hex[:8]  # another driver may have the same case run

    def run(self, tick: Tick | None) -> Records:
        self._meet()
        try:
            while (self._waiting and not self._halted()) or self._out:
                room = BACKLOG * self._count()
                while self._waiting and len(self._out) < room and not self._halted():
                    self._submit(self._waiting.popleft())
                if self._halted() and not self._recalled:
                    self._recall()
                if tick is not None:
                    tick([f"{len(self._out)} cases handed to {self._count()} workers"])
                yield from self._heard()
        finally:
            self._client.cancel([future for _, future in self._out.values()], force=True)

    def _meet(self) -> None:
        """Waits for the first worker, and refuses workers that would compute other numbers."""
        if not self._count():
            print("Waiting for a worker of the cluster.", file=sys.stderr)
        while not self._count():
            time.sleep(TICK)
        mine = stamp(self._waiting[0].plugins, _backends(self._waiting))
        theirs = self._client.run(stamp, self._waiting[0].plugins, _backends(self._waiting))
        for address, other in theirs.items():
            if difference := differs(mine, other):
                raise UserError(f"The worker {address} would compute other numbers: {difference}.")

    def _count(self) -> int:
        """How many cases can run at once; workers come and go."""
        if time.monotonic() - self._counted >= ASK_EVERY:
            workers = self._client.scheduler_info(-1)["workers"].values()
            self._slots = sum(worker["nthreads"] for worker in workers)
            self._counted = time.monotonic()
        return self._slots

    def _submit(self, case: Case) -> None:
        key = f"mec-{self._name}-{case.key}"
        job = replace(case.job, ceiling=self._ceiling)
        backends = case.solver.backends
        if backends not in self._stamps:
            self._stamps[backends] = stamp(case.plugins, backends)
        mine = {**self._stamps[backends], INSTALLED: brought_digests(case.problem, case.solver)}
        future = self._client.submit(run_here, job, case.label, mine, key=key, pure=False)
        self._out[key] = case, future
        future.add_done_callback(lambda done: self._done.put(done.key))

    def _heard(self) -> Records:
        """Waits a moment for a case to end; the records of all that have."""
        with contextlib.suppress(queue.Empty):
            key = self._done.get(timeout=TICK)
            while True:
                if key in self._out:
                    case, future = self._out.pop(key)
                    yield make_record(case, **_fields(case, future))
                key = self._done.get_nowait()

    def _recall(self) -> None:
        """Takes back what no worker has begun; a worker has more than it can run at once."""
        self._recalled = True
        begun = {key for keys in self._client.run(_executing).values() for key in keys}
        for key in [key for key in self._out if key not in begun]:
            self._out.pop(key)[1].cancel()


def _fields(case: Case, future: Any) -> Fields:
    """What a task came to: a case whose workers died one after the other is a row, too."""
    if future.status == "finished":
        fields: Fields = future.result()
        return fields
    if future.status != "error":
        raise UserError("The scheduler is gone; the same command goes on where it was.")
    error = future.exception()
    said = " ".join(str(error).split())
    message = f"no worker could run it: {type(error).__name__}: {said}"
    return {"status": FAILED, "stop": str(Stop.KILLED), "message": message}


# What runs on a worker.


def run_here(job: Job, label: str, wanted: dict[str, Any]) -> Fields:
    """The fields of a record, with the environment that the worker gives to its runs."""
    from distributed import get_worker

    worker = get_worker()
    try:
        load_plugins(job.plugins)
        solver = solvers.registry.build(job.solver[0], **job.solver[1])
        problem = problems.registry.build(job.problem[0], **job.problem[1])
    except UserError as error:
        message = f"the worker {worker.address} cannot run it: {error}"
        return {"status": FAILED, "stop": str(Stop.CRASHED), "message": message}
    mine = {**stamp(job.plugins, solver.backends), INSTALLED: brought_digests(problem, solver)}
    if difference := differs(wanted, mine):
        message = f"the worker {worker.address} would compute other numbers: {difference}"
        return {"status": FAILED, "stop": str(Stop.CRASHED), "message": message}
    if job.ceiling is None and (most := worker.memory_manager.memory_limit):
        job = replace(job, ceiling=int(most / worker.state.nthreads))
    attempt = Attempt(_server(), job, label)
    return {"environment": environment(worker.state.nthreads, solver), **_followed(attempt, worker)}


def _executing(dask_worker: Any) -> list[str]:
    """The keys of what a worker is at."""
    return [task.key for task in dask_worker.state.executing]


def _followed(attempt: Attempt, worker: Any) -> Fields:
    """The attempt's fields; it is killed where nobody waits for them any more."""
    key, asked = worker.get_current_task(), time.monotonic()
    while True:
        for _, fields in poll([attempt]):
            return fields
        if time.monotonic() - asked >= ASK_EVERY:
            asked = time.monotonic()
            task = worker.state.tasks.get(key)
            if task is None or task.state != "executing":
                attempt.end()
                return {"status": FAILED, "stop": str(Stop.KILLED), "message": "called off"}


@functools.cache
def _server() -> Server:
    return Server()


def stamp(plugins: tuple[str, ...], backends: tuple[str, ...]) -> dict[str, Any]:
    """What must be the same on two machines for their numbers to be."""
    return {
        "the toolkit's sources": source_digest(),
        "Python": platform.python_version(),
        **versions((*ALWAYS, *backends)),
        **{plugin: _digest(plugin) for plugin in plugins},
    }


def _digest(plugin: str) -> str:
    """Of a file that need not be on every machine."""
    try:
        return file_digest(Path(plugin))
    except UserError:
        return "not to be read"


def differs(one: dict[str, Any], other: dict[str, Any]) -> str:
    """The first thing in which two stamps differ, as words; empty where they are the same."""
    for name, mine in one.items():
        if other.get(name) != mine:
            return f"{name} is {other.get(name)!r} there and {mine!r} here"
    return ""


def _backends(cases: Iterable[Case]) -> tuple[str, ...]:
    return tuple(sorted({name for case in cases for name in case.solver.backends}))


def _distributed() -> Any:
    """The package; UserError with the command that brings it."""
    try:
        import distributed
    except ImportError:
        raise UserError(
            "--executor dask needs the package 'distributed': pip install 'mec-toolkit[dask]'."
        ) from None
    return distributed
