"""The store: its tables, those of older toolkits, and what may go wrong with a file."""

import json
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from plugins import write_plugins
from stored import FULL, MADE, in_child, instance, record

from toolkit.bench.__main__ import main
from toolkit.bench._cases._case import Case, plan_problems
from toolkit.bench._cases._plan import make_plan
from toolkit.bench._command import _run
from toolkit.bench._engine._executor import make_record
from toolkit.bench._store import SCHEMA, Reader, Reference, Store, _lock, _schema
from toolkit.errors import UserError
from toolkit.reports.record import Record

OLD = Path(__file__).parent / "stores"


def store_of(path: Path, *records: Record) -> Path:
    with Store(path) as store:
        for each in records:
            store.add(each, instance())
    return path


def query(path: Path, sql: str) -> list[tuple]:
    base = sqlite3.connect(path)
    try:
        return base.execute(sql).fetchall()
    finally:
        base.close()


def beside(path: Path) -> list[str]:
    """The files that begin with the store's name."""
    return sorted(file.name for file in path.parent.glob(f"{path.name}*"))


# Rows


def test_a_record_comes_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "new" / "runs.sqlite"
    with Store(path) as store:
        store.add(FULL, instance())
        assert store.find(["full", "other"]) == {"full": FULL}
        assert list(store) == [FULL]
        assert len(store) == 1
        assert store.instance(FULL.digest) == json.loads(json.dumps(instance().as_json()))
    with Reader(path) as store:
        assert list(store) == [FULL]


def test_a_second_run_of_a_key_takes_the_place_of_the_first(tmp_path: Path) -> None:
    first = record("a", status="error", stop="crashed")
    better = record("a")
    with Store(store_of(tmp_path / "runs.sqlite", first, better)) as store:
        assert list(store) == [better]


def test_text_that_is_no_utf8_costs_its_character_not_the_run(tmp_path: Path) -> None:
    """A solver's message may hold half a character, which SQLite and JSON refuse."""
    odd = record(message="a\udcffb", details={"note": "\udcff"})
    with Store(store_of(tmp_path / "runs.sqlite", odd)) as store:
        (back,) = store
    assert back.message == "a?b"
    assert back.details == {"note": "\udcff"}


def test_an_environment_is_stored_once_and_can_be_queried(tmp_path: Path) -> None:
    other = record("c", environment={**MADE, "cores": 64})
    path = store_of(tmp_path / "runs.sqlite", record("a"), record("b"), other)
    sql = (
        "SELECT processor, cores, count(*) FROM runs "
        "JOIN environments ON environments.digest = environment GROUP BY 1, 2 ORDER BY 2"
    )
    assert query(path, sql) == [("a CPU", 2, 2), ("a CPU", 64, 1)]
    assert query(path, "SELECT count(*) FROM environments") == [(2,)]


def test_columns_can_be_queried_by_sql(tmp_path: Path) -> None:
    path = store_of(tmp_path / "runs.sqlite", FULL)
    sql = "SELECT solver, objective, peak_memory, typeof(seconds), json(trace) FROM runs"
    trace = "[[0.1,1.0,0.75,null],[0.2,9.0,0.5,0.25]]"
    assert query(path, sql) == [("greedy", 0.5, 2**40, "real", trace)]


# References


def known(**fields: object) -> Reference:
    usual: dict = {"digest": instance().digest, "lower": 0.2, "upper": 0.3, "kind": "best known"}
    return Reference(**{**usual, "method": "exact@0.1.0", "date": "2026-11-22", **fields})


def test_the_reference_in_force_is_the_one_that_none_supersedes(tmp_path: Path) -> None:
    old = known(solution={"offload": [1.0]})
    new = known(lower=0.25, kind="proved", certificate={"kind": "claim"}, supersedes=old.id)
    with Store(tmp_path / "runs.sqlite") as store:
        store.refer(old, instance())
        assert store.reference(old.digest) == old
        store.refer(new, instance())
        store.refer(new, instance())
        assert list(store.references()) == [old, new]
        assert store.reference(old.digest) == new
        assert store.reference("another") is None
        assert store.instance(old.digest)["problem"] == "cpdrl"


@pytest.mark.parametrize("wrong", [{"lower": 0.4}, {"kind": "guessed"}])
def test_a_reference_without_sense_is_refused(wrong: dict) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        known(**wrong)


