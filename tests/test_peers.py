"""benchmarks/peers, which is no part of the package: its tables, its words, one smallest case."""

import importlib
import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def peers(monkeypatch):
    """A module of benchmarks/peers by name."""
    monkeypatch.syspath_prepend(str(ROOT))
    yield lambda name: importlib.import_module(f"benchmarks.peers.{name}")
    for name in [name for name in sys.modules if name.partition(".")[0] == "benchmarks"]:
        del sys.modules[name]


def row(peer, n, seconds=0.001, case=0, gap=1e-6, **more):
    """A made-up row of `cpdrl`, whose optimum is 2."""
    fields = {"family": "cpdrl", "n": n, "case": case, "peer": peer, "gap": gap, "word": None}
    fields |= {"seconds": seconds, "said": "optimal", "objective": 2.0, "bound": 2.0}
    return {**fields, "certified": peer == "exact", **more}


@pytest.fixture
def rows():
    """`exact`, growing like n, and its proofs to 1e-9."""
    exact = [row("exact", n, 0.001 * n) for n in (4, 8, 16)]
    return exact + [row("exact", n, gap=1e-9) for n in (4, 8, 16)]


def line(text, peer):
    """The cells of a peer in the first table that has it."""
    found = next(line for line in text.splitlines() if line.startswith(f"| {peer} |"))
    return [cell.strip() for cell in found.strip("|").split("|")][1:]


def test_ratios_and_growth(peers, rows):
    rows += [row("scip", n, 0.01 * n**2, certified=False) for n in (4, 8, 16)]
    text = peers("table").tables(rows)
    assert line(text, "exact")[-1] == "1.0"
    assert line(text, "scip")[:3] == ["0.16 s (× 40)", "0.64 s (× 80)", "2.6 s (× 160)"]
    assert line(text, "scip")[-1] == "2.0"
    assert "None." in text


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"bound": 2.001}, "its bound is beyond the optimum by 5e-04"),
        ({"objective": 2.02}, "its optimum is worse by 1e-02"),
        ({"objective": None}, "its optimum is nothing feasible"),
        ({"said": "infeasible", "objective": None}, "says infeasible"),
        ({"word": "fails: BoundContradiction: x: 1 beats 2."}, "1 beats 2"),
    ],
)
def test_what_is_wrong_is_shown_as_such(peers, rows, wrong, said):
    text = peers("table").tables([*rows, row("gurobi", 4, **wrong)])
    assert line(text, "gurobi")[0].startswith("**wrong 1/1**")
    assert f"gurobi, cpdrl n = 4, instance 0, gap 1e-06: {said}" in text


def test_a_bound_is_wrong_by_the_side_that_it_is_on(peers):
    """`droo` is maximised: its bounds are from above."""
    verdict = peers("table").verdict
    given = row("scip", 4, objective=2.0, bound=1.99)
    assert verdict(given, (-2.0, -2.0), -1).startswith("WRONG: its bound")
    assert verdict({**given, "bound": 2.0}, (-2.0, -2.0), -1) == ""


def test_no_figure_but_a_word(peers, rows):
    rows += [row("scip", 4, said="time"), row("scip", 8, word="crashed (signal 11)")]
    rows += [row("maingo", 4, word="not installed (pip install maingopy)")]
    rows += [row("conic", 4, said="finished", bound=1.9)]
    text = peers("table").tables(rows)
    assert line(text, "scip")[:2] == ["time", "crashed (signal 11)"]
    assert line(text, "conic")[0] == "open"
    assert "| maingo |" not in text
    assert "maingo, cpdrl: not installed (pip install maingopy)" in text


def test_instances_without_a_proven_optimum_are_left_out(peers):
    assert "| scip |" not in peers("table").tables([row("scip", 4)])


def test_who_was_late_is_not_asked_for_more(peers):
    main = peers("__main__")
    trial = peers("cases").Trial
    late = [row("scip", 8, said="time", case=case, gap=1e-4) for case in (0, 1)]
    skips = main.Skips(late, cases=3)
    assert skips.word(trial("cpdrl", 8, 2, "scip", 1e-4)) is None
    assert skips.word(trial("cpdrl", 8, 0, "scip", 1e-6)) == "time: already at n = 8"
    assert skips.word(trial("cpdrl", 10, 0, "scip", 1e-4)) == "time: already at n = 8"
    assert skips.word(trial("cpdrl", 6, 0, "scip", 1e-4)) is None
    assert main.Skips(late[:1], cases=3).word(trial("cpdrl", 10, 0, "scip", 1e-4)) is None


