"""Whether a solver has left alone what it was given: its own process judges what it finds."""

from dataclasses import replace
from inspect import getattr_static
from types import FunctionType

from toolkit.errors import UserError
from toolkit.instances import Instance
from toolkit.problems import Problem

METHODS = (FunctionType, staticmethod, classmethod, property)


class Tampered(UserError):
    """The instance or the problem is another one than before; what was judged may be worth nothing.

    It is found where data, parameters or methods were replaced, by mistake most of all. Against one
    who means to deceive (and patches the code below them) `verify` stands, in another process.
    """


class Original:
    """An instance and its problem, as they were before the solver had them."""

    def __init__(self, problem: Problem, instance: Instance) -> None:
        self.instance = instance
        self._problem, self._digest = problem, instance.digest
        self._nature = _nature(problem)

    def check(self) -> None:
        """Raises where they are so no more."""
        if replace(self.instance).digest != self._digest:
            raise Tampered("The solver has changed the instance's data; it has to copy them first.")
        params, methods = _nature(self._problem)
        if params != self._nature[0] or not self._nature[1].items() <= methods.items():
            raise Tampered("The solver has changed the problem; it has to leave it as it is.")


def _nature(problem: Problem) -> tuple[str, dict[str, int]]:
    """Its parameters, and which functions its methods are; what is added beside them is a cache."""
    parts = (item for cls in type(problem).__mro__ for item in vars(cls).items())
    names = {name for name, part in parts if isinstance(part, METHODS)}
    return repr(problem.params), {name: id(getattr_static(problem, name)) for name in names}
