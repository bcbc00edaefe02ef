"""The run itself: what is stored is taken, what is missing is run, everything is shown."""

import contextlib
import os
import signal
import sys
from pathlib import Path

import msgspec

from toolkit.bench._cases._case import Case, Drawn, make_cases
from toolkit.bench._cases._plan import Plan, Rerun, ensure_writable
from toolkit.bench._engine import executor_of
from toolkit.bench._engine._signals import ENDING, Patience, handled_by, interrupt
from toolkit.bench._store import Store
from toolkit.bench._suite._digests import suites_of
from toolkit.bench._suite._known import Known, remarks
from toolkit.errors import UserError
from toolkit.reports.compare import best_known, contradictions, gap_to
from toolkit.reports.record import Record
from toolkit.solvers import Stop

from ._files import Folder
from ._progress import Progress
from ._table import render

OK, USAGE, FAILED, REFUTED, INTERRUPTED = 0, 2, 3, 4, 130


def run(plan: Plan, settings: list[Drawn], known: Known | None = None) -> int:
    """Runs a plan, setting by setting, on instances of which something may be `known`; returns the
    exit code."""
    cases = [case for drawn in settings for case in make_cases(plan, *drawn)]
    for flag, folder in (("--out", plan.out), ("--report", plan.report)):
        if folder is not None:
            ensure_writable(Path(folder), flag)
    if plan.scheduler is None:
        _warn_of_crowds(plan.jobs)
    with Store(Path(plan.store)) as store:
        study = Runs(plan, cases, store, known)
        try:
            with handled_by(interrupt, *ENDING), handled_by(study.patience, signal.SIGINT):
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
        return exit_code([*study.records, *study.known.records])


class Runs:
    """One run of the command: its cases, and the records so far."""

    def __init__(
        self, plan: Plan, cases: list[Case], store: Store, known: Known | None = None
    ) -> None:
        self.records: list[Record] = []
        self.known = Known() if known is None else known
        for reference, instance in self.known.references:
            store.refer(reference, instance)
        self._plan, self._store = plan, store
        self._cases = {case.key: case for case in cases}
        self._progress = Progress(len(self._cases), plan.quiet)
        self.patience = Patience()
        self._folder = Folder(Path(plan.out)) if plan.out is not None else None
        self._lost: OSError | None = None  # why standard output takes no more lines

    def run(self) -> None:
        """Takes what the store has, runs the rest, keeps and reports each as it ends."""
        known = self._store.find(self._cases)
        known = {
            key: renamed(record, self._cases[key])
            for key, record in known.items()
            if not stale(record, self._plan.rerun)
        }
        for record in known.values():
            self._finished(record, cached=True)
        missing = [case for key, case in self._cases.items() if key not in known]
        for case in missing:
            case.solver.prepare(case.problem, self._told)
        runs = executor_of(self._plan).run(missing, self._progress.tick, self.patience.asked)
        with contextlib.closing(runs), self.patience.running():
            for record in runs:
                case = self._cases[record.key]
                if case.asked or not record.refused:  # who names no solver plans none that refuses
                    self._store.add(record, case.instance)
                self._finished(record, cached=False)
        if len(self.records) < len(self._cases):
            raise KeyboardInterrupt  # asked for once: what ran has come to its end

    def show(self) -> None:
        """The table (or nothing, where JSON lines were asked for), and the page."""
        self._progress.close()
        order = {key: place for place, key in enumerate(self._cases)}
        self.records.sort(key=lambda record: order[record.key])
        if not self._plan.json:
            asked = self._plan.solvers is not None
            print(render(self.records, asked=asked, references=self.known.records))
        if self._plan.report is not None and self.records:
            _say(f"The page is {self._write_page(Path(self._plan.report))}.")
        for text in remarks(self.records, self.known, self._plan.store):
            _say(text)
        if self._lost is not None:
            raise self._lost

    def _write_page(self, folder: Path) -> Path:
        """The page of these runs, as `report` makes it of all that a store holds."""
        from toolkit.reports.contents import contents_of
        from toolkit.reports.export import write
        from toolkit.reports.frame import Report, make_groups

        look_up = {c.instance.digest: (c.problem, c.instance) for c in self._cases.values()}.get
        groups, _ = make_groups(self.records, self.known.records, look_up)
        title = self.known.suite or ", ".join(dict.fromkeys(group.problem for group in groups))
        suites = suites_of(self.records)
        report = Report(title, groups, look_up=look_up, suites=suites)
        return write(contents_of(report), folder, ["html"])[0]

    def _told(self, text: str) -> None:
        if not self._plan.quiet:
            _say(text)

    def _tell(self, line: str) -> None:
        """Writes a line that somebody may wait for; the study goes on where it cannot be had."""
        try:
            print(line, flush=True)
        except BrokenPipeError:
            raise
        except OSError as error:
            self._lost = error

    def _finished(self, record: Record, cached: bool) -> None:
        self.records.append(record)
        self._progress.finished(record, cached)
        case = self._cases[record.key]
        if record.refused and not case.asked:
            return
        same = [r for r in (*self.records, *self.known.records) if r.digest == record.digest]
        best, optimal = best_known(same)
        row = record.public(gap_to(best, record) if optimal else None)
        if self._plan.json and self._lost is None:
            self._tell(msgspec.json.encode(row).decode())
        if self._folder is not None:
            self._folder.add(record, row, case.instance)


def stale(record: Record, rerun: Rerun) -> bool:
    """Whether a stored run is run again; what failed always is, and a refusal is asked for anew:
    a licence may have come."""
    if rerun == "all" or record.failed or record.refused:
        return True
    return rerun == "timeouts" and record.stop == Stop.TIME


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
