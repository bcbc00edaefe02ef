"""The learners `ddlo` and `droo`: quantisation, adaptive K, frames, and what they reach."""

import importlib.util
import itertools
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from toolkit import learners, problems, solvers
from toolkit.bench._cases._plugins import load_plugins
from toolkit.errors import UserError
from toolkit.learners import Training, fit
from toolkit.learners._bits import Inputs, Nets, Stream, judged
from toolkit.learners._descent import Descent
from toolkit.learners._frames import Tally
from toolkit.learners._quantise import nearest, order_preserving, relaxed
from toolkit.learners._replay import Replay
from toolkit.solvers import Budget, Probe
from toolkit.solvers.relax_round import _spread

DATA = Path(os.environ.get("TOOLKIT_DATA", Path(__file__).parents[2] / "shared" / "data"))
SWITCHES = '''
from dataclasses import dataclass
import numpy as np
from toolkit.problems import Evaluation, Field, Problem, Space, Var


@dataclass(frozen=True, kw_only=True)
class Switches(Problem):
    """Two blocks of bits, one of which must not be all on; the data say which bits are right."""

    title = "Switches"
    paper = "none"
    sense = "max"
    version = 1
    presets = {"tiny": {"n_users": 2}, "paper": {}}
    fields = {
        "wide": Field("wanted bits", "1", ("users", "tasks"), strict=False),
        "slim": Field("wanted bit", "1", ("users",), strict=False),
        "scale": Field("a number that is always the same"),
    }
    n_users: int = 3

    def sample(self, rng, batch=()):
        wide = rng.integers(0, 2, (*batch, self.n_users, 2)).astype(float)
        slim = rng.integers(0, 2, (*batch, self.n_users)).astype(float)
        slim[..., 0] = 0.0
        return {"wide": wide, "slim": slim, "scale": np.full(batch, 7.0)}

    def space(self, data):
        n = data["slim"].shape[-1]
        return Space((Var("wide", (n, 2), "binary"), Var("slim", (n,), "binary")))

    def judge(self, data, decision):
        right = (1 - abs(decision["wide"] - data["wide"])).sum((-1, -2))
        right = right + (1 - abs(decision["slim"] - data["slim"])).sum(-1)
        full = (decision["slim"].sum(-1) >= data["slim"].shape[-1]) * 1.0
        return Evaluation(right, {"full": full})

    def complete(self, data, discrete):
        return dict(discrete)
'''


@pytest.fixture
def switches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for kind in (problems, solvers, learners):
        monkeypatch.setattr(kind.registry, "_extra", {})
    path = tmp_path / "switches.py"
    path.write_text(SWITCHES)
    load_plugins([str(path)])
    return problems.load("switches")


def built(name: str, **params):
    return learners.registry.build(name, **params)


# Quantisation


def test_order_preserving_as_in_the_paper():
    """Section IV-B of the paper has this example: m = (0.2, 0.4, 0.7, 0.9), K = 4."""
    found = order_preserving(np.array([[0.2, 0.4, 0.7, 0.9]]), 4)
    assert found[0].tolist() == [[0, 0, 1, 1], [0, 1, 1, 1], [0, 0, 0, 1], [1, 1, 1, 1]]


def test_order_preserving_keeps_the_order():
    value = np.random.default_rng(0).random((50, 9))
    found = order_preserving(value, 9)
    assert found.shape == (50, 9, 9)
    for row, modes in zip(value, found, strict=True):
        for mode in modes:
            assert row[mode > 0].min(initial=2) > row[mode == 0].max(initial=-1)


@pytest.mark.parametrize(("n", "k"), [(1, 1), (1, 2), (4, 16), (6, 5), (9, 9), (9, 20)])
def test_nearest_are_the_nearest_of_all_vectors(n, k):
    value = np.random.default_rng(n * k).random((30, n))
    every = np.array(list(itertools.product((0.0, 1.0), repeat=n)))
    distance = ((value[:, None] - every) ** 2).sum(-1)
    found = nearest(value, k)
    assert found.shape == (30, min(k, 2**n), n)
    ours = ((value[:, None] - found) ** 2).sum(-1)
    assert ours == pytest.approx(np.sort(distance, axis=1)[:, : found.shape[1]])


