"""Episodes of frames: the wrapper, solvers frame by frame, certificates, online learning."""

import json
import math
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import toolkit
from toolkit import learners, problems, solvers
from toolkit.bench.__main__ import main
from toolkit.bench._cases._case import plan_problem
from toolkit.bench._cases._change import Change, changed
from toolkit.bench._cases._plan import make_plan
from toolkit.bench.verify import examine_record
from toolkit.errors import UserError
from toolkit.instances import Instance, rng_for
from toolkit.learners import Training
from toolkit.problems import Frames, HasCompletion, HasRepair, Problem, least_mean
from toolkit.reports.papers.card import Chapter, render
from toolkit.reports.papers.metrics import by_tenth, metric_of
from toolkit.reports.papers.study import Panel, Study
from toolkit.reports.record import Record
from toolkit.solvers import Budget, Claim, Probe, Result, Solver, Stop
from toolkit.solvers._episode import FrameByFrame, lowest

NAMES = problems.registry.names()
TINY = {name: problems.load(name, "tiny") for name in NAMES}
DEMOS = [
    Path(__file__).parents[1] / "plans" / "paper" / f"droo-{name}.toml"
    for name in ("weights", "on-off")
]


@pytest.fixture(autouse=True)
def _own_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def episode(name: str, frames: int, index: int = 0, **params: Any) -> tuple[Frames, Instance]:
    problem = problems.load(name, "tiny", frames=frames, **params)
    assert isinstance(problem, Frames)
    return problem, problem.admit(problem.instance(index))


def run(solver: Solver, problem: Problem, instance: Instance, seed: int = 0, **budget: Any) -> Any:
    """A run under the probe of the problem, as the bench does it."""
    solver = solvers.fitted(solver, problem)
    probe = solvers.open_probe(problem, instance, Budget(**budget), np.random.default_rng(seed))
    return probe.certify(solver.solve(problem, instance, probe))


