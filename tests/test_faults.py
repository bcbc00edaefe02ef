"""Faults that must cost nothing that was done: each is a run of its own, and a row."""

import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
import uuid
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest
from plugins import write_plugins
from running import cases_of, gone, outcome

from toolkit import problems, solvers
from toolkit.bench._cases._plan import bytes_of
from toolkit.bench._command._table import render
from toolkit.bench._engine import _attempt, _box, _local, _server
from toolkit.bench._engine._box import DECISION, PROOF, Box, Found
from toolkit.bench._engine._server import Server
from toolkit.bench._store import Store
from toolkit.errors import UserError
from toolkit.problems import Certificate
from toolkit.reports.record import Record

KILLS = 50


@pytest.fixture(autouse=True)
def _own_registries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plug-ins of one test are not there in the next."""
    monkeypatch.setattr(problems.registry, "_extra", {})
    monkeypatch.setattr(solvers.registry, "_extra", {})


def kept(record: Record) -> bool:
    """Whether the decision that every faulty solver offers first is there, and judged."""
    weights = problems.load("toy").instance(0, 0).data["weight"]
    assert record.decision == {"on": [1.0] * 5}
    assert record.objective == pytest.approx(weights.sum(), rel=1e-12)
    assert record.trace[-1][2] == record.objective
    return record.status == "feasible" and record.verdict == "feasible" and record.failed


@pytest.mark.parametrize(
    ("name", "stop", "ended", "says"),
    [
        ("stuck", "killed", "SIGKILL", "did not stop by itself; its limit was 0.5 s"),
        ("wild", "crashed", "SIGSEGV", "the process died (SIGSEGV) while it was solving"),
        ("shot", "crashed", "SIGKILL", "the process died (SIGKILL) while it was solving"),
        ("raises", "crashed", "", "ZeroDivisionError: division by zero"),
    ],
)
def test_a_run_that_breaks_off_keeps_its_best_decision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, stop: str, ended: str, says: str
) -> None:
    """A solver that hangs in C code holds the lock that every thread of its process needs."""
    monkeypatch.setattr(_attempt, "SLACK", 0.3)
    record = outcome(tmp_path, name, seconds=0.5)
    assert (record.stop, record.signal) == (stop, ended)
    assert says in record.message
    assert kept(record)
    assert record.peak_memory > 2**25
    assert record.load >= 0


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("hoards", "of memory while it was solving; its limit was 400 MiB"),
        ("brood", "of memory while it was solving; its limit was 400 MiB"),
        ("wants", "it asked for more memory than there is; its limit was 400 MiB"),
    ],
)
def test_a_run_that_wants_too_much_memory_is_ended(tmp_path: Path, name: str, says: str) -> None:
    """What its children hold counts; what could never fit is refused before it is touched."""
    record = outcome(tmp_path, name, memory="400M", seconds=60)
    assert record.stop == "memory"
    assert says in record.message
    assert record.limits["memory"] == 400 * 2**20
    assert record.wall < 30
    assert kept(record)


def test_without_a_limit_a_run_has_its_share_of_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_local, "machine_memory", lambda: 2**29)
    record = outcome(tmp_path, "hoards", seconds=60)
    assert record.stop == "memory"
    assert "its share of this machine is 461 MiB" in record.message
    assert record.limits["memory"] is None


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("mute", "Mute: no message, as its text cannot be made"),
        ("halves", "ValueError: ? half"),
        ("keyed", "TypeError: Only dicts with str-like or number-like keys are supported"),
        ("opaque", "TypeError: A record cannot hold a function."),
        ("wordy", "TypeError: Claim.message is ['a']; it takes a str."),
        ("bananas", "TypeError: Claim.stop is 'banana'; it takes one of finished, time, memory,"),
        ("gives_up", "TypeError: Claim.stop is 'refused'; it takes one of finished, time, memory,"),
        ("nothing", "TypeError: The solver returned a NoneType, which is no Claim."),
        ("half_done", "ValueError: could not convert string to float: 'half'"),
        ("raves", "ValueError: x x x x"),
        ("pretends", "what came of it cannot be used: TypeError"),
        ("bluffs", "what came of it cannot be used: ValueError: it lacks message, status, stop."),
        ("forges", "what came of it cannot be used: TypeError: a point of a trace has numbers"),
        ("counts", "ValueError: 1000000000000000000000000000000 choices were priced"),
        ("uncounts", "ValueError: -1000000 choices were priced"),
        ("overwrites", "Expected `int` <= 9223372036854775807 - at `$.evaluations`"),
        ("fancies", "cannot pickle|Can't pickle|A record cannot hold a function"),
    ],
)
def test_what_no_record_can_hold_is_a_failed_run_with_its_decision(
    tmp_path: Path, name: str, says: str
) -> None:
    """And costs no other run: what comes to the store can be kept there, and printed."""
    bad, good = _local.run_cases(cases_of(tmp_path, name, "good"))
    assert bad.stop == "crashed"
    assert re.search(says if "|" in says else re.escape(says), bad.message)
    assert kept(bad)
    assert good.status == "feasible"
    with Store(tmp_path / "runs.sqlite") as store:
        (case, _) = cases_of(tmp_path, name, "good")
        store.add(bad, case.instance)
        assert list(store) == [bad]
    assert says[:8] in render([bad, good]) or "|" in says
    assert len(bad.message) + len(bad.log) < 12_000


@pytest.mark.parametrize("name", ["caches", "copies", "speaks"])
def test_an_honest_solver_is_none_that_changes_what_it_was_given(tmp_path: Path, name: str) -> None:
    record = outcome(tmp_path, name)
    assert (record.status, record.stop) == ("feasible", "finished"), record.message
    if name == "speaks":
        assert (record.message, record.details) == ("done", {"word": "x", "n": 3})


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("converts", "The data of an instance do not change; copy them"),
        ("scales", "The solver has changed the instance's data; it has to copy them first."),
        ("patches", "The solver has changed the problem; it has to leave it as it is."),
    ],
)
def test_a_solver_that_changes_what_it_was_given_gains_nothing(
    tmp_path: Path, name: str, says: str
) -> None:
    record = outcome(tmp_path, name)
    assert record.stop == "crashed"
    assert says in record.message
    assert "best that it had reported" not in record.message
    if name != "converts":  # which came to offer nothing
        weights = problems.load("toy").instance(0, 0).data["weight"]
        assert record.objective == pytest.approx(weights.sum(), rel=1e-12)
        assert record.trace == []


@pytest.mark.parametrize("name", ["doubles", "spams", "stalls", "orphans", "halts", "wipes"])
def test_what_meddles_with_the_engine_costs_its_own_row_at_most(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(_server, "PATIENCE", 1)
    cases = cases_of(tmp_path, "good", name, "half")
    records = {record.solver: record for record in _local.run_cases(cases, jobs=2)}
    assert records["good"].status == records["half"].status == "feasible"
    assert not records["good"].failed
    assert not records["half"].failed
    assert records[name].objective == records["good"].objective
    assert records[name].failed or name in ("doubles", "orphans", "wipes")


def test_a_guard_knows_the_server_even_when_that_is_gone(tmp_path: Path) -> None:
    """Who adopts a dead server's children is not to be killed: here a process that asks for them,
    as a container's first process or a desktop session would."""
    flags = write_plugins(tmp_path, "orphans")
    command = [sys.executable, "-m", "toolkit.bench", "--problem", "toy", "--instances", "1"]
    command += ["--solvers", "orphans", "--quiet", *flags]
    adopts = (
        "import subprocess, sys, time\n"
        "from toolkit.bench._engine._processes import adopt_orphans\n"
        "adopt_orphans()\n"
        "done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)\n"
        "time.sleep(3)\n"
        "print('alive after', done.returncode)\n"
    )
    asked = [sys.executable, "-c", adopts, *command]
    done = subprocess.run(asked, capture_output=True, text=True, cwd=tmp_path, timeout=120)
    assert done.stdout in ("alive after 0\n", "alive after 3\n"), done.stderr


