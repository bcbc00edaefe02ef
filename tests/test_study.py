"""Studies of papers: intervals, verdicts on claims, figures, and the verb `reproduce`."""

import json
import math
import re
from pathlib import Path

import numpy as np
import pytest

from toolkit.bench.__main__ import main
from toolkit.bench._cases._plan import make_plan
from toolkit.errors import UserError
from toolkit.reports._bootstrap import interval, mean, median
from toolkit.reports.papers.card import Chapter, render, write_card
from toolkit.reports.papers.study import OPTIMUM, Panel, PaperClaim, Study
from toolkit.reports.record import Record

PLANS = sorted((Path(__file__).parents[1] / "plans" / "paper").glob("*.toml"))
METHODS = {"ours": "learn", "theirs": "random", "EXACT": "exact"}


def record(label, instance, objective, seed=0, x=1.0, **fields):
    """A run on an instance whose proven optimum is 10 x."""
    proof = {"verdict": "proved", "bound": objective} if label == "exact" else {}
    return Record(
        **{
            "key": f"{label}{instance}{seed}{x}",
            "problem": "p",
            "version": 1,
            "preset": None,
            "n_users": 2,
            "problem_params": {"size": x},
            "instance": f"p-{instance:03d}",
            "digest": f"{instance}-{x}",
            "sense": "min",
            "solver": label,
            "params": {},
            "label": label,
            "seed": seed,
            "status": "feasible",
            "stop": "finished",
            "objective": objective,
            "violation": 0.0 if objective is not None else None,
            "evaluations": 5,
            "trace": [[0.1, 1, 2 * objective, None], [0.2, 4, objective, None]]
            if objective
            else [],
            **proof,
            **fields,
        }
    )


def study(ours=1.0, theirs=2.0, xs=(1.0, 2.0), **fields):
    """Gaps of `ours` and `theirs` per cent at every instance and seed."""
    runs = []
    for x in xs:
        for i in range(6):
            runs.append(record("exact", i, 10 * x, x=x))
            for s in range(3):
                runs.append(record("learn", i, 10 * x * (1 + ours / 100), s, x, **fields))
                runs.append(record("random", i, 10 * x * (1 + theirs / 100), s, x))
    return Study(runs, METHODS, "size")


def test_an_interval_of_equal_values_is_that_value():
    cells = {(str(i), s): 3.0 for i in range(4) for s in range(2)}
    assert interval(cells, mean) == (3.0, 3.0, 3.0)
    assert interval(cells, median) == (3.0, 3.0, 3.0)


def test_an_interval_resamples_instances_not_runs():
    """Ten runs that agree within each of two instances are two observations, not twenty."""
    cells = {(str(i), s): float(i) for i in range(2) for s in range(10)}
    assert interval(cells, mean) == (0.5, 0.0, 1.0)


def test_intervals_cover_the_mean():
    """Of 200 samples of 30, the 95 % interval holds the true mean in 90 to 98 %."""
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(200):
        cells = {(str(i), 0): float(v) for i, v in enumerate(rng.normal(size=30))}
        _, low, high = interval(cells, mean)
        held += low <= 0 <= high
    assert 180 <= held <= 196


def test_a_median_takes_infinite_and_missing_values():
    assert median(np.array([1.0, 2.0, math.inf])) == 2.0
    assert median(np.array([1.0, math.nan, math.inf, math.inf])) == math.inf
    value, low, high = interval({("a", 0): math.inf, ("b", 0): math.inf}, median)
    assert (value, low, high) == (math.inf,) * 3
    assert all(map(math.isnan, interval({}, mean)))


@pytest.mark.parametrize(
    ("ours", "theirs", "verdict"),
    [(1, 2, "reproduced"), (2, 1, "not reproduced"), (2, 2, "not reproduced")],
)
def test_a_method_is_below_another(ours, theirs, verdict):
    claim = PaperClaim(says="", metric="gap", of="ours", below="theirs")
    finding = study(ours, theirs).finding(claim)
    assert finding.verdict == verdict
    assert [one.x for one in finding.measured] == [1.0, 2.0]
    assert finding.measured[0].value == pytest.approx((ours - theirs) / 100)


