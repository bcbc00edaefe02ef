"""The sections of a report, one a file: pure numbers to sentences, tables and charts.

A file has `ORDER`, its place, and either `of_group(group)`, asked for each group of comparable
runs, or `of_report(report)`, asked once; both return a section, several, or None where they have
nothing to say.
"""

import pkgutil
from collections.abc import Iterable
from functools import cache
from importlib import import_module
from types import ModuleType

from toolkit.reports.content import Section
from toolkit.reports.frame import Group, Report


@cache
def _modules() -> tuple[ModuleType, ...]:
    names = [found.name for found in pkgutil.iter_modules(__path__) if found.name[0] != "_"]
    return tuple(sorted((import_module(f"{__name__}.{n}") for n in names), key=_order))


def _order(module: ModuleType) -> int:
    return int(module.ORDER)


def of_group(group: Group) -> list[Section]:
    """What the sections say of a group, in their order."""
    return _flat(module.of_group(group) for module in _modules() if hasattr(module, "of_group"))


def of_report(report: Report) -> list[Section]:
    """What the sections say of the report as a whole, in their order."""
    return _flat(module.of_report(report) for module in _modules() if hasattr(module, "of_report"))


def _flat(asked: Iterable[Section | list[Section] | None]) -> list[Section]:
    """What was said, where anything was."""
    said = (each if isinstance(each, list) else [each] for each in asked)
    return [section for several in said for section in several if section is not None]
