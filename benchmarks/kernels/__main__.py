"""`judge`, `evaluate` and `complete` beside hand-written loops: what the package costs more.

python -m benchmarks.kernels [--problem droo ddlo …] [--batch 1 64 4096] [--n 10 100] [--rounds 9]

A row: microseconds a decision of the package, of a plain numba loop over the batch that does the
same arithmetic for one instance, and their ratio (processor time, the least of some rounds). Both
must agree to 1e-9 before anything is timed. `evaluate` is `judge`, in blocks that fit a cache, and
the check of bounds and whole numbers: beside both as loops. A batch of more than 4 million
variables is cut to so many.

Another problem is one more file beside this one: a function, decorated with `case`, that makes the
problem, a batch of decisions for its instance 0, and for each kernel a loop that takes and returns
what the package's does.
"""

import argparse
import importlib
import pkgutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from toolkit.problems import Space

from .cases import CASES, Loops, Worth, loop

LEAST_SECONDS = 0.02  # of processor time in a round
AGREE = 1e-9
MOST = 4_000_000  # variables of a batch

for found in pkgutil.iter_modules([str(Path(__file__).parent)]):
    if found.name != "__main__":
        importlib.import_module(f"{__package__}.{found.name}")


def seconds(call: Callable[[], Any], rounds: int) -> float:
    """Of processor time that a call takes, the least of some rounds; the first one compiles."""
    call()
    repeats, spent = 1, 0.0
    while True:
        begun = time.process_time()
        for _ in range(repeats):
            call()
        spent = time.process_time() - begun
        if spent >= LEAST_SECONDS:
            break
        repeats *= 4
    best = spent / repeats
    for _ in range(rounds - 1):
        begun = time.process_time()
        for _ in range(repeats):
            call()
        best = min(best, (time.process_time() - begun) / repeats)
    return best


def worth(loops: Loops, decision: Any) -> Worth:
    """What the package says of a batch, in the order of the loops'."""
    said = loops.problem.judge(loops.data, decision)
    objective = np.asarray(said.objective)
    violation = np.asarray(said.violation) if said.violations else 0 * objective
    return np.stack([objective, violation, *map(np.asarray, said.terms.values())])


def bounds(space: Space) -> list[tuple[str, np.ndarray, np.ndarray, bool]]:
    """Of every block its name, its bounds along one axis, and whether it is of whole numbers."""
    return [
        (v.name, *(np.array(np.broadcast_to(b, v.shape), float).ravel() for b in ends), v.discrete)
        for v in space.vars
        for ends in [(v.lower, v.upper)]
    ]


def checked(boxes: list[tuple[str, np.ndarray, np.ndarray, bool]], decision: Any) -> list[Worth]:
    """The worst violations of the blocks' bounds and of integrality, by a plain loop."""
    return [
        outside(decision[name].reshape(-1, len(low)), low, high, whole)
        for name, low, high, whole in boxes
    ]


@loop
def outside(rows, low, high, whole):
    out = np.zeros(len(rows))
    for r in range(len(rows)):
        for i in range(len(low)):
            x = rows[r, i]
            off = max(low[i] - x, x - high[i], 0.0) / max(high[i] - low[i], 1e-300)
            if whole:
                off += abs(x - np.rint(x))
            out[r] = max(out[r], off)
    return out


def lines(name: str, n: int, batch: int, rounds: int) -> list[str]:
    """A problem's kernels, as rows of the table."""
    loops = CASES[name](n)
    problem, data = loops.problem, loops.data
    batch = min(batch, max(1, MOST // problem.space(data).size))
    whole = choice = loops.choices(batch)
    calls = {}
    if loops.complete is not None:
        plain, whole = loops.complete(choice), problem.complete(data, choice)
        for key in whole:
            scale = np.abs(whole[key]).max()
            np.testing.assert_allclose(plain[key], whole[key], rtol=AGREE, atol=AGREE * scale)
        calls["complete"] = (
            lambda: problem.complete(data, choice),
            lambda: loops.complete(choice),
        )
    for plain, said in zip(loops.judge(whole), worth(loops, whole), strict=True):
        np.testing.assert_allclose(plain, said, rtol=AGREE, atol=AGREE)
    boxes = bounds(problem.space(data))
    calls["judge"] = (lambda: problem.judge(data, whole), lambda: loops.judge(whole))
    calls["evaluate"] = (
        lambda: problem.evaluate(data, whole),
        lambda: (loops.judge(whole), checked(boxes, whole)),
    )
    out = []
    for kernel, (ours, hand) in sorted(calls.items()):
        mine, theirs = (1e6 * seconds(call, rounds) / batch for call in (ours, hand))
        cells = (name, kernel, f"{batch:,}", n, f"{mine:.3g}", f"{theirs:.3g}")
        out.append("| " + " | ".join(map(str, cells)) + f" | {mine / theirs:.1f} |")
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--problem", nargs="*", choices=sorted(CASES), default=sorted(CASES))
    parser.add_argument("--batch", type=int, nargs="*", default=[1, 64, 4096])
    parser.add_argument("--n", type=int, nargs="*", default=[10, 100])
    parser.add_argument("--rounds", type=int, default=9)
    args = parser.parse_args()
    print("| problem | kernel | batch | n | package, us a row | loop, us a row | ratio |")
    print("|---|---|---|---|---|---|---|")
    for name in args.problem:
        for n in args.n:
            for batch in args.batch:
                print(*lines(name, n, batch, args.rounds), sep="\n", flush=True)


if __name__ == "__main__":
    main()
