"""Sections of statistics on runs made by hand, against values by hand."""

import math

import msgspec
import numpy as np
import pytest
from stored import record

from toolkit.reports import sections
from toolkit.reports.content import Chart, Section, Table
from toolkit.reports.frame import Group, make_groups
from toolkit.reports.sections import (
    _runs,
    anytime,
    differences,
    effort,
    profiles,
    scaling,
)

MINE = (profiles, anytime, effort, differences, scaling)
PROVED = {"status": "optimal", "verdict": "proved", "bound": 1.0, "gap": 0.0}


def run(label, instance, objective=1.0, seconds=1.0, **fields):
    """A run that found 3 times its answer after a tenth of its time."""
    usual = {
        "instance": f"toy-{instance}",
        "digest": f"d{instance}",
        "trace": [[seconds / 10, 2, 3 * objective, None]] if objective is not None else [],
        "violation": 0.0 if objective is not None else None,
        "status": "feasible" if objective is not None else "unknown",
        "verdict": "feasible" if objective is not None else "",
        "limits": {"seconds": 10.0, "evaluations": None, "memory": None},
    }
    given = {"label": label, "objective": objective, "seconds": seconds, "evaluations": 10}
    return record(f"{label}{instance}", **{**usual, **given, **fields})


def group(records) -> Group:
    ((made,), _) = make_groups(records)
    return made


@pytest.fixture(scope="module")
def four() -> Group:
    """`exact` proves all four, `slow` but two of them; `near` is 0.5 % off, and finds nothing on
    the last; `other` was given only one."""
    out = [run("exact", i, seconds=1.0, **PROVED) for i in range(4)]
    out += [run("slow", i, seconds=2.0 + i, **PROVED) for i in range(2)]
    out += [run("slow", i, 1.5, seconds=10.0, stop="time") for i in (2, 3)]
    out += [run("near", i, 1.005, seconds=0.1) for i in range(3)]
    out += [run("near", 3, None, seconds=0.1)]
    return group([*out, run("other", 0)])


def table(section: Section | None, name: str) -> Table:
    assert section is not None
    return next(each for each in section.tables if each.name.endswith(name))


def chart(section: Section | None, name: str) -> Chart:
    assert section is not None
    return next(each for each in section.charts if each.name.endswith(name))


def row(found: Table, label: str) -> dict:
    cells = next(each for each in found.rows if each[0].text == label)
    return {c.name: cell for c, cell in zip(found.columns, cells, strict=True)}


def at(found: Chart, label: str, x: float) -> float | None:
    """The height of a step curve at x."""
    line = next(each for each in found.series if each.label == label)
    return line.y[int(np.searchsorted(line.x, x * (1 + 1e-9))) - 1]


def test_a_fair_field_is_of_methods_that_were_given_the_same_instances(four):
    field = _runs.fair(_runs.runs_of(four))
    assert [four.labels[m] for m in field.methods] == ["exact", "slow", "near"]
    assert len(field.instances) == 4
    assert field.said == (
        "on the 4 instances that all 3 methods shown were given; left out, as they did not run on "
        "all of these: other (1 of 4)."
    )


def test_where_no_two_methods_share_three_instances_nothing_is_compared():
    apart = group([run("a", i) for i in range(4)] + [run("b", i) for i in range(2, 6)])
    assert _runs.fair(_runs.runs_of(apart)) is None
    assert [module.of_group(apart) for module in (profiles, anytime, differences)] == [None] * 3


def test_the_profile_of_proofs_counts_what_is_not_solved(four):
    """`slow` took 2 and 3 times as long on two of four, and never proved the others."""
    found = chart(profiles.of_group(four), "profile-proof")
    assert [line.label for line in found.series] == ["exact", "slow"]
    assert at(found, "exact", 1.0) == 1
    slow = found.series[1]
    assert slow.y[0] == 0
    assert slow.y[-1] == 0.5
    assert {y for y in slow.y if y} == {0.25, 0.5}
    assert slow.low[-1] < 0.5 < slow.high[-1]


def test_the_profile_of_decisions_asks_for_one_per_cent(four):
    """`near` is first on three, 0.1 s to 1 s of `exact`; `slow` answers within 1 % on two."""
    found = chart(profiles.of_group(four), "profile-near")
    assert at(found, "near", 1.0) == 0.75
    assert at(found, "exact", 1.0) == 0.25
    assert at(found, "exact", 10.0) == 1
    assert found.series[-1].y[-1] <= 0.75


def test_targets_over_seconds_and_evaluations(four):
    """`near` reaches 7 of 26 targets, 10 % to 0.63 %, on three instances of four."""
    section = profiles.of_group(four)
    found = chart(section, "targets-seconds")
    line = {each.label: each for each in found.series}
    reached = sum(target >= 0.005 for target in profiles.TARGETS)
    assert line["near"].y[-1] == pytest.approx(0.75 * reached / 26)
    assert line["exact"].y[-1] == line["virtual best"].y[-1] == 1
    assert line["slow"].y[-1] == 0.5
    assert at(found, "virtual best", 0.5) == pytest.approx(0.75 * reached / 26)
    assert chart(section, "targets-evaluations").series[0].x[-1] == pytest.approx(11)


