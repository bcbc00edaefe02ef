"""Where cases run: an executor is handed cases and hands back a record for each.

It runs every case through an `Attempt`, so that limits hold wherever that is; who asked for the
cases alone writes what comes of them.
"""

from collections.abc import Callable, Generator, Iterable, Sequence
from typing import Any, Protocol

from toolkit.bench._cases._case import Case
from toolkit.instances import Instance
from toolkit.problems import Problem
from toolkit.reports.record import Record

Records = Generator[Record, None, None]
Tick = Callable[[Sequence[str]], None]  # told several times a second what is running
Halted = Callable[[], bool]  # whether to start no other case


class Executor(Protocol):
    """Runs cases."""

    def run(
        self, cases: Iterable[Case], tick: Tick | None = None, halted: Halted = lambda: False
    ) -> Records:
        """The record of every case as it ends; what runs when it is closed is killed.

        Once `halted`, what runs may end, and no other case is started.
        """


def make_record(case: Case, **fields: Any) -> Record:
    """The record of a case."""
    problem, instance, solver = case.problem, case.instance, case.solver
    limits = {"seconds": case.seconds, "evaluations": case.evaluations, "memory": case.memory}
    own = {
        "key": case.key,
        "problem": problem.name,
        "version": problem.version,
        "preset": case.preset,
        "n_users": problem.users(instance.data),
        "problem_params": problem.params,
        "instance": instance.name,
        "digest": instance.digest,
        "sense": problem.sense,
        "solver": solver.name,
        "params": solver.params,
        "label": case.label,
        "seed": case.seed,
        "limits": limits,
        "environment": case.environment,
        "about": _about(problem, instance),
    }
    return Record(**{**own, **fields})


def _about(problem: Problem, instance: Instance) -> dict[str, Any]:
    """What the problem has to say; nothing where it says nothing."""
    told = {
        "instance": problem.about(instance.data),
        "objective": problem.measure,
        "terms": dict(problem.shown),
    }
    return {key: value for key, value in told.items() if value}