def test_a_solver_may_have_workers_of_its_own(tmp_path: Path) -> None:
    record = outcome(tmp_path, "employs")
    assert (record.status, record.stop) == ("feasible", "finished")


def test_processor_time_of_workers_counts(tmp_path: Path) -> None:
    """Also of one that still lives when the solver has ended."""
    record = outcome(tmp_path, "burns", seconds=30)
    assert (record.status, record.stop) == ("feasible", "finished"), record.message
    assert record.cpu_seconds > 0.3


def test_what_a_solver_starts_heeds_signals_and_clears_up(tmp_path: Path) -> None:
    """Children that are asked to end do; locks go with the run."""
    record = outcome(tmp_path, "hires", seconds=20)
    assert (record.status, record.stop) == ("feasible", "finished"), record.message
    made = re.findall(r"locks (\S+)", record.log)
    assert made
    assert not [f for name in made for f in Path("/dev/shm").glob(f"*{name.strip('/')}*")]


def test_temporary_files_go_with_their_run(tmp_path: Path) -> None:
    record = outcome(tmp_path, "litters")
    assert (record.stop, record.status) == ("crashed", "feasible")
    (folder,) = re.findall(r"in (\S+)\n$", record.log)[-1:]
    assert "mec-bench-" in folder
    assert not Path(folder).exists()


