"""What sections say, of stores that are made to mislead: by hand, and what must not be said."""

import math

import msgspec
import numpy as np
import pytest
from test_sections import PROVED, chart, group, row, run, table

from toolkit.problems._any_pictures import _counted
from toolkit.problems._pictures import HOME, Scale, tone
from toolkit.problems._space import Var
from toolkit.reports import content
from toolkit.reports.compare import compare
from toolkit.reports.frame import Report, make_groups
from toolkit.reports.sections import (
    answer,
    differences,
    gap_time,
    instances,
    learning,
    overview,
    scaling,
)

GAPS = (0.0, 0.1, 0.2, 0.4)


def said(records) -> str:
    return " ".join(answer.of_group(group(records)).says)


def every(label, objective=1.0, of=4, **fields):
    return [run(label, i, objective, **fields) for i in range(of)]


def test_who_ran_on_few_instances_is_not_the_nearest():
    """`few` is optimal on one of four, `weak` ran three seeds: neither says more than `good`."""
    weak = [run("weak", i, 1.3, seed=s) for i in range(4) for s in range(3)]
    told = said([*every("exact", **PROVED), run("few", 0), *weak, *every("good", 1.1)])
    assert "Of the 2 methods that prove no optimum and were given all instances, good comes" in told
    assert "Not given all instances: few (1 of 4); medians over other instances" in told


def test_seeds_do_not_make_a_method_stand_before_others():
    weak = [run("weak", i, 1.3, seed=s) for i in range(4) for s in range(3)]
    assert group([*weak, *every("exact", **PROVED)]).labels == ["exact", "weak"]


def test_half_an_answer_is_no_small_gap():
    """`half` is optimal where it answers, on one of four."""
    half = [run("half", 0), *(run("half", i, None) for i in (1, 2, 3))]
    told = said([*every("exact", **PROVED), *half, *every("good", 1.1)])
    assert "good comes nearest" in told
    assert "feasible in 4 of 4 runs" in told


def test_who_has_a_run_an_instance_proves_all_beside_who_has_many():
    many = [run("rnd", i, 1.5, seed=s) for i in range(4) for s in range(3)]
    assert "exact proves all of them" in said([*every("exact", **PROVED), *many])


def test_what_all_refuse_is_not_proven():
    refused = run("exact", 3, None, status="refused", verdict="")
    told = said([*every("exact", of=3, **PROVED), refused])
    assert "the optimum of 3 of 4 is proven" in told
    assert "No method proves all of them; exact proves the most, 3" in told


def test_proofs_that_nothing_is_feasible_count():
    none = {"status": "infeasible", "verdict": "proved", "bound": None}
    told = said(
        [*every("exact", of=3, **PROVED), run("exact", 3, None, **none), *every("near", 1.1, of=3)]
    )
    assert "of 3 of 4 is proven; of 1 it is proven that no feasible decision exists." in told
    assert "exact proves all of them" in told
    assert "near alone was given all instances with a known decision" in told
    assert told.endswith(
        "feasible in 3 of 3 runs. Not given all instances: near (3 of 4); medians "
        "over other instances are not to be compared."
    )


def test_what_a_suite_knows_is_no_proof_of_these_runs():
    reference = run("reference", 0, **PROVED)
    ((made,), _) = make_groups(every("a", 1.0, of=2), [reference])
    told = " ".join(answer.of_group(made).says)
    assert "the optimum of 1 of 2 is proven (1 of them by the suite's references)." in told
    assert "No method proves an optimum." in told


def test_a_bound_that_is_open_is_no_optimum_and_not_nothing():
    bounded = {"verdict": "bounded", "bound": 0.9, "gap": 1 / 9}
    told = said(every("exact", **bounded))
    assert "No method proves an optimum." in told
    assert "prove nothing" not in told


def test_the_chart_and_the_table_have_one_median():
    """Gaps 0, 10 %, 20 %, 40 %: 15 %, whatever is drawn."""
    made = group([*every("exact", **PROVED), *(run("a", i, 1 + x) for i, x in enumerate(GAPS))])
    cell = row(answer.of_group(made).tables[0], "a")["median gap to best"]
    drawn = [x for x in chart(gap_time.of_group(made), "gap-time").series if not x.faint]
    point = next(each for each in drawn if each.label == "a")
    assert cell.value == pytest.approx(0.15)
    assert (point.y, point.low, point.high) == ([cell.value], [cell.low], [cell.high])


def test_runs_without_a_place_are_told_and_no_gap_leaves_the_chart():
    """Where the best is 0 a gap has no scale."""
    made = group([run("a", 0, 0.0), run("b", 0, 5.0), run("c", 0, None)])
    found = chart(gap_time.of_group(made), "gap-time")
    assert "1 of 3 runs have no feasible decision" in found.caption
    assert max(y for line in found.series for y in line.high) == 100
    answered = answer.of_group(made).tables[0]
    assert row(answered, "b")["median gap to best"].text.startswith(">10000%")
    assert any("best known is 0" in note for note in answered.notes)


