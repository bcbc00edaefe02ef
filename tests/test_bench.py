"""The engine of the command: plan, case keys, runner, store."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from running import cases_of, gone, outcome

from toolkit import problems, solvers
from toolkit.bench._cases._case import Case, chosen_solvers, make_cases, plan_problem
from toolkit.bench._cases._plan import Plan, make_plan, parse_solver, split_outside_brackets
from toolkit.bench._command._table import render
from toolkit.bench._engine import _attempt, _local
from toolkit.errors import UserError


@pytest.fixture(autouse=True)
def _own_registries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plug-ins of one test are not there in the next."""
    monkeypatch.setattr(problems.registry, "_extra", {})
    monkeypatch.setattr(solvers.registry, "_extra", {})


# Plans


def test_commas_inside_brackets_belong_to_the_solver() -> None:
    assert split_outside_brackets("a,b[p=1,q=[2,3]], c") == ["a", "b[p=1,q=[2,3]]", "c"]
    assert parse_solver("b[p=1,q=[2,3],r=text]") == ("b", {"p": 1, "q": [2, 3], "r": "text"})


@pytest.mark.parametrize("text", ["b[p", "b[p=]", "b[=1]", "b]", "b[p]", "a b", "", "b[p=1]x"])
def test_a_malformed_solver_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="Cannot read"):
        parse_solver(text)


def test_flags_override_the_plan_file(tmp_path: Path) -> None:
    file = tmp_path / "plan.toml"
    file.write_text('problem = "cpdrl"\nseconds = 2\nset = {deadline = 0.3}\nn_users = 5\n')
    plan = make_plan({"seconds": 1.5, "jobs": None}, file)
    assert plan == Plan(problem="cpdrl", seconds=1.5, set={"deadline": 0.3}, n_users=5)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("secnds = 1", "did you mean 'seconds'"),
        ('seconds = "long"', "not valid"),
        ("seconds = ", "not a TOML file"),
        ("instances = 0", "--instances is 0"),
        ("solvers = []", "names no solver"),
    ],
)
def test_a_wrong_plan_file_says_what_is_wrong(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "plan.toml"
    file.write_text(text)
    with pytest.raises(UserError, match=says):
        make_plan({}, file)


def test_a_solver_named_twice_runs_once() -> None:
    assert len(chosen_solvers(["exact", "exact", "exact[gap=0.1]"])) == 2


# Keys


def test_the_key_changes_with_all_that_can_change_a_number(tmp_path: Path) -> None:
    (case,) = cases_of(tmp_path, "good")
    other = case.problem.instance(1, 0)
    changed = [
        replace(case, seed=1),
        replace(case, seconds=11.0),
        replace(case, evaluations=5),
        replace(case, instance=other),
        replace(case, solver=replace(case.solver, wait=1.0)),
    ]
    keys = {case.key, *(c.key for c in changed)}
    assert len(keys) == 1 + len(changed)
    assert replace(case, asked=False, environment={}).key == case.key


def test_a_changed_plugin_file_is_another_run(tmp_path: Path) -> None:
    before = cases_of(tmp_path, "good")[0].key
    (tmp_path / "good.py").write_text((tmp_path / "good.py").read_text() + "\nX = 1\n")
    (case,) = cases_of_again(tmp_path)
    assert case.key != before


def cases_of_again(folder: Path) -> list[Case]:
    flags = [str(folder / "toy.py"), str(folder / "good.py")]
    plan = make_plan({"problem": "toy", "solvers": ["good"], "instances": 1, "plugin": flags})
    return make_cases(plan, *plan_problem(plan))


# Runs


def test_a_good_run_is_judged_and_recorded(tmp_path: Path) -> None:
    record = outcome(tmp_path, "good")
    assert (record.status, record.stop, record.verdict) == ("feasible", "finished", "feasible")
    weights = problems.load("toy").instance(0, 0).data["weight"]
    assert record.objective == pytest.approx(weights.sum(), rel=1e-12)
    assert record.violation == 0
    assert record.evaluations == 1
    assert record.decision == {"on": [1.0] * 5}
    assert record.trace[-1][2] == record.objective


def test_the_solver_sees_the_same_read_only_data_as_here(tmp_path: Path) -> None:
    """Writable arrays would be another type to numba, compiled anew while the clock runs."""
    (case,) = cases_of(tmp_path, "good")
    import pickle

    travelled = pickle.loads(pickle.dumps(case.job)).instance
    assert not any(array.flags.writeable for array in travelled.data.values())
    assert travelled.digest == case.instance.digest


def test_a_claimed_bound_stays_a_claim(tmp_path: Path) -> None:
    record = outcome(tmp_path, "claims")
    assert (record.status, record.verdict) == ("feasible", "claimed")
    assert record.gap == pytest.approx(1.0)
    assert not record.proven


def test_what_a_solver_prints_stays_in_its_log(
    tmp_path: Path, capfd: pytest.CaptureFixture
) -> None:
    record = outcome(tmp_path, "noisy")
    assert "to stdout" in record.log
    assert "to fd 1" in record.log
    assert capfd.readouterr().out == ""


def test_an_exception_is_a_row_that_keeps_what_was_found(tmp_path: Path) -> None:
    record = outcome(tmp_path, "raises")
    assert (record.status, record.stop, record.verdict) == ("feasible", "crashed", "feasible")
    assert record.failed
    assert record.message.startswith("ZeroDivisionError: division by zero (in raises.py:")
    assert "Traceback" in record.log
    assert "last words" in record.log
    assert record.objective is not None


def test_a_contradicted_bound_is_refuted(tmp_path: Path) -> None:
    record = outcome(tmp_path, "lies")
    assert (record.status, record.verdict) == ("error", "refuted")
    assert "beats the bound" in record.message


@pytest.mark.parametrize(("name", "how"), [("exits", "exit code 7"), ("segfaults", "SIGSEGV")])
def test_a_process_that_dies_is_a_row(tmp_path: Path, name: str, how: str) -> None:
    record = outcome(tmp_path, name)
    assert (record.status, record.stop) == ("error", "crashed")
    assert record.message == f"the process died ({how}) while it was solving"


def test_a_process_that_hangs_is_killed_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_attempt, "SLACK", 0.3)
    cases = cases_of(tmp_path, "hangs", "good", seconds=0.5)
    hung, good = _local.run_cases(cases)
    assert (hung.status, hung.stop, hung.verdict) == ("feasible", "killed", "feasible")
    assert hung.failed
    assert hung.signal == "SIGKILL"
    assert "was solving and did not stop by itself; its limit was 0.5 s" in hung.message
    assert hung.wall < 60
    assert hung.decision == good.decision
    assert hung.trace[0][2] == hung.objective == good.objective
    assert f"had reported was {good.objective:.8g}" in hung.message
    assert good.status == "feasible"