def test_a_spread_out_relaxed_decision_needs_far_bits_too():
    """Nearly equal doubts but for one sure bit: the k nearest flip bits one at a time."""
    value = np.full((1, 9), 0.5 + np.linspace(0.40, 0.42, 9))
    flipped = (nearest(value, 10) < 0.5).sum(-1)
    assert flipped[0].tolist() == [0, *[1] * 9]


def test_relaxed_decisions_do_not_overflow():
    assert relaxed(np.array([-1e4, 0.0, 1e4], np.float32)).tolist() == [0.0, 0.5, 1.0]


# Adaptive K


def published_k(best: list[int], n: int, window: int) -> list[int]:
    """K after each frame, as in the published code (main.py of DROO)."""
    k, found = n, []
    for i in range(len(best)):
        if i > 0 and i % window == 0:
            k = min(max(best[max(0, i - window) : i][:-1]) + 2, n)
        found.append(k)
    return found


def test_k_adapts_as_in_the_published_code():
    problem, learner = problems.load("droo", n_users=10), built("droo", window=4)
    net = learner.build(problem)
    best = np.random.default_rng(1).integers(0, 7, 40)
    found = []
    for index in best:
        learner.heed(net, np.array([index]))
        found.append(learner.tries(net))
    assert found == published_k(best.tolist(), 10, 4)
    assert len(set(found)) > 2
    assert max(found) <= 10


def test_k_can_stay():
    problem, learner = problems.load("droo", n_users=5), built("droo", most=3, window=0)
    net = learner.build(problem)
    learner.heed(net, np.zeros(99, int))
    assert learner.tries(net) == 3
    assert learner.candidates(net, np.zeros((1, 2, 5), np.float32), 3).shape == (2, 3, 5)


# What they share


def through(nets: Nets, i: int, seen: torch.Tensor) -> torch.Tensor:
    """Network i as torch has it."""
    h = seen
    for layer, (w, b) in enumerate(zip(nets.weights, nets.biases, strict=True)):
        h = h @ w[i] + b[i]
        h = torch.relu(h) if layer < len(nets.weights) - 1 else h
    return h


def test_networks_side_by_side_are_networks():
    nets = Nets(3, (4, 6, 2))
    seen = torch.randn(5, 4)
    whole = torch.from_numpy(nets.logits(seen.numpy()))
    for i in range(3):
        assert torch.allclose(whole[i], through(nets, i, seen), atol=1e-6)
        assert not torch.equal(whole[i], whole[(i + 1) % 3])


@pytest.mark.parametrize("beta1", [0.9, 0.09])
def test_the_compiled_training_step_is_that_of_torch(beta1):
    """Thirty steps of autograd and torch.optim.Adam, every network on rows of its own."""
    torch.manual_seed(1)
    ours, theirs = Nets(2, (5, 7, 6, 3)), Nets(2, (5, 7, 6, 3))
    theirs.load_state_dict(ours.state_dict())
    descent = Descent(ours, 0.01, beta1)
    adam = torch.optim.Adam(theirs.parameters(), lr=0.01, betas=(beta1, 0.999))
    for _ in range(30):
        seen, wanted = 3 * torch.randn(2, 16, 5), torch.randint(0, 2, (2, 16, 3)).float()
        said = torch.stack([through(theirs, i, seen[i]) for i in range(2)])
        each = torch.nn.functional.binary_cross_entropy_with_logits(said, wanted, reduction="none")
        loss = each.mean((1, 2)).sum()
        adam.zero_grad()
        loss.backward()
        adam.step()
        assert descent.step(seen, wanted) == pytest.approx(loss.item() / 2, rel=1e-3)
    for mine, its in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.allclose(mine, its, atol=2e-4)


