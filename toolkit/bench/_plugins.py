"""Plug-ins: files that bring problems, solvers and learners of their own."""

from collections.abc import Iterable
from pathlib import Path

from toolkit import learners, problems, solvers
from toolkit.component import import_file
from toolkit.errors import UserError


def load_plugins(files: Iterable[str]) -> None:
    """Imports each file and takes in its components; UserError where it has none."""
    for file in files:
        module = import_file(Path(file))
        found = [kind.registry.add(module) for kind in (problems, solvers, learners)]
        if not any(found):
            raise UserError(f"The plug-in {file!r} defines no Problem, no Solver and no Learner.")
