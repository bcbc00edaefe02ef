"""The verbs `dump` and `merge`, and `--rerun`: runs out of a store, together, and once more."""

import csv
import importlib.util
import io
import json
import os
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from stored import FULL, MADE, in_child, instance, record

from toolkit.bench.__main__ import main
from toolkit.bench._cases._case import Case, make_cases, plan_problem
from toolkit.bench._cases._plan import Plan, make_plan
from toolkit.bench._command import _run
from toolkit.bench._engine._executor import make_record
from toolkit.bench._store import Reader, Reference, Store
from toolkit.bench._verbs._dump import COLUMNS, LARGE
from toolkit.errors import UserError
from toolkit.reports.record import Record

DOCS = Path(__file__).parents[1] / "docs" / "store.md"
OLD = Path(__file__).parent / "stores"
MISSING = importlib.util.find_spec("pyarrow") is None


def store_of(path: Path, *dated: tuple[str, Record]) -> str:
    """A store with these runs, kept at these times."""
    with Store(path) as store, store.writing():
        drawn = instance()
        store.put_instance(drawn.digest, drawn.name, json.dumps(drawn.as_json()))
        for created_at, each in dated:
            store.put_run(each, created_at)
    return str(path)


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


# dump


@pytest.fixture
def full(tmp_path: Path) -> str:
    plain = record("plain", objective=None, violation=None, status="error", stop="crashed")
    return store_of(tmp_path / "runs.sqlite", ("2026-01-02", FULL), ("2026-01-01", plain))


def test_json_lines_have_every_value_as_it_is(full: str, tmp_path: Path) -> None:
    out = tmp_path / "new" / "runs.jsonl"
    assert main(["dump", full, "--out", str(out), "--full"]) == 0
    old, new = rows_of(out)
    assert list(new) == [name for name, _ in COLUMNS]
    assert (old["key"], old["objective"], old["created_at"]) == ("plain", None, "2026-01-01")
    for name in ("objective", "peak_memory", "terms", "decision", "trace", "log", "message"):
        assert new[name] == getattr(FULL, name), name
    assert (new["limit_seconds"], new["limit_memory"]) == (5.0, None)
    assert (new["processor"], new["cores"], new["packages"]) == ("a CPU", 2, {"numpy": "2.4"})


def test_csv_has_the_same_in_text(full: str, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["dump", full]) == 0
    read = list(csv.DictReader(io.StringIO(capfdbinary.readouterr().out.decode(), newline="")))
    assert list(read[0]) == [name for name, _ in COLUMNS if name not in LARGE]
    assert [row["key"] for row in read] == ["plain", "full"]
    assert (read[0]["objective"], float(read[1]["objective"])) == ("", FULL.objective)
    assert read[1]["message"] == FULL.message
    assert json.loads(read[1]["details"]) == FULL.details


@pytest.mark.skipif(MISSING, reason="needs the package 'pyarrow'")
def test_parquet_has_the_same_with_types(full: str, tmp_path: Path) -> None:
    from pyarrow import parquet

    out = tmp_path / "runs.parquet"
    assert main(["dump", full, "--out", str(out), "--full"]) == 0
    table = parquet.read_table(out)
    assert table.column_names == [name for name, _ in COLUMNS]
    kinds = {field.name: str(field.type) for field in table.schema}
    wanted = ("objective", "evaluations", "label", "trace")
    assert [kinds[name] for name in wanted] == ["double", "int64", "string", "string"]
    old, new = table.to_pylist()
    assert (old["objective"], new["objective"]) == (None, 0.5)
    assert json.loads(new["trace"]) == FULL.trace


@pytest.mark.skipif(MISSING, reason="needs the package 'pyarrow'")
def test_a_store_without_runs_is_a_table_without_rows(tmp_path: Path) -> None:
    from pyarrow import parquet

    store = store_of(tmp_path / "runs.sqlite")
    assert main(["dump", store, "--out", str(tmp_path / "runs.parquet")]) == 0
    assert parquet.read_table(tmp_path / "runs.parquet").num_rows == 0


def test_a_store_of_an_older_toolkit_is_dumped_as_well(tmp_path: Path) -> None:
    store = str(shutil.copy(OLD / "schema1.sqlite", tmp_path / "old.sqlite"))
    assert main(["dump", store, "--out", str(tmp_path / "runs.jsonl")]) == 0
    proved = [row for row in rows_of(tmp_path / "runs.jsonl") if row["verdict"] == "proved"]
    assert [row["cores"] for row in proved] == [None, None]
    assert proved[0]["packages"]["numba"] == "0.68.1"