def refused(argv: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The one sentence that a wrong request gets."""
    assert main(argv) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert said.count("\n") == 1
    return said


# The wrapper


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=10, deadline=None)
@given(frames=st.integers(1, 5), rows=st.integers(1, 3), seed=st.integers(0, 10**6))
def test_an_episode_is_worth_the_mean_of_its_frames(name, frames, rows, seed):
    """Batched, frame by frame, in torch: the same numbers, raw decisions and completed ones."""
    problem, instance = episode(name, frames, seed)
    space, rng = problem.space(instance.data), rng_for(seed)
    raw = space.sample(rng, (rows,))
    choice = {var.name: raw[var.name] for var in space.discrete}
    decisions = [raw]
    if isinstance(problem, HasCompletion):
        decisions.append(problem.complete(instance.data, choice))
    if isinstance(problem, HasRepair):
        decisions.append(problem.repair(instance.data, raw))
    for decision in decisions:
        found = problem.evaluate(instance.data, decision)
        tensors = [
            {k: torch.tensor(v) for k, v in part.items()} for part in (instance.data, decision)
        ]
        alike = problem.evaluate(*tensors)
        for row in range(rows):
            each = [
                TINY[name].evaluate(frame.data, {k: v[row, t] for k, v in decision.items()})
                for t, frame in enumerate(problem.split(instance))
            ]
            mean = math.fsum(float(one.objective) for one in each) / frames
            worst = max(float(one.violation) for one in each)
            assert found.objective[row] == pytest.approx(mean, rel=1e-12)
            assert found.violation[row] == pytest.approx(worst, rel=1e-9, abs=1e-15)
        assert alike.objective.numpy() == pytest.approx(found.objective, rel=1e-9)
        assert alike.violation.numpy() == pytest.approx(found.violation, rel=1e-9, abs=1e-12)


def test_single_frames_are_what_they_were():
    """Episodes draw numbers of their own, and leave those of single frames alone."""
    assert problems.load("cpdrl", n_users=8).instance().digest == "26fc279c5d11506d"
    problem, instance = episode("droo", 1)
    assert instance.digest != TINY["droo"].instance().digest
    assert [v.shape for v in problem.space(instance.data).vars] == [(1, 4), (1,), (1, 4)]


def test_it_is_rebuilt_from_its_parameters():
    problem, instance = episode("ddlo", 3)
    again = problems.registry.build(instance.problem, **instance.params)
    assert again == problem
    assert again.admit(instance).digest == instance.digest
    assert (problem.users(instance.data), problem.name) == (TINY["ddlo"].n_users, "ddlo")
    assert str(problem).endswith("frames=3]")


def test_sampled_episodes_stack():
    problem, _ = episode("droo", 3)
    drawn = problem.sample(rng_for(0), (2, 1))
    assert drawn["gain"].shape == (2, 1, 3, 4)
    first = problem.frame.episode(rng_for(0), 3)
    np.testing.assert_array_equal(drawn["gain"][0, 0], first["gain"])


@pytest.mark.parametrize(
    ("frames", "share", "said"),
    [
        (2, None, "has 3 frames, its params say 2"),
        (3, 0.9, "#1: data.*its sum is 1.8"),  # only the problem of a frame knows that
        (3, 0.0, "#1 decides other things"),  # the shares, which the other frames give
    ],
)
def test_an_episode_whose_frames_do_not_fit_is_refused(frames, share, said):
    _, instance = episode("ddlo", 3)
    given = np.array(instance.data["share"])
    given[1] = given[1] if share is None else share
    problem = problems.load("ddlo", "tiny", frames=frames)
    with pytest.raises(UserError, match=said):
        problem.admit(replace(instance, data={**instance.data, "share": given}))


def test_an_episode_has_no_episodes():
    with pytest.raises(ValueError, match="no episodes"):
        problems.episodes(episode("droo", 2)[0], 2)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50))
def test_the_bound_of_a_mean_is_below_it(losses):
    from fractions import Fraction

    exact = sum(map(Fraction, losses)) / len(losses)
    assert Fraction(least_mean(losses)) <= exact
    assert least_mean(losses) == pytest.approx(float(exact), rel=1e-12, abs=1e-300)


def test_an_infeasible_frame_decides_and_an_unknown_one_leaves_no_bound():
    assert least_mean([1.0, math.inf, -math.inf]) == math.inf
    assert least_mean([1.0, -math.inf]) == -math.inf


# Solvers


SMALLER = {"dgl": {"n_users": 2}}  # of `tiny` one frame has 1.7 million choices


@pytest.mark.parametrize("name", [n for n in NAMES if isinstance(TINY[n], HasCompletion)])
def test_exact_proves_the_mean_of_enumerations(name):
    if name == "a3c":
        pytest.skip("servers that serve their own region first: bounded, not proved")
    problem, instance = episode(name, 12, **SMALLER.get(name, {}))
    result = run(solvers.registry.build("exact"), problem, instance)
    each = [
        run(solvers.registry.build("enumerate"), problem.frame, one).objective
        for one in problem.split(instance)
    ]
    assert result.status == "optimal"
    assert result.claim == "optimal"
    assert result.objective == pytest.approx(np.mean(each), rel=1e-9)
    assert toolkit.verify(problem, instance, result).verdict == "proved"
    assert len(result.details["tenths"]["objective"]) == 10
    one = next(problem.split(instance))
    alone = run(solvers.registry.build("exact"), problem.frame, one)
    assert result.certificate.body["frames"][0] == alone.certificate.as_json()


@pytest.mark.parametrize("solver", ["greedy", "local_search", "relax_round", "random_search"])
def test_solvers_of_frames_decide_each(solver):
    """What a solver finds in an episode is what it finds in the frames, in their order."""
    problem, instance = episode("droo", 4)
    built = solvers.registry.build(solver)
    assert not built.episodes
    result = run(built, problem, instance)
    rng, each = np.random.default_rng(0), []
    for one in problem.split(instance):
        probe = Probe(problem.frame, one, Budget(), rng)
        each.append(probe.certify(built.solve(problem.frame, one, probe)))
    assert result.objective == pytest.approx(np.mean([r.objective for r in each]), rel=1e-12)
    assert result.evaluations == max(r.evaluations for r in each)
    assert result.certificate is None


@pytest.mark.parametrize("solver", ["local_only", "full_offload", "random"])
def test_baselines_take_all_frames_at_once(solver):
    problem, instance = episode("cpdrl", 4)
    result = run(solvers.registry.build(solver), problem, instance)
    assert result.evaluations == 1
    bits = {"local_only": 0, "full_offload": 1}
    if solver in bits:
        assert np.all(result.decision["offload"] == bits[solver])
        for t, one in enumerate(problem.split(instance)):
            alone = run(solvers.registry.build(solver), problem.frame, one).decision
            for key, value in alone.items():
                np.testing.assert_allclose(result.decision[key][t], value, rtol=1e-12)


def test_an_offer_keeps_the_best_of_every_frame():
    """Two guesses, each good in one frame: together they are the answer."""
    problem, instance = episode("droo", 2)
    probe = solvers.open_probe(problem, instance, Budget(), np.random.default_rng(0))
    best = run(solvers.registry.build("enumerate"), problem, instance)
    mixed = np.stack([best.decision["offload"], 1 - best.decision["offload"]])
    mixed[:, 1] = mixed[::-1, 1]
    judged = probe.offer(problem.complete(instance.data, {"offload": mixed}))
    assert judged.objective.max() < best.objective * (1 - 1e-6)
    assert probe.certify(Claim()).objective == pytest.approx(best.objective, rel=1e-12)


@dataclass(frozen=True, kw_only=True)
class Slow(Solver):
    """Takes its time over a frame, then offloads all; says what it was told to."""

    wait: float = 0.05
    stop: Stop = Stop.FINISHED

    def solve(self, problem: Problem, instance: Instance, probe: Probe) -> Claim:
        time.sleep(min(self.wait, probe.remaining) if self.stop is Stop.TIME else self.wait)
        probe.offer(problem.complete(instance.data, {"offload": np.ones(4)}))  # type: ignore[attr-defined]
        return Claim(stop=self.stop)


def test_a_limit_in_the_middle_leaves_a_whole_decision():
    problem, instance = episode("droo", 20)
    result = run(Slow(), problem, instance, seconds=0.22)
    assert result.stop is Stop.TIME
    assert result.wall < 1.0
    assert result.bound is None
    done = result.decision["offload"].all(axis=1)
    assert 1 <= done.sum() <= 6
    assert done[: done.sum()].all()
    assert f"{20 - done.sum()} of 20 frames were not reached" in result.message
    local = lowest(problem, instance)
    np.testing.assert_array_equal(result.decision["charge"][~done], local["charge"][~done])
    assert toolkit.verify(problem, instance, result).verdict == "feasible"


def test_frames_that_use_all_their_time_share_it():
    """A solver that never ends by itself reaches every frame, again and again."""
    problem, instance = episode("droo", 5)
    result = run(Slow(wait=9.0, stop=Stop.TIME), problem, instance, seconds=0.5)
    assert result.decision["offload"].all()
    assert result.wall < 2.0
    assert result.stop is Stop.TIME


def test_evaluations_are_of_a_frame():
    problem, instance = episode("droo", 5)
    result = run(solvers.registry.build("random_search"), problem, instance, evaluations=7)
    assert (result.evaluations, result.stop) == (7, Stop.EVALUATIONS)
    whole = run(solvers.registry.build("local_only"), problem, instance, evaluations=1)
    assert (whole.evaluations, whole.status) == (1, "feasible")


def test_an_infeasible_frame_is_proven_and_named():
    problem, instance = episode("cpdrl", 3)
    data = {key: np.array(value) for key, value in instance.data.items()}
    data["deadline"][1] = 1e-9
    instance = problem.admit(replace(instance, data=data))
    result = run(solvers.registry.build("exact"), problem, instance)
    assert result.status == "infeasible"
    assert result.message.startswith("frame 1: ")
    assert toolkit.verify(problem, instance, result).verdict == "proved"


def test_one_claim_among_the_frames_makes_a_claim():
    problem, instance = episode("droo", 2)
    result = run(solvers.registry.build("scip"), problem, instance, seconds=60)
    assert result.certificate.kind == "claim"
    assert result.bound == pytest.approx(result.objective, rel=1e-5)
    assert toolkit.verify(problem, instance, result).verdict == "claimed"


def test_a_refusal_says_for_which_frame():
    class Picky(Slow):
        def refuses(self, problem: Problem, instance: Instance) -> str | None:
            return "no" if instance.name.endswith("#1") else None

    problem, instance = episode("droo", 2)
    assert FrameByFrame(inner=Picky()).refuses(problem, instance) == "frame 1: no"


def test_a_policy_acts_on_all_frames_at_once(tmp_path):
    learner = learners.registry.build("droo")
    training = Training(problem=TINY["droo"], max_steps=3)
    net = learners.fit(learner, training)
    learners.save(tmp_path / "p.zip", learner, net, training)
    policy = solvers.registry.build("policy", checkpoint=str(tmp_path / "p.zip"))
    problem, instance = episode("droo", 6)
    assert policy.refuses(problem, instance) is None
    result = run(policy, problem, instance)
    for t, one in enumerate(problem.split(instance)):
        alone = run(policy, problem.frame, one)
        np.testing.assert_array_equal(result.decision["offload"][t], alone.decision["offload"])
    assert result.evaluations == alone.evaluations == learner.tries(net)
    assert policy.aside(problem)["batch_seconds"] > 0


# Certificates


def record_of(problem: Problem, instance: Instance, result: Result) -> dict[str, Any]:
    return {
        "instance": instance.as_json(),
        "decision": {k: v.tolist() for k, v in result.decision.items()},
        "objective": result.objective,
        "violation": result.violation,
        "bound": result.bound,
        "status": "optimal",
        "certificate": json.loads(json.dumps(result.certificate.as_json())),
    }


def test_a_certificate_is_refuted_where_one_frame_is_tampered_with():
    problem, instance = episode("droo", 5)
    good = record_of(problem, instance, run(solvers.registry.build("exact"), problem, instance))
    assert examine_record(good).verdict == "proved"
    assert examine_record(good, "arb").verdict == "proved"

    def refuted(change: Any) -> str:
        bad = json.loads(json.dumps(good))
        change(bad["certificate"]["frames"])
        said = examine_record(bad)
        assert said.verdict == "refuted"
        return said.reason

    def worse(frames: Any) -> None:
        leaf = next(node["leaf"] for node in frames[3]["nodes"] if "leaf" in node)
        leaf["v"] *= 0.5

    assert "supports only" in refuted(worse)
    assert "Frame 2: Node 0" in refuted(lambda frames: frames[2]["nodes"].__setitem__(0, {}))
    assert "5 frames" in refuted(lambda frames: frames.pop())
    assert "supports only" in refuted(lambda frames: frames.__setitem__(1, None))
    assert "Frame 4" in refuted(lambda frames: frames.__setitem__(4, 1))
    one = next(problem.split(instance))
    alone = record_of(problem.frame, one, run(solvers.registry.build("exact"), problem.frame, one))
    assert "no episode" in examine_record({**alone, "certificate": good["certificate"]}).reason


# Learning online


def decided(name: str, learner: str, instance: Instance, problem: Problem) -> Result:
    solver = solvers.registry.build("online", learner=learner)
    assert solver.refuses(problem, instance) is None
    return run(solver, problem, instance)


@pytest.mark.parametrize(
    ("name", "learner"),
    [
        ("droo", "droo[frames=3]"),
        ("droo", "droo[preset=paper]"),
        ("ddlo", "ddlo[start=1,frames=4]"),
    ],
)
def test_online_learning_never_sees_the_future(name, learner):
    """Later frames are others: what was decided before is the same, to the last bit."""
    problem, instance = episode(name, 40)
    _, other = episode(name, 40, index=1)
    data = {k: np.concatenate([v[:24], other.data[k][24:]]) for k, v in instance.data.items()}
    one = decided(name, learner, instance, problem)
    two = decided(name, learner, replace(instance, data=data), problem)
    for key in one.decision:
        np.testing.assert_array_equal(one.decision[key][:24], two.decision[key][:24])
    assert any(not np.array_equal(one.decision[k], two.decision[k]) for k in one.decision)


def test_online_learning_is_what_training_decides():
    """The same run of the learner, by hand; the last step's frames beyond the end count nothing."""
    problem, instance = episode("droo", 25)
    result = decided("droo", "droo[frames=10]", instance, problem)
    again = decided("droo", "droo[frames=10]", instance, problem)
    for key in result.decision:
        np.testing.assert_array_equal(result.decision[key], again.decision[key])
    rows: dict[int, np.ndarray] = {}
    seed = int(np.random.default_rng(0).integers(2**62))
    by_hand = Training(
        problem=problem.frame,
        max_steps=3,
        seed=seed,
        frames=instance.data,
        decided=lambda first, chosen, judged: rows.update({first: chosen["offload"]}),
    )
    learners.fit(learners.registry.build("droo", frames=10), by_hand)
    np.testing.assert_array_equal(
        np.concatenate(list(rows.values()))[:25], result.decision["offload"]
    )
    assert result.details["training_steps"] == 3
    assert result.details["processor_seconds_each"] > 0
    assert len(result.details["tenths"]["candidates"]) == 10
    assert all(1 <= k <= 4 for k in result.details["tenths"]["candidates"])


def test_online_learning_out_of_time_leaves_the_rest_local():
    problem, instance = episode("droo", 3000)
    result = run(solvers.registry.build("online", learner="droo"), problem, instance, seconds=0.2)
    assert result.stop is Stop.TIME
    assert "frames were not reached" in result.message
    assert not result.decision["offload"][-1].any()
    assert result.decision["offload"].any()


def test_online_says_why_not():
    problem, instance = episode("droo", 2)
    build = solvers.registry.build
    assert "no learner is named" in build("online").refuses(problem, instance)
    online = build("online", learner="droo")
    assert "--frames" in online.refuses(TINY["droo"], TINY["droo"].instance())
    assert "frame after frame" in build("online", learner="self_label").refuses(problem, instance)
    with pytest.raises(UserError, match="ddol"):
        build("online", learner="ddol")


# Changes of the world


def test_changes_are_in_the_data():
    problem, instance = episode("droo", 10)
    plan = make_plan(
        {
            "frames": 10,
            "change": [
                {"from": 0.6, "to": 0.8, "reverse": ["weight"]},
                {"from": 0.9, "users": [3], "scale": {"gain": 0.5}, "values": {"weight": 0.25}},
                {"users": [0, 2], "values": {"kappa": [1e-25, 2e-25]}},
                {"to": 0.1, "scale": {"noise": 2}},
            ],
        }
    )
    after = changed(problem, instance, plan.change)
    before = instance.data
    np.testing.assert_array_equal(after.data["weight"][6:8], before["weight"][6:8, ::-1])
    np.testing.assert_array_equal(after.data["weight"][:6], before["weight"][:6])
    assert after.data["weight"][9].tolist() == [1.0, 1.5, 1.0, 0.25]
    np.testing.assert_array_equal(after.data["gain"][9, 3], 0.5 * before["gain"][9, 3])
    np.testing.assert_array_equal(after.data["gain"][:9], before["gain"][:9])
    assert after.data["kappa"][4].tolist() == [1e-25, 1e-26, 2e-25, 1e-26]
    np.testing.assert_array_equal(after.data["noise"][:1], 2 * before["noise"][:1])
    np.testing.assert_array_equal(after.data["noise"][1:], before["noise"][1:])
    assert after.digest != instance.digest
    assert after.name == "droo-n4-t10-s0-changed-000"
    assert after.params == instance.params


def test_a_change_of_tasks_is_along_the_users():
    problem, instance = episode("ddlo", 4)
    after = changed(problem, instance, [Change(users=[1], scale={"size": 2.0})])
    np.testing.assert_array_equal(after.data["size"][:, 1], 2 * instance.data["size"][:, 1])
    np.testing.assert_array_equal(after.data["size"][:, 0], instance.data["size"][:, 0])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"from": 0.8, "to": 0.2, "scale": {"gain": 2}}, "0 <= from < to <= 1"),
        ({"from": 0.5}, "none of reverse, scale and values"),
        ({"scale": {"gian": 2}}, "did you mean 'gain'"),
        ({"users": [4], "scale": {"gain": 2}}, "numbered 0 to 3"),
        ({"users": [1, 1], "scale": {"gain": 2}}, "numbered 0 to 3"),
        ({"users": [1], "scale": {"noise": 2}}, "leave users out"),
        ({"reverse": ["noise"]}, "leave users out"),
        ({"values": {"weight": [1, 2]}}, "it takes one number or 4"),
        ({"values": {"noise": [1, 2]}}, "it takes one number"),
        ({"values": {"gain": -1}}, "must be above 0"),
    ],
)
def test_a_change_that_makes_no_sense_is_refused(change, said):
    problem, instance = episode("droo", 10)
    with pytest.raises(UserError, match=said):
        changed(problem, instance, make_plan({"frames": 10, "change": [change]}).change)


