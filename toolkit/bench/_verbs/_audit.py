"""The verb `verify`: every run of a record file, a list of them, or a store, checked anew."""

import json
import math
from argparse import Namespace
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit import problems
from toolkit.bench._command._files import full
from toolkit.bench._command._run import FAILED, OK, REFUTED
from toolkit.bench._store import Reader, is_store
from toolkit.errors import UserError
from toolkit.problems import TOLERANCE, Certificate
from toolkit.reports import numbers
from toolkit.solvers._probe import beaten

NEEDED = ("instance", "decision", "objective", "violation", "bound", "status", "certificate")
Content = dict[str, Any]


@dataclass
class Checked:
    """One run, as it was written and as the checker found it."""

    content: Content
    verdict: str
    reason: str

    @property
    def title(self) -> str:
        run = self.content
        name = run.get("instance_name") or "instance"
        return f"{name} {run.get('solver') or 'run'} {str(run.get('key') or '')[:8]}".rstrip()


def audit(args: Namespace) -> int:
    """Prints a verdict a run and a summary; 4 where anything is refuted."""
    from toolkit.bench.verify import examine_record

    checked = []
    for content in read_runs(Path(args.file)):
        try:
            said = examine_record(content, arithmetic=args.arithmetic)
        except UserError as error:  # the others can be checked all the same
            checked.append(Checked(content, "unusable", _unknown(content) or str(error)))
            continue
        checked.append(Checked(content, said.verdict, said.reason))
        _remember(checked[-1])
    cross_check(run for run in checked if run.verdict != "unusable")
    counts = Counter(run.verdict or "no claim" for run in checked)
    for run in checked:
        if run.verdict == "refuted" or not args.quiet:
            reason = f" - {run.reason}" if run.reason else ""
            print(f"{run.verdict or 'no decision':<11} {run.title}{reason}")
    summary = ", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items()))
    runs = "1 run" if len(checked) == 1 else f"{len(checked)} runs"
    print(f"{runs}: {summary or 'nothing to check'}")
    if counts["refuted"]:
        return REFUTED
    return FAILED if counts["unusable"] else OK


def _unknown(content: Content) -> str:
    """What to do where the run's problem came with a plug-in; empty where it is known."""
    instance = content["instance"]
    name = instance.get("problem") if isinstance(instance, Mapping) else None
    if not isinstance(name, str) or name in problems.registry.names():
        return ""
    return f"no problem is called {name!r} here; give the --plugin that brings it"


def _remember(run: Checked) -> None:
    """What was refuted when it ran stays so: what was wrong then need not have been stored."""
    if run.content.get("verdict") == "refuted" and run.verdict != "refuted":
        run.verdict, run.reason = "refuted", f"when it ran: {run.content.get('reason')}"


def read_runs(path: Path) -> Iterator[Content]:
    """The runs of a store, of a list, or of one record file."""
    if is_store(path):
        with Reader(path) as store:
            for record in store:
                yield _ready(full(record, record.public(), store.instance(record.digest)), path)
        return
    text = _text(path)
    if path.suffix != ".jsonl":
        yield _ready(_parse(text, path), path)
        return
    for line in text.splitlines():
        file = _parse(line, path).get("file")
        if not isinstance(file, str):
            raise UserError(f"{str(path)!r} is not a list of runs: a line of it lacks 'file'.")
        named = path.parent / file
        yield _ready(_parse(_text(named), named), named)


def cross_check(runs: Iterable[Checked]) -> None:
    """Refutes every bound that a feasible decision of another run on the same instance beats."""
    groups: dict[str, list[Checked]] = {}
    for run in runs:
        groups.setdefault(str(run.content.get("digest")), []).append(run)
    for group in groups.values():
        found = [run for run in group if _feasible(run)]
        if not found:
            continue
        sign = 1 if found[0].content.get("sense", "min") != "max" else -1
        best = min(found, key=lambda run: sign * run.content["objective"])
        for run in group:
            _confront(run, best, sign)


def _confront(run: Checked, best: Checked, sign: int) -> None:
    """Refutes the bound of one run where the best decision beats it."""
    bound, body = run.content["bound"], run.content["certificate"]
    if bound is None or body is None or run.verdict == "refuted":
        return
    value, violation = best.content["objective"], best.content["violation"]
    if beaten(sign * value, sign * bound, violation, Certificate.from_json(body).proves):
        run.verdict = "refuted"
        run.reason = (
            f"{best.title} has {numbers.number(value, 12)}, better than its bound {bound!r}"
        )


def _feasible(run: Checked) -> bool:
    """Whether the checker has confirmed a feasible decision."""
    content = run.content
    if run.verdict == "refuted" or content["objective"] is None or not content["decision"]:
        return False
    return content["violation"] is not None and content["violation"] <= TOLERANCE


def _ready(content: Content, path: Path) -> Content:
    """The content, once it has what a checker needs; JSON has no word for an infinite bound."""
    missing = [key for key in NEEDED if key not in content]
    if missing:
        raise UserError(f"{str(path)!r} is not a record of a run: it lacks {missing[0]!r}.")
    for key in ("objective", "violation", "bound"):
        if not isinstance(content[key], int | float | None):
            raise UserError(f"{str(path)!r}: {key!r} is {content[key]!r}, not a number.")
    if content["status"] == "infeasible" and content["bound"] is None:
        content["bound"] = math.inf if content.get("sense") != "max" else -math.inf
    return content


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError as error:
        raise UserError(f"Cannot read {str(path)!r}: {error.strerror}.") from None
    except ValueError:
        raise UserError(f"{str(path)!r} is neither a record, a list of runs nor a store.") from None


def _parse(text: str, path: Path) -> Content:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{str(path)!r} is damaged ({error}); it cannot be checked.") from None
    if not isinstance(content, Mapping):
        raise UserError(f"{str(path)!r} is not a record of a run.")
    return dict(content)