def test_parquet_without_its_package_is_a_sentence(
    full: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "pyarrow" else find(name)
    )
    assert main(["dump", full, "--out", str(tmp_path / "runs.parquet")]) == 2
    said = capsys.readouterr().err
    assert "pip install pyarrow" in said
    assert said.count("\n") == 1
    assert main(["dump", full, "--format", "parquet"]) == 2
    assert "--out" in capsys.readouterr().err


def test_a_dump_that_cannot_be_written_leaves_what_was_there(full: str, tmp_path: Path) -> None:
    """The limit on a file's size stands for a full disk."""
    import resource

    out = tmp_path / "runs.csv"
    out.write_text("of yesterday")

    def write() -> str:
        resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500))
        try:
            return str(main(["dump", full, "--out", str(out)]))
        except BaseException as error:
            return repr(error)

    assert in_child(write) == "2"
    assert out.read_text() == "of yesterday"
    assert not (tmp_path / "runs.csv.part").exists()


def test_a_dump_replaces_no_store_and_no_device(
    full: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    device = tmp_path / "device"
    os.mkfifo(device)
    before = Path(full).read_bytes()
    for out, what in ((full, "is a store"), (str(device), "is no file")):
        assert main(["dump", full, "--out", out]) == 2
        assert what in capsys.readouterr().err
    assert Path(full).read_bytes() == before
    assert device.is_fifo()


def test_every_column_is_documented() -> None:
    text = DOCS.read_text()
    assert [name for name, _ in COLUMNS if f"`{name}`" not in text] == []


# merge


def merged(tmp_path: Path, *stores: str, flags: tuple[str, ...] = ()) -> dict[str, tuple]:
    """Objective and time of every run of the union, by key."""
    out = tmp_path / "union.sqlite"
    assert main(["merge", *stores, "--out", str(out), *flags]) == 0
    assert sorted(p.name for p in tmp_path.glob("union*")) == ["union.sqlite"]
    with Reader(out) as store:
        return {run.key: (run.objective, created) for created, run in store.dated()}


def test_the_union_has_every_run_once(tmp_path: Path) -> None:
    one = store_of(tmp_path / "one.sqlite", ("2026-01-01", record("a")), ("2026-01-02", FULL))
    two = store_of(tmp_path / "two.sqlite", ("2026-01-02", FULL), ("2026-01-03", record("b")))
    assert merged(tmp_path, one, two, one) == {
        "a": (0.5, "2026-01-01"),
        "full": (0.5, "2026-01-02"),
        "b": (0.5, "2026-01-03"),
    }
    with Reader(tmp_path / "union.sqlite") as store:
        assert store.find(["full"]) == {"full": FULL}
        assert store.instance(instance().digest)["problem"] == "cpdrl"


SLOW, FAST = {"stop": "time", "objective": 0.7}, {"stop": "time", "objective": 0.6}
BROKE = {"status": "error", "stop": "crashed", "objective": None, "violation": None}
AGAIN = {"seconds": 3.0, "environment": {**MADE, "cores": 64}}


@pytest.mark.parametrize(
    ("old", "new", "kept"),
    [
        (SLOW, FAST, 0.6),  # a clock ended both: the newer one, be it better or not
        (FAST, SLOW, 0.7),
        ({}, BROKE, 0.5),  # what did not fail, however old
        (BROKE, SLOW, 0.7),
        ({}, AGAIN, 0.5),  # the same numbers in another time
        ({}, {"objective": 0.5 + 1e-13}, 0.5 + 1e-13),  # rounding
    ],
)
@pytest.mark.parametrize("turned", [False, True])
def test_of_two_runs_of_a_key_one_is_kept(
    tmp_path: Path, old: dict, new: dict, kept: float, turned: bool
) -> None:
    one = store_of(tmp_path / "one.sqlite", ("2026-01-01", record("a", **old)))
    two = store_of(tmp_path / "two.sqlite", ("2026-01-02", record("a", **new)))
    stores = (two, one) if turned else (one, two)
    assert merged(tmp_path, *stores)["a"][0] == kept


@pytest.mark.parametrize(
    "other", [{"objective": 0.4}, {"bound": 0.1}, {"status": "optimal"}, {"evaluations": 10}]
)
def test_runs_of_a_key_with_other_numbers_are_a_conflict(
    tmp_path: Path, other: dict, capsys: pytest.CaptureFixture[str]
) -> None:
    """A key is a hash of all that can change a number: something is wrong with one of them."""
    one = store_of(tmp_path / "one.sqlite", ("2026-01-02", record("abc")))
    two = store_of(tmp_path / "two.sqlite", ("2026-01-01", record("abc", **other)))
    assert main(["merge", one, two, "--out", str(tmp_path / "union.sqlite")]) == 2
    conflict, error = capsys.readouterr().err.splitlines()
    assert "abc" in conflict
    assert one in conflict
    assert two in conflict
    assert "1 runs have one key" in error
    assert not list(tmp_path.glob("union*"))
    kept = merged(tmp_path, one, two, flags=("--conflicts", "newer"))
    assert kept == {"abc": (0.5, "2026-01-02")}


def test_instances_and_references_are_united_as_well(tmp_path: Path) -> None:
    paths = []
    for index in range(2):
        path = tmp_path / f"{index}.sqlite"
        drawn = instance(index)
        with Store(path) as store:
            store.refer(
                Reference(
                    digest=drawn.digest,
                    lower=0.1,
                    upper=None,
                    kind="best known",
                    method="exact@0.1.0",
                    date="2026-11-22",
                ),
                drawn,
            )
        paths.append(str(path))
    assert merged(tmp_path, *paths) == {}
    with Reader(tmp_path / "union.sqlite") as store:
        assert {each.digest for each in store.references()} == {
            instance(0).digest,
            instance(1).digest,
        }
        assert store.instance(instance(1).digest)["version"] == instance(1).version


def test_stores_of_older_toolkits_can_be_united_and_stay_as_they_are(tmp_path: Path) -> None:
    stores = [str(tmp_path / f"{n}.sqlite") for n in (1, 2)]
    for number, store in enumerate(stores, 1):
        shutil.copy(OLD / f"schema{number}.sqlite", store)
    before = [Path(store).read_bytes() for store in stores]
    assert len(merged(tmp_path, *stores)) == 19
    assert [Path(store).read_bytes() for store in stores] == before


def test_a_union_is_a_new_file_or_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = store_of(tmp_path / "one.sqlite", ("2026-01-01", record("a")))
    before = Path(one).read_bytes()
    assert main(["merge", one, "--out", one]) == 2
    assert "there already" in capsys.readouterr().err
    assert Path(one).read_bytes() == before
    assert main(["merge", one, "--out", str(tmp_path / "absent" / "file" / "x")]) == 0
    (tmp_path / "file").write_text("no folder")
    assert main(["merge", one, "--out", str(tmp_path / "file" / "x")]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "name another file with --out" in said


# --rerun


def planned(tmp_path: Path, **flags: Any) -> tuple[Plan, list[Case]]:
    usual = {"problem": "cpdrl", "preset": "tiny", "instances": 4, "solvers": ["local_only"]}
    store = str(tmp_path / "runs.sqlite")
    plan = make_plan({**usual, "store": store, "quiet": True, **flags})
    return plan, make_cases(plan, *plan_problem(plan))


@pytest.mark.parametrize(
    ("rerun", "again"),
    [
        (None, "crashed killed"),
        ("failed", "crashed killed"),
        ("timeouts", "time crashed killed"),
        ("all", "finished time crashed killed"),
    ],
)
def test_a_stored_run_is_run_again_where_that_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rerun: str | None, again: str
) -> None:
    """What failed always is: it may have been the machine."""
    plan, cases = planned(tmp_path, **({"rerun": rerun} if rerun else {}))
    stops = dict(zip(("finished", "time", "crashed", "killed"), cases, strict=True))
    with Store(Path(plan.store)) as store:
        for stop, case in stops.items():
            status = "error" if stop == "crashed" else "feasible"  # what was killed may have one
            store.add(make_record(case, status=status, stop=stop), case.instance)

    class Executor:
        ran: list[str] = []  # noqa: RUF012

        def run(self, asked: list[Case], *_: object) -> Any:
            for case in asked:
                self.ran += [stop for stop, one in stops.items() if one.key == case.key]
                yield make_record(case, status="feasible", stop="finished", message="new")

    executor = Executor()
    monkeypatch.setattr(_run, "executor_of", lambda plan: executor)
    with Store(Path(plan.store)) as store:
        _run.Runs(plan, cases, store).run()
        assert " ".join(executor.ran) == again
        assert sum(run.message == "new" for run in store) == len(executor.ran)
        assert len(store) == 4


def test_another_word_for_rerun_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="rerun"):
        planned(tmp_path, rerun="some")
    assert main(["--problem", "cpdrl", "--rerun", "some"]) == 2


def test_a_store_is_one_file_once_a_command_has_ended(tmp_path: Path) -> None:
    """So that it can be copied and sent."""
    path = Path(store_of(tmp_path / "runs.sqlite", ("2026-01-01", FULL)))
    with Reader(path) as store:
        assert len(list(store)) == 1
    assert os.listdir(tmp_path) == ["runs.sqlite"]
    base = sqlite3.connect(path)
    assert base.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    base.close()
