"""The verb `compare`: two sets of runs, paired; what is worse, and whether that is a regression."""

import json
import textwrap
from argparse import Namespace
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from toolkit import solvers
from toolkit.bench._command._files import LIST
from toolkit.bench._store import Reader, is_store
from toolkit.errors import UserError
from toolkit.reports._aligned import WIDTH, align
from toolkit.reports.compare import workload
from toolkit.reports.paired import Line, Pair, Pairing, lines, paired
from toolkit.reports.record import Record

from ._compare_gates import Gate, changed, moved, parse_gates

OK, REGRESSION = 0, 1
SHOWN = 20  # runs that are named of each sort
SLOWER = 0.1  # what is said of times in words: from this lead on, the whole interval
HEAD = (
    ("", "solver"),
    ("", "measure"),
    ("", "pairs"),
    ("", "better"),
    ("", "equal"),
    ("", "worse"),
    ("median", "change"),
    ("95 %", "interval"),
    ("worst", "pair"),
)
LEGEND = (
    "change = B less A, of the same problem, instance, solver and seed; + is worse; in % of A's "
    "value, of gaps in points (pp); better and worse by more than 1e-9",
    "gap to best: to the best objective that A or B has for the instance; proven gap: where a "
    "bound was re-proved; evaluations, seconds: where neither clock nor failure ended a run",
)
NEEDED = ("problem", "instance", "digest", "solver", "params", "seed", "sense", "status", "stop")
# Of a row of `--json`, or of what `dump` writes; a record's other fields are of no use here.
USED = (
    *(*NEEDED, "label", "verdict", "objective", "bound", "gap", "violation"),
    *("seconds", "evaluations", "yardstick"),
)


def compare(args: Namespace) -> int:
    """Prints the comparison; 1 where a gate does not let something pass."""
    gates = parse_gates(args.fail_on) if args.fail_on is not None else []
    before, after = (list(read_side(Path(name))) for name in (args.before, args.after))
    pairing = paired(before, after)
    for one, other in ((pair.before, pair.after) for pair in pairing.pairs):
        if one.sense != other.sense:
            raise UserError(f"A has {one.problem!r} as {one.sense}, B as {other.sense}.")
    if not pairing.pairs:
        raise UserError(
            f"{args.before!r} and {args.after!r} have no run in common (problem, instance, solver "
            "and seed); run the same plan for both."
        )
    print(f"A {args.before}: {len(before)} runs\nB {args.after}: {len(after)} runs")
    print("\n\n".join(_blocks(pairing)))
    return _judge(gates, pairing) if gates else OK


def read_side(path: Path) -> Iterator[Record]:
    """The runs of a store, of a folder of `--out`, or of a list, oldest first."""
    if is_store(path):
        with Reader(path) as store:
            yield from (record for record in store if not record.refused)
        return
    file = path / LIST if path.is_dir() else path
    try:
        text = file.read_text()
    except OSError as error:
        raise UserError(
            f"Cannot read {str(file)!r} ({error.strerror}); name a store, a folder of --out or a "
            "runs.jsonl."
        ) from None
    except ValueError:
        raise UserError(f"{str(file)!r} is neither a store nor a list of runs.") from None
    found = (_record(line, file) for line in text.split("\n") if line.strip())
    yield from (record for record in found if not record.refused)


