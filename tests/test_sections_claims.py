"""Sections on claims, learning and circumstances, from records made by hand; whose runs a plan's
are."""

import json
from pathlib import Path

import msgspec
import pytest
from toy_record import TOY

from toolkit.bench._cases._case import chosen_problem
from toolkit.bench._cases._plan import make_plan
from toolkit.bench._engine._fields import plain
from toolkit.bench._verbs._studies import studies_of
from toolkit.reports.content import Section, Table
from toolkit.reports.frame import Report, make_groups
from toolkit.reports.papers._findings import OURS, UNKNOWN
from toolkit.reports.papers.card import Chapter
from toolkit.reports.papers.study import OPTIMUM, Panel, PaperClaim, Study
from toolkit.reports.record import Record
from toolkit.reports.sections import claims, learning, made_with

BASE = msgspec.structs.replace(
    TOY, environment={"toolkit": "1", "processor": "A", "cores": 2, "threads": 1, "jobs": 1}
)
PROVED = {"status": "optimal", "verdict": "proved", "bound": 10.0, "gap": 0.0}
TAUGHT = {"training_seconds": 30.0, "first_feasible": True, "batch": 64, "batch_seconds": 0.5}


def run(solver: str, index: int = 0, objective: float | None = 10.0, **fields: object) -> Record:
    at = {"digest": f"d{index}", "instance": f"toy-n3-s0-{index:03d}", "label": solver}
    return msgspec.structs.replace(BASE, solver=solver, objective=objective, **(at | fields))


def exact(index: int = 0, seconds: float = 3.0, **fields: object) -> Record:
    return run("exact", index, seconds=seconds, **(PROVED | fields))


def policy(index: int = 0, objective: float = 10.5, **fields: object) -> Record:
    usual = {"details": TAUGHT, "params": {"checkpoint": "p.zip"}, "label": "policy"}
    return run("policy", index, objective, **(usual | fields))


def report_of(*records: Record, **fields: object) -> Report:
    groups, older = make_groups(records)
    return Report(title="t", groups=groups, **({"older": older} | fields))


def table(section: Section, ending: str) -> Table:
    return next(table for table in section.tables if table.name.endswith(ending))


def texts(found: Table) -> list[dict[str, str]]:
    """The rows as people read them, by the columns' names."""
    names = [column.name for column in found.columns]
    return [dict(zip(names, (cell.text for cell in row), strict=True)) for row in found.rows]


# --- claims ---------------------------------------------------------------------------------------

THEIRS = PaperClaim(
    says="A is below B", metric="gap", of="A", below="B", where="Fig. 7", paper="3 % less"
)
PANELS = [Panel(y="gap", log=True), Panel(y="objective", x="n_users")]


def chapter(*wanted: PaperClaim, xs: tuple[int, ...] = (3,), a: float = 10.1) -> Chapter:
    """A has a gap of 1 %, B of 2 %, on six instances of each size."""
    runs = [
        msgspec.structs.replace(record, digest=f"{x}-{i}", problem_params={"n_users": x})
        for x in xs
        for i in range(6)
        for record in (exact(i), run("a", i, a), run("b", i, 10.2))
    ]
    study = Study(runs, {"A": "a", "B": "b"}, "n_users" if len(xs) > 1 else None)
    return Chapter("fig7", "Figure 7", "A note.", study, PANELS, list(wanted), "reproduce f.toml")


def sections(*chapters: Chapter) -> list[Section]:
    return claims.of_report(Report(title="t", groups=(), studies=chapters))


def test_without_plans_there_are_no_claims() -> None:
    assert sections() == []


def test_a_card_has_the_papers_value_ours_the_verdict_and_the_command() -> None:
    card, figure = sections(chapter(THEIRS))
    (row,) = texts(card.tables[0])
    assert row == {
        "claim": "A is below B",
        "in the paper": "Fig. 7",
        "the paper reports": "3 % less",
        "ours": "-1 % [-1 %, -1 %]",
        "settings": "1 for",
        "verdict": "reproduced",
        "figure": "fig7",
    }
    assert "fig7 is made by: reproduce f.toml" in card.tables[0].notes
    (decided,) = texts(table(figure, "settings"))
    assert decided["measured"] == "Median gap to the optimum of A less that of B"
    assert decided["supports it"] == "yes"
    value = card.tables[0].rows[0][3]
    assert (value.value, value.low, value.high) == pytest.approx((-0.01, -0.01, -0.01))
    assert card.says == ["1 claim of papers: 1 reproduced."]
    assert figure.says[0] == "A note."
    assert "The optimum is proven on 6 of 6 instances." in figure.says


