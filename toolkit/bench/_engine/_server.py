"""The process that cases are forked from: one thread, what they share imported."""

import contextlib
import multiprocessing as mp
import os
import signal
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from typing import Any, ClassVar

import psutil

from ._places import places
from ._processes import Gone, alive, guard, kill_orphans, server_above
from ._signals import STOPPING, handled_by

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
)
STARTS, STARTS_EVERY = 5, 0.2  # how often a process is tried to be started; seconds
PATIENCE = 5  # seconds, whole ones, for the rest of a message
PRELOAD = ("toolkit.bench._engine._worker", "toolkit.bench.verify", "numba", "scipy.optimize")
LAST = "toolkit.bench._engine._preload"


class Server:
    """Starts processes and buries them. Python has one such server a process; the threads of a
    cluster's worker share it."""

    _lock: ClassVar[threading.Lock] = threading.Lock()
    _ours: ClassVar[set[int]] = set()  # the processes that are at work
    _guard: ClassVar[Any] = None  # ends them where this process is killed
    _lives: ClassVar[list[Any]] = []  # the ends of the guards' pipes, which go with this process

    def __init__(self, backends: Iterable[str] = ()) -> None:
        self._context = mp.get_context("forkserver")
        self.origin: psutil.Process | None = None  # the server, once it has started something
        also = sorted(set(backends) - set(PRELOAD))
        with self._lock:
            self._context.set_forkserver_preload([*PRELOAD, *also, LAST])
            self._open()
            with _allowed_children():
                self._watch()

    def _open(self) -> None:
        """Starts the server where there is none: with one thread each for what it will fork."""
        places()
        before = dict(os.environ)
        os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
        try:
            # Signals go to the whole group: the server and its children leave them to us.
            with handled_by(signal.SIG_IGN, *STOPPING):
                forkserver.ensure_running()
        finally:
            os.environ.clear()
            os.environ.update(before)

    def pipe(self, duplex: bool = True) -> tuple[Any, Any]:
        """Two ends; of one that is not duplex the first one reads."""
        return self._context.Pipe(duplex)

    def impatient(self, pipe: Connection) -> None:
        """No half of a message keeps the reader waiting, and with it all other runs."""
        with socket.socket(fileno=os.dup(pipe.fileno())) as end:
            limit = struct.pack("ll", PATIENCE, 0)
            end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)

    def start(self, target: Callable[..., None], *args: Any) -> Any:
        """A process that calls the target."""
        self.wake()
        with self._lock, _allowed_children():
            self._watch()
            return self._start(target, *args)

    def _watch(self) -> None:
        """Has a guard wait for the end of this process, one of the server that there is."""
        if self._guard is None or not self._guard.is_alive():
            listens, life = self.pipe(duplex=False)
            self._lives.append(life)
            Server._guard = self._start(guard, listens, places(), os.getpid())
            listens.close()

    def _start(self, target: Callable[..., None], *args: Any) -> Any:
        for left in reversed(range(STARTS)):
            process = self._context.Process(target=target, args=args, daemon=True)
            try:
                if self.origin is None or not alive(self.origin):
                    self._open()
                process.start()
                break
            except (EOFError, OSError):  # the server has died: the next start makes another
                if not left:
                    raise
                time.sleep(STARTS_EVERY)
        self._ours.add(process.pid or 0)
        self.origin = server_above(process.pid or 0, os.getpid())
        return process

    def wake(self) -> None:
        """Lets the server go on that a case has halted: it alone can tell of the end of one."""
        if self.origin is not None:
            with contextlib.suppress(*Gone):
                self.origin.send_signal(signal.SIGCONT)

    def bury(self, process: Any, orphans: bool) -> None:
        """Waits for the end of a process; of one that died by itself it ends what that left."""
        self.wake()
        process.join()
        with self._lock:
            self._ours.discard(process.pid)
            if orphans and self.origin is not None and alive(self.origin):
                kill_orphans(self.origin.pid, self._ours)


@contextlib.contextmanager
def _allowed_children() -> Iterator[None]:
    """Lets a daemon start processes: a cluster's worker is one, lest its own parent be waited for.
    Python forbids it as they would outlive the daemon; ours watch their pipe, and end with it."""
    config: dict[str, Any] = mp.current_process()._config  # type: ignore[attr-defined]
    before = config.get("daemon")
    config["daemon"] = False
    try:
        yield
    finally:
        config["daemon"] = before
