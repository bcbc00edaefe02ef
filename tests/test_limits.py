"""What is too large, damaged or of extreme scale is one sentence, before anything runs if known."""

import json
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from toolkit import learners, problems, solvers
from toolkit.bench.__main__ import main
from toolkit.errors import UserError
from toolkit.instances import Instance, rng_for
from toolkit.learners import Training, fit
from toolkit.solvers import Budget, Probe, Status


@pytest.mark.parametrize(
    ("learner", "said"),
    [
        ("droo[hidden=text]", "hidden is ['text']; it must be a list such as [120,80]"),
        ("droo[hidden=[true]]", "hidden is [True]"),
        ("droo[hidden=[100000000]]", "widths from 1 to 10,000"),
        ("droo[hidden=[10000,10000,10000,10000]]", "networks of these widths is 301,700,000"),
        ("droo[memory=1000000000]", "it must be a whole number from 1 to 100,000,000"),
        ("droo[memory=100000000]", "a memory of 100,000,000 frames is 17,000,000,000 numbers"),
        ("droo[frames=100001]", "frames is 100001"),
        ("droo[rate=true]", "rate is True"),
        ("droo[beta1=-1]", "beta1 is -1; it must be at least 0 and below 1."),
        ("ddlo[nets=100000]", "nets is 100000; it must be a whole number from 1 to 1,000"),
        ("ddlo[guesses=true]", "guesses is True"),
        ("ddlo[nets=1000,batch=100000]", "a batch of 100,000 frames is"),
    ],
)
def test_settings_beyond_measure_are_one_sentence(learner, said, tmp_path, capsys):
    argv = ["train", "--problem", "droo", "--learner", learner, "--steps", "2", "--quiet"]
    assert main([*argv, "--out", str(tmp_path / "a.pt")]) == 2
    seen = capsys.readouterr().err
    assert said in seen
    assert seen.count("\n") == 1


def test_one_width_is_a_list_of_one():
    learner = learners.registry.build("droo", hidden=120)
    assert learner.settings.hidden == (120,)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A policy for six users."""
    problem = problems.load("droo", n_users=6)
    learner = learners.registry.build("droo", hidden=[4])
    run = Training(problem=problem, max_steps=1)
    path = tmp_path_factory.mktemp("policy") / "six.pt"
    learners.save(path, learner, fit(learner, run), run)
    return path


@pytest.mark.parametrize("how", ["cut", "torn", "text"])
def test_a_damaged_policy_is_known_before_anything_runs(trained, how, tmp_path, capsys):
    whole, broken = trained.read_bytes(), tmp_path / "broken.pt"
    middle = len(whole) // 2
    torn = whole[:middle] + bytes(255 - x for x in whole[middle : middle + 9]) + whole[middle + 9 :]
    broken.write_bytes({"cut": whole[:middle], "torn": torn, "text": b"nothing"}[how])
    store = tmp_path / "runs.sqlite"
    argv = ["--problem", "droo", "--n-users", "6", "--quiet", "--store", str(store)]
    assert main([*argv, "--solvers", f"full_offload,policy[checkpoint={broken}]"]) == 2
    seen = capsys.readouterr()
    assert seen.out == ""
    assert "broken.pt' is damaged" in seen.err
    assert seen.err.count("\n") == 1
    with sqlite3.connect(store) as base:
        assert base.execute("SELECT count(*) FROM runs").fetchone() == (0,)


def test_a_policy_says_which_size_it_was_trained_on(trained):
    policy = solvers.registry.build("policy", checkpoint=str(trained))
    other = problems.load("droo", n_users=7)
    said = policy.refuses(other, other.instance())
    assert said.startswith("it was trained on 6 users and takes no other size")
    assert said.endswith(": here it is 7 users")


def test_a_policy_says_what_differs_where_it_is_not_the_users(tmp_path):
    argv = ["train", "--problem", "dgl", "--preset", "tiny", "--quiet", "--steps", "1"]
    assert main([*argv, "--learner", "lstm_ddpg", "--out", str(tmp_path / "p.zip")]) == 0
    policy = solvers.registry.build("policy", checkpoint=str(tmp_path / "p.zip"))
    other = problems.load("dgl", "tiny", n_servers=1, n_services=3)
    said = policy.refuses(other, other.instance())
    assert "on 2 services and 2 servers and" in said
    assert said.endswith(": here it is 3 services and 1 server")


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity"])
def test_a_certificate_of_what_is_no_number_is_one_refuted_run(value, tmp_path, capsys):
    store = tmp_path / "runs.sqlite"
    argv = ["--problem", "ddlo", "--preset", "shared", "--instances", "2", "--solvers", "exact"]
    assert main([*argv, "--quiet", "--store", str(store)]) == 0
    with sqlite3.connect(store) as base:
        key, text = base.execute("SELECT key, certificate FROM runs").fetchone()
        content = json.loads(text)
        leaf = next(node["leaf"] for node in content["nodes"] if "leaf" in node)
        leaf["nu"] = float(value.lower().replace("infinity", "inf"))
        base.execute("UPDATE runs SET certificate=? WHERE key=?", (json.dumps(content), key))
    capsys.readouterr()
    assert main(["verify", str(store)]) == 4
    said = capsys.readouterr().out
    assert "2 runs: 1 proved, 1 refuted" in said
    assert said.count("cannot be checked") == 1


def test_what_scip_does_not_take_is_said_in_words():
    if solvers.registry.build("scip").missing():
        pytest.skip("needs SCIP")
    problem = problems.load("ddlo", "shared")
    data = dict(problem.instance().data)
    data["size"] = data["size"] * 1e20
    instance = problem.admit(Instance("ddlo", problem.version, data))
    probe = Probe(problem, instance, Budget(seconds=20), rng_for(0))
    result = probe.certify(solvers.registry.build("scip").solve(problem, instance, probe))
    assert result.status is Status.UNKNOWN
    assert "SCIP does not take this model" in result.details["note"]


def test_other_faults_of_scip_stay_faults(monkeypatch):
    if solvers.registry.build("scip").missing():
        pytest.skip("needs SCIP")
    problem = problems.load("ddlo", "tiny")
    instance = problem.instance()

    def fail(*args, **options):
        raise RuntimeError("another fault")

    monkeypatch.setattr("toolkit.solvers._pyomo.run", fail)
    probe = Probe(problem, instance, Budget(), np.random.default_rng(0))
    with pytest.raises(RuntimeError, match="another fault"):
        solvers.registry.build("scip").solve(problem, instance, probe)


def test_a_head_of_another_kind_is_refused(tmp_path):
    with pytest.raises(UserError, match="Cannot read the checkpoint"):
        learners.head_of(tmp_path / "none.pt")