def test_a_change_needs_an_episode():
    with pytest.raises(UserError, match="give --frames"):
        make_plan({"change": [{"reverse": ["weight"]}]})


@pytest.mark.parametrize("plan", DEMOS, ids=lambda path: path.stem)
def test_the_demos_are_the_published_ones(plan):
    """Weights between 6,000 and 8,000; so many users at each twentieth of the episode."""
    made = make_plan({"frames": 20}, plan)
    problem = problems.load("droo", "paper", frames=20)
    before, after = problem.instance().data, changed(problem, problem.instance(), made.change).data
    if "weights" in plan.stem:
        there = (after["weight"] != before["weight"]).any(axis=1)
        assert np.flatnonzero(there).tolist() == [12, 13, 14, 15]
    else:
        present = (after["weight"] > 1e-6).sum(axis=1)
        assert present.tolist() == [10] * 12 + [9, 8, 7, 6, 7, 8, 10, 8]
        assert ((after["gain"] < before["gain"]) == (after["weight"] < 1e-6)).all()


# The command


def test_the_command_runs_proves_stores_and_verifies(capsys):
    argv = ["--problem", "droo", "--preset", "tiny", "--frames", "10", "--instances", "1", "--json"]
    argv += ["--solvers", "exact,local_only,online[learner=droo]", "--quiet"]
    assert main(argv) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    found = {row["solver"]: row for row in rows}
    assert found["exact"]["verdict"] == "proved"
    assert found["exact"]["instance"] == "droo-n4-t10-s0-000"
    assert found["online"]["status"] == "feasible"
    worth = [found[name]["details"]["tenths"]["objective"] for name in ("exact", "online")]
    assert all(a >= b * (1 - 1e-9) for a, b in zip(*worth, strict=True))
    assert np.mean(worth[0]) == pytest.approx(found["exact"]["objective"], rel=1e-12)
    assert main(["verify", "results/runs.sqlite", "--quiet"]) == 0
    assert "2 feasible, 1 proved" in capsys.readouterr().out
    assert main([*argv[:-4], "--format", "npz", "--out", "cases"]) == 2  # flags of export
    assert main(["export", *argv[:8], "--format", "npz", "--out", "cases"]) == 0
    capsys.readouterr()
    assert main(["solve", "cases/droo-n4-t10-s0-000.npz", *argv[-3:], "--json"]) == 0
    again = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {row["key"] for row in again} == {row["key"] for row in rows}


