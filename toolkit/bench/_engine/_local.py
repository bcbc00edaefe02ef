"""Runs cases on this machine, each in a process of its own, several at once."""

import resource
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace

from toolkit.bench._cases._case import Case
from toolkit.errors import UserError

from ._attempt import Attempt, poll
from ._executor import Halted, Records, Tick
from ._executor import make_record as make_record
from ._processes import machine_memory
from ._server import Server
from ._signals import delayed

FILES, FILES_A_RUN = 64, 8  # open at once, at most: of the command, and of each run
SHARE = 0.9  # of the machine's memory that all runs together may take where no limit is given


@dataclass(frozen=True)
class Local:
    """The executor of one machine."""

    jobs: int = 1

    def run(
        self, cases: Iterable[Case], tick: Tick | None = None, halted: Halted = lambda: False
    ) -> Records:
        waiting = deque(cases)
        if not waiting:
            return
        have_room(self.jobs)
        server = Server(name for case in waiting for name in case.solver.backends)
        running: dict[Attempt, Case] = {}
        try:
            while (waiting and not halted()) or running:
                while waiting and len(running) < self.jobs and not halted():
                    with delayed():  # a process is either not started, or known to be running
                        case = waiting.popleft()
                        running[self._start(server, case)] = case
                if tick is not None:
                    tick([item.news for item in running])
                for item, fields in poll(list(running)):
                    yield make_record(running.pop(item), **fields)
        finally:
            for item in running:
                item.end()

    def _start(self, server: Server, case: Case) -> Attempt:
        ceiling = int(SHARE * machine_memory() / self.jobs)
        return Attempt(server, replace(case.job, ceiling=ceiling), case.label)


def have_room(jobs: int) -> None:
    """Sees to it that so many runs can be at work at once; UserError where they cannot."""
    wanted = FILES + FILES_A_RUN * jobs
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and wanted > hard:
        raise UserError(
            f"{jobs} runs at once need {wanted} open files, this session may have {hard}; ask for "
            f"fewer with --jobs, or for more files with ulimit -n."
        )
    if soft != resource.RLIM_INFINITY and wanted > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def run_cases(
    cases: Iterable[Case], jobs: int = 1, tick: Tick | None = None, halted: Halted = lambda: False
) -> Records:
    """`Local(jobs).run`: the records of cases that are run here."""
    return Local(jobs).run(cases, tick, halted)
