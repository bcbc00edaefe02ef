"""One command at a time writes to a store."""

import contextlib
import fcntl
import os
import sys
import time
from pathlib import Path

from toolkit.errors import UserError

WAIT = 30.0  # seconds for another command to end
LOOK_EVERY = 0.1


class Lock:
    """Held by who writes, by an empty file beside the store; the system frees it when its process
    ends, however that ends."""

    def __init__(self, store: Path) -> None:
        self._store = store
        beside = store.resolve()
        if not beside.name:
            raise UserError(f"The store {str(store)!r} is a folder; give --store a file.")
        self._path = beside.with_name(f"{beside.name}.lock")
        self._file = self._wait()

    def release(self) -> None:
        """Removes the file while it is still held: who waits looks whether it is the same."""
        with contextlib.suppress(OSError):
            self._path.unlink()
        os.close(self._file)

    def _wait(self) -> int:
        until, told = time.monotonic() + WAIT, False
        while True:
            owner = self._take()
            if isinstance(owner, int):
                return owner
            if time.monotonic() >= until:
                raise UserError(
                    f"The store {str(self._store)!r} is in use by another command{owner}; wait "
                    "until that ends, or name another file with --store."
                )
            if not told:
                print(
                    f"Another command{owner} writes to {str(self._store)!r}: waiting up to "
                    f"{WAIT:g} s for it to end.",
                    file=sys.stderr,
                )
            told = True
            time.sleep(LOOK_EVERY)

    def _take(self) -> int | str:
        """The locked file, or in words who has it."""
        while True:
            file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                said = os.pread(file, 20, 0).decode(errors="replace")
                os.close(file)
                return f" (process {said})" if said else ""
            except OSError:
                os.close(file)
                raise
            if self._still(file):
                os.truncate(file, 0)
                os.pwrite(file, str(os.getpid()).encode(), 0)
                return file
            os.close(file)

    def _still(self, file: int) -> bool:
        """Whether the file that was locked is the one that others would find."""
        try:
            return os.path.samestat(os.fstat(file), self._path.stat())
        except FileNotFoundError:
            return False