def published(rows: int) -> str:
    """A file in the format of DROO's authors."""
    gain = TINY["droo"].sample(rng_for("file"), (rows,))["gain"]
    np.savez("rows.npz", input_h=gain, output_mode=np.ones(gain.shape))
    return "rows.npz"


def test_rows_of_a_file_become_episodes_in_their_order(capsys):
    file = published(10)
    argv = ["--problem", "droo", "--data", file, "--frames", "3", "--quiet", "--json"]
    argv += ["--solvers", "local_only"]
    assert main([*argv, "--rows", "2:8", "--out", "runs"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {row["instance"] for row in rows} == {"rows-t3-2", "rows-t3-5"}
    assert {row["status"] for row in rows} == {"feasible"}  # the authors' decisions among them
    assert {row["solver"] for row in rows} == {"local_only", "published"}
    record = json.loads(next(Path("runs").glob("*rows-t3-5*.json")).read_text())
    gain = np.load(file)["input_h"]
    np.testing.assert_array_equal(record["instance"]["data"]["gain"], gain[5:8])
    plan = make_plan({"problem": "droo", "data": file, "frames": 4})
    drawn = [instance.name for instance in plan_problem(plan)[1]]
    assert drawn == ["rows-t4-0", "rows-t4-4"]  # as many as there are whole, of the three asked for
    assert "multiple of --frames" in refused([*argv, "--rows", "0:8"], capsys)
    assert "multiple of --frames" in refused([*argv, "--frames", "11"], capsys)


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--frames", "0"], "it must be between 1 and"),
        (["--frames", "x"], "takes a whole number"),
        (["--set", "frames=1.5"], "whole number"),
    ],
)
def test_wrong_flags_get_one_sentence(flags, said, capsys):
    assert said in refused(["--problem", "droo", "--solvers", "exact", *flags], capsys)


