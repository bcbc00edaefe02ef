"""The verb `reproduce`: plans of a paper's figures, run, drawn and judged."""

import os
import shlex
import signal
import sys
import time
from argparse import Namespace
from pathlib import Path

import toolkit
from toolkit.bench._cases._case import make_cases, plan_problems
from toolkit.bench._cases._plan import Plan, ensure_writable, make_plan
from toolkit.bench._cases._plugins import load_plugins
from toolkit.bench._command._run import INTERRUPTED, Runs, exit_code
from toolkit.bench._engine._signals import handled_by, interrupt
from toolkit.bench._store import Store
from toolkit.errors import UserError
from toolkit.reports.papers.card import Chapter, write_card
from toolkit.reports.papers.study import ENOUGH
from toolkit.reports.record import Record

from ._studies import chapter_of, labels_of, place_of

OVERRIDES = ("instances", "repeats", "evaluations", "jobs")
HOW = f"""\
Values are means over instances and seeds with 95 % bootstrap intervals (instances are drawn, then
seeds within them); gaps are (objective − proven optimum) / |optimum|. A claim is judged by the
interval of a median: of differences on the same instance with the same seed where two methods are
compared; over several settings each is held to a stricter level, so that all of them are right at
95 %. *Reproduced*: the interval supports it at every setting; *partly*: at some; *not
reproduced*: it speaks against it somewhere, and for it nowhere; *not decided*: neither, or fewer
than {ENOUGH} instances. A run that failed, or found no feasible decision, is as bad as can be."""


def reproduce(args: Namespace) -> int:
    """Runs every plan, then writes the page; what is done stays in the stores."""
    names = (*OVERRIDES, "store", "quiet", "plugin")
    flags = {name: getattr(args, name) for name in names}
    files = sorted(map(Path, args.plans), key=place_of)
    if twice := {file.stem for file in files if [f.stem for f in files].count(file.stem) > 1}:
        raise UserError(f"Two plans are called {min(twice)!r}; rename one of the files.")
    plans = {file.stem: make_plan(flags, file) for file in files}
    load_plugins(file for plan in plans.values() for file in plan.plugin)
    labels = {name: labels_of(name, plan) for name, plan in plans.items()}
    ensure_writable(Path(args.out), "--out")
    chapters: list[Chapter] = []
    records: dict[str, Record] = {}
    begun = time.monotonic()
    try:
        with handled_by(interrupt, signal.SIGTERM):
            for name, plan in plans.items():
                found = _run(plan)
                records |= {record.key: record for record in found}
                chapters.append(chapter_of(name, plan, labels[name], found))
    except KeyboardInterrupt:
        done = (
            f"{len(chapters)} of {len(plans)} plans are done, and every run that had ended is kept"
        )
        print(f"Interrupted: {done}; the same command goes on.", file=sys.stderr)
        return INTERRUPTED
    path = write_card(chapters, Path(args.out), _preface(args, list(records.values())))
    print(f"{path}: {len(records)} runs, {time.monotonic() - begun:.0f} s")
    for chapter in chapters:
        for finding in chapter.findings:
            print(f"  {chapter.name}: {finding.verdict} - {finding.claim.says}")
    return exit_code(list(records.values()))


def _run(plan: Plan) -> list[Record]:
    """The records of a plan, from its store or run now."""
    if not plan.quiet:
        print(plan.title, file=sys.stderr)
    cases = [case for drawn in plan_problems(plan) for case in make_cases(plan, *drawn)]
    with Store(Path(plan.store)) as store:
        runs = Runs(plan, cases, store)
        runs.run()
    return runs.records


def _preface(args: Namespace, records: list[Record]) -> str:
    """What the page is and how to make it again; facts of the machine that made it."""
    given = [(name, getattr(args, name)) for name in OVERRIDES]
    flags = [f"--{name} {value}" for name, value in given if value is not None]
    flags += [f"--plugin {file}" for file in args.plugin or []]
    command = ["python -m toolkit.bench reproduce", _files(args.plans), "--out", args.out, *flags]
    minutes = sum(record.wall for record in records) / 60
    made = records[0].environment
    machine = f"{made['jobs']} at once with one thread each on {made['processor']}"
    versions = f"toolkit {toolkit.__version__}, Python {made['python']}, NumPy {made['numpy']}"
    return (
        f"# A paper's figures, measured against the proven optimum\n\n    {' '.join(command)}\n\n"
        f"{len(records)} runs, {minutes:.0f} minutes of solver time, {machine}; {versions}.\n{HOW}"
        f"{_shrunk(args)}"
    )


def _shrunk(args: Namespace) -> str:
    """A warning where a flag took from the plans what their claims need."""
    if args.evaluations is None and args.instances is None and args.repeats is None:
        return ""
    return (
        "\n\n**A shrunk run**: flags replaced what the plans ask for. A limit of evaluations ends "
        "enumeration too, whatever a claim calls total."
    )


def _files(plans: list[str]) -> str:
    """The files as a shell takes them, by their pattern where it fits no other."""
    pattern = os.path.commonprefix(plans) + "*.toml"  # noqa: RUF071 - characters are meant
    folder = Path(pattern).parent
    if len(plans) > 1 and set(map(Path, plans)) == set(folder.glob(Path(pattern).name)):
        return pattern
    return " ".join(map(shlex.quote, plans))
