"""Traces of people: a folder of text files, one a person and day, read with a word on every fault.

A line holds time (s), x and y (m); a row comes every 30 s (the KAIST traces of NCSU's mobility
models, as the E2EHCO framework uses them). What is done about faults:

- a line that is not three finite numbers is dropped, and so is one whose time does not advance by
  half a period (the first of equal times stays);
- a gap of whole periods, at most `FILLED` of them, is filled along a straight line;
- at every other gap, at a time that goes back and at a step faster than `JUMP` the trace is cut,
  and its longest piece is kept;
- a trace with another period, with fewer than `SHORTEST` rows left, or with the same positions as
  an earlier one is left out;
- a file of which more than half of the lines are bad is no trace: an error.
"""

import functools
import hashlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from toolkit.errors import UserError

from ._region import PERIOD

FILLED = 10  # periods: five minutes
JUMP = 50.0  # m/s
SHORTEST = 100  # rows: an episode of 50 minutes
TRAINING = 0.65  # of the traces
SLACK = 1.0  # s by which a period may be off

PARTS = ("all", "train", "test")


@dataclass(frozen=True, eq=False)
class Traces:
    """Traces that can be used, one position every 30 s, and what was wrong with the files."""

    names: tuple[str, ...]
    paths: tuple[np.ndarray, ...]  # (rows, 2) each, metres
    remarks: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        return sum(map(len, self.paths))

    @functools.cached_property
    def digest(self) -> str:
        """SHA-256 over names and positions (16 digits): not over where the files are."""
        sha = hashlib.sha256()
        for name, path in zip(self.names, self.paths, strict=True):
            sha.update(f"{name}\x1f{len(path)}\x1f".encode())
            sha.update(path.astype("<f8").tobytes())
        return sha.hexdigest()[:16]

    @property
    def summary(self) -> str:
        """One line: how much there is, and every fault with what was done about it."""
        said = "; ".join(self.remarks) or "no faults"
        return f"{len(self.names)} traces, {self.rows:,} rows of {PERIOD:g} s; {said}"

    def part(self, which: str) -> "Traces":
        """The traces to train on (65 %), those to test on, or all: whole traces, never pieces.

        Which is which follows from the SHA-256 of their names: the same on every machine.
        """
        if which == "all":
            return self
        ranked = sorted(self.names, key=_lot)
        first = round(TRAINING * len(ranked))
        chosen = set(ranked[:first] if which == "train" else ranked[first:])
        pairs = [p for p in zip(self.names, self.paths, strict=True) if p[0] in chosen]
        if not pairs:
            raise UserError(f"{len(self.names)} traces leave none to {which} on; give more.")
        return Traces(tuple(n for n, _ in pairs), tuple(p for _, p in pairs), self.remarks)


def read_traces(folder: str | Path) -> Traces:
    """The traces of a folder's .txt files (.TXT too), in the order of their names.

    UserError where the folder is missing or holds none, or where a file is no trace.
    """
    root = Path(folder)
    if not root.is_dir():
        raise UserError(f"There is no folder {str(folder)!r} of traces; name one with .txt files.")
    files = _files(root)
    if not files:
        raise UserError(f"The folder {str(folder)!r} holds no traces; name one with .txt files.")
    kept: dict[str, np.ndarray] = {}
    seen: dict[bytes, str] = {}
    remarks = []
    for file in files:
        path, said = _read(file)
        first = seen.setdefault(path.tobytes() or file.name.encode(), file.stem)
        if 0 < len(path) < SHORTEST:
            said.append(f"left out, {len(path)} rows are fewer than {SHORTEST}")
        elif first != file.stem:
            said.append(f"left out, the same as {first}")
        elif len(path):
            kept[file.stem] = path
        if said:
            remarks.append(f"{file.stem}: {', '.join(said)}")
    if not kept:
        raise UserError(f"No trace in {str(folder)!r} can be used ({'; '.join(remarks)}).")
    return Traces(tuple(kept), tuple(kept.values()), tuple(remarks))


def cached_traces(folder: str) -> Traces:
    """`read_traces`, once for each state of the folder's files."""
    return _cached(folder, _state(Path(folder)))


@functools.lru_cache(maxsize=4)
def _cached(folder: str, state: tuple[tuple[str, int, int], ...]) -> Traces:
    return read_traces(folder)