def test_learners_train_on_frames(capsys):
    argv = ["train", "--problem", "droo", "--learner", "droo", "--steps", "1", "--out", "p.zip"]
    assert "leave out frames" in refused([*argv, "--set", "frames=3"], capsys)


def test_frames_can_be_swept():
    plan = make_plan({"problem": "droo", "sweep": {"frames": [2, 5]}})
    assert [setting.problem_params for setting in plan.settings()] == [{"frames": 2}, {"frames": 5}]


# Reports


def row(label: str, tenths: list[float] | None, **fields: Any) -> Record:
    """A run of an episode of 100 frames, maximised."""
    objective = None if tenths is None else float(np.mean(tenths))
    base = Record(
        key=label,
        label=label,
        solver=label,
        params={},
        problem="p",
        version=0,
        preset=None,
        n_users=2,
        problem_params={"frames": 100},
        instance="p-0",
        digest="d",
        sense="max",
        seed=0,
        status="feasible",
        stop="finished",
        seconds=2.0,
        objective=objective,
        violation=0.0,
        details={} if tenths is None else {"tenths": {"objective": tenths}},
    )
    return msgspec.structs.replace(base, **fields)


OPTIMAL = row("exact", [10.0] * 10, verdict="proved", bound=10.0)
LEARNT = row("online", [*[5.0] * 9, 9.9])