def test_faded_slopes_end_as_nothing():
    """Means of slopes that have become zero decay into denormal numbers, which are slow."""
    nets = Nets(1, (2, 3, 1))
    descent = Descent(nets, 0.01, 0.09)
    descent.step(torch.ones(1, 4, 2), torch.ones(1, 4, 1))
    with torch.no_grad():
        nets.biases[-1].fill_(200.0)  # sure: nothing is left to learn
    for _ in range(60):
        descent.step(torch.ones(1, 4, 2), torch.ones(1, 4, 1))
    assert not any(part.any() for part in descent.state_dict()["means"])


def test_rows_that_come_together_are_kept_as_one_after_another():
    for count in (1, 3, 7, 12, 29):
        alone, together = Replay(1, 7, [2, 1]), Replay(1, 7, [2, 1])
        rows = np.random.default_rng(count).random((count, 3)).astype(np.float32)
        for row in rows:
            alone.add(row[:2], row[2:])
        together.extend(rows[:4, :2], rows[:4, 2:])
        together.extend(rows[4:, :2], rows[4:, 2:])
        ours, theirs = alone.state_dict(), together.state_dict()
        assert torch.equal(ours["rows"], theirs["rows"])
        assert ours["next"] == theirs["next"]


def test_the_papers_initial_weights():
    problem = problems.load("ddlo", "paper")
    torch.manual_seed(0)
    nets = built("ddlo", preset="paper", hidden=[400, 300]).build(problem).nets
    assert [tuple(w.shape) for w in nets.weights] == [(3, 9, 400), (3, 400, 300), (3, 300, 9)]
    assert nets.weights[1].std().item() == pytest.approx(1 / 9, rel=0.02)
    assert all((b == 0).all() for b in nets.biases)
    biases = built("droo", preset="paper").build(problems.load("droo")).nets.biases
    assert all((b == np.float32(0.1)).all() for b in biases)


def test_the_papers_inputs():
    problem = problems.load("ddlo", "paper")
    data = problem.sample(np.random.default_rng(0), (4,))
    seen = built("ddlo", preset="paper").build(problem).inputs.see(problem, data)
    megabytes = data["size"].reshape(4, 9) / 2**23
    assert seen == pytest.approx(10 * megabytes - 200, abs=1e-4)
    droo = problems.load("droo")
    data = droo.sample(np.random.default_rng(0), (4,))
    seen = built("droo", preset="paper").build(droo).inputs.see(droo, data)
    assert seen == pytest.approx(1e6 * data["gain"], rel=1e-6)


def test_standardised_inputs_leave_out_what_never_changes(switches):
    inputs = Inputs(switches, "data")
    data = switches.sample(np.random.default_rng(3), (2000,))
    seen = inputs.see(switches, data)
    assert seen.shape == (2000, 1 + 3 + 6)
    fixed = seen.std(0) == 0
    assert fixed.tolist() == [True, True, *[False] * 8]  # scale, and slim of the first user
    assert seen[:, ~fixed].std(0) == pytest.approx(np.full(8, 8.0), rel=0.05)
    other = {**data, "scale": data["scale"] * 1e6}
    assert np.array_equal(inputs.see(switches, other), seen)


def test_candidates_are_completed_and_judged(switches):
    data = switches.sample(np.random.default_rng(0), (5,))
    bits = np.random.default_rng(1).integers(0, 2, (5, 4, 9)).astype(float)
    bits[:, 0] = np.concatenate([data["wide"].reshape(5, 6), data["slim"]], axis=1)
    bits[:, 1, 6:] = 1.0  # not allowed
    whole, objective, merit = judged(switches, data, bits)
    assert np.array_equal(whole["slim"], bits[..., 6:])
    assert objective[:, 0].tolist() == [9.0] * 5
    assert (merit.argmin(1) == 0).all()
    assert (merit[:, 1] > 1e29).all()
    assert (merit[:, 2:] == -objective[:, 2:]).any()


