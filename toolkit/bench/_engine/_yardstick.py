"""The reference workload: a small piece of work that is the same everywhere, so that a reader sees
how fast a host was when a run began, and how steady it stayed."""

import statistics
import threading
import time
from collections.abc import Callable

import numpy as np

NUMBERS, ROUNDS = 20_000, 50  # of NumPy, without linear algebra: no BLAS, one thread
STEPS = 160_000  # of plain Python
TIMES = 3
EVERY = 30.0  # seconds for which a time holds

Clock = Callable[[], float]


def work() -> float:
    """Some 30 ms on a processor of 2024, half of it in NumPy; returns what it computed."""
    values = np.linspace(0.0, 1.0, NUMBERS)
    for _ in range(ROUNDS):
        values = np.sort(np.cos(1e3 * values))
    state = 1
    for _ in range(STEPS):
        state = (1_103_515_245 * state + 12_345) & 0x7FFFFFFF
    return float(values.sum()) + state


def measured(clock: Clock = time.perf_counter) -> float:
    """Seconds of it: the median of a few times."""
    spent = []
    for _ in range(TIMES):
        begun = clock()
        work()
        spent.append(clock() - begun)
    return statistics.median(spent)


class Yardstick:
    """The workload's seconds on this host, measured anew where they are older than `EVERY`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # a cluster's worker has threads
        self._seconds, self._until = 0.0, 0.0

    def seconds(self) -> float:
        with self._lock:
            if time.monotonic() >= self._until:
                self._seconds = measured()
                self._until = time.monotonic() + EVERY
            return self._seconds


HERE = Yardstick()
