"""Published data: their files, `--data FILE --rows A:B`, and the authors' optima as claims."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat
from scipy.sparse import csr_matrix, issparse

from toolkit import problems, solvers
from toolkit.bench.__main__ import main
from toolkit.bench._cases._data import chosen_rows, instances_of, published, rows_of
from toolkit.errors import UserError
from toolkit.instances import Instance, read_arrays
from toolkit.solvers import Budget, Probe

DATA = Path(os.environ.get("TOOLKIT_DATA", Path(__file__).parents[2] / "shared" / "data"))
DROO = DATA / "droo" / "data_10_first2000.npz"
MEGABYTE = 2.0**23
ROWS = 6


@pytest.fixture(autouse=True)
def _own_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def slots() -> dict[str, np.ndarray]:
    """Rows in the format of the authors of DDLO, with the optima of an enumeration."""
    problem = problems.load("ddlo", "paper")
    data = problem.sample(np.random.default_rng(5), (ROWS,))
    row = {key: value[0] for key, value in data.items()}
    every = problem.space(row).choices(0, 512)["offload"]
    spread = {key: value[:, None] for key, value in data.items()}
    worth = problem.evaluate(spread, problem.complete(spread, {"offload": every[None]})).objective
    return {
        "task_size": np.rint(data["size"] / MEGABYTE).astype(np.int32).reshape(ROWS, 9),
        "gain_min": worth.min(1)[None],
        "gain_mode": every[worth.argmin(1)].astype(np.int32).reshape(ROWS, 9),
    }


def write(name: str, arrays: dict[str, np.ndarray], **options: str) -> str:
    if name.endswith(".mat"):
        savemat(name, arrays, **options)
    else:
        np.savez_compressed(name, **arrays)
    return name


def run(*argv: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[dict], str]:
    """Exit code, the rows of --json, and what was said."""
    capsys.readouterr()
    code = main(["--problem", "ddlo", "--preset", "paper", "--quiet", "--json", *argv])
    seen = capsys.readouterr()
    return code, [json.loads(line) for line in seen.out.splitlines()], seen.err


# Files


@pytest.mark.parametrize(
    ("name", "options"), [("a.mat", {"format": "5"}), ("b.mat", {"format": "4"}), ("c.npz", {})]
)
def test_every_format_gives_the_same_rows(name, options):
    rows = slots()
    found = published(problems.load("ddlo", "paper"), write(name, rows, **options), {})
    assert found.data["size"].shape == (ROWS, 3, 3)
    assert found.objective.tolist() == rows["gain_min"][0].tolist()
    assert found.choices["offload"].reshape(ROWS, 9).tolist() == rows["gain_mode"].tolist()


def test_what_is_no_data_is_refused_in_one_sentence():
    Path("old.mat").write_bytes(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + b"\0" * 400)
    Path("torn.npz").write_bytes(b"PK\3\4 nothing")
    Path("torn.mat").write_bytes(bytes(range(256)) * 3)
    np.savez("texts.npz", names=np.array(["a", "b"]))
    np.savez("objects.npz", names=np.array([{}, 1], dtype=object))
    Path("table.csv").write_text("1,2")
    said = {}
    for name in ("none.mat", "old.mat", "torn.npz", "torn.mat", "texts.npz", "objects.npz"):
        with pytest.raises(UserError) as error:
            read_arrays(Path(name))
        said[name] = str(error.value)
        assert name in said[name]
        assert said[name].count("\n") == 0
    assert "No such file" in said["none.mat"]
    assert "7.3" in said["old.mat"]
    assert "no arrays of numbers" in said["texts.npz"]
    with pytest.raises(UserError, match=r"\.mat or \.npz"):
        read_arrays(Path("table.csv"))


def test_rows_are_a_to_b_less_one():
    assert rows_of("2:5", 9, 3) == range(2, 5)
    assert rows_of(":4", 9, 3) == range(4)
    assert rows_of("7:", 9, 3) == range(7, 9)
    assert rows_of(None, 9, 3) == range(3)
    assert rows_of(None, 2, 3) == range(2)
    assert rows_of(None, 9, None) == range(9)
    for text in ("5", "a:b", "-3:2", "1:2:3", "\u0660:\u0663", "1 :2", "1_0:12"):
        with pytest.raises(UserError, match=r"Cannot read --rows .*write A:B"):
            rows_of(text, 90, 3)
    for text in ("4:4", "5:2", "0:0"):
        with pytest.raises(UserError, match="names no row; write A:B"):
            rows_of(text, 9, 3)
    for text in ("0:10", "9:", "9:9999999999999"):
        with pytest.raises(UserError, match="the data have 9 rows"):
            rows_of(text, 9, 3)


def test_chosen_rows_are_these_of_every_array():
    found = published(problems.load("ddlo", "paper"), write("a.npz", slots()), {})
    some = chosen_rows(found, "a.npz", range(2, 4))
    for key, value in found.data.items():
        assert np.array_equal(some.data[key], value[2:4])
    assert np.array_equal(some.objective, found.objective[2:4])
    assert np.array_equal(some.choices["offload"], found.choices["offload"][2:4])


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (np.ones((ROWS, 9), bool), "task_size holds booleans"),
        (np.ones((ROWS, 9)) + 1j, "task_size holds complex numbers"),
        (np.array([[{}] * 9] * ROWS), "task_size holds objects such as cells"),
        (csr_matrix(np.ones((ROWS, 9))), "task_size holds a sparse matrix"),
        (np.array([["a"] * 9] * ROWS), "task_size holds text"),
        (np.ones((ROWS, 3, 3)), r"task_size has shape \(6, 3, 3\)"),
        (np.ones((0, 9)), r"task_size has shape \(0, 9\)"),
    ],
)
def test_what_is_no_plain_array_of_numbers_is_named_with_what_to_do(value, said):
    file = write("a.mat" if issparse(value) else "a.npz", {**slots(), "task_size": value})
    with pytest.raises(UserError, match=said) as error:
        published(problems.load("ddlo", "paper"), file, {})
    assert str(error.value).count(file) == 1


def test_a_file_that_ends_too_soon_is_damaged():
    file = Path(write("a.mat", slots()))
    for left in (0, 100, 300, -50):
        Path("torn.mat").write_bytes(file.read_bytes()[:left])
        with pytest.raises(UserError, match=r"'torn.mat' is damaged"):
            read_arrays(Path("torn.mat"))


# The command


def test_rows_are_instances_and_the_authors_optima_stand_beside_ours(capsys):
    rows = slots()
    file = write("slots.mat", rows)
    code, runs, _ = run("--data", file, "--rows", "1:4", "--solvers", "exact", capsys=capsys)
    assert code == 0
    ours = [r for r in runs if r["solver"] == "exact"]
    theirs = [r for r in runs if r["solver"] == "published"]
    assert [r["instance"] for r in ours] == ["slots-1", "slots-2", "slots-3"]
    assert [r["status"] for r in ours] == ["optimal"] * 3
    for k, (mine, stated) in enumerate(zip(ours, theirs, strict=True), start=1):
        assert mine["objective"] == pytest.approx(rows["gain_min"][0, k], rel=1e-12)
        assert stated["objective"] == pytest.approx(mine["objective"], rel=1e-12)
        assert stated["bound"] == rows["gain_min"][0, k] == stated["details"]["stated"]
        assert stated["details"]["stated_off"] < 1e-12
        assert (stated["details"]["row"], stated["verdict"]) == (k, "claimed")
        assert stated["status"] == "feasible"  # what authors say is no proof


def test_a_published_optimum_that_is_beaten_is_refuted(capsys):
    rows = slots()
    rows["gain_mode"][2] = 0  # all local, and a value that fits it
    problem = problems.load("ddlo", "paper")
    data = published(problem, write("right.npz", slots()), {}).data
    local = problem.evaluate(data, {"offload": np.zeros((ROWS, 3, 3))}).objective
    rows["gain_min"][0, 2] = local[2]
    file = write("wrong.npz", rows)
    code, runs, _ = run("--data", file, "--rows", "1:3", "--solvers", "exact", capsys=capsys)
    assert code == 4
    stated = {r["instance"]: r for r in runs if r["solver"] == "published"}
    assert stated["wrong-2"]["objective"] == pytest.approx(local[2])
    assert main(["--problem", "ddlo", "--data", file, "--rows", "1:3", "--solvers", "exact"]) == 4
    said = capsys.readouterr().out
    assert said.count("refuted: exact has") == 1


def test_a_stated_value_better_than_its_own_decision_allows_is_seen(capsys):
    rows = slots()
    rows["gain_min"][0, 0] *= 1.01  # no decision is said to be better, and the authors' own is
    file = write("wrong.npz", rows)
    code, runs, _ = run("--data", file, "--rows", "0:1", "--solvers", "random", capsys=capsys)
    (stated,) = [r for r in runs if r["solver"] == "published"]
    assert (code, stated["verdict"]) == (4, "refuted")


@pytest.mark.parametrize("how", ["above", "below", "bits"])
def test_a_label_that_contradicts_itself_is_refuted_in_either_direction(how, capsys):
    """Beaten by its own bits, not reached by them, or with other bits than it was computed for."""
    rows = slots()
    if how == "bits":
        rows["gain_mode"][1] = 1 - rows["gain_mode"][1]
    else:
        rows["gain_min"][0, 1] *= 1 + (3e-6 if how == "above" else -3e-6)
    file = write("wrong.npz", rows)
    code, runs, _ = run("--data", file, "--rows", "0:3", "--solvers", "exact", capsys=capsys)
    said = {r["instance"]: r for r in runs if r["solver"] == "published"}
    assert code == 4
    assert [said[f"wrong-{k}"]["verdict"] for k in range(3)] == ["claimed", "refuted", "claimed"]
    assert "is stated; its own decision is worth" in said["wrong-1"]["reason"]
    assert main(["verify", "results/runs.sqlite", "--quiet"]) == 4
    assert capsys.readouterr().out.count("is stated; its own decision is worth") == 1


@pytest.mark.parametrize(
    "changes",
    [
        ["--preset", "clean"],
        ["--preset", "shared"],
        ["--set", "bandwidth_mode=shared"],
        ["--set", "weight_delay=2"],
    ],
)
def test_what_the_authors_state_of_another_problem_is_no_claim_here(changes, capsys):
    file = write("slots.npz", slots())
    argv = ["--problem", "ddlo", *changes, "--data", file, "--rows", "0:1", "--quiet"]
    assert main([*argv, "--solvers", "exact"]) == 0
    assert "the authors' optimum is left out: it holds for" in capsys.readouterr().out
    assert main([*argv, "--solvers", "exact", "--json"]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (stated,) = [r for r in found if r["solver"] == "published"]
    assert (stated["verdict"], stated["bound"]) == ("feasible", None)  # their bits are judged


def frames(problem, count=5):
    """Rows in the format of the authors of DROO, with the optima of a few users."""
    data = problem.sample(np.random.default_rng(3), (count,))
    every = problem.space({k: v[0] for k, v in data.items()}).choices(0, 2**problem.n_users)
    spread = {key: value[:, None] for key, value in data.items()}
    modes = {"offload": every["offload"][None]}
    worth = problem.evaluate(spread, problem.complete(spread, modes)).objective
    best = worth.argmax(1)
    return {
        "input_h": data["gain"],
        "output_obj": worth.max(1)[:, None],
        "output_mode": every["offload"][best],
    }


def test_a_file_shows_which_of_its_authors_weights_it_is_of():
    """One of DROO's files has the weights in the other order, and does not say so."""
    orders = [{"weight_odd": 1.0, "weight_even": 1.5}, {"weight_odd": 1.5, "weight_even": 1.0}]
    for k, own in enumerate(orders):
        right = problems.load("droo", "paper", n_users=4, **own)
        wrong = problems.load("droo", "paper", n_users=4, **orders[1 - k])
        rows = frames(right)
        rows["output_mode"][0] = 1 - rows["output_mode"][0]  # one wrong label changes nothing
        file = write("frames.npz", rows)
        assert published(right, file, {}).objective is not None
        found = published(wrong, file, {})
        assert found.objective is None
        assert f"weight_odd = {own['weight_odd']}" in found.note
        heavy = problems.load("droo", "paper", n_users=4, weight_odd=1.0, weight_even=3.0)
        assert published(heavy, file, {}).objective is None


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("gain_min", np.nan, "gain_min has nan in row 2"),
        ("gain_min", np.inf, "gain_min has inf in row 2"),
        ("gain_min", 0.0, "gain_min has 0 in row 2"),
        ("gain_mode", 2.0, "gain_mode has 2 in row 2; it must be 0 or 1"),
        ("gain_mode", np.nan, "gain_mode has nan in row 2; it must be 0 or 1"),
        ("gain_mode", 0.5, "gain_mode has 0.5 in row 2"),
        ("task_size", np.nan, "task_size has nan in row 2"),
        ("task_size", -1.0, "task_size has a negative number in row 2"),
    ],
)
def test_a_bad_value_is_named_with_its_row_where_that_is_asked_for(name, value, said):
    rows = {key: column.astype(float) for key, column in slots().items()}
    place = (0, 2) if name == "gain_min" else (2, 4)
    rows[name][place] = value
    file = write("bad.npz", rows)
    problem = problems.load("ddlo", "paper")
    solver = solvers.registry.build("published", data=file)
    found = published(problem, file, {})
    for take in (instances_of, chosen_rows):
        with pytest.raises(UserError, match=f"--data 'bad.npz': {said}"):
            take(found, file, range(1, 4))
        take(found, file, range(3, 5))
    row = Instance("ddlo", 1, {k: v[2] for k, v in found.data.items()})
    assert solver.refuses(problem, row) is not None