def test_a_claim_that_holds_at_one_setting_is_partly_reproduced():
    runs = []
    for x, ours in ((1.0, 1.01), (2.0, 1.03)):
        for i in range(6):
            runs += [record("exact", i, 10 * x, x=x), record("random", i, 10.2 * x, x=x)]
            runs.append(record("learn", i, 10 * x * ours, x=x))
    claim = PaperClaim(says="", metric="gap", of="ours", below="theirs")
    finding = Study(runs, METHODS, "size").finding(claim)
    assert [one.held for one in finding.measured] == [True, False]
    assert finding.verdict == "partly reproduced"


def test_an_infeasible_run_loses():
    runs = [record("exact", i, 10.0) for i in range(5)]
    runs += [record("learn", i, 30.0) for i in range(5)]
    runs += [record("random", i, None) for i in range(5)]
    found = Study(runs, METHODS, "size")
    claim = PaperClaim(says="", metric="gap", of="ours", below="theirs")
    assert found.finding(claim).verdict == "reproduced"
    assert found.finding(PaperClaim(says="", metric="gap", of="theirs", at_most=9.0)).verdict == (
        "not reproduced"
    )
    points = found.series(Panel(y="gap", x="size"))
    assert "theirs" not in points  # no run has a value
    assert points["ours"][0].mean == pytest.approx(2.0)


def test_a_limit_is_kept_where_the_interval_is():
    at = {m: PaperClaim(says="", metric="gap", of="ours", at_most=m) for m in (0.02, 0.005)}
    assert study().finding(at[0.02]).verdict == "reproduced"
    assert study().finding(at[0.005]).verdict == "not reproduced"


def along(*values):
    """Six instances on which ours takes these values along the sweep."""
    runs = []
    for x, value in enumerate(values, start=1):
        for i in range(6):
            runs += [record("exact", i, 1.0, x=float(x)), record("learn", i, value, x=float(x))]
    return Study(runs, METHODS, "size")


@pytest.mark.parametrize(
    ("values", "trend", "verdict"),
    [
        ((1.0, 2.0, 3.0), "grows", "reproduced"),
        ((1.0, 2.0, 3.0), "falls", "not reproduced"),
        ((3.0, 9.0, 9.0, 9.0, 2.9), "falls", "not reproduced"),
        ((3.0, 2.0, 2.1, 1.0, 0.5), "falls", "reproduced"),
        ((2.0, 2.0, 2.0), "grows", "not reproduced"),
    ],
)
def test_a_trend_holds_along_the_whole_sweep(values, trend, verdict):
    claim = PaperClaim(says="", metric="objective", of="ours", trend=trend)
    assert along(*values).finding(claim).verdict == verdict


def test_a_lead_may_grow_though_its_share_does_not():
    found, lead = study(ours=3.0, theirs=2.0), {"of": "ours", "over": "theirs", "trend": "grows"}
    verdicts = [
        found.finding(PaperClaim(says="", metric="objective", relative=share, **lead)).verdict
        for share in (False, True)
    ]
    assert verdicts == ["reproduced", "not reproduced"]


def test_a_lead_is_the_difference_whatever_either_does_alone():
    """Both costs grow, and the worse of the two by less."""
    runs = [
        record(label, i, worth, x=x)
        for i in range(6)
        for x in (1.0, 2.0)
        for label, worth in (("exact", 1.0), ("learn", 10 + x), ("random", 8 + 2 * x))
    ]
    claim = PaperClaim(says="", metric="objective", of="ours", over="theirs", trend="falls")
    assert Study(runs, METHODS, "size").finding(claim).verdict == "reproduced"


def test_few_instances_decide_nothing():
    runs = [record("exact", 0, 10.0), record("learn", 0, 11.0), record("random", 0, 12.0)]
    claim = PaperClaim(says="", metric="gap", of="ours", below="theirs")
    assert Study(runs, METHODS).finding(claim).verdict == "not decided"


