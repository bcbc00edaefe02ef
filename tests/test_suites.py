"""Frozen suites: what they say holds, what is wrong with one is told, what is better is taken."""

import json
import shutil
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from toolkit import problems, solve, verify
from toolkit.bench.__main__ import main
from toolkit.bench._store import Reader
from toolkit.bench._suite._files import FOLDER, Suite, keep, names, sha256
from toolkit.bench._suite._found import Found, Refuted
from toolkit.bench._suite._known import known_of
from toolkit.bench._suite._plant import planted_instance
from toolkit.errors import UserError
from toolkit.problems import Certificate
from toolkit.solvers import Status

FROZEN = [name for name in names() if Suite.read(name).recipe.frozen is not None]
QUICK = [name for name in FROZEN if name.endswith(("/smoke", "/small"))]
OTHERS = [pytest.param(name, marks=pytest.mark.slow) for name in FROZEN if name not in QUICK]
MOST_BYTES = 3_000_000  # of all suites together: they travel with the package
EVERY = {"smoke", "paper", "small", "medium", "large", "stress"}
RECIPE = """# mine
title = "t"
problem = "ddlo"
version = 1
seed = 3
solvers = []

[[draw]]
instances = 2
preset = "shared"
planted = true
"""  # what a person writes; nothing is frozen yet


def copied(folder: Path, name: str = "ddlo/smoke", **values: Any) -> Suite:
    """A suite of one's own, in which the first reference has other values."""
    for path in (Suite.read(name).path, Suite.read(name).npz):
        shutil.copy(path, folder / f"own{path.suffix}")
    suite = Suite.read(str(folder / "own.toml"))
    if values:
        first, *others = suite.references()
        changed = msgspec.structs.replace(first, **values)
        keep(suite, suite.instances(), [changed, *others])
    return Suite.read(suite.name)


def recipe(folder: Path) -> Path:
    """A recipe of one's own that nothing is frozen of."""
    path = folder / "recipe.toml"
    path.write_text(RECIPE)
    return path


def bench(*words: object) -> int:
    return main([*map(str, words)])


def run(suite: Suite | str, folder: Path, solvers: str, *more: str) -> int:
    name = suite if isinstance(suite, str) else suite.name
    store = folder / "runs.sqlite"
    return bench("--suite", name, "--solvers", solvers, "--store", store, "--quiet", *more)


# What there is


@pytest.mark.parametrize("problem", problems.registry.names())
def test_every_problem_has_all_suites(problem: str) -> None:
    own = {name.partition("/")[2] for name in FROZEN if name.startswith(f"{problem}/")}
    assert own >= EVERY


def test_all_suites_together_are_small_and_frozen() -> None:
    assert names() == FROZEN
    assert sum(path.stat().st_size for path in FOLDER.rglob("*")) <= MOST_BYTES


@pytest.mark.parametrize("name", [*QUICK, *OTHERS])
def test_what_is_frozen_holds(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench("suite", "verify", name) == 0
    assert capsys.readouterr().out.startswith(f"ok        {name}: ")


@pytest.mark.slow
@pytest.mark.parametrize("name", FROZEN)
def test_what_is_frozen_holds_in_balls(name: str) -> None:
    assert bench("suite", "verify", name, "--arithmetic", "arb") == 0


@pytest.mark.parametrize("name", [*QUICK, *OTHERS])
def test_the_generators_draw_the_instances_that_they_drew(name: str) -> None:
    suite = Suite.read(name)
    drawn = [one.digest for each in suite.drawn() for one in each]
    assert drawn == [row.digest for row in suite.rows]
    assert len({row.instance for row in suite.rows}) == len(suite.rows)


def test_the_list_says_what_is_frozen_and_what_is_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench("suite", "list") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == names()
    assert all(" proved" in line for line in lines if "e2ehco_migration" not in line)
    assert bench("suite", "list", recipe(tmp_path)) == 0
    assert "2 instances, not frozen" in capsys.readouterr().out


# What is wrong


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"upper": 700.0}, "stored objective"),
        ({"solution": {}}, "no feasible decision"),
        ({"certificate": None}, "no certificate"),
        ({"certificate": {"kind": "tree", "nodes": []}}, "no list of nodes"),
        ({"certificate": None, "kind": "best known"}, "word"),
    ],
)
def test_a_wrong_reference_is_refuted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], values: dict[str, Any], said: str
) -> None:
    suite = copied(tmp_path, **values)
    assert bench("suite", "verify", suite.name) == 4
    out = capsys.readouterr().out
    assert out.startswith("refuted")
    assert said in out


def test_a_bound_that_its_certificate_does_not_support_is_refuted(tmp_path: Path) -> None:
    suite = copied(tmp_path)
    first, second = suite.references()
    weak = {"kind": "tree", "nodes": [{"leaf": {"nu": 0.0, "theta": 0.0}}]}
    keep(suite, suite.instances(), [first, msgspec.structs.replace(second, certificate=weak)])
    assert bench("suite", "verify", suite.name) == 4


