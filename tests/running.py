"""Cases of plugged-in solvers, for the tests of the engine."""

import subprocess
import time
from pathlib import Path

from plugins import write_plugins

from toolkit.bench._cases._case import Case, make_cases, plan_problem
from toolkit.bench._cases._plan import make_plan
from toolkit.bench._cases._plugins import load_plugins
from toolkit.bench._engine import _local
from toolkit.reports.record import Record


def cases_of(folder: Path, *names: str, **plan: object) -> list[Case]:
    """One case a plugged-in solver on an instance of the toy problem with five users."""
    flags = write_plugins(folder, *names)[1::2]
    load_plugins(flags)
    made = make_plan(
        {"problem": "toy", "solvers": list(names), "instances": 1, "plugin": flags, **plan}
    )
    return make_cases(made, *plan_problem(made))


def outcome(folder: Path, name: str, **plan: object) -> Record:
    (record,) = _local.run_cases(cases_of(folder, name, **plan))
    return record


def gone(process: int) -> bool:
    """Whether a process ends within ten seconds, or waits only to be buried."""
    command = ["ps", "-o", "stat=", "-p", str(process)]
    for _ in range(100):
        state = subprocess.run(command, capture_output=True, text=True).stdout.strip()
        if not state or state.startswith("Z"):
            return True
        time.sleep(0.1)
    return False
