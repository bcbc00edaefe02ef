"""One run in a process of its own: what it tells, the limits it is held to, how it ends.

A run whose process is lost keeps what it had found: another process judges the decision anew and
re-proves the bound, as nothing counts that only the solver has said.
"""

import contextlib
import math
import os
import shutil
import signal
import time
from collections.abc import Sequence
from dataclasses import replace
from multiprocessing.connection import wait
from typing import Any

from toolkit.bench._cases._case import Job
from toolkit.reports.record import FAILED
from toolkit.solvers import Point, Stop

from . import _worker
from ._box import Box, Found
from ._fields import improvements, mega, one_line, sound, sound_point
from ._places import new_folder
from ._printed import LOG_TAIL, Printed
from ._processes import Family, alive
from ._server import Server
from ._worker import ANSWER, BROKE, LEAVES, OUT_OF_MEMORY, POINT, SOLVED, STARTED, TAMPERED
from ._yardstick import HERE

# Seconds that a process may spend before its solver's clock starts (imports, first compilation),
# on the clock beyond its limit, and on the check of its certificate.
START, GRACE, SLACK, CHECK = 240.0, 1.25, 5.0, 120.0
TICK = 0.1
BEGINS = 4  # how often a run is begun, as its server may die
STARTING, SOLVING, CHECKING = "was starting up", "was solving", "was having its certificate checked"

Fields = dict[str, Any]  # of a record


