"""The run itself: what is stored is taken, what is missing is run, everything is shown."""

import os
import signal
import sys
from pathlib import Path

import msgspec

from toolkit.errors import UserError
from toolkit.reports.compare import best_known, contradictions, gap_to
from toolkit.reports.record import Record

from ._case import Case, Drawn, make_cases
from ._files import Folder
from ._plan import Plan, ensure_writable
from ._progress import Progress
from ._runner import run_cases
from ._signals import handled_by, interrupt
from ._store import Store
from ._table import render

OK, USAGE, FAILED, REFUTED, INTERRUPTED = 0, 2, 3, 4, 130


def run(plan: Plan, settings: list[Drawn]) -> int:
    """Runs a plan, setting by setting; returns the exit code."""
    cases = [case for drawn in settings for case in make_cases(plan, *drawn)]
    for flag, folder in (("--out", plan.out), ("--report", plan.report)):
        if folder is not None:
            ensure_writable(Path(folder), flag)
    _warn_of_crowds(plan.jobs)
    with Store(Path(plan.store)) as store:
        study = Runs(plan, cases, store)
        try:
            with handled_by(interrupt, signal.SIGTERM):
                study.run()
        except KeyboardInterrupt:
            study.show()
            left = len(cases) - len(study.records)
            _say(
                f"Interrupted: {len(study.records)} of {len(cases)} runs are done and kept in "
                f"{plan.store}; the same command goes on with the other {left}."
            )
            return INTERRUPTED
        except UserError:
            study.show()
            raise
        study.show()
        return exit_code(study.records)


class Runs:
    """One run of the command: its cases, and the records so far."""

    def __init__(self, plan: Plan, cases: list[Case], store: Store) -> None:
        self.records: list[Record] = []
        self._plan, self._store = plan, store
        self._cases = {case.key: case for case in cases}
        self._progress = Progress(len(self._cases), plan.quiet)
        self._folder = Folder(Path(plan.out)) if plan.out is not None else None

    def run(self) -> None:
        """Takes what the store has, runs the rest, keeps and reports each as it ends."""
        known = self._store.find(self._cases)
        known = {
            key: renamed(record, self._cases[key])
            for key, record in known.items()
            if not record.failed
        }
        for record in known.values():
            self._finished(record, cached=True)
        missing = [case for key, case in self._cases.items() if key not in known]
        for case in missing:
            case.solver.prepare(case.problem, self._told)
        for record in run_cases(missing, self._plan.jobs, self._progress.tick):
            if not record.refused:  # a refusal is asked for anew: a licence may have come
                self._store.add(record, self._cases[record.key].instance)
            self._finished(record, cached=False)

    def show(self) -> None:
        """The table (or nothing, where JSON lines were asked for), and the page."""
        self._progress.close()
        order = {key: place for place, key in enumerate(self._cases)}
        self.records.sort(key=lambda record: order[record.key])
        if not self._plan.json:
            print(render(self.records, asked=self._plan.solvers is not None))
        if self._plan.report is not None and self.records:
            from toolkit.reports.page import write_page

            path = write_page(self.records, Path(self._plan.report))
            _say(f"The page is {path}.")

    def _told(self, text: str) -> None:
        if not self._plan.quiet:
            _say(text)

    def _finished(self, record: Record, cached: bool) -> None:
        self.records.append(record)
        self._progress.finished(record, cached)
        case = self._cases[record.key]
        if record.refused and not case.asked:
            return
        same = [r for r in self.records if r.digest == record.digest]
        best, optimal = best_known(same)
        row = record.public(gap_to(best, record) if optimal else None)
        if self._plan.json:
            sys.stdout.write(msgspec.json.encode(row).decode() + "\n")
            sys.stdout.flush()
        if self._folder is not None and not record.refused:
            self._folder.add(record, row, case.instance)


def renamed(record: Record, case: Case) -> Record:
    """A stored run under the names of this command: its key knows numbers only."""
    names = {"preset": case.preset, "instance": case.instance.name, "label": case.label}
    return msgspec.structs.replace(record, **names)


def exit_code(records: list[Record]) -> int:
    """4 where a claim was refuted, 3 where a run failed, 2 where all solvers refused, else 0."""
    if any(record.refuted for record in records) or contradictions(records):
        return REFUTED
    if any(record.failed for record in records):
        return FAILED
    return USAGE if records and all(record.refused for record in records) else OK


def _warn_of_crowds(jobs: int) -> None:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    if cores and jobs > cores:
        _say(f"warning: {jobs} jobs share {cores} cores; times will be longer than they should.")


def _say(text: str) -> None:
    print(text, file=sys.stderr)