def test_one_bad_row_does_not_refuse_a_file(capsys):
    rows = slots()
    rows["gain_min"][0, 2] = np.nan
    argv = ["--problem", "ddlo", "--data", write("bad.npz", rows), "--quiet"]
    train = ["train", *argv, "--learner", "ddlo", "--steps", "2"]
    for command in ([*argv, "--solvers", "exact"], [*train, "--out", "a.pt"]):
        assert main([*command]) == 2
        assert "gain_min has nan in row 2" in capsys.readouterr().err
        assert main([*command, "--rows", "3:4"]) == 0


@pytest.mark.parametrize(
    ("problem", "name"),
    [("ddlo", "size_low"), ("ddlo", "size_unit"), ("droo", "path_loss"), ("droo", "antenna")],
)
def test_fields_whose_draws_the_data_replace_are_refused(problem, name, capsys):
    rows = slots() if problem == "ddlo" else frames(problems.load("droo", "paper", n_users=3), 1)
    argv = ["--problem", problem, "--data", write("a.npz", rows), "--set", f"{name}=3"]
    assert main([*argv, "--solvers", "random"]) == 2
    assert f"takes the place of what {name} draws; leave {name} out" in capsys.readouterr().err


def test_instances_limit_the_rows_where_none_are_named(capsys):
    file = write("slots.npz", slots())
    _, runs, _ = run("--data", file, "--instances", "2", "--solvers", "random", capsys=capsys)
    assert {r["instance"] for r in runs} == {"slots-0", "slots-1"}


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--rows", "0:2"], "name their file with --data"),
        (["--data", "slots.npz", "--rows", "9:12"], "the data have 6 rows"),
        (["--data", "slots.npz", "--n-users", "4"], "has n_users = 3, not 4"),
        (["--data", "other.npz"], "task_size"),
        (["--data", "none.npz"], "No such file"),
        (["--data", "slots.npz", "--problem", "cpdrl"], "knows no published data"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_sentence(argv, said, capsys):
    write("slots.npz", slots())
    np.savez("other.npz", other=np.ones(3))
    if "--problem" not in argv:
        argv = ["--problem", "ddlo", *argv]
    assert main([*argv, "--solvers", "random"]) == 2
    seen = capsys.readouterr()
    assert seen.out == ""
    assert seen.err.startswith("error: ")
    assert seen.err.count("\n") == 1
    assert said in seen.err


def test_rows_are_exported_and_trained_on(capsys):
    file = write("slots.npz", slots())
    more = ["--problem", "ddlo", "--data", file, "--rows", "2:4"]
    assert main(["export", *more, "--out", "cases"]) == 0
    assert sorted(p.name for p in Path("cases").iterdir()) == ["slots-2.json", "slots-3.json"]
    train = ["train", *more, "--quiet", "--steps", "8"]
    assert main([*train, "--learner", "ddlo", "--out", "a.pt"]) == 0
    assert main([*train, "--learner", "ddlo", "--out", "a.pt", "--resume", "--rows", "0:4"]) == 2
    assert "data" in capsys.readouterr().err
    assert main([*train, "--learner", "ga", "--out", "b.pt"]) == 2
    assert main(["train", "--problem", "cpdrl", "--learner", "self_label", "--data", file,
                 "--steps", "2", "--out", "c.pt"]) == 2  # fmt: skip


def test_a_learner_of_no_frames_refuses_data(capsys, monkeypatch):
    monkeypatch.setattr("toolkit.learners.ddlo.DdloLearner.streams", False)
    argv = ["train", "--problem", "ddlo", "--data", write("slots.npz", slots())]
    assert main([*argv, "--learner", "ddlo", "--steps", "2", "--out", "a.pt"]) == 2
    assert "leave out --data" in capsys.readouterr().err


# The solver


def test_it_refuses_what_is_no_row_and_files_without_decisions():
    problem = problems.load("ddlo", "paper")
    file = write("slots.npz", slots())
    bare = {"task_size": slots()["task_size"]}
    solver = solvers.registry.build("published", data=file)
    assert solver.refuses(problem, problem.instance()) == f"it is no row of {file}"
    found = published(problem, file, {})
    row = type(problem.instance())("ddlo", 1, {k: v[3] for k, v in found.data.items()})
    assert solver.refuses(problem, row) is None
    silent = solvers.registry.build("published", data=write("bare.npz", bare))
    assert "no decisions" in silent.refuses(problem, row)
    assert "data=FILE" in solvers.registry.build("published").refuses(problem, row)
    shared = problems.load("ddlo", "shared")
    assert "no row" in solver.refuses(shared, row)  # its shares are others


def test_decisions_without_a_stated_value_are_judged():
    problem = problems.load("ddlo", "paper")
    rows = slots()
    worth = rows.pop("gain_min")[0]
    solver = solvers.registry.build("published", data=write("modes.npz", rows))
    data = published(problem, solver.data, {}).data
    instance = type(problem.instance())("ddlo", 1, {k: v[4] for k, v in data.items()})
    probe = Probe(problem, instance, Budget(), np.random.default_rng(0))
    result = probe.certify(solver.solve(problem, instance, probe))
    assert result.objective == pytest.approx(worth[4], rel=1e-12)
    assert result.bound is None


def test_the_file_belongs_to_the_key():
    file = Path(write("slots.npz", slots()))
    solver = solvers.registry.build("published", data=str(file))
    assert solver.inputs() == (file,)
    assert str(solver) == "published[slots.npz]"


def test_the_label_that_is_not_optimal_is_found(capsys):
    """Row 1300 of DROO's data_10 is 6.8e-4 below the optimum, row 1301 is optimal."""
    if not DROO.exists():
        pytest.skip(f"needs the published data {DROO.name}; set TOOLKIT_DATA to their folder")
    argv = ["--problem", "droo", "--data", str(DROO), "--rows", "1300:1302", "--quiet"]
    assert main([*argv, "--solvers", "exact"]) == 4
    said = capsys.readouterr().out
    assert said.count("refuted: exact has 2492645.2") == 1
    assert said.count("refuted:") == 1
