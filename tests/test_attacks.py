"""Ways to look better than possible, and honest runs that must not be called liars."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit import problems
from toolkit.bench.__main__ import main
from toolkit.bench._command._run import REFUTED, exit_code
from toolkit.bench.verify import examine, examine_record, examine_result
from toolkit.instances import rng_for
from toolkit.problems import Evaluation
from toolkit.problems.cpdrl import Cpdrl
from toolkit.reports.compare import best_known, contradictions
from toolkit.reports.record import Record
from toolkit.solvers import Budget, Probe, Status, losses, registry
from toolkit.solvers._probe import beaten


def solved(problem, instance, name="exact"):
    probe = Probe(problem, instance, Budget(), rng_for(0))
    return probe.certify(registry.build(name).solve(problem, instance, probe))


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 1000), size=st.floats(1e-15, 9e-7), sign=st.sampled_from([-1, 1]))
def test_a_bit_off_by_less_than_the_tolerance_buys_nothing(seed, size, sign):
    """A local user's bit of -1e-9 times the cost of no bandwidth was worth -15 million."""
    problem = problems.load("cpdrl", "tiny")
    instance = problem.instance(0, seed)
    masks = rng_for(seed).integers(0, 2, (1, 4)).astype(float)
    decision = problem.complete(instance.data, {"offload": masks})
    honest = problem.evaluate(instance.data, decision)
    off = {**decision, "offload": masks + sign * size}
    judged = problem.evaluate(instance.data, off)
    np.testing.assert_array_equal(judged.objective, honest.objective)
    assert judged.violation >= size / 2


def record(**changed) -> Record:
    """A feasible run of an honest heuristic."""
    fields = {
        "key": "k", "problem": "cpdrl", "version": 1, "preset": None, "n_users": 4,
        "problem_params": {}, "instance": "i", "digest": "d", "sense": "min", "solver": "a",
        "params": {}, "label": "a", "seed": 0, "status": "feasible", "stop": "finished",
        "verdict": "feasible", "objective": 2.0, "violation": 0.0,
    }  # fmt: skip
    return Record(**{**fields, **changed})


def test_a_decision_below_a_proven_bound_is_a_refutation_not_an_optimum():
    proven = record(status="optimal", verdict="proved", bound=2.0)
    runs = [proven, record(label="b", objective=1.0)]
    assert best_known(runs) == (1.0, False)
    assert [(run.label, best.label) for run, best in contradictions(runs)] == [("a", "b")]
    assert exit_code(runs) == REFUTED
    assert exit_code([proven, record(label="b", objective=2.0)]) == 0


def test_needing_the_tolerance_does_not_contradict_a_proof_of_infeasibility():
    proof = record(status="infeasible", verdict="proved", objective=None, violation=None)
    nearly = record(label="b", violation=3e-7)
    assert not contradictions([proof, nearly])
    assert contradictions([proof, record(label="b", violation=0.0)])
    assert not beaten(1.0, math.inf, 3e-7, True)
    assert beaten(1.0, math.inf, 0.0, True)


@pytest.mark.parametrize("status", ["error", "refused", "unknown"])
def test_no_status_hides_a_false_objective(status):
    problem = problems.load("cpdrl", "tiny")
    instance = problem.instance(0)
    result = solved(problem, instance, "greedy")
    said = examine(
        problem, instance, decision=result.decision, objective=0.1, violation=0.0, bound=None,
        status=status, certificate=None,
    )  # fmt: skip
    assert said.verdict == "refuted"


EXTREMES = [
    {"weight_delay": 1e-9}, {"weight_delay": 1e-6}, {"weight_energy": 1e6}, {"p_max": 1e9},
    {"p_max": 1e12}, {"kappa": 1e-20}, {"kappa": 1e-16}, {"f_low": 1e15, "f_high": 1e16},
]  # fmt: skip