def _shorter(arrays: dict[str, np.ndarray]) -> None:
    name = next(name for name in arrays if name.startswith("solution.0.") and len(arrays[name]))
    arrays[name] = arrays[name][:0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda arrays: arrays.pop("certificates"), "KeyError: 'certificates'"),
        (lambda arrays: arrays.update(certificates=np.zeros(3, np.uint8)), "JSONDecodeError: "),
        (
            lambda arrays: arrays.update(certificates=np.frombuffer(b"[5]", np.uint8)),
            "a certificate is a table, or none",
        ),
        (_shorter, "IndexError: "),
    ],
)
def test_files_that_do_not_fit_together_are_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], change: Any, said: str
) -> None:
    """Though the digest of the changed file stands in the recipe."""
    suite = copied(tmp_path)
    with np.load(suite.npz) as file:
        arrays = dict(file)
    change(arrays)
    before = suite.npz.read_bytes()
    np.savez_compressed(suite.npz, **arrays)
    text = suite.path.read_text()
    suite.path.write_text(text.replace(sha256(before), sha256(suite.npz.read_bytes())))
    assert bench("suite", "verify", suite.path) == 4
    printed = capsys.readouterr()
    assert "do not fit together" in printed.out
    assert said in printed.out


def test_changed_files_are_noticed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    suite = copied(tmp_path)
    whole = suite.npz.read_bytes()
    suite.npz.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert bench("suite", "verify", suite.name) == 4
    assert "SHA-256" in capsys.readouterr().out
    assert run(suite, tmp_path, "greedy") == 2
    suite.npz.write_bytes(whole)
    text = suite.path.read_text()
    suite.path.write_text(text.replace(suite.rows[0].digest, "0" * 16))
    assert bench("suite", "verify", suite.name) == 4
    assert "digest" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--suite", "ddlo/smal"], "did you mean 'ddlo/small'?"),
        (["--suite", "ddlo"], "known: ddlo/large, ddlo/medium, ddlo/paper, ddlo/planted"),
        (["--suite", "RECIPE"], "recipe only"),
        (["suite", "freeze"], "No suite is named"),
        (["suite", "freeze", "ddlo/smoke"], "--anew"),
        (["suite", "freeze", "--update", "RECIPE"], "not frozen yet"),
        (["suite", "verify", "none.toml"], "Cannot read"),
        (["suite", "verify", "RECIPE"], "recipe only"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    own = str(recipe(tmp_path))
    assert bench(*(own if word == "RECIPE" else word for word in words)) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["--problem", "ddlo"],
        ["--problem", ""],
        ["--n-users", "3"],
        ["--n-users", "0"],
        ["--preset", "tiny"],
        ["--set", "n_tasks=2"],
        ["--data", "x.mat"],
        ["--rows", "0:1"],
        ["--traces", "x"],
        ["--frames", "0"],
        ["--instances", "3"],
    ],
)
def test_what_chooses_instances_clashes_with_a_suite(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    """Whichever of the two stands in a plan file, even if it is the default or nothing at all."""
    said = f"error: A suite has instances of its own; leave out {words[0]} or --suite.\n"
    plan = tmp_path / "plan.toml"
    plan.write_text('suite = "ddlo/smoke"\n')
    for first in (["--suite", "ddlo/smoke"], ["--plan", plan]):
        assert bench(*first, *words) == 2
        assert capsys.readouterr().err == said


@pytest.mark.parametrize(
    ("entry", "word"),
    [
        ("instances = 3", "--instances"),
        ('problem = "ddlo"', "--problem"),
        ("set = {n_tasks = 2}", "--set"),
        ("sweep = {n_users = [2, 3]}", "sweep"),
    ],
)
def test_an_entry_of_a_plan_clashes_like_a_flag(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], entry: str, word: str
) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text(f'suite = "ddlo/smoke"\n{entry}\n')
    assert bench("--plan", plan) == 2
    assert f"leave out {word} or --suite" in capsys.readouterr().err
    plan.write_text(f"{entry}\n")
    assert bench("--plan", plan, "--suite", "ddlo/smoke") == 2
    assert f"leave out {word} or --suite" in capsys.readouterr().err