def test_a_line_that_was_cut_is_left_out(peers, tmp_path):
    file = tmp_path / "rows.jsonl"
    file.write_text(json.dumps(row("exact", 4)) + '\n{"family": "cp')
    assert [found["n"] for found in peers("__main__").read(file)] == [4]


def test_the_published_bisection_is_that_of_the_problem(peers):
    """Its best mode on the smallest instance is worth what `exact` proves."""
    cases, published = peers("cases"), peers("published")
    measured = peers("child").measured
    best = measured(peers("own").Own("exact"), cases.Trial("droo", 4, 0, "exact", 1e-9), 10.0)
    for peer in (published.Bisection(), published.CoordinateDescent()):
        found = measured(peer, cases.Trial("droo", 4, 0, peer.name, 1e-4), 10.0)
        assert found["objective"] <= best["objective"] * (1 + 1e-9)
        if found["said"] == "optimal":
            assert found["objective"] == pytest.approx(best["objective"], rel=1e-6)


@pytest.mark.parametrize("family", ["ddlo", "e2ehco", "dgl_slot"])
def test_mixed_integer_conic_models_have_the_optimum(peers, family):
    pytest.importorskip("pyscipopt")
    cases, measured = peers("cases"), peers("child").measured
    n = min(cases.FAMILIES[family].sizes)
    found = [
        measured(peer, cases.Trial(family, n, 0, peer.name, 1e-6), 20.0)["objective"]
        for peer in (peers("own").Own("exact"), peers("mixed_conic").MixedConic())
    ]
    assert found[1] == pytest.approx(found[0], rel=1e-6)


@pytest.mark.parametrize("family", ["cpdrl", "droo", "ddlo", "e2ehco", "dgl_slot"])
def test_bounds_for_boxes_cut_no_optimum_off(peers, family):
    """`make_finite` leaves no infinite bound, and the optimum within all."""
    from pyomo.environ import Var

    from toolkit import solve

    given = peers("cases").FAMILIES[family]
    n = min(given.sizes)
    problem, instance = given.load(n), given.instance(n, 0)
    form = "quadratic" if family == "e2ehco" else next(iter(problem.formulations))
    algebraic = problem.pyomo(instance, form)
    peers("answers").make_finite(problem, instance, algebraic)
    algebraic.put(solve(problem, instance, "exact").decision)
    for variable in algebraic.model.component_data_objects(Var, active=True):
        assert variable.has_lb()
        assert variable.has_ub()
        slack = 1e-6 * max(1.0, abs(variable.ub))
        assert variable.lb - slack <= variable.value <= variable.ub + slack


class Stubborn:
    """A peer that fails on the warm-up's instance, and only there."""

    def refuses(self, problem, instance):
        return None

    def solve(self, problem, instance, gap, seconds):
        if instance.name.endswith("099"):
            raise RuntimeError("of the warm-up")
        return sys.modules["benchmarks.peers.answers"].Found(said="heuristic")


def test_what_fails_in_the_warm_up_is_not_held_against_the_run(peers, monkeypatch):
    child, trial = peers("child"), peers("cases").Trial("droo", 4, 0, "stubborn", 1e-4)
    monkeypatch.setattr(child, "every", lambda: {"stubborn": Stubborn()})
    monkeypatch.setattr(child.os, "dup2", lambda *ends: None)
    monkeypatch.setattr(child.resource, "setrlimit", lambda *limit: None)
    sent = []

    class Pipe:
        asked = iter([(trial, 1.0)])

        def recv(self):
            for given in self.asked:
                return given
            raise EOFError

        def send(self, row):
            sent.append(row)

    child.serve(Pipe(), "stubborn")
    assert sent[0] is None
    assert sent[1]["word"] is None


@pytest.mark.slow
def test_the_smallest_case_in_a_child(peers):
    """`exact` and, where it is there, MAiNGO on its reduced space."""
    cases, child = peers("cases"), peers("child")
    for name in ("exact", "maingo"):
        if child.every()[name].missing():
            continue
        one = child.Child(name)
        found = one.ask(cases.Trial("droo", 4, 0, name, 1e-4), 20.0)
        one.close()
        assert found["word"] is None
        assert found["said"] in ("optimal", "time")
