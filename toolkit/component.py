"""Components: frozen dataclasses that a plan can name, found by the name of their file."""

import functools
import importlib
import importlib.util
import json
import pkgutil
import re
import sys
from dataclasses import MISSING, asdict, dataclass, fields
from pathlib import Path
from types import ModuleType
from typing import Any, Generic, TypeVar, get_type_hints

from toolkit.errors import UserError, unknown


@dataclass(frozen=True, kw_only=True)
class Component:
    """A thing that a plan can name. Its fields are its parameters, its file is its name."""

    @classmethod
    def component_name(cls) -> str:
        """The file or folder that defines it: toolkit.solvers.exact is called exact."""
        parts = cls.__module__.split(".")
        return parts[2] if parts[0] == "toolkit" and len(parts) > 2 else parts[-1]

    @property
    def name(self) -> str:
        return self.component_name()

    @property
    def params(self) -> dict[str, Any]:
        """All parameters, as plain JSON values."""
        return asdict(self)

    def __str__(self) -> str:
        default = {f.name: f.default for f in fields(self)}
        changed = {k: v for k, v in self.params.items() if v != default[k]}
        inner = ",".join(f"{k}={v}" for k, v in sorted(changed.items()))
        return f"{self.name}[{inner}]" if inner else self.name


T = TypeVar("T", bound=Component)


class Registry(Generic[T]):
    """The components of a package, one a file; a leading underscore hides a file.

    Entry points of the group named like the package, and files given to `add`, join them.
    """

    def __init__(self, package: str, base: type[T]) -> None:
        self._package, self._base = package, base
        self._extra: dict[str, type[T]] = {}

    @property
    def kind(self) -> str:
        return self._base.__name__.lower()

    def names(self) -> list[str]:
        """All names, found without importing a single component."""
        path = importlib.import_module(self._package).__path__
        ours = {m.name for m in pkgutil.iter_modules(path) if not m.name.startswith("_")}
        return sorted(ours | set(self._extra) | set(_entry_points(self._package)))

    def find(self, name: str) -> type[T]:
        """The class called `name`; UserError with a suggestion where there is none."""
        if name in self._extra:
            return self._extra[name]
        if name not in self.names():
            raise unknown(self.kind, name, self.names())
        module = _entry_points(self._package).get(name, f"{self._package}.{name}")
        return self._only(importlib.import_module(module))

    def build(self, name: str, **params: Any) -> T:
        """An instance of the class called `name`, its parameters checked by name and type."""
        cls = self.find(name)
        hints = get_type_hints(cls)
        known = {f.name: hints[f.name] for f in fields(cls)}
        for key in params:
            if key not in known:
                raise unknown(f"parameter of {self.kind} {name!r}", key, known)
        try:
            return cls(**{k: _coerce(v, known[k], f"{name}.{k}") for k, v in params.items()})
        except ValueError as error:
            raise UserError(f"{self.kind.capitalize()} {name!r}: {error}") from None

    def add(self, module: ModuleType) -> list[str]:
        """Takes in the components of a plug-in's module; returns their names."""
        found = [c for c in vars(module).values() if self._own(c, module)]
        for cls in found:
            self._extra[cls.component_name()] = cls
        return [cls.component_name() for cls in found]

    def _only(self, module: ModuleType) -> type[T]:
        found: list[type[T]] = [c for c in vars(module).values() if self._own(c, module)]
        if len(found) != 1:
            raise TypeError(
                f"{module.__name__} must define one {self._base.__name__}, found {len(found)}."
            )
        return found[0]

    def _own(self, candidate: object, module: ModuleType) -> bool:
        return (
            isinstance(candidate, type)
            and issubclass(candidate, self._base)
            and candidate.__module__.startswith(module.__name__)
        )


@functools.cache
def _entry_points(group: str) -> dict[str, str]:
    """Name -> module of what installed packages bring."""
    from importlib.metadata import entry_points

    return {point.name: point.module for point in entry_points(group=group)}


def parameters(cls: type[Component]) -> dict[str, Any]:
    """Parameter names of a component with their defaults."""
    return {f.name: None if f.default is MISSING else f.default for f in fields(cls)}


def import_file(path: Path) -> ModuleType:
    """Imports a plug-in; its components are named after the file."""
    if not path.is_file():
        raise UserError(f"There is no plug-in file {str(path)!r}; give --plugin a Python file.")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise UserError(f"{str(path)!r} is not a Python file; give --plugin one that ends in .py.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise UserError(
            f"The plug-in {str(path)!r} cannot be imported: {type(error).__name__}: {error}"
        ) from error
    return module


def parse_value(text: str) -> Any:
    """A value from the command line: JSON where it is JSON, else the text itself."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def split_outside_brackets(text: str) -> list[str]:
    """The parts between commas; a comma inside brackets or quotes belongs to its part."""
    parts, depth, quoted = [""], 0, False
    for char in text:
        quoted ^= char == '"'
        depth += 0 if quoted else (char in "[{") - (char in "]}")
        if char == "," and depth == 0 and not quoted:
            parts.append("")
        else:
            parts[-1] += char
    return [part.strip() for part in parts if part.strip()]


def parse_spec(text: str, kind: str = "solver") -> tuple[str, dict[str, Any]]:
    """The name and the parameters of `name` or `name[param=value,…]`, a solver's or a learner's."""
    match = re.fullmatch(r"([\w.-]+)(?:\[(.*)\])?", text)
    if match is None:
        raise UserError(f"Cannot read the {kind} {text!r}; write name or name[param=value,...].")
    params = {}
    for part in split_outside_brackets(match[2] or ""):
        key, equals, value = part.partition("=")
        if not (key.strip() and equals and value.strip()):
            raise UserError(
                f"Cannot read {part!r} in the {kind} {text!r}; write name[param=value,...]."
            )
        params[key.strip()] = parse_value(value.strip())
    return match[1], params


def _coerce(value: Any, hint: Any, where: str) -> Any:
    """Accepts an int for a float; refuses everything else that has not the declared type."""
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(hint, type) and (
        not isinstance(value, hint) or (hint is int and isinstance(value, bool))
    ):
        raise UserError(f"{where} is {value!r}; it takes a value of type {hint.__name__}.")
    return value
