"""Ctrl-C and requests to terminate: when they count, and when they have to wait."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

STOPPING = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def handled_by(handler: Any, *numbers: signal.Signals) -> Iterator[None]:
    """Inside, these signals go to `handler`; only the main thread can and does change that."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number in numbers}
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
    """Ctrl-C and requests to terminate wait until the end of the block."""
    came: list[int] = []
    with handled_by(lambda number, frame: came.append(number), *STOPPING):
        yield
    if came:
        raise KeyboardInterrupt
