"""Plug-ins: files and installed packages that bring problems, solvers and learners."""

import importlib
import json
import os
import random
import subprocess
import sys
from pathlib import Path
from unittest import SkipTest

import pytest
from plugins import write_plugins

from toolkit import learners, problems, solvers
from toolkit._outside import import_file, offers
from toolkit.bench.__main__ import main
from toolkit.bench._cases._plugins import load_plugins
from toolkit.bench._verbs import _check
from toolkit.errors import UserError
from toolkit.testkit import learner_tests, problem_tests, solver_tests

EXAMPLES = Path(__file__).parent.parent / "examples"
ADMISSION, ANNEAL, ENTROPY = (
    EXAMPLES / f"{name}.py" for name in ("admission", "anneal", "entropy")
)
PLUG = [word for file in (ADMISSION, ANNEAL, ENTROPY) for word in ("--plugin", str(file))]
HEAD = """
from dataclasses import dataclass
from toolkit.solvers import Claim, Solver
"""
SOLVER = """
@dataclass(frozen=True, kw_only=True)
class {name}(Solver):
    \"\"\"A test's solver.\"\"\"

    def solve(self, problem, instance, probe):
        probe.offer({{v.name: 0.0 * v.lower + v.upper * __import__("numpy").ones(v.shape)
                     for v in problem.space(instance.data).vars}})
        return Claim()
"""


@pytest.fixture(autouse=True)
def _alone(tmp_path, monkeypatch):
    """No plug-in of another test, no package that is really installed, a folder to write into."""
    monkeypatch.chdir(tmp_path)
    for kind in (problems, solvers, learners):
        monkeypatch.setattr(kind.registry, "_extra", {})
    offers.cache_clear()
    yield
    offers.cache_clear()


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder as pip makes it: packages, and what their metadata say of them."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)

    def install(distribution, points, **files):
        about = folder / f"{distribution.replace('-', '_')}-1.0.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n"
        )
        lines = [line for group, rows in points.items() for line in (f"[toolkit.{group}]", *rows)]
        (about / "entry_points.txt").write_text("\n".join(lines) + "\n")
        for name, text in files.items():
            path = folder / f"{name.replace('__', '/')}.py"
            path.parent.mkdir(exist_ok=True)
            (path.parent / "__init__.py").touch()
            path.write_text(text)
            monkeypatch.delitem(sys.modules, name.replace("__", "."), raising=False)
        importlib.invalidate_caches()
        offers.cache_clear()

    return install


def toy(*names):
    return ["--problem", "toy", "--instances", "1", "--quiet", *write_plugins(Path.cwd(), *names)]


# The examples