def test_what_fails_after_the_answer_leaves_the_answer(tmp_path: Path) -> None:
    record = outcome(tmp_path, "asides")
    assert (record.status, record.stop, record.verdict) == ("feasible", "finished", "feasible")
    assert "ZeroDivisionError" in record.message


def test_a_guard_that_comes_too_late_leaves_its_new_parent_alone() -> None:
    """The server has died before it: its parent is now somebody else, who must not be ended."""
    script = (
        "import multiprocessing as mp, os, psutil, time\n"
        "from toolkit.bench._engine._processes import guard, server_above\n"
        "if __name__ == '__main__':\n"
        "    context = mp.get_context('fork')\n"
        "    listens, life = context.Pipe(duplex=False)\n"
        "    late = context.Process(target=guard, args=(listens, (), os.getpid()), daemon=True)\n"
        "    late.start(); life.close(); late.join(20)\n"
        "    assert server_above(late.pid, os.getpid()) is None\n"
        "    other = context.Process(target=time.sleep, args=(60,), daemon=True); other.start()\n"
        "    found = server_above(other.pid, os.getppid())\n"
        "    mine = server_above(other.pid, os.getpid())\n"
        "    print(late.exitcode, found == psutil.Process(), mine)\n"
        "    other.kill()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "0 True None\n", done.stderr


def test_a_killed_run_tells_how_much_it_had_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also what improved nothing."""
    monkeypatch.setattr(_attempt, "SLACK", 0.3)
    record = outcome(tmp_path, "toils", seconds=0.5)
    assert (record.stop, record.status) == ("killed", "feasible")
    assert record.evaluations > 100
    assert len(record.trace) == 1


def test_keys_of_details_become_text(tmp_path: Path) -> None:
    record = outcome(tmp_path, "numbered")
    assert record.status == "feasible"
    assert record.details == {"1": 2}


def test_processor_time_and_memory_are_recorded(tmp_path: Path) -> None:
    record = outcome(tmp_path, "good")
    assert 0 <= record.cpu_seconds < 1
    assert 2**25 < record.peak_memory < 2**30


@pytest.mark.parametrize("text", ["2G", "2g", "2GiB", "2048M", str(2**31)])
def test_memory_is_written_as_people_write_it(text: str) -> None:
    assert bytes_of(text) == 2**31


@pytest.mark.parametrize("text", ["", "much", "-1G", "1X", "1K", "nan"])
def test_a_wrong_size_of_memory_is_a_sentence(text: str) -> None:
    with pytest.raises(UserError, match="--memory is"):
        bytes_of(text)


def test_a_gigabyte_of_print_fills_no_disk(tmp_path: Path) -> None:
    record = outcome(tmp_path, "prattles")
    assert (record.status, record.stop) == ("feasible", "finished")
    assert record.log.startswith("[the end of 1,073,741,8")
    assert record.log.endswith("xlast words")
    assert len(record.log) < 5000


@pytest.mark.parametrize("dies", [0, 1])
def test_a_grandchild_that_made_itself_independent_ends_with_its_run(
    tmp_path: Path, dies: int
) -> None:
    """It has left the process group, and the process that started it is gone."""
    (case,) = cases_of(tmp_path, "scatters")
    case = replace(case, solver=replace(case.solver, wait=float(dies)))
    (record,) = _local.run_cases([case])
    assert record.stop == ("crashed" if dies else "finished")
    said = re.search(r"child (\d+)\.", record.log)
    assert said is not None
    assert gone(int(said[1]))


def test_what_others_have_the_server_start_is_left_alone(tmp_path: Path) -> None:
    """Python has one such server a process: learners use it for their workers."""
    server = Server()
    other = server._context.Process(target=time.sleep, args=(60,), daemon=True)
    other.start()
    assert outcome(tmp_path, "wild").stop == "crashed"
    assert other.is_alive()
    other.kill()
    other.join()


def test_a_solver_that_scores_itself_is_refuted(tmp_path: Path) -> None:
    record = outcome(tmp_path, "cheats")
    assert (record.status, record.verdict) == ("error", "refuted")
    assert "The stored objective is 0.0; the decision is worth" in record.reason


def test_a_bound_that_only_a_killed_solver_knew_stays_its_claim(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_attempt, "SLACK", 0.3)
    record = outcome(tmp_path, "bounds", seconds=0.5)
    assert (record.status, record.stop, record.verdict) == ("feasible", "killed", "claimed")
    assert record.bound == 0.5 * record.objective
    assert not record.proven


PROVES = """
from toolkit import solvers

@dataclass(frozen=True, kw_only=True)
class Prover(Solver):
    \"\"\"Proves, and does not end.\"\"\"

    def solve(self, problem, instance, probe):
        claim = solvers.registry.build("exact").solve(problem, instance, probe)
        time.sleep(1e6 * (probe.budget.seconds > 1))
        return claim
"""


def test_a_bound_whose_certificate_was_left_is_re_proved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from plugins import HEAD

    from toolkit.bench._cases._case import make_cases, plan_problem
    from toolkit.bench._cases._plan import make_plan
    from toolkit.bench._cases._plugins import load_plugins

    monkeypatch.setattr(_attempt, "SLACK", 0.3)
    file = tmp_path / "prover.py"
    file.write_text(HEAD + PROVES)
    load_plugins([str(file)])
    flags = {"problem": "cpdrl", "solvers": ["prover", "exact"], "instances": 1, "seconds": 3.0}
    plan = make_plan({**flags, "plugin": [str(file)]})
    lost, whole = _local.run_cases(make_cases(plan, *plan_problem(plan)), jobs=1)
    assert (lost.status, lost.stop, lost.verdict) == ("optimal", "killed", "proved")
    assert lost.objective == whole.objective
    assert lost.bound == whole.bound


def test_a_certificate_that_proves_nothing_becomes_no_bound(tmp_path: Path) -> None:
    """A lost run's claim of optimality is worth what its certificate yields."""
    (case,) = cases_of(tmp_path, "good")
    weights = case.instance.data["weight"]
    found = Found(
        decision={"on": np.ones(5)},
        proof=(float(weights.sum()), Certificate("tree", {"nodes": [{"leaf": {}}]})),
    )
    import multiprocessing as mp

    from toolkit.bench._engine._worker import judged_anew

    ours, theirs = mp.Pipe()
    fields = judged_anew(case.job, found, theirs)
    ours.close()
    assert fields["status"] != "optimal"
    assert fields["verdict"] in ("claimed", "refuted")


# What a run leaves behind


def test_a_box_holds_the_newest_whole_entry_whenever_its_writer_dies(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    box = Box()
    assert box.open() == Found()
    for value in range(5):
        box.put(DECISION, {"on": np.full(3, float(value))})
        box.put(PROOF, value)
    assert box.open().decision["on"].tolist() == [4.0] * 3
    assert box.open().proof == 4
    monkeypatch.setattr(_box, "_write", lambda *a: (_ for _ in ()).throw(SystemExit))
    with pytest.raises(SystemExit):  # dies in the middle of an entry
        box.put(PROOF, 5)
    assert box.open().proof == 4
    box.close()


def test_a_full_disk_costs_an_entry_and_not_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    box = Box()
    box.put(PROOF, 1)

    def full(*_: object) -> int:
        raise OSError("No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    box.put(PROOF, 2)
    monkeypatch.undo()
    assert box.open().proof == 1
    box.close()


def test_nothing_of_a_box_has_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A driver that is killed leaves no files."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    box = Box()
    box.put(DECISION, {"on": np.zeros(10**6)})
    assert list(tmp_path.iterdir()) == []
    box.close()


# The driver


def drivers(folder: Path, store: str, mark: str) -> subprocess.Popen[bytes]:
    """The command on a hundred short cases, two at once, in the background."""
    flags = write_plugins(folder, "slow")
    argv = ["--problem", "toy", "--solvers", "slow[wait=0.05]", "--instances", "100", "--jobs", "2"]
    command = [sys.executable, "-m", "toolkit.bench", *argv, *flags, "--store", store]
    env = {**os.environ, "FAULT_MARK": mark}
    return subprocess.Popen(command, cwd=folder, env=env, stderr=-3, stdout=-3)


def rows(store: Path) -> list[str]:
    """The keys of the runs, of a store that opens clean."""
    with sqlite3.connect(store) as base:
        assert base.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return [key for (key,) in base.execute("SELECT key FROM runs")]


def marked(mark: str) -> list[int]:
    """The processes that descend from a command with this mark."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("FAULT_MARK") == mark:
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


def kill_and_resume(folder: Path, kills: int) -> tuple[int, int]:
    """Kills drivers of the same plan at random moments; (kills, complete studies)."""
    dice, mark, count, studies = np.random.default_rng(8), uuid.uuid4().hex, 0, 0
    while count < kills or not studies:
        store, last = folder / f"{studies}.sqlite", 0
        while True:
            driver = drivers(folder, store.name, mark)
            with_luck = dice.uniform(1.0, 5.0) if count < kills else 600
            try:
                assert driver.wait(with_luck) == 0
                break
            except subprocess.TimeoutExpired:
                driver.send_signal(signal.SIGKILL)
                driver.wait()
                count += 1
            if store.exists():
                done = rows(store)
                assert len(set(done)) == len(done) >= last  # nothing that was done is lost
                last = len(done)
        assert len(rows(store)) == len(set(rows(store))) == 100
        studies += 1
    for pid in marked(mark):
        assert gone(pid)
    return count, studies


def test_a_driver_that_is_killed_loses_nothing_and_leaves_nothing(tmp_path: Path) -> None:
    mark = uuid.uuid4().hex
    driver = drivers(tmp_path, "runs.sqlite", mark)
    store = tmp_path / "runs.sqlite"
    while driver.poll() is None and not (store.exists() and len(rows_so_far(store)) >= 3):
        time.sleep(0.1)
    assert driver.poll() is None
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    assert 3 <= len(rows(store)) < 100
    for pid in marked(mark):
        assert gone(pid)


def rows_so_far(store: Path) -> list[str]:
    try:
        return rows(store)
    except sqlite3.OperationalError:  # its tables are being made
        return []


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_fifty_killed_drivers_lose_nothing(tmp_path: Path) -> None:
    kills, studies = kill_and_resume(tmp_path, KILLS)
    print(f"{kills} drivers killed, {studies} studies complete, no run lost or done twice")
    assert kills == KILLS
