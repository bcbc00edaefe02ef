"""Plug-ins: files, and installed packages, that bring problems, solvers and learners."""

import sys
from collections.abc import Iterable
from pathlib import Path

from toolkit import learners, problems, solvers
from toolkit._outside import import_file
from toolkit.errors import UserError

KINDS = (problems, solvers, learners)


def load_plugins(files: Iterable[str]) -> None:
    """Imports each file and takes in its components; UserError where it has none."""
    once = {Path(file).resolve(): file for file in files}
    _admit_names(list(once))
    for file in once.values():
        module = import_file(Path(file))
        found = [kind.registry.add(module) for kind in KINDS]
        if not any(found):
            raise UserError(f"The plug-in {file!r} defines no Problem, no Solver and no Learner.")


def tell_of_clashes() -> None:
    """Warns of what installed packages bring under names of the toolkit's."""
    for kind in KINDS:
        for said in kind.registry.clashes():
            print(f"warning: {said}", file=sys.stderr)


def _admit_names(files: list[Path]) -> None:
    """UserError where two files have one name: it is that of what they bring."""
    known: dict[str, Path] = {}
    for file in files:
        other = known.setdefault(file.stem, file)
        if other != file:
            raise UserError(
                f"The plug-ins {str(other)!r} and {str(file)!r} have one name, and what they bring "
                "is called like the file; rename one of them."
            )
