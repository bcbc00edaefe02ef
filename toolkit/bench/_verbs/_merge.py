"""The verb `merge`: the runs of several stores in one."""

import contextlib
import os
import sys
from argparse import Namespace
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from toolkit.bench._store import Reader, Store
from toolkit.bench.verify import AGREE
from toolkit.errors import UserError
from toolkit.reports import numbers
from toolkit.reports.record import Record
from toolkit.solvers import Stop

SAME = ("status", "verdict", "evaluations")
CLOSE = ("objective", "bound", "violation")
BY_ITSELF = (Stop.FINISHED, Stop.EVALUATIONS)  # no clock had a hand in it
SHOWN = 20  # conflicts


def merge(args: Namespace) -> int:
    """Writes the union of the stores: of each key one run, all instances and references."""
    out = Path(args.out)
    if out.exists():
        raise UserError(f"{str(out)!r} is there already; name a new file with --out.")
    with _scratch(out) as path:
        with _Target(path) as target:
            union = Union(target)
            for name in args.stores:
                with Reader(Path(name)) as source:
                    union.take(source)
            _settle(union.conflicts, args.conflicts)
            runs = len(target)
            target.settle()
        os.replace(path, out)
    found = union.found
    print(f"{out}: {runs} runs" + "".join(f"; {n} {what}" for what, n in sorted(found.items())))
    return 0


class _Target(Store):
    """The store to come."""

    instead = "free some space or name another file with --out"


class Union:
    """What was taken so far, and what of it does not agree."""

    def __init__(self, target: Store) -> None:
        self.found: Counter[str] = Counter()
        self.conflicts: list[str] = []
        self._target = target
        self._source: dict[str, Path] = {}  # key -> the store that its run is of

    def take(self, source: Reader) -> None:
        """All of a store, or nothing."""
        with self._target.writing():
            for instance in source.instances():
                self._target.put_instance(*instance)
            for reference in source.references():
                self._target.put_reference(reference)
            for created_at, record in source.dated():
                self._take(record, created_at, source.path)

    def _take(self, record: Record, created_at: str, path: Path) -> None:
        old = self._target.find([record.key]).get(record.key)
        if old is not None and not self._replaces(record, created_at, old, path):
            return
        self._target.put_run(record, created_at)
        self._source[record.key] = path

    def _replaces(self, new: Record, created_at: str, old: Record, path: Path) -> bool:
        """Whether a run takes the place of another one of its key: what did not fail, then what is
        newer."""
        if new == old:
            self.found["twice the same"] += 1
            return False
        if new.failed != old.failed:
            self.found["failed in one store and not in another"] += 1
            return old.failed
        before = self._target.created(old.key)
        if differ(new, old):
            self.conflicts.append(
                f"{new.instance} {new.label} {new.key}: {_worth(old)} ({self._source[old.key]}, "
                f"{before}) against {_worth(new)} ({path}, {created_at})"
            )
            self.found["in conflict, the newer kept"] += 1
        else:
            self.found["run twice, the newer kept"] += 1
        return created_at > before


def differ(one: Record, other: Record) -> bool:
    """Whether two runs of a key have other numbers, though no clock and no fault ended either."""
    if one.failed or other.failed or not {one.stop, other.stop} <= set(BY_ITSELF):
        return False
    if any(getattr(one, name) != getattr(other, name) for name in SAME):
        return True
    return any(_apart(getattr(one, name), getattr(other, name)) for name in CLOSE)


def _apart(one: float | None, other: float | None) -> bool:
    """Whether two numbers differ by more than rounding: processors add in orders of their own."""
    if one is None or other is None:
        return one is not other
    return abs(one - other) > AGREE * max(1.0, abs(one), abs(other))


def _worth(record: Record) -> str:
    """What a run has found, in a few words."""
    bound = "" if record.bound is None else f" bound {numbers.number(record.bound, 12)}"
    value = "" if record.objective is None else f" {numbers.number(record.objective, 12)}"
    return f"{record.status}{value}{bound} after {record.evaluations} evaluations"


def _settle(conflicts: list[str], rule: str) -> None:
    """Names the conflicts; UserError where they are not to be settled."""
    for text in conflicts[:SHOWN]:
        print(f"conflict: {text}", file=sys.stderr)
    if len(conflicts) > SHOWN:
        print(f"conflict: and {len(conflicts) - SHOWN} more", file=sys.stderr)
    if conflicts and rule == "refuse":
        raise UserError(
            f"{len(conflicts)} runs have one key and different numbers, so nothing was written; "
            "find out why, or keep the newer ones with --conflicts newer."
        )


@contextlib.contextmanager
def _scratch(out: Path) -> Iterator[Path]:
    """A file beside the one to come, which is gone afterwards with all that belongs to it."""
    path = out.with_name(out.name + ".part")
    files = [path.with_name(path.name + end) for end in ("", "-wal", "-shm")]
    _remove(files)
    try:
        yield path
    finally:
        _remove(files)


def _remove(files: list[Path]) -> None:
    for file in files:
        with contextlib.suppress(OSError):
            file.unlink(missing_ok=True)