def test_a_failed_run_is_as_bad_as_can_be():
    """Of ten runs nine crashed: neither gap, nor time, nor loss of the other one counts."""
    details = {"final": {"objective": 10.1, "violation": 0.0, "feasible": True}}
    details["curve"] = {"critic_loss": [0.1], "reward": [5.0]}
    runs = []
    for i in range(10):
        gone = (
            {"status": "error", "seconds": 0.0} if i < 9 else {"seconds": 1.0, "details": details}
        )
        runs += [record("exact", i, 10.0), record("random", i, 12.0, seconds=2.0)]
        runs.append(record("learn", i, None if i < 9 else 10.1, **gone))
    found = Study(runs, METHODS)
    for metric, limit in (("final_gap", 0.5), ("gap", 0.5), ("seconds", 9.0), ("critic_loss", 1.0)):
        claim = PaperClaim(says="", metric=metric, of="ours", at_most=limit)
        assert found.finding(claim).verdict == "not reproduced", metric
    less = PaperClaim(says="", metric="seconds", of="ours", below="theirs")
    assert found.finding(less).verdict == "not reproduced"
    assert found.absent == (9, 0, 0)


def test_without_a_proof_there_is_no_gap():
    runs = [record("learn", i, 10.0) for i in range(6)]
    runs += [record("random", i, 12.0) for i in range(6)]
    found = Study(runs, METHODS)
    claim = PaperClaim(says="", metric="gap", of="ours", at_most=0.01)
    assert found.finding(claim).verdict == "not decided"
    assert found.series(Panel(y="gap")) == {}


def test_rounding_makes_nobody_better():
    runs = []
    for i in range(6):
        runs += [
            record("exact", i, 10.0),
            record("learn", i, 10.1),
            record("random", i, 10.1 + 4e-15),
        ]
    claim = PaperClaim(says="", metric="objective", of="ours", below="theirs")
    assert Study(runs, METHODS).finding(claim).verdict == "not reproduced"


def test_a_margin_has_to_be_exceeded():
    curves = {"learn": 1.0, "random": 1.1}
    runs = [record("exact", i, 10.0) for i in range(6)]
    for label, reward in curves.items():
        details = {"curve": {"reward": [reward]}}
        runs += [record(label, i, 11.0, details=details) for i in range(6)]
    found = Study(runs, METHODS)
    for margin, verdict in ((0.0, "reproduced"), (0.05, "reproduced"), (0.2, "not reproduced")):
        claim = PaperClaim(says="", metric="reward", of="ours", below="theirs", margin=margin)
        assert found.finding(claim).verdict == verdict


def test_a_factor_has_to_be_reached():
    runs = [record("exact", i, 10.0) for i in range(6)]
    for label, reward in (("learn", 1.0), ("random", 11.0)):
        details = {"curve": {"reward": [reward]}}
        runs += [record(label, i, 11.0, details=details) for i in range(6)]
    found = Study(runs, METHODS)
    for times, verdict in ((1.0, "reproduced"), (10.0, "reproduced"), (12.0, "not reproduced")):
        claim = PaperClaim(says="", metric="reward", of="ours", below="theirs", times=times)
        assert found.finding(claim).verdict == verdict
    for wrong in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="positive number"):
            PaperClaim(says="", metric="gap", of="a", below="b", times=wrong)
    with pytest.raises(ValueError, match="goes with below"):
        PaperClaim(says="", metric="gap", of="a", at_most=1.0, times=10.0)


def test_a_claim_says_one_thing():
    with pytest.raises(ValueError, match="one of below"):
        PaperClaim(says="", metric="gap", of="a", below="b", at_most=1.0)
    with pytest.raises(ValueError, match="one of below"):
        PaperClaim(says="", metric="gap", of="a", trend="sideways")
    for wrong in ({"at_most": 1.0, "over": "b"}, {"trend": "grows", "relative": True}):
        with pytest.raises(ValueError, match="over goes with trend"):
            PaperClaim(says="", metric="gap", of="a", **wrong)


def test_the_proven_optimum_is_on_panels_of_objective_and_reward():
    found = study(details={"curve": {"reward": [-12.0, -11.0]}}, xs=(1.0,))
    assert [p.mean for p in found.series(Panel(y="objective", x="size"))[OPTIMUM]] == [10.0]
    lines = found.series(Panel(y="reward", x="episode"))
    assert [p.mean for p in lines["ours"]] == [-12.0, -11.0]
    assert [(p.x, p.mean) for p in lines[OPTIMUM]] == [(1.0, -10.0), (2.0, -10.0)]
    assert [round(p.mean, 9) for p in lines["theirs"]] == [-10.2, -10.2]  # its objective


