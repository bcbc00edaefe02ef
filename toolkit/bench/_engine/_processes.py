"""A process and all that it started: what they hold, what they used, and their end."""

import contextlib
import ctypes
import glob
import os
import signal
import sys
import time
from collections.abc import Iterable
from multiprocessing.connection import Connection
from pathlib import Path

import psutil

from ._places import remove

FAMILY_EVERY = 0.5  # seconds between two looks for what the process has started
GUARD_EVERY = 2.0  # seconds between two of the guard's
MOMENT = 0.5  # seconds
ROUNDS = 20  # of killing what was started while others were being killed
SET_CHILD_SUBREAPER = 36  # of prctl(2)
Gone = (psutil.NoSuchProcess, psutil.AccessDenied)


def adopt_orphans() -> None:
    """From now on, what descends from this process and loses its parent becomes its child (Linux
    only): a process that made itself independent can still be found."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(SET_CHILD_SUBREAPER, 1, 0, 0, 0)


class Family:
    """A process of ours, and its descendants, as far as they were seen."""

    def __init__(self, pid: int) -> None:
        self._known: dict[int, psutil.Process] = {}
        self._looked, self._used, self._before = time.monotonic(), 0.0, 0.0
        self.peak = 0  # bytes
        with contextlib.suppress(*Gone):
            self._known[pid] = psutil.Process(pid)
        self._pid = pid

    def measure(self) -> int:
        """The bytes that they hold now; memory that they share counts once where they are several.

        A look costs 0.03 ms a process, and 2 ms twice a second for the descendants.
        """
        if time.monotonic() - self._looked >= FAMILY_EVERY:
            self._meet()
        living, used, held = list(self._known.values()), 0.0, 0
        for process in living:
            with contextlib.suppress(*Gone):
                times = process.cpu_times()
                used += times.user + times.system + times.children_user + times.children_system
                held += _held(process, alone=len(living) == 1)
        self._used, self.peak = max(self._used, used), max(self.peak, held)
        return held

    def start_clock(self) -> None:
        """What was used before this does not count."""
        self.measure()
        self._before = self._used

    @property
    def cpu_seconds(self) -> float:
        """Of processor, since the clock was started, at the last look."""
        return max(0.0, self._used - self._before)

    def kill(self, gently: bool = False) -> None:
        """Ends all of them: first the process is halted, so that it can start no others. Gently, it
        is ended alone first: those who keep an eye on it (Python's trackers of semaphores and of
        shared memory) then have a moment to clear up after it."""
        head = self._known.get(self._pid)
        if gently and head is not None:
            self._meet()
            kill([head])
            psutil.wait_procs([p for p in self._known.values() if p is not head], timeout=MOMENT)
        if head is not None:
            with contextlib.suppress(*Gone):
                head.send_signal(signal.SIGSTOP)
        for _ in range(ROUNDS):
            self._meet()
            rest = [p for pid, p in self._known.items() if pid != self._pid and alive(p)]
            if not rest:
                break
            kill(rest)
        with contextlib.suppress(ProcessLookupError, PermissionError):  # no group yet, or no more
            os.killpg(self._pid, signal.SIGKILL)
        kill([head] if head is not None else [])

    def _meet(self) -> None:
        self._looked = time.monotonic()
        for process in [*self._known.values()]:
            if not process.is_running():  # another process may have its number by now
                del self._known[process.pid]
        with contextlib.suppress(*Gone):
            if self._pid in self._known:
                for child in self._known[self._pid].children(recursive=True):
                    self._known.setdefault(child.pid, child)


def has_children() -> bool:
    """Whether this process has any; the system's own lists are a hundred times faster to look at
    than all processes are."""
    try:
        lists = [Path(path).read_text() for path in glob.glob("/proc/self/task/*/children")]
    except OSError:
        lists = []
    return any(map(str.strip, lists)) if lists else bool(psutil.Process().children())


def kill(processes: Iterable[psutil.Process]) -> None:
    """Kills what is still there."""
    for process in processes:
        with contextlib.suppress(*Gone):
            process.kill()


def kill_orphans(server: int, ours: Iterable[int]) -> None:
    """Kills what dead cases have left to the server: its children that are not `ours`, in sessions
    of their own. (Who else in our process has it fork workers, has them in the server's.)"""
    known = set(ours)
    with contextlib.suppress(*Gone, ProcessLookupError):
        session = os.getsid(server)
        for child in psutil.Process(server).children():
            if child.pid not in known and os.getsid(child.pid) != session:
                kill([*child.children(recursive=True), child])


def server_above(process: int, owner: int) -> psutil.Process | None:
    """The server that started a process, itself a child of `owner`; None where that is gone.

    Whoever has adopted the process then (a session, a container's first process) is none of ours.
    """
    with contextlib.suppress(*Gone):
        parent = psutil.Process(process).parent()
        if parent is not None and parent.ppid() == owner:
            return parent
    return None


def guard(pipe: Connection, folders: tuple[str, ...], owner: int) -> None:
    """Waits for the end of the process that holds the other end of the pipe, or of the server that
    this process is a child of; then ends the server and all that descends from it, and removes the
    folders where the holder is gone. A solver that hangs in C code could not do so by itself,
    whatever thread it has.

    What descends from the server is looked for while that lives: whoever adopts its children is
    none of ours.
    """
    server = server_above(os.getpid(), owner)
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # how Python ends what is left when it ends
    if server is None:
        return
    known: set[psutil.Process] = set()
    with contextlib.suppress(EOFError, OSError):
        while server.is_running() and not pipe.poll(GUARD_EVERY):
            with contextlib.suppress(*Gone):
                server.send_signal(signal.SIGCONT)  # who asks it for a process cannot, but waits
                known = set(server.children(recursive=True))
    with contextlib.suppress(*Gone):
        server.send_signal(signal.SIGSTOP)
    for _ in range(ROUNDS):
        with contextlib.suppress(*Gone):
            known |= set(server.children(recursive=True))
        if not (rest := [p for p in known if p.pid != os.getpid() and alive(p)]):
            break
        kill(rest)
    kill([server])
    with contextlib.suppress(EOFError, OSError):
        if not pipe.poll():
            return  # who holds the other end lives
        pipe.recv()
    remove(folders)


def machine_memory() -> int:
    """Bytes of this machine, or of the control group that it lets us use."""
    total = int(psutil.virtual_memory().total)
    for file in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with contextlib.suppress(OSError, ValueError), open(file) as text:
            total = min(total, int(text.read()))
    return total


def alive(process: psutil.Process) -> bool:
    with contextlib.suppress(*Gone):
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    return False


def _held(process: psutil.Process, alone: bool) -> int:
    """Resident bytes; of one among several its share of what they have in common."""
    if not alone:
        with contextlib.suppress(AttributeError, *Gone):
            return int(process.memory_full_info().pss)
    return int(process.memory_info().rss)
