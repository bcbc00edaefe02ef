"""What a page, a folder of files or a terminal shows: chapters of sections, made once for all."""

from collections.abc import Iterator
from dataclasses import dataclass

from msgspec.structs import replace

from toolkit.reports import sections
from toolkit.reports.content import Chart, Section, Table, fresh
from toolkit.reports.frame import Report


@dataclass(frozen=True)
class Chapter:
    """Sections that belong together, under a title; `name` is the same as a fragment."""

    name: str
    title: str
    sections: list[Section]


@dataclass(frozen=True)
class Contents:
    """A title, chapters, and sections that are about all of them."""

    title: str
    chapters: tuple[Chapter, ...]
    closing: list[Section]

    @property
    def sections(self) -> Iterator[Section]:
        """All of them, in their order."""
        for chapter in self.chapters:
            yield from chapter.sections
        yield from self.closing

    @property
    def tables(self) -> Iterator[Table]:
        for section in self.sections:
            yield from section.tables

    @property
    def charts(self) -> Iterator[Chart]:
        for section in self.sections:
            yield from section.charts


def contents_of(report: Report) -> Contents:
    """A chapter a group of comparable runs. No two chapters, tables or charts are called alike:
    names of stores may differ in what slugs leave out."""
    places: set[str] = set()
    tables: set[str] = set()
    charts: set[str] = set()
    chapters = tuple(
        Chapter(
            fresh(group.name, places),
            group.title,
            _apart(sections.of_group(group), tables, charts),
        )
        for group in report.groups
    )
    return Contents(report.title, chapters, _apart(sections.of_report(report), tables, charts))


def _apart(found: list[Section], tables: set[str], charts: set[str]) -> list[Section]:
    """The sections of one place, with names that none of them and no other file has."""
    names: set[str] = set()
    return [
        replace(
            section,
            name=fresh(section.name, names),
            tables=[replace(each, name=fresh(each.name, tables)) for each in section.tables],
            charts=[replace(each, name=fresh(each.name, charts)) for each in section.charts],
        )
        for section in found
    ]