def test_a_tie_of_two_seeds_is_no_win():
    """Better with one seed, as much worse with the other: on ten instances nothing is shown."""
    seeds = {"coin": (1.1, 1.3), "flat": (1.2, 1.2)}
    out = [run(x, i, w[s], seed=s) for x, w in seeds.items() for i in range(10) for s in range(2)]
    (coin,) = table(differences.of_group(group(out)), "heuristic").rows
    assert coin[3].text == "10 / 0 / 10"
    assert coin[6].text == "equal"


def test_instances_of_one_name_are_told_apart():
    """Two of one name differ in a field, two in nothing that is told."""
    told = [("toy-0", 1.5), ("toy-0", 2.0), ("toy-9", 2.0), ("toy-9", 2.0)]
    out = [run("a", i, problem_params={"n_users": 4, "beta": b}) for i, (_, b) in enumerate(told)]
    named = zip(out, told, strict=True)
    made = group([msgspec.structs.replace(r, instance=name) for r, (name, _) in named])
    section = instances.of_group(made)
    sizes = [cells[1].text for cells in section.tables[0].rows]
    assert sizes == [f"4 users; {x}" for x in ("beta=1.5", "beta=2", "digest d2", "digest d3")]
    assert [each["size"] for each in section.details["instances"]] == sizes
    texts = chart(gap_time.of_group(made), "gap-time").series[0].texts
    assert texts[0].startswith("toy-0, beta=1.5, seed 0")


def test_growth_tells_which_setting_it_is_of():
    fields = [{"n_users": n, "beta": 1.5} for n in (4, 8, 16)]
    out = [run("a", i, n_users=f["n_users"], problem_params=f) for i, f in enumerate(fields)]
    out.append(run("a", 9, n_users=4, problem_params={"n_users": 4, "beta": 3.0}))
    assert "4, 8, 16 users with beta=1.5; what differs" in scaling.of_group(group(out)).says[0]


@pytest.mark.parametrize("worth", [math.nan, math.inf, -math.inf, 1e300])
def test_what_is_no_number_breaks_nothing(worth):
    (found,) = compare([run("a", 0), run("odd", 0, worth)])
    assert found.best == 1.0
    assert [each.record.label for each in found.rows] == ["a", "odd"]


def test_methods_that_never_learn_are_called_so():
    learnt = {"details": {"training_seconds": 1.0}}
    section = learning.of_group(group([*every("net", 1.1, **learnt), *every("greedy", 1.2)]))
    titles = [each.title for each in section.tables]
    assert "Learners: what they decide (beside greedy, which does not learn)" in titles
    assert table(section, "learners-what-they-decide").rows


def test_a_server_has_its_colour_where_nobody_stays_at_home():
    var = Var("server", (2, 3), 0, 3, "integer")
    picture = _counted(var, np.array([[1, 1, 2], [2, 1, 3]]), Scale(label="row"))
    assert [marks.category for marks in picture.marks] == [tone(0), tone(1), tone(2)]
    home = _counted(var, np.array([[0, 1, 2], [2, 1, 0]]), Scale(label="row"))
    assert [marks.category for marks in home.marks] == [HOME, tone(0), tone(1)]


@pytest.mark.parametrize(
    ("ends", "text"),
    [
        ((1e-4, 1.4e-5, 1.49e-4), "0.01% [0.0014%, 0.0149%]"),
        ((2e-7, 0.0, 0.5), "<0.0001% [0, 50%]"),
        ((1e-9, 1e-10, 1e-8), "1.0e-09 [1.0e-10, 1.0e-08]"),
        ((0.0, 0.0, 0.0), "0"),
    ],
)
def test_a_gap_and_its_interval_are_in_one_unit(ends: tuple[float, ...], text: str):
    assert content.gap(*ends).text == text


def test_several_problems_have_a_row_each_and_one_has_its_answer_alone():
    records = [*every("exact", **PROVED), *every("quick", 1.1), run("quick", 4, 1.0)]
    other = [msgspec.structs.replace(r, problem="other", preset=None) for r in every("quick", 2.0)]
    groups, older = make_groups([*records, *other])
    assert overview.of_report(Report("one", groups[:1], older=older)) is None
    section = overview.of_report(Report("two", groups, older=older))
    first, second = (row(section.tables[0], group.title) for group in groups)
    assert (first["proven"].text, first["proves the most"].text, first["on"].text) == (
        "4/5",
        "exact",
        "4/5",
    )
    assert first["nearest without a proof"].text == "quick"
    assert (second["proven"].text, second["proves the most"].text) == ("0/4", "-")
    assert second["median gap to best"].value == 0.0
