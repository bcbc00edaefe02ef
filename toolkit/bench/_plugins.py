"""Plug-ins: files that bring problems and solvers of their own."""

from collections.abc import Iterable
from pathlib import Path

from toolkit import problems, solvers
from toolkit.component import import_file
from toolkit.errors import UserError


def load_plugins(files: Iterable[str]) -> None:
    """Imports each file and takes in its components; UserError where it has none."""
    for file in files:
        module = import_file(Path(file))
        if not problems.registry.add(module) + solvers.registry.add(module):
            raise UserError(f"The plug-in {file!r} defines no Problem and no Solver.")