def test_seeds_share_the_weight_of_their_instance():
    """One of two seeds finds the best: half of the targets of the instance."""
    out = [run("a", i, seed=s, seconds=1.0 + s) for i in range(3) for s in range(2)]
    out += [run("b", i, 1.0 if s else 2.0, seed=s) for i in range(3) for s in range(2)]
    found = chart(profiles.of_group(group(out)), "targets-seconds")
    assert [line.y[-1] for line in found.series] == [1, 0.5, 1]


def test_a_curve_over_time_begins_once_half_of_the_runs_have_a_decision(four):
    """`near` had 3 times its answer after 10 ms, on three instances of four; it ended at 0.1 s."""
    found = chart(anytime.of_group(four), "anytime")
    assert at(found, "near", 0.05) == pytest.approx(2.015)
    assert at(found, "near", 9.0) == pytest.approx(0.005)
    assert at(found, "exact", 0.05) is None
    assert at(found, "exact", 0.5) == pytest.approx(2.0)
    assert at(found, "exact", 1.1) == 0
    slow = next(line for line in found.series if line.label == "slow")
    assert slow.high[-1] == pytest.approx(0.5)
    assert slow.low[-1] == 0


def test_quartiles_are_values_and_infinity_is_the_largest():
    gaps = np.array([[math.inf, 1.0], [3.0, 2.0], [1.0, 4.0], [2.0, 3.0]])
    assert anytime.quartiles(gaps).tolist() == [[2, 2], [1, 1], [3, 3]]


def test_a_decision_that_was_passed_over_is_not_counted():
    """What it had on the way was the best, what it answered is twice as much."""
    out = [run("best", i) for i in range(3)]
    out += [run("lost", i, 2.0, trace=[[0.1, 1, 1.0, None]]) for i in range(3)]
    found = chart(anytime.of_group(group(out)), "anytime")
    assert at(found, "lost", 1.0) == pytest.approx(1.0)
    assert row(table(effort.of_group(group(out)), "decision"), "lost")["within 1%"].value == 0


def test_effort_shows_both_ways_of_treating_failures(four):
    """`slow`: 2 s, 3 s and twice the limit of 10 s."""
    found = row(table(effort.of_group(four), "effort-proof"), "slow")
    counted = math.exp(np.log([2.01, 3.01, 10.01, 10.01]).mean()) - 0.01
    assert found["shifted geometric mean"].value == pytest.approx(counted)
    assert found["without failures"].value == pytest.approx(math.sqrt(2.01 * 3.01) - 0.01)
    assert found["PAR10"].value == pytest.approx((2 + 3 + 100 + 100) / 4)
    assert found["proved"].text == "2/4"


def test_the_quality_of_decisions_by_hand(four):
    """`near`: nothing for 10 ms, a gap of 2.015 / 3.015 up to 0.1 s, then of 0.005 / 1.005."""
    found = row(table(effort.of_group(four), "effort-decision"), "near")
    one = (0.01 + 0.09 * 2.015 / 3.015 + 9.9 * 0.005 / 1.005) / 10
    assert found["primal integral"].value == pytest.approx((3 * one + 1) / 4)
    assert found["interquartile mean gap"].value == pytest.approx(0.005)
    assert found["interquartile mean gap"].high is None
    assert "∞" in found["interquartile mean gap"].text
    assert found["within 1%"].text == "3/4"
    other = row(table(effort.of_group(four), "effort-decision"), "other")
    assert other["instances"].text == "1/4"
    assert other["instances"].mark == "warn"


def test_methods_differ_on_what_both_ran():
    """On ten instances: 10 points worse on nine of them and equal on one, four times as fast."""
    out = [run("good", i, seconds=4.0) for i in range(12)]
    out += [run("fast", i, 1.1 if i else 1.0, seconds=1.0) for i in range(10)]
    section = differences.of_group(group(out))
    found = row(table(section, "heuristic"), "fast")
    assert found["instances"].value == 10
    assert found["better / equal / worse"].text == "0 / 1 / 9"
    assert found["median difference of gap"].text == "+10 [+10, +10]"
    assert found["median difference of gap"].value == pytest.approx(0.1)
    assert found["chance of a smaller gap"].value == pytest.approx(0.05)
    assert (found["gap"].text, found["time"].text) == ("worse", "faster")  # p = 2 / 512, 2 / 1024
    assert found["median ratio of seconds"].value == pytest.approx(0.25)
    assert section.says[0].startswith("3 intervals at 95% stand here: about 0.15 of them")


