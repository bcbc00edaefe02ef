"""Two sets of runs side by side: what pairs, what is worse, and what a reader sees of noise."""

import importlib.util
import json
import math
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest
from running import cases_of
from stored import instance, record

from toolkit import problems, solvers
from toolkit.bench.__main__ import main
from toolkit.bench._command._table import render
from toolkit.bench._engine import _attempt, _yardstick
from toolkit.bench._engine._local import run_cases
from toolkit.bench._store import Reader, Store
from toolkit.bench._verbs._compare import read_side
from toolkit.bench._verbs._compare_gates import Gate, parse_gates
from toolkit.reports.frame import Report, make_groups
from toolkit.reports.page import render_page
from toolkit.reports.paired import MEASURES, Pair, lines, paired
from toolkit.reports.record import Record

MEASURE = {measure.name: measure for measure in MEASURES}
FAILED = {"status": "error", "stop": "crashed", "objective": None, "violation": None}
PROVED = {"status": "optimal", "verdict": "proved", "bound": 0.5, "gap": 0.0}


def store_of(path: Path, *records: Record) -> str:
    """A store with these runs, the first one the oldest."""
    with Store(path) as store, store.writing():
        drawn = instance()
        store.put_instance(drawn.digest, drawn.name, json.dumps(drawn.as_json()))
        for place, each in enumerate(records):
            store.put_run(msgspec.structs.replace(each, key=f"{place:03d}"), f"2026-01-{place:02d}")
    return str(path)


def compared(tmp_path: Path, old: list[Record], new: list[Record], gates: str | None = None) -> int:
    stores = [
        store_of(tmp_path / f"{name}.sqlite", *runs) for name, runs in (("a", old), ("b", new))
    ]
    return main(["compare", *stores, *([] if gates is None else ["--fail-on", gates])])


def change(name: str, before: dict[str, Any], after: dict[str, Any]) -> float:
    (pair,) = paired([record(**before)], [record(**after)]).pairs
    return MEASURE[name].change(pair)


# Pairs.


def test_runs_are_paired_by_problem_instance_solver_and_seed() -> None:
    """The order of the runs, and what else they hold, has no say."""
    other = [
        {"digest": "d2"},
        {"seed": 1},
        {"label": "exact"},
        {"problem": "droo"},
    ]
    before = [record(**fields) for fields in other]
    after = [record(objective=9.0, **fields) for fields in reversed(other)]
    found = paired([*before, record(label="old")], [record(label="new"), *after])
    assert len(found.pairs) == 4
    for pair in found.pairs:
        for name in ("problem", "digest", "label", "seed"):
            assert getattr(pair.before, name) == getattr(pair.after, name)
    assert [r.label for r in found.only_before] == ["old"]
    assert [r.label for r in found.only_after] == ["new"]


def test_a_parameter_that_came_with_a_new_version_leaves_a_pair() -> None:
    found = paired([record(params={})], [record(params={"width": 3})])
    assert len(found.pairs) == 1


def test_policies_in_other_folders_are_a_pair() -> None:
    labels = [f"policy[checkpoint=/{place}/p.zip,k=8]" for place in ("before", "after")]
    assert len(paired(*([record(label=label)] for label in labels)).pairs) == 1


def test_of_several_runs_the_newest_counts() -> None:
    """A store keeps those of older sources."""
    found = paired([record(objective=3.0), record(objective=2.0)], [record(objective=1.0)])
    assert [(p.before.objective, p.after.objective) for p in found.pairs] == [(2.0, 1.0)]
    assert found.older == 1
    assert not found.only_before


def test_runs_with_the_same_limits_belong_together() -> None:
    short, long = ({"limits": {"seconds": s, "evaluations": None}} for s in (1.0, 5.0))
    found = paired(
        [record(objective=1.0, **short), record(objective=5.0, **long)],
        [record(objective=5.0, **long), record(objective=1.0, **short)],
    )
    assert [p.before.objective == p.after.objective for p in found.pairs] == [True, True]
    assert len(paired([record(**short)], [record(**long)]).pairs) == 1


# Measures.