def test_the_examples_conform_and_their_own_tests_need_nothing_but_pytest():
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(EXAMPLES)]
    env = {**os.environ, "PYTHONPATH": str(EXAMPLES.parent), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "skipped" not in done.stdout


def test_plugged_in_parts_pass_through_every_verb(capsys):
    """A problem, a solver and a learner: trained, run, proved, verified, and drawn."""
    train = ["train", "--problem", "admission", "--learner", "entropy[instances=16]", *PLUG]
    assert main([*train, "--steps", "20", "--out", "p.zip", "--quiet"]) == 0
    chosen = "exact,anneal[steps=40],policy[checkpoint=p.zip,k=4]"
    run = ["--problem", "admission", "--instances", "1", "--n-users", "8", "--store", "s.sqlite"]
    assert main([*run, "--solvers", chosen, "--json", "--quiet", *PLUG]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line[:1] == "{"]
    assert [row["verdict"] for row in rows] == ["proved", "feasible", "feasible"]
    best = rows[0]["objective"]
    assert rows[0]["status"] == "optimal"
    assert all(best <= row["objective"] * (1 + 1e-9) < 1.5 * best for row in rows[1:])

    assert main(["verify", "s.sqlite", *PLUG]) == 0
    assert "1 proved" in capsys.readouterr().out
    for kind in (problems, solvers, learners):
        kind.registry._extra.clear()
    assert main(["verify", "s.sqlite"]) == 3
    assert "no problem is called 'admission' here; give the --plugin" in capsys.readouterr().out


def test_a_plan_brings_its_plugins_to_reproduce():
    """They were loaded for --plugin alone, and a plan that names its own could not be drawn."""
    flags = json.dumps([str(ADMISSION), str(ANNEAL)])
    Path("one.toml").write_text(
        f'title = "t"\nproblem = "admission"\nn_users = 4\ninstances = 1\nplugin = {flags}\n'
        'store = "s.sqlite"\n[methods]\nA = "anneal[steps=5]"\n[[panels]]\ny = "objective"\n'
    )
    assert main(["reproduce", "one.toml", "--out", "page", "--quiet"]) == 0
    assert "| A |" in (Path("page") / "README.md").read_text()


# Files


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("exact", SOLVER.format(name="Mine"), "'exact', and the toolkit has one of that name"),
        ("two", SOLVER.format(name="A") + SOLVER.format(name="B"), "defines A, B; a file holds"),
        ("my solver", SOLVER.format(name="A"), "cannot be named on the command line"),
        ("quits", "raise SystemExit(3)", "cannot be imported: SystemExit: 3"),
        ("idle", "@dataclass(frozen=True, kw_only=True)\nclass A(Solver): pass", "define solve"),
        ("needs", SOLVER.format(name="A").replace("def solve", "n: int\n\n    def solve"),
         "has no default for n"),
        ("bare", SOLVER.format(name="A").replace("@dataclass(frozen=True, kw_only=True)", "")
         .replace("def solve", "n: int = 1\n\n    def solve"), "@dataclass(frozen=True"),
        ("none", "X = 1", "defines no Problem, no Solver and no Learner"),
        ("untitled", "from toolkit.problems import Problem\n@dataclass(frozen=True, kw_only=True)\n"
         "class A(Problem):\n    def sample(self): 1\n    def space(self): 1\n"
         "    def judge(self): 1", "does not set title, paper, sense, presets, fields"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_plugin_is_told_why(name, text, said, capsys):
    Path(f"{name}.py").write_text(HEAD + text)
    assert main(["list", "--plugin", f"{name}.py"]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.startswith("error: ")
    assert error.count("\n") == 1


def test_two_files_of_one_name_are_refused(capsys):
    for folder in ("a", "b"):
        Path(folder).mkdir()
        Path(folder, "mine.py").write_text(HEAD + SOLVER.format(name="Mine"))
    assert main(["list", "--plugin", "a/mine.py", "--plugin", "b/mine.py"]) == 2
    assert "have one name" in capsys.readouterr().err
    load_plugins(["a/mine.py", "a/../a/mine.py"])  # one file, named twice


def test_a_plugin_replaces_no_module_and_takes_in_no_class_of_others():
    """`random.py` took the place of Python's; `tool.py` brought the toolkit's base class."""
    for name in ("random", "tool"):
        Path(f"{name}.py").write_text(HEAD + SOLVER.format(name="Mine"))
        load_plugins([f"{name}.py"] if name == "tool" else [])
    assert "tool" in solvers.registry.names()
    assert solvers.registry.find("tool").__name__ == "Mine"
    import_file(Path("random.py"))
    assert sys.modules["random"] is random


def test_what_begins_with_an_underscore_is_no_ones():
    text = SOLVER.format(name="_Base") + SOLVER.format(name="Mine").replace("(Solver)", "(_Base)")
    Path("mine.py").write_text(HEAD + text)
    load_plugins(["mine.py"])
    assert solvers.registry.find("mine").__name__ == "Mine"


# Installed packages


def test_an_installed_package_brings_all_three(site, capsys):
    """No --plugin: the run's own process finds them, too, by their metadata."""
    site(
        "mec-extras",
        {
            "problems": ["admission = mec_extras.admission"],
            "solvers": ["anneal = mec_extras.anneal:Anneal"],
            "learners": ["entropy = mec_extras.entropy"],
        },
        mec_extras__admission=ADMISSION.read_text(),
        mec_extras__anneal=ANNEAL.read_text(),
        mec_extras__entropy=ENTROPY.read_text(),
    )
    assert not any(name.startswith("mec_extras") for name in sys.modules)
    run = ["--problem", "admission", "--instances", "1", "--n-users", "4", "--store", "s.sqlite"]
    run += ["--solvers", "anneal[steps=5]", "--json", "--quiet"]
    assert main(run) == 0
    (before,) = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (before["problem"], before["status"]) == ("admission", "feasible")
    assert "entropy" in learners.registry.names()
    assert learners.registry.build("entropy").name == "entropy"
    TestAnneal = solver_tests(solvers.registry.find("anneal"), on=["admission"])
    TestAnneal().test_admission_a_stop_has_its_reason()  # it is there already: no clash

    Path("site/mec_extras/helper.py").write_text("X = 1")  # any module may change its numbers
    assert main(run) == 0
    (after,) = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert after["objective"] == before["objective"]
    assert after["key"] != before["key"]


BROKEN = {
    "gone = not_there": "cannot be imported (ModuleNotFoundError: No module named 'not_there')",
    "raises = raises": "cannot be imported (ZeroDivisionError: division by zero)",
    "other = mine": "lies in a file called 'mine'",
    "mine = mine:HEAD": "cannot be imported (AttributeError: ",
    "text = text:X": "is no Solver",
    "idle = idle": "does not define solve",
}


@pytest.mark.parametrize("point", BROKEN)
def test_a_broken_package_is_a_sentence_and_the_rest_goes_on(point, site, capsys):
    idle = "@dataclass(frozen=True, kw_only=True)\nclass Idle(Solver): pass"
    files = {"mine": SOLVER.format(name="Mine"), "raises": "1 / 0", "text": "X = 1", "idle": idle}
    site("mec-broken", {"solvers": [point]}, **{k: HEAD + v for k, v in files.items()})
    name = point.split()[0]
    with pytest.raises(UserError) as caught:
        solvers.registry.build(name)
    said = f"The solver {name!r} of the installed package mec-broken {BROKEN[point]}"
    assert str(caught.value).startswith(said)
    told = []
    usable = dict(solvers.registry.usable(told.append))
    assert told == [str(caught.value)]
    assert "greedy" in usable
    assert name not in usable


@pytest.mark.parametrize(
    ("ends", "said"),
    [
        ("raise SystemExit(0)", "SystemExit: 0"),
        ("__import__('os')._exit(0)", "ended (exit code 0) in the next check."),
        ("__import__('os').kill(__import__('os').getpid(), 9)", "ended (SIGKILL) in the next"),
        (
            "os = __import__('os'); os._exit(0) if os.fork() else __import__('time').sleep(60)",
            "ended (exit code 0) in the next check.",
        ),
    ],
)
def test_a_component_that_ends_its_process_does_not_conform(tmp_path, capsys, ends, said):
    """Not even where the exit code would say that all is well."""
    file = tmp_path / "leaves.py"
    file.write_text(
        HEAD
        + SOLVER.format(name="Leaves").replace("        probe", f"        {ends}\n        probe")
    )
    assert main(["check", "leaves", "--plugin", str(file), "--problem", "cpdrl"]) == 3
    out = capsys.readouterr().out
    assert "FAIL " in out
    assert said in out
    assert out.endswith(" failed\n")


def test_a_plug_in_that_raises_where_the_bench_calls_it_is_a_sentence(tmp_path, capsys):
    """Not in a run's process, where it would be a row, but while instances are drawn."""
    flags = write_plugins(tmp_path, "good")
    argv = ["--problem", "toy", "--solvers", "good", "--set", "heaviest=0.1", *flags]
    assert main(argv) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "error: A plug-in is at fault: " in said
    assert "toy.py, line" in said
    assert "raised ValueError: high - low < 0" in said


def test_a_run_of_all_solvers_leaves_the_broken_out(site, capsys, monkeypatch):
    site("mec-broken", {"solvers": ["gone = not_there"], "problems": ["lost = not_there"]})
    few = {"local_only", "random"}
    monkeypatch.setattr(solvers.registry, "_files", lambda: few)
    assert main(toy("good")) == 0
    said = capsys.readouterr()
    assert "warning: The solver 'gone' of the installed package mec-broken cannot" in said.err
    assert "good" in said.out
    import toolkit.envs

    toolkit.envs.register()  # as do the environments


def test_names_that_clash_are_told(site, capsys):
    site("mec-one", {"solvers": ["greedy = mine", "mine = mine"]}, mine=HEAD)
    site("mec-two", {"solvers": ["mine = mine"]})
    assert solvers.registry.find("greedy").__module__ == "toolkit.solvers.greedy"
    (clash,) = solvers.registry.clashes()
    assert clash.startswith("The solver 'greedy' of the installed package mec-one is left out")
    with pytest.raises(UserError, match="is brought by the installed packages mec-one and mec-two"):
        solvers.registry.find("mine")
    Path("mine.py").write_text(HEAD + SOLVER.format(name="Mine"))
    assert main(["check", "mine", "--plugin", "mine.py"]) == 2
    assert "and so does the installed package mec-one and mec-two" in capsys.readouterr().err
    assert main(["check", "nothing"]) == 2
    assert f"warning: {clash}" in capsys.readouterr().err


def test_help_asks_no_metadata_and_names_import_nothing(site):
    site("mec-loud", {"solvers": ["loud = loud"]}, loud="raise SystemExit('imported')")
    assert "loud" in solvers.registry.names()
    script = (
        "import sys\nfrom toolkit.bench.__main__ import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "sys.exit('importlib.metadata' in sys.modules or 'numpy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], capture_output=True).returncode == 0


@pytest.mark.slow  # a cluster of processes
def test_a_cluster_runs_what_an_installed_package_brings(site, capsys):
    pytest.importorskip("distributed")
    site("mec-extras", {"solvers": ["mine = mine"]}, mine=HEAD + SOLVER.format(name="Mine"))
    run = ["--problem", "cpdrl", "--preset", "tiny", "--instances", "2", "--solvers", "mine"]
    rows = []
    for where in ([], ["--executor", "dask", "--jobs", "2"]):
        store = ["--store", f"{len(where)}.sqlite", "--json", "--quiet"]
        assert main([*run, *store, *where]) == 0
        found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        rows.append(sorted((row["key"], row["objective"]) for row in found))
    assert len(rows[0]) == 2
    assert rows[0] == rows[1]


# What `check` says of wrong ones


WRONG = {
    "the wrong sense": ('sense = "min"', 'sense = "max"', "Is sense right?"),
    "a bound above the optimum": (
        "float(each.sum() - price * self.budget)",
        "1.5 * float(each.sum() - price * self.budget)",
        "the relaxation's bound is ",
    ),
    "a judge that depends on the batch": (
        "x * (edge - local)).sum(-1),",
        "x * (edge - local)).sum(-1) + 0.01 * x.sum(),",
        "What stands beside it must not matter: judge may reduce trailing axes only.",
    ),
    "a judge that draws": (
        "x * (edge - local)).sum(-1),",
        "x * (edge - local)).sum(-1) * np.random.default_rng().uniform(),",
        "A decision must be worth the same each time.",
    ),
    "instances without a seed": (
        "rng.uniform(0.2e9, 1.2e9, users)",
        "np.random.default_rng().uniform(0.2e9, 1.2e9, users)",
        "the same seed gives different data. Draw from the generator that sample is given",
    ),
    "no preset": ('{"tiny": {"n_users": 4}, "paper"', '{"paper"', "No preset of problem"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_check_tells_what_is_wrong_with_a_problem(wrong, capsys):
    right, changed, said = WRONG[wrong]
    text = ADMISSION.read_text()
    assert text.count(right) == 1
    Path("admission.py").write_text(text.replace(right, changed))
    assert main(["check", "admission", "--plugin", "admission.py"]) == 3
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("FAIL") and said in line for line in lines), lines
    assert lines[-1].endswith(" failed")


WRONG_SOLVERS = {
    "randomness without a seed": (
        "probe.rng, np.arange",
        "np.random.default_rng(), np.arange",
        "Draw from probe.rng, and from nothing else.",
    ),
    "a bound above the optimum": (
        "        return Claim(stop=probe.stop)",
        "        from toolkit.problems import Certificate\n"
        '        probe.bound(1.5 * probe.loss, Certificate("claim", {"by": "me"}))\n'
        "        return Claim(stop=probe.stop)",
        "beats the bound",
    ),
    "no end": ("if probe.expired:", "while True:", "it did not end within 0.2 s."),
}


@pytest.mark.parametrize("wrong", WRONG_SOLVERS)
def test_check_tells_what_is_wrong_with_a_solver(wrong, capsys, monkeypatch):
    right, changed, said = WRONG_SOLVERS[wrong]
    if wrong == "no end":
        monkeypatch.setattr(_check, "LIMIT", 0.2)
        changed += "\n                continue"
    Path("anneal.py").write_text(ANNEAL.read_text().replace(right, changed))
    plug = ["--plugin", "anneal.py", "--plugin", str(ADMISSION)]
    assert main(["check", "anneal", "--problem", "admission", *plug]) == 3
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("FAIL") and said in line for line in lines), lines


def test_check_says_that_nothing_was_examined(capsys):
    plug = ["--plugin", str(ANNEAL), *toy()[-2:]]
    assert main(["check", "anneal", "--problem", "toy", *plug]) == 0
    assert "it refuses every problem that it was tried on" in capsys.readouterr().out


def test_the_kit_fails_in_words_and_skips_what_is_refused():
    module = import_file(ADMISSION)
    wrong = type("Wrong", (module.Admission,), {"sense": "max", "__module__": module.__name__})
    with pytest.raises(AssertionError, match="Is sense right"):
        problem_tests(wrong)().test_relaxation_and_proof_stay_below_the_optimum()
    load_plugins(write_plugins(Path.cwd())[1::2])
    for tests, part in ((solver_tests, import_file(ANNEAL).Anneal),
                        (learner_tests, import_file(ENTROPY).Entropy)):  # fmt: skip
        made = tests(part, on=["toy"])()
        made.test_says_what_it_needs()
        method = next(name for name in dir(made) if name.startswith("test_toy_"))
        with pytest.raises(SkipTest, match="refuses"):
            getattr(made, method)()