@pytest.mark.parametrize("changed", EXTREMES, ids=str)
def test_honest_runs_on_extreme_data_are_proved_not_refuted(changed):
    """The float checker loses digits here, and huge local costs cost the engine some."""
    problem = problems.load("cpdrl", n_users=5, **changed)
    for index in range(3):
        instance = problem.instance(index)
        values = []
        for name in ("exact", "enumerate"):
            result = solved(problem, instance, name)
            assert examine_result(problem, instance, result).verdict == "proved", (name, index)
            values.append(result.objective)
        assert values[0] == pytest.approx(values[1], rel=1e-9)


class NoNumber(Cpdrl):
    """A judge that has no number for some decisions."""

    def judge(self, data, decision):
        found = super().judge(data, decision)
        return Evaluation(found.objective * np.nan, found.violations)


def test_what_is_not_a_number_is_never_feasible():
    problem = NoNumber(n_users=3)
    instance = Cpdrl(n_users=3).instance(0)
    probe = Probe(problem, instance, Budget(), rng_for(0))
    seen = probe.offer(problem.complete(instance.data, {"offload": np.ones((2, 3))}))
    assert np.isinf(losses(problem, seen)).all()
    assert math.isinf(probe.loss)


def run_once(tmp_path, *flags: str) -> list[dict]:
    """The records that a small run leaves."""
    out = tmp_path / "out"
    argv = ["--problem", "cpdrl", "--n-users", "4", "--instances", "1", "--quiet", "--solvers"]
    where = ["--store", str(tmp_path / "runs.sqlite"), "--out", str(out)]
    assert main([*argv, *flags, *where]) == 0
    return [json.loads(path.read_text()) for path in sorted(out.glob("*.json"))]


@pytest.mark.parametrize(
    ("key", "value"), [("sense", "max"), ("gap", 0.5), ("problem", "droo"), ("objective", 0.1)]
)
def test_an_edited_figure_of_a_record_is_refuted(tmp_path, key, value):
    (content,) = run_once(tmp_path, "exact")
    assert examine_record(content).verdict == "proved"
    assert examine_record({**content, key: value}).verdict == "refuted"


def audited(tmp_path, contents: list[dict], capsys) -> tuple[int, str]:
    """Exit code and output of the verb verify on a list of records."""
    for number, content in enumerate(contents):
        (tmp_path / f"{number}.json").write_text(json.dumps(content))
    lines = [json.dumps({"file": f"{number}.json"}) for number in range(len(contents))]
    (tmp_path / "runs.jsonl").write_text("\n".join(lines) + "\n")
    capsys.readouterr()
    code = main(["verify", str(tmp_path / "runs.jsonl")])
    return code, capsys.readouterr().out


def test_an_unusable_record_does_not_stop_the_audit(tmp_path, capsys):
    (content,) = run_once(tmp_path, "exact")
    strange = json.loads(json.dumps(content))
    strange["instance"]["problem"] = "no-such-problem"
    code, out = audited(tmp_path, [strange, content], capsys)
    assert code == 3
    assert "1 proved, 1 unusable" in out


def test_what_was_refuted_when_it_ran_stays_refuted(tmp_path, capsys):
    (content,) = run_once(tmp_path, "greedy")
    lied = {**content, "status": "error", "verdict": "refuted", "reason": "it lied"}
    nothing = {**lied, "decision": None, "objective": None, "violation": None}
    code, out = audited(tmp_path, [nothing], capsys)
    assert code == REFUTED
    assert "when it ran: it lied" in out


def test_a_false_record_cannot_refute_an_honest_one(tmp_path, capsys):
    exact, greedy = run_once(tmp_path, "exact,greedy")
    false = {**greedy, "status": "error", "objective": 0.01}
    code, out = audited(tmp_path, [exact, false], capsys)
    assert code == REFUTED
    assert "1 proved, 1 refuted" in out
    assert Status(exact["status"]) is Status.OPTIMAL
