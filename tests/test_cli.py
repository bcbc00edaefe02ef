"""The command as a user meets it: what it prints, where, and with which exit code."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from plugins import write_plugins

import toolkit
from toolkit import problems, solvers
from toolkit.bench.__main__ import main
from toolkit.bench._engine import _local
from toolkit.bench._store import Reader
from toolkit.errors import UserError
from toolkit.instances import Instance

COMMAND = [sys.executable, "-m", "toolkit.bench"]
KEYS = {
    *("problem", "preset", "instance", "digest", "solver", "params", "seed", "status", "stop"),
    *("objective", "bound", "gap", "violation", "seconds", "evaluations", "message"),
}


@pytest.fixture(autouse=True)
def _own_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of its own, as the store's default is relative; registries without plug-ins."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(problems.registry, "_extra", {})
    monkeypatch.setattr(solvers.registry, "_extra", {})


def toy(*names: str, instances: int = 1) -> list[str]:
    """The flags of a run of plugged-in solvers on the plugged-in problem."""
    flags = write_plugins(Path.cwd(), *names)
    return ["--problem", "toy", "--instances", str(instances), "--solvers", ",".join(names), *flags]


def refused(argv: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The one sentence that a wrong request gets."""
    code = main(argv)
    seen = capsys.readouterr()
    assert code == 2
    assert seen.err.startswith("error: ")
    assert seen.err.count("\n") == 1
    assert "Traceback" not in seen.err + seen.out
    return seen.err


# What it shows


def test_the_users_command_proves_the_optimum(capsys: pytest.CaptureFixture[str]) -> None:
    argv = ["--problem", "cpdrl", "--n-users", "8", "--instances", "1"]
    assert (
        main([*argv, "--solvers", "exact,enumerate,random", "--report", "page", "--out", "records"])
        == 0
    )
    seen = capsys.readouterr()
    exact = next(line for line in seen.out.splitlines() if line.startswith("exact"))
    assert exact.split()[:4] == ["exact", "optimal", "proved", "1.0507376"]
    assert "best known 1.0507376*" in seen.out
    assert "proven gap = (objective - bound) / |bound|" in seen.out
    assert "[3/3]" in seen.err
    assert Path("results/runs.sqlite").is_file()
    assert Path("page/index.html").is_file()
    assert max(map(len, seen.out.splitlines())) <= 120
    for what in ("results/runs.sqlite", "records/runs.jsonl", next(Path("records").glob("ex*"))):
        assert main(["verify", str(what)]) == 0
        assert "proved" in capsys.readouterr().out


def test_a_second_run_does_only_what_is_missing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(toy("good")) == 0
    table = capsys.readouterr().out
    ran = []
    real = _local.Local.run
    monkeypatch.setattr(_local.Local, "run", lambda self, c, *a: ran.extend(c) or real(self, c, *a))
    assert main(toy("good")) == 0
    assert ran == []
    assert capsys.readouterr().out == table
    assert main(toy("good", instances=2)) == 0
    assert len(ran) == 1