# Older toolkits


@pytest.mark.parametrize("schema", [1, 2])
def test_a_file_of_an_older_toolkit_keeps_all_its_runs(tmp_path: Path, schema: int) -> None:
    """The files were written by the code of their time, not by this one."""
    path = tmp_path / "runs.sqlite"
    shutil.copy(OLD / f"schema{schema}.sqlite", path)
    sql = "SELECT key, label, status, objective, decision, created_at FROM runs ORDER BY key"
    before = query(path, sql)
    environments = dict(query(path, "SELECT key, environment FROM runs"))
    assert len(before) > 8
    with Store(path) as store:
        runs = {run.key: run for run in store}
        store.add(FULL, instance())
        assert len(store) == len(before) + 1
    assert query(path, f"{sql[: -len(' ORDER BY key')]} WHERE key != 'full' ORDER BY key") == before
    assert query(path, "PRAGMA user_version") == [(SCHEMA,)]
    for key, label, status, objective, *_ in before:
        run = runs[key]
        assert (run.label, run.status, run.objective) == (label, status, objective)
        assert run.environment == json.loads(environments[key])
        assert (run.cpu_seconds, run.peak_memory, run.signal) == (None, None, "")
    learnt = [run for run in runs.values() if run.solver == "learn"]
    assert [run.details["explored"] for run in learnt] == [29] * (schema - 1)
    assert query(path, "SELECT count(*) FROM runs WHERE typeof(environment) != 'text'") == [(0,)]


def test_an_older_file_is_read_without_being_changed(tmp_path: Path) -> None:
    path = tmp_path / "runs.sqlite"
    shutil.copy(OLD / "schema2.sqlite", path)
    before = path.read_bytes()
    with Reader(path) as store:
        read = list(store)
    assert path.read_bytes() == before
    assert beside(path) == ["runs.sqlite"]
    with Store(path) as store:
        assert list(store) == read


def test_a_migration_that_breaks_off_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "runs.sqlite"
    shutil.copy(OLD / "schema2.sqlite", path)
    before = query(path, "SELECT name, sql FROM sqlite_master"), query(path, "SELECT * FROM runs")
    real = _schema.STEPS[2]

    def full(base: sqlite3.Connection) -> None:
        real(base)
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setitem(_schema.STEPS, 2, full)
    with pytest.raises(UserError, match="disk is full"):
        Store(path)
    now = query(path, "SELECT name, sql FROM sqlite_master"), query(path, "SELECT * FROM runs")
    assert now == before
    assert query(path, "PRAGMA user_version") == [(2,)]


def test_a_field_that_came_later_has_its_default_in_older_rows(tmp_path: Path) -> None:
    path = store_of(tmp_path / "runs.sqlite", FULL)
    base = sqlite3.connect(path)
    for name in ("peak_memory", "signal", "trace"):
        base.execute(f"ALTER TABLE runs DROP COLUMN {name}")
    base.close()
    expected = msgspec.structs.replace(FULL, peak_memory=None, signal="", trace=[])
    with Reader(path) as store:
        assert list(store) == [expected]
    with Store(path) as store:
        assert list(store) == [expected]


# Files that are no stores, or none any more


@pytest.mark.parametrize("kind", [Reader, Store])
@pytest.mark.parametrize(("version", "whose"), [(SCHEMA + 1, "newer"), (0, "other"), (2, "other")])
def test_what_others_wrote_is_left_alone(
    tmp_path: Path, kind: type[Reader], version: int, whose: str
) -> None:
    path = tmp_path / "books.sqlite"
    base = sqlite3.connect(path)
    base.execute("CREATE TABLE books (title)")
    base.execute(f"PRAGMA user_version = {version}")
    base.close()
    before = path.read_bytes()
    with pytest.raises(UserError, match=f"by an?{whose} (program|toolkit)|by a {whose} toolkit"):
        kind(path)
    assert path.read_bytes() == before
    assert beside(path) == ["books.sqlite"]


