"""A process for every peer: some crash, some do not end, and none may take the others with it."""

import contextlib
import functools
import multiprocessing
import os
import resource
import time
from typing import Any

from .answers import Peer, judged
from .cases import FAMILIES, Trial

MEMORY = 8 << 30  # bytes a process may write
SHORT, MOST = 0.3, 5  # runs are repeated until so many seconds are spent, so many times at most
SPIN, FARTHEST = 0.05, 10.0
WARMING = 240.0  # seconds for imports, compilation and the first run
GRACE = 10.0  # seconds beyond a limit that a peer was told


def every() -> dict[str, Peer]:
    """All peers by name, with the formulations that each was seen to do best with."""
    from . import discopt, maingo, mixed_conic, own, published

    found = [
        *own.peers(),
        maingo.Maingo(e2ehco="quadratic"),
        discopt.Discopt(e2ehco="quadratic"),
        mixed_conic.MixedConic(),
        published.Bisection(),
        published.CoordinateDescent(),
    ]
    return {peer.name: peer for peer in found}


def stretch() -> float:
    """Wall seconds to a processor second just now: 1 where nothing else runs on the host."""
    begun, used = time.perf_counter(), time.process_time()
    while time.process_time() - used < SPIN:
        pass
    return min(max((time.perf_counter() - begun) / SPIN, 1.0), FARTHEST)


def measured(peer: Peer, trial: Trial, seconds: float) -> dict[str, Any]:
    """The row of one trial: processor seconds (the median of a few runs) and the judged answer.

    Solvers look at the wall clock: on a busy host the limit is as much longer as it is slower.
    """
    family = FAMILIES[trial.family]
    problem, instance = family.load(trial.n), family.instance(trial.n, trial.case)
    if reason := peer.refuses(problem, instance):
        return {"word": reason}
    limit = seconds * stretch()
    spent: list[float] = []
    while len(spent) < MOST and sum(spent) < SHORT:
        begun = time.process_time()
        found = peer.solve(problem, instance, trial.gap, limit)
        spent.append(time.process_time() - begun)
    return {
        "word": None,
        "seconds": sorted(spent)[len(spent) // 2],
        **judged(problem, instance, found),
    }


def serve(pipe: Any, name: str) -> None:
    """Answers trials until the pipe is closed; the family's smallest instance goes before."""
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    peer = every()[name]

    @functools.cache
    def warmed(family: str, seconds: float) -> None:
        first = Trial(family, FAMILIES[family].sizes[0], 99, name, 1e-4)
        measured(peer, first, seconds)

    while True:
        try:
            trial, seconds = pipe.recv()
        except EOFError:
            return
        try:
            with contextlib.suppress(Exception):  # what fails here fails below, where it counts
                warmed(trial.family, min(seconds, 5.0))
            pipe.send(None)  # the clock of the limit begins
            row = measured(peer, trial, seconds)
        except Exception as error:
            row = {"word": f"fails: {type(error).__name__}: {' '.join(str(error).split())[:160]}"}
        pipe.send(row)


class Child:
    """A peer in a process of its own, made anew after one that died."""

    def __init__(self, name: str) -> None:
        self.name, self._process, self._pipe = name, None, None

    def ask(self, trial: Trial, seconds: float) -> dict[str, Any]:
        """A row, or a word for how it ended."""
        if self._process is None:
            context = multiprocessing.get_context("spawn")
            self._pipe, theirs = context.Pipe()
            self._process = context.Process(target=serve, args=(theirs, self.name), daemon=True)
            self._process.start()
            theirs.close()
        try:
            self._pipe.send((trial, seconds))
            for limit in (WARMING, FARTHEST * (MOST * SHORT + seconds + GRACE)):
                if not self._pipe.poll(limit):
                    self.close()
                    return {"word": "killed: it did not end"}
                answer = self._pipe.recv()
                if answer is not None:
                    return answer
        except (EOFError, OSError):
            self._process.join(5)
            code = self._process.exitcode
            self.close()
            return {"word": f"crashed (signal {-code})" if code and code < 0 else "crashed"}
        raise AssertionError("a child answers once")

    def close(self) -> None:
        if self._process is not None:
            self._pipe.close()
            self._process.kill()
            self._process.join()
        self._process = self._pipe = None