@pytest.mark.parametrize(
    ("name", "before", "after", "expected"),
    [
        ("objective", {"objective": 2.0}, {"objective": 3.0}, 0.5),
        ("objective", {"objective": 2.0, "sense": "max"}, {"objective": 3.0, "sense": "max"}, -0.5),
        ("objective", {"objective": -2.0}, {"objective": -1.0}, 0.5),
        ("objective", {"objective": 0.0}, {"objective": 3.0}, 1.0),
        ("objective", {}, FAILED, math.inf),
        ("objective", FAILED, {}, -math.inf),
        ("objective", {}, {"violation": 0.1}, math.inf),
        ("objective", FAILED, FAILED, math.nan),
        ("gap to best", {"objective": 2.0}, {"objective": 3.0}, 0.5),
        ("proven gap", PROVED, {**PROVED, "gap": 0.25}, 0.25),
        ("proven gap", PROVED, {"verdict": "claimed", "gap": 0.0}, math.inf),
        ("proven gap", {"status": "infeasible", "verdict": "proved"}, PROVED, 0.0),
        ("proven gap", {}, {}, math.nan),
        ("evaluations", {"evaluations": 10}, {"evaluations": 12}, 0.2),
        ("evaluations", {"evaluations": 10}, {"evaluations": 1, "stop": "time"}, math.nan),
        ("seconds", {"seconds": 1.0}, {"seconds": 2.0}, 1.0),
        ("seconds", {"seconds": 1.0, "yardstick": 1.0}, {"seconds": 2.0, "yardstick": 2.0}, 0.0),
        ("seconds", {"seconds": 1.0, "yardstick": 9.0}, {"seconds": 2.0}, 1.0),
    ],
)
def test_a_change_is_positive_where_something_became_worse(
    name: str, before: dict, after: dict, expected: float
) -> None:
    assert change(name, before, after) == pytest.approx(expected, nan_ok=True)


def test_a_line_counts_and_bounds_the_changes_of_a_solver() -> None:
    """The median by hand, and an interval that is the same whenever it is asked for."""
    values = [1.0, 1.0, 1.1, 1.2, 0.9, 1.0 + 1e-12]
    before = [record(objective=1.0, seed=k, digest=f"d{k // 2}") for k in range(6)]
    after = [record(objective=v, seed=k, digest=f"d{k // 2}") for k, v in enumerate(values)]
    line, *rest = lines(paired(before, after).pairs)
    assert (line.measure.name, line.better, line.equal, line.worse) == ("objective", 1, 3, 2)
    assert line.median == pytest.approx(0.0, abs=1e-9)
    assert line.most == pytest.approx(0.2)
    assert line.low <= line.median <= line.high <= line.most
    assert lines(paired(reversed(before), reversed(after)).pairs) == [line, *rest]
    assert [each.measure.name for each in rest] == ["gap to best", "evaluations", "seconds"]


# Gates.


@pytest.mark.parametrize(
    ("gates", "before", "after", "code"),
    [
        ("objective", {}, {}, 0),
        ("objective", {}, {"objective": 0.5 * (1 + 1e-10)}, 0),  # rounding
        ("objective", {}, {"objective": 0.5 * (1 + 1e-8)}, 1),
        ("objective", {"sense": "max"}, {"sense": "max", "objective": 0.4}, 1),
        ("objective", {"sense": "max"}, {"sense": "max", "objective": 0.6}, 0),
        ("objective", {"objective": 1e-12}, {"objective": 1.1e-12}, 1),  # relative, however small
        ("objective:+1%", {}, {"objective": 0.504}, 0),
        ("objective:+1%", {}, {"objective": 0.506}, 1),
        ("objective", {}, FAILED, 1),
        ("gap", {}, FAILED, 1),
        ("gap:+0.1pp", {}, {"objective": 0.50049}, 0),
        ("gap:0.1pp", {}, {"objective": 0.50051}, 1),
        ("gap:+0.1pp", PROVED, {**PROVED, "status": "feasible", "gap": 0.002}, 1),
        ("gap:+0.1pp", PROVED, {"verdict": "claimed", "gap": 0.0}, 1),
        ("evaluations:+10%", {"evaluations": 100}, {"evaluations": 110}, 0),
        ("evaluations:+10%", {"evaluations": 100}, {"evaluations": 111}, 1),
        ("evaluations", {"evaluations": 100}, {"evaluations": 101}, 1),
        ("status", PROVED, {}, 1),
        ("status", {}, {**FAILED, "objective": 0.5, "violation": 0.0, "status": "feasible"}, 1),
        ("status", PROVED, {"status": "infeasible", "verdict": "proved"}, 1),
        ("status", {}, PROVED, 0),
        ("objective,gap,evaluations", {"seconds": 1.0}, {"seconds": 9.0}, 0),  # time only advises
        # what the clock or a failure ended in A is no measure of B; what it ends in B is one
        ("objective", {"stop": "time"}, {"objective": 0.6}, 0),
        ("objective,status", FAILED, FAILED, 0),
        ("objective", {}, {"stop": "time", "objective": 0.6}, 1),
        (None, {}, FAILED, 0),
    ],
)
def test_a_regression_ends_with_one(
    tmp_path: Path, gates: str | None, before: dict, after: dict, code: int
) -> None:
    assert compared(tmp_path, [record(**before)], [record(**after)], gates) == code