def test_frames_are_the_rows_again_and_again_or_the_generators(switches):
    data = switches.sample(np.random.default_rng(0), (5,))
    run = Training(problem=switches, frames=data, optima=np.arange(5.0))
    seen = [Stream(run, 2).take(step) for step in range(4)]
    assert np.concatenate([best for _, best in seen]).tolist() == [0, 1, 2, 3, 4, 0, 1, 2]
    assert np.array_equal(seen[2][0]["wide"], data["wide"][[4, 0]])
    drawn = Stream(Training(problem=switches, seed=1), 3)
    forward = [drawn.take(step)[0]["wide"] for step in (0, 340, 341, 700)]
    for step, wide in zip((700, 341, 340, 0), forward[::-1], strict=True):
        assert np.array_equal(drawn.take(step)[0]["wide"], wide)
    assert len({wide.tobytes() for wide in forward}) == 4


def test_the_curve_has_means_of_its_stretch_and_the_ratio_to_the_optimum():
    tally = Tally()
    tally.add(1, np.array([4.0, 8.0]), np.array([2.0, 8.0]))
    assert tally.read() == {"objective": 6.0, "loss": 0.0, "ratio": 0.75}
    tally.add(-1, np.array([1.0, 4.0]), np.array([2.0, 4.0]))
    assert tally.read() == {"objective": 2.5, "loss": 0.0, "ratio": 0.75}
    tally.add(1, np.array([3.0]), None)
    again = Tally()
    again.load_state_dict(tally.state_dict())
    assert again.read() == tally.read() == {"objective": 3.0, "loss": 0.0}


@pytest.mark.parametrize("name", ["ddlo", "droo"])
def test_a_run_is_told_what_was_decided(name, switches):
    """At every step: its first frame, the whole decisions, how many candidates were judged."""
    data, told = switches.sample(np.random.default_rng(0), (20,)), []
    run = Training(
        problem=switches, frames=data, max_steps=5, decided=lambda *said: told.append(said)
    )
    fit(built(name, frames=4, **({"most": 3, "window": 0} if name == "droo" else {})), run)
    assert [first for first, *_ in told] == [0, 4, 8, 12, 16]
    assert {judged for *_, judged in told} == {4 * (3 if name == "droo" else 24)}
    chosen = {key: np.concatenate([d[key] for _, d, _ in told]) for key in ("wide", "slim")}
    assert chosen["wide"].shape == (20, 3, 2)
    worth = switches.evaluate(data, chosen)
    assert worth.objective.mean() > 4.5  # the best of several beats chance


# Learning


@pytest.mark.parametrize("name", ["ddlo", "droo"])
def test_several_blocks_of_bits_are_learnt(name, switches):
    """Sense max, blocks of two shapes, no features, and a choice that is not allowed."""
    learner = built(name).modest()
    net = fit(learner, Training(problem=switches, max_steps=120))
    data = switches.sample(np.random.default_rng(9), (300,))
    said = learner.act(net, switches, data)
    assert said["wide"].shape == (300, 1, 3, 2)
    wrong = np.abs(said["wide"][:, 0] - data["wide"]).mean()
    assert wrong < 0.1


def test_a_batch_may_have_several_axes(switches):
    learner = built("ddlo", nets=2, guesses=2)
    net = learner.build(switches)
    data = switches.sample(np.random.default_rng(9), (4, 3))
    whole = learner.act(net, switches, data, 4)
    assert whole["wide"].shape == (4, 3, 4, 3, 2)
    part = learner.act(net, switches, {key: value[1, 2] for key, value in data.items()}, 4)
    assert np.array_equal(part["wide"], whole["wide"][1, 2])


@pytest.mark.parametrize("name", ["ddlo", "droo"])
def test_what_cannot_be_is_refused(name):
    for bad, said in (
        ({"preset": "best"}, "paper"),
        ({"batch": 0}, "batch is 0"),
        ({"hidden": []}, "hidden"),
        ({"rate": -1.0}, "rate is -1.0"),
        ({"inputs": "gain:x:0"}, "FIELD:SCALE:SHIFT"),
        ({"memory": 8, "start": 9}, "more than the memory"),
        ({"init": "zeros"}, "init is 'zeros'"),
    ):
        with pytest.raises(UserError, match=said):
            built(name, **bad)
    assert "no field 'speed'" in built(name, inputs="speed:1:0").refuses(problems.load("cpdrl"))
    with pytest.raises(UserError):
        built("droo", quantiser="near")
    with pytest.raises(UserError):
        built("ddlo", guesses=0)


