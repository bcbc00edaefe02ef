"""Standard streams that cost no study: closed, full, or unable to show a character."""

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from typing import Any


def settle() -> None:
    """Makes the three descriptors exist, lest a file that is opened later get one of their numbers,
    and has characters that an encoding lacks replaced."""
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened == number:
                os.set_inheritable(number, True)
            else:
                os.dup2(opened, number)
                os.close(opened)
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, mode, closefd=False))  # noqa: SIM115
    for name in ("stdout", "stderr"):
        if isinstance(stream := getattr(sys, name), io.TextIOWrapper):
            stream.reconfigure(errors="replace")
            setattr(sys, name, _Stream(stream, silent=name == "stderr"))  # remarks are no results


def is_lost() -> bool:
    """Whether standard output has refused something."""
    return isinstance(sys.stdout, _Stream) and sys.stdout.lost


def discard() -> None:
    """Standard output, also Python's own flush at exit, goes nowhere from now on."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


class _Stream:
    """A standard stream that remembers whether it has refused something."""

    def __init__(self, stream: io.TextIOWrapper, silent: bool) -> None:
        self._stream, self._silent, self.lost = stream, silent, False

    def write(self, text: str) -> int:
        with self._noted():
            return self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with self._noted():
            self._stream.flush()

    @contextlib.contextmanager
    def _noted(self) -> Iterator[None]:
        try:
            yield
        except OSError:
            self.lost = True
            if not self._silent:
                raise

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
