"""Components: frozen dataclasses that a plan can name, found by the name of their file."""

import importlib
import inspect
import json
import pkgutil
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import MISSING, asdict, dataclass, fields
from types import ModuleType
from typing import Any, Generic, TypeVar, get_type_hints

from toolkit._outside import Offer, offers
from toolkit.errors import UserError, unknown


class Unusable(UserError):
    """A component that an installed package brings cannot be used; the others can."""


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

    Files given to `add`, and entry points of the group named like the package, join them.
    """

    def __init__(self, package: str, base: type[T]) -> None:
        self._package, self._base = package, base
        self._extra: dict[str, type[T]] = {}

    @property
    def kind(self) -> str:
        return self._base.__name__.lower()

    def names(self) -> list[str]:
        """All names, found without importing a single component; some may prove unusable."""
        return sorted({*self._files(), *self._extra, *offers(self._package)})

    def find(self, name: str) -> type[T]:
        """The class called `name`; UserError with a suggestion where there is none, and Unusable
        where an installed package brings one that is broken."""
        if name in self._extra:
            return self._extra[name]
        if name in self._files():
            return self._only(importlib.import_module(f"{self._package}.{name}"))
        if name not in offers(self._package):
            raise unknown(self.kind, name, self.names())
        return self._brought(name)

    def usable(self, tell: Callable[[str], object]) -> Iterator[tuple[str, type[T]]]:
        """(name, class) of all that can be used; `tell` hears why the others cannot."""
        for name in self.names():
            try:
                found = self.find(name)
            except Unusable as error:
                tell(str(error))
                continue
            yield name, found

    def clashes(self) -> Iterator[str]:
        """A sentence for every name of the toolkit's that an installed package uses, too."""
        own = self._files()
        for name, found in offers(self._package).items():
            if name in own:
                yield (
                    f"The {self.kind} {name!r} of the installed package {_packages(found)} is left "
                    "out, as the toolkit has one of that name; its authors have to rename it."
                )

    def build(self, name: str, **params: Any) -> T:
        """An instance of the class called `name`, its parameters checked by name and type."""
        cls = self.find(name)
        hints = get_type_hints(cls)
        known = {f.name: hints[f.name] for f in fields(cls)}
        for key in params:
            if key not in known:
                raise unknown(f"parameter of {self.kind} {name!r}", key, known)
        if lacking := [key for key in _needed(cls) if key not in params]:
            raise UserError(
                f"{self.kind.capitalize()} {name!r} has no default for {lacking[0]!r}; set it."
            )
        try:
            return cls(**{k: _coerce(v, known[k], f"{name}.{k}") for k, v in params.items()})
        except ValueError as error:
            raise UserError(f"{self.kind.capitalize()} {name!r}: {error}") from None

    def add(self, module: ModuleType) -> list[str]:
        """Takes in the component of a plug-in's module, in place of what an earlier one brought
        under its name; returns the names. UserError where the name is taken otherwise."""
        found = self._defined(module)
        if len(found) > 1:
            names = ", ".join(sorted(cls.__name__ for cls in found))
            raise UserError(
                f"The plug-in {_file(module)!r} defines {names}; a file holds one "
                f"{self._base.__name__}, called like the file: split it, or begin the names of the "
                "others with an underscore."
            )
        for cls in found:
            self.join(cls)
        return [cls.component_name() for cls in found]

    def join(self, cls: type[T]) -> None:
        """Takes in a class; UserError where it lacks something, or where its name is taken."""
        name, module = cls.component_name(), cls.__module__
        said = f"The plug-in {_file(sys.modules.get(module))!r} brings a {self.kind} {name!r}"
        if lacks := self._lacks(cls):
            raise UserError(f"{said} that {lacks}.")
        if name in self._files():
            if not module.startswith(f"{self._package}."):
                raise UserError(f"{said}, and the toolkit has one of that name; rename the file.")
            return
        if found := offers(self._package).get(name):
            if any(offer.value.partition(":")[0] == module for offer in found):
                return
            raise UserError(
                f"{said}, and so does the installed package {_packages(found)}; rename the file, "
                "or do without it."
            )
        self._extra[name] = cls

    def _files(self) -> set[str]:
        """The names of the package's own."""
        path = importlib.import_module(self._package).__path__
        return {m.name for m in pkgutil.iter_modules(path) if not m.name.startswith("_")}

    def _only(self, module: ModuleType) -> type[T]:
        found = self._defined(module)
        if len(found) != 1:
            raise TypeError(
                f"{module.__name__} must define one {self._base.__name__}, found {len(found)}."
            )
        return found[0]

    def _brought(self, name: str) -> type[T]:
        """What an installed package brings; Unusable where that cannot be used."""
        found = offers(self._package)[name]
        whose = f"The {self.kind} {name!r} of the installed package {found[0].distribution}"
        if len(found) > 1:
            raise Unusable(
                f"The {self.kind} {name!r} is brought by the installed packages "
                f"{_packages(found)}; uninstall all but one of them."
            )
        try:
            loaded = found[0].load()
            cls = self._only(loaded) if isinstance(loaded, ModuleType) else loaded
        except (Exception, SystemExit) as error:
            said = " ".join(f"{type(error).__name__}: {error}".split()).rstrip(".")
            raise Unusable(f"{whose} cannot be imported ({said}); mend or uninstall it.") from error
        if not (isinstance(cls, type) and issubclass(cls, self._base)):
            raise Unusable(f"{whose} is no {self._base.__name__}; mend or uninstall it.")
        if lacks := self._lacks(cls):
            raise Unusable(f"{whose} {lacks}; mend or uninstall it.")
        if cls.component_name() != name:
            raise Unusable(
                f"{whose} lies in a file called {cls.component_name()!r}; its entry point must be "
                "called like the file."
            )
        return cls

    def _lacks(self, cls: type[T]) -> str:
        """What keeps a class from being used, as words; empty: nothing."""
        if missing := sorted(getattr(cls, "__abstractmethods__", ())):
            return f"does not define {', '.join(missing)}"
        promised = inspect.get_annotations(self._base).items()
        wanted = [n for n, hint in promised if not _is_field(hint) and not hasattr(cls, n)]
        if wanted:
            return f"does not set {', '.join(wanted)}"
        own = inspect.get_annotations(cls).items()
        if "__dataclass_params__" not in vars(cls) and any(_is_field(hint) for _, hint in own):
            return "is no dataclass: write @dataclass(frozen=True, kw_only=True) above it"
        if needed := [name for name in _needed(cls) if name not in dict(promised)]:
            return f"has no default for {', '.join(needed)}"
        return ""

    def _defined(self, module: ModuleType) -> list[type[T]]:
        """The classes of this kind that a module, or a package's modules, define; of those that
        are not whole, or hidden by an underscore, only where there is no other."""
        own = {c.__name__: c for c in vars(module).values() if self._own(c, module)}
        shown = [c for name, c in own.items() if not name.startswith("_")]
        return [c for c in shown if not c.__abstractmethods__] or shown

    def _own(self, candidate: object, module: ModuleType) -> bool:
        return (
            isinstance(candidate, type)
            and issubclass(candidate, self._base)
            and f"{candidate.__module__}.".startswith(f"{module.__name__}.")
        )


def _needed(cls: type[Component]) -> list[str]:
    """The parameters without a default."""
    every = (f for f in fields(cls) if f.init)
    return [f.name for f in every if f.default is MISSING and f.default_factory is MISSING]


def _is_field(hint: Any) -> bool:
    """Whether an annotation is a parameter's; it may be text."""
    return "ClassVar" not in str(hint)


def _file(module: ModuleType | None) -> str:
    return str(getattr(module, "__file__", None) or getattr(module, "__name__", "?"))


def _packages(found: Iterable[Offer]) -> str:
    return " and ".join(sorted(offer.distribution for offer in found))


def parameters(cls: type[Component]) -> dict[str, Any]:
    """Parameter names of a component with their defaults."""
    return {f.name: None if f.default is MISSING else f.default for f in fields(cls)}


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