def test_few_instances_decide_nothing(four):
    found = row(table(differences.of_group(four), "prover"), "near")
    assert found["better / equal / worse"].text == "0 / 0 / 4"
    assert (found["gap"].text, found["time"].text) == ("not decided", "not decided")
    assert found["median difference of gap"].high is None
    with_itself = row(table(differences.of_group(four), "prover"), "slow")
    assert with_itself["better / equal / worse"].text == "0 / 2 / 2"


def test_the_words_of_a_column_are_adjusted_for_their_number():
    """Six instances decide one test, p = 2 / 64, and no two."""
    one = [run(label, i, x) for i in range(6) for label, x in (("a", 1.0), ("b", 2.0))]
    two = [*one, *(run("c", i, 3.0) for i in range(6))]
    first, second = (table(differences.of_group(group(each)), "heuristic") for each in (one, two))
    assert row(first, "b")["gap"].text == "worse"
    assert row(second, "b")["gap"].text == "not decided"
    assert row(first, "b")["time"].text == "equal"


def grown(label, seconds, sizes=(4, 8, 16), **fields):
    return [
        run(
            label,
            f"{n}-{i}",
            seconds=seconds(n) * (1 + i / 10),
            n_users=n,
            problem_params={"n_users": n},
            peak_memory=n * 2**20,
            **fields,
        )
        for n in sizes
        for i in range(3)
    ]


def test_growth_by_hand():
    """n^2 and 2^n; an exact law leaves no residual, so the resamples all decide."""
    out = grown("square", lambda n: n**2 / 1e3) + grown("double", lambda n: 2.0**n / 1e6)
    section = scaling.of_group(group(out))
    found = table(section, "scaling")
    assert row(found, "square")["exponent"].value == pytest.approx(2)
    assert row(found, "double")["a user more"].value == pytest.approx(2)
    assert row(found, "double")["fits better"].text == "exponential"
    assert row(found, "square")["fits better"].text == "power"
    low, high = (getattr(row(found, "square")["exponent"], end) for end in ("low", "high"))
    assert low < 2 < high
    line = next(x for x in chart(section, "scaling-seconds").series if x.label == "square")
    assert line.x == [4, 8, 16]
    assert line.y == pytest.approx([0.0176, 0.0704, 0.2816])
    assert chart(section, "scaling-memory").series[0].y == [4, 8, 16]


def test_runs_that_were_cut_short_are_no_times():
    out = grown("cut", lambda n: n / 10, (4, 8)) + grown("cut", lambda n: 9.0, (16,), stop="time")
    section = scaling.of_group(group(out))
    found = row(table(section, "scaling"), "cut")
    assert found["seconds at the largest"].text == "not finished"
    assert found["cut short or failed"].value == 3
    assert found["fits better"].text == "too few sizes"
    assert chart(section, "scaling-seconds").series[0].y[2] is None


def test_instances_that_differ_in_more_than_size_are_left_out():
    out = grown("a", lambda n: n / 10)
    other = run("a", "x", n_users=4, problem_params={"n_users": 4, "bandwidth": 2.0})
    section = scaling.of_group(group([*out, other]))
    assert section.says == [
        "9 instances of 4, 8, 16 users; what differs in more than its size (1) is left out here."
    ]
    assert scaling.of_group(group([*out[:6], other])) is None


@pytest.mark.parametrize(
    "records",
    [
        [run("a", 0)],
        [run("a", i, None, status="error", stop="crashed") for i in range(4)],
        [run(x, i, trace=[[0.1, 2, None, None]]) for x in "ab" for i in range(3)],
        [run("a", i, status="refused", objective=None) for i in range(3)],
        [run(x, i, None, seconds=0.0, limits={}) for x in "ab" for i in range(3)],
        [run(x, i, seconds=0.0, trace=[], limits={}) for x in "ab" for i in range(3)],
    ],
    ids=["one run", "failures", "no way", "refused", "nothing found", "no clock, no trace"],
)
def test_odd_groups_break_no_section(records):
    """Whatever they say is plain, and its numbers are finite or None."""
    made = group(records)
    for section in filter(None, (module.of_group(made) for module in MINE)):
        assert b"NaN" not in msgspec.json.encode(section)
        for line in (each for found in section.charts for each in found.series):
            assert all(y is None or math.isfinite(y) for y in line.y)
            assert len(line.x) == len(line.y)


def test_the_order_of_runs_changes_nothing(four):
    """Methods and instances may come in another order, numbers may not."""
    turned = group(list(reversed(four.records)))
    for module in MINE[:4]:
        one, two = module.of_group(four), module.of_group(turned)
        assert [x.name for x in one.tables] == [x.name for x in two.tables]
        for first, second in zip(one.tables, two.tables, strict=True):
            assert sorted(map(repr, first.rows)) == sorted(map(repr, second.rows))


def test_all_sections_are_found_in_their_order(four):
    names = [section.name for section in sections.of_group(four)]
    mine = [name for name in names if name in {"profiles", "anytime", "effort", "differences"}]
    assert mine == ["profiles", "anytime", "effort", "differences"]
