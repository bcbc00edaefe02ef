"""What the engine costs: cases a second that it can hand out, and what one of them takes.

python benchmarks/engine.py [--cases 40] [--jobs 1 2] [--dask 2] [--problem cpdrl] [--solver greedy]

The cases do next to nothing (preset `tiny`), so what is measured is the start of a process, the
warm-up, the check and the way of the answer. The first case, which starts the server that processes
are forked from (or the cluster), is given by itself. Processor time of the driver is its own alone;
that of a case, if it runs here, is the server's and of all that was forked from it. Below: what
it costs a run to keep a decision of so many numbers where it survives the run.
"""

import argparse
import time
from collections.abc import Sequence

import numpy as np
import psutil

from toolkit.bench._cases._case import Case, make_cases, plan_problem
from toolkit.bench._cases._plan import make_plan
from toolkit.bench._engine._box import DECISION, POINT, Box
from toolkit.bench._engine._executor import Executor
from toolkit.bench._engine._local import Local
from toolkit.solvers import Point

SIZES, PUTS = (30, 10_000, 1_000_000), 50


def served() -> float:
    """Processor seconds of the server that cases are forked from, and of those that are over."""
    total = 0.0
    for child in psutil.Process().children():
        if "forkserver" in " ".join(child.cmdline()):
            total += sum(child.cpu_times()[:4])
    return total


def kept(size: int) -> float:
    """Processor seconds of keeping a decision."""
    box, decision = Box(), {"on": np.zeros(size)}
    begun = time.process_time()
    for _ in range(PUTS):
        box.put(POINT, Point(1.0, 2, 3.0, 4.0))
        box.put(DECISION, decision)
    spent = time.process_time() - begun
    box.close()
    return spent / PUTS


def measured(executor: Executor, cases: Sequence[Case]) -> str:
    begun = time.perf_counter()
    runs = executor.run(cases)
    records = [next(runs)]
    first, begun, used = time.perf_counter() - begun, time.perf_counter(), time.process_time()
    before = served()
    records += runs
    spent, used = time.perf_counter() - begun, time.process_time() - used
    assert {record.failed for record in records} == {False}
    count = len(records) - 1
    here = f"{1e3 * (served() - before) / count:.0f}" if isinstance(executor, Local) else "-"
    return f"{first:.1f} | {count / spent:.1f} | {1e3 * used / count:.1f} | {here}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=40)
    parser.add_argument("--jobs", type=int, nargs="*", default=[1, 2])
    parser.add_argument("--dask", type=int, default=0, help="processes of a cluster made here")
    parser.add_argument("--problem", default="cpdrl")
    parser.add_argument("--solver", default="greedy")
    args = parser.parse_args()
    flags = {"problem": args.problem, "preset": "tiny", "solvers": [args.solver]}
    plan = make_plan({**flags, "instances": args.cases})
    cases = make_cases(plan, *plan_problem(plan))
    executors: list[tuple[str, Executor]] = [(f"local, {n} at once", Local(n)) for n in args.jobs]
    if args.dask:
        from toolkit.bench._engine._dask import Dask

        executors.append((f"Dask, {args.dask} worker processes", Dask(args.dask)))
    print("| executor | first case, s | cases a second | driver, ms a case | case, ms |")
    print("|---|---|---|---|---|")
    for name, executor in executors:
        print(f"| {name} | {measured(executor, cases)} |", flush=True)
    print(", ".join(f"{size:,} numbers kept in {1e3 * kept(size):.2g} ms" for size in SIZES))


if __name__ == "__main__":
    main()