def test_a_run_that_is_missing_is_a_regression_where_that_is_asked_for(tmp_path: Path) -> None:
    both = [record(), record(seed=1)]
    assert compared(tmp_path, both, both[:1], "objective") == 0
    assert compared(tmp_path, both, both[:1], "missing") == 1
    assert compared(tmp_path, both[:1], both, "missing") == 0


@pytest.mark.parametrize("objective", [0.5, 0.7, 1.1, 3.3, 4.7, 123.456])
def test_what_is_worse_by_just_the_tolerance_passes(tmp_path: Path, objective: float) -> None:
    """Whichever way 1.01 times the value was rounded."""
    before, after = [record(objective=objective)], [record(objective=1.01 * objective)]
    assert compared(tmp_path / "a", before, after, "objective:+1%") == 0
    worse = [record(objective=1.0101 * objective)]
    assert compared(tmp_path / "b", before, worse, "objective:+1%") == 1


def test_gates_are_read_with_their_tolerances() -> None:
    found = parse_gates("gap:+0.1pp, objective,evaluations:+10%,status")
    assert found == [
        Gate("gap", 0.001),
        Gate("objective", 0.0),
        Gate("evaluations", 0.1),
        Gate("status", 0.0),
    ]
    assert str(found[0]) == "gap:+0.1pp"