def _record(line: str, file: Path) -> Record:
    """The record of a row, as far as a comparison asks for it."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        row = None
    if not isinstance(row, dict) or not set(NEEDED) <= row.keys():
        raise UserError(f"{str(file)!r} is not a list of runs; name a store or a runs.jsonl.")
    blank = {"key": "", "version": 0, "preset": None, "n_users": 0, "problem_params": {}}
    given = {name: row[name] for name in USED if row.get(name) is not None}
    label = given.pop("label", None) or _label(row)
    try:
        return msgspec.convert({**blank, "label": label, "limits": _limits(row), **given}, Record)
    except msgspec.ValidationError as error:
        raise UserError(f"{str(file)!r} has a row that is no run ({error}).") from None


def _label(row: dict[str, Any]) -> str:
    """What tables call the solver, in rows of a toolkit that did not write it."""
    try:
        return str(solvers.registry.build(row["solver"], **row["params"]))
    except (UserError, TypeError):  # of a plug-in, or with parameters of another time
        return f"{row['solver']}{row['params'] or ''}"


def _limits(row: dict[str, Any]) -> dict[str, Any]:
    names = ("seconds", "evaluations", "memory")
    return {name: row[key] for name in names if (key := f"limit_{name}") in row}


# What is shown.


def _blocks(pairing: Pairing) -> Iterator[str]:
    yield _counts(pairing)
    groups: dict[str, list[Pair]] = {}
    for pair in pairing.pairs:
        groups.setdefault(pair.after.problem, []).append(pair)
    found = {problem: lines(pairs) for problem, pairs in groups.items()}
    for problem, rows in found.items():
        yield f"{problem}\n" + align(HEAD, [_cells(line) for line in rows], left=range(2))
    yield "\n".join(_wrap(line) for line in (*LEGEND, *_hosts(pairing.pairs)))
    advice = [text for rows in found.values() for line in rows if (text := _advice(line))]
    if advice:
        yield "\n".join(_wrap(text) for text in advice)
    for title, runs in (("A", pairing.only_before), ("B", pairing.only_after)):
        if runs:
            yield _listed(
                f"only in {title}", (f"{r.label} on {r.instance}, seed {r.seed}" for r in runs)
            )
    if texts := [_move(pair) for pair in pairing.pairs if _moves(pair)]:
        yield _listed("status", texts)


def _counts(pairing: Pairing) -> str:
    chance = sum(not pair.gated for pair in pairing.pairs)
    text = f"{len(pairing.pairs)} pairs"
    text += f"; only in A: {len(pairing.only_before)}, only in B: {len(pairing.only_after)}"
    if pairing.older:
        text += f"; {pairing.older} older runs of the same are left out"
    if chance:
        text += f"; {chance} pairs only advise, as the clock or a failure ended A's run"
    unlike = sum(_other_limits(pair) for pair in pairing.pairs)
    if unlike:
        text += f"\nwarning: {unlike} pairs had other limits in A than in B"
    if other := sum(_other_version(pair) for pair in pairing.pairs):
        text += f"\nwarning: {other} pairs are of different versions of their problem's formula"
    return text


def _other_limits(pair: Pair) -> bool:
    one, two = pair.before.limits, pair.after.limits
    names = ("seconds", "evaluations", "memory")
    return bool(one and two) and any(one.get(n) != two.get(n) for n in names)


def _other_version(pair: Pair) -> bool:
    """Lists do not tell the version."""
    one, two = pair.before.version, pair.after.version
    return bool(one and two) and one != two


def _cells(line: Line) -> list[str]:
    unit = line.measure.unit
    low, high = changed(line.low, unit), changed(line.high, unit)
    return [
        line.label,
        line.measure.name,
        str(line.better + line.equal + line.worse),
        *(str(count) for count in (line.better, line.equal, line.worse)),
        changed(line.median, unit),
        low if low == high else f"{low} to {high}",
        changed(line.most, unit),
    ]


def _hosts(pairs: Sequence[Pair]) -> list[str]:
    """What the reference workload took on either side."""
    said = [
        f"{name} {text}"
        for name, side in (("A", "before"), ("B", "after"))
        if (text := workload(getattr(pair, side) for pair in pairs))
    ]
    if not said:
        return ["seconds: as they were measured; no run tells how fast its host was"]
    return [f"reference workload: {', '.join(said)}; seconds are relative to it"]


def _advice(line: Line) -> str:
    """A word on times that all but certainly changed."""
    if not line.measure.advises or max(line.low, -line.high) <= SLOWER:
        return ""
    word = "slower" if line.median > 0 else "faster"
    unit = line.measure.unit
    interval = f"{changed(line.low, unit)} to {changed(line.high, unit)}"
    return f"advice: {line.label} is {word}: {changed(line.median, unit)} ({interval})"


def _moves(pair: Pair) -> bool:
    one, two = pair.before, pair.after
    return (one.status, one.stop) != (two.status, two.stop)


def _move(pair: Pair) -> str:
    return f"{pair.said}: {moved(pair)}"


def _listed(title: str, texts: Iterable[str], shown: int = SHOWN) -> str:
    found = list(texts)
    more = [f"{title}: and {len(found) - shown} more"] if len(found) > shown else []
    return "\n".join([*(f"{title}: {text}" for text in found[:shown]), *more])


def _judge(gates: Sequence[Gate], pairing: Pairing) -> int:
    """Names the regressions."""
    found = [text for gate in gates for text in gate.regressions(pairing)]
    gated = sum(pair.gated for pair in pairing.pairs)
    names = ", ".join(map(str, gates))
    if not found:
        print(f"\nno regression in {gated} pairs: {names}")
        return OK
    print(f"\n{_listed('regression', found)}")
    print(f"{len(found)} regression{'s' * (len(found) > 1)} in {gated} pairs: {names}")
    return REGRESSION


def _wrap(text: str) -> str:
    return textwrap.fill(text, WIDTH, subsequent_indent="  ")