def test_rewards_of_what_is_maximised_are_objectives():
    runs = [
        record(label, i, worth, sense="max", details={"curve": {"reward": [7.0, 8.0]}})
        if label == "learn"
        else record(label, i, worth, sense="max")
        for i in range(6)
        for label, worth in (("exact", 10.0), ("learn", 9.0), ("random", 4.0))
    ]
    lines = Study(runs, METHODS, "size").series(Panel(y="reward", x="episode"))
    assert [p.mean for p in lines[OPTIMUM]] == [10.0, 10.0]
    assert [p.mean for p in lines["theirs"]] == [4.0, 4.0]
    assert all(p.low <= p.mean <= p.high for line in lines.values() for p in line)


def test_an_unproven_optimum_is_not_drawn():
    runs = [record("learn", 0, 11.0), record("random", 0, 12.0)]
    found = Study(runs, METHODS, "size")
    assert found.proven == (0, 1)
    assert found.series(Panel(y="objective", x="size"))[OPTIMUM] == []


def test_incumbents_along_evaluations():
    line = study(xs=(1.0,)).series(Panel(y="gap", x="evaluations"))["ours"]
    assert [p.x for p in line] == [1, 2, 3, 4, 5]
    assert [round(p.mean, 9) for p in line] == [1.02, 1.02, 1.02, 0.01, 0.01]


def test_the_final_policy_has_a_gap_of_its_own():
    final = {"objective": 10.5, "violation": 0.0, "feasible": True}
    claim = PaperClaim(says="", metric="final_gap", of="ours", at_most=0.06)
    assert study(xs=(1.0,), details={"final": final}).finding(claim).verdict == "reproduced"
    final["feasible"] = False
    assert study(xs=(1.0,), details={"final": final}).finding(claim).verdict == "not reproduced"


def test_a_card_has_claims_figures_and_tables(tmp_path: Path):
    claim = PaperClaim(
        says="ours wins",
        metric="gap",
        of="ours",
        below="theirs",
        where="Fig. 1",
        paper="3 % less",
    )
    panels = [
        Panel(y="gap", x="size", log=True),
        Panel(y="objective"),
        Panel(y="gap", x="evaluations"),
    ]
    chapter = Chapter("fig1", "Figure 1", "a note", study(), panels, [claim])
    path = write_card([chapter], tmp_path / "new", "# Head")
    text = path.read_text()
    assert (
        "| [fig1](#fig1) | ours wins | Fig. 1 | 3 % less | **reproduced** | 2 for of 2 settings |"
        in text
    )
    assert "proven on 12 of 12 instances" in text
    assert "| ours | 1 % [1 %, 1 %] | 1 % [1 %, 1 %] |" in text
    assert (tmp_path / "new" / "fig1.svg").read_text().startswith("<?xml")
    assert render([chapter], "# Head") == text


def test_a_card_draws_around_a_method_without_an_objective(tmp_path: Path):
    runs = [record("exact", i, 10.0) for i in range(6)]
    runs += [record("learn", i, None, status="unknown") for i in range(6)]
    panels = [Panel(y="objective"), Panel(y="gap", x="evaluations"), Panel(y="gap", x="size")]
    found = Study(runs, METHODS, "size")
    text = write_card([Chapter("f", "F", "", found, panels, [])], tmp_path, "#").read_text()
    assert "| EXACT | 10 [10, 10] |" in text
    assert "| ours |" not in text


PLAN = """
title = "A small figure"
problem = "cpdrl"
preset = "tiny"
instances = 2
repeats = 2
seconds = 5
sweep = {bandwidth = [5e6, 1e7]}
[methods]
"TEM" = "enumerate"
"search" = "random_search[evaluations=50]"
[[panels]]
y = "gap"
x = "bandwidth"
log = true
[[claims]]
says = "search is as good as TEM"
metric = "gap"
of = "search"
at_most = 1e-9
"""