def test_what_the_paper_reports_is_never_made_up() -> None:
    mine = PaperClaim(says="ours: A is near", metric="gap", of="A", at_most=0.001)
    silent = PaperClaim(says="A is near", metric="gap", of="A", at_most=0.02, where="Fig. 8")
    rows = texts(sections(chapter(mine, silent))[0].tables[0])
    assert [row["the paper reports"] for row in rows] == [OURS, UNKNOWN]
    assert [row["in the paper"] for row in rows] == ["ours", "Fig. 8"]
    assert [row["verdict"] for row in rows] == ["not reproduced", "reproduced"]
    with pytest.raises(ValueError, match="of the paper's claims"):
        PaperClaim(says="ours: x", metric="gap", of="A", at_most=1.0, paper="1 %")


def test_the_setting_that_speaks_against_a_claim_is_shown_first() -> None:
    runs = [
        msgspec.structs.replace(record, digest=f"{x}-{i}", problem_params={"n_users": x})
        for x, a in ((3, 10.1), (6, 10.4))
        for i in range(6)
        for record in (exact(i), run("a", i, a), run("b", i, 10.2))
    ]
    study = Study(runs, {"A": "a", "B": "b"}, "n_users")
    card, figure = sections(Chapter("f", "F", "", study, PANELS, [THEIRS]))
    (row,) = texts(card.tables[0])
    assert (row["ours"], row["settings"]) == (
        "2 % [2 %, 2 %] (no) at 6 users",
        "1 for, 1 against of 2 settings",
    )
    assert [each["supports it"] for each in texts(table(figure, "settings"))] == ["yes", "no"]


def test_infinite_values_are_none_and_said() -> None:
    failed = [run("a", i, None, status="unknown") for i in range(6)]
    runs = [*failed, *(exact(i) for i in range(6)), *(run("b", i, 10.2) for i in range(6))]
    study = Study(runs, {"A": "a", "B": "b"})
    card, _ = sections(Chapter("f", "F", "", study, PANELS[:1], [THEIRS]))
    cell = card.tables[0].rows[0][3]
    assert (cell.value, cell.text) == (None, "infeasible [infeasible, infeasible] (no)")
    msgspec.json.encode(card)


def test_panels_are_charts_with_one_colour_a_method() -> None:
    _, figure = sections(chapter(THEIRS, xs=(3, 6)))
    gaps, costs = figure.charts
    assert (gaps.x.names, gaps.y.log, gaps.y.share) == (["A", "B"], True, True)
    assert [(s.x, s.y) for s in gaps.series] == [
        ([0.0], [pytest.approx(0.01)]),
        ([1.0], [pytest.approx(0.02)]),
    ]
    assert [(s.label, s.colour) for s in costs.series] == [("A", 0), ("B", 1), (OPTIMUM, 2)]
    assert (costs.x.label, costs.series[0].x) == ("users", [3.0, 6.0])
    (head, *_) = texts(table(figure, "2-objective"))
    assert head == {"method": "A", "3": "10.1 [10.1, 10.1]", "6": "10.1 [10.1, 10.1]"}


# --- whose runs a plan's are ----------------------------------------------------------------------

PLAN = """
title = "A figure"
problem = "cpdrl"
preset = "tiny"
instances = 2
seconds = 5
sweep = {bandwidth = [5e6, 1e7]}
[methods]
"all" = "enumerate"
"greedy" = "greedy"
[[panels]]
y = "gap"
x = "bandwidth"
[[claims]]
says = "greedy is near"
metric = "gap"
of = "greedy"
at_most = 1.0
"""


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    file = tmp_path / "fig1.toml"
    file.write_text(PLAN)
    return file


def cases(file: Path, **fields: object) -> list[Record]:
    """A run of greedy on the plan's instances, without running it."""
    asked = make_plan({}, file)
    dice = chosen_problem(asked)
    out = []
    for setting in asked.settings():
        problem = chosen_problem(setting)
        for one in (problem.instance(index, 0, dice) for index in range(2)):
            at = {"problem": "cpdrl", "digest": one.digest, "instance": one.name}
            made = {"problem_params": json.loads(json.dumps(plain(problem.params)))}
            limits = {"limits": {"seconds": 5.0, "evaluations": None}}
            out.append(run("greedy", **(at | made | limits | fields)))
    return out


