"""The verb `report`: a store as a page, as tables and figures, or as text on the terminal."""

import os
import shutil
import sys
from argparse import Namespace
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from toolkit.bench._cases._case import problem_of
from toolkit.bench._cases._plan import ensure_writable
from toolkit.bench._engine._signals import ENDING, handled_by, interrupt
from toolkit.bench._store import Reader
from toolkit.bench._suite._digests import suites_of
from toolkit.bench._suite._known import as_record
from toolkit.errors import UserError, unknown
from toolkit.instances import Instance
from toolkit.reports import export
from toolkit.reports.contents import Contents, contents_of
from toolkit.reports.frame import Drawn, Report, make_groups
from toolkit.reports.record import Record
from toolkit.reports.terminal import WIDTH, summary

from ._studies import studies_of

OK = 0
NARROWEST = 40  # letters of a line: of fewer no table can be made


def report(args: Namespace) -> int:
    """Writes or prints what is asked for."""
    path = Path(args.store)
    if args.watch:
        from ._watch import watch

        _ensure_alone(args)
        return watch(path, args.port, lambda store: make_contents(store, args))
    if args.port is not None:
        raise UserError("--port is for --watch; leave it out, or add --watch.")
    if args.out is None and args.format is not None:
        raise UserError("--format writes files; name their folder with --out.")
    formats = export.parse_formats(args.format or "html")
    folder = None if args.out is None else Path(args.out)
    if folder is not None:
        ensure_writable(folder, "--out")
    with Reader(path) as store:
        contents = make_contents(store, args)
    if folder is None:
        print_summary(contents)
    else:
        write_files(contents, folder, formats, args.width)
    return OK


def write_files(contents: Contents, folder: Path, formats: Sequence[str], width: str) -> None:
    """Writes them and tells where; who asks for an end leaves no half of a file behind."""
    with handled_by(interrupt, *ENDING):
        paths = export.write(contents, folder, formats, width)
    tell(paths, folder)


def make_contents(store: Reader, args: Namespace) -> Contents:
    """All that is shown of a store; remarks are for a page that is made once."""
    return contents_of(read_report(store, args.problem, args.plan, remarks=not args.watch))


def print_summary(contents: Contents) -> None:
    """To standard output; where a person reads there, in colours and as narrow as the terminal."""
    read = sys.stdout.isatty()
    room = shutil.get_terminal_size((WIDTH, 24)).columns if read else WIDTH
    width = max(NARROWEST, min(WIDTH, room))
    colour = read and not os.environ.get("NO_COLOR")
    print(summary(contents, colour, sys.stdout.encoding or "ascii", width))


def tell(paths: Iterable[Path], folder: Path) -> None:
    """Where everything is: the page, or how many files are in which folder."""
    counts = Counter(path.relative_to(folder).parts[0] for path in paths)
    for name, number in counts.items():
        print(folder / name if number == 1 else f"{folder / name}: {number} files")


def read_report(
    store: Reader, problem: str | None = None, plans: Sequence[str] = (), remarks: bool = True
) -> Report:
    """All that a store holds, of one problem or of all, ready to be shown while it is open."""
    look_up = _finder(store)
    records = _chosen(list(store), problem)
    groups, older = make_groups(records, references_of(store, look_up), look_up)
    named = {Path(plan).resolve(): Path(plan) for plan in plans}  # once, however often it is named
    studies = studies_of(named.values(), records)
    if studies.remark and remarks:
        print(f"note: {studies.remark}", file=sys.stderr)
    return Report(
        title=store.path.name,
        groups=groups,
        older=older,
        look_up=look_up,
        suites=suites_of(records),
        studies=studies.chapters,
    )


def _chosen(records: Sequence[Record], problem: str | None) -> list[Record]:
    names = {record.problem for record in records}
    if problem is not None and problem not in names:
        raise unknown("problem of this store", problem, names)
    return [record for record in records if problem in (None, record.problem)]


def references_of(store: Reader, look_up: Callable[[str], Drawn | None]) -> list[Record]:
    """The references in force, as records, of the instances that can be had."""
    every = list(store.references())
    superseded = {each.supersedes for each in every}
    found = [(each, look_up(each.digest)) for each in every if each.id not in superseded]
    return [as_record(*drawn, each) for each, drawn in found if drawn is not None]


def _finder(store: Reader) -> Callable[[str], Drawn | None]:
    """Looks an instance up by its digest; None where its plug-in is not at hand."""

    def look_up(digest: str) -> Drawn | None:
        try:
            instance = Instance.from_json(store.instance(digest), f"The instance {digest}")
            return problem_of(instance, f"The instance {digest}"), instance
        except UserError:
            return None

    return look_up


def _ensure_alone(args: Namespace) -> None:
    if args.out is not None or args.format is not None:
        raise UserError("--watch shows the page and writes no files; leave --out and --format out.")
