"""What a run prints."""

import os
from multiprocessing.connection import Connection

LOG_TAIL = 4000  # characters kept of what a solver printed
AT_ONCE = 1 << 16  # bytes of it, read at a time
READS = 64  # in one turn: a solver that prints without end does not keep the others waiting


class Printed:
    """The end of what a process prints; it is read as it comes, so that no disk is filled."""

    def __init__(self, pipe: Connection) -> None:
        self.pipe, self.open, self._tail, self._total = pipe, True, b"", 0
        os.set_blocking(pipe.fileno(), False)

    def read(self, turns: int = READS) -> None:
        for _ in range(turns):
            try:
                part = os.read(self.pipe.fileno(), AT_ONCE)
            except BlockingIOError:
                return
            self.open = bool(part)
            if not part:
                return
            self._total += len(part)
            self._tail = (self._tail + part)[-4 * LOG_TAIL :]

    def close(self) -> str:
        """The text, without what came before its end."""
        self.read()
        self.pipe.close()
        text = self._tail.decode(errors="replace")
        if len(text) <= LOG_TAIL and self._total == len(self._tail):
            return text
        return f"[the end of {self._total:,} bytes]\n{text[-LOG_TAIL:]}"