def test_policies_judge_as_many_decisions_as_their_learner_wants(tmp_path):
    """And refuse instances of another size than that they were trained on."""
    problem = problems.load("droo", n_users=6)
    learner = built("droo")
    run = Training(problem=problem, max_steps=100)
    net = fit(learner, run)
    path = tmp_path / "droo.pt"
    learners.save(path, learner, net, run)
    policy = solvers.registry.build("policy", checkpoint=str(path))
    probe = Probe(problem, problem.instance(), Budget(), np.random.default_rng(0))
    policy.solve(problem, problem.instance(), probe)
    assert probe.evaluations == learner.tries(net) > 1
    other = problems.load("droo", n_users=7)
    assert "no other size" in policy.refuses(other, other.instance())
    with pytest.raises(UserError, match="whole number"):
        solvers.registry.build("policy", checkpoint=str(path), k="all")


def test_droo_learns_its_own_problem():
    """After 1,000 frames: 0.97 of the optimum of 200 frames that it has not seen."""
    problem, learner = problems.load("droo", n_users=6), built("droo")
    net = fit(learner, Training(problem=problem, max_steps=100))
    data = problem.sample(np.random.default_rng(77), (200,))
    every = problem.space({k: v[0] for k, v in data.items()}).choices(0, 64)["offload"]
    spread = {key: value[:, None] for key, value in data.items()}
    modes = np.broadcast_to(every, (200, 64, 6))
    best = problem.evaluate(spread, problem.complete(spread, {"offload": modes})).objective.max(1)
    found = problem.evaluate(spread, learner.act(net, problem, data, learner.tries(net)))
    assert (found.objective.max(1) / best).mean() > 0.97


def test_ddlo_learns_its_own_problem():
    """Two users of three tasks, 3,000 frames, 16 a step: 0.98 of the optimum on unseen slots."""
    problem = problems.load("ddlo", n_users=2)
    learner = built("ddlo", frames=16, every=1)
    net = fit(learner, Training(problem=problem, max_steps=190))
    data = problem.sample(np.random.default_rng(77), (200,))
    every = problem.space({k: v[0] for k, v in data.items()}).choices(0, 64)["offload"]
    spread = {key: value[:, None] for key, value in data.items()}
    best = problem.evaluate(spread, {"offload": every[None]}).objective.min(1)
    found = problem.evaluate(spread, learner.act(net, problem, data, learner.tries(net)))
    ratio = best / found.objective.min(1)
    assert ratio.max() <= 1 + 1e-12
    assert ratio.mean() > 0.98


# The learners of masks on these problems


@pytest.mark.parametrize("name", ["imitate", "self_label"])
def test_mask_learners_vary_by_default_what_the_problem_has(name):
    learner, droo = built(name), problems.load("droo")
    assert learner.refuses(droo) is None
    assert learner.varied(droo) == {"bandwidth": (0.05, 4.0)}
    assert len(learner.varied(problems.load("cpdrl"))) == 4
    assert "'deadline'" in built(name, vary="bandwidth=0.1:1,deadline=0.5:1").refuses(droo)
    assert "one bit a user" in learner.refuses(problems.load("ddlo"))


def test_self_labelling_learns_droo_as_it_comes():
    """120 steps, then the first guess alone: the best mode of 98 % of unseen instances or more."""
    problem, learner = (
        problems.load("droo", "scaled", n_users=8),
        built("self_label", users_high=10),
    )
    net = fit(learner, Training(problem=problem, max_steps=120))
    data = problem.sample(np.random.default_rng(77), (200,))
    every = problem.space({k: v[0] for k, v in data.items()}).choices(0, 256)["offload"]
    spread = {key: value[:, None] for key, value in data.items()}
    modes = np.broadcast_to(every, (200, 256, 8))
    best = problem.evaluate(spread, problem.complete(spread, {"offload": modes})).objective.max(1)
    found = problem.evaluate(spread, learner.act(net, problem, data, 1)).objective[:, 0]
    assert (found <= best * (1 + 1e-9)).all()
    assert np.mean(found / best > 1 - 1e-9) > 0.9


