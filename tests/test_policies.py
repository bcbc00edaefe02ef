"""The policies that come with the package, the frozen suites, and what a policy sees."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from frozen import suites

from toolkit import learners, problems, solve, solvers
from toolkit.bench.__main__ import main
from toolkit.bench._verbs._training import Labels
from toolkit.errors import UserError
from toolkit.learners import Training, fit
from toolkit.learners._masks import guesses
from toolkit.learners._nets import DeepSets
from toolkit.learners._shipped import FOLDER, checkpoint_path, shipped
from toolkit.solvers import Status

NAMES = sorted(shipped())


@pytest.mark.parametrize("name", suites.content()["suite"])
def test_the_suites_are_the_instances_that_they_were(name: str) -> None:
    for n in suites.sizes(name):
        frozen = suites.content()["suite"][name]["sha256"][str(n)]
        assert suites.digest(suites.instances(name, n)) == frozen


# Shipped policies


def test_both_learners_have_a_policy_that_ships() -> None:
    assert NAMES == ["cpdrl-imitate", "cpdrl-self-label"]
    assert {entry["learner"] for entry in shipped().values()} == {"imitate", "self_label"}


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_policy_is_the_file_that_the_index_says(name: str) -> None:
    path, entry = FOLDER / f"{name}.zip", shipped()[name]
    assert hashlib.sha256(path.read_bytes()).hexdigest() == entry["sha256"]
    assert path.stat().st_size == entry["bytes"] <= 1_000_000
    learner, _, problem, head = learners.load(path)
    assert learner == learners.registry.build(entry["learner"])
    assert problem.version == entry["version"] == problems.load("cpdrl").version
    assert (head["steps"], head["seconds"]) == (entry["steps"], entry["seconds"])
    assert head["seconds"] <= 120
    assert f"--steps {entry['steps']}" in entry["command"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("preset", "n", "first", "eighth"),
    [("paper", 8, 1e-4, 1e-9), ("paper", 30, 1e-4, 1e-6), ("tight", 12, 2e-2, 1e-3)],
)
def test_a_shipped_policy_is_nearly_optimal(
    name: str, preset: str, n: int, first: float, eighth: float
) -> None:
    learner, net, *_ = learners.load(checkpoint_path(name))
    problem = problems.load("cpdrl", preset, n_users=n)
    data = problem.sample(np.random.default_rng(5), (60,))
    decision, solved = Labels(solvers.registry.build("exact"))(problem, data)
    best = problem.evaluate(data, problem.complete(data, decision)).objective  # type: ignore[attr-defined]
    spread = {key: value[:, None] for key, value in data.items()}
    for k, most in ((1, first), (8, eighth)):
        worth = problem.evaluate(spread, learner.act(net, problem, data, k))
        loss = np.where(worth.feasible(), worth.objective, np.inf).min(-1)
        assert (loss / best - 1)[solved].mean() <= most


def test_a_shipped_policy_is_used_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    run = ["--problem", "cpdrl", "--instances", "1", "--quiet", "--json", "--solvers"]
    assert main([*run, "policy[checkpoint=cpdrl-self-label,k=8],exact"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    exact, ours = (next(r for r in rows if r["solver"] == s) for s in ("exact", "policy"))
    assert ours["objective"] == pytest.approx(exact["objective"], rel=1e-9)
    assert main([*run, "policy[checkpoint=cpdrl-selflabel]"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert all(name in said for name in NAMES)


def test_a_file_of_the_same_name_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert checkpoint_path(NAMES[0]).parent == FOLDER
    Path(NAMES[0]).write_text("mine")
    assert checkpoint_path(NAMES[0]) == Path(NAMES[0])
    with pytest.raises(UserError, match="no checkpoint 'none'"):
        checkpoint_path("none")


# Inference without torch


@pytest.mark.parametrize("shape", [(1, 1), (3, 7), (2, 5, 40)])
def test_compiled_scores_are_those_of_the_network(shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    net = DeepSets(9, 16, 3)
    seen = np.random.default_rng(0).normal(size=(*shape, 9)).astype(np.float32)
    for _ in range(2):
        with torch.no_grad():
            theirs = net(torch.from_numpy(seen)).numpy()
            np.testing.assert_allclose(net.scores(seen), theirs, rtol=1e-4, atol=1e-5)
            for value in net.parameters():  # as an optimiser does it, in place
                value += 0.1


# What a policy sees and guesses


def test_from_four_guesses_on_one_is_nobody() -> None:
    scores = np.random.default_rng(1).normal(size=(20, 9)) + 2
    for k in (4, 8, 32):
        assert (guesses(scores, k).sum(-1) == 0).any(-1).all()
        assert guesses(scores, k).shape == (20, k, 9)
    assert (guesses(scores, 3).sum(-1) > 0).all()


@pytest.mark.parametrize("n", [1, 2, 4])
def test_more_guesses_than_there_are_masks_are_all_of_them(n: int) -> None:
    found = guesses(np.random.default_rng(1).normal(size=(3, n)), 100_000)
    assert found.shape[1] <= 2**n + 2 * n + 1
    for row in found:
        assert len(np.unique(row, axis=0)) == 2**n


def test_a_policy_takes_no_more_guesses_than_fit_into_memory() -> None:
    with pytest.raises(UserError, match="k is 100000; it must be a whole number between 1 and"):
        solvers.registry.build("policy", checkpoint=NAMES[0], k=100_000)
    problem = problems.load("cpdrl", "tiny")
    result = solve(problem, problem.instance(), "policy", checkpoint=NAMES[0], k=1024)
    assert result.status in (Status.FEASIBLE, Status.OPTIMAL)
    assert result.evaluations <= 2**4 + 2 * 4 + 1


@pytest.mark.parametrize("view", ["rank", "plain"])
@pytest.mark.parametrize("preset", ["paper", "tight", "paper-kbyte"])
def test_the_lesser_views_are_finite_equivariant_and_of_their_own_width(
    view: str, preset: str
) -> None:
    problem = problems.load("cpdrl", preset, n_users=9)
    data = problem.sample(np.random.default_rng(0), (4,))
    seen = problem.features(data, view)  # type: ignore[attr-defined]
    assert np.isfinite(seen).all()
    assert seen.shape[:2] == (4, 9)
    assert seen.shape[2] < problem.features(data).shape[2]  # type: ignore[attr-defined]
    moved = {key: value[..., ::-1] if value.ndim == 2 else value for key, value in data.items()}
    np.testing.assert_allclose(problem.features(moved, view), seen[:, ::-1], atol=1e-5)  # type: ignore[attr-defined]


def test_a_learner_that_sees_less_is_trained_and_a_view_that_is_none_is_refused() -> None:
    problem = problems.load("cpdrl", "tiny")
    learner = learners.registry.build("self_label", see="plain", batch=16, users_high=6)
    net = fit(learner, Training(problem=problem, max_steps=3))
    data = problem.sample(np.random.default_rng(0), (2,))
    assert learner.act(net, problem, data, 4)["offload"].shape == (2, 4, 4)
    wrong = learners.registry.build("self_label", see="everything")
    assert "context, rank, plain" in str(wrong.refuses(problem))


@pytest.mark.parametrize(("preset", "gap"), [("paper", 1e-6), ("tight", 2e-3)])
def test_the_context_is_a_set_that_no_exchange_betters(preset: str, gap: float) -> None:
    """With 6 users all of them are at its edge: single flips and swaps are all tried."""
    problem = problems.load("cpdrl", preset, n_users=6)
    data = problem.sample(np.random.default_rng(2), (100,))
    chosen = problem.features(data)[..., 1] > 0  # type: ignore[attr-defined]
    moves = [np.zeros(6, bool), *(np.eye(6, dtype=bool))]
    moves += [moves[i] ^ moves[j] for i in range(1, 7) for j in range(1, i)]
    tried = chosen[:, None] ^ np.array(moves)
    # an exchange keeps, raises or lowers the number by one: two in or two out is no exchange
    near = np.abs(tried.sum(-1) - chosen.sum(-1)[:, None]) <= 1
    spread = {key: value[:, None] for key, value in data.items()}
    worth = problem.evaluate(spread, problem.complete(spread, {"offload": tried * 1.0}))  # type: ignore[attr-defined]
    loss = np.where(worth.feasible() & near, worth.objective, np.inf)
    assert (loss[:, 0] <= loss.min(-1) * (1 + 1e-9)).all()
    decision, solved = Labels(solvers.registry.build("exact"))(problem, data)
    best = problem.evaluate(data, problem.complete(data, decision)).objective  # type: ignore[attr-defined]
    assert (loss[:, 0] / best - 1)[solved].mean() <= gap


def test_a_slow_policy_is_measured_on_fewer_instances(monkeypatch):
    from toolkit.solvers import policy

    problem, clock = problems.load("cpdrl", "tiny"), [0.0]
    monkeypatch.setattr(policy.time, "perf_counter", lambda: clock[0])

    def decide(data):
        clock[0] += 0.05 * len(data["f_server"])
        return {}

    size, each = policy._batch_cost(problem, decide)
    assert size == 4  # eight would take 0.4 s, and then twice as many 0.8 s
    assert each == pytest.approx(0.05)
    assert policy._batch_cost(problem, lambda data: {})[0] == policy.BATCH
