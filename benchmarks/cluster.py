"""What a cluster buys: runs a second through the executors, and what the driver can hand out.

python benchmarks/cluster.py [--tasks 0 0.01 0.1 1] [--workers 1 2] [--idle 8] [--seconds 5]

Runs are of the plug-in `burn.py`, which keeps a processor busy for `task` seconds; each is handed
out, boxed in a process of its own, judged, and stored, as the command does it. Efficiency is the
share of the workers' time that went into tasks. The driver's processor time (store and, with Dask,
scheduler included) a run is its ceiling: 1 / that is what it can hand out a second; its share of a
core, by which it looks after runs at work too, says how many such workers would fill it. The last
rows of either executor sleep instead of working, with more workers than there are cores: machines
elsewhere, as far as the driver can tell.
"""

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

from toolkit.bench._cases._case import make_cases, plan_problem
from toolkit.bench._cases._plan import make_plan
from toolkit.bench._cases._plugins import load_plugins
from toolkit.bench._engine._dask import Dask
from toolkit.bench._engine._executor import Executor
from toolkit.bench._engine._local import Local
from toolkit.bench._store import Store

PLUGIN = Path(__file__).with_name("burn.py")
BOX = 0.15  # seconds of a run that are not its task, roughly: so many runs fit into --seconds
HEADS = ("executor", "task, s", "runs a second", "efficiency", "driver, ms a run")
HEADS += ("its ceiling, runs a second", "its share of a core", "workers that fill it")
FEWEST, MOST = 4, 200  # runs of a row


def cases_of(task: float, idle: bool, count: int) -> list[Any]:
    given = {"problem": "cpdrl", "preset": "tiny", "instances": count, "plugin": [str(PLUGIN)]}
    plan = make_plan({**given, "solvers": [f"burn[task={task},idle={str(idle).lower()}]"]})
    return list(make_cases(plan, *plan_problem(plan)))


def measured(executor: Executor, workers: int, task: float, idle: bool, seconds: float) -> str:
    """A row's figures; the first runs, which start a server or a cluster, are off the clock."""
    count = max(FEWEST * workers, min(MOST, int(seconds * workers / (task + BOX))))
    cases = cases_of(task, idle, workers + count)
    with tempfile.TemporaryDirectory() as folder, Store(Path(folder, "runs.sqlite")) as store:
        records = executor.run(cases)
        for case, record in zip(cases, records, strict=False):
            assert not record.failed, record
            store.add(record, case.instance)
            if case is cases[workers - 1]:
                begun, used = time.perf_counter(), time.process_time()
        spent, used = time.perf_counter() - begun, time.process_time() - used
    busy, each, share = task * count / (spent * workers), used / count, used / spent
    figures = (f"{count / spent:.1f}", f"{busy:.0%}", f"{1e3 * each:.1f}", f"{1 / each:,.0f}")
    return " | ".join([*figures, f"{share:.1%}", f"{workers / share:,.0f}"])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tasks", type=float, nargs="+", default=[0.0, 0.01, 0.1, 1.0])
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--idle", type=int, default=8, help="workers whose tasks sleep; 0: none")
    parser.add_argument("--seconds", type=float, default=5.0, help="of a row, about")
    args = parser.parse_args()
    load_plugins([str(PLUGIN)])
    print(f"| {' | '.join(HEADS)} |")
    print("|---" * len(HEADS) + "|", flush=True)
    rows = [(n, task, False) for n in args.workers for task in args.tasks]
    rows += [(args.idle, task, True) for task in args.tasks if args.idle]
    for kind, make in (("local", Local), ("Dask", Dask)):
        for n, task, idle in rows:
            name = f"{kind}, {n} worker{'s' if n > 1 else ''}{', asleep' if idle else ''}"
            figures = measured(make(n), n, task, idle, args.seconds)
            print(f"| {name} | {task:g} | {figures} |", flush=True)


if __name__ == "__main__":
    main()