# Published rows


def seeds_script():
    """benchmarks/learner_seeds.py, which is no part of the package."""
    path = Path(__file__).parents[1] / "benchmarks" / "learner_seeds.py"
    spec = importlib.util.spec_from_file_location("learner_seeds", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_held_out_rows_are_distinct_and_no_training_rows():
    trained = np.array([[1.0, 2.0], [3.0, 4.0]])
    held = np.array([[5.0, 6.0], [3.0, 4.0], [5.0, 6.0], [2.0, 1.0]])
    assert seeds_script().fresh(trained, held).tolist() == [0, 3]


@pytest.mark.parametrize(("name", "rows"), [("ddlo", 1000), ("droo", 2000)])
def test_published_rows_that_learners_are_judged_on_are_all_held_out(name, rows):
    """No row of these files repeats another, so that none is left out."""
    script = seeds_script()
    if not (DATA / script.FILES[name]).exists():
        pytest.skip(f"needs the published data {script.FILES[name]}; set TOOLKIT_DATA")
    _, trained, held, optima = script.split(name, DATA)
    looks = held[script.LOOKS[name]].reshape(rows, -1)
    assert len(optima) == rows
    both = looks if trained is None else np.concatenate([looks, trained["size"].reshape(4000, -1)])
    assert len(np.unique(both, axis=0)) == len(both)


# The papers' baselines


def baseline(name: str, problem, instance, **params):
    solver = solvers.registry.build(name, **params)
    assert solver.refuses(problem, instance) is None
    probe = Probe(problem, instance, Budget(), np.random.default_rng(0))
    return probe.certify(solver.solve(problem, instance, probe))


def test_coordinate_descent_ends_where_no_flip_helps():
    problem = problems.load("droo", n_users=7)
    instance = problem.instance(2)
    found = baseline("local_search", problem, instance, restarts=0, swaps=False, ranked=False)
    bits = found.decision["offload"]
    flips = np.abs(bits - np.eye(7))
    worth = problem.evaluate(instance.data, problem.complete(instance.data, {"offload": flips}))
    assert (worth.objective <= found.objective * (1 + 1e-12)).all()
    other = baseline("local_search", problem, instance, restarts=0, swaps=False)
    assert other.evaluations != found.evaluations  # that one starts from the ranking


def test_rungs_are_spread_evenly():
    assert _spread(0, 4, 8) == [0, 1, 2, 3, 4]
    assert _spread(0, 9, 4) == [0, 3, 6, 9]
    assert _spread(2, 9, 1) == [5]
    assert _spread(3, 3, 1) == [3]
    assert _spread(1, 0, 8) == []  # no rung is feasible


@pytest.mark.parametrize("name", ["cpdrl", "ddlo", "droo"])
def test_relaxations_are_rounded_to_good_decisions(name):
    problem = problems.load(name, "tiny")
    for index in range(1 if name == "cpdrl" else 3):
        instance = problem.instance(index)
        best = baseline("enumerate", problem, instance)
        found = baseline("relax_round", problem, instance)
        assert found.bound is None
        gap = problem.sign * (found.objective - best.objective) / abs(best.objective)
        assert -1e-9 <= gap < 0.1


def test_more_pieces_are_no_worse():
    problem = problems.load("droo", n_users=8)
    instance = problem.instance(1)
    few, many = (baseline("relax_round", problem, instance, pieces=p) for p in (1, 3))
    assert many.evaluations > few.evaluations
    assert many.objective >= few.objective
    assert "not 8" in solvers.registry.build("relax_round", most=7).refuses(problem, instance)
