"""What a run has found so far, where it survives the run: a nameless file that both sides hold.

Every improvement is written at once, in two places in turn, so that one of them is always whole:
a process may die at any instruction. No pipe could hold it, and no thread could send it, while a
solver hangs in C code.
"""

import contextlib
import os
import pickle
import struct
import tempfile
import time
from dataclasses import dataclass
from multiprocessing import reduction
from typing import Any

from toolkit.arrays import Decision
from toolkit.problems import Certificate
from toolkit.solvers import Point, Probe

HEAD = struct.Struct("<QQ")  # number of the entry, bytes of it
ROOM = 1 << 32  # bytes from one place to the next; a file takes up only what was written
POINT, DECISION, PROOF = range(3)
# A certificate may be large and grow with every bound: writing takes at most this share of a run.
SHARE = 0.02


@dataclass(frozen=True)
class Found:
    """What was left in a box."""

    point: Point | None = None
    decision: Decision | None = None
    proof: tuple[float, Certificate] | None = None  # the last bound whose certificate was written


class Box:
    """Numbered entries of three kinds; it travels to another process with what it holds."""

    def __init__(self, file: int | None = None) -> None:
        self._file = _nameless() if file is None else file
        self._counts = [0, 0, 0]

    def __reduce__(self) -> Any:
        return _opened, (reduction.DupFd(self._file),)

    def put(self, kind: int, value: Any) -> None:
        """Writes an entry in the older of the two places of its kind; a full disk loses it."""
        self._counts[kind] += 1
        number = self._counts[kind]
        body = pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)
        place = (2 * kind + number % 2) * ROOM
        with contextlib.suppress(OSError):
            os.pwrite(self._file, HEAD.pack(0, 0), place)
            _write(self._file, body, place + HEAD.size)
            os.pwrite(self._file, HEAD.pack(number, len(body)), place)

    def open(self) -> Found:
        """The newest whole entry of every kind."""
        return Found(*(self._newest(kind) for kind in (POINT, DECISION, PROOF)))

    def close(self) -> None:
        os.close(self._file)

    def _newest(self, kind: int) -> Any:
        places = [(2 * kind + half) * ROOM for half in (0, 1)]
        heads = [(os.pread(self._file, HEAD.size, place), place) for place in places]
        whole = [(*HEAD.unpack(head), place) for head, place in heads if len(head) == HEAD.size]
        for number, size, place in sorted(whole, reverse=True):
            if number and size < ROOM:
                with contextlib.suppress(Exception):  # a solver has written into it
                    return pickle.loads(_read(self._file, size, place + HEAD.size))
        return None


class Keeper:
    """Keeps in a box what a probe has; the run's own listener, called at every improvement."""

    def __init__(self, box: Box) -> None:
        self.probe: Probe | None = None
        self._box = box
        self._decision: Decision | None = None
        self._certificate: Certificate | None = None
        self._rest_until = 0.0

    def __call__(self, point: Point) -> None:
        self._box.put(POINT, point)
        if self.probe is None:
            return
        if (decision := self.probe.incumbent) is not self._decision:
            self._decision = decision
            self._box.put(DECISION, decision)
        proof, begun = self.probe.proof, time.perf_counter()
        if proof is not None and proof[1] is not self._certificate and begun >= self._rest_until:
            self._certificate = proof[1]
            self._box.put(PROOF, proof)
            ended = time.perf_counter()
            self._rest_until = ended + (ended - begun) / SHARE


def _nameless() -> int:
    """A file that only its descriptors know: it is gone with the last process that has one."""
    file, path = tempfile.mkstemp(prefix="mec-bench-")
    os.unlink(path)
    return file


def _opened(file: Any) -> Box:
    return Box(file.detach())


def _write(file: int, body: bytes, place: int) -> None:
    left = memoryview(body)
    while left:
        done = os.pwrite(file, left, place)
        left, place = left[done:], place + done


def _read(file: int, size: int, place: int) -> bytes:
    parts = []
    while size and (part := os.pread(file, size, place)):
        parts.append(part)
        size, place = size - len(part), place + len(part)
    return b"".join(parts)
