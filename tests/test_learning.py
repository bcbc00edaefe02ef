"""Training by the command, checkpoints, policies as solvers, and what mask learners are made of."""

import hashlib
import io
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
import zipfile
from dataclasses import replace
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch

from toolkit import learners, problems, solve, solvers
from toolkit.arrays import Data
from toolkit.bench.__main__ import main
from toolkit.bench._cases._case import make_cases
from toolkit.bench._cases._plan import make_plan
from toolkit.bench._verbs._training import Labels
from toolkit.errors import UserError
from toolkit.learners import Training, _check, fit, load, save
from toolkit.learners._check import best_choices
from toolkit.learners._masks import best_of, guesses, likeliest, one_cycle, prefixes
from toolkit.learners._nets import DeepSets
from toolkit.learners.self_label import SelfLabel
from toolkit.problems import Problem
from toolkit.problems._check.base import verdict
from toolkit.solvers import _check as solver_checks

SMALL = "self_label[batch=8,users_low=2,users_high=5]"
TRAIN = ["train", "--problem", "cpdrl", "--n-users", "4", "--learner", SMALL, "--quiet"]
BENCH = [sys.executable, "-m", "toolkit.bench"]
OFTEN = ["--save-every", "0.02"]  # to write takes longer than a step


@pytest.fixture(autouse=True)
def _own_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of its own; registries without plug-ins."""
    monkeypatch.chdir(tmp_path)
    for kind in (problems, solvers, learners):
        monkeypatch.setattr(kind.registry, "_extra", {})


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The file of a policy after two steps."""
    path = tmp_path_factory.mktemp("trained") / "policy.pt"
    assert main([*TRAIN, "--steps", "2", "--out", str(path)]) == 0
    return path.read_bytes()


@pytest.fixture
def checkpoint(trained: bytes) -> Path:
    """That policy, in a file of the test's own."""
    Path("policy.pt").write_bytes(trained)
    return Path("policy.pt")


def weights(path: Path) -> dict[str, torch.Tensor]:
    return load(path)[1].state_dict()


def equal(one: Path, other: Path) -> bool:
    ours, theirs = weights(one), weights(other)
    return all(torch.equal(ours[name], theirs[name]) for name in theirs)


def refused(argv: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The one sentence that a wrong request gets."""
    code = main(argv)
    seen = capsys.readouterr()
    assert code == 2, seen
    assert seen.err.startswith("error: ")
    assert seen.err.count("\n") == 1
    return seen.err


# The verb train


def test_the_seed_and_the_steps_decide_the_weights() -> None:
    for name, more in {"a": [], "b": ["--save-every", "1e-9"], "c": ["--seed", "1"]}.items():
        assert main([*TRAIN, "--steps", "4", "--out", name, *more]) == 0
    assert equal(Path("a"), Path("b"))
    assert not equal(Path("a"), Path("c"))


def test_a_killed_run_goes_on_to_the_same_weights(capsys: pytest.CaptureFixture[str]) -> None:
    """Killed without a chance to clean up, twice; the result is that of a run in one go."""
    command = [*TRAIN, "--steps", "100", "--resume", "--out"]
    assert main([*command, "whole.pt"]) == 0
    for _ in range(2):
        _kill_after_a_checkpoint([*command, "cut.pt", *OFTEN])
    assert 0 < load(Path("cut.pt"))[3]["steps"] < 100
    assert main([*command, "cut.pt"]) == 0
    assert load(Path("cut.pt"))[3]["steps"] == 100
    assert equal(Path("whole.pt"), Path("cut.pt"))
    steps = [point["step"] for point in load(Path("cut.pt"))[3]["curve"]]
    assert steps == sorted(set(steps))


def _kill_after_a_checkpoint(command: list[str]) -> None:
    """In a copy of this process, which has imported what takes seconds to import."""
    path = Path("cut.pt")
    before = path.stat().st_mtime_ns if path.exists() else 0
    process = multiprocessing.get_context("fork").Process(target=main, args=(command,))
    process.start()
    deadline = time.monotonic() + 60
    while not (path.exists() and path.stat().st_mtime_ns != before):
        assert process.is_alive(), "it ended before it was killed"
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.kill()
    process.join()
    assert process.exitcode == -signal.SIGKILL


DRAWS = "cpdrl[width=[8,8],batch=8]"  # from torch's generator, at every step
WALK = ["train", "--problem", "cpdrl", "--n-users", "4", "--learner", DRAWS, "--quiet"]


def test_a_run_that_is_asked_to_end_goes_on_to_the_same_weights() -> None:
    """Ctrl-C, then --resume, for a learner that draws from torch's generator at every step."""
    command = [*WALK, "--steps", "600", "--out"]
    argv = [*BENCH, *command, "cut.pt", *OFTEN]
    process = subprocess.Popen(argv, stderr=subprocess.PIPE, text=True, start_new_session=True)
    deadline = time.monotonic() + 60
    while not Path("cut.pt").exists():
        assert time.monotonic() < deadline
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGINT)
    said = process.communicate(timeout=30)[1]
    assert process.returncode == 130
    assert "--resume goes on" in said
    head = load(Path("cut.pt"))[3]
    assert 0 < head["steps"] < 600
    assert f"{head['steps']} steps" in said
    assert main([*command, "cut.pt", "--resume"]) == 0
    assert main([*command, "whole.pt"]) == 0
    assert equal(Path("whole.pt"), Path("cut.pt"))