def test_a_check_that_does_not_end_costs_the_bound_not_the_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_attempt, "CHECK", 0.3)
    record = outcome(tmp_path, "lingers")
    assert (record.status, record.stop, record.verdict) == ("feasible", "finished", "feasible")
    assert record.objective is not None
    assert record.decision["on"] == [1.0] * 5
    assert (record.bound, record.certificate) == (None, None)
    assert "the check of its certificate did not end within 0.3 s" in record.message
    assert record.details["note"] in render([record], asked=True)


def test_a_mistake_of_the_user_is_a_sentence_without_class_and_line(tmp_path: Path) -> None:
    record = outcome(tmp_path, "asks")
    assert (record.status, record.message) == ("error", "Two users at most; take fewer.")


@pytest.mark.parametrize("wait", [0, 60])
def test_what_a_solver_leaves_running_ends_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wait: int
) -> None:
    """It would keep the server of all processes alive, and a terminal's signals are ignored."""
    monkeypatch.setattr(_attempt, "SLACK", 0.3)
    cases = cases_of(tmp_path, "forks", seconds=0.5)
    case = replace(cases[0], solver=replace(cases[0].solver, wait=float(wait)))
    (record,) = _local.run_cases([case])
    assert record.stop == ("killed" if wait else "finished")
    said = re.search(r"child (\d+)\.", record.log)
    assert said is not None
    assert gone(int(said[1]))


def test_a_warm_up_that_hangs_is_killed_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_attempt, "START", 3.0)
    record = outcome(tmp_path, "hangs_at_once")
    assert (record.stop, "starting up" in record.message) == ("killed", True)


def test_a_missing_package_is_a_refusal_with_the_command_that_helps(tmp_path: Path) -> None:
    record = outcome(tmp_path, "absent")
    assert (record.status, record.stop) == ("refused", "not installed")
    assert record.message == "needs the package 'nonexistent_pkg': pip install nonexistent_pkg"


def test_runs_at_once_give_the_same_numbers_as_one_by_one(tmp_path: Path) -> None:
    cases = cases_of(tmp_path, "good", "half", instances=2)
    alone = {r.key: r.objective for r in _local.run_cases(cases)}
    together = {r.key: r.objective for r in _local.run_cases(cases, jobs=3)}
    assert alone == together
    assert len(alone) == 4


def test_closing_the_runs_kills_what_runs(tmp_path: Path) -> None:
    cases = cases_of(tmp_path, "good", "hangs")
    runs = _local.run_cases(cases, jobs=2)
    assert next(runs).solver == "good"
    runs.close()  # returns only once every process is gone: the test would hang otherwise