def _state(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """What tells that a file came, went or changed."""
    stats = [(path.name, path.stat()) for path in _files(folder)]
    return tuple((name, stat.st_mtime_ns, stat.st_size) for name, stat in stats)


def _files(folder: Path) -> list[Path]:
    """The files that are read; UserError where two of them would have the same name."""
    found = [path for path in folder.glob("*") if path.suffix.lower() == ".txt" and path.is_file()]
    named: dict[str, Path] = {}
    for path in sorted(found):
        if other := named.get(path.stem):
            raise UserError(f"{str(folder)!r} holds {other.name} and {path.name}; rename one.")
        named[path.stem] = path
    return list(named.values())


def _lot(name: str) -> bytes:
    return hashlib.sha256(f"mobility\x1f{name}".encode()).digest()


def _read(file: Path) -> tuple[np.ndarray, list[str]]:
    """The positions of a file, (rows, 2), and what was done to them; no rows: of no use."""
    table, bad = _numbers(file)
    said = [_count(bad, "bad line", "dropped")] if bad else []
    steps = np.diff(table[:, 0])
    usual = float(np.median(steps)) if len(steps) else PERIOD
    if not abs(usual - PERIOD) <= SLACK:
        return table[:0, 1:], [*said, f"left out, its period is {usual:g} s, not {PERIOD:g} s"]
    table, repeated = _without_repeats(table)
    if repeated:
        said.append(_count(repeated, "repeated time", "dropped"))
    path, faults = _longest(table)
    return path, said + faults


def _numbers(file: Path) -> tuple[np.ndarray, int]:
    """The good lines of a file, (rows, 3), and how many bad ones there are."""
    try:
        lines = [line for line in file.read_text().splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"Cannot read the trace {str(file)!r}: {error}.") from None
    if not lines:
        raise UserError(f"The trace {str(file)!r} is empty; take it out of the folder.")
    rows = [row for line in lines if (row := _row(line)) is not None]
    if 2 * len(rows) < len(lines) or not rows:
        usual = Counter(len(line.split()) for line in lines).most_common(1)[0][0]
        raise UserError(
            f"{str(file)!r} is no trace: {len(rows)} of its {len(lines)} lines are the three "
            f"numbers 'time x y' (most have {usual} words); mend it, or take it out of the folder."
        )
    return np.array(rows), len(lines) - len(rows)


def _row(line: str) -> tuple[float, ...] | None:
    """Time, x and y of a line; None where it holds anything else."""
    try:
        row = tuple(float(word) for word in line.split())
    except ValueError:
        return None
    return row if len(row) == 3 and np.isfinite(row).all() else None


def _without_repeats(table: np.ndarray) -> tuple[np.ndarray, int]:
    """Rows whose time is that of the row before are dropped."""
    fresh = np.ones(len(table), bool)
    fresh[1:] = np.abs(np.diff(table[:, 0])) > PERIOD / 2
    return table[fresh], int((~fresh).sum())


def _longest(table: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """The longest piece without a gap or a jump, small gaps filled, and how often each was met."""
    seconds, metres = np.diff(table[:, 0]), np.hypot(*np.diff(table[:, 1:], axis=0).T)
    periods = np.round(seconds / PERIOD)
    whole = (np.abs(seconds - periods * PERIOD) <= SLACK) & (periods >= 1) & (periods <= FILLED)
    jump = whole & (metres > JUMP * np.maximum(seconds, 1.0))
    cuts = np.flatnonzero(~whole | jump) + 1
    pieces = [_filled(piece) for piece in np.split(table, cuts)]
    path = max(pieces, key=len)
    said = [
        _count(int((whole & (periods > 1)).sum()), "gap", "filled"),
        _count(int((~whole).sum()), "gap", "cut"),
        _count(int(jump.sum()), "jump", "cut"),
        _count(sum(map(len, pieces)) - len(path), "row", "lost by cuts"),
    ]
    return path, [text for text in said if text]


def _filled(piece: np.ndarray) -> np.ndarray:
    """Positions every period from the first row to the last, (rows, 2)."""
    index = np.round((piece[:, 0] - piece[0, 0]) / PERIOD)
    every = np.arange(int(index[-1]) + 1)
    return np.stack([np.interp(every, index, piece[:, axis]) for axis in (1, 2)], axis=-1)


def _count(number: int, thing: str, done: str) -> str:
    """'2 gaps filled'; nothing where there are none."""
    return f"{number} {thing}{'s' * (number != 1)} {done}" if number else ""