class Attempt:
    """A job at work."""

    def __init__(self, server: Server, job: Job, label: str) -> None:
        self._server, self._job, self.label = server, job, label
        self._yardstick = HERE.seconds()
        self.begun = time.monotonic()
        self._load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
        self._points: list[Point] = []
        self._log = ""
        self._used = 0.0  # seconds of processor while it was solving, all its processes
        self._leaves = False  # whether what it started may have to clear up after it
        self._begins = 1
        self._lost: Fields | None = None  # the run's own record, while what it left is judged
        self._most = job.memory or job.ceiling or math.inf
        self._look_at = 0.0
        self._enter(STARTING, START)
        self._box = Box()
        self._launch(_worker.child, self._job, self._box)

    def _launch(self, target: Any, *args: Any) -> None:
        self._answer: Fields | None = None  # what was solved, while its certificate is checked
        self._pipe, theirs = self._server.pipe()
        self._server.impatient(self._pipe)
        listening, prints = self._server.pipe(duplex=False)
        self._printed = Printed(listening)
        self._folder = new_folder()
        self._process = self._server.start(target, theirs, prints, self._folder, *args)
        theirs.close()
        prints.close()
        self._family = Family(self._process.pid)
        self._family.measure()  # it may be gone before there is time for another look
        self._origin = self._server.origin

    @property
    def sources(self) -> list[Any]:
        """What to wait for; a pipe does not tell of the end of a process whose children hold it."""
        prints = [self._printed.pipe] if self._printed.open else []
        return [self._pipe, self._process.sentinel, *prints]

    @property
    def news(self) -> str:
        """What it does, in a few words."""
        seconds = f"{self.label} {time.monotonic() - self.begun:.0f} s"
        last = self._points[-1] if self._points else None
        share = f" {last.done:.0%}" if last and last.done is not None else ""
        best = f" best {last.objective:.6g}" if last and last.objective is not None else ""
        return seconds + share + best

    def step(self, ready: set[Any]) -> Fields | None:
        """Hears what there is to hear and looks at the limits; its record's fields at the end."""
        held = 0
        if time.monotonic() >= self._look_at:
            self._look_at = time.monotonic() + TICK
            self._server.wake()
            held = self._family.measure()
        if self._printed.pipe in ready:
            self._printed.read()
        if self._pipe in ready:
            return self._hear()
        if self._process.sentinel in ready:
            return self._died()
        if time.monotonic() > self._deadline:
            return self._overdue()
        return self._too_large(held) if held > self._most else None

    def end(self) -> None:
        """Kills the process and whatever it started, and waits until all are gone."""
        with contextlib.suppress(OSError):  # where an error has ended all, it may be half ended
            self._stop()
            self._box.close()

    def _enter(self, phase: str, seconds: float) -> None:
        self._phase, self._deadline = phase, time.monotonic() + seconds

    def _stop(self, died: bool = False, gently: bool = False) -> None:
        self._family.kill(gently)
        self._process.kill()
        self._server.bury(self._process, orphans=died)
        self._pipe.close()
        self._log += self._printed.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _hear(self) -> Fields | None:
        """Takes one message."""
        try:
            kind, content = self._pipe.recv()
            if kind in (SOLVED, ANSWER):
                content = sound(content)
            elif kind == POINT:
                content = sound_point(content)
            elif kind in (BROKE, TAMPERED):
                message, log = map(str, content)
        except BlockingIOError:
            return self._broke("it began to tell something and did not go on", "")
        except (EOFError, OSError):
            return self._died()
        except Exception as error:  # others have written into the pipe, or a solver forged it
            return self._broke(f"what came of it cannot be used: {one_line(error)}", "")
        if kind == POINT:
            self._points.append(content)
        elif kind == STARTED:
            self._family.start_clock()
            self._enter(SOLVING, GRACE * self._job.seconds + SLACK)
        elif kind == LEAVES:
            self._leaves = True
        elif kind == OUT_OF_MEMORY:
            return self._starved()
        elif kind in (BROKE, TAMPERED):
            return self._broke(message, log, trusted=kind == BROKE)
        elif kind == SOLVED:  # and the answer, unless the check says more
            self._family.measure()
            self._answer, self._used = content, self._family.cpu_seconds
            self._enter(CHECKING, CHECK)
        elif kind == ANSWER:
            self._stop(gently=self._leaves)
            return self._done(content)
        return None

    # How it can end.

    def _done(self, fields: Fields) -> Fields:
        """The record of a process that came to an end; of a lost one with what it had left."""
        if self._lost is not None:
            fields = _rescued(fields, self._lost)
        else:
            peak = max(self._family.peak, fields.get("peak_memory", 0))
            fields = {**fields, "peak_memory": peak or None}
            if (used := fields.get("cpu_seconds")) is not None:
                fields["cpu_seconds"] = max(used, self._used)
        self._box.close()
        log = self._log[-2 * LOG_TAIL :] + fields.get("log", "")
        return {**fields, "load": self._load, "yardstick": self._yardstick, "log": log}

    def _overdue(self) -> Fields | None:
        self._stop()
        if self._answer is not None:
            return self._uncertified(f"did not end within {CHECK:g} s")
        after = time.monotonic() - self.begun
        message = f"killed after {after:.1f} s: it {self._phase} and did not stop by itself"
        if self._phase == SOLVING:
            message += f"; its limit was {self._job.seconds:g} s"
        return self._lose(Stop.KILLED, message, "SIGKILL")

    def _too_large(self, held: int) -> Fields | None:
        self._stop()
        if self._answer is not None:
            return self._uncertified(f"held {mega(held)} of memory")
        whose = "its limit was" if self._job.memory else "its share of this machine is"
        message = f"killed with {mega(held)} of memory while it {self._phase}"
        return self._lose(Stop.MEMORY, f"{message}; {whose} {mega(self._most)}", "SIGKILL")

    def _starved(self) -> Fields | None:
        self._family.measure()
        self._stop()
        if self._answer is not None:
            return self._uncertified("ran out of memory")
        limit = f"; its limit was {mega(self._job.memory)}" if self._job.memory else ""
        return self._lose(Stop.MEMORY, f"it asked for more memory than there is{limit}")

    def _broke(self, message: str, log: str, trusted: bool = True) -> Fields | None:
        """It went wrong outside the solver, or left what is no answer; what it judged may be worth
        nothing."""
        self._stop()
        self._log += log
        if self._answer is not None:
            return self._uncertified(f"went wrong ({message})")
        return self._lose(Stop.CRASHED, message, trusted=trusted)

    def _died(self) -> Fields | None:
        self._process.join(5.0)
        code = self._process.exitcode
        self._stop(died=True)
        if self._answer is None and self._origin is not None and not alive(self._origin):
            return self._orphaned()
        name = ""
        if code is not None and code < 0:
            with contextlib.suppress(ValueError):
                name = signal.Signals(-code).name
        how = name or f"exit code {code}"
        if self._answer is not None:
            return self._uncertified(f"died ({how})")
        message = f"the process died ({how}) while it {self._phase}"
        return self._lose(Stop.CRASHED, message, name)

    def _orphaned(self) -> Fields | None:
        """The server has died, and took with it what it had started: that begins anew."""
        if self._lost is not None or self._begins == BEGINS:
            ends = "the server that runs are started by has died, again and again, and this with it"
            return self._lose(Stop.KILLED, ends)
        self._begins, self._log = self._begins + 1, ""
        self._points.clear()
        self._box.close()
        self._box = Box()
        self._enter(STARTING, START)
        self._launch(_worker.child, self._job, self._box)
        return None

    def _uncertified(self, how: str) -> Fields:
        """The record of a run whose answer stands, but not its bound: the check ended badly."""
        assert self._answer is not None
        fields = self._answer
        reason = f"the check of its certificate {how}; its bound is dropped"
        said = f"{fields['message']}; {reason}" if fields["message"] else reason
        details = {**fields.get("details", {}), "note": reason}
        return self._done({**fields, "message": said, "reason": reason, "details": details})

    def _lose(
        self, stop: Stop, message: str, signal_name: str = "", trusted: bool = True
    ) -> Fields | None:
        """Has what a lost run left judged by another process; its record where it left nothing."""
        if self._lost is not None:  # the other process is lost, too: what was left is unusable
            return self._done({"status": FAILED})
        found = self._box.open()
        if not trusted:
            found = Found(decision=found.decision)
            self._points.clear()
        last = found.point or (self._points[-1] if self._points else None)
        rows = improvements([*self._points, *([last] if last is not None else [])])
        if last is not None and last.objective is not None:
            message += f"; the best that it had reported was {last.objective:.8g}"
        self._lost = {
            "stop": str(stop),
            "signal": signal_name,
            "message": message,
            "wall": time.monotonic() - self.begun,
            "seconds": last.seconds if last is not None else 0.0,
            "peak_memory": self._family.peak or None,
            "cpu_seconds": self._family.cpu_seconds if self._phase == SOLVING else None,
            "trace": rows,
            "evaluations": last.evaluations if last is not None else 0,
        }
        if not _worth(found):
            return self._done({"status": FAILED})
        self._job = replace(self._job, memory=None)
        self._enter(STARTING, START)
        self._launch(_worker.rescue, self._job, found)
        return None


def poll(running: Sequence[Attempt]) -> list[tuple[Attempt, Fields]]:
    """Waits a moment for news; the attempts that ended, with the fields of their records."""
    ready = set(wait([source for item in running for source in item.sources], timeout=TICK))
    steps = ((item, item.step(ready)) for item in running)
    return [(item, fields) for item, fields in steps if fields is not None]


def _worth(found: Found) -> bool:
    claimed = found.point is not None and found.point.bound is not None
    return found.decision is not None or found.proof is not None or claimed


def _rescued(fields: Fields, lost: Fields) -> Fields:
    """What another process found of what a lost run had left, and how that run ended."""
    known = fields.get("status") in ("optimal", "feasible", "infeasible")
    refuted = fields.get("verdict") == "refuted"
    message = f"{lost['message']}; {fields['message']}" if refuted else lost["message"]
    status = fields["status"] if known else FAILED
    return {**fields, **lost, "status": status, "message": message}
