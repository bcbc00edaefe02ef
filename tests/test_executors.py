"""Executors: the same rows wherever cases run, and one row a case whatever happens to a worker."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from plugins import write_plugins
from running import cases_of, gone

from toolkit import problems, solvers
from toolkit.bench import _engine
from toolkit.bench.__main__ import main
from toolkit.bench._cases._plan import make_plan
from toolkit.bench._engine import _dask, _executor
from toolkit.bench._engine._local import Local
from toolkit.errors import UserError

distributed = pytest.importorskip("distributed", reason="the extra 'dask' is not installed")


@pytest.fixture(autouse=True)
def _own_registries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plug-ins of one test are not there in the next."""
    monkeypatch.setattr(problems.registry, "_extra", {})
    monkeypatch.setattr(solvers.registry, "_extra", {})


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real scheduler with two worker processes, as a user would start them."""
    folder = tmp_path_factory.mktemp("cluster")
    file = folder / "scheduler.json"
    common = ["--scheduler-file", str(file), "--no-dashboard"]
    quiet = {"cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    command = [sys.executable, "-m", "dask"]
    local = ["--host", "127.0.0.1"]
    started = [subprocess.Popen([*command, "scheduler", *common, *local, "--port", "0"], **quiet)]
    workers = ["--nworkers", "2", "--nthreads", "1", "--memory-limit", "0"]
    started += [subprocess.Popen([*command, "worker", *common, *local, *workers], **quiet)]
    try:
        with distributed.Client(scheduler_file=str(file), timeout=60) as client:
            client.wait_for_workers(2, timeout=60)
            yield client.scheduler.address
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait(20)


def test_a_cluster_gives_the_same_rows_as_this_machine(tmp_path: Path, scheduler: str) -> None:
    """Failures too; and limits hold there."""
    names = ("half", "claims", "wild", "absent", "hoards")
    cases = cases_of(tmp_path, *names, memory="400M")
    here = {record.key: record for record in Local(2).run(cases)}
    there = {record.key: record for record in _dask.Dask(scheduler=scheduler).run(cases)}
    assert there.keys() == here.keys()
    same = ("status", "stop", "verdict", "objective", "bound", "decision", "evaluations", "signal")
    for key, record in there.items():
        for name in same:
            assert getattr(record, name) == getattr(here[key], name), (record.label, name)
        assert record.environment == here[key].environment | {"jobs": 1}


def test_a_worker_that_is_killed_costs_no_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheduler: str
) -> None:
    """Its case runs again on another worker; what its own process had started is gone."""
    monkeypatch.chdir(tmp_path)
    flags = write_plugins(tmp_path, "slow")
    argv = ["--problem", "toy", "--solvers", "slow[wait=1]", "--instances", "5", "--quiet", *flags]
    killed: list[int] = []

    def kill_one() -> None:
        with distributed.Client(scheduler) as client:
            while not all(client.processing().values()):
                time.sleep(0.05)
            time.sleep(1.0)  # both are at work
            killed.append(next(iter(client.run(os.getpid).values())))
            os.kill(killed[0], signal.SIGKILL)

    killer = threading.Thread(target=kill_one)
    killer.start()
    cluster = ["--executor", "dask", "--scheduler", scheduler]
    assert main([*argv, *cluster, "--store", "there.sqlite", "--out", "there"]) == 0
    killer.join()
    assert killed
    assert gone(killed[0])
    assert main([*argv, "--jobs", "2", "--store", "here.sqlite", "--out", "here"]) == 0
    rows = [sorted(objectives(tmp_path / where)) for where in ("there", "here")]
    assert len(rows[0]) == 5
    assert rows[0] == rows[1]


def objectives(folder: Path) -> Iterator[tuple[str, float]]:
    for line in (folder / "runs.jsonl").read_text().splitlines():
        row = json.loads(line)
        yield row["key"], row["objective"]


def test_a_case_that_every_worker_dies_of_is_one_row(tmp_path: Path) -> None:
    class Dead:
        status = "error"

        def exception(self) -> Exception:
            return distributed.KilledWorker("mec-1", SimpleNamespace(address="tcp://b:1"), 3)

    (case,) = cases_of(tmp_path, "good")
    record = _executor.make_record(case, **_dask._fields(case, Dead()))
    assert (record.status, record.stop, record.failed) == ("error", "killed", True)
    assert record.message.startswith("no worker could run it: KilledWorker")


def test_once_halted_no_other_case_is_started(tmp_path: Path, scheduler: str) -> None:
    """As Ctrl-C asks for; what had begun comes to its end, be it here or on a cluster."""
    slow = [
        replace(case, solver=replace(case.solver, wait=1.0))
        for case in cases_of(tmp_path, "slow", instances=8)
    ]
    for executor, most in ((Local(), 1), (_dask.Dask(scheduler=scheduler), 4)):
        seen: list[str] = []
        for record in executor.run(slow, halted=lambda seen=seen: bool(seen)):
            seen.append(record.key)
        assert 1 <= len(seen) <= most  # on two workers: the first to end, one more, two at work


def test_workers_that_would_compute_other_numbers_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheduler: str
) -> None:
    """Another numpy there would make rows that look like those from here, and are not."""
    cases = cases_of(tmp_path, "good")
    real = _dask.versions
    monkeypatch.setattr(_dask, "versions", lambda names: {**real(names), "numpy": "0.1"})
    with pytest.raises(UserError, match=r"would compute other numbers: numpy is '.*' there and '0"):
        list(_dask.Dask(scheduler=scheduler).run(cases))


def test_no_scheduler_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_dask, "CONNECT", 0.5)
    with pytest.raises(UserError, match="No scheduler answers at 'tcp://127"):
        list(_dask.Dask(scheduler="tcp://127.0.0.1:1").run(cases_of(tmp_path, "good")))


def test_without_the_package_a_sentence_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UserError, match=r"pip install 'mec-toolkit\[dask\]'"):
        list(_dask.Dask().run(cases_of(tmp_path, "good")))


def test_executors_are_chosen_by_name() -> None:
    assert _engine.executor_of(make_plan({"jobs": 3})) == Local(3)
    plan = make_plan({"executor": "dask", "scheduler": "tcp://a:1", "jobs": 2})
    assert _engine.executor_of(plan) == _dask.Dask(2, "tcp://a:1")
    with pytest.raises(UserError, match="did you mean 'dask'"):
        make_plan({"executor": "dusk"})
    with pytest.raises(UserError, match="give --executor dask, too"):
        make_plan({"scheduler": "tcp://a:1"})
