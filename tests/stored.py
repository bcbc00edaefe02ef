"""What the tests of stores share: records out of thin air, and children with fewer rights."""

import os
import pickle
from collections.abc import Callable
from typing import Any

from toolkit import problems
from toolkit.instances import Instance
from toolkit.reports.record import Record

MADE = {"toolkit": "0.1.0", "processor": "a CPU", "cores": 2, "python": "3.11", "numpy": "2.4"}
NOBODY = 65534


def instance(index: int = 0) -> Instance:
    return problems.load("cpdrl", "tiny").instance(index, 0)


def record(key: str = "a", **fields: Any) -> Record:
    """A run of `greedy` on instance 0, with other values where they are given."""
    drawn = instance()
    usual: dict[str, Any] = {
        "key": key,
        "problem": "cpdrl",
        "version": 1,
        "preset": "tiny",
        "n_users": 4,
        "problem_params": {"n_users": 4},
        "instance": drawn.name,
        "digest": drawn.digest,
        "sense": "min",
        "solver": "greedy",
        "params": {},
        "label": "greedy",
        "seed": 0,
        "status": "feasible",
        "stop": "finished",
        "verdict": "feasible",
        "objective": 0.5,
        "violation": 0.0,
        "evaluations": 9,
        "limits": {"seconds": 5.0, "evaluations": None, "memory": None},
        "environment": MADE,
    }
    return Record(**{**usual, **fields})


FULL = record(
    "full",
    bound=0.25,
    gap=1.0,
    cpu_seconds=0.5,
    peak_memory=2**40,
    signal="SIGSEGV",
    load=1.5,
    terms={"delay": 0.25, "energy": None},
    decision={"offload": [1.0, 0.0], "share": [[0.1, 1 / 3]]},
    certificate={"kind": "claim", "by": "me"},
    trace=[[0.1, 1.0, 0.75, None], [0.2, 9.0, 0.5, 0.25]],
    details={"note": "seen 'twice'\n", "curve": {"loss": [1e-300]}},
    message='a, "b";\nand ünïcode',
    log="last words\0\n",
)


def in_child(work: Callable[[], Any], demoted: bool = False) -> Any:
    """What `work` returns in a process of its own, which may be that of a user without rights."""
    ours, theirs = os.pipe()
    child = os.fork()
    if not child:
        try:
            if demoted and os.geteuid() == 0:
                os.setgroups([])
                os.setgid(NOBODY)
                os.setuid(NOBODY)
            found = work()
        except BaseException as error:
            found = f"{type(error).__name__}: {error}"
        with os.fdopen(theirs, "wb") as pipe:
            pickle.dump(found, pipe)
        os._exit(0)
    os.close(theirs)
    with os.fdopen(ours, "rb") as pipe:
        found = pickle.load(pipe)
    os.waitpid(child, 0)
    return found