@pytest.mark.parametrize(
    ("learner", "steps"),
    [
        ("ste_ddpg[width=[8],batch=8]", 60),
        ("sb3[algorithm=a2c,envs=2,rollout=20]", 4),
        (SMALL, 4),
    ],
)
def test_where_a_run_is_asked_to_end_makes_no_difference(
    learner: str, steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if learner.startswith("sb3"):
        pytest.importorskip("sb3_contrib")
    whole = Training.steps

    def cut(self, net, **parts):  # type: ignore[no-untyped-def]
        for step in whole(self, net, **parts):
            if step == steps // 2:
                signal.raise_signal(signal.SIGINT)
            yield step

    command = ["train", "--problem", "cpdrl", "--n-users", "4", "--learner", learner, "--quiet"]
    command += ["--steps", str(steps), "--out"]
    with monkeypatch.context() as patched:
        patched.setattr(Training, "steps", cut)
        assert main([*command, "cut.pt"]) == 130
    assert load(Path("cut.pt"))[3]["steps"] == steps // 2 + 1
    assert main([*command, "cut.pt", "--resume"]) == 0
    assert main([*command, "whole.pt"]) == 0
    assert equal(Path("whole.pt"), Path("cut.pt"))


def test_what_is_saved_after_training_goes_on_too() -> None:
    """As from Python: `fit`, then `save`."""
    problem = problems.load("cpdrl", "tiny")
    learner = learners.registry.build("cpdrl", width=[8], batch=8)
    whole = fit(learner, Training(problem=problem, max_steps=40))
    first = Training(problem=problem, max_steps=40)
    first.checkpoint = lambda net, run: setattr(run, "stopped", run.step == 20)
    first.save_every = 0.0
    save(Path("half.pt"), learner, fit(learner, first), first)
    file = learners.Checkpoint.read(Path("half.pt"))
    assert file.head["steps"] == 20
    second = Training(problem=problem, max_steps=40)
    second.resume(file.head, file.weights, file.state)
    found = fit(learner, second).state_dict()
    assert all(torch.equal(found[name], value) for name, value in whole.state_dict().items())


def test_a_run_that_has_nothing_left_to_do_says_so(
    checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = checkpoint.read_bytes()
    for budget in (["--steps", "1"], ["--steps", "2"], ["--seconds", "1e-9"]):
        capsys.readouterr()
        assert main([*TRAIN, *budget, "--resume", "--out", str(checkpoint)]) == 0
        said = capsys.readouterr().out
        assert "nothing left to do" in said
        assert "2 steps" in said
        assert "trained on" not in said
        assert budget[0] in said
    assert checkpoint.read_bytes() == before


def test_steps_and_seconds_both_end_it() -> None:
    begun = time.monotonic()
    assert main([*TRAIN, "--seconds", "0.3", "--steps", "1000000", "--out", "a"]) == 0
    assert time.monotonic() - begun < 20
    head = load(Path("a"))[3]
    assert 0 < head["steps"] < 1_000_000
    assert head["seconds"] >= 0.3


def test_curves_are_written_for_tensorboard(capsys: pytest.CaptureFixture[str]) -> None:
    loud = [flag for flag in TRAIN if flag != "--quiet"]
    assert main([*loud, "--steps", "41", "--out", "a", "--logdir", "logs"]) == 0
    (file,) = Path("logs").iterdir()
    assert file.name.startswith("events.out.tfevents")
    assert file.read_bytes().count(b"whole_masks_right") == 3
    seen = capsys.readouterr()
    assert "step 0" in seen.err
    assert "loss" in seen.err
    assert "41 steps" in seen.out


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--out", "a", "--steps", "2"], "No learner is named"),
        (["--learner", "imitat", "--out", "a", "--steps", "2"], "did you mean 'imitate'"),
        (["--learner", "imitate[poool=3]", "--out", "a", "--steps", "2"], "did you mean 'pool'"),
        (["--learner", "imitate[pool=0]", "--out", "a", "--steps", "2"], "pool is 0"),
        (["--learner", "imitate[rate=1e999]", "--out", "a", "--steps", "2"], "rate is inf"),
        (["--learner", "cpdrl[gamma=nan]", "--out", "a", "--steps", "2"], "gamma is 'nan'"),
        (["--learner", "cpdrl[width=8]", "--out", "a", "--steps", "2"], "width is 8"),
        (["--learner", "imitate[", "--out", "a", "--steps", "2"], "Cannot read the learner"),
        (["--learner", 'imitate[vary="bandwidth=2"]', "--out", "a", "--steps", "2"], "in vary"),
        (["--learner", 'imitate[vary="wind=1:2"]', "--out", "a", "--steps", "2"], "'wind'"),
        (["--learner", "imitate", "--out", "a"], "needs an end"),
        (["--learner", "imitate", "--out", "a", "--steps", "0"], "--steps is 0"),
        (["--learner", "imitate", "--out", "a", "--seconds", "-1"], "--seconds is -1"),
        (["--learner", "imitate", "--steps", "2"], "--out"),
        (["--learner", "imitate", "--steps", "2", "--out", "."], "is a folder"),
        (["--learner", "imitate", "--steps", "2", "--out", "/proc/none/a"], "Cannot write"),
        (["--learner", "imitate", "--steps", "2", "--out", "a", "--logdir", "/proc/x"], "--logdir"),
        (["--learner", "imitate", "--teacher", "exakt", "--steps", "2", "--out", "a"], "'exact'"),
        (["--learner", "imitate", "--teacher", "policy", "--steps", "2", "--out", "a"], "teach"),
        (["--learner", "self_label", "--teacher", "exact", "--steps", "2", "--out", "a"], "leave"),
        (["--learner", "imitate", "--set", "n_userss=3", "--steps", "2", "--out", "a"], "n_users"),
    ],
)
def test_bad_requests_end_in_one_sentence_before_training(
    argv: list[str], said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learners, "fit", lambda *args: pytest.fail("it trained"))
    assert said in refused(["train", "--problem", "cpdrl", *argv], capsys)
    assert not Path("a").exists()


