"""report --watch: the page of a store, served on this machine alone, made anew as runs come."""

import hashlib
import threading
import time
from collections.abc import Callable
from pathlib import Path

from toolkit.bench._engine._signals import ENDING, handled_by, interrupt
from toolkit.bench._store import Reader
from toolkit.errors import UserError
from toolkit.reports.content import Section
from toolkit.reports.contents import Contents
from toolkit.reports.page import render_page

from ._report_server import PORT, Served, serve

OK = 0
POLL = 1.0  # seconds between two looks at the store
REST = 4.0  # times what making the page took, until it is made again: runs need the processor

Make = Callable[[Reader], Contents]


def watch(path: Path, port: int | None, make: Make) -> int:
    """Serves until Ctrl-C, or until it is asked to end."""
    if path.exists() and path.stat().st_size:
        Reader(path).close()  # what is no store never becomes one
    served = Served()
    server = serve(served, PORT if port is None else port)
    over = threading.Event()
    maker = threading.Thread(target=_keep_up, args=(Maker(path, make, served), over), daemon=True)
    with server:
        try:
            with handled_by(interrupt, *ENDING):
                maker.start()
                address = f"http://127.0.0.1:{server.server_port}/"
                print(f"{address} shows {path}; Ctrl-C ends it.", flush=True)
                server.serve_forever(poll_interval=0.2)
        except KeyboardInterrupt:
            print("Ended.")
        finally:
            over.set()  # the thread ends with this process, whatever it is at
    return OK


def _keep_up(maker: "Maker", over: threading.Event) -> None:
    """Makes the page whenever the store has changed, and rests in proportion to the work."""
    pause = 0.0
    while not over.wait(pause):
        began = time.monotonic()
        maker.refresh()
        pause = max(POLL, REST * (time.monotonic() - began))


class Maker:
    """The page of a store as it is now, or a page that says why there is none."""

    def __init__(self, path: Path, make: Make, served: Served) -> None:
        self._path, self._make, self._served = path, make, served
        self._files: object = None
        self._state: object = None
        self._show(Contents(path.name, (), [_section("The page is being made.")]), "")

    def refresh(self) -> None:
        """Serves a new page where the store has changed."""
        files = _traces(self._path)
        if files == self._files:
            return
        self._files = files
        try:
            self._read()
        except UserError as error:
            self._files = None  # it may end without a trace: a lock that is given up
            self._excuse(str(error))
        except Exception as error:  # a page that stands still would be taken for the truth
            self._excuse(f"The page cannot be made ({type(error).__name__}: {error}).")

    def _read(self) -> None:
        if not self._path.exists():
            self._excuse(f"Waiting for the store {self._path.name}: no run has been kept yet.")
            return
        with Reader(self._path) as store:
            state = store.state()
            if state != self._state:
                contents = self._make(store)
                self._show(contents, state)

    def _excuse(self, text: str) -> None:
        if text == self._state:
            return
        self._show(Contents(self._path.name, (), [_section(text)]), text)

    def _show(self, contents: Contents, state: object) -> None:
        version = hashlib.sha256(repr(state).encode(errors="replace")).hexdigest()[:16]
        self._served.put(render_page(contents, watch=version).encode(errors="replace"), version)
        self._state = state


def _traces(path: Path) -> list[tuple[int, int] | None]:
    """When the store's files were changed, and how long they are; the newest runs are in its log.

    None where there is no such file.
    """
    return [_trace(path.with_name(path.name + ending)) for ending in ("", "-wal")]


def _trace(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def _section(text: str) -> Section:
    return Section(name="waiting", title="Not yet", says=[text])