def test_a_stored_run_goes_under_the_names_of_this_command(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The same run may have been asked for by another preset, file name or plug-in."""
    argv = ["--problem", "cpdrl", "--instances", "1", "--solvers", "greedy", "--quiet", "--json"]
    rows = []
    for flags in ([], ["--preset", "paper"]):
        assert main([*argv, *flags]) == 0
        rows.append(json.loads(capsys.readouterr().out))
    assert rows[0].pop("preset") is None
    assert rows[1].pop("preset") == "paper"
    assert rows[0] == rows[1]  # the time too: the run was not done again
    for name in ("first", "second"):
        problems.load("cpdrl").instance().write(Path(f"{name}.json"))
        assert main(["solve", f"{name}.json", "--solvers", "greedy", "--out", name]) == 0
        seen = capsys.readouterr()
        assert seen.out.startswith(f"{name} · 8 users")
    assert "second greedy" in seen.err
    assert "(stored before)" in seen.err
    assert json.loads(Path("second/runs.jsonl").read_text())["instance"] == "second"


def test_a_failed_run_is_done_again(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(toy("raises")) == 3
    capsys.readouterr()
    assert main(toy("raises")) == 3
    assert "stored before" not in capsys.readouterr().err


def test_json_is_one_object_a_run_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*toy("good", "claims", instances=2), "--json", "--quiet"]) == 0
    seen = capsys.readouterr()
    rows = [json.loads(line, parse_constant=pytest.fail) for line in seen.out.splitlines()]
    assert len(rows) == 4
    assert all(set(row) >= KEYS for row in rows)
    assert rows[0]["params"] == {"wait": 0.0}
    assert rows[0]["instance"] == "toy-n5-s0-000"
    assert seen.err == ""


def test_quiet_leaves_the_table_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*toy("good"), "--quiet"]) == 0
    seen = capsys.readouterr()
    assert seen.err == ""
    assert "toy-n5-s0-000" in seen.out


def test_every_planned_case_is_a_row_also_what_refuses(tmp_path: Path) -> None:
    """It is asked for anew: what was not installed may be there the next time."""
    argv = [*toy("good", "absent"), "--quiet", "--store", str(tmp_path / "s.sqlite")]
    for _ in range(2):
        main([*argv, "--out", str(tmp_path / "out")])
        with Reader(tmp_path / "s.sqlite") as store:
            assert {r.solver: r.stop for r in store} == {
                "good": "finished",
                "absent": "not installed",
            }
    stops = [json.loads(line)["stop"] for line in (tmp_path / "out/runs.jsonl").open()]
    assert sorted(stops) == ["finished", "not installed"]


def test_the_better_solver_stands_first_and_at_the_same_gap_the_failed_one_last(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A run that raised keeps what it had found."""
    assert main(toy("raises", "half", "good")) == 3
    lines = capsys.readouterr().out.splitlines()
    order = [line.split()[0] for line in lines[4:7]]
    assert order == ["good", "raises", "half"]
    assert any(line.startswith("  raises: ZeroDivisionError") for line in lines)


def test_a_claimed_bound_is_in_brackets_with_a_footnote(
    capsys: pytest.CaptureFixture[str],
) -> None:
    main(toy("claims"))
    out = capsys.readouterr().out
    assert "(100%)" in out
    assert "( ) the solver's own claim, not checked" in out


def test_solvers_that_refuse_are_rows_only_where_they_were_asked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    flags = toy("good", "absent")
    assert main(flags) == 0
    asked = capsys.readouterr().out
    assert "absent: needs the package 'nonexistent_pkg'" in asked
    place = flags.index("--solvers")
    assert main([*flags[:place], *flags[place + 2 :], "--seconds", "0.2"]) == 0
    out = capsys.readouterr().out
    assert not any(line.startswith("absent") for line in out.splitlines())
    assert "absent (needs the package 'nonexistent_pkg'" in out.partition("not run: ")[2]


def test_a_run_that_no_solver_took_is_no_success(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(toy("absent")) == 2
    assert "absent: needs the package 'nonexistent_pkg'" in capsys.readouterr().out


def test_a_refuted_claim_is_exit_code_4(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(toy("lies", "good")) == 4
    assert "refuted" in capsys.readouterr().out


def test_a_plan_file_stands_for_the_flags(capsys: pytest.CaptureFixture[str]) -> None:
    plugins = json.dumps(write_plugins(Path.cwd(), "good")[1::2])
    Path("plan.toml").write_text(
        f'problem = "toy"\nn_users = 3\nsolvers = ["good"]\ninstances = 1\nplugin = {plugins}\n'
        "set = {heaviest = 1.5}\n"
    )
    assert main(["--plan", "plan.toml"]) == 0
    assert "toy-n3-s0-000 · 3 users" in capsys.readouterr().out


def test_generator_fields_can_be_set(capsys: pytest.CaptureFixture[str]) -> None:
    argv = ["--problem", "cpdrl", "--n-users", "3", "--instances", "1"]
    argv += ["--set", "deadline=0.7", "--set", "kappa=2e-28"]
    assert main([*argv, "--solvers", "exact", "--json", "--out", "o", "--quiet"]) == 0
    record = json.loads(next(Path("o").glob("exact*")).read_text())
    assert record["instance"]["data"]["deadline"] == 0.7
    assert record["problem_params"]["kappa"] == 2e-28


# Verbs


def test_list_names_everything_in_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", *write_plugins(Path.cwd(), "good")]) == 0
    out = capsys.readouterr().out
    for text in ("cpdrl", "--preset tight", "exact", "Test solver good.", "learners"):
        assert text in out
    assert max(map(len, out.splitlines())) <= 120


def test_exported_instances_come_back_and_are_solved_alike(
    capsys: pytest.CaptureFixture[str],
) -> None:
    argv = "export --problem cpdrl --n-users 4 --instances 1 --format json,npz,nl,gms --out ex"
    assert main(argv.split()) == 0
    paths = [Path(line) for line in capsys.readouterr().out.split()]
    assert [path.suffix for path in paths] == [".json", ".npz", ".nl", ".gms"]
    assert all(path.stat().st_size > 500 for path in paths)
    content = json.loads(paths[0].read_text())
    assert set(content) == {"problem", "version", "params", "data"}
    objectives = []
    for path in paths[:2]:
        assert main(["solve", str(path), "--solvers", "exact", "--json", "--quiet"]) == 0
        objectives.append(json.loads(capsys.readouterr().out)["objective"])
    assert objectives[0] == objectives[1]


@pytest.mark.parametrize("form", ["lp", "mps"])
def test_a_nonlinear_model_as_a_linear_file_is_one_sentence(
    form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = f"export --problem cpdrl --n-users 3 --instances 1 --format {form} --out ex".split()
    said = refused(argv, capsys)
    assert "nonlinear" in said
    assert "export nl or gms" in said
    assert not list(Path("ex").glob(f"*.{form}"))


def test_verify_refutes_a_planted_lie(capsys: pytest.CaptureFixture[str]) -> None:
    argv = ["--problem", "cpdrl", "--n-users", "4", "--instances", "1", "--solvers", "exact"]
    main([*argv, "--quiet", "--out", "o"])
    capsys.readouterr()
    path = next(Path("o").glob("exact*"))
    record = json.loads(path.read_text())
    for key, factor in (("objective", 0.9), ("bound", 1.1)):
        path.write_text(json.dumps({**record, key: record[key] * factor}))
        assert main(["verify", str(path)]) == 4
        assert capsys.readouterr().out.startswith("refuted")


def test_verify_confronts_the_runs_of_a_store(capsys: pytest.CaptureFixture[str]) -> None:
    """A claimed bound that nothing can check falls to another run's better decision."""
    flags = write_plugins(Path.cwd(), "good", "half")
    Path("half.py").write_text(
        Path("half.py")
        .read_text()
        .replace(
            "return Claim()",
            'probe.bound(probe.loss, Certificate("claim", {"by": "me"})); return Claim()',
        )
    )
    main(["--problem", "toy", "--instances", "1", "--solvers", "good,half", "--quiet", *flags])
    capsys.readouterr()
    assert main(["verify", "results/runs.sqlite", *flags]) == 4
    out = capsys.readouterr().out
    assert "better than its bound" in out
    assert "1 refuted" in out


def test_check_runs_the_conformance_tests(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "local_only"]) == 0
    assert "local_only: conforms" in capsys.readouterr().out


def test_check_of_a_broken_problem_fails(capsys: pytest.CaptureFixture[str]) -> None:
    flags = write_plugins(Path.cwd())
    broken = Path("toy.py").read_text().replace("(2.0 - decision", "(2.0 - 0 * decision")
    Path("toy.py").write_text(broken.replace("0.0 * cost", "cost * np.nan"))
    assert main(["check", "toy", *flags]) == 3
    assert "FAIL" in capsys.readouterr().out


# Bad input


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        ("", "--problem NAME"),
        ("--problem cpdlr", "did you mean 'cpdrl'"),
        ("--problem cpdrl --preset papr", "did you mean 'paper'"),
        ("--problem cpdrl --set dedline=1", "did you mean 'deadline'"),
        ("--problem cpdrl --set deadline", "KEY=VALUE"),
        ("--problem cpdrl --set =1", "KEY=VALUE"),
        ("--problem cpdrl --set deadline=soon", "type float"),
        ("--problem cpdrl --set deadline=-1", "positive"),
        ("--problem cpdrl --set deadline=NaN", "positive"),
        ("--problem cpdrl --set path_loss=1e3", "cpdrl[path_loss=1000.0] draws data"),
        ("--problem cpdrl --set side=1e308", "data['gain'] has 0"),
        ("--problem cpdrl --set size_high=1e308", "not a finite number"),
        ("export --problem cpdrl --set path_loss=1e3 --out ex --format json", "set other values"),
        ("--problem cpdrl --solvers exat", "did you mean 'exact'"),
        ("--problem cpdrl --solvers exact[gip=1]", "did you mean 'gap'"),
        ("--problem cpdrl --solvers exact[gap", "name[param=value,...]"),
        ("--problem cpdrl --solvers exact[gap=x]", "type float"),
        ("--problem cpdrl --solvers exact[gap=-1]", "gap is -1; it must be at least 0"),
        ("--problem cpdrl --solvers exact[gap=NaN]", "gap is nan; it must be at least 0"),
        ("--problem cpdrl --solvers exact[nodes=0]", "nodes is 0; it must be at least 1"),
        ("--problem cpdrl --solvers ,", "names no solver"),
        ("--problem cpdrl --n-users 0", "at least 1"),
        ("--problem cpdrl --n-users -1", "at least 1"),
        ("--problem cpdrl --n-users 1000000000", "at most 10,000,000"),
        ("--problem cpdrl --n-users abc", "takes a whole number"),
        ("--problem cpdrl --n-users 8.5", "takes a whole number"),
        ("--problem cpdrl --n-users", "--n-users"),
        ("--problem cpdrl --seconds 0", "above 0"),
        ("--problem cpdrl --seconds -3", "above 0"),
        ("--problem cpdrl --seconds nan", "above 0"),
        ("--problem cpdrl --seconds inf", "at most 1e7"),
        ("--problem cpdrl --seconds soon", "takes a number"),
        ("--problem cpdrl --evaluations 0", "at least 1"),
        ("--problem cpdrl --instances 0", "between 1"),
        ("--problem cpdrl --jobs 0", "between 1"),
        ("--problem cpdrl --seed -1", "--seed"),
        ("--problem cpdrl --secnds 3", "did you mean --seconds"),
        ("--problem cpdrl --plugin nowhere.py", "no plug-in file"),
        ("--problem cpdrl --plan nowhere.toml", "Cannot read the plan"),
        ("lst", "did you mean 'list'"),
        ("check exat", "did you mean 'exact'"),
        ("verify nowhere.json", "Cannot read"),
        ("solve nowhere.json", "Cannot read"),
        ("solve", "required"),
        ("export --problem cpdrl --out ex --format jsn", "did you mean 'json'"),
        ("export --problem cpdrl --instances 1 --out e --format nl --formulation x", "formulation"),
    ],
)
def test_a_mistake_is_one_sentence(
    argv: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert says in refused(argv.split(), capsys)


@pytest.mark.parametrize("flag", ["--out", "--report", "--store"])
def test_a_folder_that_cannot_be_written_is_found_before_anything_runs(
    flag: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("file").write_text("not a folder")
    monkeypatch.setattr(_local.Local, "run", lambda *_: pytest.fail("it ran"))
    said = refused([*toy("good"), flag, "file/below"], capsys)
    assert flag in said


def test_a_store_that_is_no_database_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    Path("notes.txt").write_text("not a database, but long enough to be taken for one" * 100)
    assert "--store" in refused([*toy("good"), "--store", "notes.txt"], capsys)
    assert Path("notes.txt").read_text().startswith("not a database")


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda c: c["data"]["size"].__setitem__(0, float("nan")), "not a finite number"),
        (lambda c: c["data"].__setitem__("size", [1.0, 2.0]), "other arrays have"),
        (lambda c: c["data"].__setitem__("size", [[1.0], [1.0, 2.0]]), "not a rectangle"),
        (lambda c: c["data"].__setitem__("size", "large"), "not a rectangle of numbers"),
        (lambda c: c["data"].pop("gain"), "lacks 'gain'"),
        (lambda c: c["data"].__setitem__("speed", 1.0), "does not know"),
        (lambda c: c["data"].__setitem__("noise", -1.0), "above 0"),
        (lambda c: c.__setitem__("problem", "droop"), "No problem is called 'droop'"),
        (lambda c: c.__setitem__("problem", ["cpdrl"]), "not a name"),
        (lambda c: c.__setitem__("version", 99), "version 99"),
        (lambda c: c.__setitem__("params", [1]), "'params' is not an object"),
        (lambda c: c.__setitem__("params", {"users": 3}), "did you mean 'n_users'"),
        (lambda c: c.__setitem__("data", [1, 2]), "'data' is not an object"),
        (lambda c: c["data"].__setitem__("size", [10**400]), "not a rectangle of numbers"),
        (lambda c: c.pop("version"), "lacks 'version'"),
    ],
)
def test_a_spoiled_instance_file_is_one_sentence(
    spoil: object, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    content = problems.load("cpdrl", "tiny").instance().as_json()
    spoil(content)  # type: ignore[operator]
    Path("case.json").write_text(json.dumps(content))
    assert says in refused(["solve", "case.json"], capsys)


def test_an_instance_of_another_problem_is_told_apart(capsys: pytest.CaptureFixture[str]) -> None:
    flags = write_plugins(Path.cwd())
    content = problems.load("cpdrl", "tiny").instance().as_json()
    Path("case.json").write_text(json.dumps({**content, "problem": "toy", "params": {}}))
    assert "case" in refused(["solve", "case.json", *flags], capsys)


def test_a_table_counts_the_users_of_the_data(capsys: pytest.CaptureFixture[str]) -> None:
    content = problems.load("cpdrl").instance().as_json()
    content["params"]["n_users"] = 5
    Path("case.json").write_text(json.dumps(content))
    assert main(["solve", "case.json", "--solvers", "greedy"]) == 0
    assert "case · 8 users" in capsys.readouterr().out


@pytest.mark.parametrize("damage", ["truncated", "binary", "empty", "folder", "deep"])
def test_a_damaged_file_is_one_sentence(damage: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = Path("case.json")
    problems.load("cpdrl", "tiny").instance().write(path)
    text = path.read_text()
    path.unlink()
    if damage == "folder":
        path.mkdir()
    else:
        wrong = {"truncated": text[: len(text) // 2].encode(), "binary": os.urandom(500)}
        path.write_bytes({**wrong, "empty": b"", "deep": b"[" * 100_000}[damage])
    refused(["solve", "case.json"], capsys)
    refused(["verify", "case.json"], capsys)


# Signals and pipes, in a process of its own


def start(argv: list[str]) -> subprocess.Popen[str]:
    def heard() -> None:  # a background job of a shell ignores it, and so would its children
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(
        [*COMMAND, *argv], text=True, start_new_session=True, preexec_fn=heard, **pipes
    )


@pytest.mark.parametrize(("signals", "done"), [("term", 1), ("int", 2), ("int int", 1)])
def test_an_interrupt_keeps_and_shows_what_is_done(
    signals: str, done: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C lets the run that is at work end; a second one does not, nor does a request to
    terminate, which a harder signal follows."""
    argv = toy("held", instances=3)
    process = start(argv)
    while not (Path("begun").exists() and Path("begun").stat().st_size == 2):
        assert process.poll() is None
        time.sleep(0.02)  # until the second run is at work
    for name in signals.split():
        os.killpg(process.pid, signal.Signals[f"SIG{name.upper()}"])  # as a terminal does: to all
        time.sleep(0.3)  # so that two signals are two, and the first is heard before the run ends
    Path("go").touch()
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "toy-n5-s0-000" in out
    assert f"Interrupted: {done} of 3 runs are done and kept in results/runs.sqlite" in err
    assert ("Ctrl-C again ends at once" in err) == ("int" in signals)
    assert "Traceback" not in err
    assert main(argv) == 0
    again = capsys.readouterr().err
    assert again.count("stored before") == done
    assert "[3/3]" in again


def test_a_closed_pipe_ends_quietly() -> None:
    argv = [*toy("good", instances=30), "--json", "--quiet", "--jobs", "2"]
    process = start(argv)
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == ""
    assert process.wait(30) == 141


def test_help_is_quick_and_lists_flags_verbs_and_exit_codes() -> None:
    times = []
    for _ in range(3):
        begun = time.perf_counter()
        seen = subprocess.run([*COMMAND, "--help"], capture_output=True, text=True, check=True)
        times.append(time.perf_counter() - begun)
    assert min(times) < 0.5
    for text in ("--evaluations", "--plan", "verify", "exit codes", "4    a claim was refuted"):
        assert text in seen.stdout


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys, toolkit.bench.__main__ as m\n"
        "try: m.main(['--help'])\n"
        "except SystemExit: pass\n"
        "print([n for n in ('numpy', 'scipy', 'numba', 'torch') if n in sys.modules])"
    )
    seen = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert seen.stdout.splitlines()[-1] == "[]"


# The same from Python


def test_the_public_face_solves_evaluates_and_verifies(tmp_path: Path) -> None:
    problem = toolkit.make("cpdrl", n_users=4)
    instance = problem.instance(0, seed=1)
    result = toolkit.solve(problem, instance)
    assert result.status == "optimal"
    assert toolkit.verify(problem, instance, result).verdict == "proved"
    judged = toolkit.evaluate(problem, instance, result.decision)
    assert float(judged.objective) == result.objective
    toolkit.save(instance, tmp_path / "case.npz")
    again, same = toolkit.load(tmp_path / "case.npz")
    assert again == problem
    assert same.digest == instance.digest
    assert isinstance(same, Instance)
    assert np.array_equal(same.data["size"], instance.data["size"])


def test_the_public_face_takes_a_solver_as_the_command_line_writes_it() -> None:
    problem = toolkit.make("cpdrl", "tiny")
    instance = problem.instance(0)
    written = toolkit.solve(problem, instance, "random_search[evaluations=40]")
    assert written.evaluations == 40
    assert toolkit.solve(problem, instance, "exact[gap=1e-6]").gap <= 1e-6
    for spec, beside, said in (
        ("exact[gap=1e-6]", {"gap": 1e-3}, "gap is given in 'exact.gap=1e-6.' and beside it"),
        ("exact[gap", {}, "Cannot read the solver 'exact.gap'; write name"),
        ("exact[gap=x]", {}, "exact.gap is 'x'"),
    ):
        with pytest.raises(UserError, match=said):
            toolkit.solve(problem, instance, spec, **beside)


def test_the_public_face_has_nothing_else() -> None:
    with pytest.raises(AttributeError, match="no attribute 'sovle'"):
        toolkit.sovle  # noqa: B018