@pytest.mark.parametrize(
    ("gates", "said"),
    [
        ("gaps", "did you mean 'gap'"),
        ("seconds:+10%", "only advise"),
        ("gap:+10%", "gap:+0.1pp"),
        ("objective:+1pp", "objective:+10%"),
        ("objective:+1e400%", "Cannot read the tolerance"),
        ("evaluations:-10%", "Cannot read the tolerance"),
        ("status:+1%", "takes no tolerance"),
        ("gap,gap", "give it once"),
        ("gap,", "gate of --fail-on"),
        ("", "gate of --fail-on"),  # of a script whose variable is not set
    ],
)
def test_a_gate_that_means_nothing_is_misuse(
    tmp_path: Path, gates: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two, not one: nothing was compared."""
    assert compared(tmp_path, [record()], [record()], gates) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


# The command.


def test_the_output_names_what_changed_and_is_always_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = [record(seed=k, yardstick=0.03 + k / 1000) for k in range(3)]
    after = [record(objective=0.6, seed=1, yardstick=0.06), record(seed=2, seconds=9, **FAILED)]
    assert compared(tmp_path, before, after, "objective") == 1
    said = capsys.readouterr().out
    for text in (
        "2 pairs; only in A: 1, only in B: 0",
        f"only in A: greedy on {instance().name}, seed 0",
        f"status: greedy on {instance().name}, seed 2: feasible (finished) -> error (crashed)",
        f"regression: objective: greedy on {instance().name}, seed 1: 0.5 -> 0.6 (+20%)",
        f"regression: objective: greedy on {instance().name}, seed 2: 0.5 -> none (answer lost)",
        "reference workload: A 31.5 ms (31 to 32), B 60 ms (60 to 60)",
        "2 regressions in 2 pairs: objective",
    ):
        assert text in said
    assert compared(tmp_path / "again", before[::-1], after[::-1], "objective") == 1
    assert capsys.readouterr().out.splitlines()[2:] == said.splitlines()[2:]


def test_times_are_advice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Relative to the reference workload: a slow host is no slow solver."""
    before = [record(seed=k, seconds=1.0, yardstick=0.03) for k in range(4)]
    busy = [record(seed=k, seconds=2.0, yardstick=0.06) for k in range(4)]
    slow = [record(seed=k, seconds=2.0, yardstick=0.03) for k in range(4)]
    assert compared(tmp_path / "busy", before, busy, "gap,objective,evaluations") == 0
    assert "advice:" not in capsys.readouterr().out
    assert compared(tmp_path / "slow", before, slow, "gap,objective,evaluations") == 0
    assert "advice: greedy is slower: +100%" in capsys.readouterr().out


def test_other_limits_and_versions_are_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = record(limits={"seconds": 50.0, "evaluations": None, "memory": None})
    assert compared(tmp_path, [record()], [other]) == 0
    assert "warning: 1 pairs had other limits in A than in B" in capsys.readouterr().out
    assert compared(tmp_path / "again", [record()], [record(version=2)]) == 0
    assert "warning: 1 pairs are of different versions" in capsys.readouterr().out


def test_stores_folders_and_lists_say_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of one run of the bench: as it is stored, written by --out, and dumped."""
    monkeypatch.chdir(tmp_path)
    flags = ["--problem", "cpdrl", "--preset", "tiny", "--instances", "2", "--quiet"]
    solvers_ = ["--solvers", "greedy,random_search[evaluations=9]"]
    assert main([*flags, *solvers_, "--store", "s.sqlite", "--out", "o"]) == 0
    assert main(["dump", "s.sqlite", "--out", "d.jsonl"]) == 0
    names = ("problem", "digest", "label", "seed", "status", "objective", "seconds", "yardstick")
    sides = [list(read_side(Path(p))) for p in ("s.sqlite", "o", "o/runs.jsonl", "d.jsonl")]
    rows = [[[getattr(run, name) for name in names] for run in side] for side in sides]
    assert rows[0] == rows[1] == rows[2] == rows[3]
    assert sides[3][0].limits["seconds"] == 10.0
    capsys.readouterr()
    for path in ("o", "o/runs.jsonl", "d.jsonl"):
        assert main(["compare", "s.sqlite", path, "--fail-on", "objective,status,missing"]) == 0
        assert "4 pairs; only in A: 0, only in B: 0" in capsys.readouterr().out
    old = [json.loads(line) for line in Path("o/runs.jsonl").read_text().splitlines()]
    for row in old:  # as toolkits wrote it before
        del row["label"], row["yardstick"]
    Path("old.jsonl").write_text("".join(json.dumps(row) + "\n" for row in old))
    assert [run.label for run in read_side(Path("old.jsonl"))] == [r.label for r in sides[0]]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "Cannot read"),
        ("", "no run in common"),
        ("no json\n", "is not a list of runs"),
        ('{"problem": "cpdrl"}\n', "is not a list of runs"),
    ],
)
def test_what_cannot_be_compared_is_misuse(
    tmp_path: Path, content: str | None, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "runs.jsonl"
    if content is not None:
        other.write_text(content)
    store = store_of(tmp_path / "a.sqlite", record())
    assert main(["compare", store, str(other)]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_another_sense_is_misuse(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert compared(tmp_path, [record()], [record(sense="max")], "objective") == 2
    assert "as min" in capsys.readouterr().err


# The reference workload.


def test_a_run_keeps_what_the_reference_workload_took(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Timed where the runs are, once in half a minute; the store, the table and the page tell."""
    monkeypatch.setattr(problems.registry, "_extra", {})
    monkeypatch.setattr(solvers.registry, "_extra", {})
    times = iter((0.031, 0.035, 0.028))
    monkeypatch.setattr(_yardstick, "measured", lambda: next(times))
    monkeypatch.setattr(_yardstick, "EVERY", 0.0)
    monkeypatch.setattr(_attempt, "HERE", _yardstick.Yardstick())
    cases = cases_of(tmp_path, "half", instances=3)
    records = list(run_cases(cases))
    assert [run.yardstick for run in records] == [0.031, 0.035, 0.028]
    with Store(tmp_path / "runs.sqlite") as store:
        for case, each in zip(cases, records, strict=True):
            store.add(each, case.instance)
    with Reader(tmp_path / "runs.sqlite") as store:
        assert {run.yardstick for run in store} == {0.031, 0.035, 0.028}
    assert "reference workload 31 ms (28 to 35) over the study" in render(records)
    assert "The reference workload took 31 ms (28 to 35)" in page_of(records)
    assert records[0].public()["yardstick"] == 0.031
    bare = [msgspec.structs.replace(run, yardstick=None) for run in records]
    assert "reference workload" not in render(bare)
    assert "The reference workload took" not in page_of(bare)


def page_of(records: list[Record]) -> str:
    return render_page(Report("a store", make_groups(records)[0]))


def test_a_time_holds_for_half_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    now, times = [100.0], iter((1.0, 2.0))
    monkeypatch.setattr(_yardstick, "measured", lambda: next(times))
    monkeypatch.setattr(_yardstick.time, "monotonic", lambda: now[0])
    stick, taken = _yardstick.Yardstick(), []
    for now[0] in (100.0, 129.0, 131.0):
        taken.append(stick.seconds())
    assert taken == [1.0, 1.0, 2.0]


def test_the_reference_workload_is_always_the_same_work() -> None:
    assert _yardstick.work() == _yardstick.work()
    ticks = iter((0.0, 3.0, 3.0, 4.0, 4.0, 6.0))
    assert _yardstick.measured(lambda: next(ticks)) == 2.0


def test_a_pair_whose_gap_needs_the_best_of_both_sides() -> None:
    """The best known is that of either side, and the same for both."""
    found = paired(
        [record(objective=0.5), record(label="exact", objective=0.4)],
        [record(objective=0.45), record(label="new", objective=0.3)],
    )
    (pair,) = found.pairs
    assert isinstance(pair, Pair)
    assert pair.best == 0.3


# The benchmarks' baseline.


@pytest.fixture(scope="module")
def baseline() -> ModuleType:
    """The script, which no package holds."""
    path = Path(__file__).parents[1] / "benchmarks" / "baseline.py"
    spec = importlib.util.spec_from_file_location("baseline", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("now", "regressions"),
    [
        ({"gap": 1e-6, "evaluations": 110, "workloads": 9.0}, 0),  # time only advises
        ({"gap": 2.1e-6, "evaluations": 100, "workloads": 0.1}, 1),
        ({"gap": 0.0, "evaluations": 111, "workloads": 0.1}, 1),
        ({"gap": 0.0, "workloads": 0.1}, 1),  # a counter that is told no more
        (None, 1),  # a benchmark that is no more
    ],
)
def test_gaps_and_counters_must_hold_against_the_baseline(
    baseline: ModuleType, now: dict[str, float] | None, regressions: int
) -> None:
    before = {"test_exact[8]": {"gap": 1e-6, "evaluations": 100, "workloads": 0.1}}
    after = {} if now is None else {"test_exact[8]": now}
    gates = parse_gates(baseline.GATES)
    assert len(list(baseline.compared(gates, "solvers", before, after))) == regressions


def test_the_stored_baselines_have_gaps_and_counters_and_nothing_of_a_host(
    baseline: ModuleType,
) -> None:
    paths = sorted(baseline.STORED.glob("*.json"))
    assert len(paths) >= 7
    for path in paths:
        stored = json.loads(path.read_text())
        assert stored.keys() == {"versions", "benchmarks"}
        assert not re.search(r"[/\\]", path.read_text())
        for figures in stored["benchmarks"].values():
            assert {"gap", "workloads"} < figures.keys()
            assert set(figures) & set(baseline.COUNTERS)
