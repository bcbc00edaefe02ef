"""What a process does to itself before it runs a case, and what it can tell of itself after it."""

import atexit
import faulthandler
import multiprocessing as mp
import os
import resource
import signal
import sys
import tempfile
from multiprocessing.connection import Connection

import psutil

from ._processes import adopt_orphans
from ._signals import ENDING

FAREWELL = 5.0  # seconds
ROOM = 1.5  # times the limit on resident memory is that on what a process may write to


def cpu_seconds() -> float:
    """Of processor, by this process and by those that it started and that are no more."""
    of = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(used.ru_utime + used.ru_stime for used in of)


def peak_memory() -> int:
    """Bytes, the most that this process has held so far."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def settle_in(prints: Connection, folder: str) -> None:
    """Makes this process one that nothing outlives, and that disturbs nobody: its temporary files
    go into `folder`."""
    os.environ["TMPDIR"] = tempfile.tempdir = folder
    # The system's own way to start processes: a cluster's worker would pass on another.
    mp.set_start_method(None, force=True)
    # Python forbids daemons to have children, as those would outlive them; here nothing does.
    mp.current_process()._config["daemon"] = False  # type: ignore[attr-defined]
    os.setsid()  # what the solver starts belongs to this process's group and ends with it
    adopt_orphans()  # or, where it leaves the group, is found by its descent
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's business
    for ends in ENDING:  # what it starts inherits them, and has to heed them
        signal.signal(ends, signal.SIG_DFL)
    for number in (1, 2):  # C libraries print there, too
        os.dup2(prints.fileno(), number)
    prints.close()
    faulthandler.enable()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # no file of a crash's whole memory


def let_go() -> None:
    """Has what this process started end in its own way, as it would where Python ends: whoever is
    killed leaves semaphores and shared memory. It has some seconds for that."""

    def enough(*_: object) -> None:
        raise TimeoutError

    signal.signal(signal.SIGALRM, enough)
    signal.setitimer(signal.ITIMER_REAL, FAREWELL)
    try:
        atexit._run_exitfuncs()
    except Exception:  # also of those who say farewell
        pass
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)


def limit_memory(most: int | None) -> None:
    """What could never fit is refused at once, as MemoryError: the parent, who watches what is
    resident, might see it late. (Address space tells nothing: compilers reserve much of it.)

    There is room above the limit, so that what grows in small pieces is found by the parent.
    """
    if most is not None and sys.platform == "linux":
        most = int(ROOM * most) + psutil.Process().memory_info().data
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))