def spoilt(tmp_path: Path, how: str) -> Path:
    """A file that is no usable store."""
    path = tmp_path / "runs.sqlite"
    with Store(path) as store, store.writing():
        for number in range(40):
            store.put_run(record(str(number), log="x" * 3000))
    content = path.read_bytes()
    if how == "header":
        path.write_bytes(content[:16] + b"\xff" * 4000)
    elif how == "middle":
        path.write_bytes(content[:40960] + b"\xff" * 40960 + content[81920:])
    elif how == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif how == "cell":
        base = sqlite3.connect(path)
        with base:
            base.execute("UPDATE runs SET limits = '{\"seconds\":'")
        base.close()
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "text":
        path.write_text("key,objective\n")
    elif how == "folder":
        path.unlink()
        path.mkdir()
    elif how == "absent":
        path.unlink()
    return path


SPOILT = ("header", "middle", "cut", "cell", "empty", "text", "folder", "absent")


@pytest.mark.parametrize("how", SPOILT)
def test_reading_what_is_spoilt_is_one_sentence(
    tmp_path: Path, how: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = spoilt(tmp_path, how)
    out = tmp_path / "out"
    for argv in (
        ["dump", str(path), "--out", str(out), "--format", "csv", "--full"],
        ["merge", str(path), "--out", str(out)],
    ):
        assert main(argv) == 2
        said = capsys.readouterr()
        assert said.err.startswith("error: ")
        assert said.err.count("\n") == 1
        assert path.name in said.err
    assert not list(tmp_path.glob("out*"))


@pytest.mark.parametrize("how", ["header", "cut", "text", "folder"])
def test_writing_to_what_is_spoilt_is_one_sentence(tmp_path: Path, how: str) -> None:
    path = spoilt(tmp_path, how)
    before = None if path.is_dir() else path.read_bytes()
    with pytest.raises(UserError, match=r"cannot be used .* another file with --store\.$"):
        store_of(path, record())
    assert before is None or path.read_bytes()[:4000] == before[:4000]
    assert not path.with_name("runs.sqlite.lock").exists()


def test_an_empty_file_becomes_a_store(tmp_path: Path) -> None:
    """`mktemp` makes such files."""
    path = tmp_path / "runs.sqlite"
    path.touch()
    with Reader(store_of(path, FULL)) as store:
        assert list(store) == [FULL]


# Read-only places and full disks


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that every user can look into, and only its owner write to."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


@pytest.mark.parametrize("old", [False, True])
def test_a_store_in_a_read_only_place_is_read_but_not_written(public: Path, old: bool) -> None:
    path = public / "runs.sqlite"
    shutil.copy(OLD / "schema2.sqlite", path)
    if not old:
        with Store(path):
            pass
    path.chmod(0o444)
    public.chmod(0o555)
    runs = in_child(lambda: _count(path), demoted=True)
    assert runs == 10
    assert beside(path) == ["runs.sqlite"]
    said = in_child(lambda: _count(path, Store), demoted=True)
    assert said.startswith(f"UserError: The store {str(path)!r} cannot be used (")
    assert said.endswith("name another file with --store.")
    said = in_child(lambda: _count(public / "new.sqlite", Store), demoted=True)
    assert "UserError" in said


def _count(path: Path, kind: type[Reader] = Reader) -> int:
    with kind(path) as store:
        return len(list(store))


def test_a_file_that_cannot_be_written_is_known_before_anything_runs(public: Path) -> None:
    """The folder can be, so that only the attempt to write tells."""
    path = store_of(public / "runs.sqlite", FULL)
    path.chmod(0o444)
    public.chmod(0o777)
    said = in_child(lambda: _count(path, Store), demoted=True)
    assert "readonly" in said
    assert "--store" in said


def test_a_disk_that_is_full_costs_the_run_that_did_not_fit(tmp_path: Path) -> None:
    """The limit on a file's size stands for the disk's: writes fail in the midst of a commit."""
    path = store_of(tmp_path / "runs.sqlite", record("before"))

    def fill() -> tuple[list[str], str]:
        resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, 600_000))
        kept = []
        with Store(path) as store:
            try:
                for number in range(100):
                    store.add(record(str(number), log="x" * 20_000), instance())
                    kept.append(str(number))
            except UserError as error:
                return kept, str(error)
        return kept, ""

    kept, said = in_child(fill)
    assert 10 < len(kept) < 40
    assert said.startswith(f"The store {str(path)!r} cannot be used (disk ")
    with Reader(path) as store:
        assert {run.key for run in store} == {"before", *kept}
    with Store(path) as store:  # there is room again
        store.add(FULL, instance())
        assert len(store) == len(kept) + 2
    assert query(path, "PRAGMA integrity_check") == [("ok",)]