def test_the_last_tenth_is_compared_with_the_optimums():
    assert metric_of("last_gap")(LEARNT, OPTIMAL) == pytest.approx(0.01)
    assert metric_of("gap")(LEARNT, OPTIMAL) == pytest.approx(1 - 5.49 / 10)
    assert metric_of("frame_seconds")(LEARNT, OPTIMAL) == pytest.approx(0.02)
    assert by_tenth("gap", LEARNT, OPTIMAL) == pytest.approx([0.5] * 9 + [0.01])
    told = msgspec.structs.replace(LEARNT, details={"tenths": {"candidates": [4.0, None, 2.0]}})
    assert metric_of("candidates")(told, None) == 2.0
    infeasible = msgspec.structs.replace(LEARNT, violation=1.0)
    assert metric_of("last_gap")(infeasible, OPTIMAL) == math.inf


def test_what_is_no_episode_has_no_tenths():
    single = row("online", None, objective=9.0, problem_params={})
    for name in ("last_gap", "candidates", "frame_seconds"):
        assert math.isnan(metric_of(name)(single, OPTIMAL))
    assert math.isnan(metric_of("last_gap")(LEARNT, None))


def test_a_panel_along_the_tenths():
    study = Study([OPTIMAL, LEARNT], {"ours": "online", "EXACT": "exact"})
    panel = Panel(y="gap", x="tenth")
    lines = study.series(panel)
    assert [point.x for point in lines["ours"]] == list(range(1, 11))
    assert lines["ours"][-1].mean == pytest.approx(0.01)
    assert {point.mean for point in lines["EXACT"]} == {0.0}
    text = render([Chapter("demo", "Demo", "", study, [panel], [])], "")
    assert "| ours | 50 % [50 %, 50 %] |" in text
    assert "tenth of the episode | 1 | 2 |" in text
