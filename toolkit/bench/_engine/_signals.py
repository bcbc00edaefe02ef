"""Ctrl-C and requests to terminate: when they count, and when they have to wait."""

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
ENDING = (signal.SIGTERM, signal.SIGHUP)  # who sends them does not wait; the terminal may be gone


@contextlib.contextmanager
def handled_by(handler: Any, *numbers: signal.Signals) -> Iterator[None]:
    """Inside, these signals go to `handler`; only the main thread can and does change that."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    nohup = signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    taken = [number for number in numbers if not (nohup and number == signal.SIGHUP)]
    before = {number: signal.signal(number, handler) for number in taken}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


def interrupt(number: int, frame: FrameType | None) -> None:
    """A handler that treats a request to terminate like Ctrl-C."""
    raise KeyboardInterrupt


@contextlib.contextmanager
def delayed() -> Iterator[None]:
    """Ctrl-C and requests to terminate wait until the end of the block; then they are handled."""
    came: list[int] = []
    with handled_by(lambda number, frame: came.append(number), *STOPPING):
        yield
    for number in came:
        signal.raise_signal(number)


class Patience:
    """A handler of Ctrl-C: the first one asks for an end once what runs is done, the second one
    does not wait. Where nothing runs there is nothing to wait for."""

    def __init__(self) -> None:
        self._running, self._asked = False, False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self._asked or not self._running:
            raise KeyboardInterrupt
        self._asked = True
        with contextlib.suppress(OSError):  # print is not for handlers: it may be at work below
            os.write(2, b"\nEnds once what runs now is done; Ctrl-C again ends at once.\n")

    def asked(self) -> bool:
        return self._asked

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Inside, there is something to wait for."""
        self._running = True
        try:
            yield
        finally:
            self._running = False
