"""What a key knows, and what is kept of the place where a run was made."""

import importlib.util
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from running import cases_of
from test_mobility import folder_of, table

import toolkit
from toolkit import problems, solvers
from toolkit.bench._cases import _case, _environment
from toolkit.bench._cases._case import Case, make_cases, plan_problem, source_digest
from toolkit.bench._cases._environment import commit_of, environment
from toolkit.bench._cases._plan import make_plan
from toolkit.solvers._pupil import WithLearner

INSTALLED = """
from dataclasses import dataclass
from toolkit.solvers import Claim, Solver

@dataclass(frozen=True, kw_only=True)
class Brought(Solver):
    "A solver that a package brings."

    def solve(self, problem, instance, probe):
        return Claim()
"""


def case_of(solver: str = "local_only", **flags: object) -> Case:
    usual = {"problem": "cpdrl", "preset": "tiny", "instances": 1, "solvers": [solver]}
    plan = make_plan({**usual, **flags})
    return make_cases(plan, *plan_problem(plan))[0]


# Keys


def test_a_folder_of_traces_counts_by_what_it_holds(tmp_path: Path) -> None:
    """A learner draws from it while it learns: the instance alone does not tell its numbers."""
    for place, seed in (("here", 1), ("there", 1), ("other", 2)):
        folder_of(tmp_path / place, a=table(), b=table(seed=seed))
    case = case_of(problem="e2ehco", preset=None, n_users=2, traces=str(tmp_path / "here"))
    fields = {**case.problem.params, "traces": str(tmp_path / "there")}
    moved = problems.load("e2ehco", **fields)
    changed = problems.load("e2ehco", **{**fields, "traces": str(tmp_path / "other")})
    assert replace(case, problem=moved).key == case.key
    assert replace(case, problem=changed).key != case.key


def test_a_limit_of_memory_is_in_the_key() -> None:
    assert case_of(memory="1G").key != case_of().key == case_of().key


def test_the_packages_of_a_learner_are_in_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another version of Stable-Baselines3 may learn otherwise."""
    needy = SimpleNamespace(requires=("stable_baselines3",))  # as the learner sb3
    monkeypatch.setattr(WithLearner, "_built", needy)
    built = solvers.registry.build("learn", learner="sb3")
    assert built.packages == ("torch", "stable_baselines3")
    case = replace(case_of(), solver=built)
    before = case.key
    real = _environment.versions
    monkeypatch.setattr(_case, "versions", lambda names: {**real(names), "stable_baselines3": "99"})
    assert replace(case).key != before


def test_the_file_of_an_installed_component_is_in_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes by an entry point: no --plugin names its file."""
    file = tmp_path / "brought_by_a_package.py"
    keys = []
    for text in (INSTALLED, INSTALLED + "\nX = 1\n"):
        file.write_text(text)
        spec = importlib.util.spec_from_file_location(file.stem, file)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, file.stem, module)
        spec.loader.exec_module(module)
        keys.append(replace(case_of(), solver=module.Brought()).key)
    assert keys[0] != keys[1]


def test_a_plug_in_that_a_run_has_nothing_of_is_not_in_its_key(tmp_path: Path) -> None:
    """Bringing one more solver, or naming the files in another order, makes no run stale."""
    asked = [["good"], ["good", "half"], ["half", "good"]]
    keys = []
    for names in asked:
        cases = cases_of(tmp_path, *names)
        keys += [case.key for case in cases if case.solver.name == "good"]
    assert len(set(keys)) == 1


def test_the_store_and_what_shows_runs_are_not_in_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a new column or a new flag would have a week of runs run again."""
    read = []
    real = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: read.append(path) or real(path))
    source_digest.__wrapped__()
    root = Path(toolkit.__file__).parent
    names = {str(path.relative_to(root)) for path in read}
    assert {"bench/_cases/_case.py", "bench/_engine/_worker.py", "reports/record.py"} <= names
    shown = {"bench/_store/_schema.py", "bench/_verbs/_dump.py", "bench/_command/_flags.py"}
    shown |= {"reports/page/__init__.py", "reports/sections/answer.py", "reports/compare.py"}
    shown |= {"problems/a3c/pictures.py", "problems/_pictures.py"}
    assert not shown & names
    assert all((root / name).is_file() for name in shown)
    assert all((root / "bench" / name).is_dir() for name in _case.SHOWING)


# Environments


def test_an_environment_tells_machine_versions_and_commit() -> None:
    made = environment(2, solvers.registry.build("conic"))
    assert {"processor", "platform", "python", "toolkit", "commit", "blas", "clarabel"} <= set(made)
    assert (made["threads"], made["jobs"]) == (1, 2)
    assert made["cores"] >= 1
    assert made["memory"] > 2**28
    assert made["blas"]


def git(folder: Path, *words: str) -> str:
    who = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")
    command = ["git", "-C", str(folder), *who, *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_the_commit_is_told_and_whether_files_differ_from_it(tmp_path: Path) -> None:
    package = tmp_path / "package"
    package.mkdir()
    (package / "__init__.py").touch()
    assert commit_of(package) is None  # no checkout at all
    git(tmp_path, "init")
    assert commit_of(package) is None  # a checkout, but of other files
    git(tmp_path, "add", "package")
    git(tmp_path, "commit", "-m", "first")
    head = git(tmp_path, "rev-parse", "HEAD")
    assert commit_of(package) == head
    (tmp_path / "notes").write_text("beside it")
    assert commit_of(package) == head
    (package / "__init__.py").write_text("X = 1")
    assert commit_of(package) == f"{head}+"


def test_without_git_there_is_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert commit_of(Path(toolkit.__file__).parent) is None