def test_a_database_that_may_not_grow_keeps_what_was_committed(tmp_path: Path) -> None:
    first = record("first")
    with Store(tmp_path / "runs.sqlite") as store:
        store.add(first, instance())
        store._base.execute("PRAGMA max_page_count = 30")
        with pytest.raises(UserError, match="full"):
            store.add(record("second", log="x" * 10_000_000), instance())
        assert list(store) == [first]


# One writes, many read


HOLD = """
import sys, time
from pathlib import Path
from toolkit.bench._store import Store
with Store(Path(sys.argv[1])) as store:
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""


def held(path: Path, seconds: float) -> subprocess.Popen[str]:
    """Another process that writes to the store for so long."""
    command = [sys.executable, "-c", HOLD, str(path), str(seconds)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_writer_refuses_then_waits_and_a_dead_one_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "runs.sqlite"
    first = held(path, 60)
    try:
        monkeypatch.setattr(_lock, "WAIT", 0.3)
        with pytest.raises(UserError, match=rf"in use by another command \(process {first.pid}\)"):
            Store(path)
        assert "waiting up to 0.3 s" in capsys.readouterr().err
        with Reader(path) as store:  # to read is always possible
            assert list(store) == []
    finally:
        first.send_signal(signal.SIGKILL)  # it can free nothing itself
        first.wait()
    store_of(path, FULL)
    assert beside(path) == ["runs.sqlite"]
    monkeypatch.setattr(_lock, "WAIT", 30.0)
    second = in_background(path, 1.0)
    began = time.monotonic()
    with Store(path) as store:
        assert list(store) == [FULL]
    assert time.monotonic() - began > 0.5
    os.waitpid(second, 0)


def in_background(path: Path, seconds: float) -> int:
    """A child that holds the store; its number, once it does."""
    ours, theirs = os.pipe()
    child = os.fork()
    if not child:
        with Store(path):
            os.write(theirs, b"held")
            time.sleep(seconds)
        os._exit(0)
    assert os.read(ours, 4) == b"held"
    return child


class Counting:
    """An executor that runs nothing, and writes a character into a file for each case."""

    def __init__(self, tally: Path) -> None:
        self._tally = tally

    def run(self, cases: list[Case], *_: object) -> Iterator[Record]:
        for case in cases:
            with self._tally.open("a") as file:
                file.write("x")
            time.sleep(0.1)
            yield make_record(case, status="feasible", stop="finished")


def test_two_drivers_on_one_store_run_each_case_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both begin at once; the second waits, and then finds all of it stored."""
    tally, path = tmp_path / "tally", tmp_path / "runs.sqlite"
    monkeypatch.setattr(_run, "executor_of", lambda plan: Counting(tally))
    flags = {"problem": "cpdrl", "preset": "tiny", "solvers": ["local_only"], "quiet": True}
    plan = make_plan({**flags, "instances": 4, "store": str(path), "json": True})
    settings = plan_problems(plan)
    second, code = os.fork(), 1
    try:
        code = _run.run(plan, settings)
    finally:
        if not second:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(second, 0)[1]) == code == 0
    assert tally.read_text() == "xxxx"
    with Reader(path) as store:
        assert len({run.instance for run in store}) == len(store) == 4


@pytest.mark.slow
def test_two_commands_on_one_store_run_each_case_once(tmp_path: Path) -> None:
    """The same from the command line; the solver writes a character a run into a file."""
    flags = write_plugins(tmp_path, "good")
    tally = tmp_path / "tally"
    file = tmp_path / "good.py"
    body = f"open({str(tally)!r}, 'a').write('x' * (problem.n_users > 2)); time.sleep(0.2)"
    file.write_text(file.read_text().replace("probe.offer(", f"{body}; probe.offer("))
    path = tmp_path / "runs.sqlite"
    command = [sys.executable, "-m", "toolkit.bench", "--problem", "toy", "--solvers", "good"]
    command += ["--instances", "3", "--store", str(path), "--quiet", *flags]
    both = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for _ in range(2)]
    assert [process.wait(120) for process in both] == [0, 0]
    assert tally.read_text() == "xxx"
    with Reader(path) as store:
        assert len({run.instance for run in store}) == len(store) == 3