def test_reproduce_runs_draws_judges_and_goes_on(tmp_path: Path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p-fig1.toml").write_text(PLAN)
    argv = ["reproduce", "p-fig1.toml", "--out", "card", "--store", "s.sqlite"]
    assert main(argv) == 0
    said = capsys.readouterr()
    assert "not decided - search is as good as TEM" in said.out  # two instances
    text = Path("card/README.md").read_text()
    assert "bandwidth B (MHz) | 5 | 10 |" in text
    assert "proven on 4 of 4 instances" in text
    assert "stored before" not in said.err
    assert main(argv) == 0
    assert capsys.readouterr().err.count("stored before") == 2 * 2 * 2 * 2


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (('of = "search"', 'of = "serach"'), "did you mean 'search'|did you mean search"),
        (('metric = "gap"\n', 'metric = "gab"\n'), "No metric is called 'gab'"),
        (('"TEM" = "enumerate"', '"TEM" = "enumerat"'), "enumerat"),
        (("at_most = 1e-9", ""), "one of below"),
        (('[[panels]]\ny = "gap"\nx = "bandwidth"\nlog = true\n', ""), "no .methods. or no"),
        (("[5e6, 1e7]", "[]"), "sweep"),
        (("bandwidth = [", "bandwith = ["), "bandwith"),
        (("[5e6, 1e7]", '["a", "b"]'), "no number"),
        (('x = "bandwidth"', 'x = "f_server"'), "No x of a panel"),
        (('x = "bandwidth"', 'x = "episode"'), "No curve along episodes"),
        (("at_most = 1e-9", "at_most = nan"), "must be finite"),
        (("at_most = 1e-9", 'trend = "falls"\nmargin = inf'), "must be finite"),
        (("at_most = 1e-9", 'trend = "falls"\nover = "TEN"'), "'TEN'"),
        (("[5e6, 1e7]", "[5e6]", "at_most = 1e-9", 'trend = "falls"'), "claims a trend"),
        (('"TEM" = "enumerate"', '"TEM" = "enumerate"\n"all" = "enumerate"'), "twice"),
    ],
)
def test_reproduce_says_what_is_wrong_with_a_plan(change, sentence, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    text = PLAN
    for old, new in zip(change[::2], change[1::2], strict=True):
        text = text.replace(old, new)
    (tmp_path / "p.toml").write_text(text)
    assert main(["reproduce", "p.toml", "--out", "card", "--quiet"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert re.search(sentence, error)
    assert error.count("\n") == 1


def test_repeats_change_the_seed_alone(tmp_path: Path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    argv = [
        "--problem",
        "cpdrl",
        "--preset",
        "tiny",
        "--instances",
        "1",
        "--repeats",
        "3",
        "--json",
    ]
    assert main([*argv, "--solvers", "random_search[evaluations=20]", "--quiet"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["seed"] for row in rows] == [0, 1, 2]
    assert len({row["digest"] for row in rows}) == 1
    assert len({row["objective"] for row in rows}) == 3


def test_a_sweep_keeps_the_users(tmp_path: Path):
    from toolkit.bench._cases._case import plan_problems

    plan = make_plan({"problem": "cpdrl", "sweep": {"bandwidth": [5e6, 1e7]}, "instances": 1})
    (_, (first,)), (_, (second,)) = plan_problems(plan)
    assert (first.data["size"] == second.data["size"]).all()
    assert first.data["bandwidth"] * 2 == second.data["bandwidth"]
    base = plan_problems(make_plan({"problem": "cpdrl", "instances": 1}))[0][1][0]
    assert base.digest == first.digest


@pytest.mark.parametrize("file", PLANS, ids=lambda f: f.stem)
def test_the_plans_of_the_papers_can_be_read(file: Path):
    from toolkit.bench._verbs._studies import labels_of

    plan = make_plan({}, file)
    assert labels_of(file.stem, plan)
    assert plan.claims
    assert "exact" in plan.methods
    rules = any(spec.startswith("rule[") for spec in plan.methods.values())
    assert "greedy" in plan.methods or rules
    searches = any(spec.startswith("learn[") for spec in plan.methods.values())
    assert not searches or any(name.startswith("random search") for name in plan.methods)


def test_an_unknown_method_is_named():
    with pytest.raises(UserError, match="our"):
        study().finding(PaperClaim(says="", metric="gap", of="our", at_most=1.0))


def test_two_plans_of_one_name_are_refused(tmp_path: Path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for folder in ("a", "b"):
        Path(folder).mkdir()
        Path(folder, "fig1.toml").write_text(PLAN)
    assert main(["reproduce", "a/fig1.toml", "b/fig1.toml", "--out", "card"]) == 2
    assert "Two plans are called 'fig1'" in capsys.readouterr().err
