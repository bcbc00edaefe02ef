"""What comes from outside: plug-in files, and what the metadata of installed packages offers."""

import contextlib
import functools
import importlib
import importlib.util
import re
import sys
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from toolkit.errors import UserError

PLUGINS = "toolkit_plugins."  # what files are known as, before their own names


@dataclass(frozen=True)
class Offer:
    """An entry point: a name, where its component is, and the distribution that says so."""

    name: str
    value: str  # module, or module:class
    distribution: str

    def load(self) -> Any:
        """The module or the class; raises whatever importing it raises."""
        module, _, attribute = self.value.partition(":")
        found: Any = importlib.import_module(module.strip())
        for part in filter(None, attribute.strip().split(".")):
            found = getattr(found, part)
        return found


@functools.cache
def offers(group: str) -> Mapping[str, tuple[Offer, ...]]:
    """What is offered under each name; nothing is imported."""
    from importlib.metadata import entry_points

    found: dict[str, tuple[Offer, ...]] = {}
    for point in entry_points(group=group):
        brought_by = point.dist.name if point.dist is not None else "an unknown package"
        offer = Offer(point.name, point.value.partition("[")[0].strip(), brought_by)
        found[point.name] = (*found.get(point.name, ()), offer)
    return found


def blamed(error: BaseException) -> str | None:
    """What came from outside and raised this, in words; None where nothing did."""
    groups = (offers(f"toolkit.{kind}") for kind in ("problems", "solvers", "learners"))
    brought = {o.value.partition(":")[0] for group in groups for of in group.values() for o in of}
    for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
        module, file = frame.f_globals.get("__name__", ""), frame.f_code.co_filename
        if module.startswith(PLUGINS) or module in brought:
            said = " ".join(str(error).split())
            return f"{file}, line {line}, raised {type(error).__name__}: {said}"
    return None


def import_file(path: Path) -> ModuleType:
    """Imports a plug-in; its components are named after the file.

    Python knows it under a name of its own, lest a file called `random.py` replace what others
    import under that name.
    """
    if not path.is_file():
        raise UserError(f"There is no plug-in file {str(path)!r}; give --plugin a Python file.")
    if not re.fullmatch(r"\w[\w-]*", path.stem):
        raise UserError(
            f"The plug-in {str(path)!r} cannot be named on the command line; rename the file with "
            "letters, digits, _ and - alone."
        )
    known_as = f"{PLUGINS}{path.stem}"
    spec = importlib.util.spec_from_file_location(known_as, path)
    if spec is None or spec.loader is None:
        raise UserError(f"{str(path)!r} is not a Python file; give --plugin one that ends in .py.")
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(PLUGINS[:-1], ModuleType(PLUGINS[:-1]))  # pickle imports it first
    sys.modules[known_as] = module
    try:
        with contextlib.redirect_stdout(sys.stderr):  # what it prints is no result
            spec.loader.exec_module(module)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        del sys.modules[known_as]
        raise UserError(
            f"The plug-in {str(path)!r} cannot be imported: {type(error).__name__}: {error}"
        ) from error
    return module