def counted(file: Path, records: list[Record]) -> int:
    """How many of the runs are the plan's."""
    return sum(len(c.study.named("greedy")) for c in studies_of([file], records).chapters)


def test_a_plans_runs_are_found_in_a_store(plan: Path) -> None:
    found = studies_of([plan], cases(plan))
    (study,) = found.chapters
    assert len(study.study.named("greedy")) == 4
    assert study.study.values == [5e6, 1e7]
    assert study.command == f"python -m toolkit.bench reproduce {plan} --out card"
    assert found.remark == ""


def test_what_a_plan_did_not_ask_for_is_not_its(plan: Path) -> None:
    others = [
        *cases(plan, limits={"seconds": 9.0, "evaluations": None}),
        *cases(plan, seed=1),
        *cases(plan, label="greedy[x=1]"),
        *cases(plan, digest="of other dice"),
    ]
    found = studies_of([plan], others)
    assert found.chapters == ()
    assert found.remark == "No runs here of the plan fig1; the verb reproduce makes them."


def test_of_two_instances_of_one_name_the_plans_counts(plan: Path) -> None:
    assert counted(plan, [*cases(plan), *cases(plan, digest="of other dice")]) == 4


def test_the_newest_run_of_a_case_counts(plan: Path) -> None:
    runs = [*cases(plan, objective=9.0), *cases(plan, objective=1.0)]
    (found,) = studies_of([plan], runs).chapters
    assert [r.objective for r in found.study.named("greedy")] == [1.0] * 4


# --- learning -------------------------------------------------------------------------------------


def learnt(*records: Record) -> Section | None:
    (group,) = report_of(*records).groups
    return learning.of_group(group)


def test_without_learners_there_is_no_such_section() -> None:
    assert learnt(exact(), run("greedy")) is None


def test_a_break_even_is_where_two_lines_of_costs_meet() -> None:
    found = learnt(exact(), policy(seconds=1.0))
    assert found is not None
    (row,) = texts(table(found, "break-even"))
    assert (row["training"], row["pays after"], row["pays after, in batches"]) == (
        "30.00",
        "15",
        "12",
    )
    assert row["mean gap"] == "5%"
    assert "its training pays after 15 instances one by one, after 12 instances in" in found.says[0]
    (chart,) = [chart for chart in found.charts if chart.name.endswith("break-even")]
    alone, _, _, _, prover = chart.series
    crossed = [x for x, a, b in zip(alone.x, alone.y, prover.y, strict=True) if a <= b]
    assert 15 <= min(crossed) < 15 * 1e5 ** (1 / 40)
    marks = [s for s in chart.series if s.style == "points"]
    assert [(s.x, s.y) for s in marks] == [([15.0], [45.0]), ([12.0], [36.0])]


def test_what_is_slower_never_pays_and_has_no_marker() -> None:
    found = learnt(exact(seconds=0.1), policy(seconds=1.0))
    assert found is not None
    (row,) = texts(table(found, "break-even"))
    assert row["pays after"] == row["pays after, in batches"] == "never"
    (chart,) = [chart for chart in found.charts if chart.name.endswith("break-even")]
    assert all(s.style == "line" for s in chart.series)


def test_first_guesses_are_shown_before_their_repair() -> None:
    blind = policy(1, details=TAUGHT | {"first_feasible": False})
    found = learnt(exact(0), exact(1), policy(0), blind)
    assert found is not None
    (chart,) = [chart for chart in found.charts if chart.name.endswith("feasible")]
    assert [(s.label, s.y) for s in chart.series] == [("first guess", [0.5]), ("answer", [1.0])]
    sure = learnt(exact(0), exact(1), policy(0), policy(1))
    assert sure is not None
    assert not [chart for chart in sure.charts if chart.name.endswith("feasible")]


def test_training_curves_are_bands() -> None:
    lines = [{"step": [1.0, 2.0], "reward": [1.0, value]} for value in (2.0, 4.0, 6.0)]
    runs = [policy(i, details=TAUGHT | {"curve": line}) for i, line in enumerate(lines)]
    found = learnt(*runs, *(exact(i) for i in range(3)))
    assert found is not None
    (chart,) = [chart for chart in found.charts if "training" in chart.name]
    assert (chart.series[0].low, chart.series[0].y) == ([1.0, 3.0], [1.0, 4.0])


