"""The verb `leaderboard`: the methods of stores, ranked suite by suite."""

from argparse import Namespace
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from toolkit.bench._cases._plan import ensure_writable
from toolkit.bench._store import Reader
from toolkit.bench._suite._digests import suites_of
from toolkit.bench._suite._files import Suite
from toolkit.bench._suite._known import known_of
from toolkit.errors import UserError
from toolkit.reports import export
from toolkit.reports.board import Frozen, contents_of_boards
from toolkit.reports.board._entries import Source

from ._report import print_summary, write_files

OK = 0


def leaderboard(args: Namespace) -> int:
    """Writes the page, or prints the tables where no folder is named."""
    if args.out is None and args.format is not None:
        raise UserError("--format writes files; name their folder with --out.")
    formats = export.parse_formats(args.format or "html")
    folder = None if args.out is None else Path(args.out)
    if folder is not None:
        ensure_writable(folder, "--out")
    sources = read_sources([Path(name) for name in args.stores])
    suites = frozen_suites(sources, args.suite)
    contents = contents_of_boards(sources, suites, only=args.suite is not None)
    if folder is None:
        print_summary(contents)
    else:
        write_files(contents, folder, formats, args.width)
    return OK


def read_sources(paths: Sequence[Path]) -> list[Source]:
    """The runs of the stores, which are called by their files' names, with as much of the path
    as tells them apart."""
    sources = []
    for path, name in zip(paths, _names(paths), strict=True):
        with Reader(path) as store:
            sources.append(Source(name, tuple(store.dated())))
    return sources


def _names(paths: Sequence[Path]) -> list[str]:
    resolved = [path.resolve() for path in paths]
    twice = next((p for p, number in Counter(resolved).items() if number > 1), None)
    if twice is not None:
        raise UserError(f"The store {twice.name!r} is named twice; name each store once.")
    depth, longest = 1, max(len(path.parts) for path in resolved)
    while depth < longest and len({path.parts[-depth:] for path in resolved}) < len(resolved):
        depth += 1
    return ["/".join(path.parts[-depth:]) for path in resolved]


def frozen_suites(sources: Sequence[Source], asked: Sequence[str] | None) -> list[Frozen]:
    """The suites that were asked for, or all that runs are on, with their references."""
    names = asked
    if names is None:
        names = list(suites_of(record for source in sources for _, record in source.runs))
    return [_frozen(name) for name in dict.fromkeys(names)]


def _frozen(name: str) -> Frozen:
    digests = tuple(row.digest for row in Suite.read(name).rows)
    return Frozen(name, digests, tuple(known_of(name).records))