def test_what_stands_in_the_file_is_not_overwritten_by_something_else(
    checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = checkpoint.read_bytes()
    again = [*TRAIN, "--steps", "4", "--out", str(checkpoint)]
    capsys.readouterr()
    assert "exists" in refused(again, capsys)
    assert "seed 0, not 1" in refused([*again, "--resume", "--seed", "1"], capsys)
    assert "problem_params" in refused([*again, "--resume", "--set", "deadline=0.4"], capsys)
    checkpoint.write_bytes(before[:-100])
    assert "damaged" in refused([*again, "--resume"], capsys)


def test_weights_that_are_not_finite_are_a_failure(capsys: pytest.CaptureFixture[str]) -> None:
    wild = SMALL.replace("batch=8", "batch=8,rate=1e30")
    flags = [wild if flag == SMALL else flag for flag in TRAIN]
    assert main([*flags, "--steps", "20", "--out", "a"]) == 3
    assert "diverged" in capsys.readouterr().err
    assert not Path("a").exists()


LEARNER = '''
from dataclasses import dataclass
import numpy as np
from torch import nn
from toolkit.learners import Learner


@dataclass(frozen=True, kw_only=True)
class Always(Learner):
    """Everybody, always."""

    def build(self, problem):
        return nn.Linear(1, 1)

    def train(self, net, run):
        for step in run.steps(net):
            run.log(value=float(step))

    def act(self, net, problem, data, k=1):
        mask = np.ones((*data["size"].shape[:-1], 1, data["size"].shape[-1]))
        spread = {key: np.expand_dims(value, mask.ndim - 2) for key, value in data.items()}
        return problem.complete(spread, {"offload": mask})
'''


def test_a_plugged_in_learner_is_listed_trained_checked_and_used(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("always.py").write_text(LEARNER)
    plug = ["--plugin", "always.py"]
    assert main(["list", *plug]) == 0
    seen = capsys.readouterr().out
    assert "always                  Everybody, always." in seen
    assert "self_label" in seen
    train = ["train", "--problem", "cpdrl", "--learner", "always", "--steps", "3", "--out", "p"]
    assert main([*train, *plug]) == 0
    run = ["--problem", "cpdrl", "--instances", "1", "--json", "--quiet", *plug]
    capsys.readouterr()
    assert main([*run, "--solvers", "policy[checkpoint=p],full_offload"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert rows[0]["objective"] == rows[1]["objective"]
    assert main(["check", "always", *plug]) in (0, 3)
    assert "ok   cpdrl: two runs are equal" in capsys.readouterr().out


# Policies as solvers


def test_a_policy_is_a_solver_whose_training_cost_is_told(
    checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = ["--problem", "cpdrl", "--n-users", "6", "--instances", "2", "--json", "--quiet"]
    capsys.readouterr()
    policy = f"policy[checkpoint={checkpoint},k=8]"
    assert main([*argv, "--solvers", f"exact,{policy}", "--out", "records"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    exact, ours = (next(r for r in rows if r["solver"] == s) for s in ("exact", "policy"))
    assert ours["status"] in ("feasible", "unknown")
    assert ours["evaluations"] == 8
    assert ours["objective"] >= exact["objective"] * (1 - 1e-9)
    told = ours["details"]
    assert told["training_seconds"] == load(checkpoint)[3]["seconds"]
    assert told["training_steps"] == 2
    assert told["batch"] == 256
    assert 0 < told["batch_seconds"] < ours["seconds"] < 1
    assert len(told["choice"]) == 6
    assert main(["verify", "records/runs.jsonl"]) == 0


def test_a_policy_keeps_to_what_is_expected_of_a_solver(checkpoint: Path) -> None:
    built = solvers.registry.build("policy", checkpoint=str(checkpoint), k=8)
    trial = solver_checks.trial_of(built, problems.load("cpdrl", "tiny"))
    assert trial is not None
    for check in solver_checks.CHECKS:
        check(trial)


def test_a_changed_checkpoint_is_another_case(checkpoint: Path) -> None:
    def key() -> str:
        plan = make_plan({"problem": "cpdrl", "solvers": [f"policy[checkpoint={checkpoint}]"]})
        problem = problems.load("cpdrl")
        return make_cases(plan, problem, [problem.instance()])[0].key

    before = key()
    assert key() == before
    assert main([*TRAIN, "--steps", "3", "--resume", "--out", str(checkpoint)]) == 0
    assert key() != before


def test_a_policy_says_what_it_cannot_do(
    checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = ["--problem", "cpdrl", "--solvers"]
    assert "none.pt" in refused([*argv, "policy[checkpoint=none.pt]"], capsys)
    assert "k is 0" in refused([*argv, "policy[k=0]"], capsys)
    problem = problems.load("cpdrl")
    bare = solvers.registry.build("policy")
    assert "checkpoint=FILE" in str(bare.refuses(problem, problem.instance()))
    other = type("Other", (type(problem),), {"name": "other"})()
    built = solvers.registry.build("policy", checkpoint=str(checkpoint))
    assert "trained on 'cpdrl'" in str(built.refuses(other, problem.instance()))
    assert built.refuses(problem, problem.instance()) is None


def test_a_checkpoint_of_another_version_or_format_is_refused(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learner, net, problem, _ = load(checkpoint)
    Path("text").write_text("no checkpoint")
    with pytest.raises(UserError, match="no checkpoint"):
        load(Path("text"))
    wider = replace(learner, width=32)  # type: ignore[type-var]
    save(Path("wider"), wider, net, Training(problem=problem))
    with pytest.raises(UserError, match="do not fit"):
        load(Path("wider"))
    monkeypatch.setattr(type(problem), "version", problem.version + 1)
    with pytest.raises(UserError, match="trained on version 1"):
        load(checkpoint)


def _rewritten(
    path: Path, name: str, head: dict[str, object], signed: bool = True, **parts: object
) -> Path:
    """The checkpoint with some of its head ("absent": left out) and whole other parts replaced.

    `signed`: the head says what the parts are, as if they had been trained so.
    """
    other, said = Path(name), {}
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(other, "w") as new:
        for part in ("weights.pt", "state.pt"):
            content = old.read(part)
            if part.removesuffix(".pt") in parts:
                buffer = io.BytesIO()
                torch.save(parts[part.removesuffix(".pt")], buffer)
                content = buffer.getvalue()
            new.writestr(part, content)
            said[part] = hashlib.sha256(content).hexdigest()
        kept = json.loads(old.read("head.json"))
        kept = {**kept, **({"sha256": said} if signed else {}), **head}
        new.writestr("head.json", json.dumps({k: v for k, v in kept.items() if v != "absent"}))
    return other


@pytest.mark.parametrize("part", ["weights", "state"])
def test_what_was_altered_after_training_is_refused(
    part: str, checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    right = weights(checkpoint)
    name = next(iter(right))
    other = {**right, name: right[name] * 1.001} if part == "weights" else {"torch": 3, "parts": {}}
    bad = _rewritten(checkpoint, "bad.pt", {}, signed=False, **{part: other})
    said = rf"'bad.pt' is damaged: its {part}.pt is not the one that it was written with; train"
    with pytest.raises(UserError, match=said):
        load(bad)
    assert "not the one" in refused([*TRAIN, "--steps", "4", "--resume", "--out", str(bad)], capsys)
    for found in ("absent", None, {}):
        with pytest.raises(UserError, match="not the one"):
            load(_rewritten(checkpoint, "bad.pt", {"sha256": found}))


def test_a_file_of_the_format_before_loads_and_is_checked_for_what_it_says(
    checkpoint: Path,
) -> None:
    old = _rewritten(checkpoint, "old.pt", {"format": 1, "sha256": "absent"})
    for name, value in weights(checkpoint).items():
        assert torch.equal(load(old)[1].state_dict()[name], value)
    for found in (0, 3, "2", None):
        with pytest.raises(UserError, match="this toolkit reads 2; train it again"):
            load(_rewritten(checkpoint, "other.pt", {"format": found}))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("seconds", "abc"),
        ("seconds", float("nan")),
        ("seconds", -1.0),
        ("steps", 2.5),
        ("steps", -1),
        ("steps", True),
        ("params", [1]),
        ("params", None),
        ("problem", ["cpdrl"]),
        ("problem_params", None),
        ("learner", 3),
        ("version", "1"),
        ("seed", None),
        ("curve", 5),
        ("curve", [1]),
        ("curve", "absent"),
    ],
)
def test_a_damaged_head_is_refused_by_what_is_wrong_with_it(
    key: str, value: object, checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = _rewritten(checkpoint, "bad.pt", {key: value})
    with pytest.raises(UserError, match=rf"'bad.pt' is damaged: .*{key}.*; train it again\.$"):
        load(bad)
    again = [*TRAIN, "--steps", "4", "--resume", "--out", "bad.pt"]
    assert "damaged" in refused(again, capsys)


def test_weights_that_cannot_be_used_are_refused(
    checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    right = weights(checkpoint)
    name, problem = next(iter(right)), problems.load("cpdrl", "tiny")
    wrong = {
        "list": [1, 2],
        "lists": {key: value.tolist() for key, value in right.items()},
        "nan": {**right, name: torch.full_like(right[name], float("nan"))},
        "inf": {**right, name: torch.full_like(right[name], float("inf"))},
    }
    for kind, content in wrong.items():
        bad = _rewritten(checkpoint, f"{kind}.pt", {}, weights=content)
        said = "not finite" if kind in ("nan", "inf") else "weights"
        with pytest.raises(UserError, match=f"damaged: .*{said}.*; train it again"):
            load(bad)
        with pytest.raises(UserError, match="damaged"):
            solve(problem, problem.instance(), "policy", checkpoint=str(bad))
        assert said in refused([*TRAIN, "--steps", "4", "--resume", "--out", str(bad)], capsys)


@pytest.mark.parametrize(
    "state",
    [
        [1],
        {},
        {"torch": 3, "parts": {}},
        {"torch": torch.get_rng_state(), "parts": {}},
        {"torch": torch.get_rng_state()[:10], "parts": {"optimiser": {}}},
        {"torch": torch.get_rng_state(), "parts": {"optimiser": [2]}},
    ],
)
def test_a_run_cannot_go_on_from_a_damaged_state(
    state: object, checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = _rewritten(checkpoint, "bad.pt", {}, state=state)
    again = [*TRAIN, "--steps", "4", "--resume", "--out", str(bad)]
    assert "damaged" in refused(again, capsys)


# Teachers


def test_a_solver_teaches_its_decisions_and_leaves_out_what_it_cannot_solve() -> None:
    problem = problems.load("cpdrl", "paper-kbyte", n_users=3)
    data = problem.sample(np.random.default_rng(0), (30,))
    labels = Labels(solvers.registry.build("exact"))
    ours, solved = labels(problem, data)
    theirs, feasible = best_choices(problem, data)
    assert 0 < solved.sum() < 30
    np.testing.assert_array_equal(solved, feasible)
    np.testing.assert_array_equal(ours["offload"][solved], theirs["offload"][solved])
    again, _ = labels(problem, data)
    np.testing.assert_array_equal(again["offload"], ours["offload"])


def test_imitation_without_a_teacher_is_refused() -> None:
    learner = learners.registry.build("imitate")
    with pytest.raises(UserError, match="teacher"):
        fit(learner, Training(problem=problems.load("cpdrl"), max_steps=1))


# What mask learners are made of


def test_likeliest_masks_are_the_most_probable_of_all() -> None:
    scores = np.random.default_rng(0).normal(size=(20, 6)).astype(np.float32)
    every = np.array(list(product([0.0, 1.0], repeat=6)))
    for row in scores:
        logs = every @ row
        for k in (1, 2, 5, 16, 64):
            found = likeliest(row[None], k)[0]
            assert len(np.unique(found, axis=0)) == len(found) == k
            np.testing.assert_allclose(found @ row, np.sort(logs)[::-1][:k], rtol=1e-5, atol=1e-6)
    assert likeliest(scores[:, :2], 100).shape == (20, 4, 2)


def test_likeliest_masks_of_many_users_are_the_most_probable_for_small_k() -> None:
    """Up to k = SURE + 2 no subset of the k most uncertain users is left out."""
    scores = np.random.default_rng(1).normal(size=(50, 12))
    every = np.array(list(product([0.0, 1.0], repeat=12)))
    for row in scores:
        best = np.sort(every @ row)[::-1][:6]
        np.testing.assert_allclose(likeliest(row[None], 6)[0] @ row, best, rtol=1e-9)


def test_prefixes_preserve_the_order_and_reach_far() -> None:
    scores = np.random.default_rng(2).normal(size=(30, 40))
    masks = prefixes(scores, 12)
    sizes = masks.sum(-1)
    likely = (scores > 0).sum(-1)
    for row, some in zip(scores, masks, strict=True):
        for mask in some:
            inside, outside = row[mask > 0], row[mask == 0]
            assert not len(inside) or not len(outside) or inside.min() > outside.max()
    assert (np.abs(sizes - likely[:, None]) >= 1).all() or (sizes == 0).any()
    assert (sizes.max(-1) - likely == np.minimum(13, 40 - likely)).all()
    first = guesses(scores, 8)
    np.testing.assert_array_equal(first[:, 0], scores > 0)
    assert first.shape == (30, 8, 40)


def test_the_best_of_several_masks_is_the_cheapest_feasible_one() -> None:
    problem = problems.load("cpdrl", "tight", n_users=5)
    data = problem.sample(np.random.default_rng(3), (40,))
    every = np.broadcast_to(list(product([0.0, 1.0], repeat=5)), (40, 32, 5))
    masks, known = best_of(problem, data, every)
    theirs, feasible = best_choices(problem, data)
    np.testing.assert_array_equal(known, feasible)
    np.testing.assert_array_equal(masks[known], theirs["offload"][known])


def test_the_network_is_equivariant() -> None:
    net = DeepSets(5, 16, 3)
    seen = torch.randn(4, 7, 5)
    order = torch.randperm(7)
    torch.testing.assert_close(net(seen)[:, order], net(seen[:, order]), rtol=1e-4, atol=1e-5)


def test_the_learning_rate_rises_and_falls() -> None:
    rates = [one_cycle(x) for x in np.linspace(0, 1, 101)]
    assert max(rates) == pytest.approx(1.0)
    assert rates.index(max(rates)) == 10
    assert rates[0] == pytest.approx(0.1)
    assert rates[-1] == pytest.approx(0.01)


@pytest.mark.parametrize("preset", ["paper", "tight", "paper-kbyte", "large"])
@pytest.mark.parametrize("n", [1, 2, 7, 60])
def test_features_are_finite_equivariant_and_free_of_units(preset: str, n: int) -> None:
    problem = problems.load("cpdrl", preset, n_users=n)
    data = problem.sample(np.random.default_rng(n), (3, 4))
    seen = problem.features(data)  # type: ignore[attr-defined]
    assert seen.shape[:3] == (3, 4, n)
    assert seen.dtype == np.float32
    assert np.isfinite(seen).all()
    assert np.abs(seen).max() < 10
    one = {key: value[1, 2] for key, value in data.items()}
    np.testing.assert_array_equal(problem.features(one), seen[1, 2])  # type: ignore[attr-defined]
    order = np.random.default_rng(0).permutation(n)
    moved = {k: v[..., order] if v.ndim == 3 else v for k, v in data.items()}
    np.testing.assert_allclose(
        problem.features(moved),
        seen[:, :, order],
        rtol=1e-4,
        atol=1e-4,  # type: ignore[attr-defined]
    )
    other = {**data, **_in_other_units(data)}
    np.testing.assert_allclose(problem.features(other), seen, rtol=1e-3, atol=1e-3)  # type: ignore[attr-defined]


def _in_other_units(data: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The same case with kilobits for bits, mega-cycles for cycles, cents for euros."""
    return {
        "size": data["size"] / 1e3,
        "cycles": data["cycles"] * 1e3 / 1e6,
        "f_max": data["f_max"] / 1e6,
        "f_server": data["f_server"] / 1e6,
        "kappa": data["kappa"] * 1e18,
        "bandwidth": data["bandwidth"] / 1e3,
        "weight_delay": data["weight_delay"] * 100,
        "weight_energy": data["weight_energy"] * 100,
    }


@cache
def unseen(factor: float) -> tuple[Problem, Data, np.ndarray]:
    """A hundred instances, and the best of all masks of each (100,)."""
    problem = problems.load("cpdrl", n_users=10, bandwidth=factor * 5e6)
    data = problem.sample(np.random.default_rng(99), (100,))
    masks, _ = best_choices(problem, data)
    completed = problem.complete(data, masks)  # type: ignore[attr-defined]
    return problem, data, problem.evaluate(data, completed).objective


@pytest.mark.parametrize("name", ["imitate", "self_label"])
def test_a_trained_policy_is_nearly_optimal_on_unseen_instances(name: str) -> None:
    """10 users, which few of its instances have; another B too. Gaps to the best of all masks."""
    learner = learners.registry.build(name, batch=64, users_low=3, users_high=9)
    run = Training(problem=problems.load("cpdrl"), max_steps=150, teacher=best_choices)
    net = fit(learner, run)
    for factor in (1.0, 0.2):
        problem, data, best = unseen(factor)
        for k, mean in ((1, 2e-3), (8, 1e-5)):
            spread = {key: value[:, None] for key, value in data.items()}
            worth = problem.evaluate(spread, learner.act(net, problem, data, k))
            loss = np.where(worth.feasible(), worth.objective, np.inf).min(-1)
            assert (loss / best - 1).mean() <= mean


# The checks of learners bite


def _trial(**methods: object) -> _check.Trial:
    """Of `self_label` with some methods changed."""
    right = type(learners.registry.build("self_label"))
    wrong = type("Wrong", (right,), {**methods, "__module__": right.__module__})
    small = wrong(batch=8, users_low=2, users_high=4)
    return _check.Trial(small, problems.load("cpdrl", "tiny"))


@pytest.fixture(scope="module")
def unchanged() -> _check.Trial:
    """It is trained once for all checks."""
    return _trial()


def _draws_at_will(self, net, optimiser, run, seen, labels):  # type: ignore[no-untyped-def]
    return SelfLabel.descend(self, net, optimiser, run, seen + np.random.rand(), labels)  # noqa: NPY002


def _forgets_its_optimiser(self, net, run):  # type: ignore[no-untyped-def]
    optimiser = self.optimiser(net)
    for step in run.steps(net):
        problem, data = self.draw(run, step)
        seen = problem.features(data)
        self.descend(net, optimiser, run, seen, np.zeros(seen.shape[:2]))


def _more_than_asked(self, net, problem, data, k=1):  # type: ignore[no-untyped-def]
    return SelfLabel.act(self, net, problem, data, k + 1)


def _outside(self, net, problem, data, k=1):  # type: ignore[no-untyped-def]
    found = SelfLabel.act(self, net, problem, data, k)
    return {**found, "power": found["power"] + 2.0}


def _by_the_batch(self, net, problem, data, k=1):  # type: ignore[no-untyped-def]
    found = SelfLabel.act(self, net, problem, data, k)
    return {name: block * len(block) for name, block in found.items()}


def _wastes(self, net, problem, data, k=1):  # type: ignore[no-untyped-def]
    found = SelfLabel.act(self, net, problem, data, k)
    return {**found, "bandwidth": found["bandwidth"] * 3}


@pytest.mark.parametrize(
    ("check", "methods", "said"),
    [
        ("two_runs_are_equal", {"descend": _draws_at_will}, "global"),
        (
            "an_interrupted_run_goes_on_as_if_nothing_had_been",
            {"train": _forgets_its_optimiser},
            "weights of both runs",
        ),
        (
            "decisions_have_the_shape_of_the_batch_and_stay_in_the_space",
            {"act": _more_than_asked},
            "has shape",
        ),
        (
            "decisions_have_the_shape_of_the_batch_and_stay_in_the_space",
            {"act": _outside},
            "leaves the space",
        ),
        (
            "a_batch_is_decided_as_its_instances_are",
            {"act": _by_the_batch},
            "in a batch, offload differ",
        ),
        ("it_learns_to_beat_chance", {"act": _wastes}, "random decisions"),
    ],
)
def test_the_checks_bite(
    check: str, methods: dict[str, object], said: str, unchanged: _check.Trial
) -> None:
    checked = getattr(_check, check)
    assert verdict(checked, unchanged) is None
    assert said in str(verdict(checked, _trial(**methods)))