def test_one_policy_on_several_sizes() -> None:
    runs = [
        msgspec.structs.replace(record, n_users=n, digest=f"{n}-{i}")
        for n, worth in ((3, 10.1), (6, 10.3))
        for i in range(2)
        for record in (
            exact(i),
            policy(i, worth),
            policy(i, worth, label="trained", params={"on": "density=1,n_users=3"}),
            policy(i, worth, label="anew", params={"learner": "x"}),
        )
    ]
    found = learnt(*runs)
    assert found is not None
    rows = texts(table(found, "generalisation"))
    assert [(r["policy"], r["users"], r["trained on"]) for r in rows] == [
        ("policy", "3", "-"),
        ("policy", "6", "-"),
        ("trained", "3", "3"),
        ("trained", "6", "3"),
    ]
    assert rows[1]["median gap to best"] == "3%"


def test_columns_that_no_learner_fills_are_left_out() -> None:
    found = learnt(run("local_only", 0, 14.0), policy())
    assert found is not None
    names = [column.name for column in table(found, "cost").columns]
    assert names[:2] == ["method", "training seconds"]
    assert not any(name.startswith("break-even") for name in names)


def test_a_degenerate_policy_is_warned_of() -> None:
    found = learnt(*(p for i in range(5) for p in (exact(i), policy(i, details=SAME))))
    assert found is not None
    assert any("degenerate policy: policy: its choice is the same" in line for line in found.says)


SAME = TAUGHT | {"choice": "010", "uniform": False}

# --- what it was made with ------------------------------------------------------------------------


def made(*records: Record, **fields: object) -> Section:
    found = made_with.of_report(report_of(*records, **fields))
    assert found is not None
    return found


def test_an_empty_report_was_made_with_nothing() -> None:
    assert made_with.of_report(Report(title="t", groups=())) is None


def test_where_runs_differ_every_value_is_told_with_its_runs() -> None:
    other = {**BASE.environment, "processor": "B", "toolkit": "2", "commit": "abc+"}
    found = made(run("greedy", 0), run("greedy", 1), run("greedy", 2, environment=other))
    assert [(r["of"], r["version"], r["runs"]) for r in texts(table(found, "versions"))] == [
        ("toolkit", "1", "2"),
        ("toolkit", "2", "1"),
        ("commit", "abc+", "1"),
    ]
    assert [(r["processor"], r["runs"]) for r in texts(table(found, "hosts"))] == [
        ("A", "2"),
        ("B", "1"),
    ]
    assert any("not committed" in line for line in found.says)


def test_failures_are_grouped_with_their_messages() -> None:
    gone = {"status": "error", "stop": "crashed", "signal": "SIGSEGV", "message": "it\n<b>fell"}
    found = made(*(run("scip", i, None, **gone) for i in range(3)), run("greedy"))
    (row,) = texts(table(found, "failures"))
    assert (row["method"], row["signal"], row["message"], row["runs"]) == (
        "scip",
        "SIGSEGV",
        "it <b>fell",
        "3",
    )
    assert found.says[0] == "4 runs; 3 of them failed."


def test_refusals_are_counted_with_their_reasons() -> None:
    refused = [run("highs", i, None, status="refused", message="no model") for i in range(2)]
    found = made(*refused, run("greedy"))
    assert texts(table(found, "refused"))[0]["why"] == "no model"
    assert texts(table(found, "refused"))[0]["runs"] == "2"
    assert found.says[0] == "1 run; 2 more were refused."


def test_a_store_of_refusals_alone_has_a_page() -> None:
    found = made(run("highs", 0, None, status="refused", message="no model"))
    assert "versions" not in {each.name for each in found.tables}


def test_older_runs_suites_and_varied_fields_are_told() -> None:
    runs = [run("greedy", 0, 12.0), run("greedy", 0), run("greedy", 1, problem_params={"n": 9.5})]
    found = made(*runs, suites={"toy/small": frozenset({"d0", "d7"})})
    assert any(line.startswith("1 older run left out") for line in found.says)
    (suite,) = texts(table(found, "suites"))
    assert (suite["suite"], suite["instances here"]) == ("toy/small", "1/2")
    assert suite["digest"] == "32331882a526c17b"
    fields = {row["field"]: row["value"] for row in texts(table(found, "fields"))}
    assert fields == {"n_users": "3", "n": "9.5"}


def test_the_reference_workload_has_its_extremes() -> None:
    found = made(*(run("greedy", i, yardstick=t) for i, t in enumerate((0.03, 0.05, 0.04))))
    assert texts(table(found, "hosts"))[0]["reference workload"] == "40 (30 to 50)"