def test_a_suite_in_a_plan_is_run_and_a_flag_names_another(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The seed is the solvers'; it leaves the instances alone."""
    plan, store = tmp_path / "plan.toml", tmp_path / "runs.sqlite"
    plan.write_text('suite = "ddlo/smoke"\nsolvers = ["local_only"]\nquiet = true\njson = true\n')
    for more, suite in (
        ([], "ddlo/smoke"),
        (["--suite", "droo/smoke", "--seed", "5"], "droo/smoke"),
    ):
        assert bench("--plan", plan, "--store", store, *more) == 0
        rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert [row["digest"] for row in rows] == [row.digest for row in Suite.read(suite).rows]


# What runs have of it


def test_a_run_is_measured_against_the_references(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("cpdrl/smoke", tmp_path, "local_only", "--json") == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    references = Suite.read("cpdrl/smoke").references()
    for row, reference in zip(rows, references, strict=True):
        best = reference.upper
        assert best is not None
        assert row["gap_to_best"] == pytest.approx((row["objective"] - best) / best)
    with Reader(tmp_path / "runs.sqlite") as store:
        assert {each.id for each in store.references()} == {each.id for each in references}
    page = tmp_path / "page"
    assert run("cpdrl/smoke", tmp_path, "local_only", "--report", str(page)) == 0
    said = capsys.readouterr().out
    assert "the reference (exact" in said
    assert "of the suite's references" in " ".join(said.split())
    assert "suite&#39;s references" in (page / "index.html").read_text()


def test_a_proof_that_nothing_is_feasible_is_a_reference(tmp_path: Path) -> None:
    known = known_of("cpdrl/small")
    assert Status.INFEASIBLE in {record.status for record in known.records}


def test_a_better_solution_is_said_loudly_and_taken(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    suite = Suite.read("ddlo/smoke")
    ((problem, (instance,)), _) = known_of(suite.name).drawn
    local = solve(problem, instance, "local_only")
    assert local.decision is not None
    plain = {name: value.tolist() for name, value in local.decision.items()}
    weak = {"solution": plain, "upper": local.objective, "kind": "best known", "lower": None}
    own = copied(tmp_path, **weak, certificate=None)
    assert bench("suite", "verify", own.name) == 0
    before = own.references()[0]
    assert run(own, tmp_path, "exact") == 0
    assert "BETTER THAN KNOWN: exact has " in capsys.readouterr().err
    update = ["suite", "freeze", own.name, "--update", "--store", tmp_path / "runs.sqlite"]
    assert bench(*update) == 0
    after = Suite.read(own.name).references()[0]
    best = suite.references()[0]
    assert (after.kind, after.supersedes) == ("proved", before.id)
    assert after.upper == pytest.approx(best.upper, rel=1e-12)
    assert after.lower == pytest.approx(best.lower, rel=1e-9)
    assert "1 of 2 references" in capsys.readouterr().out
    assert bench(*update) == 0
    assert "0 of 2 references" in capsys.readouterr().out
    assert run(own, tmp_path, "exact") == 0
    assert "BETTER" not in capsys.readouterr().err


def test_a_reference_that_a_run_refutes_ends_with_4(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    best = Suite.read("ddlo/smoke").references()[0].upper
    assert best is not None
    own = copied(tmp_path, lower=1.1 * best, upper=1.1 * best)
    assert run(own, tmp_path, "exact") == 4
    told = capsys.readouterr()
    assert "REFUTED: exact has " in told.err
    assert "refuted: exact has" in told.out


def test_what_does_not_hold_is_not_frozen() -> None:
    ((problem, (instance,)), _) = known_of("ddlo/smoke").drawn
    wrong = Found(problem, instance, certificate=Certificate("tree", {"nodes": []}))
    with pytest.raises(Refuted, match="no list of nodes"):
        wrong.reference(["float"])


def test_a_recipe_of_ones_own_is_frozen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = recipe(tmp_path)
    assert bench("suite", "freeze", path, "--store", tmp_path / "s.sqlite") == 0
    assert path.read_text().startswith("# mine\n")
    assert "2 instances, 2 proved" in capsys.readouterr().out
    assert bench("suite", "verify", path, "--arithmetic", "arb") == 0


# Planted optima


@pytest.mark.parametrize(
    ("name", "preset", "params"),
    [
        ("ddlo", "shared", {"n_users": 3, "n_tasks": 3}),
        ("ddlo", "clean", {"n_users": 10, "n_tasks": 5}),
        ("e2ehco", "clean", {"n_users": 10}),
        ("e2ehco", "hard", {"n_users": 30, "n_servers": 10}),
    ],
)
def test_no_solver_beats_a_planted_optimum(name: str, preset: str, params: dict[str, Any]) -> None:
    problem = problems.load(name, preset, **params)
    for index in range(3):
        instance, decision, certificate = planted_instance(problem, index, 7)
        found = Found(problem, instance).with_solution(decision, "plant")
        planted = found.with_proof(certificate, "plant").reference(["float", "arb"])
        assert planted.kind == "proved"
        assert planted.upper is not None
        assert planted.upper == pytest.approx(planted.lower, rel=1e-12)
        result = solve(problem, instance, "exact", gap=1e-12)
        assert result.objective == pytest.approx(planted.upper, rel=1e-12)
        assert verify(problem, instance, result).verdict == "proved"
        for heuristic in ("greedy", "local_search", "random_search"):
            loss = solve(problem, instance, heuristic, evaluations=2000).objective
            assert loss is not None
            assert loss >= planted.upper * (1 - 1e-6)


def test_planted_instances_follow_from_their_seed_and_need_a_price() -> None:
    problem = problems.load("ddlo", "shared")
    digests = [planted_instance(problem, i, 7)[0].digest for i in (0, 0, 1)]
    assert digests[0] == digests[1] != digests[2]
    with pytest.raises(UserError, match="bandwidth_mode=shared"):
        planted_instance(problems.load("ddlo", "tiny"), 0, 7)
    with pytest.raises(UserError, match="no way to plant"):
        planted_instance(problems.load("cpdrl", "tiny"), 0, 7)
